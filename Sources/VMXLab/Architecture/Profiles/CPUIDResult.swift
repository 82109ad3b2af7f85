/// The four registers that CPUID writes.
///
/// Source: Intel SDM, "CPUID—CPU Identification".
public struct CPUIDResult: Equatable, Hashable, Sendable {
  public var eax: UInt32
  public var ebx: UInt32
  public var ecx: UInt32
  public var edx: UInt32

  @inline(__always)
  public init(eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0) {
    self.eax = eax
    self.ebx = ebx
    self.ecx = ecx
    self.edx = edx
  }

  /// What an unsupported sub-leaf returns.
  public static let zero = CPUIDResult()

  /// The register of that name.
  public subscript(register: CPUIDRegister) -> UInt32 {
    get {
      switch register {
      case .eax: eax
      case .ebx: ebx
      case .ecx: ecx
      case .edx: edx
      }
    }
    set {
      switch register {
      case .eax: eax = newValue
      case .ebx: ebx = newValue
      case .ecx: ecx = newValue
      case .edx: edx = newValue
      }
    }
  }
}

/// A register that CPUID writes.
public enum CPUIDRegister: UInt8, CaseIterable, Sendable {
  case eax, ebx, ecx, edx

  /// The manual's spelling, such as `EAX`.
  public var name: String {
    switch self {
    case .eax: "EAX"
    case .ebx: "EBX"
    case .ecx: "ECX"
    case .edx: "EDX"
    }
  }
}

/// One row of a profile's CPUID data.
public struct CPUIDLeaf: Equatable, Sendable {
  /// The initial value of EAX.
  public var leaf: UInt32
  /// The initial value of ECX, or nil for a leaf that does not look at ECX.
  public var subleaf: UInt32?
  public var result: CPUIDResult

  public init(leaf: UInt32, subleaf: UInt32?, result: CPUIDResult) {
    self.leaf = leaf
    self.subleaf = subleaf
    self.result = result
  }
}
