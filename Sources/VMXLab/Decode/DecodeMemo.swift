/// Remembers what encodings decode to, so that Capstone reads each of them only once.
///
/// An encoding is found by the bytes of an instruction without its displacement and its immediate, whose
/// values are put into what is found. No table of lengths is needed: no instruction begins with all the
/// bytes of another one, so that what matches is the instruction.
struct DecodeMemo: ~Copyable {
  /// Where in its bytes an instruction has what.
  struct Shape: Equatable {
    var mode: UInt8
    var length: UInt8
    /// The bytes that an encoding is found by.
    var key: InstructionBytes
    var displacement = InstructionBytes.Field()
    var immediate = InstructionBytes.Field()
    /// The immediate of a direct branch goes to `Instruction.displacement` if it is linked.
    var immediateIsDisplacement = false
    var isDirectBranch = false
    /// Of a direct branch: whether its target is on the same page.
    var staysOnPage = false
    /// Next shape of instructions that begin alike.
    var next: UInt16 = 0
  }

  struct Entry {
    /// Less its displacement and its immediate, if the shape has them. First, so that a pointer to the
    /// entry is one to the template.
    var template = InstructionTemplate(raiseInvalidOpcode, length: 0)
    var key = InstructionBytes()
    var shape: UInt16 = 0
  }

  private static let entryCount = 1 << 14
  private static let headCount = 1 << 16 + 1 << 8
  private let entries: UnsafeMutablePointer<Entry>
  /// For each two bytes, and behind them for each byte, the first shape.
  private let heads: UnsafeMutablePointer<UInt16>
  /// Number 0 is none.
  private let shapes: UnsafeMutablePointer<Shape>
  private var shapeCount = 0
  private static let maximumShapes = 1 << 14

  init() {
    entries = .allocate(capacity: Self.entryCount)
    heads = .allocate(capacity: Self.headCount)
    shapes = .allocate(capacity: Self.maximumShapes)
    removeAll()
  }

  deinit {
    entries.deallocate()
    heads.deallocate()
    shapes.deallocate()
  }

  private mutating func removeAll() {
    entries.initialize(repeating: Entry(), count: Self.entryCount)
    heads.initialize(repeating: 0, count: Self.headCount)
    shapes.initialize(to: Shape(mode: 0xff, length: 0, key: InstructionBytes()))
    shapeCount = 1
  }

  /// Finds what the memo knows, now and later.
  var finder: Finder { Finder(entries: entries, heads: heads, shapes: shapes) }

  @inline(__always) static func slot(_ key: InstructionBytes, _ shape: UInt16) -> Int {
    let mixed = key.low ^ (key.high &* 0x9e37_79b9_7f4a_7c15) ^ UInt64(shape) << 48
    return Int(truncatingIfNeeded: (mixed &* 0x9e37_79b9_7f4a_7c15) >> 50)
  }

  /// Where `heads` has the shapes of instructions that begin so: one place for those that have two bytes,
  /// a prefix aside, in their keys, and one for the others.
  @inline(__always)
  static func start(_ bytes: InstructionBytes) -> (long: Int, short: Int) {
    let word = bytes.low >> skipped(bytes[0])
    return (Int(word & 0xffff), 1 << 16 + Int(word & 0xff))
  }

  /// Bits of a first byte that says little of the shape: an escape, a prefix, REX.
  @inline(__always) private static func skipped(_ byte: UInt8) -> UInt64 {
    byte == 0x0f || byte == 0x66 || byte & 0xfe == 0xf2 || byte & 0xf0 == 0x40 ? 8 : 0
  }

  // MARK: Learning

  /// Remembers an instruction that was decoded.
  mutating func learn(
    _ bytes: InstructionBytes, mode: UInt8, pageOffset: Int, _ decoded: DecodedInstruction,
    _ template: InstructionTemplate
  ) {
    var decoded = decoded
    decoded.pageOffset = pageOffset
    guard let (shape, rest) = Self.analyse(bytes, mode: mode, decoded, template) else { return }
    let start = Self.start(bytes)
    let second = Int(Self.skipped(bytes[0]) / 8) + 1
    let head = shape.key[second] == 0xff ? start.long : start.short
    if shapeCount == Self.maximumShapes { removeAll() }
    let number = self.number(of: shape, head: head)
    let key = bytes.and(shape.key)
    entries[Self.slot(key, number)] = Entry(template: rest, key: key, shape: number)
  }

  /// The number of a shape in the list of `head`, to which it is added if it is new.
  private mutating func number(of shape: Shape, head: Int) -> UInt16 {
    var shape = shape
    var number = heads[head]
    while number != 0 {
      shape.next = shapes[Int(number)].next
      if shapes[Int(number)] == shape { return number }
      number = shape.next
    }
    number = UInt16(truncatingIfNeeded: shapeCount)
    shape.next = heads[head]
    (shapes + shapeCount).initialize(to: shape)
    shapeCount += 1
    heads[head] = number
    return number
  }

  /// The shape of an instruction, and its template less displacement and immediate; nil if it is better
  /// decoded anew each time.
  private static func analyse(
    _ bytes: InstructionBytes, mode: UInt8, _ decoded: DecodedInstruction,
    _ template: InstructionTemplate
  ) -> (Shape, InstructionTemplate)? {
    guard decoded.length <= 16,
      decoded.displacementSize + decoded.immediateSize < decoded.length
    else { return nil }
    var rest = template
    var shape = Shape(
      mode: mode, length: UInt8(decoded.length), key: .first(UInt8(decoded.length)))
    let immediate = InstructionBytes.Field(
      offset: UInt8(decoded.length - decoded.immediateSize), size: UInt8(decoded.immediateSize))
    if decoded.isDirectBranch {
      guard !immediate.isEmpty,
        bytes.value(immediate) == UInt64(bitPattern: decoded.branchDisplacement)
      else { return nil }
      shape.isDirectBranch = true
      shape.staysOnPage = decoded.targetIsOnPage
      shape.immediateIsDisplacement = template.anchor == .displacement
      shape.immediate = immediate
    } else if !immediate.isEmpty, InstructionForm.takesAnyImmediate(decoded.id) {
      let difference = template.instruction.immediate ^ bytes.value(immediate)
      if difference << (64 - UInt64(immediate.size) * 8) == 0 { shape.immediate = immediate }
    }
    if decoded.displacementSize > 0, !decoded.hasMemoryOffset {
      let field = InstructionBytes.Field(
        offset: UInt8(decoded.length - decoded.immediateSize - decoded.displacementSize),
        size: UInt8(decoded.displacementSize))
      let expected = Int64(bitPattern: bytes.value(field))
      if expected == decoded.memory.displacement { shape.displacement = field }
    }
    if !shape.displacement.isEmpty {
      rest.instruction.displacement &-= Int32(
        truncatingIfNeeded: bytes.value(shape.displacement))
    }
    if !shape.immediate.isEmpty {
      let value = bytes.value(shape.immediate)
      if shape.immediateIsDisplacement {
        rest.instruction.displacement &-= Int32(truncatingIfNeeded: value)
      } else if shape.isDirectBranch {
        rest.instruction.immediate &-= value
      } else {
        rest.instruction.immediate = 0
      }
    }
    shape.key = shape.key.and(shape.displacement.mask, isNot: true)
      .and(shape.immediate.mask, isNot: true)
    return (shape, rest)
  }
}
