/// A device that answers loads and stores in a range of guest-physical addresses.
public protocol MemoryMappedDevice: AnyObject {
  /// Reads `size` (1, 2, 4 or 8) bytes at `offset` from the start of the device's region.
  func readMemory(offset: UInt64, size: Int) -> UInt64
  /// Writes `size` (1, 2, 4 or 8) bytes at `offset` from the start of the device's region.
  func writeMemory(offset: UInt64, size: Int, value: UInt64)
}

/// The guest-physical address space: RAM, ROM, memory-mapped devices, and holes that read all ones.
///
/// RAM is sparse: the host gives a page when the guest first touches it. RAM below the PCI hole
/// starts at 0, the rest continues at 4 GiB; 0xA0000–0xFFFFF is not RAM, as on a PC.
public final class PhysicalMemory {
  /// Where RAM below 4 GiB ends at the latest; above lie devices.
  public static let lowRAMLimit: UInt64 = 0xc000_0000
  /// Where RAM that does not fit below `lowRAMLimit` goes on.
  public static let highRAMStart: UInt64 = 0x1_0000_0000
  /// The legacy video and ROM area, which is not RAM.
  public static let legacyHole: Range<UInt64> = 0xa_0000..<0x10_0000

  enum Backing {
    case rom(HostReservation)
    case device(any MemoryMappedDevice)
  }

  struct Region {
    var range: Range<UInt64>
    var backing: Backing
  }

  /// Bytes of RAM, as asked for.
  public let byteCount: UInt64
  private let ram: HostReservation
  private let watchedLines: HostReservation
  private let pagingStructures: HostReservation
  private(set) var regions: [Region] = []

  /// Makes an address space with `byteCount` bytes of RAM (rounded up to a page).
  ///
  /// - Returns: nil if the host has no address space left for it.
  public init?(byteCount: UInt64) {
    guard byteCount > 0, byteCount <= 1 << 40,
      let ram = HostReservation(byteCount: Int(byteCount), usesLargePages: true),
      let watchedLines = HostReservation(byteCount: ((Int(byteCount) + 4095) >> 12) * 8),
      let pagingStructures = HostReservation(byteCount: (Int(byteCount) + 4095) >> 12)
    else { return nil }
    self.byteCount = (byteCount + 4095) & ~4095
    self.ram = ram
    self.watchedLines = watchedLines
    self.pagingStructures = pagingStructures
  }

  /// Ranges of guest-physical addresses that are RAM.
  public var ramRanges: [Range<UInt64>] {
    let low = min(byteCount, Self.lowRAMLimit)
    var ranges = [0..<min(low, Self.legacyHole.lowerBound)]
    if low > Self.legacyHole.upperBound { ranges.append(Self.legacyHole.upperBound..<low) }
    if byteCount > low {
      ranges.append(Self.highRAMStart..<(Self.highRAMStart + byteCount - low))
    }
    return ranges
  }

  /// Puts a ROM image at `address` (page-aligned); stores to it are dropped.
  ///
  /// - Returns: false if the address is not page-aligned or memory is short.
  @discardableResult
  public func addROM(_ bytes: [UInt8], at address: UInt64) -> Bool {
    guard address & 0xfff == 0, let rom = HostReservation(byteCount: bytes.count) else {
      return false
    }
    bytes.withUnsafeBytes { source in
      rom.base.copyMemory(
        from: source.baseAddress ?? UnsafeRawPointer(rom.base), byteCount: source.count)
    }
    regions.append(
      Region(range: address..<(address + UInt64(rom.byteCount)), backing: .rom(rom)))
    return true
  }

  /// Maps `device` at `range`; a later mapping hides an earlier one.
  public func addDevice(_ device: any MemoryMappedDevice, at range: Range<UInt64>) {
    regions.append(Region(range: range, backing: .device(device)))
  }

  func region(containing address: UInt64) -> Region? {
    regions.last { $0.range.contains(address) }
  }

  /// The view of RAM that the processor's hot path uses.
  var map: RAMMap {
    RAMMap(
      base: ram.base, watchedLines: watchedLines.base.assumingMemoryBound(to: UInt64.self),
      pagingStructures: pagingStructures.base.assumingMemoryBound(to: UInt8.self),
      lowEnd: min(byteCount, Self.lowRAMLimit),
      highEnd: Self.highRAMStart + (byteCount - min(byteCount, Self.lowRAMLimit)))
  }

  /// Copies `bytes` to RAM at `address`.
  ///
  /// - Returns: false, with nothing written, if any byte would fall outside RAM.
  @discardableResult
  public func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) -> Bool {
    guard containsRAM(address, count: UInt64(bytes.count)) else { return false }
    guard let source = bytes.baseAddress, let target = map.host(address) else {
      return bytes.isEmpty
    }
    target.copyMemory(from: source, byteCount: bytes.count)
    return true
  }

  /// Fills a range of RAM with zeros, giving whole pages back to the host.
  ///
  /// - Returns: false, with nothing changed, if any byte would fall outside RAM.
  @discardableResult
  public func zero(_ range: Range<UInt64>) -> Bool {
    guard containsRAM(range.lowerBound, count: UInt64(range.count)) else { return false }
    guard !range.isEmpty, let start = map.host(range.lowerBound) else { return range.isEmpty }
    ram.zero(start, byteCount: range.count)
    return true
  }

  /// Copies `count` bytes of RAM at `address` out; nil if any byte lies outside RAM.
  public func read(_ count: Int, at address: UInt64) -> [UInt8]? {
    guard count >= 0, containsRAM(address, count: UInt64(count)) else { return nil }
    guard count > 0, let source = map.host(address) else { return count == 0 ? [] : nil }
    return [UInt8](UnsafeRawBufferPointer(start: source, count: count))
  }

  private func containsRAM(_ address: UInt64, count: UInt64) -> Bool {
    let (end, overflow) = address.addingReportingOverflow(count)
    return !overflow && ramRanges.contains { $0.lowerBound <= address && end <= $0.upperBound }
  }
}

/// RAM as the processor sees it: guest-physical address to host address by two compares.
///
/// Invariant: `base` is valid for all of RAM, `watchedLines` and `pagingStructures` for one element a
/// page of it, for as long as the `PhysicalMemory` that made it lives.
struct RAMMap {
  let base: UnsafeMutableRawPointer
  /// For each page of RAM, the 64-byte lines that `BlockCache.noteStore` must hear of when they are
  /// written: those that hold bytes of decoded instructions; all of a page of paging structures.
  let watchedLines: UnsafeMutablePointer<UInt64>
  /// For each page of RAM that page walks read entries from, 1 more than the number of stores since the
  /// last; 0 for other pages.
  let pagingStructures: UnsafeMutablePointer<UInt8>
  let lowEnd: UInt64
  let highEnd: UInt64

  /// Offset into the RAM reservation; nil where there is no RAM.
  @inline(__always) func offset(_ address: UInt64) -> Int? {
    if address < lowEnd {
      return address &- PhysicalMemory.legacyHole.lowerBound < 0x6_0000
        ? nil : Int(truncatingIfNeeded: address)
    }
    guard address >= PhysicalMemory.highRAMStart, address < highEnd else { return nil }
    return Int(truncatingIfNeeded: address &- PhysicalMemory.highRAMStart &+ lowEnd)
  }

  /// Pages of RAM.
  var pageCount: Int {
    Int(truncatingIfNeeded: (lowEnd &+ highEnd &- PhysicalMemory.highRAMStart) >> 12)
  }

  /// Host address of a byte of RAM; the rest of its page follows it.
  @inline(__always) func host(_ address: UInt64) -> UnsafeMutableRawPointer? {
    offset(address).map { base + $0 }
  }

  /// Lines of the page at `address` that are watched; 0 outside RAM.
  @inline(__always) func watchedLineMask(_ address: UInt64) -> UInt64 {
    offset(address).map { watchedLines[$0 >> 12] } ?? 0
  }
}
