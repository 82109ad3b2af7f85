import Foundation

/// What VMXLab itself counts in a run of the image.
struct VMXLabStatistics {
  let program: String
  let image: String
  private struct Report: Decodable {
    let instructions: Int
  }

  /// The instructions that a whole run retires: the same number every time.
  func instructions(_ words: [String]) throws -> Int {
    let directory = try TemporaryDirectory()
    let file = directory.file("statistics.json")
    try Programs.run(
      program,
      ["run", "--quiet", "--serial", "null", "--explain", "off", "--stats-json", file]
        + [image, "--"] + words)
    let report = try Data(contentsOf: URL(fileURLWithPath: file))
    return try JSONDecoder().decode(Report.self, from: report).instructions
  }
}
