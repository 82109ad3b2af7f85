// MOVS, CMPS, SCAS, LODS, STOS, alone and repeated.
//
// A repeated instruction does a bounded number of iterations and then leaves its block with RIP at
// itself, so that interrupts, the deadline and single steps come between iterations. Every completed
// iteration is in the registers before the next one starts.
//
// Source: Intel SDM, "REP/REPE/REPZ/REPNE/REPNZ—Repeat String Operation Prefix".

/// One of the string operations.
protocol StringOperation {
  /// Whether REPE and REPNE look at ZF after an iteration.
  static var compares: Bool { get }
  /// One iteration; false if it faults, with nothing committed.
  static func step<W: OperandWidth>(
    _ cpu: inout Processor, _ i: InstructionReference, _ width: W.Type
  ) -> Bool
  /// Up to `limit` iterations at once, on host memory; 0 if the next one needs `step`.
  static func run<W: OperandWidth>(
    _ cpu: inout Processor, _ i: InstructionReference, _ width: W.Type, limit: UInt64
  ) -> UInt64
}

// MARK: Addresses

extension Processor {
  /// Mask of an address of the instruction's address size.
  @inline(__always) func addressMask(_ i: InstructionReference) -> UInt64 {
    let mode = i.pointer.pointee.mode
    return mode.contains(.address16) ? 0xffff : mode.contains(.address32) ? 0xffff_ffff : ~0
  }

  /// Writes a general register as wide as an address.
  @inline(__always)
  mutating func setAddressRegister(_ register: Int, _ value: UInt64, mask: UInt64) {
    let kept = mask == 0xffff ? general[register] & ~mask : 0
    general[register] = kept | value & mask
  }

  /// Linear address of an offset that the instruction implies; nil if that faults.
  @inline(__always)
  mutating func stringLinear<W: OperandWidth>(
    _ offset: UInt64, segment: Int, _ i: InstructionReference, _ width: W.Type,
    _ access: AccessKind
  ) -> UInt64? {
    segmentedAddress(
      offset, segment: segment, mode: i.pointer.pointee.mode, byteCount: W.byteCount,
      access: access)
  }

  @inline(__always) fileprivate var isBackward: Bool { systemFlags & RFLAGS.df.rawValue != 0 }

  /// Moves an index register over `count` elements.
  @inline(__always)
  fileprivate mutating func advance<W: OperandWidth>(
    _ register: Int, _ count: UInt64, _ i: InstructionReference, _ width: W.Type
  ) {
    let distance = isBackward ? 0 &- count &* W.byteCount : count &* W.byteCount
    setAddressRegister(register, general[register] &+ distance, mask: addressMask(i))
  }

  @inline(__always)
  fileprivate mutating func readSource<W: OperandWidth>(
    _ i: InstructionReference, _ width: W.Type
  ) -> W? {
    let segment = i.pointer.pointee.segment
    guard let linear = stringLinear(general[6], segment: segment, i, width, .read) else {
      return nil
    }
    return read(linear, width, stack: segment == 2)
  }

  @inline(__always)
  fileprivate mutating func readDestination<W: OperandWidth>(
    _ i: InstructionReference, _ width: W.Type
  ) -> W? {
    guard let linear = stringLinear(general[7], segment: 0, i, width, .read) else { return nil }
    return read(linear, width)
  }

  @inline(__always)
  fileprivate mutating func writeDestination<W: OperandWidth>(
    _ i: InstructionReference, _ value: W
  ) -> Bool {
    guard let linear = stringLinear(general[7], segment: 0, i, W.self, .write) else {
      return false
    }
    return write(linear, value)
  }
}

/// Elements of a string that lie in one page of RAM, from the next one on in the string's direction.
private struct StringRun {
  /// Host address of the next element.
  var host: UnsafeMutableRawPointer
  var count: UInt64
}

extension Processor {
  /// The elements from the register's on that plain host accesses can reach; nil if there are none.
  ///
  /// May record the fault of the next element.
  @inline(__always)
  fileprivate mutating func stringRun<W: OperandWidth>(
    _ register: Int, segment: Int, _ i: InstructionReference, _ width: W.Type,
    _ access: AccessKind
  ) -> StringRun? {
    let mask = addressMask(i)
    let offset = general[register] & mask
    guard let linear = stringLinear(offset, segment: segment, i, width, access),
      let host = access == .write ? writableHost(linear, width) : readableHost(linear, width)
    else { return nil }
    let inPage = linear & 0xfff
    if isBackward {
      return StringRun(host: host, count: min(inPage, offset) / W.byteCount &+ 1)
    }
    var bytes = min(0x1000 &- inPage, mask &- offset &+ (mask == ~0 ? 0 : 1))
    if !i.pointer.pointee.mode.contains(.long) {
      let limit = UInt64(segments[segment].limit)
      guard !segments[segment].access.isExpandDown, offset <= limit else { return nil }
      bytes = min(bytes, limit &- offset &+ 1)
    }
    let count = bytes / W.byteCount
    return count == 0 ? nil : StringRun(host: host, count: count)
  }
}

// MARK: Operations

enum StringMove: StringOperation {
  static var compares: Bool { false }

  @inline(__always)
  static func step<W: OperandWidth>(
    _ cpu: inout Processor, _ i: InstructionReference, _ width: W.Type
  ) -> Bool {
    guard let value = cpu.readSource(i, width), cpu.writeDestination(i, value) else {
      return false
    }
    cpu.advance(6, 1, i, width)
    cpu.advance(7, 1, i, width)
    return true
  }

  @inline(__always)
  static func run<W: OperandWidth>(
    _ cpu: inout Processor, _ i: InstructionReference, _ width: W.Type, limit: UInt64
  ) -> UInt64 {
    let segment = i.pointer.pointee.segment
    guard let from = cpu.stringRun(6, segment: segment, i, width, .read),
      let to = cpu.stringRun(7, segment: 0, i, width, .write)
    else { return 0 }
    let count = min(from.count, to.count, limit)
    copy(from.host, to.host, width, count: Int(count), isBackward: cpu.isBackward)
    cpu.advance(6, count, i, width)
    cpu.advance(7, count, i, width)
    return count
  }

  /// Copies element after element where that differs from copying all at once: where elements that
  /// were written are read again.
  @inline(__always)
  private static func copy<W: OperandWidth>(
    _ from: UnsafeMutableRawPointer, _ to: UnsafeMutableRawPointer, _ width: W.Type, count: Int,
    isBackward: Bool
  ) {
    let bytes = count &* Int(W.byteCount)
    let step = isBackward ? 0 &- Int(W.byteCount) : Int(W.byteCount)
    let ahead = isBackward ? from - to : to - from
    if ahead <= 0 || ahead >= bytes {
      let back = isBackward ? bytes &- Int(W.byteCount) : 0
      (to - back).copyMemory(from: from - back, byteCount: bytes)
      return
    }
    for index in 0..<count {
      let value = (from + index &* step).loadUnaligned(as: W.self)
      (to + index &* step).storeBytes(of: value, as: W.self)
    }
  }
}

enum StringStore: StringOperation {
  static var compares: Bool { false }

  @inline(__always)
  static func step<W: OperandWidth>(
    _ cpu: inout Processor, _ i: InstructionReference, _ width: W.Type
  ) -> Bool {
    guard cpu.writeDestination(i, W(low: cpu.general[0])) else { return false }
    cpu.advance(7, 1, i, width)
    return true
  }

  @inline(__always)
  static func run<W: OperandWidth>(
    _ cpu: inout Processor, _ i: InstructionReference, _ width: W.Type, limit: UInt64
  ) -> UInt64 {
    guard let to = cpu.stringRun(7, segment: 0, i, width, .write) else { return 0 }
    let count = min(to.count, limit)
    let value = W(low: cpu.general[0])
    let lowest =
      cpu.isBackward ? to.host - Int(truncatingIfNeeded: (count &- 1) &* W.byteCount) : to.host
    for index in 0..<Int(truncatingIfNeeded: count) {
      (lowest + index &* Int(W.byteCount)).storeBytes(of: value, as: W.self)
    }
    cpu.advance(7, count, i, width)
    return count
  }
}

enum StringLoad: StringOperation {
  static var compares: Bool { false }

  @inline(__always)
  static func step<W: OperandWidth>(
    _ cpu: inout Processor, _ i: InstructionReference, _ width: W.Type
  ) -> Bool {
    guard let value = cpu.readSource(i, width) else { return false }
    cpu.setAccumulator(value)
    cpu.advance(6, 1, i, width)
    return true
  }

  /// Only the last element stays in the accumulator.
  @inline(__always)
  static func run<W: OperandWidth>(
    _ cpu: inout Processor, _ i: InstructionReference, _ width: W.Type, limit: UInt64
  ) -> UInt64 {
    let segment = i.pointer.pointee.segment
    guard let from = cpu.stringRun(6, segment: segment, i, width, .read) else { return 0 }
    let count = min(from.count, limit)
    let distance = Int(truncatingIfNeeded: (count &- 1) &* W.byteCount)
    let last = cpu.isBackward ? from.host - distance : from.host + distance
    cpu.setAccumulator(last.loadUnaligned(as: W.self))
    cpu.advance(6, count, i, width)
    return count
  }
}

/// SCAS: compares the accumulator with the destination element.
enum StringScan: StringOperation {
  static var compares: Bool { true }

  @inline(__always)
  static func step<W: OperandWidth>(
    _ cpu: inout Processor, _ i: InstructionReference, _ width: W.Type
  ) -> Bool {
    guard let value = cpu.readDestination(i, width) else { return false }
    _ = Subtraction.apply(W(low: cpu.general[0]), value, &cpu.lazy)
    cpu.advance(7, 1, i, width)
    return true
  }

  @inline(__always)
  static func run<W: OperandWidth>(
    _ cpu: inout Processor, _ i: InstructionReference, _ width: W.Type, limit: UInt64
  ) -> UInt64 {
    guard let other = cpu.stringRun(7, segment: 0, i, width, .read) else { return 0 }
    let most = min(other.count, limit)
    let step = cpu.isBackward ? 0 &- Int(W.byteCount) : Int(W.byteCount)
    let stopsAtEqual = i.pointer.pointee.isRepeatedWhileNotEqual
    let a = W(low: cpu.general[0])
    var b: W = 0
    var count: UInt64 = 0
    repeat {
      b = (other.host + Int(truncatingIfNeeded: count) &* step).loadUnaligned(as: W.self)
      count &+= 1
    } while count < most && (a == b) != stopsAtEqual
    _ = Subtraction.apply(a, b, &cpu.lazy)
    cpu.advance(7, count, i, width)
    return count
  }
}

/// CMPS: compares the source element with the destination element.
enum StringCompare: StringOperation {
  static var compares: Bool { true }

  @inline(__always)
  static func step<W: OperandWidth>(
    _ cpu: inout Processor, _ i: InstructionReference, _ width: W.Type
  ) -> Bool {
    guard let a = cpu.readSource(i, width), let b = cpu.readDestination(i, width) else {
      return false
    }
    _ = Subtraction.apply(a, b, &cpu.lazy)
    cpu.advance(6, 1, i, width)
    cpu.advance(7, 1, i, width)
    return true
  }

  @inline(__always)
  static func run<W: OperandWidth>(
    _ cpu: inout Processor, _ i: InstructionReference, _ width: W.Type, limit: UInt64
  ) -> UInt64 {
    let segment = i.pointer.pointee.segment
    guard let one = cpu.stringRun(6, segment: segment, i, width, .read),
      let other = cpu.stringRun(7, segment: 0, i, width, .read)
    else { return 0 }
    let most = min(one.count, other.count, limit)
    let step = cpu.isBackward ? 0 &- Int(W.byteCount) : Int(W.byteCount)
    let stopsAtEqual = i.pointer.pointee.isRepeatedWhileNotEqual
    var a: W = 0
    var b: W = 0
    var count: UInt64 = 0
    repeat {
      a = (one.host + Int(truncatingIfNeeded: count) &* step).loadUnaligned(as: W.self)
      b = (other.host + Int(truncatingIfNeeded: count) &* step).loadUnaligned(as: W.self)
      count &+= 1
    } while count < most && (a == b) != stopsAtEqual
    _ = Subtraction.apply(a, b, &cpu.lazy)
    cpu.advance(6, count, i, width)
    cpu.advance(7, count, i, width)
    return count
  }
}

extension Processor {
  /// Writes the accumulator; a 32-bit value clears its upper half.
  @inline(__always) fileprivate mutating func setAccumulator<W: OperandWidth>(_ value: W) {
    let kept = W.bits < 32 ? general[0] & ~W.max.zeroExtended : 0
    general[0] = kept | value.zeroExtended
  }
}

// MARK: Bodies

/// A string instruction without a repeat prefix.
@inline(__always)
func stringOnce<O: StringOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard O.step(&core.state.pointee, i, width) else { return core.leave(i) }
  return core.nextAfterSlowAccess(i)
}

/// A string instruction with a repeat prefix: ends its block.
@inline(__always)
func stringRepeated<O: StringOperation, W: OperandWidth>(
  _ operation: O.Type, _ width: W.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  guard core.state.pointee.repeatString(operation, i, width) else {
    core.state.pointee.isBetweenIterations = core.state.pointee.pending.kind == .none
    return core.leave(i)
  }
  core.state.pointee.isBetweenIterations = false
  return core.fallThrough(i)
}

extension Processor {
  /// Most iterations that a repeated string instruction does before the run loop looks around.
  private static let maximumIterations: UInt64 = 4096

  /// Iterates until the instruction is complete (true), or a fault or the run loop's turn comes.
  @inline(__always)
  fileprivate mutating func repeatString<O: StringOperation, W: OperandWidth>(
    _ operation: O.Type, _ i: InstructionReference, _ width: W.Type
  ) -> Bool {
    let mask = addressMask(i)
    let cyclesEach = UInt64(model.timing.cycles(.stringStep))
    let requests = signals.pointee.requests
    var budget = attention.isEmpty ? Self.maximumIterations : 1
    while general[1] & mask != 0 {
      // A device that an element is in may have asked for something, or taken its time.
      let now = cycles &+ UInt64(i.pointer.pointee.cyclesBefore)
      let deadline = signals.pointee.deadline
      guard budget > 0, signals.pointee.requests == requests, now < deadline else { return false }
      var most = min(general[1] & mask, budget)
      if cyclesEach > 0 { most = min(most, (deadline &- now &- 1) / cyclesEach &+ 1) }
      var count = O.run(&self, i, width, limit: most)
      if count == 0 {
        guard O.step(&self, i, width) else { return false }
        count = 1
      }
      let before = general[1] & mask
      setAddressRegister(1, general[1] &- count, mask: mask)
      budget &-= count
      // Where iterations are free, time must go on all the same, however the work is cut up.
      cycles &+= cyclesEach > 0 ? count &* cyclesEach : before >> 12 &- (before &- count) >> 12
      if O.compares, lazy.zf == i.pointer.pointee.isRepeatedWhileNotEqual { return true }
    }
    return true
  }
}
