/// Bits of EPT entries and of the EPT pointer.
///
/// Source: Intel SDM, "EPT Translation Mechanism", formats of EPT paging-structure entries.
enum EPTEntry {
  static let read: UInt64 = 1 << 0
  static let write: UInt64 = 1 << 1
  /// With "mode-based execute control for EPT", of supervisor-mode linear addresses alone.
  static let execute: UInt64 = 1 << 2
  static let all: UInt64 = 7
  static let accessed: UInt64 = 1 << 8
  static let dirty: UInt64 = 1 << 9
  /// Execution at user-mode linear addresses, with "mode-based execute control for EPT".
  static let userExecute: UInt64 = 1 << 10
  /// Supervisor shadow stacks, with "supervisor shadow-stack control".
  static let supervisorShadowStack: UInt64 = 1 << 60
  /// An EPT violation does not become a virtualization exception, with "EPT-violation #VE".
  static let suppressVE: UInt64 = 1 << 63
  /// Bit 6 of the EPT pointer: accessed and dirty flags are used.
  static let pointerAccessedDirty: UInt64 = 1 << 6
  /// Bit 7 of the EPT pointer: supervisor shadow-stack control.
  static let pointerShadowStack: UInt64 = 1 << 7
}

/// Bits of the exit qualification of EPT violations.
///
/// Source: Intel SDM, "Exit Qualification for EPT Violations".
enum EPTViolation {
  static let read: UInt64 = 1 << 0
  static let write: UInt64 = 1 << 1
  static let fetch: UInt64 = 1 << 2
  /// Bits 5:3 are what EPT allows: bits 2:0 of the entries.
  static let rightsShift: UInt64 = 3
  /// What EPT allows of execution at user-mode linear addresses, with mode-based execute control.
  static let userExecutable: UInt64 = 1 << 6
  /// The guest-linear address is valid.
  static let linearAddress: UInt64 = 1 << 7
  /// The address is the translation of that, rather than of a paging-structure entry.
  static let translation: UInt64 = 1 << 8
  static let userAddress: UInt64 = 1 << 9
  static let writableAddress: UInt64 = 1 << 10
  static let executeDisableAddress: UInt64 = 1 << 11
  static let nmiUnblockingDueToIRET: UInt64 = 1 << 12
  /// The access is one to a shadow stack.
  static let shadowStackAccess: UInt64 = 1 << 13
  /// The entry that maps the page allows supervisor shadow stacks, under that control.
  static let supervisorShadowStack: UInt64 = 1 << 14
}
