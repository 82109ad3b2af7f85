import Testing

@testable import VMXLab

@Suite("VMX instructions")
struct VMXInstructionTests {
  private typealias Place = VMXRunner.Place
  private let cf = RFLAGS.cf.rawValue
  private let zf = RFLAGS.zf.rawValue

  /// Every VMX instruction but VMXON, with its VM exit.
  static let others: [([UInt8], BasicExitReason)] = [
    (Code.vmclear, .vmclear), (Code.vmptrld, .vmptrld), (Code.vmptrst, .vmptrst),
    (Code.vmlaunch, .vmlaunch), (Code.vmresume, .vmresume), (Code.vmxoff, .vmxoff),
    (Code.vmreadRegister, .vmread), (Code.vmreadMemory, .vmread),
    (Code.vmwriteRegister, .vmwrite), (Code.vmwriteMemory, .vmwrite), (Code.invept, .invept),
    (Code.invvpid, .invvpid),
  ]

  // MARK: Faults

  @Test("outside VMX operation every instruction but VMXON is #UD")
  func outsideVMXOperation() throws {
    let runner = try VMXRunner()
    #expect(runner.execute(Code.vmxoff) == .retired)
    #expect(runner.statusFlags == 0)
    for (code, _) in Self.others + [(Code.vmcall, .vmcall), (Code.vmfunc, .vmfunc)] {
      #expect(runner.execute(code) == .fault(6), "\(code)")
    }
  }

  @Test("in compatibility mode every instruction is #UD")
  func compatibilityMode() throws {
    let runner = try VMXRunner()
    for (code, _) in Self.others + [(Code.vmxon, .vmxon), (Code.vmcall, .vmcall)] {
      runner.state.pointee.segments[1].access = SegmentAccessRights(rawValue: 0xc09b)
      runner.state.pointee.updateMode()
      #expect(runner.execute(code) == .fault(6), "\(code)")
    }
  }

  @Test("above CPL 0 every instruction is #GP(0)")
  func privilege() throws {
    let runner = try VMXRunner()
    for (code, _) in Self.others + [(Code.vmxon, .vmxon), (Code.vmcall, .vmcall)] {
      runner.state.pointee.cpl = 3
      runner.state.pointee.updateMode()
      #expect(runner.execute(code) == .fault(13), "\(code)")
      runner.state.pointee.cpl = 0
      runner.state.pointee.segments[2].access = SegmentAccessRights(rawValue: 0xc093)
      runner.state.pointee.updateMode()
    }
  }

  @Test("in VMX non-root operation every instruction exits, whatever the privilege")
  func nonRoot() throws {
    let runner = try VMXRunner()
    for (code, reason) in Self.others + [(Code.vmxon, .vmxon), (Code.vmcall, .vmcall)] {
      runner.setGuestCode(code)
      #expect(runner.exitReason() == reason, "\(code)")
      #expect(runner.vmcs.exitInstructionLength == UInt32(code.count), "\(code)")
      #expect(runner.vmcs.exitQualification == 0)
      #expect(runner.vmcs.guestRIP == Place.guestCode)
    }
  }

  @Test(
    "a non-canonical memory operand is #GP, with SS as its segment #SS",
    arguments: [Code.vmclear, Code.vmptrld, Code.vmptrst, Code.vmreadMemory, Code.vmwriteMemory])
  func nonCanonicalOperand(code: [UInt8]) throws {
    let runner = try VMXRunner()
    #expect(runner.execute(code, memory: 0x8000_0000_0000) == .fault(13))
    // [RBP + 0] in place of [RBX].
    let stacked = Array(code.dropLast()) + [code[code.count - 1] & 0x38 | 0x45, 0]
    #expect(runner.execute(stacked, registers: [5: 0x8000_0000_0000]) == .fault(12))
  }

  // MARK: VMXON

  @Test("VMXON is #GP without the enabled lock of IA32_FEATURE_CONTROL, or with CR0.NE clear")
  func vmxonGeneralProtection() throws {
    let runner = try VMXRunner()
    runner.execute(Code.vmxoff)
    runner.put(Place.vmxon, at: Place.data)
    for featureControl in [0, 1, 4] as [UInt64] {
      runner.state.pointee.msrs.featureControl = featureControl
      #expect(runner.execute(Code.vmxon) == .fault(13))
    }
    runner.state.pointee.msrs.featureControl = 5
    runner.state.pointee.cr0.remove(.ne)
    #expect(runner.execute(Code.vmxon) == .fault(13))
    runner.state.pointee.cr0.insert(.ne)
    runner.state.pointee.setA20(false)
    #expect(runner.execute(Code.vmxon, memory: Place.data) == .fault(13))
    runner.state.pointee.setA20(true)
    #expect(runner.execute(Code.vmxon) == .retired)
    #expect(runner.statusFlags == 0)
  }

  @Test("VMXON is #UD without CR4.VMXE")
  func vmxonWithoutVMXE() throws {
    let runner = try VMXRunner()
    runner.execute(Code.vmxoff)
    runner.state.pointee.cr4.remove(.vmxe)
    #expect(runner.execute(Code.vmxon) == .fault(6))
  }

  @Test("VMXON with a wrong region is VMfailInvalid")
  func vmxonFails() throws {
    let runner = try VMXRunner()
    runner.execute(Code.vmxoff)
    let shadow = Place.otherVMCS
    runner.put(UInt64(VMCSRegion.revisionIdentifier | 1 << 31), at: shadow)
    for pointer in [Place.vmxon + 8, 1 << 46, Place.host, shadow, 1 << 63] {
      runner.put(pointer, at: Place.data)
      #expect(runner.execute(Code.vmxon) == .retired)
      #expect(runner.statusFlags == cf, "\(pointer)")
      #expect(!runner.state.pointee.vmx.isOn)
    }
  }

  @Test("VMXON in VMX root operation fails with error 15, with no current VMCS as VMfailInvalid")
  func vmxonTwice() throws {
    let runner = try VMXRunner()
    #expect(runner.execute(Code.vmxon) == .retired)
    #expect(runner.statusFlags == zf)
    #expect(runner.vmcs.vmInstructionError == 15)
    runner.put(Place.vmcs, at: Place.data)
    runner.execute(Code.vmclear)
    #expect(runner.execute(Code.vmxon) == .retired)
    #expect(runner.statusFlags == cf)
  }

  @Test("CR0 and CR4 cannot lose in VMX operation what it needs")
  func fixedBits() throws {
    let runner = try VMXRunner()
    // MOV CR4, RAX without VMXE; MOV CR0, RAX without PG, and without NE.
    let cr4 = runner.state.pointee.cr4.subtracting(.vmxe).rawValue
    #expect(runner.execute([0x0f, 0x22, 0xe0], registers: [0: cr4]) == .fault(13))
    let cr0 = runner.state.pointee.cr0
    for bits in [CR0.ne, [.pg], [.pe, .pg]] as [CR0] {
      let value = cr0.subtracting(bits).rawValue
      #expect(runner.execute([0x0f, 0x22, 0xc0], registers: [0: value]) == .fault(13))
    }
  }

  // MARK: VMCALL, VMFUNC, VMXOFF

  @Test("VMCALL in VMX root operation fails with error 1, VMFUNC is #UD")
  func vmcallAndVMFUNC() throws {
    let runner = try VMXRunner()
    #expect(runner.execute(Code.vmcall) == .retired)
    #expect(runner.statusFlags == zf)
    #expect(runner.vmcs.vmInstructionError == 1)
    #expect(runner.execute(Code.vmfunc) == .fault(6))
    runner.setGuestCode(Code.vmfunc)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 6)
  }

  // MARK: VMCLEAR, VMPTRLD, VMPTRST

  @Test("VMCLEAR and VMPTRLD refuse pointers by their error numbers", arguments: [false, true])
  func pointers(isLoad: Bool) throws {
    let runner = try VMXRunner()
    let code = isLoad ? Code.vmptrld : Code.vmclear
    let address: UInt32 = isLoad ? 9 : 2
    for (pointer, error) in [
      (Place.otherVMCS + 1, address), (Place.otherVMCS | 0x800, address), (1 << 46, address),
      (1 << 63, address), (Place.vmxon, isLoad ? 10 : 3),
    ] as [(UInt64, UInt32)] {
      runner.put(pointer, at: Place.data)
      #expect(runner.execute(code) == .retired)
      #expect(runner.statusFlags == zf)
      #expect(runner.vmcs.vmInstructionError == error, "\(pointer)")
    }
    #expect(runner.state.pointee.vmx.currentPointer == Place.vmcs)
  }

  @Test("VMPTRLD refuses a wrong revision identifier with error 11")
  func revision() throws {
    let runner = try VMXRunner()
    runner.put(Place.otherVMCS, at: Place.data)
    for revision in [0, VMCSRegion.revisionIdentifier + 1] {
      runner.put(UInt64(revision), at: Place.otherVMCS)
      runner.execute(Code.vmptrld)
      #expect(runner.statusFlags == zf)
      #expect(runner.vmcs.vmInstructionError == 11)
    }
    // A pointer to a hole reads all ones.
    runner.put(0xfeed_0000, at: Place.data)
    runner.execute(Code.vmptrld)
    #expect(runner.vmcs.vmInstructionError == 11)
  }

  @Test(
    "two VMCSs keep their data and launch states across VMPTRLD; VMCLEAR clears the launch state")
  func twoVMCSs() throws {
    let runner = try VMXRunner()
    #expect(runner.enter() == .exit)
    runner.vmcs.cr3TargetValue0 = 0x1234
    runner.put(Place.otherVMCS, at: Place.data)
    runner.execute(Code.vmptrld)
    #expect(runner.vmcs.cr3TargetValue0 == 0)
    #expect(!runner.state.pointee.vmx.isLaunched)
    #expect(runner.enter(launch: false) == .failValid(5))
    runner.put(Place.vmcs, at: Place.data)
    runner.execute(Code.vmptrld)
    #expect(runner.vmcs.cr3TargetValue0 == 0x1234)
    #expect(runner.state.pointee.vmx.isLaunched)
    #expect(runner.enter(launch: true) == .failValid(4))
    runner.execute(Code.vmclear)
    #expect(runner.state.pointee.vmx.currentPointer == VMXState.noPointer)
    #expect(runner.enter(launch: true) == .failInvalid)
    runner.execute(Code.vmptrld)
    #expect(runner.enter(launch: false) == .failValid(5))
    #expect(runner.enter(launch: true) == .exit)
  }

  @Test("a copy of a cleared region is a copy of its VMCS")
  func copiedRegion() throws {
    let runner = try VMXRunner()
    runner.vmcs.tscOffset = 0x1122_3344_5566_7788
    runner.put(Place.vmcs, at: Place.data)
    runner.execute(Code.vmclear)
    let bytes = try #require(runner.machine.memory.read(4096, at: Place.vmcs))
    runner.machine.writeMemory(bytes, at: Place.otherVMCS)
    runner.put(Place.otherVMCS, at: Place.data)
    runner.execute(Code.vmptrld)
    #expect(runner.vmcs.tscOffset == 0x1122_3344_5566_7788)
    #expect(runner.enter() == .exit)
  }

  @Test("VMPTRST stores the current-VMCS pointer, all ones if there is none")
  func vmptrst() throws {
    let runner = try VMXRunner()
    runner.execute(Code.vmptrst, memory: Place.data + 64)
    #expect(runner.get(Place.data + 64) == Place.vmcs)
    runner.put(Place.vmcs, at: Place.data)
    runner.execute(Code.vmclear)
    runner.execute(Code.vmptrst, memory: Place.data + 64)
    #expect(runner.get(Place.data + 64) == .max)
    #expect(runner.statusFlags == 0)
  }

  // MARK: VMREAD and VMWRITE

  @Test("VMWRITE and VMREAD move every field, registers and memory alike")
  func readAndWrite() throws {
    let runner = try VMXRunner()
    for field in VMCSField.all where field.requirement.isMet(by: runner.capabilities) {
      let encoding = UInt64(field.encoding)
      let pattern: UInt64 = 0x0123_4567_89ab_cdef &* (encoding | 1)
      let mask: UInt64 =
        switch field.width {
        case .bits16: 0xffff
        case .bits32: 0xffff_ffff
        default: .max
        }
      runner.execute(Code.vmwriteRegister, registers: [0: encoding, 1: pattern])
      #expect(runner.statusFlags == 0, "\(field.name)")
      runner.execute(Code.vmreadRegister, registers: [0: encoding, 1: 0])
      #expect(runner.state.pointee.general[1] == pattern & mask, "\(field.name)")
      runner.put(~pattern, at: Place.data)
      runner.execute(Code.vmwriteMemory, registers: [0: encoding])
      runner.execute(Code.vmreadMemory, memory: Place.data + 8, registers: [0: encoding])
      #expect(runner.get(Place.data + 8) == ~pattern & mask, "\(field.name)")
    }
  }

  @Test("VMREAD and VMWRITE of a field that is not there fail with error 12")
  func unsupportedField() throws {
    let runner = try VMXRunner()
    let tscOffset: UInt64 = 0x2010
    let encodings: [UInt64] = [
      0x7fff, 0x4801, tscOffset | 1 << 32, tscOffset | 1 << 15, 0x681e | 1,
    ]
    for encoding in encodings {
      for code in [Code.vmreadRegister, Code.vmwriteRegister] {
        runner.execute(code, registers: [0: encoding, 1: 0x55])
        #expect(runner.statusFlags == zf, "\(encoding)")
        #expect(runner.vmcs.vmInstructionError == 12)
        #expect(runner.state.pointee.general[1] == 0x55)
      }
    }
  }

  @Test("with no current VMCS, VMREAD and VMWRITE are VMfailInvalid")
  func withoutVMCS() throws {
    let runner = try VMXRunner()
    runner.put(Place.vmcs, at: Place.data)
    runner.execute(Code.vmclear)
    for code in [Code.vmreadRegister, Code.vmwriteRegister] {
      runner.execute(code, registers: [0: 0x2010])
      #expect(runner.statusFlags == cf)
    }
  }

  @Test("a processor without IA32_VMX_MISC[29] refuses VMWRITE of exit information with error 13")
  func readOnlyField() throws {
    let runner = try VMXRunner(profile: "nehalem")
    let misc = runner.capabilities.msrs.miscellaneous
    runner.execute(Code.vmwriteRegister, registers: [0: 0x4402, 1: 7])
    if misc & VMXMiscellaneous.vmwriteToAnyField == 0 {
      #expect(runner.statusFlags == zf)
      #expect(runner.vmcs.vmInstructionError == 13)
    } else {
      #expect(runner.vmcs.exitReason == 7)
    }
  }

  @Test("VMREAD with 66, F2 or F3 is no VMREAD")
  func prefixes() throws {
    let runner = try VMXRunner()
    for prefix in [0x66, 0xf2, 0xf3] as [UInt8] {
      #expect(runner.execute([prefix] + Code.vmreadRegister) != .retired)
    }
  }

  // MARK: INVEPT and INVVPID

  @Test("INVEPT takes types 1 and 2 and an EPT pointer that VM entry would take")
  func invept() throws {
    let runner = try VMXRunner()
    let good = Place.ept | 0x1e
    for (type, pointer, succeeds) in [
      (1, good, true), (2, good, true), (2, 0xff, true), (0, good, false), (3, good, false),
      (1, good | 0x80, false), (1, Place.ept | 0x1d, false), (1, Place.ept | 0x16, false),
      (1, good | 1 << 46, false), (1 << 32 | 1, good, false),
    ] as [(UInt64, UInt64, Bool)] {
      runner.put(pointer, at: Place.data)
      runner.put(0, at: Place.data + 8)
      #expect(runner.execute(Code.invept, registers: [0: type]) == .retired)
      #expect(runner.statusFlags == (succeeds ? 0 : zf), "type \(type), \(pointer)")
      if !succeeds { #expect(runner.vmcs.vmInstructionError == 28) }
    }
    // An unsupported type fails before the descriptor is read.
    #expect(runner.execute(Code.invept, memory: 1 << 62, registers: [0: 9]) == .retired)
    #expect(runner.execute(Code.invept, memory: 1 << 62, registers: [0: 1]) == .fault(13))
  }

  @Test("INVVPID takes types 0 to 3, reserved bits clear, and a VPID where it needs one")
  func invvpid() throws {
    let runner = try VMXRunner()
    for (type, low, address, succeeds) in [
      (0, 1, 0x1000, true), (1, 1, 0, true), (2, 0, 0, true), (3, 1, 0, true),
      (0, 0, 0x1000, false), (1, 0, 0, false), (3, 0, 0, false), (4, 1, 0, false),
      (0, 1, 1 << 47, false), (1, 1, 1 << 47, true), (1, 0x1_0001, 0, false),
      (2, 0x1_0000, 0, false),
    ] as [(UInt64, UInt64, UInt64, Bool)] {
      runner.put(low, at: Place.data)
      runner.put(address, at: Place.data + 8)
      #expect(runner.execute(Code.invvpid, registers: [0: type]) == .retired)
      #expect(runner.statusFlags == (succeeds ? 0 : zf), "type \(type), \(low), \(address)")
      if !succeeds { #expect(runner.vmcs.vmInstructionError == 28) }
    }
  }

  // MARK: VMLAUNCH and VMRESUME, the early failures

  @Test("a VM entry in the shadow of MOV SS fails with error 26")
  func movSSBlocking() throws {
    let runner = try VMXRunner()
    // MOV SS, AX; VMLAUNCH; HLT.
    runner.execute([0x8e, 0xd0] + Code.vmlaunch, registers: [0: 16])
    #expect(runner.machine.run(instructions: 2) == .instructionLimit || runner.statusFlags == zf)
    #expect(runner.statusFlags == zf)
    #expect(runner.vmcs.vmInstructionError == 26)
  }

  @Test("an early failure changes flags and the error field alone", arguments: [7, 8] as [UInt32])
  func earlyFailure(error: UInt32) throws {
    let runner = try VMXRunner()
    if error == 7 { runner.vmcs.cr3TargetCount = 99 } else { runner.vmcs.hostCR3 = 1 << 60 }
    runner.inject(.externalInterrupt, 0x30)
    let before = runner.vmcs
    #expect(runner.enter() == .failValid(error))
    for field in VMCSField.all where field.key != "vmInstructionError" {
      #expect(runner.vmcs[field] == before[field], "\(field.name)")
    }
    #expect(!runner.state.pointee.vmx.isLaunched)
    #expect(runner.state.pointee.cr3 == Place.tables)
  }
}
