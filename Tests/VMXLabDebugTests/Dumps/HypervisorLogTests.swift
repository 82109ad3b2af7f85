import Testing
import VMXLab

@testable import VMXLabDebug

@Suite("Reading logs of hypervisors")
struct HypervisorLogTests {
  private func dump(_ log: String) throws -> VMCSDump {
    let dumps = try VMCSDump.read(log)
    #expect(dumps.count == 1)
    return try #require(dumps.first)
  }

  @Test("every form has the fields in their places", arguments: LogFixtures.all)
  func fields(name: String, log: String) throws {
    let dump = try dump(log)
    #expect(dump.source == (name.hasSuffix("KVM") ? "Linux KVM" : "Xen"))
    #expect(dump.profileName == nil)
    let isKVM = name.hasSuffix("KVM")
    let expected: [(String, UInt64)] = [
      ("guestCR0", 0x8005_0033), ("cr0ReadShadow", 0x8005_0033), ("guestCR4", 0x26f0),
      ("cr4ReadShadow", 0x6f0), ("guestCR3", 0x123_4000), ("guestRSP", 0xffff_c900_0001_7418),
      ("guestRIP", 0xffff_ffff_8100_0010), ("guestRFLAGS", 0x246), ("guestDR7", 0x400),
      ("guestSYSENTERESP", 0xffff_fe00_0000_3000), ("guestSYSENTERCS", 0x10),
      ("guestSYSENTEREIP", 0xffff_ffff_8220_1960), ("guestCSSelector", 0x10),
      ("guestCSAccessRights", 0xa09b), ("guestCSLimit", 0xffff_ffff), ("guestCSBase", 0),
      ("guestGSAccessRights", 0x1_c001), ("guestGSBase", 0xffff_8882_36e0_0000),
      ("guestGDTRLimit", 0x7f), ("guestGDTRBase", 0xffff_fe00_0000_1000),
      ("guestIDTRLimit", 0xfff), ("guestIDTRBase", 0xffff_fe00_0000_0000),
      ("guestTRSelector", 0x40), ("guestTRAccessRights", 0x8b), ("guestTRLimit", 0x4087),
      ("guestPAT", 0x0407_0506_0007_0106), ("guestDebugCtl", 0),
      ("guestPendingDebugExceptions", 0), ("guestInterruptibilityState", 0),
      ("guestActivityState", 0),
      ("hostRIP", isKVM ? 0xffff_ffff_c11a_ccb0 : 0xffff_82d0_8034_1950),
      ("hostRSP", isKVM ? 0xffff_acd0_87de_7d28 : 0xffff_8308_3ff0_ff70),
      ("hostCSSelector", isKVM ? 0x10 : 0xe008), ("hostTRSelector", isKVM ? 0x40 : 0xe040),
      ("hostTRBase", isKVM ? 0xffff_fe4d_122b_d000 : 0xffff_8308_3ff1_4000),
      ("hostCR3", isKVM ? 0x3_5dde_6000 : 0x5_4dbe_a000),
      ("hostSYSENTEREIP", isKVM ? 0xffff_ffff_a7e0_2020 : 0xffff_82d0_8039_5440),
      ("hostPAT", isKVM ? 0x0407_0506_0007_0106 : 0x0000_0501_0007_0406),
      ("exceptionBitmap", name == "new Xen" ? 0x6_0002 : 0x6_0042),
      ("entryInterruptionInformation", 0), ("exitReason", 0x8000_0021),
      ("exitQualification", 0), ("tprThreshold", 0),
      ("eptPointer", isKVM ? 0x2_99e9_305e : 0x5_4e3a_701e),
    ]
    for (key, value) in expected { #expect(dump[key] == value, "\(key)") }
    let absent = [
      "vmcsLinkPointer", "ioBitmapAAddress", "msrBitmapsAddress", "entryMSRLoadAddress", "hostSSP",
    ]
    for key in absent { #expect(dump[key] == nil, "\(key)") }
    #expect(dump["guestEFER"] == (name == "old Xen" ? nil : 0xd01))
    #expect(dump.entry.exitReason == 0x8000_0021)
    #expect(dump.entry.exitQualification == 0)
    #expect(dump.entry.failedStage == .guestState)
  }

  @Test("prefixes, quotation and broken lines do not matter", arguments: LogFixtures.all)
  func disturbances(name: String, log: String) throws {
    let plain = try dump(log)
    let lines = log.split(separator: "\n").map(String.init)
    let bare = lines.map { $0.drop { $0 != "]" && $0 != ")" }.dropFirst().description }
    let forms: [(String, String)] = [
      ("syslog", bare.map { "Jun 24 17:25:51 host-1 kernel:\($0)" }.joined(separator: "\n")),
      (
        "ISO time",
        bare.map { "2022-06-24T17:25:51.123456+02:00 host kernel:\($0)" }.joined(separator: "\n")
      ),
      ("log level", bare.map { "<3>[  7058.291757]\($0)" }.joined(separator: "\n")),
      ("human time", lines.map { "[Fri Jun 24 17:25:51 2022] \($0)" }.joined(separator: "\n")),
      ("quoted", lines.map { ">> > \($0)" }.joined(separator: "\n")),
      ("DOS lines", lines.joined(separator: "\r\n")),
      ("wrapped", log.replacing(", ", with: ", \n> ").replacing(" = ", with: " =\n> ")),
      ("wrapped between pairs", log.replacing("  ", with: "\n")),
      ("non-breaking spaces", log.replacing(" ", with: "\u{a0}")),
      ("mail", log.replacing("=", with: "=3D").replacing("00000000", with: "0000=\n0000")),
      (
        "in a text",
        "Hello,\n\nwhat is this? RIP = 0x1\nCS=0008\n\n\(log)\n\nThanks!\n-- \nreason=00\n"
      ),
    ]
    for (form, text) in forms {
      let read = try dump(text)
      for field in VMCSField.all {
        #expect(read[field] == plain[field], "\(form): \(field.name)")
      }
      #expect(read.entry == plain.entry, "\(form)")
    }
  }

  @Test("a missing line takes its own fields and nothing else", arguments: LogFixtures.all)
  func missingLines(name: String, log: String) throws {
    let plain = try dump(log)
    let lines = log.split(separator: "\n").map(String.init)
    for missing in lines.indices {
      var rest = lines
      let line = rest.remove(at: missing)
      let read = try dump(rest.joined(separator: "\n"))
      for field in VMCSField.all where read[field] != plain[field] {
        #expect(read[field] == nil, "\(field.name) without \(line)")
      }
      let lost = plain.knownFields.count - read.knownFields.count
      // A section's title may take with it what the next section has as well.
      #expect(lost <= (line.contains("State ***") ? 8 : 7), "\(lost) without \(line)")
    }
  }

  @Test("a line that is cut off keeps what is whole", arguments: LogFixtures.all)
  func truncatedLines(name: String, log: String) throws {
    let plain = try dump(log)
    let lines = log.split(separator: "\n").map(String.init)
    for (number, line) in lines.enumerated() {
      for count in stride(from: number % 7, to: line.count, by: 13) {
        var cut = lines
        cut[number] = String(line.prefix(count))
        let read = try dump(cut.joined(separator: "\n"))
        for field in VMCSField.all where read[field] != plain[field] {
          #expect(read[field] == nil, "\(field.name) of \(cut[number])")
        }
      }
    }
  }

  @Test(
    "a dump that ends early, or begins late, is read as far as it goes", arguments: LogFixtures.all)
  func parts(name: String, log: String) throws {
    let plain = try dump(log)
    let lines = log.split(separator: "\n")
    for split in stride(from: 6, to: lines.count, by: 4) {
      let head = try dump(lines.prefix(split).joined(separator: "\n"))
      for field in head.knownFields { #expect(head[field] == plain[field], "\(field.name)") }
      guard let tail = try? VMCSDump.read(lines.dropFirst(split).joined(separator: "\n")).first
      else {
        continue
      }
      for field in tail.knownFields { #expect(tail[field] == plain[field], "\(field.name)") }
    }
  }

  @Test("several dumps of one log are told apart")
  func severalDumps() throws {
    let second = LogFixtures.newKVM.replacing(
      "ActivityState = 00000000", with: "ActivityState = 00000001")
    let dumps = try VMCSDump.read(LogFixtures.newKVM + "noise\n" + second + LogFixtures.newKVM)
    #expect(dumps.map { $0["guestActivityState"] } == [0, 1, 0])
  }

  @Test("a field that is given twice with two values is not known")
  func contradiction() throws {
    let log = LogFixtures.newKVM + "[  100.1] kvm_intel: EPT pointer = 0x0000000000000000\n"
    #expect(try dump(log)["eptPointer"] == nil)
    let same = LogFixtures.newKVM + "> VMEntry: intr_info=00000000\n"
    #expect(try dump(same)["entryInterruptionInformation"] == 0)
  }

  @Test("an IA32_EFER that is not the field's is not taken for it")
  func effectiveEFER() throws {
    for kind in ["effective", "autoload"] {
      let log = LogFixtures.newKVM.replacing(
        "EFER= 0x0000000000000d01\n", with: "EFER= 0x0000000000000d01 (\(kind))\n")
      #expect(try dump(log)["guestEFER"] == nil)
    }
    let xen = LogFixtures.newXen.replacing("EFER(VMCS)", with: "EFER(MSR LL)")
    #expect(try dump(xen)["guestEFER"] == nil)
    #expect(try dump(xen)["guestPAT"] == 0x0407_0506_0007_0106)
  }

  @Test("KVM's list of MSRs to load is the MSR-load area")
  func msrList() throws {
    let dump = try dump(LogFixtures.newKVM)
    #expect(dump.entryMSRLoadArea == [MSRListEntry(index: 0x600, value: 0)])
    #expect(dump["entryMSRLoadCount"] == 1)
    #expect(dump["exitMSRLoadCount"] == nil)
    let gap = LogFixtures.newKVM.replacing("   0: msr=", with: "   1: msr=")
    #expect(try self.dump(gap)["entryMSRLoadCount"] == nil)
  }

  @Test("what the hypervisor says beside the dump is noted")
  func verdicts() throws {
    let early = LogFixtures.newKVM.replacing("reason=80000021", with: "reason=00000030")
    let qemu = try dump(
      early + "KVM: entry failed, hardware error 0x7\nEAX=00000000 CR0=60000010\n")
    #expect(qemu.entry.instructionError == 7)
    #expect(qemu.entry.failedStage == .controls)
    #expect(qemu.entry.exitReason == nil)
    let xen = try dump(
      LogFixtures.newXen.replacing(
        "vmentry failure (reason 0x80000021): Invalid guest state (0)",
        with: "VMRESUME error: 0x8"))
    #expect(xen.entry.failedStage == .hostState)
    let msr = try dump(
      "(XEN) d1v0 vmentry failure (reason 0x80000022): MSR loading (entry 1)\n"
        + "(XEN)   msr 000001dd val 1ffff80676f52be5 (mbz 0)\n"
        + LogFixtures.newXen.split(separator: "\n").dropFirst().joined(separator: "\n")
        .replacing(
          "reason=80000021 qualification=0000000000000000",
          with: "reason=80000022 qualification=0000000000000002"))
    #expect(msr.entry.refusedMSR == MSRListEntry(index: 0x1dd, value: 0x1fff_f806_76f5_2be5))
    #expect(msr.entry.failedStage == .msrLoading)
  }

  @Test("a text without a dump is refused")
  func nothing() {
    for text in ["", "Dear reader,\n", "KVM: entry failed, hardware error 0x80000021\n", "[1, 2]"] {
      #expect(throws: VMCSDumpError.self) { try VMCSDump.read(text) }
    }
  }

  @Test("no text ends the program", arguments: LogFixtures.all)
  func garbage(name: String, log: String) {
    var state: UInt64 = 0x6761_7262
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    var bytes = Array(log.utf8)
    for _ in 0..<50 {
      for _ in 0..<20 { bytes[Int(next()) % bytes.count] = UInt8(truncatingIfNeeded: next()) }
      _ = try? VMCSDump.read(String(decoding: bytes, as: UTF8.self))
    }
  }
}
