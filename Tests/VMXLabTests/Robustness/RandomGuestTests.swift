import Testing

@testable import VMXLab

/// Guests that run wild must stop the machine or go on, and never harm the emulator: this suite
/// runs in a build with all of Swift's checks on.
struct RandomGuestTests {
  /// A guest of random bytes, entered in one of the modes.
  private enum Mode: CaseIterable {
    case real, protected16, protected32, long
  }

  @Test(
    "Random bytes as code, in every mode, do not harm the emulator",
    arguments: 0..<UInt64(40))
  func randomCode(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    for mode in Mode.allCases {
      let machine = try Machine(
        try MachineConfiguration(
          memoryByteCount: 4 << 20, profile: .named(CPUProfile.defaultName)))
      var bytes = [UInt8](repeating: 0, count: 2 << 20)
      for index in stride(from: 0, to: bytes.count, by: 8) {
        let word = random.next()
        for byte in 0..<8 {
          bytes[index + byte] = UInt8(truncatingIfNeeded: word >> UInt64(byte * 8))
        }
      }
      // Segment limits let real-mode code run in the first 64 KiB, so that is random too.
      machine.writeMemory(Array(bytes[..<0x9_0000]), at: 0)
      machine.writeMemory(bytes, at: 0x10_0000)
      enter(mode, machine, &random)
      // Whatever it does, it ends: by itself or at the limit.
      for _ in 0..<8 {
        let stop = machine.run(instructions: 4_000, cycles: 4_000_000)
        switch stop {
        case .instructionLimit, .cycleLimit, .notBuilt:
          // Go on somewhere else, with other registers.
          let state = machine.processor.pointer
          state.pointee.clearPending()
          state.pointee.updateAttention()
          for register in 0..<16 { state.pointee.general[register] = random.next() & 0x1f_ffff }
          state.pointee.rip = random.next() & 0xffff
          state.pointee.linkSource = nil
        default: break
        }
      }
    }
  }

  private func enter(_ mode: Mode, _ machine: Machine, _ random: inout SplitMix) {
    let state = machine.processor.pointer
    for register in 0..<16 { state.pointee.general[register] = random.next() & 0x1f_ffff }
    state.pointee.setRFLAGS(random.next() & 0x3f_7fd5 & ~RFLAGS.vm.rawValue | 2)
    state.pointee.rip = random.next() & 0xffff
    state.pointee.idtr = DescriptorTableRegister(base: random.next() & 0x1f_ffff, limit: 0xffff)
    state.pointee.gdtr = DescriptorTableRegister(base: random.next() & 0x1f_ffff, limit: 0xffff)
    func segments(code: UInt32, data: UInt32, limit: UInt32) {
      for register in 0..<6 {
        state.pointee.segments[register] = Segment(
          selector: UInt16(register * 8), base: 0, limit: limit,
          access: SegmentAccessRights(rawValue: register == 1 ? code : data))
      }
    }
    switch mode {
    case .real: segments(code: 0x9b, data: 0x93, limit: 0xffff)
    case .protected16:
      state.pointee.cr0 = [.pe, .et]
      segments(code: 0x9b, data: 0x93, limit: 0xffff)
    case .protected32:
      state.pointee.cr0 = [.pe, .et]
      segments(code: 0xc09b, data: 0xc093, limit: .max)
    case .long:
      state.pointee.cr0 = [.pe, .pg, .et]
      state.pointee.cr4 = [.pae]
      state.pointee.efer = [.lme, .lma, .sce]
      segments(code: 0xa09b, data: 0xc093, limit: .max)
      // Identity-mapped by one 1-GiB page, above the random bytes.
      let tables: UInt64 = 0x30_0000
      machine.writeMemory([0x07, 0x10, 0x30, 0, 0, 0, 0, 0], at: tables)
      machine.writeMemory([0x87, 0, 0, 0, 0, 0, 0, 0], at: tables + 0x1000)
      state.pointee.cr3 = tables
    }
    // VMX instructions should get far, too.
    state.pointee.msrs.featureControl = 5
    if random.next() & 1 != 0 { state.pointee.cr4.insert(.vmxe) }
    state.pointee.startNewAddressSpace()
    state.pointee.updateMode()
    state.pointee.updateAttention()
  }
}
