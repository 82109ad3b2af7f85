/// The general-purpose registers, numbered as ModRM and REX number them.
///
/// Source: Intel SDM, "General-Purpose Registers in 64-Bit Mode".
public enum GeneralRegister: UInt8, CaseIterable, Sendable {
  case rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi
  case r8, r9, r10, r11, r12, r13, r14, r15
}

/// The segment registers in the order of their encodings, then the two system-segment registers.
///
/// Source: Intel SDM, "Segment Registers" and "Memory-Management Registers".
public enum SegmentRegister: UInt8, CaseIterable, Sendable {
  case es, cs, ss, ds, fs, gs
  case ldtr, tr
}

/// The value of GDTR or IDTR.
///
/// Source: Intel SDM, "Memory-Management Registers".
public struct DescriptorTableRegister: Equatable, Sendable {
  /// Linear address of the table's first byte.
  public var base: UInt64
  /// Offset of the table's last valid byte.
  public var limit: UInt16

  public init(base: UInt64 = 0, limit: UInt16 = 0xffff) {
    self.base = base
    self.limit = limit
  }
}
