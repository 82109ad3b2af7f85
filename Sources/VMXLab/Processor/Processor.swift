/// The state of one logical processor, and everything its handlers need, as one trivial value that
/// lives behind one pointer.
///
/// The general registers come first: decoded instructions name registers by byte offset.
///
/// Its methods are `mutating`, or inlined: to call another, the compiler copies the whole value.
struct Processor {
  // MARK: Registers that handlers reach by offset
  var general = InlineArray<16, UInt64>(repeating: 0)
  /// Always 0: the base or index of an address that has none.
  let zero: UInt64 = 0
  /// RIP of the first instruction of the block that is running.
  var blockRIP: UInt64 = 0

  // MARK: Instruction pointer and flags
  /// RIP of the next instruction; behind while a block runs (`Core.synchronize`).
  var rip: UInt64 = 0xfff0
  /// Where a system instruction continues unless it says otherwise.
  var nextRIP: UInt64 = 0
  /// Lazy status flags: see `LazyFlags`.
  var lazy = LazyFlags()
  /// RFLAGS without the status flags.
  var systemFlags: UInt64 = 2

  // MARK: Clock
  /// Cycles since power-on, up to the start of the running block.
  var cycles: UInt64 = 0
  /// Instructions retired, up to the start of the running block.
  var instructions: UInt64 = 0

  // MARK: Address translation
  /// Address-space number and access class of data accesses: low bits of a TLB tag.
  var dataTag: UInt64 = 0
  /// The same for instruction fetches (SMAP does not apply).
  var fetchTag: UInt64 = 0
  var translations: TranslationCache
  let ram: RAMMap
  var a20Mask: UInt64 = ~0
  var addressSpaces = AddressSpaceNumbers()
  /// The address-space number that is in use.
  var addressSpace = AddressSpaceNumber()
  /// Those of other address spaces.
  var spaces = AddressSpaceMemory()
  /// A translation of a large page has been put in the TLB, in pieces.
  var hasLargePages = false
  /// The physical page of the local APIC's registers; `noPage` while they are not mapped to memory.
  var apicPage = Processor.noPage

  // MARK: Segments
  var segments = InlineArray<8, Segment>(repeating: Segment())
  /// Base of each segment as address generation uses it: 0 for ES, CS, SS, DS in 64-bit mode.
  var effectiveBase = InlineArray<8, UInt64>(repeating: 0)
  /// Mask of stack addresses: 16, 32 or 64 bits.
  var stackMask: UInt64 = 0xffff
  /// Mask of RIP: 64 bits in 64-bit mode, else 32 (16-bit code does not wrap: its limit ends it).
  var ripMask: UInt64 = 0xffff_ffff
  var gdtr = DescriptorTableRegister()
  var idtr = DescriptorTableRegister()
  var cpl: UInt8 = 0

  // MARK: Control registers
  var cr0 = CR0(rawValue: 0x6000_0010)
  var cr2: UInt64 = 0
  var cr3: UInt64 = 0
  var cr4 = CR4()
  var efer = EFER()
  var debug = DebugRegisters()
  var pdptes = InlineArray<4, UInt64>(repeating: 0)
  var mode = ProcessorMode.real
  /// What decoding depends on; half of a block's key.
  var decodeMode: UInt8 = 0

  // MARK: Control-flow enforcement
  var cet = ControlFlowState()
  // MARK: Bounds
  var bounds = BoundsState()

  // MARK: SSE and AVX
  var vector = VectorState()

  // MARK: Protection keys
  var protectionKeys = ProtectionKeyRights()

  // MARK: Floating point
  var x87 = X87State.afterReset
  /// FERR# is asserted: an x87 exception was met with CR0.NE = 0.
  var hasNumericError = false

  // MARK: Events
  /// Why the run loop must look before the next block.
  var attention: Attention = [] {
    didSet { if !attention.isEmpty { signals.pointee.horizon = 0 } }
  }
  /// The platform's requests that could be served now; the others do not stop the run loop.
  var heededRequests: PlatformRequests = [.initialize, .nmi, .stop]
  /// What an instruction recorded before it left its handler.
  var pending = PendingEvent()
  var interruptibility = Interruptibility()
  var activity = ActivityState.active
  var monitor = AddressRangeMonitor()
  var optimizedState = OptimizedState()
  /// Set while an event is being delivered, for faults within faults and IDT-vectoring.
  var delivery = EventDelivery()
  var step = StepState()
  /// A repeated string instruction left between two of its iterations.
  var isBetweenIterations = false
  /// Retired instructions at which `run` returns.
  var instructionLimit: UInt64 = .max
  /// The same as the embedder has it, without regard to performance counters.
  var requestedInstructionLimit: UInt64 = .max

  // MARK: Blocks
  let blocks: BlockCacheReference
  /// Where branches to another page and to computed addresses find their blocks.
  let jumps: JumpCache
  /// What an entry of `jumps` must match besides RIP: the state that decides what code is there.
  var jumpKey: UInt64 = 0
  /// A direct branch whose link the run loop should fill in, once it has found the block at RIP.
  var linkSource: UnsafePointer<Instruction>?

  // MARK: Model
  var msrs = ModelSpecificRegisters()
  var performance = PerformanceMonitor()
  /// What RDRAND and RDSEED read; neither reset nor INIT begins it anew.
  var random = RandomSource(seed: 0)
  let modelReference: ProcessorModelReference
  let signals: UnsafeMutablePointer<PlatformSignals>
  let platform: PlatformReference
  var vmx = VMXState()
}

/// Debug registers.
///
/// Source: Intel SDM, "Debug Registers".
struct DebugRegisters {
  var dr0: UInt64 = 0
  var dr1: UInt64 = 0
  var dr2: UInt64 = 0
  var dr3: UInt64 = 0
  var dr6: UInt64 = 0xffff_0ff0
  var dr7: UInt64 = 0x400
  /// Debug traps that wait for the next instruction boundary, in the format of the VMCS field:
  /// B3–B0, "enabled breakpoint" (bit 12) and BS (bit 14).
  ///
  /// Source: Intel SDM, "Guest Non-Register State", pending debug exceptions.
  var pending: UInt64 = 0
}
