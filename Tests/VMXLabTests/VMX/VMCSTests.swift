import Testing

@testable import VMXLab

@Suite("VMCS fields")
struct VMCSFieldTests {
  @Test("the encoding of a field says its width, and no two fields share one")
  func encodings() {
    for field in VMCSField.all {
      #expect(UInt16(field.width.rawValue) == field.encoding >> 13 & 3, "\(field.key)")
      #expect(UInt16(field.type.rawValue) == field.encoding >> 10 & 3, "\(field.key)")
      #expect(field.encoding & 0x9001 == 0, "\(field.key)")
      #expect(field.index < 64, "\(field.key)")
    }
    #expect(Set(VMCSField.all.map(\.encoding)).count == VMCSField.all.count)
  }

  @Test("each property of the VMCS is one field, under its own name")
  func properties() {
    let names = Mirror(reflecting: VMCS()).children.compactMap(\.label)
    #expect(Set(names) == Set(VMCSField.all.map(\.key)))
    #expect(names.count == VMCSField.all.count)
    for field in VMCSField.all {
      var vmcs = VMCS()
      vmcs[field] = .max
      let changed = Mirror(reflecting: vmcs).children.filter { "\($0.value)" != "0" }
      #expect(changed.map(\.label) == [field.key])
      #expect(vmcs[field] == UInt64.max >> (64 - UInt64(field.width.byteCount) * 8))
    }
  }

  @Test("encodings that any VMX programmer knows lead to their fields")
  func knownEncodings() {
    let table: [(UInt16, String)] = [
      (0x0000, "virtualProcessorIdentifier"), (0x0802, "guestCSSelector"),
      (0x0c0c, "hostTRSelector"), (0x2004, "msrBitmapsAddress"), (0x201a, "eptPointer"),
      (0x2400, "guestPhysicalAddress"), (0x2800, "vmcsLinkPointer"), (0x2806, "guestEFER"),
      (0x280a, "guestPDPTE0"), (0x2c02, "hostEFER"), (0x4000, "pinBasedControls"),
      (0x4002, "primaryProcessorBasedControls"), (0x400c, "vmExitControls"),
      (0x4012, "vmEntryControls"), (0x4016, "entryInterruptionInformation"),
      (0x401e, "secondaryProcessorBasedControls"), (0x4400, "vmInstructionError"),
      (0x4402, "exitReason"), (0x440c, "exitInstructionLength"), (0x4816, "guestCSAccessRights"),
      (0x4824, "guestInterruptibilityState"), (0x4826, "guestActivityState"),
      (0x482e, "vmxPreemptionTimerValue"), (0x4c00, "hostSYSENTERCS"), (0x6000, "cr0GuestHostMask"),
      (0x6400, "exitQualification"), (0x640a, "guestLinearAddress"), (0x6800, "guestCR0"),
      (0x681e, "guestRIP"), (0x6820, "guestRFLAGS"), (0x6822, "guestPendingDebugExceptions"),
      (0x6c00, "hostCR0"), (0x6c16, "hostRIP"),
    ]
    for (encoding, key) in table {
      #expect(VMCSField.field(encoding: encoding)?.key == key)
    }
  }

  @Test("the index finds what the table has and nothing else")
  func index() {
    let capabilities = EntryFixture().capabilities
    let index = VMCSFieldIndex.allocate(for: capabilities)
    defer { index.deallocate() }
    var byEncoding: [UInt64: VMCSField] = [:]
    for field in VMCSField.all { byEncoding[UInt64(field.encoding)] = field }
    for encoding in 0..<UInt64(0x2_0000) {
      let location = index.locate(encoding)
      let field = byEncoding[encoding & ~1]
      let isHigh = encoding & 1 != 0
      let exists = field != nil && (!isHigh || field?.width == .bits64)
      #expect(location.isPresent == exists, "\(encoding)")
      guard exists, let field else { continue }
      #expect(location.isHigh == isHigh)
      #expect(location.isReadOnly == (field.type == .readOnlyData))
      #expect(location.readers == VMEntrySections(readersOf: field.group))
    }
    for bit in UInt64(15)..<64 { #expect(!index.locate(0x4000 | 1 << bit).isPresent) }
  }

  @Test("fields of controls that are not offered do not exist")
  func optionalFields() {
    var fixture = EntryFixture()
    fixture.part.secondaryProcessorBasedControls &= ~(2 << 32)
    fixture.part.primaryProcessorBasedControls &= ~(1 << 49)
    let capabilities = fixture.capabilities
    let index = VMCSFieldIndex.allocate(for: capabilities)
    defer { index.deallocate() }
    #expect(!index.locate(0x201a).isPresent)
    #expect(!index.locate(0x2400).isPresent)
    #expect(!index.locate(0x2034).isPresent)
    #expect(index.locate(0x401e).isPresent)
    #expect(index.locate(0x6800).isPresent)
  }

  @Test("reading and writing go by the field's width and the access type")
  func access() {
    let index = VMCSFieldIndex.allocate(for: EntryFixture().capabilities)
    let vmcs = UnsafeMutablePointer<VMCS>.allocate(capacity: 1)
    vmcs.initialize(to: VMCS())
    defer {
      vmcs.deallocate()
      index.deallocate()
    }
    vmcs.write(0x1234_5678_9abc_def0, to: index.locate(0x0802))
    #expect(vmcs.pointee.guestCSSelector == 0xdef0)
    #expect(vmcs.read(index.locate(0x0802)) == 0xdef0)
    vmcs.write(0x1234_5678_9abc_def0, to: index.locate(0x4000))
    #expect(vmcs.pointee.pinBasedControls == 0x9abc_def0)
    vmcs.write(0x1234_5678_9abc_def0, to: index.locate(0x2800))
    #expect(vmcs.read(index.locate(0x2801)) == 0x1234_5678)
    vmcs.write(0xffff_ffff_0bad_cafe, to: index.locate(0x2801))
    #expect(vmcs.pointee.vmcsLinkPointer == 0x0bad_cafe_9abc_def0)
    vmcs.write(.max, to: index.locate(0x681e))
    #expect(vmcs.pointee.guestRIP == .max)
  }
}

@Suite("VMCS regions")
struct VMCSRegionTests {
  private func withRegion(_ body: (UnsafeMutableRawPointer) -> Void) {
    let region = UnsafeMutableRawPointer.allocate(
      byteCount: VMCSRegion.size, alignment: VMCSRegion.size)
    region.initializeMemory(as: UInt8.self, repeating: 0, count: VMCSRegion.size)
    body(region)
    region.deallocate()
  }

  @Test("fields lie in the region without overlapping, after the header")
  func layout() {
    var taken: Set<Int> = []
    for field in VMCSField.all {
      let offset = VMCSRegion.offset(of: field)
      #expect(offset >= 64 && offset + field.width.byteCount <= VMCSRegion.size)
      for byte in offset..<offset + field.width.byteCount {
        #expect(taken.insert(byte).inserted, "\(field.key)")
      }
    }
  }

  @Test("each class of fields stays inside its room")
  func rooms() {
    let bases = [
      64, 128, 192, 256, 512, 640, 896, 1024, 1536, 1792, 2304, 2560, 2816, 3072, 3584, 4096,
    ]
    let classes = Dictionary(grouping: VMCSField.all) { $0.encoding & 0x6c00 }
    for fields in classes.values {
      let offsets = fields.map { VMCSRegion.offset(of: $0) }
      let base = bases.last { $0 <= offsets.min() ?? 0 } ?? 0
      let next = bases.first { $0 > base } ?? 0
      #expect((offsets.max() ?? 0) < next)
    }
  }

  @Test("a VMCS comes back as it was stored")
  func roundTrip() {
    var generator = SplitMix(state: 7)
    var vmcs = VMCS()
    for field in VMCSField.all { vmcs[field] = generator.next() }
    withRegion { region in
      region.storeBytes(of: VMCSRegion.revisionIdentifier, as: UInt32.self)
      VMCSRegion.setLaunched(true, in: region)
      VMCSRegion.setAbortIndicator(2, in: region)
      VMCSRegion.store(&vmcs, to: region)
      var copy = VMCS()
      VMCSRegion.load(&copy, from: region)
      for field in VMCSField.all { #expect(copy[field] == vmcs[field], "\(field.key)") }
      #expect(region.load(as: UInt32.self) == VMCSRegion.revisionIdentifier)
      #expect(region.load(fromByteOffset: 4, as: UInt32.self) == 2)
      #expect(VMCSRegion.isLaunched(region))
      VMCSRegion.setLaunched(false, in: region)
      #expect(!VMCSRegion.isLaunched(region))
    }
  }

  @Test("a region that was never formatted is a VMCS too")
  func unformatted() {
    withRegion { region in
      var vmcs = VMCS()
      for field in VMCSField.all { vmcs[field] = .max }
      VMCSRegion.load(&vmcs, from: region)
      for field in VMCSField.all { #expect(vmcs[field] == 0) }
      #expect(!VMCSRegion.isLaunched(region))
      region.initializeMemory(as: UInt8.self, repeating: 0xa5, count: VMCSRegion.size)
      VMCSRegion.load(&vmcs, from: region)
      #expect(vmcs.guestRIP == 0xa5a5_a5a5_a5a5_a5a5)
      #expect(!VMCSRegion.isLaunched(region))
    }
  }
}
