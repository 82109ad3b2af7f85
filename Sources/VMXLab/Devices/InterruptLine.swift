/// What interrupt lines end in: an interrupt controller, or several behind one another.
public protocol InterruptSink: AnyObject {
  /// The input `number` has become `level`; called again with the level that it has, it changes
  /// nothing.
  func setInterrupt(_ number: Int, level: Bool)
}

/// One input of an interrupt controller, as the device behind it sees it.
public struct InterruptLine {
  private let sink: (any InterruptSink)?
  /// The number of the input, as the sink counts them.
  public let number: Int

  /// The line to input `number` of `sink`.
  public init(to sink: any InterruptSink, number: Int) {
    self.sink = sink
    self.number = number
  }

  private init() {
    sink = nil
    number = 0
  }

  /// A line that ends nowhere.
  public static var unconnected: InterruptLine { InterruptLine() }

  /// Drives the line.
  public func set(level: Bool) {
    sink?.setInterrupt(number, level: level)
  }
}
