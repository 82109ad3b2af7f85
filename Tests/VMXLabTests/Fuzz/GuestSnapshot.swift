@testable import VMXLab

/// What a program can see of a processor, as names and values, to compare and to print.
struct GuestSnapshot: Equatable {
  private(set) var values: [(name: String, value: UInt64)] = []

  init(_ state: Processor) {
    let names = [
      "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12",
      "R13", "R14", "R15",
    ]
    for register in 0..<16 { add(names[register], state.general[register]) }
    add("RIP", state.rip)
    add("RFLAGS", state.rflags)
    add("CR0", state.cr0.rawValue)
    add("CR2", state.cr2)
    add("CR3", state.cr3)
    add("CR4", state.cr4.rawValue)
    add("IA32_EFER", state.efer.rawValue)
    add("PKRU", UInt64(state.protectionKeys.user))
    add("IA32_PKRS", UInt64(state.protectionKeys.supervisor))
    add("DR0", state.debug.dr0)
    add("DR1", state.debug.dr1)
    add("DR2", state.debug.dr2)
    add("DR3", state.debug.dr3)
    add("DR6", state.debug.dr6)
    add("DR7", state.debug.dr7)
    add("CPL", UInt64(state.cpl))
    for (register, name) in ["ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"].enumerated() {
      let segment = state.segments[register]
      add(name, UInt64(segment.selector))
      add("\(name) base", segment.base)
      add("\(name) limit", UInt64(segment.limit))
      add("\(name) access", UInt64(segment.access.rawValue))
    }
    add("GDTR base", state.gdtr.base)
    add("GDTR limit", UInt64(state.gdtr.limit))
    add("IDTR base", state.idtr.base)
    add("IDTR limit", UInt64(state.idtr.limit))
    add("activity", UInt64(state.activity.rawValue))
    add("blocking by STI", state.interruptibility.blockingBySTI ? 1 : 0)
    add("blocking by MOV SS", state.interruptibility.blockingByMOVSS ? 1 : 0)
    add("blocking by NMI", state.interruptibility.blockingByNMI ? 1 : 0)
    add("instructions", state.instructions)
    add("cycles", state.cycles)
    for index in 0..<state.performance.counters.count {
      add("performance counter \(index)", state.performance.counters[index].value)
    }
    add("IA32_PERF_GLOBAL_STATUS", state.performance.globalStatus)
    add("IA32_PERF_GLOBAL_CTRL", state.performance.globalControl)
  }

  private mutating func add(_ name: String, _ value: UInt64) { values.append((name, value)) }

  static func == (a: GuestSnapshot, b: GuestSnapshot) -> Bool {
    a.values.elementsEqual(b.values) { $0.value == $1.value }
  }

  /// A line for every value that differs between `actual` and `expected`, with what it was before.
  static func differences(
    before: GuestSnapshot, actual: GuestSnapshot, expected: GuestSnapshot
  ) -> [String] {
    (0..<before.values.count).compactMap { index in
      let (was, now, wanted) = (
        before.values[index].value, actual.values[index].value, expected.values[index].value
      )
      if now == wanted { return nil }
      return "  \(before.values[index].name): before 0x\(String(was, radix: 16)), after "
        + "0x\(String(now, radix: 16)), expected 0x\(String(wanted, radix: 16))"
    }
  }

  /// Every value on a line of its own.
  var text: String {
    values.map { "  \($0.name) 0x\(String($0.value, radix: 16))" }.joined(separator: "\n")
  }
}
