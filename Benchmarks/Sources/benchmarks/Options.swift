/// What the command line asks for.
struct Options {
  var vmxlab = ".build/release/vmxlab"
  var image = "build/firmware/bench.elf"
  var rounds = 3
  var repeats = 2
  var workloads = Workload.all

  static let usage = """
    usage: benchmarks compare|count [--vmxlab PROGRAM] [--image FILE]
                      [--rounds N] [--repeats N] [WORKLOAD ...]

    compare   VMXLab, Bochs and QEMU: processor time and ratios
    count     host instructions by callgrind: a guest instruction, a VM entry; allocations

    A WORKLOAD may be the beginning of several names, such as "vmx".
    """

  /// - Throws: `BenchmarkError` if the words make no sense.
  init(_ words: ArraySlice<String>) throws {
    var words = words
    var names: [String] = []
    while let word = words.popFirst() {
      guard word.hasPrefix("--") else {
        names.append(word)
        continue
      }
      guard let value = words.popFirst() else { throw BenchmarkError("\(word) wants a value") }
      switch word {
      case "--vmxlab": vmxlab = value
      case "--image": image = value
      case "--rounds": rounds = try Self.number(word, value)
      case "--repeats": repeats = try Self.number(word, value)
      default: throw BenchmarkError("there is no option \(word)\n\(Self.usage)")
      }
    }
    guard !names.isEmpty else { return }
    workloads = try names.flatMap { name in
      let matching = Workload.all.filter { $0.name == name }
      let found = matching.isEmpty ? Workload.all.filter { $0.name.hasPrefix(name) } : matching
      guard !found.isEmpty else { throw BenchmarkError("there is no workload \(name)") }
      return found
    }
  }

  private static func number(_ option: String, _ text: String) throws -> Int {
    guard let value = Int(text), value > 0 else {
      throw BenchmarkError("\(option) wants a number, not \(text)")
    }
    return value
  }
}
