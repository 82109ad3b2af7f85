/// A condition on the status flags, as Jcc, SETcc and CMOVcc test it.
///
/// Source: Intel SDM, "EFLAGS Condition Codes".
protocol Condition {
  static func holds(_ flags: LazyFlags) -> Bool
}

/// The sixteen conditions, named by the shorter of their mnemonics' suffixes.
enum Conditions {
  enum O: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { flags.of }
  }
  enum NO: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { !flags.of }
  }
  enum B: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { flags.cf }
  }
  enum AE: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { !flags.cf }
  }
  enum E: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { flags.zf }
  }
  enum NE: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { !flags.zf }
  }
  enum BE: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { flags.cf || flags.zf }
  }
  enum A: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { !(flags.cf || flags.zf) }
  }
  enum S: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { flags.sf }
  }
  enum NS: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { !flags.sf }
  }
  enum P: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { flags.pf }
  }
  enum NP: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { !flags.pf }
  }
  enum L: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { flags.isLess }
  }
  enum GE: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { !flags.isLess }
  }
  enum LE: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { flags.isLess || flags.zf }
  }
  enum G: Condition {
    @inline(__always) static func holds(_ flags: LazyFlags) -> Bool { !(flags.isLess || flags.zf) }
  }
}

extension LazyFlags {
  /// SF ≠ OF, without a branch.
  @inline(__always) var isLess: Bool {
    ((result >> 63) ^ (carriesIn >> 63) ^ carry ^ (carry >> 1)) & 1 != 0
  }
}
