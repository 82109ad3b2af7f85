// Shadow stacks in memory. Accesses to them are translated each time: the TLB knows nothing of them.
//
// Source: Intel SDM, "Shadow Stacks" and "Determination of Access Rights", shadow-stack accesses.

/// A shadow stack as an instruction or event uses it: the current one, or the one that it switches to.
struct ShadowStack {
  /// SSP, or what SSP will be.
  var pointer: UInt64
  /// Accesses are user accesses.
  var isUser: Bool
  /// Addresses are 64 bits wide: that of 64-bit code.
  var isLong: Bool

  /// An address `distance` bytes above the pointer.
  @inline(__always) func address(_ distance: UInt64) -> UInt64 { wrap(pointer &+ distance) }

  /// Moves the pointer `distance` bytes up.
  @inline(__always) mutating func move(by distance: UInt64) { pointer = address(distance) }

  /// Whether code of this width can have `pointer` as its SSP.
  @inline(__always) func reaches(_ pointer: UInt64) -> Bool { isLong || pointer >> 32 == 0 }

  private func wrap(_ address: UInt64) -> UInt64 { isLong ? address : address & 0xffff_ffff }
}

/// Where an access to a shadow stack is in physical memory.
private struct ShadowStackPlace {
  var first: UInt64
  /// The bytes from `room` on, if they are on the next page.
  var second: UInt64
  var room: UInt64
}

extension Processor {
  /// The current shadow stack.
  @inline(__always) var currentShadowStack: ShadowStack {
    mutating get { ShadowStack(pointer: cet.ssp, isUser: cpl == 3, isLong: mode == .long) }
  }

  // MARK: Pushing and popping

  /// Pushes the low `byteCount` bytes of a value; false if that faults.
  mutating func push(_ value: UInt64, byteCount: UInt64, _ stack: inout ShadowStack) -> Bool {
    let top = stack.address(0 &- byteCount)
    guard storeShadow(top, value, byteCount: byteCount, stack) else { return false }
    stack.pointer = top
    return true
  }

  /// Pops `byteCount` bytes; nil if that faults.
  mutating func pop(byteCount: UInt64, _ stack: inout ShadowStack) -> UInt64? {
    guard let value = loadShadow(stack.pointer, byteCount: byteCount, stack) else { return nil }
    stack.move(by: byteCount)
    return value
  }

  // MARK: Accesses

  /// Reads 4 or 8 bytes of the shadow stack; nil if that faults.
  ///
  /// - Parameter vector: what a non-canonical address raises.
  mutating func loadShadow(
    _ linear: UInt64, byteCount: UInt64, _ stack: ShadowStack,
    orRaise vector: ExceptionVector = .generalProtection
  ) -> UInt64? {
    guard
      let place = shadowPlace(linear, byteCount: byteCount, .read, stack, orRaise: vector)
    else { return nil }
    return load(place, linear, byteCount: byteCount)
  }

  /// Writes 4 or 8 bytes of the shadow stack; false if that faults, with nothing written.
  mutating func storeShadow(
    _ linear: UInt64, _ value: UInt64, byteCount: UInt64, _ stack: ShadowStack,
    orRaise vector: ExceptionVector = .generalProtection
  ) -> Bool {
    guard
      let place = shadowPlace(linear, byteCount: byteCount, .write, stack, orRaise: vector)
    else { return false }
    return store(place, linear, value, byteCount: byteCount)
  }

  /// Reads the 8 bytes at `linear`, a multiple of 8, and replaces them by what `body` makes of them, if
  /// that is anything; nil if the access faults, which is a write in either case.
  mutating func exchangeShadow(
    _ linear: UInt64, _ stack: ShadowStack, orRaise vector: ExceptionVector = .generalProtection,
    _ body: (UInt64) -> UInt64?
  ) -> UInt64? {
    guard
      let place = shadowPlace(linear, byteCount: 8, .write, stack, orRaise: vector),
      let old = load(place, linear, byteCount: 8)
    else { return nil }
    if let new = body(old) {
      guard store(place, linear, new, byteCount: 8) else { return nil }
    }
    return old
  }

  /// Replaces the token `old` at `linear` by `new`: whether it was there, or nil if that faults.
  mutating func exchangeToken(
    _ linear: UInt64, _ old: UInt64, for new: UInt64, _ stack: ShadowStack,
    orRaise vector: ExceptionVector = .generalProtection
  ) -> Bool? {
    exchangeShadow(linear, stack, orRaise: vector) { $0 == old ? new : nil }.map { $0 == old }
  }

  private mutating func load(
    _ place: ShadowStackPlace, _ linear: UInt64, byteCount: UInt64
  ) -> UInt64? {
    if place.room >= byteCount {
      if place.first & ~0xfff == vmx.apic.accessPage {
        return readAPICAccessPage(linear, byteCount: byteCount)
      }
      return load(place.first, byteCount: byteCount)
    }
    let low = load(place.first, byteCount: place.room)
    let high = load(place.second, byteCount: byteCount &- place.room)
    return low | high << (place.room &* 8)
  }

  private mutating func store(
    _ place: ShadowStackPlace, _ linear: UInt64, _ value: UInt64, byteCount: UInt64
  ) -> Bool {
    if place.room >= byteCount {
      if place.first & ~0xfff == vmx.apic.accessPage {
        return writeAPICAccessPage(linear, value, byteCount: byteCount)
      }
      store(place.first, value, byteCount: byteCount)
      return true
    }
    store(place.first, value, byteCount: place.room)
    store(place.second, value >> (place.room &* 8), byteCount: byteCount &- place.room)
    return true
  }

  // MARK: Translation

  /// Translates all bytes of an access; nil if that faults or exits.
  private mutating func shadowPlace(
    _ linear: UInt64, byteCount: UInt64, _ kind: AccessKind, _ stack: ShadowStack,
    orRaise vector: ExceptionVector
  ) -> ShadowStackPlace? {
    let last = linear &+ (byteCount &- 1)
    if stack.isLong, !isCanonical(linear) || !isCanonical(last) {
      raise(vector, errorCode: 0)
      return nil
    }
    if attention.contains(.breakpoints) {
      noteDataAccess(linear, byteCount: byteCount, isWrite: kind == .write)
    }
    let room = 0x1000 &- linear & 0xfff
    guard let first = shadowAddress(linear, kind, isUser: stack.isUser) else { return nil }
    guard byteCount > room else {
      return ShadowStackPlace(first: first, second: first, room: room)
    }
    let next = stack.isLong ? linear &+ room : (linear &+ room) & 0xffff_ffff
    guard let second = shadowAddress(next, kind, isUser: stack.isUser),
      !interceptSplitAccess(linear, first: first & ~0xfff, second: second & ~0xfff, kind)
    else { return nil }
    return ShadowStackPlace(first: first, second: second, room: room)
  }

  /// The physical address of a byte of the shadow stack; nil if the access faults or exits.
  private mutating func shadowAddress(
    _ linear: UInt64, _ kind: AccessKind, isUser: Bool
  ) -> UInt64? {
    let accessClass = isUser ? TranslationTag.user : TranslationTag.supervisor
    let tag =
      addressSpace.value << TranslationTag.asnShift | accessClass | TranslationTag.shadowStack
    guard let page = guestPage(linear, kind, tag: tag) else { return nil }
    let guestPhysical = (page.address & ~0xfff | linear & 0xfff) & a20Mask
    guard vmx.usesEPT else { return guestPhysical }
    // EPT is to know whose access it is; without paging, the page says nothing of that.
    var rights = page.rights.union(.shadowStack)
    if isUser { rights.insert(.user) }
    guard
      let host = translateGuestPhysical(
        guestPhysical, kind, cause: .page(linear: linear, rights: rights))
    else { return nil }
    return host.address | guestPhysical & 0xfff
  }
}
