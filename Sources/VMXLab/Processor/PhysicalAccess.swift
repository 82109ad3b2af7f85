// Physical memory as instructions reach it: RAM, else a region of the platform, else all ones.
extension Processor {
  /// Reads 1 to 8 bytes within a page at a host-physical address.
  mutating func load(_ physical: UInt64, byteCount: UInt64) -> UInt64 {
    guard physical & ~0xfff != apicPage, let host = ram.host(physical) else {
      return platform.readMemory(physical, byteCount: byteCount, cycles: cycles)
    }
    switch byteCount {
    case 1: return UInt64(host.load(as: UInt8.self))
    case 2: return UInt64(host.loadUnaligned(as: UInt16.self))
    case 4: return UInt64(host.loadUnaligned(as: UInt32.self))
    case 8: return host.loadUnaligned(as: UInt64.self)
    default:
      var value: UInt64 = 0
      for byte in 0..<Int(byteCount) {
        value |= UInt64(host.load(fromByteOffset: byte, as: UInt8.self)) << UInt64(byte &* 8)
      }
      return value
    }
  }

  /// Writes 1 to 8 bytes within a page at a host-physical address; decoded code there dies.
  mutating func store(_ physical: UInt64, _ value: UInt64, byteCount: UInt64) {
    guard physical & ~0xfff != apicPage, let host = ram.host(physical) else {
      return platform.writeMemory(physical, value, byteCount: byteCount, cycles: cycles)
    }
    if ram.codeLineMask(physical) != 0 {
      blocks.invalidate(physical, byteCount: byteCount)
    }
    switch byteCount {
    case 1: host.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
    case 2: host.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
    case 4: host.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
    case 8: host.storeBytes(of: value, as: UInt64.self)
    default:
      for byte in 0..<Int(byteCount) {
        let part = UInt8(truncatingIfNeeded: value >> UInt64(byte &* 8))
        host.storeBytes(of: part, toByteOffset: byte, as: UInt8.self)
      }
    }
  }
}
