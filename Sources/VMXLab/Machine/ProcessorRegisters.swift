/// The registers of a processor at one moment.
public struct ProcessorRegisters: Equatable, Sendable {
  /// The instruction pointer: of the next instruction, or of the one that could not be carried out.
  public let rip: UInt64
  /// RFLAGS with all its bits.
  public let rflags: RFLAGS
  public let cr0: CR0
  /// The linear address of the last page fault.
  public let cr2: UInt64
  public let cr3: UInt64
  public let cr4: CR4
  public let efer: EFER
  public let gdtr: DescriptorTableRegister
  public let idtr: DescriptorTableRegister
  /// The current privilege level, 0 to 3.
  public let cpl: UInt8
  /// The mode of operation, as CR0, IA32_EFER, RFLAGS and CS have it.
  public let mode: ProcessorMode
  private let general: [UInt64]
  private let segments: [Segment]

  init(_ processor: Processor) {
    rip = processor.rip
    rflags = RFLAGS(rawValue: processor.rflags)
    cr0 = processor.cr0
    cr2 = processor.cr2
    cr3 = processor.cr3
    cr4 = processor.cr4
    efer = processor.efer
    gdtr = processor.gdtr
    idtr = processor.idtr
    cpl = processor.cpl
    mode = processor.mode
    general = GeneralRegister.allCases.map { processor.general[Int($0.rawValue)] }
    segments = SegmentRegister.allCases.map { processor.segments[Int($0.rawValue)] }
  }

  /// A general-purpose register, all 64 bits.
  public subscript(register: GeneralRegister) -> UInt64 { general[Int(register.rawValue)] }

  /// A segment register with its hidden part.
  public subscript(register: SegmentRegister) -> Segment { segments[Int(register.rawValue)] }
}

extension Machine {
  /// The processor's registers: L2's in VMX non-root operation, L1's otherwise.
  public var registers: ProcessorRegisters { ProcessorRegisters(processor.state) }

  /// Whether the processor is in VMX operation, root or non-root.
  public var isInVMXOperation: Bool { processor.state.vmx.isOn }

  /// Whether the processor is in VMX non-root operation: L2 runs.
  public var isInVMXNonRootOperation: Bool { processor.state.vmx.isNonRoot }

  /// The physical address of the current VMCS; nil if there is none.
  public var currentVMCSPointer: UInt64? {
    let pointer = processor.state.vmx.currentPointer
    return pointer == VMXState.noPointer ? nil : pointer
  }

  /// A copy of the current VMCS with all its fields, as VMREAD would return them; nil if there is none.
  public var currentVMCS: VMCS? {
    currentVMCSPointer == nil ? nil : processor.state.vmx.vmcs
  }
}
