import Testing

@testable import VMXLab

/// Instructions with more than one thing wrong: the exception is the one of the highest priority.
///
/// Source: Intel SDM, "Priority Among Concurrent Events" and the exceptions of the instructions' pages.
struct ExceptionPriorityTests {
  private static func vector(_ outcome: PrivilegeOutcome) -> UInt8? {
    if case .faults(let vector, _) = outcome { return vector }
    return nil
  }

  @Test("#UD comes before #GP for the privilege level")
  func invalidBeforePrivilege() throws {
    let runner = try PrivilegeRunner(.long)
    // LOCK HLT, LOCK MOV CR0, MOV CR1, MOV DR with a register form's LOCK; all are also privileged.
    for code: [UInt8] in [
      [0xf0, 0xf4], [0xf0, 0x0f, 0x22, 0xc0], [0x0f, 0x22, 0xc8], [0xf0, 0x0f, 0x23, 0xc0],
      [0xf0, 0x0f, 0x01, 0x13], [0xf0, 0x0f, 0x30],
    ] {
      #expect(Self.vector(runner.run(code, cpl: 3, registers: [3: 0xc000])) == 6, "\(code)")
    }
  }

  @Test("#GP for the privilege level comes before what else is wrong with the operand")
  func privilegeBeforeOperand() throws {
    let runner = try PrivilegeRunner(.long)
    let nonCanonical: UInt64 = 1 << 63
    // LGDT and INVLPG of an address that is not canonical, WRMSR of an unknown register, MOV CR0 with
    // reserved bits: #GP(0) whichever counts, and nothing else.
    for code: [UInt8] in [[0x0f, 0x01, 0x13], [0x0f, 0x30], [0x0f, 0x22, 0xc0], [0xf4]] {
      #expect(
        runner.run(code, cpl: 3, registers: [0: .max, 1: 0x1234_5678, 3: nonCanonical])
          == .generalProtection(0), "\(code)")
    }
    // LGDT of a page that is not mapped.
    #expect(
      runner.run([0x0f, 0x01, 0x13], cpl: 3, registers: [3: 0x7f00_0000_0000])
        == .generalProtection(0))
    #expect(
      Self.vector(runner.run([0x0f, 0x01, 0x13], cpl: 0, registers: [3: 0x7f00_0000_0000])) == 14)
  }

  @Test("An address that is not canonical is found before the page that it would be in")
  func canonicalityBeforePaging() throws {
    let runner = try PrivilegeRunner(.long)
    let registers: [Int: UInt64] = [3: 0x8000_0000_0000, 5: 0x8000_0000_0000]
    #expect(runner.run([0x8a, 0x03], cpl: 0, registers: registers) == .generalProtection(0))
    // Through RBP it is the stack's.
    #expect(runner.run([0x8a, 0x45, 0], cpl: 0, registers: registers) == .stackFault(0))
    // The first bytes are below the hole, but not the last.
    #expect(
      runner.run([0x8b, 0x03], cpl: 0, registers: [3: 0x7fff_ffff_fffe]) == .generalProtection(0))
  }

  @Test("An instruction of more than 15 bytes is #GP")
  func length() throws {
    let runner = try PrivilegeRunner(.long)
    let prefixes = [UInt8](repeating: 0x66, count: 15)
    #expect(runner.run(prefixes + [0x90], cpl: 0) == .generalProtection(0))
    #expect(runner.run(Array(prefixes.dropFirst()) + [0x90], cpl: 0) == .retires)
  }

  @Test("Division by zero comes after the page fault of the divisor")
  func faultOfTheOperandFirst() throws {
    let runner = try PrivilegeRunner(.long)
    // DIV byte [RBX]
    #expect(
      Self.vector(runner.run([0xf6, 0x33], cpl: 0, registers: [3: 0x7f00_0000_0000])) == 14)
    runner.put(0, at: 0xc000)
    #expect(Self.vector(runner.run([0xf6, 0x33], cpl: 0, registers: [3: 0xc000])) == 0)
  }

  @Test("A fault of the instruction leaves no single-step trap behind")
  func faultBeforeTrap() throws {
    let runner = try PrivilegeRunner(.long)
    let trap = RFLAGS.tf.rawValue | 2
    runner.state.pointee.debug.dr6 = 0xffff_0ff0
    #expect(Self.vector(runner.run([0x0f, 0x0b], cpl: 0, flags: trap)) == 6)
    #expect(runner.state.pointee.debug.dr6 & 1 << 14 == 0)
    #expect(Self.vector(runner.run([0x90], cpl: 0, flags: trap)) == 1)
    #expect(runner.state.pointee.debug.dr6 & 1 << 14 != 0)
  }

  @Test("An instruction breakpoint comes before every fault of the instruction, decoding included")
  func breakpointFirst() throws {
    let runner = try PrivilegeRunner(.long)
    runner.state.pointee.debug.dr0 = PrivilegeRunner.codeAddress
    runner.state.pointee.debug.dr7 = 0x402
    for code: [UInt8] in [[0x0f, 0x0b], [0xf4], [0x8a, 0x03]] {
      #expect(
        Self.vector(runner.run(code, cpl: 3, registers: [3: 1 << 63])) == 1, "\(code)")
    }
    // RF lets the instruction's own exception through.
    #expect(
      Self.vector(runner.run([0x0f, 0x0b], cpl: 3, flags: RFLAGS.rf.rawValue | 2)) == 6)
  }

  @Test("A software interrupt's gate is looked at before it is found not present")
  func gatePrivilegeFirst() throws {
    for mode in PrivilegeRunner.Mode.allCases {
      let runner = try PrivilegeRunner(mode)
      runner.setInterruptGate(0x40, access: 0x0e)
      #expect(runner.run([0xcd, 0x40], cpl: 3) == .generalProtection(0x40 << 3 | 2))
      #expect(runner.run([0xcd, 0x40], cpl: 0) == .notPresent(0x40 << 3 | 2))
    }
  }

  @Test("Canonicality is checked before alignment, which only counts at level 3")
  func alignment() throws {
    let runner = try PrivilegeRunner(.long)
    let flags = RFLAGS.ac.rawValue | 2
    // MOV EAX, [RBX]: not canonical and not aligned; not aligned.
    #expect(
      runner.run([0x8b, 0x03], cpl: 3, registers: [3: 0x8000_0000_0001], flags: flags)
        == .generalProtection(0))
    #expect(
      runner.run([0x8b, 0x03], cpl: 3, registers: [3: 0xc001], flags: flags)
        == .faults(vector: 17, errorCode: 0))
    #expect(runner.run([0x8b, 0x03], cpl: 0, registers: [3: 0xc001], flags: flags) == .retires)
  }
}
