import Foundation
import Testing

@testable import VMXLab

@Suite("MC146818 real-time clock") struct RealTimeClockTests {
  private let clock = MachineClock(frequency: 32_768_000)
  private let ports = PortSpace()
  private let sink = RecordingSink()

  private func makeClock(_ start: Int64 = RealTimeClock.defaultStart) -> RealTimeClock {
    RealTimeClock(
      clock: clock, ports: ports, interrupt: InterruptLine(to: sink, number: 8), startSeconds: start
    )
  }

  private func read(_ register: UInt8) -> UInt8 {
    ports.writeByte(0x70, register)
    return ports.readByte(0x71)
  }

  private func write(_ register: UInt8, _ value: UInt8) {
    ports.writeByte(0x70, register)
    ports.writeByte(0x71, value)
  }

  private func run(seconds: Double) { clock.now += UInt64(seconds * 32_768_000) }

  /// Year, month, day, weekday, hours, minutes, seconds as the registers have them.
  private func time() -> [UInt8] { [0x32, 9, 8, 7, 6, 4, 2, 0].map(read) }

  /// Sets the clock as software does.
  private func set(_ registers: [(UInt8, UInt8)], b: UInt8 = 0x02) {
    write(0x0b, 0x80 | b)
    for (register, value) in registers { write(register, value) }
    write(0x0b, b)
  }

  @Test("the clock starts at 2000-01-01, a Saturday, in BCD and 24 hours, unless told otherwise")
  func start() {
    let rtc = makeClock()
    #expect(time() == [0x20, 0x00, 0x01, 0x01, 0x07, 0x00, 0x00, 0x00])
    #expect(read(0x0a) == 0x26)
    #expect(read(0x0b) == 0x02)
    #expect(read(0x0d) == 0x80)
    #expect(rtc.nextEvent == .max)
    _ = makeClock(1_700_000_000)
    #expect(time() == [0x20, 0x23, 0x11, 0x14, 0x03, 0x22, 0x13, 0x20])
  }

  @Test("seconds end exactly")
  func seconds() {
    let rtc = makeClock()
    clock.now = 32_768_000 - 1
    #expect(read(0) == 0x00)
    clock.now += 1
    #expect(read(0) == 0x01)
    withExtendedLifetime(rtc) {}
  }

  @Test("the last second of a year carries into the century")
  func rollover() {
    let rtc = makeClock(946_684_799)
    #expect(time() == [0x19, 0x99, 0x12, 0x31, 0x06, 0x23, 0x59, 0x59])
    run(seconds: 1)
    #expect(time() == [0x20, 0x00, 0x01, 0x01, 0x07, 0x00, 0x00, 0x00])
    withExtendedLifetime(rtc) {}
  }

  @Test("every fourth year has a 29th of February")
  func leapYears() {
    let rtc = makeClock()
    for (year, nextMonth, nextDay) in [(0x24, 0x02, 0x29), (0x23, 0x03, 0x01), (0x00, 0x02, 0x29)]
      as [(UInt8, UInt8, UInt8)]
    {
      set([(9, year), (8, 0x02), (7, 0x28), (4, 0x23), (2, 0x59), (0, 0x59)])
      run(seconds: 1)
      #expect(time()[1...3] == [year, nextMonth, nextDay])
    }
    withExtendedLifetime(rtc) {}
  }

  @Test("the chip's calendar agrees with Foundation's over 95 years")
  func calendar() throws {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
    let rtc = makeClock()
    let start = clock.now
    var generator = TestGenerator(seed: 3)
    for _ in 0..<20 {
      let elapsed = (clock.now - start) / 32_768_000
      let date = Date(timeIntervalSince1970: Double(RealTimeClock.defaultStart) + Double(elapsed))
      let parts = calendar.dateComponents(
        [.year, .month, .day, .weekday, .hour, .minute, .second], from: date)
      let year = try #require(parts.year)
      let decimal = [
        year / 100, year % 100, parts.month, parts.day, parts.weekday, parts.hour, parts.minute,
        parts.second,
      ].compactMap { $0 }
      #expect(time().map { Int($0 >> 4) * 10 + Int($0 & 15) } == decimal)
      clock.now += UInt64.random(in: 1...150_000_000, using: &generator) * 32_768_000
    }
    withExtendedLifetime(rtc) {}
  }

  @Test("a Unix time becomes the date that Foundation gives it")
  func unixTimes() throws {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
    var generator = TestGenerator(seed: 4)
    for _ in 0..<2000 {
      // From the years 1600 to 9999: Foundation's Gregorian calendar begins in 1582.
      let seconds = Int64.random(in: -11_676_096_000..<253_402_300_800, using: &generator)
      let time = CalendarTime(unixSeconds: seconds)
      let parts = calendar.dateComponents(
        [.year, .month, .day, .weekday, .hour, .minute, .second],
        from: Date(timeIntervalSince1970: Double(seconds)))
      #expect(
        [Int(time.year), time.month, time.day, time.weekday, time.hour, time.minute, time.second]
          == [
            parts.year, parts.month, parts.day, parts.weekday, parts.hour, parts.minute,
            parts.second,
          ])
    }
    for seconds in [Int64.min, .max, 0, -1] { _ = CalendarTime(unixSeconds: seconds) }
  }

  @Test("12 hours: noon and midnight are 12, and the afternoon has bit 7")
  func twelveHours() {
    let rtc = makeClock()
    for (hour, next) in [(0x11, 0x92), (0x92, 0x81), (0x89, 0x90), (0x91, 0x12), (0x12, 0x01)]
      as [(UInt8, UInt8)]
    {
      set([(4, hour), (2, 0x59), (0, 0x59)], b: 0x00)
      run(seconds: 1)
      #expect(read(4) == next)
    }
    withExtendedLifetime(rtc) {}
  }

  @Test("binary mode counts in binary")
  func binary() {
    let rtc = makeClock()
    set([(4, 9), (2, 59), (0, 59)], b: 0x06)
    run(seconds: 1)
    #expect([4, 2, 0].map(read) == [10, 0, 0])
    withExtendedLifetime(rtc) {}
  }

  @Test("the update announces itself 244 µs before and takes 1984 µs")
  func updateInProgress() {
    let rtc = makeClock()
    let second: UInt64 = 32_768_000
    let start = second - 73_000
    clock.now = start - 1
    #expect(read(0x0a) & 0x80 == 0)
    clock.now = start
    #expect(read(0x0a) & 0x80 == 0x80)
    clock.now = second - 1
    #expect(read(0x0a) & 0x80 == 0x80)
    clock.now = second
    #expect(read(0x0a) & 0x80 == 0)
    withExtendedLifetime(rtc) {}
  }

  @Test("SET stops the time, and clears the update interrupt's enable")
  func setBit() {
    let rtc = makeClock()
    write(0x0b, 0x92)
    #expect(read(0x0b) == 0x82)
    run(seconds: 10)
    #expect(read(0) == 0)
    #expect(read(0x0a) & 0x80 == 0)
    #expect(rtc.nextEvent == .max)
  }

  @Test("the first second after a reset of the divider takes half as long")
  func dividerReset() {
    let rtc = makeClock()
    run(seconds: 0.875)
    write(0x0a, 0x76)
    run(seconds: 5)
    #expect(read(0) == 0)
    write(0x0a, 0x26)
    clock.now += 16_384_000 - 1
    #expect(read(0) == 0)
    clock.now += 1
    #expect(read(0) == 1)
    withExtendedLifetime(rtc) {}
  }

  @Test(
    "the periodic interrupt keeps its rate",
    arguments: [(1, 128), (2, 256), (3, 4), (6, 32), (15, 16384)])
  func periodic(rate: UInt8, period: UInt64) {
    let rtc = makeClock()
    write(0x0a, 0x20 | rate)
    write(0x0b, 0x42)
    for index: UInt64 in 1...5 {
      #expect(rtc.nextEvent == index * period * 1000)
      clock.now = rtc.nextEvent - 1
      rtc.advance()
      #expect(!sink.isHigh(8))
      clock.now += 1
      rtc.advance()
      #expect(sink.isHigh(8))
      #expect(rtc.nextEvent == .max)
      #expect(read(0x0c) & 0xc0 == 0xc0)
      #expect(!sink.isHigh(8))
      #expect(read(0x0c) == 0)
    }
  }

  @Test("the update interrupt comes every second, and its flag even when it is not enabled")
  func updateEnded() {
    let rtc = makeClock()
    write(0x0a, 0x20)
    run(seconds: 1)
    #expect(read(0x0c) == 0x10)
    #expect(!sink.isHigh(8))
    write(0x0b, 0x12)
    #expect(rtc.nextEvent == 2 * 32_768_000)
    clock.now = rtc.nextEvent
    rtc.advance()
    #expect(sink.isHigh(8))
    #expect(read(0x0c) == 0x90)
  }

  @Test("the alarm goes off at its time, and 0xc0 and above stand for any")
  func alarm() {
    let rtc = makeClock()
    write(0x0a, 0x20)
    for (register, value) in [(5, 0xff), (3, 0xc0), (1, 0x30)] as [(UInt8, UInt8)] {
      write(register, value)
    }
    write(0x0b, 0x22)
    var alarms: [UInt64] = []
    for second: UInt64 in 1...100 {
      #expect(rtc.nextEvent == second * 32_768_000)
      clock.now = rtc.nextEvent
      rtc.advance()
      if sink.isHigh(8) {
        alarms.append(second)
        #expect(read(0x0c) & 0xa0 == 0xa0)
      }
    }
    #expect(alarms == [30, 90])
  }

  @Test("an alarm within a long sleep is not missed")
  func lateAlarm() {
    let rtc = makeClock()
    for (register, value) in [(5, 0x23), (3, 0x59), (1, 0x59)] as [(UInt8, UInt8)] {
      write(register, value)
    }
    run(seconds: 86_398)
    #expect(read(0x0c) & 0x20 == 0)
    run(seconds: 86_400 * 10)
    #expect(read(0x0c) & 0x20 == 0x20)
    #expect(time()[3] == 0x11)
    withExtendedLifetime(rtc) {}
  }

  @Test("bit 7 of the index holds back NMI, and the index cannot be read")
  func nmi() {
    let rtc = makeClock()
    write(0x8f, 0x0a)
    #expect(rtc.nmiMasked)
    #expect(rtc.shutdownStatus == 0x0a)
    #expect(ports.readByte(0x70) == 0xff)
    #expect(read(0x0f) == 0x0a)
    #expect(!rtc.nmiMasked)
  }

  @Test("memory is described in its bytes, capped at what they hold")
  func memorySize() {
    let rtc = makeClock()
    func word(_ register: UInt8) -> Int { Int(read(register)) | Int(read(register + 1)) << 8 }
    rtc.setMemorySize(below4GiB: 32 << 20, above4GiB: 0)
    #expect(word(0x15) == 640)
    #expect(word(0x17) == 31 * 1024)
    #expect(word(0x30) == 31 * 1024)
    #expect(word(0x34) == 256)
    #expect(word(0x5b) == 0)
    rtc.setMemorySize(below4GiB: 3 << 30, above4GiB: 5 << 30)
    #expect(word(0x17) == 0xffff)
    #expect(word(0x34) == ((3 << 30) - (16 << 20)) >> 16)
    #expect(word(0x5b) | Int(read(0x5d)) << 16 == (5 << 30) >> 16)
    let sum = (0x10...0x2d).reduce(0) { $0 + Int(read($1)) }
    #expect(Int(read(0x2e)) << 8 | Int(read(0x2f)) == sum)
    rtc.setMemorySize(below4GiB: 64 << 10, above4GiB: .max)
    #expect(word(0x15) == 64)
    #expect(word(0x17) == 0)
  }
}
