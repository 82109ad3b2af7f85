import Testing

@testable import VMXLab

/// Every type of descriptor, DPL, RPL and CPL, present and not, against the manual's rules.
struct SegmentMatrixTests {
  /// Something to run with a selector, and what the manual says of it.
  private struct Operation: Sendable {
    let name: String
    let code: [UInt8]
    let answers: Bool
    /// The bits of the answer that the manual defines.
    var mask = UInt32.max
    let expected: @Sendable (SegmentCase, UInt64) -> PrivilegeOutcome?
  }

  // The selector is in ECX; far jumps use the pointer at [EBX].
  private static let operations: [Operation] = [
    Operation(name: "MOV DS, CX", code: [0x8e, 0xd9], answers: false) { item, _ in item.dataLoad },
    Operation(name: "MOV GS, CX", code: [0x8e, 0xe9], answers: false) { item, _ in item.dataLoad },
    Operation(name: "MOV SS, CX", code: [0x8e, 0xd1], answers: false) { item, _ in item.stackLoad },
    Operation(name: "VERR CX", code: [0x0f, 0x00, 0xe1], answers: true) { item, _ in
      item.verifyRead
    },
    Operation(name: "VERW CX", code: [0x0f, 0x00, 0xe9], answers: true) { item, _ in
      item.verifyWrite
    },
    Operation(name: "LAR EAX, CX", code: [0x0f, 0x02, 0xc1], answers: true, mask: 0xf0_ff00) {
      item, descriptor in
      item.load(ofLimit: false, descriptor: descriptor)
    },
    Operation(name: "LSL EAX, CX", code: [0x0f, 0x03, 0xc1], answers: true) { item, descriptor in
      item.load(ofLimit: true, descriptor: descriptor)
    },
    Operation(name: "JMP FAR [EBX]", code: [0xff, 0x2b], answers: false) { item, _ in
      item.farJump(gateTarget: SegmentMatrixTests.target(of: item))
    },
  ]

  /// The code segment behind call gates differs with the case, so that its checks are met too.
  private static func target(of item: SegmentCase) -> GateTarget {
    GateTarget(
      dpl: (item.dpl + item.rpl) & 3, isConforming: item.rpl & 1 != 0,
      isPresent: item.dpl != 2, isCode: item.rpl != 3, isLong: item.isIA32e)
  }

  @Test(
    "Selectors are checked as the manual says", arguments: PrivilegeRunner.Mode.allCases)
  func segments(mode: PrivilegeRunner.Mode) throws {
    let runner = try PrivilegeRunner(mode)
    let pointer: UInt64 = 0xc000
    var mismatches = 0
    let total = 1 << 14
    let step = FuzzSettings.seconds == nil ? 5 : 1
    var index = 0
    while index < total, mismatches < 10 {
      let item = Self.item(index, mode)
      let descriptor = Self.descriptor(of: item, runner)
      runner.setDescriptor(SegmentCase.index, descriptor)
      let target = Self.target(of: item)
      runner.setDescriptor(GateTarget.index, Self.descriptor(of: target))
      runner.put(PrivilegeRunner.targetAddress | UInt64(item.selector) << 32, at: pointer)
      for operation in Self.operations {
        guard let expected = operation.expected(item, descriptor) else { continue }
        // An answer is in ZF; only LAR and LSL have a value.
        let actual = runner.run(
          operation.code, cpl: item.cpl,
          registers: [0: 0x5a5a_5a5a, 1: UInt64(item.selector), 3: pointer],
          answers: operation.answers)
        if !Self.agree(actual, expected, mask: operation.mask) {
          mismatches += 1
          Issue.record(
            """
            \(operation.name) in \(mode): \(actual), expected \(expected)
              descriptor 0x\(String(descriptor, radix: 16)), \(item)
            """)
        }
        runner.setDescriptor(SegmentCase.index, descriptor)
      }
      index += step
    }
  }

  @Test(
    "Gates of the IDT are checked as the manual says", arguments: PrivilegeRunner.Mode.allCases)
  func interrupts(mode: PrivilegeRunner.Mode) throws {
    let runner = try PrivilegeRunner(mode)
    var mismatches = 0
    for index in 0..<(1 << 12) where mismatches < 10 {
      var gate = InterruptGateCase()
      gate.isIA32e = mode.isIA32e
      gate.type = index & 15
      gate.isCodeOrData = index >> 4 & 7 == 7
      gate.dpl = index >> 5 & 3
      gate.isPresent = index >> 7 & 1 != 0
      gate.cpl = index >> 8 & 3
      gate.target = GateTarget(
        dpl: index >> 10 & 3, isConforming: index & 1 != 0, isPresent: index % 7 != 0,
        isCode: index % 11 != 0, isLong: mode.isIA32e == (index % 13 != 0))
      guard let expected = gate.interrupt else { continue }
      let access =
        UInt64(gate.type) | (gate.isCodeOrData ? 0x10 : 0) | UInt64(gate.dpl) << 5
        | (gate.isPresent ? 0x80 : 0)
      runner.setInterruptGate(InterruptGateCase.vector, access: access)
      runner.setDescriptor(GateTarget.index, Self.descriptor(of: gate.target))
      let actual = runner.run([0xcd, UInt8(InterruptGateCase.vector)], cpl: gate.cpl)
      if actual != expected {
        mismatches += 1
        Issue.record("INT n in \(mode): \(actual), expected \(expected) for \(gate)")
      }
    }
  }

  @Test("Null selectors and ones beyond the table", arguments: PrivilegeRunner.Mode.allCases)
  func outside(mode: PrivilegeRunner.Mode) throws {
    let runner = try PrivilegeRunner(mode)
    for cpl in 0..<4 {
      for rpl in 0..<4 {
        let null = UInt64(rpl)
        let beyond = 0x200 | UInt64(rpl)
        let isNullStack = mode == .long && cpl != 3 && rpl == cpl
        #expect(runner.run([0x8e, 0xd9], cpl: cpl, registers: [1: null]) == .retires)
        #expect(
          runner.run([0x8e, 0xd1], cpl: cpl, registers: [1: null])
            == (isNullStack ? .retires : .generalProtection(0)))
        #expect(
          runner.run([0x8e, 0xd9], cpl: cpl, registers: [1: beyond]) == .generalProtection(0x200))
        #expect(
          runner.run([0x8e, 0xd1], cpl: cpl, registers: [1: beyond]) == .generalProtection(0x200))
        runner.put(PrivilegeRunner.targetAddress | null << 32, at: 0xc000)
        #expect(
          runner.run([0xff, 0x2b], cpl: cpl, registers: [3: 0xc000]) == .generalProtection(0))
        runner.put(PrivilegeRunner.targetAddress | beyond << 32, at: 0xc000)
        #expect(
          runner.run([0xff, 0x2b], cpl: cpl, registers: [3: 0xc000]) == .generalProtection(0x200))
      }
    }
  }

  // MARK: Cases

  private static func item(_ index: Int, _ mode: PrivilegeRunner.Mode) -> SegmentCase {
    var item = SegmentCase()
    item.type = index & 15
    item.isCodeOrData = index >> 4 & 1 != 0
    item.dpl = index >> 5 & 3
    item.isPresent = index >> 7 & 1 != 0
    item.rpl = index >> 8 & 3
    item.cpl = index >> 10 & 3
    item.isLong = index >> 12 & 1 != 0
    item.isBig = index >> 13 & 1 != 0
    item.isIA32e = mode.isIA32e
    item.is64Bit = mode == .long
    return item
  }

  private static func descriptor(of item: SegmentCase, _ runner: PrivilegeRunner) -> UInt64 {
    let access =
      UInt64(item.type) | (item.isCodeOrData ? 0x10 : 0) | UInt64(item.dpl) << 5
      | (item.isPresent ? 0x80 : 0)
    if !item.isCodeOrData, item.type & 7 == 4 { return runner.callGate(access: access) }
    return 0x008f_0000_0000_ffff | access << 40 | (item.isLong ? 1 << 53 : 0)
      | (item.isBig ? 1 << 54 : 0)
  }

  private static func descriptor(of target: GateTarget) -> UInt64 {
    let type: UInt64 = !target.isCode ? 0x12 : target.isConforming ? 0x1e : 0x1a
    let access = type | UInt64(target.dpl) << 5 | (target.isPresent ? 0x80 : 0)
    return 0x008f_0000_0000_ffff | access << 40 | (target.isLong ? 1 << 53 : 1 << 54)
  }

  private static func agree(
    _ actual: PrivilegeOutcome, _ expected: PrivilegeOutcome, mask: UInt32
  ) -> Bool {
    if case .answers(let zero, let value) = expected, case .answers(let flag, let found) = actual {
      return zero == flag && (value == nil || value == found.map { $0 & mask })
    }
    return actual == expected
  }
}
