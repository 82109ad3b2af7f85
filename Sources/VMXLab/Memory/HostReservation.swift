import Glibc

/// A page-aligned, zero-filled range of host memory that costs nothing until it is touched.
///
/// Invariant: `base` is valid for `byteCount` bytes for the life of the object.
final class HostReservation {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  /// Where large pages of the host begin to pay: programs that need less touch little of it, and a
  /// large page is filled with zeros as a whole.
  private static let largePageStart = 16 << 20

  /// Reserves `byteCount` bytes; nil if the host cannot give that much address space.
  ///
  /// - Parameter usesLargePages: what lies beyond the first 16 MiB may be in large pages of the host.
  init?(byteCount: Int, usesLargePages: Bool = false) {
    let rounded = max((byteCount + 4095) & ~4095, 4096)
    guard
      let pointer = mmap(
        nil, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      pointer != MAP_FAILED
    else { return nil }
    base = pointer
    self.byteCount = rounded
    if usesLargePages, rounded > Self.largePageStart {
      // A host that has none goes on with small ones.
      _ = madvise(
        pointer + Self.largePageStart, rounded - Self.largePageStart, Int32(MADV_HUGEPAGE))
    }
  }

  /// Fills `byteCount` bytes at `start`, all within the reservation, with zeros; whole pages cost
  /// nothing afterwards.
  func zero(_ start: UnsafeMutableRawPointer, byteCount: Int) {
    let first = (Int(bitPattern: start) + 4095) & ~4095
    let end = (Int(bitPattern: start) + byteCount) & ~4095
    guard first < end, let pages = UnsafeMutableRawPointer(bitPattern: first),
      madvise(pages, end - first, MADV_DONTNEED) == 0
    else {
      memset(start, 0, byteCount)
      return
    }
    memset(start, 0, first - Int(bitPattern: start))
    memset(pages + (end - first), 0, Int(bitPattern: start) + byteCount - end)
  }

  deinit { munmap(base, byteCount) }
}
