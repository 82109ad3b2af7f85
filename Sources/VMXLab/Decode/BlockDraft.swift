/// A block while its instructions are put behind one another.
///
/// Invariant: `instructions` has room for `Block.maximumSlots` of them and the end marker.
struct BlockDraft {
  let instructions: UnsafeMutablePointer<Instruction>
  private(set) var count = 0
  /// Places taken: by the instructions, and by what stands before some of them.
  private(set) var slots = 0
  private(set) var byteCount = 0
  private(set) var cycles = 0
  /// The last instruction ends the block, or takes it to its bound.
  private(set) var isEnded = false
  /// What the last instruction may be carried out with.
  private var fusable: FusableOperation?

  init(instructions: UnsafeMutablePointer<Instruction>) { self.instructions = instructions }

  @inline(__always) mutating func append(_ finding: DecodeMemo.Finding) {
    let instruction = finding.placed(ripOffset: byteCount, position: count, cyclesBefore: cycles)
    append(instruction, finding.template)
  }

  mutating func append(_ template: InstructionTemplate) {
    let instruction = template.placed(ripOffset: byteCount, position: count, cyclesBefore: cycles)
    withUnsafePointer(to: template) { append(instruction, $0) }
  }

  @inline(__always)
  private mutating func append(
    _ instruction: Instruction, _ template: UnsafePointer<InstructionTemplate>
  ) {
    if let condition = template.pointee.condition, let fused = fusable?.handler(condition) {
      instructions[slots &- 1].handler = fused
    }
    fusable = template.pointee.fusable
    if let watch = template.pointee.lockWatch {
      (instructions + slots).initialize(to: instruction)
      instructions[slots].handler = watch
      slots &+= 1
    }
    (instructions + slots).initialize(to: instruction)
    slots &+= 1
    count &+= 1
    byteCount &+= template.pointee.length
    cycles &+= template.pointee.cycles
    isEnded = template.pointee.effect == .end || cycles > Block.maximumCycles / 2
  }

  /// Puts the end marker behind the instructions; returns how many places are taken with it.
  ///
  /// - Parameter isLinked: the next instruction is on the same page.
  func end(isLinked: Bool) -> Int {
    let marker = InstructionTemplate.marker(isLinked: isLinked)
    (instructions + slots).initialize(
      to: marker.placed(ripOffset: byteCount, position: count, cyclesBefore: cycles))
    return slots + 1
  }
}
