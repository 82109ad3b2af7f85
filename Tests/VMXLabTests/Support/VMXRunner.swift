@testable import VMXLab

/// An L1 in 64-bit mode and VMX root operation with a valid current VMCS, and an L2 to enter: a 64-bit
/// guest with page tables, an IDT and code of its own. Tests change the VMCS, L2's code and memory.
///
/// Everything is identity-mapped, so that linear, guest-physical and physical addresses are the same.
final class VMXRunner {
  /// What VMLAUNCH or VMRESUME led to.
  enum Entry: Equatable {
    /// A VM exit, or a VM-entry failure that loaded host state: L1 is at its host RIP.
    case exit
    case failInvalid
    case failValid(UInt32)
    case other(MachineStop)
  }

  enum Place {
    static let tables: UInt64 = 0x44_0000
    static let idt: UInt64 = 0x20_0000
    static let handlers: UInt64 = 0x21_0000
    static let vmxon: UInt64 = 0x30_0000
    static let vmcs: UInt64 = 0x30_1000
    static let otherVMCS: UInt64 = 0x30_2000
    static let ioBitmapA: UInt64 = 0x30_3000
    static let ioBitmapB: UInt64 = 0x30_4000
    static let msrBitmaps: UInt64 = 0x30_5000
    static let msrLoadList: UInt64 = 0x30_6000
    static let msrStoreList: UInt64 = 0x30_8000
    static let exitLoadList: UInt64 = 0x30_9000
    static let pageModificationLog: UInt64 = 0x30_a000
    static let eptpList: UInt64 = 0x30_b000
    static let vmreadBitmap: UInt64 = 0x30_c000
    static let vmwriteBitmap: UInt64 = 0x30_d000
    static let virtualizationException: UInt64 = 0x30_e000
    static let code: UInt64 = 0x40_0000
    static let host: UInt64 = 0x40_1000
    static let data: UInt64 = 0x41_0000
    static let stack: UInt64 = 0x42_0000
    static let ept: UInt64 = 0x50_0000
    static let guestTables: UInt64 = 0x60_0000
    static let guestIDT: UInt64 = 0x62_0000
    static let guestHandlers: UInt64 = 0x63_0000
    static let guestTSS: UInt64 = 0x64_0000
    /// The 2 MiB from here are mapped by 4-KiB pages in EPT.
    static let guestCode: UInt64 = 0x80_0000
    static let guestData: UInt64 = 0x81_0000
    static let guestStack: UInt64 = 0x82_0000
  }

  let machine: Machine
  var state: UnsafeMutablePointer<Processor> { machine.processor.pointer }

  /// The current VMCS; setting it makes every check due, as VMPTRLD does.
  var vmcs: VMCS {
    get { state.pointee.vmx.vmcs }
    set {
      state.pointee.vmx.vmcs = newValue
      state.pointee.vmx.uncheckedSections = .all
    }
  }

  var capabilities: VMXCapabilities { state.pointee.model.capabilities }

  init(profile: String = "skylake-server") throws {
    machine = try Machine(
      MachineConfiguration(memoryByteCount: 64 << 20, profile: CPUProfile.named(profile)))
    writeTables()
    enterLongMode()
    put(UInt64(VMCSRegion.revisionIdentifier), at: Place.vmxon)
    put(UInt64(VMCSRegion.revisionIdentifier), at: Place.vmcs)
    put(UInt64(VMCSRegion.revisionIdentifier), at: Place.otherVMCS)
    enterVMXOperation()
    setControls()
    setHost()
    setGuest()
    setGuestCode(Code.vmcall)
  }

  // MARK: Memory

  func put(_ value: UInt64, at address: UInt64) {
    machine.writeMemory(
      (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }, at: address)
  }

  func get(_ address: UInt64) -> UInt64 {
    (machine.memory.read(8, at: address) ?? []).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func writeTables() {
    writePageTables(at: Place.tables, flags: 0x7)
    writePageTables(at: Place.guestTables, flags: 0x67)
    writeEPT()
    for (table, handlers, code) in [
      (Place.idt, Place.handlers, [0xf4 as UInt8]),
      (Place.guestIDT, Place.guestHandlers, Code.vmcall),
    ] {
      for vector in 0..<UInt64(256) {
        let handler = handlers + vector * 16
        let low = handler & 0xffff | 8 << 16 | 0xee00 << 32 | (handler >> 16 & 0xffff) << 48
        put(low, at: table + vector * 16)
        put(handler >> 32, at: table + vector * 16 + 8)
        machine.writeMemory(code, at: handler)
      }
    }
    machine.writeMemory([0xf4], at: Place.host)
    put(Place.stack, at: Place.guestTSS + 4)
  }

  /// Page tables that identity-map the first GiB in 2-MiB pages, then a GDT.
  private func writePageTables(at tables: UInt64, flags: UInt64) {
    put(tables + 0x1000 | flags, at: tables)
    put(tables + 0x2000 | flags, at: tables + 0x1000)
    for page in 0..<UInt64(512) { put(page << 21 | flags | 0x80, at: tables + 0x2000 + page * 8) }
    put(0, at: tables + 0x3000)
    put(0x00af_9b00_0000_ffff, at: tables + 0x3008)
    put(0x00cf_9300_0000_ffff, at: tables + 0x3010)
    let tss = Place.guestTSS
    put(
      0x0000_8b00_0000_0067 | (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56, at: tables + 0x3018
    )
    put(tss >> 32, at: tables + 0x3020)
  }

  private func writeEPT() {
    put(Place.ept + 0x1000 | 7, at: Place.ept)
    put(Place.ept + 0x2000 | 7, at: Place.ept + 0x1000)
    for page in 0..<UInt64(512) { put(page << 21 | 0xb7, at: Place.ept + 0x2000 + page * 8) }
    put(Place.ept + 0x3000 | 7, at: Place.ept + 0x2000 + (Place.guestCode >> 21) * 8)
    for page in 0..<UInt64(512) {
      put((Place.guestCode + page << 12) | 0x37, at: Place.ept + 0x3000 + page * 8)
    }
  }

  /// Address of the EPT entry of a 4-KiB page in the 2 MiB from ``Place/guestCode``.
  func eptEntry(_ guestPhysical: UInt64) -> UInt64 {
    Place.ept + 0x3000 + (guestPhysical >> 12 & 0x1ff) * 8
  }

  // MARK: L1

  private func enterLongMode() {
    state.pointee.cr3 = Place.tables
    state.pointee.cr4 = [.pae, .osfxsr, .vmxe]
    state.pointee.efer = [.lme, .lma, .sce, .nxe]
    state.pointee.cr0 = [.pe, .pg, .wp, .ne, .et, .mp]
    let data = Segment(
      selector: 16, base: 0, limit: 0xffff_ffff, access: SegmentAccessRights(rawValue: 0xc093))
    for register in 0..<6 { state.pointee.segments[register] = data }
    state.pointee.segments[1] = Segment(
      selector: 8, base: 0, limit: 0xffff_ffff, access: SegmentAccessRights(rawValue: 0xa09b))
    state.pointee.segments[7] = Segment(
      selector: 0x18, base: Place.guestTSS, limit: 0x67, access: SegmentAccessRights(rawValue: 0x8b)
    )
    state.pointee.gdtr = DescriptorTableRegister(base: Place.tables + 0x3000, limit: 0x27)
    state.pointee.idtr = DescriptorTableRegister(base: Place.idt, limit: 0xfff)
    state.pointee.cpl = 0
    state.pointee.msrs.featureControl = 5
    state.pointee.startNewAddressSpace()
    state.pointee.updateMode()
    state.pointee.updateAttention()
  }

  private func enterVMXOperation() {
    put(Place.vmxon, at: Place.data)
    put(Place.vmcs, at: Place.data + 8)
    precondition(execute(Code.vmxon, memory: Place.data) == .retired)
    precondition(execute(Code.vmclear, memory: Place.data + 8) == .retired)
    precondition(execute(Code.vmptrld, memory: Place.data + 8) == .retired)
    precondition(state.pointee.vmx.currentPointer == Place.vmcs)
  }

  /// Runs one instruction of L1, whose memory operand, if any, is [RBX]. RFLAGS is 2 before it.
  @discardableResult
  func execute(
    _ code: [UInt8], memory: UInt64 = Place.data, registers: [Int: UInt64] = [:]
  ) -> InstructionRunner.Outcome {
    prepareL1(code)
    state.pointee.general[3] = memory
    for (register, value) in registers { state.pointee.general[register] = value }
    let stop = machine.run(instructions: 1)
    guard stop == .instructionLimit || stop == .haltedForever else { return .other(stop) }
    let rip = state.pointee.rip
    guard (Place.handlers..<Place.handlers + 4096).contains(rip) else { return .retired }
    return .fault(UInt8((rip - Place.handlers) / 16))
  }

  private func prepareL1(_ code: [UInt8]) {
    machine.writeMemory(code + [0xf4], at: Place.code)
    state.pointee.rip = Place.code
    state.pointee.general[4] = Place.stack
    state.pointee.setRFLAGS(2)
    state.pointee.activity = .active
    state.pointee.linkSource = nil
    state.pointee.updateAttention()
  }

  /// The status flags, which say how a VMX instruction ended: 0, CF or ZF.
  var statusFlags: UInt64 { state.pointee.rflags & RFLAGS.status.rawValue }

  // MARK: L2

  /// Makes a VM entry; VMLAUNCH unless the VMCS is launched.
  func enter(launch: Bool? = nil, limit: UInt64 = 1000) -> Entry {
    let launches = launch ?? !state.pointee.vmx.isLaunched
    prepareL1(launches ? Code.vmlaunch : Code.vmresume)
    let stop = resume(limit: limit)
    switch stop {
    case .vmExit: return .exit
    case .haltedForever:
      if statusFlags == RFLAGS.cf.rawValue { return .failInvalid }
      if statusFlags == RFLAGS.zf.rawValue { return .failValid(vmcs.vmInstructionError) }
      return .other(stop)
    default: return .other(stop)
    }
  }

  /// Runs on from wherever the processor is.
  func resume(limit: UInt64 = 1000) -> MachineStop {
    machine.run(instructions: limit, untilVMExit: true)
  }

  /// Enters, and answers the basic exit reason of the VM exit; nil if there was none, or a failure.
  func exitReason(limit: UInt64 = 1000) -> BasicExitReason? {
    guard enter(limit: limit) == .exit, vmcs.exitReason >> 31 == 0 else { return nil }
    return BasicExitReason(rawValue: UInt16(truncatingIfNeeded: vmcs.exitReason))
  }

  /// Puts code for L2 at its RIP, with a VMCALL behind it.
  func setGuestCode(_ code: [UInt8], at address: UInt64 = Place.guestCode) {
    machine.writeMemory(code + Code.vmcall, at: address)
    vmcs.guestRIP = address
  }

  private func setControls() {
    let capabilities = capabilities
    vmcs.pinBasedControls = capabilities.pin.required
    vmcs.primaryProcessorBasedControls =
      capabilities.primary.required
      & ~PrimaryProcessorBasedControls([.cr3LoadExiting, .cr3StoreExiting]).rawValue
    vmcs.secondaryProcessorBasedControls = 0
    vmcs.vmExitControls =
      capabilities.exit.required
      | VMExitControls([
        .hostAddressSpaceSize, .saveEFER, .loadEFER, .saveDebugControls,
      ]).rawValue
    vmcs.vmEntryControls =
      capabilities.entry.required
      | VMEntryControls([.ia32eModeGuest, .loadEFER, .loadDebugControls]).rawValue
    vmcs.vmcsLinkPointer = .max
    vmcs.ioBitmapAAddress = Place.ioBitmapA
    vmcs.ioBitmapBAddress = Place.ioBitmapB
    vmcs.msrBitmapsAddress = Place.msrBitmaps
    vmcs.eptPointer = Place.ept | 0x1e
    vmcs.virtualProcessorIdentifier = 1
  }

  private func setHost() {
    vmcs.hostCR0 = state.pointee.cr0.rawValue
    vmcs.hostCR3 = Place.tables
    vmcs.hostCR4 = state.pointee.cr4.rawValue
    vmcs.hostEFER = state.pointee.efer.rawValue
    vmcs.hostCSSelector = 8
    vmcs.hostSSSelector = 16
    vmcs.hostDSSelector = 16
    vmcs.hostESSelector = 16
    vmcs.hostTRSelector = 0x18
    vmcs.hostTRBase = Place.guestTSS
    vmcs.hostGDTRBase = Place.tables + 0x3000
    vmcs.hostIDTRBase = Place.idt
    vmcs.hostRSP = Place.stack
    vmcs.hostRIP = Place.host
  }

  private func setGuest() {
    vmcs.guestCR0 = state.pointee.cr0.rawValue
    vmcs.guestCR3 = Place.guestTables
    vmcs.guestCR4 = state.pointee.cr4.rawValue
    vmcs.guestEFER = state.pointee.efer.rawValue
    vmcs.guestDR7 = 0x400
    for register in [SegmentRegister.es, .ss, .ds, .fs, .gs] {
      vmcs.setGuestSegment(
        register,
        Segment(
          selector: 16, base: 0, limit: 0xffff_ffff, access: SegmentAccessRights(rawValue: 0xc093)))
    }
    vmcs.setGuestSegment(
      .cs,
      Segment(
        selector: 8, base: 0, limit: 0xffff_ffff, access: SegmentAccessRights(rawValue: 0xa09b)))
    vmcs.setGuestSegment(.ldtr, Segment(selector: 0, limit: 0, access: .unusable))
    vmcs.setGuestSegment(
      .tr,
      Segment(
        selector: 0x18, base: Place.guestTSS, limit: 0x67,
        access: SegmentAccessRights(rawValue: 0x8b)))
    vmcs.guestGDTRBase = Place.guestTables + 0x3000
    vmcs.guestGDTRLimit = 0x27
    vmcs.guestIDTRBase = Place.guestIDT
    vmcs.guestIDTRLimit = 0xfff
    vmcs.guestRSP = Place.guestStack
    vmcs.guestRFLAGS = 2
  }

  // MARK: Controls

  func set(_ control: PinBasedControls) { vmcs.pinBasedControls |= control.rawValue }
  func set(_ control: PrimaryProcessorBasedControls) {
    vmcs.primaryProcessorBasedControls |= control.rawValue
  }
  func set(secondary control: SecondaryProcessorBasedControls) {
    set(.activateSecondaryControls)
    vmcs.secondaryProcessorBasedControls |= control.rawValue
  }
  func set(exit control: VMExitControls) { vmcs.vmExitControls |= control.rawValue }
  func set(entry control: VMEntryControls) { vmcs.vmEntryControls |= control.rawValue }
  func inject(
    _ type: InterruptionType, _ vector: UInt8, errorCode: UInt32? = nil, length: UInt32 = 0
  ) {
    vmcs.entryInterruptionInformation =
      InterruptionInformation(type, vector: vector, hasErrorCode: errorCode != nil).rawValue
    vmcs.entryExceptionErrorCode = errorCode ?? 0
    vmcs.entryInstructionLength = length
  }

  /// The vector whose handler L2 reached; nil if RIP is elsewhere.
  var guestHandler: UInt8? {
    let rip = vmcs.guestRIP
    guard (Place.guestHandlers..<Place.guestHandlers + 4096).contains(rip) else { return nil }
    return UInt8((rip - Place.guestHandlers) / 16)
  }

  /// A stack slot of L2 by its distance from RSP, in quadwords.
  func guestStack(_ slot: UInt64) -> UInt64 { get(vmcs.guestRSP + slot * 8) }
}

/// Machine code of instructions that tests use; memory operands are [RBX].
enum Code {
  static let vmxon: [UInt8] = [0xf3, 0x0f, 0xc7, 0x33]
  static let vmclear: [UInt8] = [0x66, 0x0f, 0xc7, 0x33]
  static let vmptrld: [UInt8] = [0x0f, 0xc7, 0x33]
  static let vmptrst: [UInt8] = [0x0f, 0xc7, 0x3b]
  static let vmcall: [UInt8] = [0x0f, 0x01, 0xc1]
  static let vmlaunch: [UInt8] = [0x0f, 0x01, 0xc2]
  static let vmresume: [UInt8] = [0x0f, 0x01, 0xc3]
  static let vmxoff: [UInt8] = [0x0f, 0x01, 0xc4]
  static let vmfunc: [UInt8] = [0x0f, 0x01, 0xd4]
  /// VMREAD RCX, RAX: the field in RAX to RCX.
  static let vmreadRegister: [UInt8] = [0x0f, 0x78, 0xc1]
  /// VMREAD [RBX], RAX.
  static let vmreadMemory: [UInt8] = [0x0f, 0x78, 0x03]
  /// VMWRITE RAX, RCX: RCX to the field in RAX.
  static let vmwriteRegister: [UInt8] = [0x0f, 0x79, 0xc1]
  /// VMWRITE RAX, [RBX].
  static let vmwriteMemory: [UInt8] = [0x0f, 0x79, 0x03]
  /// INVEPT RAX, [RBX].
  static let invept: [UInt8] = [0x66, 0x0f, 0x38, 0x80, 0x03]
  /// INVVPID RAX, [RBX].
  static let invvpid: [UInt8] = [0x66, 0x0f, 0x38, 0x81, 0x03]
  static let nop: [UInt8] = [0x90]
  static let hlt: [UInt8] = [0xf4]
  static let cpuid: [UInt8] = [0x0f, 0xa2]
  static let ud2: [UInt8] = [0x0f, 0x0b]
}
