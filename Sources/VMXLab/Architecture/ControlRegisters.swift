/// Bits of CR0.
///
/// Source: Intel SDM, "Control Registers".
public struct CR0: OptionSet, Sendable, Hashable {
  public let rawValue: UInt64
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let pe = CR0(rawValue: 1 << 0)
  public static let mp = CR0(rawValue: 1 << 1)
  public static let em = CR0(rawValue: 1 << 2)
  public static let ts = CR0(rawValue: 1 << 3)
  public static let et = CR0(rawValue: 1 << 4)
  public static let ne = CR0(rawValue: 1 << 5)
  public static let wp = CR0(rawValue: 1 << 16)
  public static let am = CR0(rawValue: 1 << 18)
  public static let nw = CR0(rawValue: 1 << 29)
  public static let cd = CR0(rawValue: 1 << 30)
  public static let pg = CR0(rawValue: 1 << 31)
}

/// Bits of CR4.
///
/// Source: Intel SDM, "Control Registers".
public struct CR4: OptionSet, Sendable, Hashable {
  public let rawValue: UInt64
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let vme = CR4(rawValue: 1 << 0)
  public static let pvi = CR4(rawValue: 1 << 1)
  public static let tsd = CR4(rawValue: 1 << 2)
  public static let de = CR4(rawValue: 1 << 3)
  public static let pse = CR4(rawValue: 1 << 4)
  public static let pae = CR4(rawValue: 1 << 5)
  public static let mce = CR4(rawValue: 1 << 6)
  public static let pge = CR4(rawValue: 1 << 7)
  public static let pce = CR4(rawValue: 1 << 8)
  public static let osfxsr = CR4(rawValue: 1 << 9)
  public static let osxmmexcpt = CR4(rawValue: 1 << 10)
  public static let umip = CR4(rawValue: 1 << 11)
  public static let la57 = CR4(rawValue: 1 << 12)
  public static let vmxe = CR4(rawValue: 1 << 13)
  public static let smxe = CR4(rawValue: 1 << 14)
  public static let fsgsbase = CR4(rawValue: 1 << 16)
  public static let pcide = CR4(rawValue: 1 << 17)
  public static let osxsave = CR4(rawValue: 1 << 18)
  public static let keyLocker = CR4(rawValue: 1 << 19)
  public static let smep = CR4(rawValue: 1 << 20)
  public static let smap = CR4(rawValue: 1 << 21)
  public static let pke = CR4(rawValue: 1 << 22)
  public static let cet = CR4(rawValue: 1 << 23)
  /// The bits that linear-address translation depends on.
  static let paging = CR4(
    rawValue: pse.rawValue | pae.rawValue | pge.rawValue | smep.rawValue | smap.rawValue
      | pcide.rawValue | la57.rawValue | pke.rawValue | pks.rawValue)
  public static let pks = CR4(rawValue: 1 << 24)
  public static let uintr = CR4(rawValue: 1 << 25)
}

/// Bits of the extended-feature-enable register, IA32_EFER.
///
/// Source: Intel SDM, "Extended Feature Enable Register".
public struct EFER: OptionSet, Sendable, Hashable {
  public let rawValue: UInt64
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let sce = EFER(rawValue: 1 << 0)
  public static let lme = EFER(rawValue: 1 << 8)
  public static let lma = EFER(rawValue: 1 << 10)
  public static let nxe = EFER(rawValue: 1 << 11)
}
