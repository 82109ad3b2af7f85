/// Loads Multiboot 1 images: ELF executables of 32 and 64 bits, and files that say in their header
/// where they go.
///
/// Source: Multiboot Specification version 0.6.96.
enum MultibootLoader {
  private static let pageSize: UInt64 = 4096
  /// All that an image is given besides its segments lies where 32-bit code can reach it. The first
  /// page has the real-mode interrupt vectors and the BIOS data.
  private static let reach: Range<UInt64> = pageSize..<1 << 32
  private static let lowerMemory = pageSize..<0x10_0000

  /// Loads `image` and its modules into `memory`. Segments come where the image says; modules follow
  /// the last of them, at multiples of 4096; the information goes to lower memory if there is room.
  ///
  /// - Throws: why the image cannot be booted. By then memory has been written to only if there was
  ///   no room for a module or the information.
  static func load(_ image: BootImage, into memory: inout some BootMemory) throws(BootError)
    -> BootState
  {
    let file = ImageBytes(image.bytes)
    let header = try MultibootHeader(in: file)
    let map = FirmwareMemoryMap(ramRanges: memory.ramRanges)
    let elf: ELFImage?
    let segments: [LoadableSegment]
    let entry: UInt64
    if let addresses = header.addresses {
      elf = nil
      segments = [try addresses.segment(of: file, headerOffset: header.offset)]
      entry = UInt64(addresses.entry)
    } else {
      let parsed = try ELFImage(file)
      elf = parsed
      segments = try parsed.segments()
      entry = parsed.entry
    }
    // All of the image is checked before any of it is loaded.
    let ranges = try physicalRanges(of: segments, in: map)
    let entryAddress = try physicalEntry(entry, in: segments)
    var placing = Placing(free: FreeMemory(map.available))
    placing.place(segments, at: ranges, of: file, in: &memory)
    let modules = try placing.place(image.modules, in: &memory)
    var sections: MultibootInformation.Sections?
    if let elf { sections = placing.placeSections(of: elf, in: &memory) }
    let information = MultibootInformation(
      memoryMap: map, commandLine: image.commandLine, modules: modules, sections: sections)
    let address = try placing.place(information, in: &memory)
    return BootState(
      entry: .multiboot1(entry: entryAddress, infoAddress: address), placements: placing.placements)
  }

  /// The addresses of each segment: usable memory, and no two the same.
  private static func physicalRanges(of segments: [LoadableSegment], in map: FirmwareMemoryMap)
    throws(BootError) -> [Range<UInt64>]
  {
    let available = map.available
    let usable = FreeMemory(available)
    var ranges: [Range<UInt64>] = []
    for segment in segments {
      let range = try segment.physicalRange()
      guard usable.contains(range) else {
        throw .segmentOutsideMemory(name: segment.name, range: range, available: available)
      }
      ranges.append(range)
    }
    let order = ranges.indices.sorted { ranges[$0].lowerBound < ranges[$1].lowerBound }
    for (lower, upper) in zip(order, order.dropFirst()) where ranges[lower].overlaps(ranges[upper])
    {
      throw .segmentsOverlap(
        first: segments[lower].name, second: segments[upper].name,
        range: ranges[lower].clamped(to: ranges[upper]))
    }
    return ranges
  }

  /// The entry point as a physical address. The address in an ELF file may be the one that the
  /// linker saw: it is translated by the segment that has it.
  private static func physicalEntry(_ entry: UInt64, in segments: [LoadableSegment])
    throws(BootError) -> UInt32
  {
    var physical: UInt64?
    if segments.contains(where: { entry >= $0.address && entry - $0.address < $0.size }) {
      physical = entry
    } else if let segment = segments.first(where: {
      entry >= $0.virtualAddress && entry - $0.virtualAddress < $0.size
    }) {
      physical = segment.address &+ (entry - segment.virtualAddress)
    }
    guard let physical else {
      var ranges: [Range<UInt64>] = []
      for segment in segments { ranges.append(try segment.physicalRange()) }
      throw .entryOutsideSegments(entry: entry, segments: ranges)
    }
    guard let reachable = UInt32(exactly: physical) else { throw .entryAbove4GiB(entry: physical) }
    return reachable
  }

  /// Where things were put so far, and where there is room.
  private struct Placing {
    var free: FreeMemory
    var placements: [BootPlacement] = []
    /// Where the modules begin: above the image and not below 1 MiB.
    var imageEnd: UInt64 = 0x10_0000

    init(free: FreeMemory) {
      self.free = free
    }

    mutating func place(
      _ segments: [LoadableSegment], at ranges: [Range<UInt64>], of file: ImageBytes,
      in memory: inout some BootMemory
    ) {
      for (index, range) in ranges.enumerated() {
        let content = segments[index].content
        memory.write(content, of: file.bytes, at: range.lowerBound)
        memory.zero(range.lowerBound + UInt64(content.count)..<range.upperBound)
        if range.upperBound <= reach.upperBound { imageEnd = max(imageEnd, range.upperBound) }
        placements.append(BootPlacement(content: .segment(index), range: range))
      }
      let taken = ranges.sorted { $0.lowerBound < $1.lowerBound }.coalesced()
      for range in taken { free.remove(range) }
    }

    mutating func place(_ modules: [BootModule], in memory: inout some BootMemory)
      throws(BootError) -> [MultibootInformation.Module]
    {
      var placed: [MultibootInformation.Module] = []
      for (index, module) in modules.enumerated() {
        let size = UInt64(module.bytes.count)
        guard let address = take(size: size) else {
          throw .noRoom(what: "module \(index) (\(module.commandLine))", size: size)
        }
        memory.write(module.bytes, at: address)
        let range = address..<address + size
        placements.append(BootPlacement(content: .module(index), range: range))
        placed.append(.init(range: range, commandLine: module.commandLine))
      }
      return placed
    }

    /// Copies the section headers, and the sections that are in no segment, whose addresses the
    /// copy then has. Nil, and nothing done, if there are none or they find no room: they help in
    /// debugging, and are not worth a failure.
    mutating func placeSections(
      of elf: ELFImage, in memory: inout some BootMemory
    ) -> MultibootInformation.Sections? {
      guard let table = elf.sectionTable() else { return nil }
      // The headers, then the sections, each at a multiple of 16 from the start.
      var size = UInt64(table.headers.count)
      var offsets: [UInt64] = []
      for section in table.unloaded {
        size = (size + 15) & ~15
        offsets.append(size)
        size += UInt64(section.content.count)
      }
      guard let address = take(size: size) else { return nil }

      var headers = ByteWriter()
      headers.append(contentsOf: table.headers)
      for (section, offset) in zip(table.unloaded, offsets) {
        let header = section.index * Int(table.entrySize)
        headers.replace(
          at: header + Int(elf.layout.sectionFields[1]), with: address + offset,
          size: elf.layout.wordSize)
        memory.write(section.content, of: elf.file.bytes, at: address + offset)
      }
      memory.write(headers.bytes, at: address)
      placements.append(BootPlacement(content: .sections, range: address..<address + size))
      return .init(
        count: table.count, entrySize: table.entrySize,
        address: UInt32(truncatingIfNeeded: address), namesIndex: table.namesIndex)
    }

    mutating func place(
      _ information: MultibootInformation, in memory: inout some BootMemory
    ) throws(BootError) -> UInt32 {
      let size = UInt64(information.bytes(at: 0).count)
      let place =
        free.take(size: size, alignment: 16, within: lowerMemory)
        ?? free.take(size: size, alignment: 16, within: reach)
      guard let place, let address = UInt32(exactly: place) else {
        throw .noRoom(what: "the Multiboot information", size: size)
      }
      memory.write(information.bytes(at: address), at: place)
      placements.append(BootPlacement(content: .information, range: place..<place + size))
      return address
    }

    /// Takes whole pages above the image, or failing that wherever there are some.
    private mutating func take(size: UInt64) -> UInt64? {
      let pages = size.addingReportingOverflow(pageSize - 1).partialValue & ~(pageSize - 1)
      return free.take(
        size: pages, alignment: pageSize, within: imageEnd..<max(imageEnd, reach.upperBound))
        ?? free.take(size: pages, alignment: pageSize, within: reach)
    }
  }
}
