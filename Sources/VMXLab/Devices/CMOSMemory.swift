/// The memory of the real-time clock: the bytes of the time, in the format that register B sets,
/// and those of the firmware.
///
/// Source: Motorola MC146818A data sheet, "Address Map"; IBM PC AT Technical Reference, "Real-Time
/// Clock/CMOS RAM".
struct CMOSMemory {
  private var bytes = [UInt8](repeating: 0, count: 128)

  private enum Address {
    static let seconds = 0
    static let minutes = 2
    static let hours = 4
    static let weekday = 6
    static let day = 7
    static let month = 8
    static let year = 9
    static let registerB = 0x0b
    static let equipment = 0x14
    static let baseMemory = 0x15
    static let extendedMemory = [0x17, 0x30]
    static let century = 0x32
    static let memoryAbove16MiB = 0x34
    static let memoryAbove4GiB = 0x5b
    static let checked = 0x10...0x2d
    static let checksum = 0x2e
  }

  private static let binary: UInt8 = 0x04
  static let hours24: UInt8 = 0x02
  private static let afternoon: UInt8 = 0x80
  /// An alarm byte from here on matches every value.
  private static let anyValue: UInt8 = 0xc0
  private static let secondsInDay: UInt64 = 86_400

  init(registerB: UInt8) {
    bytes[Address.registerB] = registerB
  }

  /// Bit 7 of the address is ignored.
  subscript(address: Int) -> UInt8 {
    get { bytes[address & 0x7f] }
    set { bytes[address & 0x7f] = newValue }
  }

  // MARK: Format

  private var isBinary: Bool { bytes[Address.registerB] & Self.binary != 0 }
  private var has24Hours: Bool { bytes[Address.registerB] & Self.hours24 != 0 }

  private func decode(_ byte: UInt8) -> Int {
    isBinary ? Int(byte) : Int(byte >> 4) * 10 + Int(byte & 15)
  }

  /// `value` is at most 99.
  private func encode(_ value: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: isBinary ? value : (value / 10) << 4 | value % 10)
  }

  private var hour: Int {
    get {
      let byte = bytes[Address.hours]
      if has24Hours { return decode(byte) }
      return decode(byte & ~Self.afternoon) % 12 + (byte & Self.afternoon != 0 ? 12 : 0)
    }
    set {
      guard !has24Hours else {
        bytes[Address.hours] = encode(newValue)
        return
      }
      let hour = encode((newValue + 11) % 12 + 1)
      bytes[Address.hours] = hour | (newValue >= 12 ? Self.afternoon : 0)
    }
  }

  mutating func setTime(_ time: CalendarTime) {
    let (century, year) = CalendarTime.divide(time.year, by: 100)
    bytes[Address.seconds] = encode(time.second)
    bytes[Address.minutes] = encode(time.minute)
    hour = time.hour
    bytes[Address.weekday] = encode(time.weekday)
    bytes[Address.day] = encode(time.day)
    bytes[Address.month] = encode(time.month)
    bytes[Address.year] = encode(Int(year))
    bytes[Address.century] = encode(Int(CalendarTime.divide(century, by: 100).remainder))
  }

  // MARK: Update cycles

  /// Counts on by `seconds`; true if the alarm matched at one of them.
  mutating func count(seconds: UInt64) -> Bool {
    var left = seconds
    // Over whole days the time of day stays; what is then left is a day at least, and finds any
    // alarm there is.
    if left >= 2 * Self.secondsInDay {
      let days = left / Self.secondsInDay - 1
      for _ in 0..<days % Self.daysInCycle { countDay() }
      left -= days * Self.secondsInDay
    }
    var matched = false
    for _ in 0..<left {
      countSecond()
      if alarmMatches { matched = true }
    }
    return matched
  }

  /// After so many days the chip's calendar is where it was: a hundred centuries of 36 525 days
  /// each, seven times for the weekday.
  private static let daysInCycle: UInt64 = 36_525 * 100 * 7

  private mutating func countSecond() {
    guard increment(Address.seconds, limit: 60) else { return }
    guard increment(Address.minutes, limit: 60) else { return }
    let next = hour + 1
    hour = next >= 24 ? 0 : next
    if next >= 24 { countDay() }
  }

  private mutating func countDay() {
    let weekday = decode(bytes[Address.weekday])
    bytes[Address.weekday] = encode(weekday >= 7 ? 1 : weekday + 1)
    let day = decode(bytes[Address.day])
    guard day >= daysInMonth else {
      bytes[Address.day] = encode(day + 1)
      return
    }
    bytes[Address.day] = encode(1)
    let month = decode(bytes[Address.month])
    guard month >= 12 else {
      bytes[Address.month] = encode(month + 1)
      return
    }
    bytes[Address.month] = encode(1)
    if increment(Address.year, limit: 100) { _ = increment(Address.century, limit: 100) }
  }

  /// Adds one to a byte that counts from 0; true if it began again.
  private mutating func increment(_ address: Int, limit: Int) -> Bool {
    let next = decode(bytes[address]) + 1
    bytes[address] = encode(next >= limit ? 0 : next)
    return next >= limit
  }

  private var daysInMonth: Int {
    switch decode(bytes[Address.month]) {
    case 4, 6, 9, 11: return 30
    case 2: return decode(bytes[Address.year]) % 4 == 0 ? 29 : 28
    default: return 31
    }
  }

  /// Each byte of the alarm, which follows the byte of the time, is the same or stands for any.
  private var alarmMatches: Bool {
    for address in [Address.seconds, Address.minutes, Address.hours] {
      let alarm = bytes[address + 1]
      guard alarm >= Self.anyValue || alarm == bytes[address] else { return false }
    }
    return true
  }

  // MARK: Memory size

  /// The size of memory, in bytes, in the units and places that firmware uses; each is capped at
  /// what its bytes hold.
  mutating func setMemorySize(below4GiB: UInt64, above4GiB: UInt64) {
    func kibibytes(above start: UInt64) -> UInt64 { (max(below4GiB, start) - start) >> 10 }
    bytes[Address.equipment] |= 0x02  // a floating-point unit
    store(min(below4GiB >> 10, 640), at: Address.baseMemory, size: 2)
    for address in Address.extendedMemory {
      store(kibibytes(above: 1 << 20), at: address, size: 2)
    }
    store(kibibytes(above: 16 << 20) >> 6, at: Address.memoryAbove16MiB, size: 2)
    store(above4GiB >> 16, at: Address.memoryAbove4GiB, size: 3)

    let sum = bytes[Address.checked].reduce(UInt16(0)) { $0 &+ UInt16($1) }
    bytes[Address.checksum] = UInt8(truncatingIfNeeded: sum >> 8)
    bytes[Address.checksum + 1] = UInt8(truncatingIfNeeded: sum)
  }

  /// Stores `value`, or the largest value there is room for, lowest byte first.
  private mutating func store(_ value: UInt64, at address: Int, size: Int) {
    let stored = min(value, 1 << UInt64(size * 8) - 1)
    for byte in 0..<size {
      bytes[address + byte] = UInt8(truncatingIfNeeded: stored >> UInt64(byte * 8))
    }
  }
}
