import ArgumentParser
import VMXLab

/// Finds profiles by the names that the user gives.
enum ProfileNames {
  /// The processor called `name`.
  ///
  /// - Throws: `ValidationError`, which lists the processors there are.
  static func processor(_ name: String) throws(ValidationError) -> CPUProfile {
    if let profile = CPUProfile.named(name) { return profile }
    let names = CPUProfile.all.map(\.name).joined(separator: ", ")
    throw ValidationError("there is no such processor; there are \(names)")
  }

  /// The table of cycle costs called `name`.
  ///
  /// - Throws: `ValidationError`, which lists the tables there are.
  static func timing(_ name: String) throws(ValidationError) -> TimingProfile {
    if let profile = TimingProfile.named(name) { return profile }
    let names = TimingProfile.all.map(\.name).joined(separator: ", ")
    throw ValidationError("there is no such table of cycle costs; there are \(names)")
  }
}
