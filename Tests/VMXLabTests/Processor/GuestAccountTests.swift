import Foundation
import Testing

@testable import VMXLab

/// Guests that provoke faults, gates, stack switches, task switches and debug exceptions one after
/// the other and print what came of each.
///
/// The expected lines agree with what the same images print on Bochs 2.7, except where the manual
/// says otherwise: a double fault is no fault-class exception and pushes RF as it was; general
/// detect pushes RF as 1; IRET in 64-bit code pops SS and RSP with every operand size; #SS for a
/// stack of an inner level that is not canonical names the new, null, SS; and SYSCALL that masks TF
/// is not followed by a single-step trap. Of VM exits: MWAIT's qualification says that monitoring is
/// on; a 16-bit RDRAND has operand size 0; RF is 1 after EPT violations outside the delivery of events; with
/// accessed and dirty flags accesses to page tables are reads and writes; the page-modification log has
/// addresses of pages; a virtualization exception saves the EPTP index; a shadow VMCS is no VMCS to
/// enter, so that this is VMfailInvalid; RF is 1 after VM exits of faults by the exception bitmap; a single
/// step that an exiting instruction keeps from happening is not pending, except behind MOV SS; a VM exit
/// from the HLT state saves that state; VM entry ends the blocking of NMIs if the guest state says so; and
/// Bochs has neither bits 11:9 of EPT violations nor mode-based execute control nor, in this processor,
/// the monitor trap flag. Of the paging matrix, the lines with protection keys are those of its Tiger
/// Lake.
///
/// Of the APICs: an interrupt of a class that is in service waits, without a spurious one; only what one
/// sends to oneself counts as received with an illegal vector; IA32_TSC_DEADLINE is 0 once it has
/// fired; the logical x2APIC ID of processor 0 is 1; and reserved bits of the self-IPI register and
/// the ICR are refused, and the ICR reads as it was written. Virtual-interrupt delivery virtualizes reads of EOI and ICR too. Bochs has no
/// posted interrupts, and no performance counters.
///
/// Of shadow stacks: CLRSSBSY sets CF if it has found no token, rather than if it has; IRET frees the
/// token above a frame only if it leaves that shadow stack; and NOTRACK does not count beside FS.
@Suite("What guests tell of the processor")
struct GuestAccountTests {
  @Test(
    "A guest's account is as expected",
    arguments: [
      "protected-mode", "long-mode", "local-apic", "virtual-apic", "vmx-exits", "vmx-events",
      "paging-matrix", "control-flow", "performance",
    ])
  func matches(name: String) throws {
    let output = try run(name)
    let expected = try lines(of: Self.sources.appending(path: "\(name).expected"))
    for (line, wanted) in zip(output, expected) { #expect(line == wanted) }
    #expect(output.count == expected.count)
  }

  @Test("Two runs of a guest take the same cycles and instructions")
  func isDeterministic() throws {
    func counters() throws -> [UInt64] {
      let machine = try boot("protected-mode")
      #expect(machine.run(instructions: 10_000_000) == .poweredOff)
      return [
        machine.processor.pointer.pointee.cycles, machine.processor.pointer.pointee.instructions,
      ]
    }
    #expect(try counters() == counters())
  }

  // MARK: Running

  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private static let sources = root.appending(path: "Tests/Guests")

  /// The parts of guests that need another one.
  private static let profiles = ["control-flow": "sapphire-rapids"]

  /// The image that `make guests` builds from Tests/Guests.
  private func boot(_ name: String) throws -> Machine {
    let file = Self.root.appending(path: "build/firmware/guests/\(name).elf")
    let bytes = try #require(
      try? Data(contentsOf: file), "\(file.path()) is missing: make guests builds it")
    let profile = try CPUProfile.named(Self.profiles[name] ?? "skylake-server")
    let machine = try Machine(MachineConfiguration(memoryByteCount: 512 << 20, profile: profile))
    try machine.boot(BootImage(bytes: [UInt8](bytes), name: name))
    return machine
  }

  private func run(_ name: String) throws -> [String] {
    let machine = try boot(name)
    var output: [UInt8] = []
    machine.onSerialOutput { output.append($0) }
    #expect(machine.run(instructions: 50_000_000) == .poweredOff)
    return String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  private func lines(of file: URL) throws -> [String] {
    try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
  }
}
