import Testing

@testable import VMXLab

@Suite("VM functions")
struct VMFunctionTests {
  private typealias Place = VMXRunner.Place
  private static let other = Place.ept + 0x8000

  /// L2 with two sets of EPT entries: in the second its data page is the page behind it.
  private func runner(_ function: UInt32 = 0, index: UInt32 = 1) throws -> VMXRunner {
    let runner = try VMXRunner()
    runner.set(secondary: [.enableEPT, .enableVMFunctions])
    runner.vmcs.vmFunctionControls = 1
    runner.vmcs.eptpListAddress = Place.eptpList
    for offset in stride(from: 0, to: 0x4000, by: 8) as StrideTo<UInt64> {
      runner.put(runner.get(Place.ept + offset), at: Self.other + offset)
    }
    runner.put(Self.other + 0x1000 | 7, at: Self.other)
    runner.put(Self.other + 0x2000 | 7, at: Self.other + 0x1000)
    runner.put(Self.other + 0x3000 | 7, at: Self.other + 0x2000 + (Place.guestCode >> 21) * 8)
    let entry = runner.eptEntry(Place.guestData) - Place.ept + Self.other
    runner.put(Place.guestData + 0x1000 | 0x37, at: entry)
    runner.put(runner.vmcs.eptPointer, at: Place.eptpList)
    runner.put(Self.other | 0x1e, at: Place.eptpList + 8)
    runner.put(1, at: Place.guestData)
    runner.put(2, at: Place.guestData + 0x1000)
    // MOV EBX, data; MOV DL, [RBX]; MOV EAX, function; MOV ECX, index; VMFUNC; MOV DH, [RBX].
    let words = [function, index].map { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    runner.setGuestCode(
      [0xbb, 0, 0, 0x81, 0, 0x8a, 0x13, 0xb8] + words[0] + [0xb9] + words[1] + Code.vmfunc
        + [0x8a, 0x33])
    return runner
  }

  @Test("EPTP switching changes the EPT pointer, and translations with it")
  func switches() throws {
    let runner = try runner()
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.state.pointee.general[2] & 0xffff == 0x0201)
    #expect(runner.vmcs.eptPointer == Self.other | 0x1e)
    #expect(runner.vmcs.eptpIndex == 0)
    // The next entry starts with the new pointer.
    runner.vmcs.guestRIP = Place.guestCode
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.state.pointee.general[2] & 0xff == 2)
  }

  @Test("it works at CPL 3, and back again in the same guest")
  func thereAndBack() throws {
    let runner = try runner()
    runner.vmcs.guestCSSelector = 0xb
    runner.vmcs.guestCSAccessRights = 0xa0fb
    runner.vmcs.guestSSSelector = 0x13
    runner.vmcs.guestSSAccessRights = 0xc0f3
    // After the first switch: XOR ECX, ECX; VMFUNC; MOV AL, [RBX].
    let end = Place.guestCode + 7 + 10 + 3 + 2
    runner.machine.writeMemory([0x31, 0xc9] + Code.vmfunc + [0x8a, 0x03] + Code.vmcall, at: end)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.state.pointee.general[2] & 0xffff == 0x0201)
    #expect(runner.state.pointee.general[0] & 0xff == 1)
    #expect(runner.vmcs.eptPointer == Place.ept | 0x1e)
  }

  @Test("with EPT-violation #VE the index goes into the VMCS")
  func eptpIndex() throws {
    let runner = try runner()
    runner.set(secondary: .eptViolationVE)
    runner.vmcs.virtualizationExceptionInformationAddress = Place.virtualizationException
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.vmcs.eptpIndex == 1)
  }

  @Test("an index or a pointer that is not valid exits, and so does a function that is not enabled")
  func exits() throws {
    for (function, index, pointer) in [
      (0, 512, 0x1e), (0, 1, 0), (0, 1, 0x9e), (0, 1, 1 << 46 | 0x1e), (1, 1, 0x1e), (63, 1, 0x1e),
    ] as [(UInt32, UInt32, UInt64)] {
      let runner = try runner(function, index: index)
      runner.put(Self.other | pointer, at: Place.eptpList + 8)
      // What lies behind the list is not read.
      runner.put(Self.other | 0x1e, at: Place.eptpList + 512 * 8)
      #expect(runner.exitReason() == .vmfunc)
      #expect(runner.vmcs.exitInstructionLength == 3)
      #expect(runner.vmcs.exitQualification == 0)
      #expect(runner.vmcs.guestRIP == Place.guestCode + 17)
      #expect(runner.vmcs.eptPointer == Place.ept | 0x1e)
    }
  }

  @Test("functions above 63, and all without the control, are #UD")
  func invalidOpcode() throws {
    let runner = try runner(64)
    #expect(runner.exitReason() == .vmcall)
    #expect(runner.guestHandler == 6)
    let without = try self.runner()
    without.vmcs.secondaryProcessorBasedControls &=
      ~SecondaryProcessorBasedControls.enableVMFunctions.rawValue
    #expect(without.exitReason() == .vmcall)
    #expect(without.guestHandler == 6)
    #expect(try VMXRunner().execute(Code.vmfunc) == .fault(6))
  }
}
