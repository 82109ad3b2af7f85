/// Finding what `DecodeMemo` knows: the hot half of it, made of pointers only.
extension DecodeMemo {
  /// What the memo knows of an instruction. The pointers are valid until it learns something.
  struct Finding {
    /// Less the displacement and the immediate, if the shape has them.
    let template: UnsafePointer<InstructionTemplate>
    fileprivate let shape: UnsafePointer<Shape>
    fileprivate let bytes: InstructionBytes

    /// The instruction at a place in a block, as `InstructionTemplate.placed` has it.
    @inline(__always)
    func placed(ripOffset: Int, position: Int, cyclesBefore: Int) -> Instruction {
      var placed = template.pointee.placed(
        ripOffset: ripOffset, position: position, cyclesBefore: cyclesBefore)
      complete(&placed)
      return placed
    }

    /// Puts displacement and immediate into a copy of the template's instruction.
    @inline(__always) fileprivate func complete(_ instruction: inout Instruction) {
      let displacement = shape.pointee.displacement
      if !displacement.isEmpty {
        instruction.displacement &+= Int32(truncatingIfNeeded: bytes.value(displacement))
      }
      let immediate = shape.pointee.immediate
      guard !immediate.isEmpty else { return }
      if shape.pointee.immediateIsDisplacement {
        instruction.displacement &+= Int32(truncatingIfNeeded: bytes.value(immediate))
      } else {
        instruction.immediate &+= bytes.value(immediate)
      }
    }

    /// The whole template.
    var whole: InstructionTemplate {
      var whole = template.pointee
      complete(&whole.instruction)
      return whole
    }
  }

  /// Looks in the memo's tables.
  ///
  /// Invariant: used no longer than the memo that made it.
  struct Finder {
    let entries: UnsafeMutablePointer<Entry>
    let heads: UnsafeMutablePointer<UInt16>
    let shapes: UnsafeMutablePointer<Shape>

    /// What the instruction that `bytes` start with decodes to; nil if that is not known.
    ///
    /// - Parameters:
    ///   - available: how many bytes there are.
    ///   - mode: `Processor.decodeMode`.
    ///   - pageOffset: where in its page the instruction starts.
    @inline(__always)
    func find(
      _ bytes: InstructionBytes, available: Int, mode: UInt8, pageOffset: Int
    ) -> Finding? {
      let start = DecodeMemo.start(bytes)
      // Bytes that begin shapes of one byte begin few others.
      var head = start.short
      while true {
        var number = heads[head]
        while number != 0 {
          let shape = shapes + Int(number)
          let key = bytes.and(shape.pointee.key)
          let entry = entries + DecodeMemo.slot(key, number)
          if entry.pointee.shape == number, entry.pointee.key == key, shape.pointee.mode == mode,
            Int(shape.pointee.length) <= available,
            !shape.pointee.isDirectBranch || staysOnPage(bytes, shape, pageOffset)
          {
            return Finding(
              template: UnsafeRawPointer(entry).assumingMemoryBound(to: InstructionTemplate.self),
              shape: shape, bytes: bytes)
          }
          number = shape.pointee.next
        }
        guard head != start.long else { return nil }
        head = start.long
      }
    }

    /// Whether the target of a direct branch is on its page or not, as the shape has it.
    @inline(__always)
    private func staysOnPage(
      _ bytes: InstructionBytes, _ shape: UnsafePointer<Shape>, _ pageOffset: Int
    ) -> Bool {
      let target =
        Int64(pageOffset) &+ Int64(shape.pointee.length)
        &+ Int64(bitPattern: bytes.value(shape.pointee.immediate))
      return (0..<0x1000).contains(target) == shape.pointee.staysOnPage
    }
  }
}
