/// A VMCS outside a machine, as a dump holds it: the fields that are known, and what is known of the
/// rest that the checks of a VM entry read. What a dump does not hold stays unknown.
///
/// ```swift
/// var dump = VMCSDump(source: "my hypervisor")
/// dump["guestRIP"] = 0x1000
/// let examination = VMEntryExamination(of: dump, on: capabilities)
/// ```
public struct VMCSDump: Sendable {
  /// What made the dump, for people.
  public var source: String
  /// The name of the CPU profile that the dump belongs to, if it says.
  public var profileName: String?
  /// What of that profile there was.
  public var offer: VMXOffer
  /// The VM entry that the dump was made of, as far as the dump tells.
  public var entry: RecordedVMEntry
  /// The processor's state beside the VMCS.
  public var processor: DumpedProcessorState
  /// Memory that checks read.
  public var memory: DumpedMemory
  /// The VM-entry MSR-load area, from its first entry; nil if it is not known.
  public var entryMSRLoadArea: [MSRListEntry]?
  /// The values of the fields; those that are not known are 0.
  public private(set) var vmcs = VMCS()
  private var known: Set<UInt16> = []

  /// A dump of which nothing is known.
  public init(source: String, profileName: String? = nil, offer: VMXOffer = .part) {
    self.source = source
    self.profileName = profileName
    self.offer = offer
    entry = RecordedVMEntry()
    processor = DumpedProcessorState()
    memory = DumpedMemory()
  }

  /// The value of a field; nil if it is not known.
  public subscript(field: VMCSField) -> UInt64? {
    get { known.contains(field.encoding) ? vmcs[field] : nil }
    set {
      vmcs[field] = newValue ?? 0
      if newValue == nil { known.remove(field.encoding) } else { known.insert(field.encoding) }
    }
  }

  /// The value of the field with this ``VMCSField/key``; nil if it is not known. Setting a key that no
  /// field has does nothing.
  public subscript(key: String) -> UInt64? {
    get { VMCSField.field(key: key).flatMap { self[$0] } }
    set {
      guard let field = VMCSField.field(key: key) else { return }
      self[field] = newValue
    }
  }

  /// The fields whose values are known, by type, width and index.
  public var knownFields: [VMCSField] { VMCSField.all.filter { known.contains($0.encoding) } }

  /// Whether the value of `field` is known.
  public func knows(_ field: VMCSField) -> Bool { known.contains(field.encoding) }

  /// Makes every field known.
  public mutating func setAll(_ values: VMCS) {
    vmcs = values
    known = Set(VMCSField.all.map(\.encoding))
  }
}

/// Which VMX capabilities of a profile there are.
public enum VMXOffer: String, Sendable, CaseIterable {
  /// What the real part has.
  case part
  /// What VMXLab offers of it: the part's, less what is not built.
  case vmxlab
}

/// What a dump tells of the VM entry that it was made of.
public struct RecordedVMEntry: Equatable, Sendable {
  /// VMLAUNCH rather than VMRESUME.
  public var isLaunch: Bool?
  /// RIP of the instruction.
  public var rip: UInt64?
  /// The exit reason, with bit 31.
  public var exitReason: UInt32?
  /// The exit qualification.
  public var exitQualification: UInt64?
  /// The number of the VM-instruction error, if the instruction ended with VMfailValid.
  public var instructionError: UInt32?
  /// The entry of the VM-entry MSR-load area that could not be loaded.
  public var refusedMSR: MSRListEntry?

  /// Nothing is told.
  public init() {}

  /// The outcome of a VM entry.
  public init(_ outcome: VMEntryOutcome, isLaunch: Bool, rip: UInt64) {
    self.isLaunch = isLaunch
    self.rip = rip
    switch outcome {
    case .entered, .failInvalid: break
    case .failValid(let error): instructionError = error.rawValue
    case .invalidGuestState(let code):
      exitReason = ExitReason(entryFailure: .entryFailureInvalidGuestState).rawValue
      exitQualification = code.exitQualification
    case .msrLoadFailed(let entry):
      exitReason = ExitReason(entryFailure: .entryFailureMSRLoading).rawValue
      exitQualification = entry.exitQualification
    }
  }

  /// The stage whose checks the processor found wanting; nil if the dump does not tell of one.
  public var failedStage: VMEntryStage? {
    if let instructionError {
      switch VMInstructionError(rawValue: instructionError) {
      case .vmEntryWithInvalidControlFields: return .controls
      case .vmEntryWithInvalidHostStateFields: return .hostState
      default: return nil
      }
    }
    guard let exitReason, ExitReason(rawValue: exitReason).isEntryFailure else { return nil }
    switch ExitReason(rawValue: exitReason).basic {
    case .entryFailureInvalidGuestState: return .guestState
    case .entryFailureMSRLoading: return .msrLoading
    default: return nil
    }
  }
}

/// The processor's state that checks read; nil is not known.
public struct DumpedProcessorState: Equatable, Sendable {
  /// IA32_EFER.LMA.
  public var isInIA32eMode: Bool?
  /// Whether the processor is in system-management mode.
  public var isInSMM: Bool?
  /// IA32_RTIT_CTL.TraceEn.
  public var isTracing: Bool?
  /// The current-VMCS pointer.
  public var currentVMCS: UInt64?
  /// Whether the launch state of the VMCS is "launched". No rule reads it.
  public var isLaunched: Bool?

  /// Nothing is known.
  public init() {}
}

/// Bytes of physical memory, as far as they are known.
public struct DumpedMemory: Equatable, Sendable {
  private var bytes: [UInt64: UInt8] = [:]

  /// Nothing is known.
  public init() {}

  /// Whether nothing is known.
  public var isEmpty: Bool { bytes.isEmpty }

  /// Makes `byteCount` (1 to 8) bytes from `address` known, little-endian.
  public mutating func set(_ value: UInt64, byteCount: Int, at address: UInt64) {
    for position in 0..<UInt64(min(max(byteCount, 0), 8)) {
      bytes[address &+ position] = UInt8(truncatingIfNeeded: value >> (position * 8))
    }
  }

  /// The value of `byteCount` (1 to 8) bytes from `address`; nil unless all of them are known.
  public func value(byteCount: Int, at address: UInt64) -> UInt64? {
    var value: UInt64 = 0
    for position in 0..<UInt64(min(max(byteCount, 0), 8)) {
      guard let byte = bytes[address &+ position] else { return nil }
      value |= UInt64(byte) << (position * 8)
    }
    return value
  }

  /// The known bytes in pieces of up to 8 that do not cross an 8-byte boundary, by address.
  public var pieces: [(address: UInt64, byteCount: Int, value: UInt64)] {
    var pieces: [(address: UInt64, byteCount: Int, value: UInt64)] = []
    for address in bytes.keys.sorted() {
      guard let byte = bytes[address] else { continue }
      if let last = pieces.last, last.address &+ UInt64(last.byteCount) == address,
        address & 7 != 0
      {
        pieces[pieces.count - 1].value |= UInt64(byte) << UInt64(last.byteCount * 8)
        pieces[pieces.count - 1].byteCount += 1
      } else {
        pieces.append((address, 1, UInt64(byte)))
      }
    }
    return pieces
  }
}
