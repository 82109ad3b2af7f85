import Testing

@testable import VMXLab

@Suite("VMCS shadowing")
struct ShadowVMCSTests {
  private typealias Place = VMXRunner.Place
  private static let shadow = Place.otherVMCS

  /// L2 whose VMREADs and VMWRITEs all go to the shadow VMCS.
  private func runner(_ code: [UInt8] = Code.vmreadRegister) throws -> VMXRunner {
    let runner = try VMXRunner()
    runner.put(UInt64(VMCSRegion.revisionIdentifier) | 1 << 31, at: Self.shadow)
    runner.set(secondary: .vmcsShadowing)
    runner.vmcs.vmcsLinkPointer = Self.shadow
    runner.vmcs.vmreadBitmapAddress = Place.vmreadBitmap
    runner.vmcs.vmwriteBitmapAddress = Place.vmwriteBitmap
    for offset in stride(from: 0, to: 4096, by: 8) as StrideTo<UInt64> {
      runner.put(0, at: Place.vmreadBitmap + offset)
      runner.put(0, at: Place.vmwriteBitmap + offset)
    }
    runner.setGuestCode(code)
    return runner
  }

  /// Runs L2's code with RAX a field's encoding and RCX a value; RCX and the status flags after it.
  private func access(
    _ runner: VMXRunner, _ encoding: UInt64, _ value: UInt64 = 0
  ) -> (value: UInt64, flags: UInt64) {
    runner.vmcs.guestRIP = Place.guestCode
    runner.vmcs.guestRFLAGS = 2
    runner.state.pointee.general[0] = encoding
    runner.state.pointee.general[1] = value
    runner.state.pointee.general[3] = Place.guestData
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == nil)
    return (runner.state.pointee.general[1], runner.vmcs.guestRFLAGS & RFLAGS.status.rawValue)
  }

  @Test("L2 reads in the shadow VMCS what L1 wrote there, in every field")
  func reads() throws {
    let runner = try runner()
    let fields = VMCSField.all.filter { $0.requirement.isMet(by: runner.capabilities) }
    runner.put(Self.shadow, at: Place.data)
    runner.put(Place.vmcs, at: Place.data + 8)
    runner.execute(Code.vmptrld)
    #expect(runner.statusFlags == 0)
    var values: [UInt16: UInt64] = [:]
    for (number, field) in fields.enumerated() {
      var value = UInt64(number + 1) &* 0x9e37_79b9_7f4a_7c15
      if field.width == .bits16 { value &= 0xffff }
      if field.width == .bits32 { value &= 0xffff_ffff }
      values[field.encoding] = value
      runner.execute(
        Code.vmwriteRegister, registers: [0: UInt64(field.encoding), 1: value])
      #expect(runner.statusFlags == 0, "\(field.name)")
    }
    runner.execute(Code.vmclear)
    runner.execute(Code.vmptrld, memory: Place.data + 8)
    for field in fields {
      let (value, flags) = access(runner, UInt64(field.encoding))
      #expect(value == values[field.encoding], "\(field.name)")
      #expect(flags == 0)
      guard field.width == .bits64 else { continue }
      let high = access(runner, UInt64(field.encoding | 1)).value
      #expect(high == (values[field.encoding] ?? 0) >> 32, "\(field.name)")
    }
  }

  @Test("L1 reads what L2 wrote, exit information included; the current VMCS stays as it is")
  func writes() throws {
    let runner = try runner(Code.vmwriteRegister)
    let reason = runner.vmcs.exitReason
    #expect(access(runner, 0x681e, 0x1234_5678_9abc_def0).flags == 0)
    #expect(access(runner, 0x4402, 0x55).flags == 0)
    #expect(access(runner, 0x2011, 0x77).flags == 0)
    #expect(access(runner, 0x0800, 0x1_0018).flags == 0)
    #expect(runner.vmcs.guestESSelector == 16)
    #expect(runner.vmcs.exitReason != 0x55 || reason == 0x55)
    runner.put(Self.shadow, at: Place.data)
    runner.execute(Code.vmptrld)
    #expect(runner.vmcs.guestRIP == 0x1234_5678_9abc_def0)
    #expect(runner.vmcs.exitReason == 0x55)
    #expect(runner.vmcs.tscOffset == 0x77 << 32)
    #expect(runner.vmcs.guestESSelector == 0x18)
  }

  @Test("memory operands work as in VMX root operation")
  func memoryOperands() throws {
    let runner = try runner(Code.vmwriteMemory)
    runner.put(0xabcd_ef01_2345_6789, at: Place.guestData)
    #expect(access(runner, 0x681c).flags == 0)
    runner.setGuestCode(Code.vmreadMemory)
    runner.put(0, at: Place.guestData)
    #expect(access(runner, 0x681c).flags == 0)
    #expect(runner.get(Place.guestData) == 0xabcd_ef01_2345_6789)
  }

  @Test("the bitmaps, and encodings above them, make L2 exit")
  func bitmaps() throws {
    for (code, bitmap, reason) in [
      (Code.vmreadRegister, Place.vmreadBitmap, BasicExitReason.vmread),
      (Code.vmwriteRegister, Place.vmwriteBitmap, BasicExitReason.vmwrite),
    ] {
      let runner = try runner(code)
      let encoding: UInt64 = 0x6800
      runner.machine.writeMemory([1], at: bitmap + encoding >> 3)
      runner.state.pointee.general[0] = encoding
      #expect(runner.exitReason() == reason)
      #expect(runner.vmcs.exitInstructionLength == 3)
      for other in [0x8000, 1 << 32, 1 << 63 | 0x6802] as [UInt64] {
        runner.state.pointee.general[0] = other
        runner.vmcs.guestRIP = Place.guestCode
        #expect(runner.exitReason() == reason)
      }
      #expect(access(runner, 0x6802).flags == 0)
    }
  }

  @Test("without a link pointer they fail with CF, of no field with error 12")
  func failures() throws {
    let runner = try runner()
    #expect(access(runner, 0x7ffe).flags == RFLAGS.zf.rawValue)
    #expect(runner.vmcs.vmInstructionError == 12)
    runner.vmcs.vmcsLinkPointer = .max
    #expect(access(runner, 0x6800).flags == RFLAGS.cf.rawValue)
  }

  @Test("at CPL 3 the exit comes before #GP, which comes without it")
  func privilege() throws {
    let runner = try runner()
    runner.vmcs.guestCSSelector = 0xb
    runner.vmcs.guestCSAccessRights = 0xa0fb
    runner.vmcs.guestSSSelector = 0x13
    runner.vmcs.guestSSAccessRights = 0xc0f3
    runner.vmcs.exceptionBitmap = 1 << 13
    runner.state.pointee.general[0] = 0x6800
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0b0d)
    runner.state.pointee.general[0] = 0x8000
    #expect(runner.exitReason() == .vmread)
  }

  @Test("a shadow VMCS can be current, but not entered")
  func entry() throws {
    let runner = try runner()
    runner.put(Self.shadow, at: Place.data)
    runner.execute(Code.vmptrld)
    #expect(runner.statusFlags == 0)
    #expect(runner.enter(launch: true) == .failInvalid)
    #expect(runner.enter(launch: false) == .failInvalid)
    runner.execute(Code.vmxon)
    #expect(runner.statusFlags == RFLAGS.zf.rawValue)
    runner.put(Place.vmcs, at: Place.data)
    runner.execute(Code.vmptrld)
    runner.vmcs.vmcsLinkPointer = .max
    runner.vmcs.secondaryProcessorBasedControls = 0
    runner.setGuestCode([])
    #expect(runner.exitReason() == .vmcall)
  }

  @Test("parts without the control reject a shadow VMCS with error 11")
  func notOffered() throws {
    let runner = try VMXRunner(profile: "nehalem")
    runner.put(UInt64(VMCSRegion.revisionIdentifier) | 1 << 31, at: Self.shadow)
    runner.put(Self.shadow, at: Place.data)
    runner.execute(Code.vmptrld)
    #expect(runner.statusFlags == RFLAGS.zf.rawValue)
    #expect(runner.vmcs.vmInstructionError == 11)
  }
}
