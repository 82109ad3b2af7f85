/// Finds the line of the table for an encoding.
final class VectorTable: Sendable {
  /// Every family of vector instructions.
  static let families: [[VectorForm]] = [
    VectorForm.moves, VectorForm.integerArithmetic, VectorForm.integerProducts,
    VectorForm.integerPacking, VectorForm.integerShifts, VectorForm.shuffles, VectorForm.blends,
    VectorForm.widening, VectorForm.floatingPointLogic, VectorForm.tests,
    VectorForm.floatingPointArithmetic, VectorForm.squareRoots, VectorForm.horizontalArithmetic,
    VectorForm.floatingPointComparison, VectorForm.conversions, VectorForm.multiplyAdd,
    VectorForm.maskedMoves, VectorForm.control, VectorForm.stringComparison,
    VectorForm.cryptography, VectorForm.generalRegisters,
    VectorForm.extendedState, VectorForm.mmxConversions, VectorForm.protectionKeys,
    VectorForm.dotProducts,
  ]

  /// The one table.
  static let shared = VectorTable()

  /// What an encoding selects by.
  struct Key {
    var isVEX: Bool
    var prefix: MandatoryPrefix
    /// Opcode map (0FH, 38H, 3AH) and opcode.
    var opcode: UInt16
    var modRM: UInt8
    var w: Bool
    var l: Bool
    var isLongMode: Bool
  }

  /// A line with what handlers need of it.
  struct Entry: @unchecked Sendable {
    // The operations are written once, before the table is shared.
    let form: VectorForm
    fileprivate let legacy: UnsafePointer<VectorOperation>
    fileprivate let vex: UnsafePointer<VectorOperation>
    fileprivate let wide: UnsafePointer<VectorOperation>

    fileprivate init(_ form: VectorForm) {
      self.form = form
      legacy = form.operation(isVEX: false, isWide: false)
      vex = form.operation(isVEX: true, isWide: false)
      wide = form.operation(isVEX: true, isWide: true)
    }

    /// What an instruction of this line tells its handler.
    func operation(for selection: VectorSelection) -> UnsafePointer<VectorOperation> {
      selection.isVEX ? (selection.isWide ? wide : vex) : legacy
    }
  }

  let entries: [Entry]
  /// Indices of the entries of each opcode, prefix and kind of encoding.
  private let slots: [[UInt16]]

  private init() {
    var entries: [Entry] = []
    var slots = [[UInt16]](repeating: [], count: 3 * 256 * 8)
    for family in Self.families {
      for form in family {
        let index = UInt16(entries.count)
        entries.append(Entry(form))
        for isVEX in [false, true] {
          guard !form.options.contains(isVEX ? .legacyOnly : .vexOnly) else { continue }
          if let slot = Self.slot(isVEX: isVEX, form.prefix, form.opcode) {
            slots[slot].append(index)
          }
        }
      }
    }
    self.entries = entries
    self.slots = slots
  }

  private static func slot(isVEX: Bool, _ prefix: MandatoryPrefix, _ opcode: UInt16) -> Int? {
    let map: Int
    switch opcode >> 8 {
    case 0x0f: map = 0
    case 0x38: map = 1
    case 0x3a: map = 2
    default: return nil
    }
    return ((map * 256 + Int(opcode & 0xff)) * 4 + Int(prefix.rawValue)) * 2 + (isVEX ? 1 : 0)
  }

  /// The line for an encoding; nil if there is none.
  func find(_ key: Key) -> Int? {
    guard let slot = Self.slot(isVEX: key.isVEX, key.prefix, key.opcode) else { return nil }
    for index in slots[slot] where entries[Int(index)].form.matches(key) { return Int(index) }
    return nil
  }
}

extension VectorForm {
  fileprivate func matches(_ key: VectorTable.Key) -> Bool {
    let isRegister = key.modRM >> 6 == 3
    if options.contains(.registerOnly), !isRegister { return false }
    if options.contains(.memoryOnly), isRegister { return false }
    if let digit, key.modRM >> 3 & 7 != digit { return false }
    if let rm, key.modRM & 7 != rm { return false }
    // Without VEX, W counts only as the width of a general register.
    if key.isVEX || options.contains(.generalW) {
      let w = key.w && (key.isLongMode || !options.contains(.generalW))
      if options.contains(.w0), w { return false }
      if options.contains(.w1), !w { return false }
    }
    guard key.isVEX else { return true }
    if options.contains(.l0), key.l { return false }
    if options.contains(.l1), !key.l { return false }
    return true
  }

  /// What the form tells its handler, in memory that is never freed.
  fileprivate func operation(isVEX: Bool, isWide: Bool) -> UnsafePointer<VectorOperation> {
    let isWide = isWide && !options.contains(.scalar)
    var operation = VectorOperation(kernel: kernel)
    if isWide {
      if let wideKernel {
        operation.kernel = wideKernel
      } else {
        operation.steps = 2
      }
      operation.resultByteCount = 32
      if options.contains(.sharedSource) { operation.sourceStride = 0 }
    }
    if let resultByteCount { operation.resultByteCount = resultByteCount }
    operation.memoryByteCount = memory.byteCount(isWide: isWide)
    let isAligned =
      isVEX
      ? options.contains(.aligned)
      : operation.memoryByteCount == 16 && !options.contains(.unaligned)
    if isAligned { operation.alignmentMask = operation.memoryByteCount &- 1 }
    let place = UnsafeMutablePointer<VectorOperation>.allocate(capacity: 1)
    place.initialize(to: operation)
    return UnsafePointer(place)
  }

  /// Whether the form reads the register that VEX.vvvv names.
  var usesVvvv: Bool {
    switch shape {
    case .binary, .ternary, .selected, .shift, .insert, .storeMerged: true
    case .general(_, let order): order != .regRMImmediate
    default: options.contains(.usesVvvv)
    }
  }

  /// Whether the processor has the form.
  func isOffered(by features: CPUFeatureSet, isVEX: Bool, isWide: Bool) -> Bool {
    features.isSuperset(of: requirements(isVEX: isVEX, isWide: isWide))
  }

  /// The features that the form takes.
  func requirements(isVEX: Bool, isWide: Bool) -> CPUFeatureSet {
    var features = CPUFeatureSet()
    features.insert(feature)
    guard isVEX else { return features }
    features.insert(vexFeature)
    if isWide, !options.contains(.scalar) {
      features.insert(options.contains(.wideInAVX) ? .avx : wideFeature)
    }
    return features
  }
}
