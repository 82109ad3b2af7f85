import Testing

@testable import VMXLab

@Suite("16550A serial port") struct UART16550ATests {
  /// One tick of the port's clock a cycle, so that times in cycles are times in ticks.
  private let clock = MachineClock(frequency: UART16550A.frequency)
  private let ports = PortSpace()
  private let sink = RecordingSink()
  private let sent = Sent()
  private let uart: UART16550A

  private final class Sent {
    var bytes: [UInt8] = []
  }

  private let data: UInt16 = 0x3f8
  private let interruptEnable: UInt16 = 0x3f9
  private let identification: UInt16 = 0x3fa
  private let lineControl: UInt16 = 0x3fb
  private let modemControl: UInt16 = 0x3fc
  private let lineStatus: UInt16 = 0x3fd
  private let modemStatus: UInt16 = 0x3fe

  /// Ten bits of sixteen ticks at 115200 baud.
  private let character: UInt64 = 160

  /// 115200 baud, 8N1, OUT2 on.
  init() {
    let sent = sent
    uart = UART16550A(
      clock: clock, ports: ports, interrupt: InterruptLine(to: sink, number: 4),
      transmit: { sent.bytes.append($0) })
    ports.writeByte(lineControl, 0x83)
    ports.write(data, size: 2, value: 1)
    ports.writeByte(lineControl, 0x03)
    ports.writeByte(modemControl, 0x0b)
  }

  private func run(until cycle: UInt64) {
    while uart.nextEvent <= cycle {
      clock.now = max(clock.now, uart.nextEvent)
      uart.advance()
    }
    clock.now = cycle
    uart.advance()
  }

  private func run(for cycles: UInt64) { run(until: clock.now + cycles) }

  @Test("what the guest writes leaves at once, and the transmitter is empty")
  func transmit() {
    for byte in Array("hi".utf8) {
      #expect(ports.readByte(lineStatus) == 0x60)
      ports.writeByte(data, byte)
    }
    #expect(sent.bytes == Array("hi".utf8))
    #expect(ports.readByte(lineStatus) == 0x60)
    #expect(uart.nextEvent == .max)
  }

  @Test("registers read back, and the divisor hides behind DLAB")
  func registers() {
    ports.writeByte(0x3ff, 0x5a)
    #expect(ports.readByte(0x3ff) == 0x5a)
    ports.writeByte(interruptEnable, 0xff)
    #expect(ports.readByte(interruptEnable) == 0x0f)
    ports.writeByte(modemControl, 0xff)
    #expect(ports.readByte(modemControl) == 0x1f)
    ports.writeByte(lineControl, 0x83)
    ports.write(data, size: 2, value: 0x1234)
    #expect(ports.read(data, size: 2) == 0x1234)
    #expect(sent.bytes.isEmpty)
    ports.writeByte(lineControl, 0x03)
    #expect(ports.readByte(interruptEnable) == 0x0f)
  }

  @Test("a byte from the host arrives after the time of a character")
  func receive() {
    uart.receive([0x41])
    #expect(ports.readByte(lineStatus) & 1 == 0)
    #expect(uart.nextEvent == character)
    run(until: character - 1)
    #expect(ports.readByte(lineStatus) & 1 == 0)
    run(until: character)
    #expect(ports.readByte(lineStatus) & 1 == 1)
    #expect(ports.readByte(data) == 0x41)
    #expect(ports.readByte(lineStatus) & 1 == 0)
  }

  @Test("without the FIFO each byte waits for the one before, and has an edge of its own")
  func unbuffered() {
    ports.writeByte(interruptEnable, 1)
    uart.receive([1, 2, 3])
    for (index, byte) in [1, 2, 3].enumerated() as EnumeratedSequence<[UInt8]> {
      run(for: 10 * character)
      #expect(sink.rises[4] == index + 1)
      #expect(ports.readByte(identification) == 0x04)
      #expect(ports.readByte(data) == byte)
      #expect(!sink.isHigh(4))
    }
    run(for: 10 * character)
    #expect(ports.readByte(lineStatus) == 0x60)
  }

  @Test(
    "the interrupt comes at the trigger level",
    arguments: [(0x01, 1), (0x41, 4), (0x81, 8), (0xc1, 14)])
  func trigger(control: UInt8, level: Int) {
    ports.writeByte(identification, control)
    ports.writeByte(interruptEnable, 1)
    uart.receive((0..<16).map { UInt8($0) })
    run(until: UInt64(level) * character - 1)
    #expect(!sink.isHigh(4))
    run(until: UInt64(level) * character)
    #expect(sink.isHigh(4))
    #expect(ports.readByte(identification) == 0xc4)
    #expect(ports.readByte(data) == 0)
    #expect(!sink.isHigh(4))
  }

  @Test("bytes below the trigger level time out after four characters")
  func timeOut() {
    ports.writeByte(identification, 0xc1)
    ports.writeByte(interruptEnable, 1)
    uart.receive([1, 2])
    run(until: 6 * character - 1)
    #expect(!sink.isHigh(4))
    run(until: 6 * character)
    #expect(sink.isHigh(4))
    #expect(ports.readByte(identification) == 0xcc)
    #expect(sink.isHigh(4))
    #expect(ports.readByte(data) == 1)
    #expect(!sink.isHigh(4))
    run(for: 4 * character)
    #expect(sink.isHigh(4))
    #expect(ports.readByte(data) == 2)
    run(for: 100 * character)
    #expect(!sink.isHigh(4))
  }

  @Test("a full FIFO makes the host wait, and loses nothing")
  func flowControl() {
    ports.writeByte(identification, 0xc1)
    let input = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
    #expect(uart.receive(input) == 1000)
    var output: [UInt8] = []
    var generator = TestGenerator(seed: 1)
    while output.count < input.count {
      run(for: UInt64.random(in: 0...40 * character, using: &generator))
      for _ in 0..<Int.random(in: 0...20, using: &generator)
      where ports.readByte(lineStatus) & 1 != 0 {
        output.append(ports.readByte(data))
      }
      #expect(ports.readByte(lineStatus) & 2 == 0)
    }
    #expect(output == input)
    #expect(uart.receiveCapacity == UART16550A.queueCapacity)
  }

  @Test("a driver that takes exactly the trigger level each time is told again")
  func exactDriver() {
    ports.writeByte(identification, 0xc1)
    ports.writeByte(interruptEnable, 1)
    uart.receive((0..<140).map { UInt8($0) })
    var output: [UInt8] = []
    for edge in 1...10 {
      run(for: 30 * character)
      #expect(sink.rises[4] == edge)
      for _ in 0..<14 { output.append(ports.readByte(data)) }
    }
    #expect(output == (0..<140).map { UInt8($0) })
  }

  @Test("the queue takes what there is room for, and says how much")
  func queueBound() {
    let capacity = UART16550A.queueCapacity
    #expect(uart.receiveCapacity == capacity)
    #expect(uart.receive(repeatElement(7, count: capacity + 5)) == capacity)
    #expect(uart.receiveCapacity == 0)
    #expect(uart.receive([1]) == 0)
  }

  @Test("input that a reset of the FIFO swept out comes again")
  func resetFIFO() {
    uart.receive([1, 2])
    run(for: 10 * character)
    ports.writeByte(identification, 0x07)
    #expect(ports.readByte(lineStatus) & 1 == 0)
    run(for: 10 * character)
    #expect(ports.readByte(data) == 1)
    #expect(ports.readByte(data) == 2)
  }

  @Test("the transmitter interrupt falls when it is identified, and rises with the next byte")
  func transmitterEmpty() {
    #expect(ports.readByte(identification) == 0x01)
    ports.writeByte(interruptEnable, 2)
    #expect(sink.rises[4] == 1)
    #expect(ports.readByte(identification) == 0x02)
    #expect(!sink.isHigh(4))
    #expect(ports.readByte(identification) == 0x01)
    ports.writeByte(data, 0x41)
    #expect(sink.rises[4] == 2)
    // Even where nobody asked which interrupt it was, the next byte makes an edge.
    ports.writeByte(data, 0x42)
    #expect(sink.rises[4] == 3)
    ports.writeByte(interruptEnable, 0)
    #expect(!sink.isHigh(4))
    ports.writeByte(interruptEnable, 2)
    #expect(ports.readByte(identification) == 0x02)
  }

  @Test("OUT2 lets the interrupt out")
  func out2() {
    ports.writeByte(modemControl, 0)
    ports.writeByte(interruptEnable, 2)
    #expect(!sink.isHigh(4))
    ports.writeByte(modemControl, 8)
    #expect(sink.isHigh(4))
  }

  @Test("loopback: overrun comes before data, data before transmitter, transmitter before modem")
  func priorities() {
    ports.writeByte(modemControl, 0x18)
    ports.writeByte(interruptEnable, 0x0f)
    ports.writeByte(data, 1)
    ports.writeByte(data, 2)
    #expect(sent.bytes.isEmpty)
    #expect(ports.readByte(identification) == 0x06)
    #expect(ports.readByte(lineStatus) == 0x63)
    #expect(ports.readByte(lineStatus) == 0x61)
    #expect(ports.readByte(identification) == 0x04)
    #expect(ports.readByte(data) == 2)  // without the FIFO the newer byte stays
    #expect(ports.readByte(identification) == 0x02)
    #expect(ports.readByte(identification) == 0x00)
    #expect(sink.isHigh(4))
    _ = ports.readByte(modemStatus)
    #expect(ports.readByte(identification) == 0x01)
    #expect(!sink.isHigh(4))
  }

  @Test("with the FIFO an overrun loses the newest byte")
  func fifoOverrun() {
    ports.writeByte(identification, 0x01)
    ports.writeByte(modemControl, 0x18)
    for byte in 0..<17 as Range<UInt8> { ports.writeByte(data, byte) }
    #expect(ports.readByte(lineStatus) & 3 == 3)
    for byte in 0..<16 as Range<UInt8> { #expect(ports.readByte(data) == byte) }
    #expect(ports.readByte(lineStatus) & 3 == 0)
  }

  @Test("in loopback the modem's inputs are the port's outputs, and their changes are told once")
  func modem() {
    #expect(ports.readByte(modemStatus) == 0xb0)
    ports.writeByte(modemControl, 0x1f)
    #expect(ports.readByte(modemStatus) == 0xf0)
    ports.writeByte(modemControl, 0x18)
    #expect(ports.readByte(modemStatus) == 0x87)  // CTS, DSR, and the end of ringing
    #expect(ports.readByte(modemStatus) == 0x80)
    ports.writeByte(modemControl, 0x1c)
    #expect(ports.readByte(modemStatus) == 0xc0)  // the start of ringing is no news
  }

  @Test("host input waits while the port is looped back")
  func loopbackInput() {
    ports.writeByte(modemControl, 0x10)
    uart.receive([9])
    run(for: 100 * character)
    #expect(ports.readByte(lineStatus) & 1 == 0)
    ports.writeByte(modemControl, 0)
    run(for: character)
    #expect(ports.readByte(data) == 9)
  }
}
