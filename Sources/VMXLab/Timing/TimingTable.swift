/// The cycles of every ``TimingClass``: the part of a ``TimingProfile`` that the hot path reads.
///
/// Trivially copyable, of fixed size and without a heap part, so that it can lie inside a processor's
/// state behind a pointer.
public struct TimingTable: Sendable {
  private var storage: InlineArray<256, UInt16>

  /// A table with the same number of cycles for every class.
  public init(repeating cycles: UInt16) {
    storage = InlineArray(repeating: cycles)
  }

  /// Cycles charged for `timingClass`.
  @inline(__always)
  public func cycles(_ timingClass: TimingClass) -> UInt16 {
    storage[unchecked: Self.index(timingClass)]
  }

  /// Cycles charged for `timingClass`.
  public subscript(timingClass: TimingClass) -> UInt16 {
    @inline(__always) get { storage[unchecked: Self.index(timingClass)] }
    set { storage[unchecked: Self.index(timingClass)] = newValue }
  }

  /// There is a place for every raw value, so that the index lies inside the storage.
  @inline(__always)
  private static func index(_ timingClass: TimingClass) -> Int {
    Int(timingClass.rawValue)
  }
}

extension TimingTable: Equatable {
  public static func == (left: TimingTable, right: TimingTable) -> Bool {
    TimingClass.allCases.allSatisfy { left[$0] == right[$0] }
  }
}
