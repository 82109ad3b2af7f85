import CCapstone

// DAA, DAS, AAA, AAS, AAM, AAD: decimal arithmetic of 16- and 32-bit code.
//
// Source: Intel SDM, the pages of these instructions. Flags that the manual leaves undefined: OF is
// cleared, and AAA, AAS, AAM, AAD set SF, ZF and PF from AL.
extension InstructionForm {
  static let decimalArithmetic: [InstructionForm] = [
    InstructionForm(X86_INS_DAA, .decimalAdjust, .continue) { state, i in
      let core = Core(state)
      core.decimalAdjust(subtracting: false)
      return core.next(InstructionReference(i))
    },
    InstructionForm(X86_INS_DAS, .decimalAdjust, .continue) { state, i in
      let core = Core(state)
      core.decimalAdjust(subtracting: true)
      return core.next(InstructionReference(i))
    },
    InstructionForm(X86_INS_AAA, .decimalAdjust, .continue) { state, i in
      let core = Core(state)
      core.asciiAdjust(subtracting: false)
      return core.next(InstructionReference(i))
    },
    InstructionForm(X86_INS_AAS, .decimalAdjust, .continue) { state, i in
      let core = Core(state)
      core.asciiAdjust(subtracting: true)
      return core.next(InstructionReference(i))
    },
    InstructionForm(X86_INS_AAM, .divide8) { decoded, builder in
      builder.immediate = decimalBase(decoded)
      return { state, i in
        let core = Core(state)
        let i = InstructionReference(i)
        let base = UInt8(truncatingIfNeeded: i.pointer.pointee.immediate)
        guard base != 0 else {
          core.state.pointee.raise(.divideError)
          return core.leave(i)
        }
        let value = core.register(RegisterOffset.general(0), as: UInt8.self)
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: base)
        core.setPair(high: quotient, low: remainder)
        core.state.pointee.lazy.setLogic(remainder)
        return core.next(i)
      }
    },
    InstructionForm(X86_INS_AAD, .multiply8) { decoded, builder in
      builder.immediate = decimalBase(decoded)
      return { state, i in
        let core = Core(state)
        let i = InstructionReference(i)
        let base = UInt8(truncatingIfNeeded: i.pointer.pointee.immediate)
        let high = core.pairHigh(UInt8.self)
        let result = core.register(RegisterOffset.general(0), as: UInt8.self) &+ high &* base
        core.setPair(high: 0, low: result)
        core.state.pointee.lazy.setLogic(result)
        return core.next(i)
      }
    },
  ]

  /// Capstone leaves out an operand of 10, which assemblers leave out too.
  private static func decimalBase(_ decoded: DecodedInstruction) -> UInt64 {
    if case .immediate(let base)? = decoded.operands.first { base & 0xff } else { 10 }
  }
}

extension Core {
  /// DAA and DAS.
  fileprivate func decimalAdjust(subtracting: Bool) {
    let flags = state.pointee.lazy
    let old = register(RegisterOffset.general(0), as: UInt8.self)
    var value = old
    var carry = false
    let adjustsLow = old & 0xf > 9 || flags.af
    if adjustsLow {
      carry = flags.cf || (subtracting ? old < 6 : old > 0xff - 6)
      value = subtracting ? value &- 6 : value &+ 6
    }
    if old > 0x99 || flags.cf {
      value = subtracting ? value &- 0x60 : value &+ 0x60
      carry = true
    }
    setRegister(RegisterOffset.general(0), value)
    state.pointee.lazy.set(value, cf: carry, of: false, af: adjustsLow)
  }

  /// AAA and AAS.
  fileprivate func asciiAdjust(subtracting: Bool) {
    let flags = state.pointee.lazy
    var value = register(RegisterOffset.general(0), as: UInt16.self)
    let adjusts = value & 0xf > 9 || flags.af
    if adjusts { value = subtracting ? value &- 0x106 : value &+ 0x106 }
    value &= 0xff0f
    setRegister(RegisterOffset.general(0), value)
    state.pointee.lazy.set(
      UInt8(truncatingIfNeeded: value), cf: adjusts, of: false, af: adjusts)
  }
}
