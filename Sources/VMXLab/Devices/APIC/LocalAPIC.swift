/// What distinguishes the local APICs of different processors.
struct LocalAPICFeatures: Sendable {
  /// Pulses a second of the timer's clock, before the divider.
  var timerFrequency: UInt64
  var hasX2APIC = true
  var hasTSCDeadline = true

  /// The version register: version, highest LVT entry, and whether EOI broadcasts can be suppressed.
  /// Parts with x2APIC have seven LVT entries, with CMCI; the ones before them have six.
  ///
  /// Source: Linux boot messages of such parts ("Intel APIC version").
  var version: UInt32 { hasX2APIC ? 0x0106_0015 : 0x0005_0014 }
}

/// A processor's local APIC.
///
/// Its registers are reached through memory in xAPIC mode (``LocalAPIC/readMemory(offset:size:)``)
/// and as MSRs in x2APIC mode. Interrupts that it accepts wait in IRR until the processor takes the
/// highest with ``acknowledge()``.
///
/// Source: Intel SDM, "Advanced Programmable Interrupt Controller (APIC)".
final class LocalAPIC: TimedDevice {
  /// Source: Intel SDM, "x2APIC States".
  enum Mode { case disabled, xAPIC, x2APIC }

  /// The entries of the local vector table, in the order in which they are kept.
  enum LocalVector: Int, CaseIterable {
    case timer, thermal, performance, lint0, lint1, error, cmci
  }

  /// Bits of LVT entries.
  enum LVT {
    static let masked: UInt32 = 1 << 16
    static let levelTriggered: UInt32 = 1 << 15
    static let remoteIRR: UInt32 = 1 << 14
    static let deliveryStatus: UInt32 = 1 << 12
  }

  /// Bits of the error status register.
  ///
  /// Source: Intel SDM, "Error Handling".
  enum ErrorStatus {
    static let sendIllegalVector: UInt32 = 1 << 5
    static let receiveIllegalVector: UInt32 = 1 << 6
    static let illegalRegisterAddress: UInt32 = 1 << 7
  }

  /// Bits of the spurious-interrupt vector register.
  enum Spurious {
    static let softwareEnable: UInt32 = 1 << 8
    static let suppressesEOIBroadcast: UInt32 = 1 << 12
  }

  let features: LocalAPICFeatures
  let clock: MachineClock
  /// Holds the local APIC, and lives as long.
  unowned let bus: InterruptBus
  private let signals: UnsafeMutablePointer<PlatformSignals>
  /// The x2APIC ID, and the xAPIC ID after RESET.
  let initialIdentifier: UInt32

  private(set) var mode = Mode.xAPIC
  /// Physical address of the page of registers.
  private(set) var address = APICBase.defaultAddress
  /// Added to the cycle counter to give the time-stamp counter.
  private(set) var tscOffset: UInt64 = 0

  // MARK: Registers
  /// Bits 31:24 of the xAPIC ID register.
  var identifier: UInt8
  private(set) var taskPriority: UInt8 = 0
  var logicalDestination: UInt32 = 0
  var destinationFormat: UInt32 = .max
  private(set) var spurious: UInt32 = 0xff
  private(set) var inService = VectorSet()
  private(set) var triggerMode = VectorSet()
  private(set) var requests = VectorSet()
  private(set) var errorStatus: UInt32 = 0
  private var newErrors: UInt32 = 0
  var interruptCommand: UInt64 = 0
  private var localVectors = InlineArray<7, UInt32>(repeating: LVT.masked)
  private(set) var timer = LocalAPICTimer()
  /// Level of LINT0 and LINT1.
  private var pins: (lint0: Bool, lint1: Bool) = (false, false)
  private(set) var nextEvent = UInt64.max

  init(
    features: LocalAPICFeatures, identifier: UInt32, clock: MachineClock, bus: InterruptBus,
    signals: UnsafeMutablePointer<PlatformSignals>
  ) {
    self.features = features
    self.clock = clock
    self.bus = bus
    self.signals = signals
    initialIdentifier = identifier
    self.identifier = UInt8(truncatingIfNeeded: identifier)
    bus.connect(self)
  }

  // MARK: IA32_APIC_BASE and INIT

  /// Follows IA32_APIC_BASE, whose new value the processor has found valid. Leaving the disabled
  /// state, and entering it, the registers are as after RESET.
  func setBase(_ value: UInt64) {
    let new: Mode =
      value & APICBase.globalEnable == 0
      ? .disabled : value & APICBase.x2APICEnable == 0 ? .xAPIC : .x2APIC
    address = value & ~0xfff
    if (new == .disabled) != (mode == .disabled) {
      initialize()
      identifier = UInt8(truncatingIfNeeded: initialIdentifier)
    }
    mode = new
    if new == .x2APIC { enterX2APICMode() }
  }

  private func enterX2APICMode() {
    logicalDestination = (initialIdentifier >> 4) << 16 | 1 << (initialIdentifier & 15)
  }

  /// The state after INIT: that after RESET, but for the ID.
  func initialize() {
    taskPriority = 0
    logicalDestination = 0
    destinationFormat = .max
    spurious = 0xff
    inService = VectorSet()
    triggerMode = VectorSet()
    requests = VectorSet()
    errorStatus = 0
    newErrors = 0
    interruptCommand = 0
    localVectors = InlineArray(repeating: LVT.masked)
    timer = LocalAPICTimer()
    if mode == .x2APIC { enterX2APICMode() }
    updateTimer()
  }

  // MARK: Priorities

  private static func priorityClass(_ value: UInt8) -> UInt8 { value >> 4 }

  /// PPR.
  var processorPriority: UInt8 {
    let serviced = inService.highest ?? 0
    return Self.priorityClass(taskPriority) >= Self.priorityClass(serviced)
      ? taskPriority : serviced & 0xf0
  }

  /// Whether the processor would be interrupted by `vector` now.
  func letsThrough(_ vector: UInt8) -> Bool {
    Self.priorityClass(vector) > Self.priorityClass(processorPriority)
  }

  /// Whether an accepted interrupt asks for the processor's attention.
  var hasInterrupt: Bool { requests.highest.map(letsThrough) ?? false }

  /// Hands the highest interrupt to the processor; the spurious vector if it has none any more.
  func acknowledge() -> UInt8 {
    guard let vector = requests.highest, letsThrough(vector) else {
      return UInt8(truncatingIfNeeded: spurious)
    }
    requests.remove(vector)
    inService.insert(vector)
    return vector
  }

  func setTaskPriority(_ value: UInt8) { taskPriority = value }

  /// Ends the interrupt of highest priority that is in service.
  func endInterrupt() {
    guard let vector = inService.highest else { return }
    inService.remove(vector)
    guard triggerMode.contains(vector) else { return }
    if spurious & Spurious.suppressesEOIBroadcast == 0 { bus.endOfInterrupt?(vector) }
    if LVTEntry(self[.lint0]).vector == vector { releaseLevel(.lint0, level: pins.lint0) }
    if LVTEntry(self[.lint1]).vector == vector { releaseLevel(.lint1, level: pins.lint1) }
  }

  // MARK: Accepting interrupts

  var isSoftwareEnabled: Bool { spurious & Spurious.softwareEnable != 0 }

  /// Takes an interrupt message that is meant for this local APIC.
  func accept(_ message: InterruptMessage) {
    guard mode != .disabled else { return }
    switch message.deliveryMode {
    case .fixed, .lowestPriority:
      acceptFixed(message.vector, isLevelTriggered: message.isLevelTriggered)
    case .nmi: signals.pointee.requests.insert(.nmi)
    case .initialize:
      // A start-up IPI that came before finds nobody waiting.
      signals.pointee.requests.remove(.startUp)
      signals.pointee.requests.insert(.initialize)
    case .startUp:
      signals.pointee.startUpVector = message.vector
      signals.pointee.requests.insert(.startUp)
    // There is no system-management mode, and nobody drives an ExtINT's vector.
    case .systemManagement, .external, .reserved: break
    }
  }

  private func acceptFixed(_ vector: UInt8, isLevelTriggered: Bool) {
    guard isSoftwareEnabled else { return }
    guard vector >= 16 else { return reportError(ErrorStatus.receiveIllegalVector) }
    requests.insert(vector)
    if isLevelTriggered { triggerMode.insert(vector) } else { triggerMode.remove(vector) }
  }

  /// Records an error, and causes the error interrupt for one that is new.
  func reportError(_ error: UInt32) {
    guard newErrors & error == 0 else { return }
    newErrors |= error
    deliver(.error)
  }

  /// A write of the error status register: it shows the errors found since the last write.
  func updateErrorStatus() {
    errorStatus = newErrors
    newErrors = 0
  }

  // MARK: The local vector table

  subscript(entry: LocalVector) -> UInt32 { localVectors[entry.rawValue] }

  /// Writes an LVT entry; while the APIC is disabled by software, entries stay masked.
  func setLocalVector(_ entry: LocalVector, _ value: UInt32) {
    advance()
    let writable = writableBits(entry)
    var new = self[entry] & ~writable | value & writable
    if !isSoftwareEnabled { new |= LVT.masked }
    localVectors[entry.rawValue] = new
    switch entry {
    case .timer:
      timer.setMode(LocalAPICTimer.Mode(lvt: new))
      updateTimer()
    case .lint0: releaseLevel(.lint0, level: pins.lint0)
    case .lint1: releaseLevel(.lint1, level: pins.lint1)
    default: break
    }
  }

  /// Source: Intel SDM, "Local Vector Table".
  func writableBits(_ entry: LocalVector) -> UInt32 {
    switch entry {
    case .timer: features.hasTSCDeadline ? 0x7_00ff : 0x3_00ff
    case .thermal, .performance, .cmci: 0x1_07ff
    case .lint0, .lint1: 0x1_a7ff
    case .error: 0x1_00ff
    }
  }

  /// Writes the spurious-interrupt vector register; disabling by software masks every LVT entry.
  func setSpurious(_ value: UInt32) {
    advance()
    spurious = value & spuriousBits
    if !isSoftwareEnabled {
      for entry in LocalVector.allCases { localVectors[entry.rawValue] |= LVT.masked }
    }
    updateTimer()
  }

  /// Bits of the spurious-interrupt vector register: vector, software enable, and where the version
  /// register says so the suppression of EOI broadcasts.
  var spuriousBits: UInt32 { features.version >> 24 & 1 != 0 ? 0x11ff : 0x1ff }

  /// Delivers the interrupt of an LVT entry, unless that is masked.
  private func deliver(_ entry: LocalVector, isLevelTriggered: Bool = false) {
    let value = LVTEntry(self[entry])
    guard !value.isMasked, mode != .disabled else { return }
    switch entry {
    // These have no delivery mode.
    case .timer, .error: acceptFixed(value.vector, isLevelTriggered: false)
    default:
      accept(
        InterruptMessage(
          deliveryMode: value.deliveryMode, vector: value.vector,
          isLevelTriggered: isLevelTriggered))
    }
  }

  /// The performance-monitoring interrupt, which masks its own LVT entry.
  ///
  /// Source: Intel SDM, "Local Vector Table", mask.
  func raisePerformanceInterrupt() {
    deliver(.performance)
    localVectors[LocalVector.performance.rawValue] |= LVT.masked
  }

  // MARK: LINT0 and LINT1

  /// Whether the interrupt controller at LINT0 interrupts the processor directly, without a vector
  /// of the local APIC.
  var passesExternalInterrupts: Bool {
    guard mode != .disabled else { return true }
    let entry = LVTEntry(self[.lint0])
    return !entry.isMasked && entry.deliveryMode == .external
  }

  /// Whether an edge at LINT0 or LINT1 is an NMI.
  func raisesNMI(_ entry: LocalVector) -> Bool {
    let value = LVTEntry(self[entry])
    return mode != .disabled && !value.isMasked && value.deliveryMode == .nmi
  }

  /// Drives LINT0 or LINT1.
  func setPin(_ entry: LocalVector, level: Bool) {
    let old = entry == .lint0 ? pins.lint0 : pins.lint1
    if entry == .lint0 { pins.lint0 = level } else { pins.lint1 = level }
    guard level != old else { return }
    let value = LVTEntry(self[entry])
    guard !value.isFixedLevel else { return releaseLevel(entry, level: level) }
    if level { deliver(entry) }
  }

  /// A level-triggered fixed interrupt at a local pin: it is sent when the pin is active and the last
  /// one has been ended.
  private func releaseLevel(_ entry: LocalVector, level: Bool) {
    localVectors[entry.rawValue] &= ~LVT.remoteIRR
    let value = LVTEntry(self[entry])
    guard level, value.isFixedLevel, !value.isMasked, !requests.contains(value.vector),
      !inService.contains(value.vector)
    else { return }
    localVectors[entry.rawValue] |= LVT.remoteIRR
    deliver(entry, isLevelTriggered: true)
  }

  // MARK: Timer

  private var pulse: UInt64 { clock.ticks(hz: features.timerFrequency) }
  private var timeStampCounter: UInt64 { clock.now &+ tscOffset }

  /// The current-count register.
  var currentCount: UInt32 {
    advance()
    return timer.currentCount(at: pulse)
  }

  func setInitialCount(_ value: UInt32) {
    advance()
    timer.setInitialCount(value, at: pulse)
    updateTimer()
  }

  func setDivideConfiguration(_ value: UInt32) {
    advance()
    timer.setDivideConfiguration(value, at: pulse)
    updateTimer()
  }

  /// IA32_TSC_DEADLINE.
  var deadline: UInt64 {
    advance()
    return timer.deadline
  }

  func setDeadline(_ value: UInt64) {
    advance()
    timer.setDeadline(value)
    advance()
  }

  func setTSCOffset(_ value: UInt64) {
    advance()
    tscOffset = value
    advance()
  }

  func advance() {
    if timer.takeExpiry(at: pulse, tsc: timeStampCounter) { deliver(.timer) }
    updateTimer()
  }

  /// Whether the timer runs and its interrupt would reach the processor.
  var timerCanInterrupt: Bool {
    nextEvent != .max && isSoftwareEnabled
      && letsThrough(UInt8(truncatingIfNeeded: self[.timer]))
  }

  /// A count whose end nobody would notice is not waited for: it is made up for when it is read.
  private func updateTimer() {
    guard mode != .disabled, !LVTEntry(self[.timer]).isMasked || timer.mode == .deadline else {
      nextEvent = .max
      return
    }
    if timer.deadline != 0 {
      // What has been reached already is due at once.
      let left = Int64(bitPattern: timer.deadline &- timeStampCounter)
      nextEvent = clock.now.addingSaturating(UInt64(max(left, 0)))
    } else {
      nextEvent = timer.end.map { clock.cycle(ofTick: $0, hz: features.timerFrequency) } ?? .max
    }
  }
}

/// An LVT entry, decoded.
private struct LVTEntry {
  let rawValue: UInt32
  init(_ rawValue: UInt32) { self.rawValue = rawValue }

  var vector: UInt8 { UInt8(truncatingIfNeeded: rawValue) }
  var isMasked: Bool { rawValue & LocalAPIC.LVT.masked != 0 }
  var deliveryMode: APICDeliveryMode { APICDeliveryMode(field: rawValue) }
  /// Level-triggered in the only mode that heeds the trigger mode.
  var isFixedLevel: Bool {
    deliveryMode == .fixed && rawValue & LocalAPIC.LVT.levelTriggered != 0
  }
}
