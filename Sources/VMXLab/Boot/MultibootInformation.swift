/// What a Multiboot 1 image is told about the machine: the structure that EBX points to, and all
/// that it points to itself.
///
/// Source: Multiboot Specification version 0.6.96, "Boot information format".
struct MultibootInformation {
  static let loaderName = "VMXLab"

  struct Module {
    var range: Range<UInt64>
    var commandLine: String
  }

  struct Sections {
    var count: UInt32
    var entrySize: UInt32
    var address: UInt32
    var namesIndex: UInt32
  }

  var memoryMap: FirmwareMemoryMap
  var commandLine: String
  var modules: [Module]
  var sections: Sections?

  private enum Flag {
    static let memory: UInt32 = 1 << 0
    static let commandLine: UInt32 = 1 << 2
    static let modules: UInt32 = 1 << 3
    static let sections: UInt32 = 1 << 5
    static let memoryMap: UInt32 = 1 << 6
    static let loaderName: UInt32 = 1 << 9
  }

  /// Offsets in the structure.
  private enum Field {
    static let flags = 0
    static let lowerMemory = 4
    static let upperMemory = 8
    static let commandLine = 16
    static let modulesCount = 20
    static let modulesAddress = 24
    static let sections = 28
    static let memoryMapLength = 44
    static let memoryMapAddress = 48
    static let loaderName = 64
    /// All of it, up to the fields of a display that is not there.
    static let size = 120
  }

  private static let moduleSize = 16

  /// The bytes for a place at `address`. Their number does not depend on it.
  func bytes(at address: UInt32) -> [UInt8] {
    var writer = ByteWriter()
    for _ in 0..<Field.size / 4 { writer.append(UInt32(0)) }

    func set(_ field: Int, _ value: UInt32) {
      writer.replace(at: field, with: UInt64(value), size: 4)
    }
    func here() -> UInt32 { address &+ UInt32(clamping: writer.bytes.count) }

    set(Field.lowerMemory, memoryMap.lowerKibibytes)
    set(Field.upperMemory, memoryMap.upperKibibytes)

    set(Field.memoryMapAddress, here())
    let mapStart = writer.bytes.count
    for entry in memoryMap.entries {
      writer.append(UInt32(20))  // what follows of this entry
      writer.append(entry.range.lowerBound)
      writer.append(entry.range.upperBound - entry.range.lowerBound)
      writer.append(entry.kind.rawValue)
    }
    set(Field.memoryMapLength, UInt32(clamping: writer.bytes.count - mapStart))

    set(Field.modulesCount, UInt32(clamping: modules.count))
    if !modules.isEmpty { set(Field.modulesAddress, here()) }
    let list = writer.bytes.count
    for module in modules {
      writer.append(UInt32(truncatingIfNeeded: module.range.lowerBound))
      writer.append(UInt32(truncatingIfNeeded: module.range.upperBound))
      writer.append(UInt64(0))  // the text, which comes below, and a reserved word
    }
    for (index, module) in modules.enumerated() {
      set(list + index * Self.moduleSize + 8, here())
      writer.append(module.commandLine)
    }

    set(Field.commandLine, here())
    writer.append(commandLine)
    set(Field.loaderName, here())
    writer.append(Self.loaderName)

    var flags = Flag.memory | Flag.commandLine | Flag.modules | Flag.memoryMap | Flag.loaderName
    if let sections {
      flags |= Flag.sections
      set(Field.sections, sections.count)
      set(Field.sections + 4, sections.entrySize)
      set(Field.sections + 8, sections.address)
      set(Field.sections + 12, sections.namesIndex)
    }
    set(Field.flags, flags)
    return writer.bytes
  }
}
