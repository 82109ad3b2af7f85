/// One 8259A programmable interrupt controller of the pair in a PC.
///
/// As in chipsets with edge/level control registers, LTIM of ICW1 has no effect: the mode of each
/// input is set from outside. The 8085 mode is not built; vectors are always those of the 8086
/// mode.
///
/// Source: Intel 8259A data sheet; Intel 82371AB (PIIX4) data sheet, "Interrupt Controller
/// Registers".
struct PIC8259 {
  /// Present level of each input.
  private(set) var inputs: UInt8 = 0
  /// Inputs that rose and have stayed high since, without being acknowledged.
  private var edges: UInt8 = 0
  /// Inputs whose level, not edge, is the request.
  var levelTriggered: UInt8 = 0
  /// IMR: requests that are held back.
  private(set) var masked: UInt8 = 0
  /// ISR: requests that were acknowledged and have had no end of interrupt.
  private(set) var inService: UInt8 = 0
  /// The input with the lowest priority; the one after it has the highest.
  private var lowestPriority = 7

  private var vectorBase: UInt8 = 0
  /// ICW3: the inputs with a slave in a master, the identity in a slave.
  private(set) var cascade: UInt8 = 0
  private var automaticEOI = false
  private var rotateOnAutomaticEOI = false
  private var specialMaskMode = false
  private var specialFullyNestedMode = false
  private var readsInService = false
  /// The next read is an acknowledgement.
  private(set) var isPolled = false

  /// What the next write to the odd port means.
  private enum Expected { case operation, icw2, icw3, icw4 }
  private var expected = Expected.operation
  private var expectsICW3 = false
  private var expectsICW4 = false
  private let isMaster: Bool

  init(isMaster: Bool) {
    self.isMaster = isMaster
  }

  /// IRR. A request is withdrawn when its input falls before the acknowledgement, in both trigger
  /// modes.
  var requests: UInt8 { (edges & ~levelTriggered) | (inputs & levelTriggered) }

  /// INT: there is a request that the priorities let through.
  var output: Bool { highestRequest != nil }

  mutating func setInput(_ number: Int, level: Bool) {
    let bit = Self.bit(number)
    if level {
      if inputs & bit == 0 { edges |= bit }
      inputs |= bit
    } else {
      inputs &= ~bit
      edges &= ~bit
    }
  }

  /// The two INTA cycles. Without a request the answer is input 7, which is then not in service.
  mutating func acknowledge() -> (input: Int, vector: UInt8) {
    let input = take() ?? 7
    return (input, vectorBase | UInt8(truncatingIfNeeded: input))
  }

  // MARK: Registers

  mutating func read(odd: Bool) -> UInt8 {
    if isPolled {
      isPolled = false
      guard let input = take() else { return 0 }
      return 0x80 | UInt8(truncatingIfNeeded: input)
    }
    if odd { return masked }
    return readsInService ? inService : requests
  }

  mutating func write(odd: Bool, value: UInt8) {
    if odd {
      writeOdd(value)
    } else if value & 0x10 != 0 {
      writeICW1(value)
    } else if value & 0x08 != 0 {
      writeOCW3(value)
    } else {
      writeOCW2(value)
    }
  }

  private mutating func writeICW1(_ value: UInt8) {
    let isSingle = value & 2 != 0
    expected = .icw2
    expectsICW3 = !isSingle
    expectsICW4 = value & 1 != 0
    edges = 0
    masked = 0
    inService = 0
    lowestPriority = 7
    cascade = isMaster ? 0 : 7
    specialMaskMode = false
    readsInService = false
    isPolled = false
    // Without ICW4 all that it selects is off.
    automaticEOI = false
    specialFullyNestedMode = false
  }

  private mutating func writeOdd(_ value: UInt8) {
    switch expected {
    case .operation:
      masked = value
    case .icw2:
      vectorBase = value & 0xf8
      expected = expectsICW3 ? .icw3 : expectsICW4 ? .icw4 : .operation
    case .icw3:
      cascade = isMaster ? value : value & 7
      expected = expectsICW4 ? .icw4 : .operation
    case .icw4:
      automaticEOI = value & 0x02 != 0
      specialFullyNestedMode = value & 0x10 != 0
      expected = .operation
    }
  }

  /// The eight commands of OCW2 are combinations of three bits: rotate, specific, and end of
  /// interrupt.
  private mutating func writeOCW2(_ value: UInt8) {
    let rotates = value & 0x80 != 0
    let isSpecific = value & 0x40 != 0
    let endsInterrupt = value & 0x20 != 0
    let level = Int(value & 7)
    switch (endsInterrupt, isSpecific) {
    case (true, true):
      inService &= ~Self.bit(level)
      if rotates { lowestPriority = level }
    case (true, false):
      // In special mask mode, what is masked stays in service.
      let candidates = specialMaskMode ? inService & ~masked : inService
      guard let highest = highest(of: candidates) else { return }
      inService &= ~Self.bit(highest)
      if rotates { lowestPriority = highest }
    case (false, true):
      if rotates { lowestPriority = level }
    case (false, false):
      rotateOnAutomaticEOI = rotates
    }
  }

  private mutating func writeOCW3(_ value: UInt8) {
    if value & 0x40 != 0 { specialMaskMode = value & 0x20 != 0 }
    if value & 0x02 != 0 { readsInService = value & 0x01 != 0 }
    isPolled = value & 0x04 != 0
  }

  // MARK: Priorities

  /// The request that INT stands for.
  private var highestRequest: Int? {
    let candidates = requests & ~masked
    guard candidates != 0 else { return nil }
    let blocking = specialMaskMode ? inService & ~masked : inService
    for rank in 1...8 {
      let input = (lowestPriority + rank) & 7
      let bit = Self.bit(input)
      if blocking & bit != 0 {
        // A slave in service may interrupt again: it lets only its own higher priorities through.
        let nests = specialFullyNestedMode && isMaster && cascade & bit != 0
        return nests && candidates & bit != 0 ? input : nil
      }
      if candidates & bit != 0 { return input }
    }
    return nil
  }

  private func highest(of set: UInt8) -> Int? {
    for rank in 1...8 {
      let input = (lowestPriority + rank) & 7
      if set & Self.bit(input) != 0 { return input }
    }
    return nil
  }

  /// Puts the highest request in service.
  private mutating func take() -> Int? {
    guard let input = highestRequest else { return nil }
    edges &= ~Self.bit(input)
    if !automaticEOI {
      inService |= Self.bit(input)
    } else if rotateOnAutomaticEOI {
      lowestPriority = input
    }
    return input
  }

  private static func bit(_ number: Int) -> UInt8 { 1 << UInt8(truncatingIfNeeded: number & 7) }
}
