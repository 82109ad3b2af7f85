// Physical memory as instructions reach it: RAM, else a region of the platform, else all ones.
extension Processor {
  /// Reads 1 to 8 bytes within a page at a host-physical address.
  mutating func load(_ physical: UInt64, byteCount: UInt64) -> UInt64 {
    guard physical & ~0xfff != apicPage, let host = ram.host(physical) else {
      return platform.readMemory(physical, byteCount: byteCount, cycles: cycles)
    }
    return host.load(byteCount: byteCount)
  }

  /// Writes 1 to 8 bytes within a page at a host-physical address; decoded code there dies.
  mutating func store(_ physical: UInt64, _ value: UInt64, byteCount: UInt64) {
    guard physical & ~0xfff != apicPage, let host = ram.host(physical) else {
      return platform.writeMemory(physical, value, byteCount: byteCount, cycles: cycles)
    }
    if ram.watchedLineMask(physical) != 0 {
      blocks.noteStore(physical, byteCount: byteCount)
    }
    host.store(value, byteCount: byteCount)
  }
}

extension UnsafeMutableRawPointer {
  /// The value of 1 to 8 bytes.
  @inline(__always) func load(byteCount: UInt64) -> UInt64 {
    switch byteCount {
    case 8: return loadUnaligned(as: UInt64.self)
    case 4: return UInt64(loadUnaligned(as: UInt32.self))
    case 2: return UInt64(loadUnaligned(as: UInt16.self))
    case 1: return UInt64(load(as: UInt8.self))
    default:
      var value: UInt64 = 0
      for byte in 0..<Int(truncatingIfNeeded: byteCount) {
        value |= UInt64(load(fromByteOffset: byte, as: UInt8.self)) << UInt64(byte &* 8)
      }
      return value
    }
  }

  /// Writes the low 1 to 8 bytes of a value.
  @inline(__always) func store(_ value: UInt64, byteCount: UInt64) {
    switch byteCount {
    case 8: storeBytes(of: value, as: UInt64.self)
    case 4: storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
    case 2: storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
    case 1: storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
    default:
      for byte in 0..<Int(truncatingIfNeeded: byteCount) {
        let part = UInt8(truncatingIfNeeded: value >> UInt64(byte &* 8))
        storeBytes(of: part, toByteOffset: byte, as: UInt8.self)
      }
    }
  }
}
