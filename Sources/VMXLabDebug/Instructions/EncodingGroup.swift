import VMXLab

/// The encodings that an opcode and a mandatory prefix leave open, and what each stands for.
struct EncodingGroup {
  /// What distinguishes encodings of the same opcode and prefix.
  struct Point: Hashable {
    var w = 0
    var l = 0
    /// ModRM.reg.
    var digit = 0
    /// 1 if the ModRM operand is a register.
    var register = 0
  }

  /// An instruction with the encodings that are its own.
  struct Item: Hashable {
    let finding: OpcodeSurvey.Finding
    /// Values of ModRM.reg; nil if all are the instruction's.
    var digits: Set<Int>?
    var register: Int?
    var w: Int?
    var l: Int?
  }

  private static let axes: [WritableKeyPath<Point, Int> & Sendable] = [
    \.digit, \.register, \.w, \.l,
  ]

  /// The instructions, each in as few items as there can be.
  let items: [Item]
  /// Whether ModRM.reg chooses.
  var isByDigit: Bool { items.contains { $0.digits != nil } }

  init(_ findings: [Point: OpcodeSurvey.Finding]) {
    let values = Self.axes.map { axis in Set(findings.keys.map { $0[keyPath: axis] }) }
    var byFinding: [OpcodeSurvey.Finding: Set<Point>] = [:]
    for (point, finding) in findings where finding != .undefined {
      byFinding[finding, default: []].insert(point)
    }
    items = byFinding.flatMap { finding, points in
      Self.boxes(points, axes: 0).map { box in
        func own(_ axis: Int) -> Set<Int>? {
          let own = Set(box.map { $0[keyPath: Self.axes[axis]] })
          return own == values[axis] ? nil : own
        }
        return Item(
          finding: finding, digits: own(0), register: own(1)?.first, w: own(2)?.first,
          l: own(3)?.first)
      }
    }.sorted { $0.order < $1.order }
  }

  /// Cuts points into sets that are the product of what they have on each axis.
  private static func boxes(_ points: Set<Point>, axes first: Int) -> [Set<Point>] {
    let sizes = axes.map { axis in Set(points.map { $0[keyPath: axis] }).count }
    if sizes.reduce(1, *) == points.count { return [points] }
    guard first < axes.count else { return points.map { [$0] } }
    // Along this axis, values with the same rest belong together.
    let axis = axes[first]
    var rests: [Set<Point>: Set<Int>] = [:]
    for (value, group) in Dictionary(grouping: points, by: { $0[keyPath: axis] }) {
      let rest = Set(
        group.map { point -> Point in
          var point = point
          point[keyPath: axis] = 0
          return point
        })
      rests[rest, default: []].insert(value)
    }
    return rests.flatMap { rest, values in
      boxes(rest, axes: first + 1).map { box in
        Set(
          box.flatMap { point in
            values.map { value -> Point in
              var point = point
              point[keyPath: axis] = value
              return point
            }
          })
      }
    }
  }
}

extension EncodingGroup.Item {
  fileprivate var order: String {
    let digit = digits?.min() ?? 0
    return "\(digit)\(register ?? 2)\(w ?? 2)\(l ?? 2)\(finding)"
  }

  /// What the bits must be, in the manual's words: `/1 m W0`; `without` ModRM.reg if that is said
  /// elsewhere.
  func conditions(withDigit: Bool = true) -> String {
    var words: [String] = []
    if withDigit, let digits {
      words.append(digits.sorted().map { "/\($0)" }.joined(separator: " "))
    }
    if let register { words.append(register == 1 ? "r" : "m") }
    if let w { words.append("W\(w)") }
    if let l { words.append("L\(l)") }
    return words.joined(separator: " ")
  }
}
