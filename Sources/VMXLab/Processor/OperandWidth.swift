/// The width of an integer operand: 8, 16, 32 or 64 bits.
protocol OperandWidth: FixedWidthInteger & UnsignedInteger {
  static var bits: UInt64 { get }
  var signExtended: UInt64 { get }
  var zeroExtended: UInt64 { get }
  init(low bits: UInt64)
  associatedtype Signed: FixedWidthInteger & SignedInteger
  var signed: Signed { get }
}

extension OperandWidth {
  @inline(__always) static var bits: UInt64 { UInt64(Self.bitWidth) }
  @inline(__always) static var byteCount: UInt64 { UInt64(Self.bitWidth / 8) }
  @inline(__always) var zeroExtended: UInt64 { UInt64(truncatingIfNeeded: self) }
  @inline(__always) init(low bits: UInt64) { self = Self(truncatingIfNeeded: bits) }
  @inline(__always) var isNegative: Bool { self >> (Self.bits &- 1) != 0 }
}

extension UInt8: OperandWidth {
  @inline(__always) var signExtended: UInt64 { UInt64(bitPattern: Int64(Int8(bitPattern: self))) }
  @inline(__always) var signed: Int8 { Int8(bitPattern: self) }
}
extension UInt16: OperandWidth {
  @inline(__always) var signExtended: UInt64 { UInt64(bitPattern: Int64(Int16(bitPattern: self))) }
  @inline(__always) var signed: Int16 { Int16(bitPattern: self) }
}
extension UInt32: OperandWidth {
  @inline(__always) var signExtended: UInt64 { UInt64(bitPattern: Int64(Int32(bitPattern: self))) }
  @inline(__always) var signed: Int32 { Int32(bitPattern: self) }
}
extension UInt64: OperandWidth {
  @inline(__always) var signExtended: UInt64 { self }
  @inline(__always) var signed: Int64 { Int64(bitPattern: self) }
}
