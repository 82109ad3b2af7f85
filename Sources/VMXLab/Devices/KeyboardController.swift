/// The 8042 keyboard controller of a PC, with neither keyboard nor mouse behind it: what software
/// uses it for without one is address line 20 and the reset.
///
/// Bytes for the absent keyboard or mouse time out at once: the answer is 0xfe ("resend") with the
/// time-out bit in the status.
///
/// Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device
/// Controller".
final class KeyboardController: PortDevice {
  private enum Port {
    static let data: UInt16 = 0x60
    static let command: UInt16 = 0x64
  }

  private enum Status {
    static let outputFull: UInt8 = 1 << 0
    static let systemFlag: UInt8 = 1 << 2
    static let lastWasCommand: UInt8 = 1 << 3
    static let notInhibited: UInt8 = 1 << 4
    static let auxiliaryData: UInt8 = 1 << 5
    static let timeOut: UInt8 = 1 << 6
  }

  private enum CommandByte {
    static let keyboardInterrupt: UInt8 = 1 << 0
    static let auxiliaryInterrupt: UInt8 = 1 << 1
    static let systemFlag: UInt8 = 1 << 2
    static let keyboardDisabled: UInt8 = 1 << 4
    static let auxiliaryDisabled: UInt8 = 1 << 5
  }

  private enum OutputPort {
    static let noReset: UInt8 = 1 << 0
    static let a20: UInt8 = 1 << 1
    /// The interrupt outputs follow the output buffer.
    static let keyboardFull: UInt8 = 1 << 4
    static let auxiliaryFull: UInt8 = 1 << 5
  }

  /// The command whose byte the next write to the data port is.
  private enum Expected {
    case deviceByte, commandByte
    case ram(Int)
    case outputPort, keyboardData, auxiliaryData, auxiliaryByte
  }

  private let control: MachineControl
  private let keyboardInterrupt: InterruptLine
  private let auxiliaryInterrupt: InterruptLine

  /// The command byte is its first.
  private var ram = [UInt8](repeating: 0, count: 32)
  private var outputBuffer: UInt8 = 0
  private var status = Status.notInhibited
  private var expected = Expected.deviceByte

  /// A controller that has passed its self-test, as firmware leaves it.
  init(
    ports: PortSpace, control: MachineControl, keyboardInterrupt: InterruptLine,
    auxiliaryInterrupt: InterruptLine
  ) {
    self.control = control
    self.keyboardInterrupt = keyboardInterrupt
    self.auxiliaryInterrupt = auxiliaryInterrupt
    ram[0] = CommandByte.systemFlag | CommandByte.keyboardInterrupt
    status |= Status.systemFlag
    ports.claim(Port.data...Port.data, for: self)
    ports.claim(Port.command...Port.command, for: self)
  }

  func readPort(_ port: UInt16, size: Int) -> UInt32 {
    guard port == Port.data else { return UInt32(status) }
    status &= ~(Status.outputFull | Status.auxiliaryData | Status.timeOut)
    updateInterrupts()
    return UInt32(outputBuffer)
  }

  func writePort(_ port: UInt16, size: Int, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    if port == Port.data {
      status &= ~Status.lastWasCommand
      writeData(byte)
    } else {
      status |= Status.lastWasCommand
      expected = .deviceByte
      writeCommand(byte)
    }
  }

  private func writeCommand(_ command: UInt8) {
    switch command {
    case 0x20...0x3f: reply(ram[Int(command & 0x1f)])
    case 0x60: expected = .commandByte
    case 0x61...0x7f: expected = .ram(Int(command & 0x1f))
    case 0xa7: ram[0] |= CommandByte.auxiliaryDisabled
    case 0xa8: ram[0] &= ~CommandByte.auxiliaryDisabled
    case 0xa9: reply(0x00)  // the auxiliary interface passes its test
    case 0xaa:
      status |= Status.systemFlag
      reply(0x55)  // so does the controller
    case 0xab: reply(0x00)  // and the keyboard interface
    case 0xad: ram[0] |= CommandByte.keyboardDisabled
    case 0xae: ram[0] &= ~CommandByte.keyboardDisabled
    case 0xc0: reply(0x80)  // the input port: keyboard not locked
    case 0xd0: reply(outputPort)
    case 0xd1: expected = .outputPort
    case 0xd2: expected = .keyboardData
    case 0xd3: expected = .auxiliaryData
    case 0xd4: expected = .auxiliaryByte
    case 0xdd: control.setA20(false)
    case 0xdf: control.setA20(true)
    case 0xe0: reply(0x00)  // the test inputs
    case 0xf0...0xff:
      // Pulses the bits of the output port that are 0 in the command; bit 0 is the processor's
      // reset.
      if command & OutputPort.noReset == 0 { control.ask(for: .reset) }
    default: break
    }
  }

  private func writeData(_ byte: UInt8) {
    let meaning = expected
    expected = .deviceByte
    switch meaning {
    case .deviceByte: reply(0xfe, status: Status.timeOut)
    case .auxiliaryByte: reply(0xfe, status: Status.timeOut | Status.auxiliaryData)
    case .keyboardData: reply(byte)
    case .auxiliaryData: reply(byte, status: Status.auxiliaryData)
    case .ram(let index): ram[index] = byte
    case .commandByte:
      ram[0] = byte
      let flag = byte & CommandByte.systemFlag != 0 ? Status.systemFlag : 0
      status = status & ~Status.systemFlag | flag
      updateInterrupts()
    case .outputPort:
      control.setA20(byte & OutputPort.a20 != 0)
      if byte & OutputPort.noReset == 0 { control.ask(for: .reset) }
    }
  }

  private var outputPort: UInt8 {
    var value = OutputPort.noReset | 0xc0
    if control.a20Enabled { value |= OutputPort.a20 }
    if status & Status.outputFull != 0 {
      let isAuxiliary = status & Status.auxiliaryData != 0
      value |= isAuxiliary ? OutputPort.auxiliaryFull : OutputPort.keyboardFull
    }
    return value
  }

  private func reply(_ byte: UInt8, status extra: UInt8 = 0) {
    outputBuffer = byte
    status &= ~(Status.auxiliaryData | Status.timeOut)
    status |= Status.outputFull | extra
    // A byte that nobody fetched gives way, and its interrupt to the new one's.
    keyboardInterrupt.set(level: false)
    auxiliaryInterrupt.set(level: false)
    updateInterrupts()
  }

  private func updateInterrupts() {
    let isFull = status & Status.outputFull != 0
    let isAuxiliary = status & Status.auxiliaryData != 0
    let enabled = ram[0]
    keyboardInterrupt.set(
      level: isFull && !isAuxiliary && enabled & CommandByte.keyboardInterrupt != 0)
    auxiliaryInterrupt.set(
      level: isFull && isAuxiliary && enabled & CommandByte.auxiliaryInterrupt != 0)
  }
}
