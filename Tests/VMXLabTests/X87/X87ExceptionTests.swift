import Testing

@testable import VMXLab

/// What the x87 and MMX instructions raise, and what they leave behind.
@Suite struct X87ExceptionTests {
  private let runner: InstructionRunner
  private var cpu: UnsafeMutablePointer<Processor> { runner.machine.processor.pointer }

  init() throws { runner = try InstructionRunner() }

  private static let fld1: [UInt8] = [0xd9, 0xe8]
  private static let fninit: [UInt8] = [0xdb, 0xe3]
  private static let wait: [UInt8] = [0x9b]
  private static let emms: [UInt8] = [0x0f, 0x77]
  /// FDIV ST(0), ST(1).
  private static let fdiv: [UInt8] = [0xd8, 0xf1]

  @discardableResult
  private func run(
    _ code: [UInt8], registers: [UInt64]? = nil
  ) -> (outcome: InstructionRunner.Outcome, registers: [UInt64]) {
    var general = registers ?? [UInt64](repeating: InstructionRunner.dataAddress, count: 16)
    if registers == nil { general[4] = InstructionRunner.stackTop }
    var flags: UInt64 = 2
    let outcome = runner.run(code, registers: &general, flags: &flags)
    return (outcome, general)
  }

  private func setCR0(_ bits: CR0) {
    cpu.pointee.cr0 = CR0([.pe, .pg, .wp, .ne, .et]).union(bits)
    cpu.pointee.updateMode()
  }

  @Test("CR0.EM, MP and TS raise #NM, and #UD for MMX")
  func availability() {
    run(Self.fninit)
    for (bits, x87, wait, mmx) in [
      (CR0.mp, InstructionRunner.Outcome.retired, .retired, .retired),
      (.em, .fault(7), .retired, .fault(6)), (.ts, .fault(7), .retired, .fault(7)),
      ([.ts, .mp], .fault(7), .fault(7), .fault(7)), ([.em, .ts], .fault(7), .retired, .fault(6)),
    ] as [(CR0, InstructionRunner.Outcome, InstructionRunner.Outcome, InstructionRunner.Outcome)] {
      setCR0(bits)
      #expect(run(Self.fninit).outcome == x87)
      #expect(run(Self.fld1).outcome == x87)
      #expect(run(Self.wait).outcome == wait)
      #expect(run(Self.emms).outcome == mmx)
    }
  }

  /// Leaves an unmasked division by zero behind.
  private func divideByZero() {
    run(Self.fninit)
    cpu.pointee.x87.control = 0x37b
    run([0xd9, 0xee])
    run(Self.fld1)
    #expect(run(Self.fdiv).outcome == .retired)
  }

  @Test("An unmasked exception is raised by the next waiting instruction")
  func pendingException() {
    divideByZero()
    #expect(cpu.pointee.x87[st: 0] == .one)
    #expect(cpu.pointee.x87.status & 0x80ff == 0x8084)
    // FNSTSW AX does not wait.
    let status = run([0xdf, 0xe0])
    #expect(status.outcome == .retired)
    #expect(status.registers[0] & 0x80ff == 0x8084)
    for code in [Self.wait, Self.fld1, Self.emms, [0xd9, 0x28]] {
      #expect(run(code).outcome == .fault(16))
    }
    #expect(run([0xdb, 0xe2]).outcome == .retired)
    #expect(run(Self.wait).outcome == .retired)
  }

  @Test("Unmasking an exception that is flagged makes it pending")
  func unmasking() {
    run(Self.fninit)
    cpu.pointee.x87.status = 0x3801
    runner.write([0x7e, 0x03], at: InstructionRunner.dataAddress)
    #expect(run([0xd9, 0x28]).outcome == .retired)
    #expect(run(Self.wait).outcome == .fault(16))
  }

  @Test(
    "With CR0.NE clear an exception is IRQ 13, and a write to port 0xf0 lets the processor go on")
  func interruptThirteen() {
    // The slave's vectors start at 0x10, so that IRQ 13 is vector 0x15.
    let ports = runner.machine.platform.ports
    for (port, value) in [
      (0x20, 0x11), (0x21, 0x08), (0x21, 4), (0x21, 1), (0x21, 0xfb), (0xa0, 0x11), (0xa1, 0x10),
      (0xa1, 2), (0xa1, 1), (0xa1, 0xdf),
    ] as [(UInt16, UInt32)] {
      ports.write(port, size: 1, value: value)
    }
    divideByZero()
    cpu.pointee.cr0 = [.pe, .pg, .wp, .et]
    cpu.pointee.updateMode()
    // With interrupts off the processor stands still.
    runner.write(Self.fld1, at: InstructionRunner.codeAddress)
    cpu.pointee.rip = InstructionRunner.codeAddress
    #expect(runner.machine.run(instructions: 1, cycles: 1000) == .cycleLimit)
    #expect(cpu.pointee.rip == InstructionRunner.codeAddress)
    // With interrupts on it takes IRQ 13 before the instruction.
    var registers = [UInt64](repeating: 0, count: 16)
    registers[4] = InstructionRunner.stackTop
    var flags: UInt64 = 0x202
    #expect(runner.run(Self.fld1, registers: &registers, flags: &flags) == .fault(0x15))
    ports.write(0xf0, size: 1, value: 0)
    runner.machine.platform.updateSignals()
    #expect(run(Self.fld1).outcome == .retired)
    // FERR# falls with the exception, and IGNNE# with it.
    run([0xdb, 0xe2])
    #expect(!cpu.pointee.hasNumericError)
    #expect(!cpu.pointee.signals.pointee.ignoresNumericErrors)
  }

  @Test("A store that faults changes nothing")
  func faultingStore() {
    run(Self.fninit)
    // 1 ÷ 3.
    cpu.pointee.x87.push(
      DoubleExtended(significand: 0xaaaa_aaaa_aaaa_aaab, signExponent: 0x3ffd))
    let before = cpu.pointee.x87
    var registers = [UInt64](repeating: 0, count: 16)
    registers[0] = 0x4000_0000
    registers[4] = InstructionRunner.stackTop
    for code in [
      [0xd9, 0x18], [0xdd, 0x18], [0xdb, 0x38], [0xdf, 0x38], [0xdf, 0x30], [0xdd, 0x30],
    ]
      as [[UInt8]]
    {
      #expect(run(code, registers: registers).outcome == .fault(14))
      #expect(cpu.pointee.x87.status == before.status)
      #expect(cpu.pointee.x87.used == before.used)
    }
  }

  @Test(
    "The pointers are those of the last non-control instruction; the data pointer of the last error"
  )
  func pointers() {
    run(Self.fninit)
    let address = InstructionRunner.dataAddress + 16
    runner.write([0, 0, 0, 0, 0, 0, 0, 0], at: address)
    var registers = [UInt64](repeating: 0, count: 16)
    registers[3] = address
    registers[4] = InstructionRunner.stackTop
    #expect(run([0x90, 0xdd, 0x03], registers: registers).outcome == .retired)
    runner.write([0xdd, 0x03], at: InstructionRunner.codeAddress + 0x40)
    #expect(run([0xdd, 0x03], registers: registers).outcome == .retired)
    #expect(cpu.pointee.x87.instructionPointer == InstructionRunner.codeAddress)
    #expect(cpu.pointee.x87.dataPointer == 0)
    // FDIV m64 by zero, unmasked.
    cpu.pointee.x87.control = 0x37b
    cpu.pointee.x87[st: 0] = .one
    #expect(run([0xdc, 0x33], registers: registers).outcome == .retired)
    #expect(cpu.pointee.x87.dataPointer == address)
    #expect(cpu.pointee.x87.lastOpcode == 0x433)
    #expect(cpu.pointee.savedX87Selectors == (0, 0))
  }

  @Test("After a reset the x87 is as the manual has it, and FNINIT makes it usable")
  func reset() {
    cpu.pointee.reset()
    #expect(cpu.pointee.x87.control == 0x40)
    #expect(cpu.pointee.x87.status == 0)
    #expect(cpu.pointee.x87.tagWord == 0x5555)
    cpu.pointee.x87.initialize()
    #expect(cpu.pointee.x87.control == 0x37f)
    #expect(cpu.pointee.x87.tagWord == 0xffff)
  }

  @Test("Undefined escape opcodes and LOCK raise #UD")
  func undefined() {
    for code in [
      [0xd9, 0xd1], [0xd9, 0xe2], [0xd9, 0xef], [0xda, 0xe0], [0xdb, 0xe5], [0xdb, 0xf8],
      [0xdd, 0xf0], [0xde, 0xd8], [0xdf, 0xe1], [0xdf, 0xf8], [0xd9, 0x08], [0xdb, 0x20],
      [0xdb, 0x30], [0xdd, 0x28], [0xf0, 0xd8, 0xc0], [0xf0, 0xd8, 0x00],
    ] as [[UInt8]] {
      #expect(run(code).outcome == .fault(6), "\(code)")
    }
  }

  @Test("MMX instructions use all registers from the first one on, and EMMS none")
  func mmxTags() {
    run(Self.fninit)
    run(Self.fld1)
    // MOVD mm3, eax.
    #expect(run([0x0f, 0x6e, 0xd8]).outcome == .retired)
    #expect(cpu.pointee.x87.top == 0)
    #expect(cpu.pointee.x87.used == 0xff)
    #expect(cpu.pointee.x87.registers[3].signExponent == 0xffff)
    #expect(cpu.pointee.x87[mmx: 3] == InstructionRunner.dataAddress)
    #expect(run(Self.emms).outcome == .retired)
    #expect(cpu.pointee.x87.used == 0)
  }

  @Test("MASKMOVQ writes the bytes that its mask selects, and faults as a whole")
  func maskedMove() {
    run(Self.fninit)
    cpu.pointee.x87[mmx: 1] = 0x0807_0605_0403_0201
    cpu.pointee.x87[mmx: 2] = 0x80ff_0000_7f00_0080
    runner.write([UInt8](repeating: 0xee, count: 16), at: InstructionRunner.dataAddress)
    #expect(run([0x0f, 0xf7, 0xca]).outcome == .retired)
    #expect(
      runner.read(9, at: InstructionRunner.dataAddress)
        == [1, 0xee, 0xee, 0xee, 0xee, 0xee, 7, 8, 0xee])
    var registers = [UInt64](repeating: 0x3fff_fffc, count: 16)
    registers[4] = InstructionRunner.stackTop
    #expect(run([0x0f, 0xf7, 0xca], registers: registers).outcome == .fault(14))
  }
}
