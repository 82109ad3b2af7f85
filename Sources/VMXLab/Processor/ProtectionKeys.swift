// Protection keys: PKRU for user-mode addresses, IA32_PKRS for supervisor-mode addresses.
//
// What the keys allow is part of what a walk puts into the TLB, so that an access that hits costs
// nothing more. Whatever takes rights away from a key takes the tags of its pages away, in every
// address space; rights that are given are found by the next walk.
//
// Source: Intel SDM, "Protection Keys".

/// The two registers of rights: for key *i*, bit 2*i* disables all data accesses (AD) and bit 2*i*+1
/// writes (WD).
struct ProtectionKeyRights {
  /// PKRU.
  var user: UInt32 = 0
  /// Bits 31:0 of IA32_PKRS; the others are 0.
  var supervisor: UInt32 = 0
}

/// The protection key that decides what a page's data may be used for: 0 to 15 for PKRU, 16 to 31 for
/// IA32_PKRS, or none.
struct ProtectionKey: Equatable {
  let rawValue: UInt8

  /// No key has a say.
  static let none = ProtectionKey(rawValue: 0xff)

  /// The key in a paging-structure entry that maps a page.
  @inline(__always) init(entry: UInt64, isUserPage: Bool) {
    rawValue = UInt8(truncatingIfNeeded: entry >> 59 & 0xf) | (isUserPage ? 0 : 16)
  }

  @inline(__always) init(rawValue: UInt8) { self.rawValue = rawValue }

  @inline(__always) var isUser: Bool { rawValue < 16 }
  /// The key's bit in a set of keys; 0 for none.
  @inline(__always) var bit: UInt32 { rawValue < 32 ? 1 &<< UInt32(rawValue) : 0 }

  /// The keys to which `new` gives fewer rights than `old`: bits 15:0.
  static func losers(_ old: UInt32, _ new: UInt32) -> UInt32 {
    let lost = new & ~old
    var pairs = (lost | lost >> 1) & 0x5555_5555
    // The even bits, moved together.
    pairs = (pairs | pairs >> 1) & 0x3333_3333
    pairs = (pairs | pairs >> 2) & 0x0f0f_0f0f
    pairs = (pairs | pairs >> 4) & 0x00ff_00ff
    return (pairs | pairs >> 8) & 0xffff
  }
}

extension Processor {
  /// The key of a page that 4- or 5-level paging maps.
  mutating func protectionKey(_ entry: UInt64, isUserPage: Bool) -> ProtectionKey {
    guard cr4.contains(isUserPage ? .pke : .pks) else { return .none }
    return ProtectionKey(entry: entry, isUserPage: isUserPage)
  }

  /// The data accesses that a key forbids: none, writes, or both.
  mutating func accessesForbidden(by key: ProtectionKey, isUserAccess: Bool) -> PageRights {
    guard key != .none else { return [] }
    let rights = key.isUser ? protectionKeys.user : protectionKeys.supervisor
    let bits = rights >> (UInt32(key.rawValue & 0xf) &* 2)
    if bits & 1 != 0 { return [.read, .write] }
    let heedsWD = cr0.contains(.wp) || (isUserAccess && key.isUser)
    return bits & 2 != 0 && heedsWD ? .write : []
  }

  /// Loads PKRU.
  mutating func setPKRU(_ value: UInt32) {
    translations.remove(keys: ProtectionKey.losers(protectionKeys.user, value))
    protectionKeys.user = value
  }

  /// Loads IA32_PKRS, whose upper half is 0.
  mutating func setPKRS(_ value: UInt32) {
    translations.remove(keys: ProtectionKey.losers(protectionKeys.supervisor, value) << 16)
    protectionKeys.supervisor = value
  }
}

// MARK: RDPKRU and WRPKRU

extension VectorForm {
  static let protectionKeys: [VectorForm] = [
    VectorForm(
      "rdpkru", .none, 0x0f01,
      .system(register: { state, i in system(state, i) { cpu, _ in cpu.readPKRU() } }, memory: nil),
      .pku, [.legacyOnly, .registerOnly], digit: 5, rm: 6, timing: .xGetSet),
    VectorForm(
      "wrpkru", .none, 0x0f01,
      .system(
        register: { state, i in system(state, i) { cpu, _ in cpu.writePKRU() } }, memory: nil),
      .pku, [.legacyOnly, .registerOnly], digit: 5, rm: 7, timing: .xGetSet),
  ]
}

extension Processor {
  fileprivate mutating func readPKRU() {
    guard cr4.contains(.pke) else { return raise(.invalidOpcode) }
    guard general[1] & 0xffff_ffff == 0 else { return raise(.generalProtection, errorCode: 0) }
    general[0] = UInt64(protectionKeys.user)
    general[2] = 0
  }

  fileprivate mutating func writePKRU() {
    guard cr4.contains(.pke) else { return raise(.invalidOpcode) }
    guard (general[1] | general[2]) & 0xffff_ffff == 0 else {
      return raise(.generalProtection, errorCode: 0)
    }
    setPKRU(UInt32(truncatingIfNeeded: general[0]))
  }
}
