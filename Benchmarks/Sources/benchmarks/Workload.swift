/// A workload of `firmware/bench`, and how much of it is measured.
struct Workload: Sendable {
  let name: String
  /// What one iteration does.
  let iteration: String
  /// Iterations that Debian's Bochs does in about a second.
  let iterations: Int
  /// Iterations under callgrind, which is fifty times slower: this many and twice as many. 0 for a
  /// workload whose preparation alone would take minutes there.
  let countedIterations: Int
  let needsVMX: Bool

  init(_ name: String, _ iteration: String, _ iterations: Int, counted: Int) {
    self.name = name
    self.iteration = iteration
    self.iterations = iterations
    self.countedIterations = counted
    self.needsVMX = name.hasPrefix("vmx-")
  }

  /// The words for the guest's command line: as long for many iterations as for few.
  func words(iterations: Int, repeats: Int) -> [String] {
    let number = String(iterations)
    let zeros = String(repeating: "0", count: max(0, 10 - number.count))
    return ["workload=\(name)", "iterations=\(zeros)\(number)", "repeats=\(repeats)"]
  }
}

extension Workload {
  static let all: [Workload] = [
    Workload("loop", "7 instructions", 10_000_000, counted: 200_000),
    Workload("loop-32", "7 instructions", 10_000_000, counted: 200_000),
    Workload("sha256", "4 KiB hashed", 300, counted: 5),
    Workload("sort", "4096 integers sorted", 150, counted: 3),
    Workload("bytecode", "primes below 2000", 150, counted: 3),
    Workload("copy-loop", "64 KiB by 8 bytes", 2_500, counted: 40),
    Workload("copy-rep", "192 KiB by REP", 500, counted: 40),
    Workload("copy-rep-short", "1365 times 48 bytes", 400, counted: 40),
    Workload("address-spaces", "MOV CR3, 16 pages", 50_000, counted: 2_000),
    Workload("address-spaces-many", "the same of 2048", 50_000, counted: 2_000),
    Workload("syscall", "SYSCALL and SYSRET", 500_000, counted: 10_000),
    Workload("int", "INT and IRET", 200_000, counted: 10_000),
    Workload("code-little", "10 MiB, 64 KiB distinct", 10, counted: 1),
    Workload("code-much", "10 MiB, all distinct", 10, counted: 0),
    Workload("code-fresh", "64 KiB written and run", 40, counted: 5),
    Workload("memory-little", "65536 accesses, 1 MiB", 30, counted: 2),
    Workload("memory-much", "65536 accesses, 256 MiB", 30, counted: 2),
    Workload("vmx-round-trip", "VMRESUME, VMCALL exit", 200_000, counted: 1_000),
    Workload("vmx-fail-invalid", "VMfailInvalid", 1_000_000, counted: 1_000),
    Workload("vmx-fail-launch-state", "VMfailValid 5", 1_000_000, counted: 1_000),
    Workload("vmx-fail-controls", "VMfailValid 7", 500_000, counted: 1_000),
    Workload("vmx-fail-host-state", "VMfailValid 8", 500_000, counted: 1_000),
    Workload("vmx-fail-guest-state", "exit reason 33, code 0", 200_000, counted: 1_000),
    Workload("vmx-fail-link-pointer", "exit reason 33, code 4", 200_000, counted: 1_000),
    Workload("vmx-fail-msr-load", "exit reason 34", 200_000, counted: 1_000),
  ]
}
