/// Owns a processor's state and all that it points to.
///
/// Invariant: the pointers stay valid, and where they are, for the life of the storage.
final class ProcessorStorage {
  let pointer: UnsafeMutablePointer<Processor>
  let signals: UnsafeMutablePointer<PlatformSignals>
  private let model: UnsafeMutablePointer<ProcessorModel>
  private let translations: TranslationCache
  private let blocks: BlockCache
  private let platform: Platform
  private let cpuid: CPUIDTable

  init(
    ram: RAMMap, translations: TranslationCache, blocks: BlockCache, platform: Platform,
    signals: UnsafeMutablePointer<PlatformSignals>, model: ProcessorModel, cpuid: CPUIDTable
  ) {
    self.cpuid = cpuid
    self.signals = signals
    self.translations = translations
    self.blocks = blocks
    self.platform = platform
    self.model = .allocate(capacity: 1)
    self.model.initialize(to: model)
    pointer = .allocate(capacity: 1)
    pointer.initialize(
      to: Processor(
        translations: translations, ram: ram, blocks: BlockCacheReference(blocks),
        jumps: JumpCache.allocate(),
        modelReference: ProcessorModelReference(pointer: UnsafePointer(self.model)),
        signals: signals,
        platform: PlatformReference(platform)))
    pointer.pointee.reset()
  }

  deinit {
    model.pointee.vmcsFields.deallocate()
    pointer.pointee.jumps.deallocate()
    pointer.deallocate()
    signals.deallocate()
    model.deallocate()
    translations.deallocate()
  }

  /// The processor's state.
  var state: Processor {
    _read { yield pointer.pointee }
    _modify { yield &pointer.pointee }
  }

  /// Serves what the processor itself has to do by now: overflows of performance counters, and making
  /// the run loop look if the VMX-preemption timer has run out.
  func serveDeadlines() {
    pointer.pointee.servePerformanceDeadlines()
    if pointer.pointee.vmx.preemptionDeadline <= pointer.pointee.cycles {
      pointer.pointee.updateProcessorDeadline()
      pointer.pointee.attention.insert(.interruptWindow)
    }
  }

  /// Reads a byte at a linear address without side effects on the guest; nil where it is not mapped.
  func peek(_ linear: UInt64) -> UInt8? {
    pointer.pointee.peek(linear)
  }
}
