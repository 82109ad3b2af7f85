import Glibc

/// A page-aligned, zero-filled range of host memory that costs nothing until it is touched.
///
/// Invariant: `base` is valid for `byteCount` bytes for the life of the object.
final class HostReservation {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  /// Reserves `byteCount` bytes; nil if the host cannot give that much address space.
  init?(byteCount: Int) {
    let rounded = max((byteCount + 4095) & ~4095, 4096)
    guard
      let pointer = mmap(
        nil, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      pointer != MAP_FAILED
    else { return nil }
    base = pointer
    self.byteCount = rounded
  }

  deinit { munmap(base, byteCount) }
}
