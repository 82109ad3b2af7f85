import Foundation

/// Host instructions, by callgrind: `benchmarks count`.
///
/// Each workload runs with two numbers of iterations, and the difference is what the additional
/// ones cost: start-up, decoding of the loop and everything else that happens once drops out.
struct InstructionCount {
  let options: Options

  /// For VM entries, the numbers whose allocations must be the same.
  private static let fewEntries = 1_000
  private static let manyEntries = 100_000

  /// - Throws: `BenchmarkError` if something cannot be measured, or an entry allocates memory.
  func print() throws {
    let callgrind = try Callgrind(program: options.vmxlab, image: options.image)
    try printWorkloads(
      options.workloads.filter { !$0.needsVMX && $0.countedIterations > 0 }, callgrind)
    try printEntries(options.workloads.filter(\.needsVMX), callgrind)
  }

  private func printWorkloads(_ workloads: [Workload], _ callgrind: Callgrind) throws {
    guard !workloads.isEmpty else { return }
    Swift.print("Host instructions (callgrind)\n")
    let statistics = VMXLabStatistics(program: options.vmxlab, image: options.image)
    var table = Table(["workload", "an iteration", "guest instr.", "host instr.", "host/guest"])
    for workload in workloads {
      let count = workload.countedIterations
      let few = workload.words(iterations: count, repeats: 1)
      let many = workload.words(iterations: 2 * count, repeats: 1)
      let guest =
        Double(try statistics.instructions(many) - statistics.instructions(few)) / Double(count)
      let host = Double(try callgrind.cost(many).host - callgrind.cost(few).host) / Double(count)
      table.add([
        workload.name, workload.iteration, guest.short, host.short, (host / guest).short,
      ])
      report(workload)
    }
    Swift.print(table.text + "\n")
  }

  private func printEntries(_ workloads: [Workload], _ callgrind: Callgrind) throws {
    guard !workloads.isEmpty else { return }
    Swift.print(
      """
      VM entries: host instructions of one, with the loop around it, and how often memory was
      allocated, a reference was counted and an error thrown in a whole run of \(Self.fewEntries) and of \(Self.manyEntries)

      """)
    let serial = try SerialPipe()
    let vmxlab = VMXLabEmulator(program: options.vmxlab, image: options.image, serial: serial)
    let bochs: BochsEmulator?
    do {
      bochs = try BochsEmulator(image: options.image, serial: serial)
    } catch let error as BenchmarkError {
      bochs = nil
      Swift.print("without the ratio to Bochs: \(error)\n")
    }

    var table = Table([
      "workload", "an entry", "host instr.", "Bochs/VMXLab", "allocations", "references", "errors",
    ])
    var allocating: [String] = []
    for workload in workloads {
      let few = try callgrind.cost(workload.words(iterations: Self.fewEntries, repeats: 1))
      let many = try callgrind.cost(workload.words(iterations: Self.manyEntries, repeats: 1))
      let host = Double(many.host - few.host) / Double(Self.manyEntries - Self.fewEntries)
      var ratio: Double?
      if let bochs {
        ratio = try seconds(workload, on: bochs) / seconds(workload, on: vmxlab)
      }
      table.add([
        workload.name, workload.iteration, host.short, ratio?.short ?? "-",
        Self.compare(few.allocations, many.allocations),
        Self.compare(few.referenceCounts, many.referenceCounts),
        Self.compare(few.errors, many.errors),
      ])
      // What happens once may count a reference more or less: it depends on addresses.
      let references = (many.referenceCounts - few.referenceCounts).magnitude
      if few.allocations != many.allocations || few.errors != many.errors
        || references > Self.fewEntries / 10
      {
        allocating.append(workload.name)
      }
      report(workload)
    }
    Swift.print(table.text)
    guard allocating.isEmpty else {
      throw BenchmarkError("VM entries cost memory: \(allocating.joined(separator: ", "))")
    }
  }

  private func seconds(_ workload: Workload, on emulator: some Emulator) throws -> Double {
    let iterations = workload.iterations * emulator.factor
    let words = workload.words(iterations: iterations, repeats: options.repeats)
    return try emulator.measure(words).best() / Double(iterations)
  }

  private static func compare(_ few: Int, _ many: Int) -> String {
    "\(few) \(few == many ? "=" : few < many ? "<" : ">") \(many)"
  }

  /// On standard error, where who waits sees it.
  private func report(_ workload: Workload) {
    FileHandle.standardError.write(Data("counted \(workload.name)\n".utf8))
  }
}
