/// A file that is loaded beside the image, for the image to find.
public struct BootModule: Equatable, Sendable {
  /// The content of the file.
  public var bytes: [UInt8]
  /// The text that the image is given with it: by custom the file's name and arguments.
  public var commandLine: String

  /// A module with this content and text.
  public init(bytes: [UInt8], commandLine: String) {
    self.bytes = bytes
    self.commandLine = commandLine
  }
}

/// What is to be booted.
public struct BootImage: Equatable, Sendable {
  /// The content of the image's file.
  public var bytes: [UInt8]
  /// The name that begins the command line.
  public var name: String
  /// What follows the name on the command line.
  public var arguments: [String]
  /// The files that are loaded beside it, in this order.
  public var modules: [BootModule]

  /// An image with this content, known to itself by `name`.
  public init(
    bytes: [UInt8], name: String, arguments: [String] = [], modules: [BootModule] = []
  ) {
    self.bytes = bytes
    self.name = name
    self.arguments = arguments
    self.modules = modules
  }

  /// The name and the arguments, with a space between each two.
  public var commandLine: String { ([name] + arguments).joined(separator: " ") }
}

/// How the processor begins to run an image.
enum BootEntry: Equatable, Sendable {
  /// Multiboot 1: protected mode without paging, address line 20 on, EAX 0x2badb002, EBX
  /// `infoAddress`, EIP `entry`; CS a 32-bit read/execute segment and DS, ES, FS, GS and SS 32-bit
  /// read/write segments, with base 0 and limit 0xffffffff; IF and VM clear. All else is undefined:
  /// GDTR and IDTR may not be relied on, and there is no stack.
  case multiboot1(entry: UInt32, infoAddress: UInt32)

  /// What EAX holds for a Multiboot 1 image.
  static let multiboot1Magic: UInt32 = 0x2bad_b002
}

/// Something that a loader put in memory.
struct BootPlacement: Equatable, Sendable {
  enum Content: Equatable, Sendable {
    /// A segment of the image, counted from 0.
    case segment(Int)
    /// A module, counted from 0.
    case module(Int)
    /// The image's sections that no segment contains.
    case sections
    /// What the image is told about the machine.
    case information
  }

  var content: Content
  var range: Range<UInt64>
}

/// A machine's memory after an image was loaded, and how to go on.
struct BootState: Equatable, Sendable {
  var entry: BootEntry
  /// In the order in which they were made.
  var placements: [BootPlacement]
}
