// State components as they lie in an FXSAVE or XSAVE area.
extension Processor {
  // MARK: x87

  /// FCW to FDP and the data registers.
  ///
  /// - Parameter wide: 64-bit instruction and data pointers, without selectors (REX.W).
  mutating func storeX87(_ area: ExtendedStateArea, wide isWide: Bool) {
    area.store(
      0,
      UInt64(x87.control) | UInt64(x87.status) << 16 | UInt64(x87.used) << 32
        | UInt64(x87.lastOpcode & 0x7ff) << 48, &self)
    area.store(8, pointer(x87.instructionPointer, savedX87Selectors.code, wide: isWide), &self)
    area.store(16, pointer(x87.dataPointer, savedX87Selectors.data, wide: isWide), &self)
    for number in 0..<8 {
      let register = x87.registers[(Int(x87.top) &+ number) & 7]
      let offset = ExtendedStateArea.Offset.x87Registers &+ UInt64(number &* 16)
      area.store(offset, register.significand, &self)
      area.store(offset &+ 8, UInt64(register.signExponent), &self)
    }
  }

  private func pointer(_ offset: UInt64, _ selector: UInt16, wide isWide: Bool) -> UInt64 {
    isWide ? offset : offset & 0xffff_ffff | UInt64(selector) << 32
  }

  mutating func loadX87(_ area: ExtendedStateArea, wide isWide: Bool) {
    let words = area.load(0, &self)
    // Bit 6 of the control word always reads as 1.
    x87.control = UInt16(truncatingIfNeeded: words) & X87State.controlMask | 0x40
    x87.status = UInt16(truncatingIfNeeded: words >> 16)
    x87.used = UInt8(truncatingIfNeeded: words >> 32)
    x87.lastOpcode = UInt16(truncatingIfNeeded: words >> 48) & 0x7ff
    let instruction = area.load(8, &self)
    let data = area.load(16, &self)
    let mask: UInt64 = isWide ? ~0 : 0xffff_ffff
    x87.instructionPointer = instruction & mask
    x87.dataPointer = data & mask
    x87.instructionSelector = isWide ? 0 : UInt16(truncatingIfNeeded: instruction >> 32)
    x87.dataSelector = isWide ? 0 : UInt16(truncatingIfNeeded: data >> 32)
    for number in 0..<8 {
      let offset = ExtendedStateArea.Offset.x87Registers &+ UInt64(number &* 16)
      let significand = area.load(offset, &self)
      let signExponent = UInt16(truncatingIfNeeded: area.load(offset &+ 8, &self))
      x87.registers[(Int(x87.top) &+ number) & 7] = DoubleExtended(
        significand: significand, signExponent: signExponent)
    }
    updateNumericError()
  }

  mutating func initializeX87() {
    x87.initialize()
    for number in 0..<8 { x87.registers[number] = .zero }
    updateNumericError()
  }

  private var hasInitialX87: Bool {
    guard x87.control == 0x37f, x87.status == 0, x87.used == 0, x87.lastOpcode == 0,
      x87.instructionPointer == 0, x87.dataPointer == 0, x87.instructionSelector == 0,
      x87.dataSelector == 0
    else { return false }
    for number in 0..<8 where x87.registers[number] != .zero { return false }
    return true
  }

  // MARK: SSE and AVX

  /// Registers that the mode has: outside 64-bit mode the others are neither stored nor loaded.
  private var vectorRegisterCount: Int { mode == .long ? 16 : 8 }

  /// MXCSR and MXCSR_MASK.
  mutating func storeMXCSR(_ area: ExtendedStateArea) {
    area.store(
      ExtendedStateArea.Offset.mxcsr,
      UInt64(vector.mxcsr) | UInt64(VectorState.mxcsrMask) << 32, &self)
  }

  /// The MXCSR of the area; nil if it has reserved bits set.
  mutating func checkedMXCSR(_ area: ExtendedStateArea) -> UInt32? {
    let value = UInt32(truncatingIfNeeded: area.load(ExtendedStateArea.Offset.mxcsr, &self))
    return value & ~VectorState.mxcsrMask == 0 ? value : nil
  }

  mutating func storeXMM(_ area: ExtendedStateArea) {
    storeHalves(area, at: ExtendedStateArea.Offset.xmm, firstWord: 0)
  }

  mutating func loadXMM(_ area: ExtendedStateArea) {
    loadHalves(area, at: ExtendedStateArea.Offset.xmm, firstWord: 0)
  }

  /// The upper halves of the YMM registers.
  mutating func storeAVX(_ area: ExtendedStateArea, at offset: UInt64) {
    storeHalves(area, at: offset, firstWord: 2)
  }

  mutating func loadAVX(_ area: ExtendedStateArea, at offset: UInt64) {
    loadHalves(area, at: offset, firstWord: 2)
  }

  /// Clears XMM registers (first word 0) or upper halves (first word 2).
  mutating func initializeHalves(firstWord: Int) {
    for number in 0..<vectorRegisterCount {
      vector.registers[number &* 4 &+ firstWord] = 0
      vector.registers[number &* 4 &+ firstWord &+ 1] = 0
    }
  }

  private mutating func storeHalves(
    _ area: ExtendedStateArea, at offset: UInt64, firstWord: Int
  ) {
    for number in 0..<vectorRegisterCount {
      let place = offset &+ UInt64(number &* 16)
      area.store(place, vector.registers[number &* 4 &+ firstWord], &self)
      area.store(place &+ 8, vector.registers[number &* 4 &+ firstWord &+ 1], &self)
    }
  }

  private mutating func loadHalves(
    _ area: ExtendedStateArea, at offset: UInt64, firstWord: Int
  ) {
    for number in 0..<vectorRegisterCount {
      let place = offset &+ UInt64(number &* 16)
      vector.registers[number &* 4 &+ firstWord] = area.load(place, &self)
      vector.registers[number &* 4 &+ firstWord &+ 1] = area.load(place &+ 8, &self)
    }
  }

  /// XINUSE: components that are not in their initial configuration. MXCSR does not count.
  var componentsInUse: UInt64 {
    mutating get {
      var low: UInt64 = 0
      var high: UInt64 = 0
      for number in 0..<16 {
        low |= vector.registers[number &* 4] | vector.registers[number &* 4 &+ 1]
        high |= vector.registers[number &* 4 &+ 2] | vector.registers[number &* 4 &+ 3]
      }
      return (hasInitialX87 ? 0 : XStateComponents.x87.rawValue)
        | (low == 0 ? 0 : XStateComponents.sse.rawValue)
        | (high == 0 ? 0 : XStateComponents.avx.rawValue)
        | boundsInUse | controlFlowComponentsInUse
        | (protectionKeys.user == 0 ? 0 : XStateComponents.pkru.rawValue)
    }
  }
}
