/// What an instruction of the differential tests reads and writes: the general registers, the flags,
/// and a window of memory.
struct MachineState: Equatable {
  /// In the order of their encodings.
  var general = [UInt64](repeating: 0, count: 16)
  /// The status flags and DF.
  var flags: UInt64 = 0
  var memory = [UInt8](repeating: 0, count: TestLayout.windowBytes)
  /// x87, SSE and AVX state; nil if the instruction has nothing to do with it.
  var extended: ExtendedState?

  /// CF, PF, AF, ZF, SF, DF, OF.
  static let flagsMask: UInt64 = 0xcd5
}

/// How an instruction ended.
enum InstructionEnd: Equatable {
  /// Retired; RIP is behind it.
  case fellThrough
  /// Retired; RIP is at the branch target.
  case branched
  case faulted(Fault)

  /// Faults, as far as a Unix process can tell them apart.
  enum Fault: Equatable {
    case divideError
    case floatingPoint
    case invalidOpcode
    /// #GP and #PF.
    case protection
    /// #SS and #AC.
    case stackOrAlignment
  }
}

/// Linear addresses that are the same on the host and in the interpreted machine, so that addresses
/// in registers and pushed ones are too.
enum TestLayout {
  static let base: UInt64 = 0x2000_0000
  static let byteCount = 0x8000
  /// Where the instruction is.
  static let instruction = base + 0x800
  /// Where a branch goes, within reach of a short one.
  static let branchTarget = instruction + 0x40
  /// Registers as the native code loads and stores them.
  static let registers = base + 0x1000
  /// An XSAVE area with the state under test, and one with the test's own.
  static let extendedState = base + 0x2000
  static let ownExtendedState = base + 0x2800
  /// Where the host has a page that cannot be read.
  static let boundary = base + 0x7000
  /// Memory that an instruction may touch: it straddles two pages.
  static let window = base + 0x4000 - UInt64(windowBytes) / 2
  static let windowBytes = 512
}

/// SplitMix64: the same numbers for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(bound, 1))) }
  mutating func chance(_ one: Int, in all: Int) -> Bool { below(all) < one }

  /// A quadword that favours the values at which instructions go wrong.
  mutating func edge() -> UInt64 {
    let edges: [UInt64] = [
      0, 1, 2, ~0, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000,
      0xffff_ffff, 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, 0x1_0000_0000, 8, 16, 31, 32, 63,
      64, 0x0101_0101_0101_0101, 0x8080_8080_8080_8080, 9, 10, 0x99,
    ]
    switch below(4) {
    case 0: return edges[below(edges.count)]
    case 1: return next() & next() & next()
    case 2: return next() >> (next() & 63)
    default: return next()
    }
  }
}

/// x87, SSE and AVX state, as XSAVE stores it in its standard format.
struct ExtendedState: Equatable {
  var area = [UInt8](repeating: 0, count: Self.byteCount)

  static let byteCount = 832

  init() {
    mxcsr = 0x1f80
    // FCW; XSTATE_BV: all of x87, SSE, AVX.
    store(0x37f, at: 0, byteCount: 2)
    store(7, at: 512, byteCount: 8)
  }

  var mxcsr: UInt32 {
    get { UInt32(truncatingIfNeeded: load(24, byteCount: 4)) }
    set {
      store(UInt64(newValue), at: 24, byteCount: 4)
      store(0xffff, at: 28, byteCount: 4)
    }
  }

  /// Quadword `word` (0 to 3) of vector register `register`.
  subscript(register: Int, word: Int) -> UInt64 {
    get { load(Self.place(register, word), byteCount: 8) }
    set { store(newValue, at: Self.place(register, word), byteCount: 8) }
  }

  private static func place(_ register: Int, _ word: Int) -> Int {
    word < 2 ? 160 + register * 16 + word * 8 : 576 + register * 16 + (word - 2) * 8
  }

  private func load(_ offset: Int, byteCount: Int) -> UInt64 {
    (0..<byteCount).reduce(0) { $0 | UInt64(area[offset + $1]) << UInt64($1 * 8) }
  }

  private mutating func store(_ value: UInt64, at offset: Int, byteCount: Int) {
    for byte in 0..<byteCount {
      area[offset + byte] = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8))
    }
  }
}
