import Testing

@testable import VMXLab

@Suite("Virtualization exceptions")
struct VirtualizationExceptionTests {
  private typealias Place = VMXRunner.Place
  private static let area = Place.virtualizationException
  private static let page = Place.guestData
  /// MOV EBX, data + 0x123; MOV [RBX], AL.
  private static let write: [UInt8] = [0xbb, 0x23, 0x01, 0x81, 0, 0x88, 0x03]

  private func runner(_ code: [UInt8] = write, entry: UInt64 = 0x31) throws -> VMXRunner {
    let runner = try VMXRunner()
    runner.set(secondary: [.enableEPT, .eptViolationVE])
    runner.vmcs.virtualizationExceptionInformationAddress = Self.area
    runner.vmcs.eptpIndex = 0x1234
    runner.put(Self.page | entry, at: runner.eptEntry(Self.page))
    for offset in stride(from: 0, to: 40, by: 8) as StrideTo<UInt64> {
      runner.put(0, at: Self.area + offset)
    }
    runner.setGuestCode(code)
    return runner
  }

  @Test("a convertible EPT violation raises #VE with its information in the area")
  func delivered() throws {
    for entry in [0x31, 0] as [UInt64] {
      let runner = try runner(entry: entry)
      #expect(runner.exitReason() == .vmcall)
      #expect(runner.guestHandler == 20)
      // No error code; the faulting instruction; RF in the image.
      #expect(runner.guestStack(0) == Place.guestCode + 5)
      #expect(runner.guestStack(2) & RFLAGS.rf.rawValue != 0)
      #expect(runner.get(Self.area) == 0xffff_ffff_0000_0030)
      let rights = (entry & 7) << 3
      #expect(runner.get(Self.area + 8) == 2 | rights | 0x780)
      #expect(runner.get(Self.area + 16) == Self.page + 0x123)
      #expect(runner.get(Self.area + 24) == Self.page + 0x123)
      #expect(runner.get(Self.area + 32) & 0xffff == 0x1234)
    }
  }

  @Test("bit 63 suppresses it, whether the entry is present or not; of a table's entry it does not")
  func suppressed() throws {
    for entry in [EPTEntry.suppressVE | 0x31, EPTEntry.suppressVE] {
      let runner = try runner(entry: entry)
      #expect(runner.exitReason() == .eptViolation)
      #expect(runner.get(Self.area) == 0)
    }
    let runner = try runner()
    let directory = Place.ept + 0x2000 + (Place.guestCode >> 21) * 8
    runner.put(runner.get(directory) | EPTEntry.suppressVE, at: directory)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 20)
  }

  @Test("while the area is busy the violation exits")
  func busy() throws {
    let runner = try runner()
    runner.put(1 << 32, at: Self.area)
    #expect(runner.exitReason() == .eptViolation)
    #expect(runner.get(Self.area) == 1 << 32)
  }

  @Test("a violation in the delivery of an event exits")
  func duringDelivery() throws {
    let runner = try runner(Code.ud2)
    runner.vmcs.guestRSP = Self.page + 0x800
    #expect(runner.exitReason() == .eptViolation)
    #expect(runner.vmcs.idtVectoringInformation == 0x8000_0306)
  }

  @Test("misconfigurations are never converted")
  func misconfiguration() throws {
    let runner = try runner(entry: 2)
    #expect(runner.exitReason() == .eptMisconfiguration)
  }

  @Test("the exception bitmap applies")
  func exceptionBitmap() throws {
    let runner = try runner()
    runner.vmcs.exceptionBitmap = 1 << 20
    #expect(runner.exitReason() == .exceptionOrNMI)
    #expect(runner.vmcs.exitInterruptionInformation == 0x8000_0314)
    #expect(runner.vmcs.exitQualification == 0)
    #expect(runner.get(Self.area) == 0xffff_ffff_0000_0030)
  }
}
