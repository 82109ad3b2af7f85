// VM exits of instructions that exit under control of the VMCS.
//
// Source: Intel SDM, "Instructions That Cause VM Exits Conditionally".
extension Processor {
  /// The time-stamp counter as RDTSC, RDTSCP and RDMSR give it: multiplied, then with the TSC offset.
  ///
  /// Source: Intel SDM, "Time-Stamp Counter Offset and Multiplier".
  var visibleTimeStampCounter: UInt64 {
    guard vmx.isNonRoot, vmx.primary.contains(.useTSCOffsetting) else { return timeStampCounter }
    guard vmx.secondary.contains(.useTSCScaling) else {
      return timeStampCounter &+ vmx.vmcs.tscOffset
    }
    let product = timeStampCounter.multipliedFullWidth(by: vmx.vmcs.tscMultiplier)
    return (product.high << 16 | product.low >> 48) &+ vmx.vmcs.tscOffset
  }

  /// Whether RDTSCP and RDPID exist: in non-root operation "enable RDTSCP" decides.
  var allowsRDTSCP: Bool { !vmx.isNonRoot || vmx.secondary.contains(.enableRDTSCP) }

  /// Whether INVPCID exists: in non-root operation "enable INVPCID" decides.
  var allowsINVPCID: Bool { !vmx.isNonRoot || vmx.secondary.contains(.enableINVPCID) }

  /// Cycles in which the time-stamp counter as a guest sees it advances by `ticks`.
  func cyclesOfVisibleTime(_ ticks: UInt64) -> UInt64 {
    let multiplier = vmx.vmcs.tscMultiplier
    guard vmx.isNonRoot, vmx.primary.contains(.useTSCOffsetting),
      vmx.secondary.contains(.useTSCScaling)
    else { return ticks }
    guard ticks >> 16 < multiplier else { return .max }
    return multiplier.dividingFullWidth((ticks >> 16, ticks << 48)).quotient
  }

  /// "RDRAND exiting" and "RDSEED exiting".
  mutating func interceptRandomNumber(
    _ i: InstructionReference, _ reason: BasicExitReason
  ) -> Bool {
    let control: SecondaryProcessorBasedControls =
      reason == .rdrand ? .rdrandExiting : .rdseedExiting
    guard vmx.isNonRoot, vmx.secondary.contains(control) else { return false }
    let mode = i.pointer.pointee.mode
    let size: UInt32 = mode.contains(.operand16) ? 0 : mode.contains(.operand32) ? 1 : 2
    recordExit(reason, instructionInformation: registerInformation(i, size: size))
    return true
  }

  /// UMWAIT and TPAUSE exit under "RDTSC exiting".
  mutating func interceptUserWait(_ i: InstructionReference, _ reason: BasicExitReason) -> Bool {
    guard vmx.isNonRoot, vmx.primary.contains(.rdtscExiting) else { return false }
    // The operand has 32 bits: 66 is the mandatory prefix of TPAUSE.
    recordExit(reason, instructionInformation: registerInformation(i, size: 1))
    return true
  }

  /// Bits 6:3 the register operand, bits 12:11 its size: 0 for 16 bits, 1 for 32, 2 for 64.
  ///
  /// Source: Intel SDM, "Format of the VM-Exit Instruction-Information Field as Used for RDRAND, RDSEED,
  /// TPAUSE, and UMWAIT".
  private func registerInformation(_ i: InstructionReference, size: UInt32) -> UInt32 {
    UInt32(i.pointer.pointee.destination >> 3) << 3 | size << 11
  }

  /// Whether XSAVES and XRSTORS exist: in non-root operation "enable XSAVES/XRSTORS" decides.
  var allowsXSAVES: Bool { !vmx.isNonRoot || vmx.secondary.contains(.enableXSAVESXRSTORS) }

  mutating func interceptRDTSC(_ reason: BasicExitReason) -> Bool {
    guard vmx.isNonRoot, vmx.primary.contains(.rdtscExiting) else { return false }
    recordExit(reason)
    return true
  }

  mutating func interceptRDPMC() -> Bool {
    guard vmx.isNonRoot, vmx.primary.contains(.rdpmcExiting) else { return false }
    recordExit(.rdpmc)
    return true
  }

  mutating func interceptINVLPG(_ linear: UInt64) -> Bool {
    guard vmx.isNonRoot, vmx.primary.contains(.invlpgExiting) else { return false }
    recordExit(.invlpg, qualification: linear)
    return true
  }

  mutating func interceptINVPCID(_ i: InstructionReference) -> Bool {
    guard vmx.isNonRoot, vmx.primary.contains(.invlpgExiting) else { return false }
    recordExit(
      .invpcid, qualification: displacementQualification(i),
      instructionInformation: instructionInformation(i)
        | UInt32(i.pointer.pointee.destination >> 3) << 28)
    return true
  }

  /// Whether XSAVES or XRSTORS exits: it asks for a component of IA32_XSS that the XSS-exiting bitmap
  /// names.
  mutating func interceptXSAVES(_ reason: BasicExitReason, _ i: InstructionReference) -> Bool {
    guard vmx.isNonRoot else { return false }
    let requested = general[2] << 32 | general[0] & 0xffff_ffff
    guard requested & vector.xss & vmx.vmcs.xssExitingBitmap != 0 else { return false }
    recordExit(
      reason, qualification: displacementQualification(i),
      instructionInformation: instructionInformation(i))
    return true
  }

  /// "PAUSE exiting", or at CPL 0 "PAUSE-loop exiting".
  mutating func interceptPause() -> Bool {
    guard vmx.isNonRoot else { return false }
    if !vmx.primary.contains(.pauseExiting) {
      guard vmx.secondary.contains(.pauseLoopExiting), cpl == 0,
        vmx.pauseLoop.pause(
          at: cycles, gap: UInt64(vmx.vmcs.pleGap), window: UInt64(vmx.vmcs.pleWindow))
      else { return false }
    }
    recordExit(.pause)
    return true
  }

  /// Whether RDMSR or WRMSR exits: no MSR bitmaps, an MSR outside their ranges, or its bit is set.
  ///
  /// Source: Intel SDM, "MSR-Bitmap Address".
  mutating func interceptMSR(_ index: UInt32, write: Bool) -> Bool {
    guard vmx.isNonRoot else { return false }
    if vmx.primary.contains(.useMSRBitmaps) {
      let quarter: UInt64? =
        index <= 0x1fff ? 0 : (0xc000_0000...0xc000_1fff).contains(index) ? 0x400 : nil
      if let quarter {
        let byte = quarter &+ (write ? 0x800 : 0) &+ UInt64(index & 0x1fff) >> 3
        let bits = load(vmx.vmcs.msrBitmapsAddress &+ byte, byteCount: 1)
        if bits >> UInt64(index & 7) & 1 == 0 { return false }
      }
    }
    recordExit(write ? .wrmsr : .rdmsr)
    return true
  }

  /// Whether an I/O instruction exits.
  ///
  /// Source: Intel SDM, "I/O-Bitmap Addresses" and "Exit Qualification for I/O Instructions".
  mutating func interceptIO(_ access: PortAccess) -> Bool {
    guard vmx.isNonRoot else { return false }
    if vmx.primary.contains(.useIOBitmaps) {
      guard ioBitmapsIntercept(access) else { return false }
    } else if !vmx.primary.contains(.unconditionalIOExiting) {
      return false
    }
    var qualification = UInt64(access.byteCount &- 1) | UInt64(access.port) << 16
    if access.isInput { qualification |= 1 << 3 }
    if access.isString { qualification |= 1 << 4 }
    if access.isRepeated { qualification |= 1 << 5 }
    if access.isImmediate { qualification |= 1 << 6 }
    recordExit(.ioInstruction, qualification: qualification)
    return true
  }

  private mutating func ioBitmapsIntercept(_ access: PortAccess) -> Bool {
    // An access that wraps round the I/O space always exits.
    guard UInt32(access.port) &+ UInt32(access.byteCount) <= 0x1_0000 else { return true }
    for byte in 0..<UInt16(access.byteCount) {
      let port = access.port &+ byte
      let map = port < 0x8000 ? vmx.vmcs.ioBitmapAAddress : vmx.vmcs.ioBitmapBAddress
      let bits = load(map &+ UInt64(port & 0x7fff) >> 3, byteCount: 1)
      if bits >> UInt64(port & 7) & 1 != 0 { return true }
    }
    return false
  }

  /// Whether INS or OUTS exits; adds the linear address and the instruction information.
  mutating func interceptStringIO(
    _ access: PortAccess, _ i: InstructionReference, linear: UInt64, segment: Int
  ) -> Bool {
    guard interceptIO(access) else { return false }
    vmx.exit.guestLinearAddress = linear
    vmx.exit.instructionInformation =
      addressSizeInformation(i) | UInt32(truncatingIfNeeded: segment) << 15
    return true
  }

  /// The exit qualification of an instruction with a memory operand: its displacement, or with
  /// RIP-relative addressing the address itself.
  ///
  /// Source: Intel SDM, "Basic VM-Exit Information".
  func displacementQualification(_ i: InstructionReference) -> UInt64 {
    let displacement = UInt64(bitPattern: Int64(i.pointer.pointee.displacement))
    return i.pointer.pointee.base == RegisterOffset.blockRIP
      ? blockRIP &+ displacement : displacement
  }

  /// Bits 9:7 of VM-exit instruction information: the address size.
  private func addressSizeInformation(_ i: InstructionReference) -> UInt32 {
    let mode = i.pointer.pointee.mode
    return mode.contains(.address16) ? 0 : mode.contains(.address32) ? 1 << 7 : 2 << 7
  }

  /// VM-exit instruction information for an instruction with a memory operand: scaling, address
  /// size, segment, index and base.
  ///
  /// Source: Intel SDM, "Information for VM Exits Due to Instruction Execution".
  func instructionInformation(_ i: InstructionReference) -> UInt32 {
    let v = i.pointer.pointee
    var information = addressSizeInformation(i) | UInt32(v.segment) << 15
    if v.index == RegisterOffset.zero {
      information |= 1 << 22
    } else {
      information |= UInt32(v.scale) | UInt32(v.index >> 3) << 18
    }
    if v.base == RegisterOffset.zero || v.base == RegisterOffset.blockRIP {
      information |= 1 << 27
    } else {
      information |= UInt32(v.base >> 3) << 23
    }
    return information
  }
}
