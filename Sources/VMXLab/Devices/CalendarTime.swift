/// A date and time of the Gregorian calendar, in UTC.
struct CalendarTime: Equatable, Sendable {
  var year: Int64
  /// 1 to 12.
  var month: Int
  /// 1 to 31.
  var day: Int
  /// 1 to 7; 1 is Sunday.
  var weekday: Int
  var hour: Int
  var minute: Int
  var second: Int

  /// The time `unixSeconds` after 1970-01-01T00:00:00Z, leap seconds not counted.
  init(unixSeconds: Int64) {
    let (days, secondOfDay) = Self.divide(unixSeconds, by: 86_400)
    hour = Int(secondOfDay / 3600)
    minute = Int(secondOfDay / 60 % 60)
    second = Int(secondOfDay % 60)
    weekday = Int(Self.divide(days + 4, by: 7).remainder) + 1  // 1970-01-01 was a Thursday

    // Years that begin in March put the leap day last: then the days before a month follow from its
    // number alone. The Gregorian calendar repeats every 400 years, which are 146 097 days; day 0
    // of such years, 0000-03-01, is 719 468 days before 1970.
    let (era, dayOfEra) = Self.divide(days + 719_468, by: 146_097)
    let leapDays = dayOfEra / 1460 - dayOfEra / 36_524 + dayOfEra / 146_096
    let yearOfEra = (dayOfEra - leapDays) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5) + 1
    month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
    year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
  }

  /// Division that rounds towards negative infinity; `divisor` is positive.
  static func divide(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
