/// What a vector instruction does to 128 bits of its operands: the result, the first source, the
/// second source, and `VectorControl`. Returns the floating-point exceptions it raised, as MXCSR bits.
///
/// A kernel reads all of its sources before it writes, so that operands may be the same register. A
/// kernel with a third source finds it where its result goes.
typealias VectorKernel =
  @convention(thin) (UnsafeMutableRawPointer, UnsafeRawPointer, UnsafeRawPointer, UInt64) -> UInt32

/// What a kernel is told beside its operands, in one word.
struct VectorControl {
  let rawValue: UInt64

  @inline(__always) init(_ rawValue: UInt64) { self.rawValue = rawValue }

  /// The immediate byte.
  @inline(__always) var immediate: Int { Int(rawValue & 0xff) }
  /// Which 128 bits of a 256-bit operation: 0 or 1.
  @inline(__always) var lane: Int { Int(rawValue >> 8 & 1) }
  @inline(__always) var mxcsr: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }

  @inline(__always) static func word(immediate: UInt8, mxcsr: UInt32) -> UInt64 {
    UInt64(immediate) | UInt64(mxcsr) << 32
  }
  static let lane: UInt64 = 1 << 8
}

/// What one line of the table does, for handlers: they find it behind `Instruction.immediate`.
///
/// Invariant: made once for each line and vector length, and never freed.
struct VectorOperation {
  var kernel: VectorKernel
  /// How often the kernel runs, 16 bytes further each time.
  var steps: UInt8 = 1
  /// Bytes from one step's second source to the next one's: 0 if all use the same.
  var sourceStride: UInt8 = 16
  /// Bytes of the result; what lies above is cleared by the VEX form.
  var resultByteCount: UInt8 = 16
  /// Bytes of a memory operand.
  var memoryByteCount: UInt8 = 16
  /// Bits of the memory operand's linear address that must be 0.
  var alignmentMask: UInt8 = 0
}

// The building blocks of kernels. A kernel is a closure of one line that calls one of them; the
// compiler makes straight code of it. Those that are called with `$0` and its like take the control
// word too, because such a closure must use all its parameters.
extension UnsafeRawPointer {
  /// Element `index` of a vector.
  @inline(__always) func element<E: OperandWidth>(_ index: Int, _ type: E.Type) -> E {
    loadUnaligned(fromByteOffset: index &* MemoryLayout<E>.size, as: E.self)
  }
}

extension UnsafeMutableRawPointer {
  @inline(__always) func element<E: OperandWidth>(_ index: Int, _ type: E.Type) -> E {
    UnsafeRawPointer(self).element(index, type)
  }

  @inline(__always) func put(_ low: UInt64, _ high: UInt64) {
    storeBytes(of: low, as: UInt64.self)
    storeBytes(of: high, toByteOffset: 8, as: UInt64.self)
  }
}

/// One word of elements `first`, `first + 1`, ….
@inline(__always)
private func word<E: OperandWidth>(_ type: E.Type, _ first: Int, _ body: (Int) -> E) -> UInt64 {
  var word: UInt64 = 0
  var index = 0
  while index < 64 / E.bitWidth {
    word |= body(first &+ index).zeroExtended << UInt64(index &* E.bitWidth)
    index &+= 1
  }
  return word
}

/// Makes the 128-bit result element by element.
@inline(__always)
func elements<E: OperandWidth>(
  _ type: E.Type, _ result: UnsafeMutableRawPointer, _ body: (Int) -> E
) -> UInt32 {
  let count = 64 / E.bitWidth
  let low = word(type, 0, body)
  let high = word(type, count, body)
  result.put(low, high)
  return 0
}

/// Makes a 256-bit result element by element.
@inline(__always)
func wideElements<E: OperandWidth>(
  _ type: E.Type, _ result: UnsafeMutableRawPointer, _ body: (Int) -> E
) -> UInt32 {
  let count = 64 / E.bitWidth
  let word0 = word(type, 0, body)
  let word1 = word(type, count, body)
  let word2 = word(type, 2 &* count, body)
  let word3 = word(type, 3 &* count, body)
  result.put(word0, word1)
  (result + 16).put(word2, word3)
  return 0
}

/// Applies `body` to the elements of both sources.
@inline(__always)
func binary<E: OperandWidth>(
  _ type: E.Type, _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer,
  _: UInt64, _ body: (E, E) -> E
) -> UInt32 {
  elements(type, result) { body(a.element($0, type), b.element($0, type)) }
}

/// Applies `body` to the elements of the second source.
@inline(__always)
func unary<E: OperandWidth>(
  _ type: E.Type, _ result: UnsafeMutableRawPointer, _ b: UnsafeRawPointer, _ body: (E) -> E
) -> UInt32 {
  elements(type, result) { body(b.element($0, type)) }
}

/// Applies `body` to the words of both sources.
@inline(__always)
func words(
  _ result: UnsafeMutableRawPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer,
  _ control: UInt64,
  _ body: (UInt64, UInt64) -> UInt64
) -> UInt32 {
  binary(UInt64.self, result, a, b, control, body)
}

/// The second source as it is.
let copyKernel: VectorKernel = { result, _, b, _ in unary(UInt64.self, result, b) { $0 } }
