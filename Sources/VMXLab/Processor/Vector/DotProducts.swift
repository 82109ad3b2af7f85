// AVX-VNNI: sums of products of bytes or words, added to doublewords.
//
// Source: Intel SDM, "VPDPBUSD—Multiply and Add Unsigned and Signed Bytes" and the pages after it.
extension VectorForm {
  static let dotProducts: [VectorForm] = [
    dotProduct("vpdpbusd", 0x3850) { result, a, b, _ in
      accumulate(result) { Int32(truncatingIfNeeded: $0 &+ byteProducts(a, b, $1)) }
    },
    dotProduct("vpdpbusds", 0x3851) { result, a, b, _ in
      accumulate(result) { Int32(clamping: $0 &+ byteProducts(a, b, $1)) }
    },
    dotProduct("vpdpwssd", 0x3852) { result, a, b, _ in
      accumulate(result) { Int32(truncatingIfNeeded: $0 &+ wordProducts(a, b, $1)) }
    },
    dotProduct("vpdpwssds", 0x3853) { result, a, b, _ in
      accumulate(result) { Int32(clamping: $0 &+ wordProducts(a, b, $1)) }
    },
  ]

  private static func dotProduct(
    _ name: StaticString, _ opcode: UInt16, _ kernel: @escaping VectorKernel
  ) -> VectorForm {
    VectorForm(
      name, .x66, opcode, .ternary, .avxVNNI, [.vexOnly, .w0], timing: .sseMultiply, kernel)
  }
}

/// Makes each doubleword of the result of its old value and its index.
@inline(__always)
private func accumulate(
  _ result: UnsafeMutableRawPointer, _ body: (Int64, Int) -> Int32
) -> UInt32 {
  elements(UInt32.self, result) { index in
    let old = Int32(bitPattern: result.element(index, UInt32.self))
    return UInt32(bitPattern: body(Int64(old), index))
  }
}

/// Four unsigned bytes of `a` by signed ones of `b`.
@inline(__always)
private func byteProducts(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ index: Int) -> Int64 {
  var sum: Int64 = 0
  var byte = index &* 4
  while byte < index &* 4 &+ 4 {
    let factor = Int8(bitPattern: b.element(byte, UInt8.self))
    sum &+= Int64(a.element(byte, UInt8.self)) &* Int64(factor)
    byte &+= 1
  }
  return sum
}

/// Two signed words of `a` by those of `b`.
@inline(__always)
private func wordProducts(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ index: Int) -> Int64 {
  var sum: Int64 = 0
  var word = index &* 2
  while word < index &* 2 &+ 2 {
    let factor = Int16(bitPattern: b.element(word, UInt16.self))
    sum &+= Int64(Int16(bitPattern: a.element(word, UInt16.self))) &* Int64(factor)
    word &+= 1
  }
  return sum
}
