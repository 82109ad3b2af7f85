import Foundation

/// Measures what VMXLab costs. See docs/performance.md.
@main
enum Benchmarks {
  static func main() {
    let words = CommandLine.arguments.dropFirst()
    RunningChild.endWithThisProgram()
    do {
      switch words.first {
      case "compare": try Comparison(options: Options(words.dropFirst())).print()
      case "count": try InstructionCount(options: Options(words.dropFirst())).print()
      default: throw BenchmarkError(Options.usage)
      }
    } catch {
      FileHandle.standardError.write(Data("benchmarks: \(error)\n".utf8))
      exit(1)
    }
  }
}
