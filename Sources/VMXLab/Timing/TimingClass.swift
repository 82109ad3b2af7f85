/// What the cycle model charges for: an instruction, or a part of one, belongs to exactly one class.
///
/// The raw value is the index in a ``TimingTable``. The names of the cases are the keys of the timing
/// data files.
public enum TimingClass: UInt8, CaseIterable, Sendable {
  // Integer instructions. A memory operand charges `load`, `store` or `readModifyWrite` as well.
  case alu
  case load
  case store
  case readModifyWrite
  case lea
  case multiply8
  case multiply16
  case multiply32
  case multiply64
  case divide8
  case divide16
  case divide32
  case divide64
  case signedDivide8
  case signedDivide16
  case signedDivide32
  case signedDivide64
  case shift
  case shiftDouble
  case rotateCarry
  case bitScan
  /// BCD adjustments: AAA, AAD, AAM, AAS, DAA, DAS.
  case decimalAdjust
  case flagsTransfer
  case push
  case pop
  case pushAll
  case popAll
  case enter
  case leave

  // Control flow.
  case branchNotTaken
  case branchTaken
  case jump
  case indirectBranch
  case call
  case `return`
  case farTransfer
  case loop

  // String instructions: once for the instruction, and once an iteration.
  case stringStart
  case stringStep

  // Atomic and serialising memory instructions.
  /// Extra cycles of a LOCK prefix.
  case lock
  case exchangeMemory
  case compareExchange
  case compareExchange16B
  case fence
  case cacheLineFlush
  case prefetch
  case pause
  case hlt
  case nop

  // System instructions.
  case cpuid
  case readTSC
  case readTSCP
  case readPMC
  case readMSR
  case writeMSR
  case readControlRegister
  case writeControlRegister
  case readDebugRegister
  case writeDebugRegister
  case loadDescriptorTable
  case storeDescriptorTable
  case loadTaskRegister
  case loadLDTR
  case loadSegment
  case readSegment
  /// LAR, LSL, VERR, VERW.
  case segmentQuery
  case swapGS
  /// RDFSBASE, WRFSBASE and their like.
  case segmentBase
  case invalidatePage
  case invalidatePCID
  case writeBackInvalidate
  case clearTaskSwitched
  case interruptFlag
  /// XGETBV, XSETBV, RDPKRU, WRPKRU.
  case xGetSet
  case random
  case monitor
  case syscall
  case sysret
  case sysenter
  case sysexit
  case softwareInterrupt
  case interruptReturn
  case exceptionDelivery
  case interruptDelivery
  case taskSwitch
  case portInput
  case portOutput

  // x87, SSE and AVX.
  case x87
  /// FDIV, FSQRT.
  case x87Divide
  /// FPREM, FPREM1, FSCALE, FXTRACT, FRNDINT.
  case x87Remainder
  case x87Transcendental
  /// FBLD, FBSTP.
  case x87Decimal
  /// FLDCW, FNSTCW, FNSTSW, FNCLEX, WAIT, EMMS.
  case x87Control
  /// FLDENV, FNSTENV, FNINIT.
  case x87Environment
  /// FNSAVE.
  case x87StateSave
  /// FRSTOR.
  case x87StateRestore
  case sse
  case sseMultiply
  case sseDivide
  /// VGATHERDPS and its like, beside the loads.
  case gather
  /// PCMPESTRI and its like.
  case stringCompare
  /// AES rounds, PCLMULQDQ, SHA.
  case cryptography
  case fxSave
  case fxRestore
  case xSave
  case xRestore

  // Memory.
  /// A paging-structure entry read by a page walk.
  case pageWalkStep
  /// An EPT paging-structure entry read by a page walk.
  case eptWalkStep
  /// An access to a device's registers.
  case deviceAccess

  // VMX instructions.
  case vmxon
  case vmxoff
  case vmclear
  case vmptrld
  case vmptrst
  case vmread
  case vmwrite
  case invept
  case invvpid
  /// VMCALL outside VMX non-root operation: the failing instruction.
  case vmcall
  case vmfunc

  // VM entry, by phase. A phase that is skipped because nothing changed is not charged.
  case entryBase
  case entryControlChecks
  case entryHostChecks
  case entryGuestChecks
  case entryGuestStateLoad
  case entryPDPTELoad
  case entryMSRLoadEntry
  case entryEventInjection

  // VM exit, by phase.
  case exitBase
  case exitSaveState
  case exitMSRStoreEntry
  case exitHostStateLoad
  case exitMSRLoadEntry

  /// How many classes there are.
  public static let count = Int(TimingClass.exitMSRLoadEntry.rawValue) + 1

  /// The key of the class in a timing data file, such as `divide64`.
  public var key: String { "\(self)" }
}
