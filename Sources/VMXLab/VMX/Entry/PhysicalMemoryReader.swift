/// Memory as the checks of a VM entry read it: by physical address, little-endian, without side effects.
/// Where there is no memory every bit reads as 1.
protocol PhysicalMemoryReader {
  func readPhysical32(_ address: UInt64) -> UInt32
  func readPhysical64(_ address: UInt64) -> UInt64
}
