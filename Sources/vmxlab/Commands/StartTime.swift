import ArgumentParser

/// The real-time clock's time at power-on.
struct StartTime {
  /// Seconds since 1970-01-01 00:00.
  let seconds: Int64

  /// Reads "2026-01-31T12:00:00", "2026-01-31", or a number of seconds since 1970.
  ///
  /// - Throws: `ValidationError` if the text is none of these.
  init(_ text: String) throws(ValidationError) {
    if let seconds = Int64(text), (0...Self.latest).contains(seconds) {
      self.seconds = seconds
      return
    }
    guard let seconds = Self.parse(text), (0...Self.latest).contains(seconds) else {
      throw ValidationError(
        "a time is 2026-01-31T12:00:00, 2026-01-31 or the seconds since 1970, and before 10000-01-01"
      )
    }
    self.seconds = seconds
  }

  private static let latest: Int64 = 253_402_300_799
  private static let monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

  private static func parse(_ text: String) -> Int64? {
    let parts = text.split(separator: "T", omittingEmptySubsequences: false)
    guard parts.count <= 2, let date = numbers(parts[0], separator: "-", widths: [4, 2, 2]) else {
      return nil
    }
    var time = [0, 0, 0]
    if parts.count == 2 {
      guard let given = numbers(parts[1], separator: ":", widths: [2, 2, 2]) else { return nil }
      time = given
    }
    guard let days = days(year: date[0], month: date[1], day: date[2]), time[0] < 24, time[1] < 60,
      time[2] < 60
    else { return nil }
    return Int64(((days * 24 + time[0]) * 60 + time[1]) * 60 + time[2])
  }

  private static func numbers(
    _ text: Substring, separator: Character, widths: [Int]
  ) -> [Int]? {
    let parts = text.split(separator: separator, omittingEmptySubsequences: false)
    guard parts.map(\.count) == widths,
      parts.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } })
    else { return nil }
    return parts.compactMap { Int($0) }
  }

  /// Days from 1970-01-01 to a date of the Gregorian calendar; nil if there is no such date.
  private static func days(year: Int, month: Int, day: Int) -> Int? {
    guard year >= 1970, (1...12).contains(month) else { return nil }
    let isLeapYear = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
    let length = monthDays[month - 1] + (month == 2 && isLeapYear ? 1 : 0)
    guard (1...length).contains(day) else { return nil }
    let before = year - 1
    let leapDays = before / 4 - before / 100 + before / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400)
    let months = monthDays[..<(month - 1)].reduce(0, +) + (month > 2 && isLeapYear ? 1 : 0)
    return (year - 1970) * 365 + leapDays + months + day - 1
  }
}
