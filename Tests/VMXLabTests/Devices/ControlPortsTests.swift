import Testing

@testable import VMXLab

@Suite("Ports that control the machine") struct ControlPortsTests {
  private let ports = PortSpace()
  private let control = MachineControl(a20Enabled: true)
  private let sink = RecordingSink()
  private let devices: [any PortDevice]

  init() {
    devices = [
      SystemControlPortA(ports: ports, control: control),
      ResetControl(ports: ports, control: control),
      DebugExitPort(ports: ports, control: control),
      BochsShutdownPort(ports: ports, control: control),
      KeyboardController(
        ports: ports, control: control,
        keyboardInterrupt: InterruptLine(to: sink, number: 1),
        auxiliaryInterrupt: InterruptLine(to: sink, number: 12)),
    ]
  }

  private func command(_ byte: UInt8, _ data: UInt8...) {
    ports.writeByte(0x64, byte)
    for byte in data { ports.writeByte(0x60, byte) }
  }

  @Test("the first request is the one that counts")
  func firstRequest() {
    ports.writeByte(0xf4, 3)
    ports.writeByte(0x92, 1)
    #expect(control.request == .debugExit(3))
    #expect(control.takeRequest() == .debugExit(3))
    #expect(control.request == nil)
  }

  @Test("the debug-exit port takes 1, 2 and 4 bytes, and reads as ones")
  func debugExit() {
    ports.write(0xf4, size: 4, value: 0x1234_5678)
    #expect(control.takeRequest() == .debugExit(0x1234_5678))
    ports.write(0xf4, size: 2, value: 0xaaaa_5678)
    #expect(control.takeRequest() == .debugExit(0x5678))
    #expect(ports.read(0xf4, size: 4) == 0xffff_ffff)
  }

  @Test(
    "address line 20 follows port 0x92 and the keyboard controller, and whoever was last decides")
  func a20() {
    var changes: [Bool] = []
    control.a20Changed = { changes.append($0) }
    ports.writeByte(0x92, 0)
    #expect(!control.a20Enabled)
    command(0xd0)
    #expect(ports.readByte(0x60) & 2 == 0)
    command(0xd1, 0xdf)
    #expect(control.a20Enabled)
    #expect(ports.readByte(0x92) & 2 == 2)
    command(0xdd)
    #expect(!control.a20Enabled)
    command(0xdf)
    command(0xdf)
    #expect(control.a20Enabled)
    command(0xd1, 0xdd)
    ports.writeByte(0x92, 2)
    #expect(changes == [false, true, false, true, false, true])
    #expect(control.request == nil)
    control.a20Changed = nil
  }

  @Test("port 0x92 resets when bit 0 rises")
  func fastReset() {
    ports.writeByte(0x92, 2)
    #expect(control.request == nil)
    ports.writeByte(0x92, 3)
    #expect(control.takeRequest() == .reset)
    ports.writeByte(0x92, 3)
    #expect(control.request == nil)
  }

  @Test("port 0xcf9 resets when bit 2 rises, and only for a byte written to it")
  func resetControl() {
    ports.write(0xcf8, size: 4, value: 0x8000_0600)
    ports.write(0xcf8, size: 2, value: 0x0600)
    #expect(control.request == nil)
    #expect(ports.read(0xcf8, size: 4) == 0xffff_ffff)
    #expect(ports.readByte(0xcf8) == 0xff)
    #expect(ports.read(0xcfc, size: 4) == 0xffff_ffff)
    ports.writeByte(0xcf9, 0x02)
    #expect(control.request == nil)
    #expect(ports.readByte(0xcf9) == 0x02)
    ports.writeByte(0xcf9, 0x06)
    #expect(control.takeRequest() == .reset)
  }

  @Test("the keyboard controller resets by its output port and by a pulse")
  func keyboardReset() {
    command(0xff)
    #expect(control.request == nil)
    command(0xfe)
    #expect(control.takeRequest() == .reset)
    command(0xd1, 0xde)
    #expect(control.takeRequest() == .reset)
  }

  @Test("the text Shutdown at port 0x8900 switches the machine off")
  func shutdown() {
    for byte in "ShutShutdow".utf8 { ports.writeByte(0x8900, byte) }
    #expect(control.request == nil)
    ports.writeByte(0x8900, UInt8(ascii: "n"))
    #expect(control.request == .powerOff)
    #expect(ports.readByte(0x8900) == 0xff)
  }

  @Test("the debug console passes bytes on, and reads as its number")
  func debugConsole() {
    var text = ""
    let console = DebugConsole(ports: ports) { text.append(Character(UnicodeScalar($0))) }
    for byte in "hi".utf8 { ports.writeByte(0xe9, byte) }
    #expect(text == "hi")
    #expect(ports.readByte(0xe9) == 0xe9)
    withExtendedLifetime(console) {}
  }

  @Test("the keyboard controller passes its self-test and raises IRQ 1 with the answer")
  func selfTest() {
    #expect(ports.readByte(0x64) == 0x14)
    command(0xaa)
    #expect(ports.readByte(0x64) & 0x0f == 0x0d)
    #expect(sink.isHigh(1))
    #expect(ports.readByte(0x60) == 0x55)
    #expect(!sink.isHigh(1))
    #expect(ports.readByte(0x64) & 1 == 0)
    command(0xab)
    #expect(ports.readByte(0x60) == 0)
    #expect(sink.rises[1] == 2)
  }

  @Test("the command byte can be written and read, and holds IRQ 1 back")
  func commandByte() {
    command(0x20)
    #expect(ports.readByte(0x60) == 0x05)
    command(0x60, 0x30)
    #expect(ports.readByte(0x64) & 4 == 0)
    let rises = sink.rises[1]
    command(0x20)
    #expect(ports.readByte(0x60) == 0x30)
    #expect(sink.rises[1] == rises)
    command(0xae)
    command(0xa8)
    command(0x20)
    #expect(ports.readByte(0x60) == 0)
  }

  @Test("a byte for the keyboard that is not there times out")
  func noKeyboard() {
    ports.writeByte(0x60, 0xff)
    #expect(ports.readByte(0x64) & 0x61 == 0x41)
    #expect(ports.readByte(0x60) == 0xfe)
    #expect(ports.readByte(0x64) & 0x61 == 0)
    command(0x60, 0x03)
    command(0xd4, 0xff)
    #expect(ports.readByte(0x64) & 0x61 == 0x61)
    #expect(sink.isHigh(12))
    #expect(ports.readByte(0x60) == 0xfe)
    #expect(!sink.isHigh(12))
  }

  @Test("no access of any size to any port does harm, and all that is asked for is a way to end")
  func everyPort() {
    let clock = MachineClock(frequency: 1_000_000)
    let pic = DualPIC(ports: ports)
    let pit = PIT8254(
      clock: clock, ports: ports, interrupt: InterruptLine(to: pic, number: 0))
    let rtc = RealTimeClock(
      clock: clock, ports: ports, interrupt: InterruptLine(to: pic, number: 8))
    let uart = UART16550A(
      clock: clock, ports: ports, interrupt: InterruptLine(to: pic, number: 4), transmit: { _ in })
    _ = SystemControlPortB(ports: ports, timer: pit)
    FirmwareSetup.apply(to: ports)
    var generator = TestGenerator(seed: 9)
    let interesting: [UInt16] = [
      0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x40, 0x41, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x3f8,
      0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff, 0x92, 0xcf9, 0xf4, 0x8900,
    ]
    for step in 0..<100_000 {
      let port =
        Bool.random(using: &generator)
        ? interesting.randomElement(using: &generator) ?? 0
        : UInt16.random(in: 0...0xffff, using: &generator)
      let size = 1 << Int.random(in: 0...2, using: &generator)
      if Bool.random(using: &generator) {
        _ = ports.read(port, size: size)
      } else {
        ports.write(port, size: size, value: UInt32.random(in: 0...(.max), using: &generator))
      }
      if step & 7 == 0 { uart.receive([UInt8(truncatingIfNeeded: step)]) }
      clock.now += UInt64.random(in: 0...100_000, using: &generator)
      for device in [pit, rtc, uart] as [any TimedDevice] where device.nextEvent <= clock.now {
        device.advance()
        #expect(device.nextEvent > clock.now)
      }
      if pic.output { _ = pic.acknowledge() }
    }
  }
}
