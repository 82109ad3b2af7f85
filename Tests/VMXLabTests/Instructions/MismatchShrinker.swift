#if arch(x86_64) && os(Linux)
  /// Makes the state of a mismatch as small as it can be: every register, flag and byte of memory that
  /// plays no part becomes 0, or at least shorter.
  struct MismatchShrinker {
    /// Runs the instruction from a state on both sides; nil if they agree.
    let run: (MachineState) -> Mismatch?

    /// The mismatch from the least state that was found.
    func shrink(_ mismatch: Mismatch) -> Mismatch {
      var least = mismatch
      var isSmaller = true
      while isSmaller {
        isSmaller = false
        for simpler in Self.simplifications(
          of: least.before, keeping: least.instruction.addressRegisters)
        where simpler != least.before {
          guard let smaller = run(simpler) else { continue }
          least = smaller
          isSmaller = true
          break
        }
      }
      return least
    }

    /// States that differ from this one in one thing, which is simpler there. What addresses are made
    /// of stays: the host must not touch other memory.
    private static func simplifications(
      of state: MachineState, keeping addressRegisters: Set<Int>
    ) -> [MachineState] {
      var states: [MachineState] = []
      func add(_ change: (inout MachineState) -> Void) {
        var simpler = state
        change(&simpler)
        states.append(simpler)
      }
      for register in 0..<16
      where !addressRegisters.contains(register) && state.general[register] != 0 {
        let value = state.general[register]
        add { $0.general[register] = 0 }
        if value > 1 { add { $0.general[register] = 1 } }
        for bits in [8, 16, 32] where value >> UInt64(bits) != 0 {
          add { $0.general[register] = value & (1 << UInt64(bits) - 1) }
        }
      }
      for bit in 0..<12 where state.flags >> UInt64(bit) & 1 != 0 {
        add { $0.flags &= ~(1 << UInt64(bit)) }
      }
      for size in [TestLayout.windowBytes, 64, 8, 1] {
        for start in stride(from: 0, to: TestLayout.windowBytes, by: size) {
          let range = start..<start + size
          if state.memory[range].contains(where: { $0 != 0 }) {
            add { for offset in range { $0.memory[offset] = 0 } }
          }
        }
      }
      return states
    }
  }

  extension InstructionCase {
    /// Registers whose values are parts of addresses, or say how much memory is touched.
    var addressRegisters: Set<Int> {
      var registers = Set(memoryRegisters.map(Int.init))
      switch template.setup {
      case .bitString: registers.insert(Int(register))
      case .string: registers.formUnion([1, 6, 7])
      case .stack, .frame, .returnAddress: registers.formUnion([4, 5])
      case .branchTarget, .callTarget: registers.formUnion([4, Int(rm)])
      case .translate: registers.formUnion([0, 3])
      default: break
      }
      return registers
    }
  }
#endif
