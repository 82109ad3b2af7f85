extension Machine {
  /// Loads a Multiboot 1 image with its modules, and sets the processor up to run it.
  ///
  /// - Throws: ``BootError``, which says what is wrong with the image and where.
  public func boot(_ image: BootImage) throws(BootError) {
    var target = MachineBootMemory(memory: memory)
    let state = try MultibootLoader.load(image, into: &target)
    forgetDecodedCode()
    switch state.entry {
    case .multiboot1(let entry, let information):
      processor.pointer.pointee.enterMultiboot(entry: entry, information: information)
    }
  }
}

/// A machine's RAM as image loaders see it.
private struct MachineBootMemory: BootMemory {
  let memory: PhysicalMemory
  var ramRanges: [Range<UInt64>] { memory.ramRanges }

  mutating func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) {
    memory.write(bytes, at: address)
  }

  mutating func zero(_ range: Range<UInt64>) { memory.zero(range) }
}

extension Processor {
  /// The machine state that the Multiboot specification gives an image.
  ///
  /// Source: Multiboot Specification, "Machine state".
  fileprivate mutating func enterMultiboot(entry: UInt32, information: UInt32) {
    reset()
    setA20(true)
    let code = Segment(
      selector: 0x08, base: 0, limit: 0xffff_ffff, access: SegmentAccessRights(rawValue: 0xc09b))
    let data = Segment(
      selector: 0x10, base: 0, limit: 0xffff_ffff, access: SegmentAccessRights(rawValue: 0xc093))
    for register in 0..<6 { segments[register] = register == 1 ? code : data }
    cr0 = CR0(rawValue: CR0.pe.rawValue | CR0.et.rawValue)
    cpl = 0
    general[0] = UInt64(BootEntry.multiboot1Magic)
    general[3] = UInt64(information)
    rip = UInt64(entry)
    updateMode()
  }
}
