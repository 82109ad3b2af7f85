import Foundation

/// Text in columns: the first one to the left, the others to the right.
struct Table {
  private var rows: [[String]]

  init(_ head: [String]) { rows = [head] }

  mutating func add(_ row: [String]) { rows.append(row) }

  var text: String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + space : space + cell
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}

extension Double {
  /// With about three digits that count.
  var short: String {
    switch magnitude {
    case ..<10: String(format: "%.2f", self)
    case ..<100: String(format: "%.1f", self)
    default: String(format: "%.0f", self)
    }
  }

  /// Seconds, as nanoseconds, microseconds or milliseconds.
  var duration: String {
    switch self {
    case ..<1e-6: "\((self * 1e9).short) ns"
    case ..<1e-3: "\((self * 1e6).short) µs"
    default: "\((self * 1e3).short) ms"
    }
  }
}

extension String {
  var firstLine: String { split(separator: "\n").first.map(String.init) ?? "" }
}
