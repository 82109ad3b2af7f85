import ArgumentParser
import VMXLab

/// Finds profiles by the names that the user gives.
enum ProfileNames {
  /// The processor called `name`.
  ///
  /// - Throws: `ValidationError`, which lists the processors there are.
  static func processor(_ name: String) throws(ValidationError) -> CPUProfile {
    do {
      return try CPUProfile.named(name)
    } catch {
      throw ValidationError("\(error)")
    }
  }

  /// The table of cycle costs called `name`.
  ///
  /// - Throws: `ValidationError`, which lists the tables there are.
  static func timing(_ name: String) throws(ValidationError) -> TimingProfile {
    do {
      return try TimingProfile.named(name)
    } catch {
      throw ValidationError("\(error)")
    }
  }
}
