import Testing
import VMXLab

@testable import VMXLabDebug

@Suite("A VMCS as JSON")
struct VMCSDumpJSONTests {
  private static let dump = {
    var dump = VMCSDump(source: "a \"test\"", profileName: "haswell", offer: .vmxlab)
    dump["guestRIP"] = 0xffff_ffff_8100_0000
    dump["guestCSSelector"] = 8
    dump["vmcsLinkPointer"] = .max
    dump.processor.isInIA32eMode = true
    dump.processor.currentVMCS = 0x3000
    dump.memory.set(0x5644_4d58, byteCount: 4, at: 0x9000)
    dump.memory.set(.max, byteCount: 8, at: 0x7020)
    dump.entryMSRLoadArea = [MSRListEntry(index: 0xc000_0080, reserved: 1, value: 0xd01)]
    dump.entry = RecordedVMEntry(.invalidGuestState(.nmi), isLaunch: true, rip: 0x1000)
    return dump
  }()

  @Test("what was written is read back")
  func roundTrip() throws {
    let text = VMCSDumpJSON.text(Self.dump)
    let read = try #require(VMCSDump.read(text).first)
    #expect(read.source == Self.dump.source)
    #expect(read.profileName == "haswell")
    #expect(read.offer == .vmxlab)
    #expect(read.knownFields.map(\.key) == Self.dump.knownFields.map(\.key))
    for field in VMCSField.all { #expect(read[field] == Self.dump[field], "\(field.name)") }
    #expect(read.processor == Self.dump.processor)
    #expect(read.memory == Self.dump.memory)
    #expect(read.entryMSRLoadArea == Self.dump.entryMSRLoadArea)
    #expect(read.entry == Self.dump.entry)
    #expect(VMCSDumpJSON.text(read) == text)
  }

  @Test("a file may hold several dumps, one after another or in a list")
  func several() throws {
    let text = VMCSDumpJSON.text(Self.dump)
    #expect(try VMCSDump.read(text + "\n" + text + text).count == 3)
    #expect(try VMCSDump.read("[\(text),\(text)]").count == 2)
  }

  @Test("fields go by the manual's name, the library's key, or the encoding")
  func names() throws {
    let text = """
      { "format": "vmxlab-vmcs", "version": 1,
        "fields": { "guest cr0": "0x31", "guestCR3": "2000", "0x6804": "0X20" } }
      """
    let dump = try #require(VMCSDump.read(text).first)
    #expect(dump["guestCR0"] == 0x31)
    #expect(dump["guestCR3"] == 0x2000)
    #expect(dump["guestCR4"] == 0x20)
    #expect(dump.knownFields.count == 3)
    #expect(dump.offer == .part)
  }

  @Test(
    "what is wrong is named",
    arguments: [
      ("{", "cut off"),
      ("{ \"fields\": {} }", "\"format\" is missing"),
      ("{ \"format\": \"vmcs\", \"version\": 1, \"fields\": {} }", "\"format\" must be"),
      ("{ \"format\": \"vmxlab-vmcs\", \"version\": 9, \"fields\": {} }", "versions up to 1"),
      ("{ \"format\": \"vmxlab-vmcs\", \"version\": 1 }", "\"fields\" is missing"),
      (
        "{ \"format\": \"vmxlab-vmcs\", \"version\": 1, \"fields\": { \"Guest CR9\": \"0\" } }",
        "there is no VMCS field \"Guest CR9\""
      ),
      (
        "{ \"format\": \"vmxlab-vmcs\", \"version\": 1, \"fields\": { \"Guest CR0\": \"zero\" } }",
        "\"Guest CR0\": \"zero\" is not a hexadecimal number"
      ),
      (
        "{ \"format\": \"vmxlab-vmcs\", \"version\": 1, \"fields\": { \"Guest CS selector\": \"10000\" } }",
        "too large"
      ),
      (
        "{ \"format\": \"vmxlab-vmcs\", \"version\": 1, \"fields\": { \"Guest CR0\": 1 } }",
        "\"fields.Guest CR0\" must be text"
      ),
      (
        "{ \"format\": \"vmxlab-vmcs\", \"version\": 1, \"fields\": {}, \"capabilities\": \"all\" }",
        "\"capabilities\" must be"
      ),
    ])
  func errors(text: String, expected: String) {
    #expect {
      try VMCSDump.read(text)
    } throws: { error in
      "\(error)".contains(expected)
    }
  }
}
