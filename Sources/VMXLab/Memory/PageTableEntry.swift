/// Bits of paging-structure entries.
///
/// Source: Intel SDM, "Paging", formats of paging-structure entries.
enum PageTableEntry {
  static let present: UInt64 = 1 << 0
  static let writable: UInt64 = 1 << 1
  static let user: UInt64 = 1 << 2
  static let accessed: UInt64 = 1 << 5
  static let dirty: UInt64 = 1 << 6
  static let large: UInt64 = 1 << 7
  static let global: UInt64 = 1 << 8
  static let executeDisable: UInt64 = 1 << 63
  static let address: UInt64 = 0x000f_ffff_ffff_f000
}

/// How linear addresses are translated.
///
/// Source: Intel SDM, "Paging Modes and Control Bits".
enum PagingMode: UInt8 {
  case none
  case bits32
  case pae
  case level4
  case level5
}
