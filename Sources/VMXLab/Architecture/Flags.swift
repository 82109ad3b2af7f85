/// Bits of the RFLAGS register.
///
/// Source: Intel SDM, "EFLAGS Register" and "System Flags and Fields in the EFLAGS Register".
public struct RFLAGS: OptionSet, Sendable, Hashable {
  public let rawValue: UInt64
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let cf = RFLAGS(rawValue: 1 << 0)
  /// Bit 1, which always reads as 1.
  public static let fixed = RFLAGS(rawValue: 1 << 1)
  public static let pf = RFLAGS(rawValue: 1 << 2)
  public static let af = RFLAGS(rawValue: 1 << 4)
  public static let zf = RFLAGS(rawValue: 1 << 6)
  public static let sf = RFLAGS(rawValue: 1 << 7)
  public static let tf = RFLAGS(rawValue: 1 << 8)
  public static let `if` = RFLAGS(rawValue: 1 << 9)
  public static let df = RFLAGS(rawValue: 1 << 10)
  public static let of = RFLAGS(rawValue: 1 << 11)
  public static let iopl = RFLAGS(rawValue: 3 << 12)
  public static let nt = RFLAGS(rawValue: 1 << 14)
  public static let rf = RFLAGS(rawValue: 1 << 16)
  public static let vm = RFLAGS(rawValue: 1 << 17)
  public static let ac = RFLAGS(rawValue: 1 << 18)
  public static let vif = RFLAGS(rawValue: 1 << 19)
  public static let vip = RFLAGS(rawValue: 1 << 20)
  public static let id = RFLAGS(rawValue: 1 << 21)

  /// The six status flags that arithmetic sets: CF, PF, AF, ZF, SF, OF.
  public static let status: RFLAGS = [.cf, .pf, .af, .zf, .sf, .of]
  /// Every bit that is defined; all others are reserved and read as 0.
  public static let defined = RFLAGS(rawValue: 0x3f_7fd7)
}
