import Testing

@testable import VMXLab

/// Guests that fault for ever, and retire nothing.
struct EndlessFaultTests {
  @Test("Time goes on while a handler cannot be fetched", arguments: [false, true])
  func unfetchableHandler(isFunctional: Bool) throws {
    let profile = try CPUProfile.named(CPUProfile.defaultName)
    let machine = try Machine(
      MachineConfiguration(
        memoryByteCount: 4 << 20, profile: profile,
        timing: isFunctional ? .functional : nil))
    // #GP leads to the last byte of the segment, where an instruction of two bytes begins.
    machine.writeMemory([0xff, 0xff, 0, 0], at: 13 * 4)
    machine.writeMemory([0x66, 0x90], at: 0xffff)
    let state = machine.processor.pointer
    state.pointee.segments[1].base = 0
    state.pointee.segments[1].selector = 0
    state.pointee.segments[2].base = 0x2_0000
    state.pointee.idtr = DescriptorTableRegister(base: 0, limit: 0x3ff)
    state.pointee.rip = 0xffff
    state.pointee.updateMode()
    #expect(machine.run(instructions: 10, cycles: 50_000) == .cycleLimit)
    #expect(state.pointee.cycles >= 50_000)
    #expect(state.pointee.instructions == 0)
  }
}
