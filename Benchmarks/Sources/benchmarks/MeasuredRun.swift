/// What a guest's run showed: the processor time of each repeat, and its checksum.
struct MeasuredRun {
  /// Seconds of processor time, of the emulator's process with all its threads, between "begin" and
  /// "end".
  var seconds: [Double] = []
  var checksums: Set<String> = []

  /// The shortest repeat.
  ///
  /// - Throws: `BenchmarkError` if repeats had different results.
  func best() throws -> Double {
    guard checksums.count == 1, let best = seconds.min() else {
      throw BenchmarkError("the repeats have different checksums")
    }
    return best
  }
}
