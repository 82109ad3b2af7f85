// BNDMK, BNDCL, BNDCU, BNDCN and BNDMOV. Outside 64-bit mode bounds have 32 bits.
//
// Source: Intel SDM, the instructions' pages.

extension Core {
  /// Bits of a bound and of an address.
  @inline(__always) func boundMask(_ i: InstructionReference) -> UInt64 {
    i.pointer.pointee.mode.contains(.long) ? ~0 : 0xffff_ffff
  }

  @inline(__always) func setBounds(_ number: UInt8, lower: UInt64, upper: UInt64) {
    state.pointee.bounds.registers[Int(number & 3) &* 2] = lower
    state.pointee.bounds.registers[Int(number & 3) &* 2 &+ 1] = upper
  }

  @inline(__always) func bounds(_ number: UInt8) -> (lower: UInt64, upper: UInt64) {
    (
      state.pointee.bounds.registers[Int(number & 3) &* 2],
      state.pointee.bounds.registers[Int(number & 3) &* 2 &+ 1]
    )
  }
}

/// BNDMK: the base register, and the effective address in one's complement.
let makeBounds: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  let mask = core.boundMask(i)
  core.setBounds(
    i.pointer.pointee.destination,
    lower: core.register(i.pointer.pointee.base, as: UInt64.self) & mask,
    upper: ~core.effectiveAddress(i) & mask)
  return core.next(i)
}

// MARK: Checks

/// What BNDCL, BNDCU and BNDCN compare.
protocol BoundsCheck {
  static func isBroken(_ address: UInt64, _ lower: UInt64, _ upper: UInt64, _ mask: UInt64) -> Bool
}

enum BoundsChecks {
  /// BNDCL.
  enum Lower: BoundsCheck {
    @inline(__always)
    static func isBroken(
      _ address: UInt64, _ lower: UInt64, _ upper: UInt64, _ mask: UInt64
    ) -> Bool { address < lower & mask }
  }
  /// BNDCU: the upper bound is in one's complement.
  enum Upper: BoundsCheck {
    @inline(__always)
    static func isBroken(
      _ address: UInt64, _ lower: UInt64, _ upper: UInt64, _ mask: UInt64
    ) -> Bool { address > ~upper & mask }
  }
  /// BNDCN: the upper bound is not.
  enum PlainUpper: BoundsCheck {
    @inline(__always)
    static func isBroken(
      _ address: UInt64, _ lower: UInt64, _ upper: UInt64, _ mask: UInt64
    ) -> Bool { address > upper & mask }
  }
}

@inline(__always)
private func check<C: BoundsCheck>(
  _ check: C.Type, _ core: Core, _ i: InstructionReference, _ address: UInt64
) {
  let mask = core.boundMask(i)
  let (lower, upper) = core.bounds(i.pointer.pointee.destination)
  guard !C.isBroken(address & mask, lower, upper, mask) else {
    core.state.pointee.bounds.status = BoundsStatus.violation
    core.state.pointee.raise(.boundRange)
    return core.leave(i)
  }
  return core.next(i)
}

@inline(__always)
private func checkRegister<C: BoundsCheck>(
  _ kind: C.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  return check(kind, core, i, core.register(i.pointer.pointee.source, as: UInt64.self))
}

/// The memory operand gives its effective address; memory is not accessed.
@inline(__always)
private func checkMemory<C: BoundsCheck>(
  _ kind: C.Type, _ state: UnsafeMutableRawPointer, _ i: UnsafeRawPointer
) {
  let core = Core(state)
  let i = InstructionReference(i)
  return check(kind, core, i, core.effectiveAddress(i))
}

let checkLowerRegister: Handler = { checkRegister(BoundsChecks.Lower.self, $0, $1) }
let checkLowerMemory: Handler = { checkMemory(BoundsChecks.Lower.self, $0, $1) }
let checkUpperRegister: Handler = { checkRegister(BoundsChecks.Upper.self, $0, $1) }
let checkUpperMemory: Handler = { checkMemory(BoundsChecks.Upper.self, $0, $1) }
let checkPlainUpperRegister: Handler = { checkRegister(BoundsChecks.PlainUpper.self, $0, $1) }
let checkPlainUpperMemory: Handler = { checkMemory(BoundsChecks.PlainUpper.self, $0, $1) }

// MARK: BNDMOV

let moveBounds: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  let (lower, upper) = core.bounds(i.pointer.pointee.source)
  let mask = core.boundMask(i)
  core.setBounds(i.pointer.pointee.destination, lower: lower & mask, upper: upper & mask)
  return core.next(i)
}

let loadBounds: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  if i.pointer.pointee.mode.contains(.long) {
    guard let pair = core.loadVector(i, byteCount: 16) else { return core.leave(i) }
    core.setBounds(
      i.pointer.pointee.destination, lower: pair.loadUnaligned(as: UInt64.self),
      upper: pair.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
  } else {
    guard let pair = core.loadVector(i, byteCount: 8) else { return core.leave(i) }
    core.setBounds(
      i.pointer.pointee.destination, lower: UInt64(pair.loadUnaligned(as: UInt32.self)),
      upper: UInt64(pair.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
  }
  return core.nextAfterSlowAccess(i)
}

let storeBounds: Handler = { state, i in
  let core = Core(state)
  let i = InstructionReference(i)
  let (lower, upper) = core.bounds(i.pointer.pointee.source)
  let pair = core.vectorResult
  let isLong = i.pointer.pointee.mode.contains(.long)
  if isLong {
    pair.storeBytes(of: lower, as: UInt64.self)
    pair.storeBytes(of: upper, toByteOffset: 8, as: UInt64.self)
  } else {
    pair.storeBytes(of: lower & 0xffff_ffff | upper << 32, as: UInt64.self)
  }
  guard core.storeVector(i, UnsafeRawPointer(pair), byteCount: isLong ? 16 : 8) else {
    return core.leave(i)
  }
  return core.nextAfterSlowAccess(i)
}
