import Testing

@testable import VMXLab

/// XSETBV, XSAVES and XRSTORS in VMX non-root operation.
@Suite struct ExtendedStateExitTests {
  /// A guest with `code`, which has XSAVE enabled, RBX at its data and EDX:EAX = 100H.
  private func runner(_ code: [UInt8]) throws -> VMXRunner {
    let runner = try VMXRunner()
    runner.vmcs.guestCR4 |= CR4.osxsave.rawValue
    // mov ebx, guestData; mov eax, 100H; xor edx, edx; xor ecx, ecx
    let prologue: [UInt8] = [
      0xbb, 0, 0, 0x81, 0, 0xb8, 0, 1, 0, 0, 0x31, 0xd2, 0x31, 0xc9,
    ]
    runner.setGuestCode(prologue + code)
    return runner
  }

  @Test("XSETBV always exits, after its privilege check")
  func xsetbv() throws {
    let runner = try runner([0x0f, 0x01, 0xd1])
    #expect(runner.exitReason() == .xsetbv)
    #expect(runner.vmcs.exitInstructionLength == 3)
    #expect(runner.state.pointee.vector.xcr0 == 1)
  }

  @Test(
    "XSAVES and XRSTORS are #UD without their control, and exit by the XSS-exiting bitmap",
    arguments: [(5, BasicExitReason.xsaves), (3, .xrstors)] as [(UInt8, BasicExitReason)])
  func xsaves(digit: UInt8, reason: BasicExitReason) throws {
    // 64 bytes behind [RBX].
    let code: [UInt8] = [0x48, 0x0f, 0xc7, 0x43 | digit << 3, 0x40]
    let runner = try runner(code)
    runner.vmcs.exceptionBitmap = 1 << 6
    #expect(runner.exitReason() == .exceptionOrNMI)
    runner.set(secondary: .enableXSAVESXRSTORS)
    runner.vmcs.guestRIP = VMXRunner.Place.guestCode
    // The compacted format, for XRSTORS.
    runner.put(1 << 63, at: VMXRunner.Place.guestData + 64 + 520)
    runner.vmcs.xssExitingBitmap = 0x100
    #expect(runner.exitReason() == .vmcall)
    // A part that has none of the components: set the bit behind the guest's back.
    runner.state.pointee.vector.xss = 0x100
    runner.vmcs.guestRIP = VMXRunner.Place.guestCode
    #expect(runner.exitReason() == reason)
    #expect(runner.vmcs.exitQualification == 0x40)
    // 64-bit address, DS, no index, base RBX.
    #expect(runner.vmcs.exitInstructionInformation == 2 << 7 | 3 << 15 | 1 << 22 | 3 << 23)
    runner.vmcs.xssExitingBitmap = 0x200
    runner.vmcs.guestRIP = VMXRunner.Place.guestCode
    #expect(runner.exitReason() == .vmcall)
  }
  @Test("With CET's components in IA32_XSS they exit for what RFBM, IA32_XSS and the bitmap share")
  func controlFlowComponents() throws {
    for (reason, digit) in [(BasicExitReason.xsaves, 5), (.xrstors, 3)]
      as [(BasicExitReason, UInt8)]
    {
      for (rfbm, xss, bitmap) in [
        (0x1800, 0x1800, 0x800), (0x1000, 0x1800, 0x1000), (0x1000, 0x800, 0x1800),
        (0x800, 0x1800, 0x1000), (0x1800, 0, 0x1800), (0x800, 0x800, 0x8000_0000_0000_0800),
      ] as [(UInt32, UInt64, UInt64)] {
        let runner = try VMXRunner(profile: "sapphire-rapids")
        runner.vmcs.guestCR4 |= CR4.osxsave.rawValue
        runner.set(secondary: .enableXSAVESXRSTORS)
        runner.set(.useMSRBitmaps)
        runner.vmcs.xssExitingBitmap = bitmap
        // MOV EAX, xss; XOR EDX, EDX; MOV ECX, IA32_XSS; WRMSR; MOV EBX, data; MOV EAX, rfbm
        let code: [UInt8] =
          [0xb8, 0, UInt8(xss >> 8), 0, 0, 0x31, 0xd2, 0xb9, 0xa0, 0x0d, 0, 0, 0x0f, 0x30]
          + [0xbb, 0, 0, 0x81, 0, 0xb8, 0, UInt8(rfbm >> 8), 0, 0]
        runner.setGuestCode(code + [0x48, 0x0f, 0xc7, 0x03 | digit << 3])
        // The compacted format, for XRSTORS.
        runner.put(1 << 63, at: VMXRunner.Place.guestData + 520)
        let exits = UInt64(rfbm) & xss & bitmap != 0
        #expect(runner.exitReason() == (exits ? reason : .vmcall))
      }
    }
  }
}
