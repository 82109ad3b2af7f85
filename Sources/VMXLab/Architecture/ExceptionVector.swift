/// The vectors that the processor itself uses.
///
/// Source: Intel SDM, "Exception and Interrupt Vectors".
public enum ExceptionVector: UInt8, CaseIterable, Sendable {
  case divideError = 0
  case debug = 1
  case nmi = 2
  case breakpoint = 3
  case overflow = 4
  case boundRange = 5
  case invalidOpcode = 6
  case deviceNotAvailable = 7
  case doubleFault = 8
  case coprocessorSegmentOverrun = 9
  case invalidTSS = 10
  case segmentNotPresent = 11
  case stackFault = 12
  case generalProtection = 13
  case pageFault = 14
  case x87FloatingPoint = 16
  case alignmentCheck = 17
  case machineCheck = 18
  case simdFloatingPoint = 19
  case virtualization = 20
  case controlProtection = 21

  /// Whether delivery pushes an error code (in protected mode).
  @inline(__always) public var pushesErrorCode: Bool {
    (0x0022_7d00 as UInt32) >> UInt32(rawValue) & 1 != 0
  }

  /// Whether a second fault of this class while the first is delivered leads to a double fault.
  ///
  /// Source: Intel SDM, "Conditions for Generating a Double Fault".
  @inline(__always) public var isContributory: Bool {
    (0x0020_3c01 as UInt32) >> UInt32(rawValue) & 1 != 0
  }

  /// The mnemonic that manuals and debuggers print, such as `#GP`.
  public var mnemonic: String {
    switch self {
    case .divideError: "#DE"
    case .debug: "#DB"
    case .nmi: "NMI"
    case .breakpoint: "#BP"
    case .overflow: "#OF"
    case .boundRange: "#BR"
    case .invalidOpcode: "#UD"
    case .deviceNotAvailable: "#NM"
    case .doubleFault: "#DF"
    case .coprocessorSegmentOverrun: "coprocessor segment overrun"
    case .invalidTSS: "#TS"
    case .segmentNotPresent: "#NP"
    case .stackFault: "#SS"
    case .generalProtection: "#GP"
    case .pageFault: "#PF"
    case .x87FloatingPoint: "#MF"
    case .alignmentCheck: "#AC"
    case .machineCheck: "#MC"
    case .simdFloatingPoint: "#XM"
    case .virtualization: "#VE"
    case .controlProtection: "#CP"
    }
  }
}

/// Bits of a page fault's error code.
///
/// Source: Intel SDM, "Page-Fault Exceptions", error code.
public struct PageFaultErrorCode: OptionSet, Sendable, Hashable {
  public let rawValue: UInt32
  @inline(__always) public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let present = PageFaultErrorCode(rawValue: 1 << 0)
  public static let write = PageFaultErrorCode(rawValue: 1 << 1)
  public static let user = PageFaultErrorCode(rawValue: 1 << 2)
  public static let reserved = PageFaultErrorCode(rawValue: 1 << 3)
  public static let instructionFetch = PageFaultErrorCode(rawValue: 1 << 4)
  public static let protectionKey = PageFaultErrorCode(rawValue: 1 << 5)
  public static let shadowStack = PageFaultErrorCode(rawValue: 1 << 6)
}
