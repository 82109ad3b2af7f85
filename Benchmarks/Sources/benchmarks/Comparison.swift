import Foundation

/// VMXLab beside Bochs and QEMU: `benchmarks compare`.
///
/// Each round boots every emulator once a workload, one after the other, so that a busy moment of
/// the host touches all of them alike; the best of all repeats counts.
struct Comparison {
  let options: Options

  func print() throws {
    let serial = try SerialPipe()
    let vmxlab = VMXLabEmulator(program: options.vmxlab, image: options.image, serial: serial)
    var emulators: [any Emulator] = [vmxlab]
    for make in [
      { try BochsEmulator(image: options.image, serial: serial) as any Emulator },
      { try QEMUEmulator(image: options.image, serial: serial) as any Emulator },
    ] {
      do {
        emulators.append(try make())
      } catch let error as BenchmarkError {
        Swift.print("skipped: \(error)")
      }
    }
    for emulator in emulators { Swift.print("\(emulator.name): \(emulator.version)") }
    Swift.print("best of \(options.rounds) rounds of \(options.repeats) repeats, processor time\n")

    let others = emulators.dropFirst().map(\.name)
    var table = Table(
      ["workload", "an iteration", "instr."] + emulators.map(\.name) + ["VMXLab MIPS"]
        + others.map { "\($0)/VMXLab" })
    var failures: [String] = []
    for workload in options.workloads {
      let best = measure(workload, emulators) { failures.append($0) }
      let count = Double(try instructions(workload))
      let own = best[vmxlab.name] ?? .nan
      table.add(
        [workload.name, workload.iteration, count.short]
          + emulators.map { best[$0.name].map(\.duration) ?? "-" }
          + [(count / own / 1e6).short]
          + others.map { name in best[name].map { ($0 / own).short } ?? "-" })
      // For who waits.
      let seconds = emulators.map { best[$0.name].map(\.duration) ?? "-" }
      FileHandle.standardError.write(
        Data("\(workload.name): \(seconds.joined(separator: ", "))\n".utf8))
    }
    Swift.print(table.text)
    for failure in failures { Swift.print(failure) }
  }

  /// Seconds an iteration, by the emulator's name. One that fails has none.
  private func measure(
    _ workload: Workload, _ emulators: [any Emulator], fail: (String) -> Void
  ) -> [String: Double] {
    var best: [String: Double] = [:]
    var capable = emulators.filter { $0.hasVMX || !workload.needsVMX }
    for _ in 0..<options.rounds {
      capable.removeAll { emulator in
        do {
          let iterations = workload.iterations * emulator.factor
          let run = try emulator.measure(
            workload.words(iterations: iterations, repeats: options.repeats))
          best[emulator.name] = min(
            best[emulator.name] ?? .infinity, try run.best() / Double(iterations))
          return false
        } catch {
          best[emulator.name] = nil
          fail("\(workload.name) on \(emulator.name): \(error)")
          return true
        }
      }
    }
    return best
  }

  /// Instructions that an iteration has.
  private func instructions(_ workload: Workload) throws -> Int {
    let statistics = VMXLabStatistics(program: options.vmxlab, image: options.image)
    let count = max(workload.countedIterations, 1)
    let once = try statistics.instructions(workload.words(iterations: count, repeats: 1))
    let twice = try statistics.instructions(workload.words(iterations: 2 * count, repeats: 1))
    return (twice - once) / count
  }
}
