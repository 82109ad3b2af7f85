/// The environment of the x87 in memory, as FNSTENV, FNSAVE, FLDENV and FRSTOR have it.
///
/// Source: Intel SDM, "Saving the x87 FPU's State with FSTENV/FNSTENV and FSAVE/FNSAVE".
struct X87EnvironmentFormat {
  /// Fields of 32 bits rather than of 16.
  var is32Bit: Bool
  /// Real-address and virtual-8086 mode: linear addresses in place of selectors.
  var isReal: Bool

  /// Bytes of the environment.
  var byteCount: Int { is32Bit ? 28 : 14 }
  private var fieldSize: Int { is32Bit ? 4 : 2 }

  /// Writes the environment to `image`.
  func write(
    _ x87: X87State, selectors: (code: UInt16, data: UInt16),
    to image: UnsafeMutableRawBufferPointer
  ) {
    put(UInt32(x87.control) | 0xffff_0000, 0, image)
    put(UInt32(x87.status) | 0xffff_0000, 1, image)
    put(UInt32(x87.tagWord) | 0xffff_0000, 2, image)
    let code = UInt32(truncatingIfNeeded: x87.instructionPointer)
    let data = UInt32(truncatingIfNeeded: x87.dataPointer)
    let opcode = UInt32(x87.lastOpcode)
    guard isReal else {
      put(code, 3, image)
      put(UInt32(selectors.code) | opcode << 16, 4, image)
      put(data, 5, image)
      return put(UInt32(selectors.data) | 0xffff_0000, 6, image)
    }
    let linearCode = UInt32(x87.instructionSelector) << 4 &+ code
    let linearData = UInt32(x87.dataSelector) << 4 &+ data
    let high: UInt32 = is32Bit ? 0x0fff_f000 : 0xf000
    put(linearCode & 0xffff, 3, image)
    put(linearCode >> 4 & high | opcode, 4, image)
    put(linearData & 0xffff, 5, image)
    put(linearData >> 4 & high, 6, image)
  }

  /// Loads the environment from `image`.
  func read(_ x87: inout X87State, from image: UnsafeMutableRawBufferPointer) {
    x87.control = UInt16(truncatingIfNeeded: get(0, image)) & X87State.controlMask | 0x40
    x87.status = UInt16(truncatingIfNeeded: get(1, image))
    x87.setTagWord(UInt16(truncatingIfNeeded: get(2, image)))
    let code = UInt64(get(3, image))
    let codeHigh = get(4, image)
    let data = UInt64(get(5, image))
    let dataHigh = get(6, image)
    if isReal {
      let high: UInt64 = is32Bit ? 0xffff_0000 : 0xf_0000
      x87.instructionPointer = code & 0xffff | UInt64(codeHigh) << 4 & high
      x87.instructionSelector = 0
      x87.lastOpcode = UInt16(truncatingIfNeeded: codeHigh) & 0x7ff
      x87.dataPointer = data & 0xffff | UInt64(dataHigh) << 4 & high
      x87.dataSelector = 0
    } else {
      x87.instructionPointer = code
      x87.instructionSelector = UInt16(truncatingIfNeeded: codeHigh)
      if is32Bit { x87.lastOpcode = UInt16(truncatingIfNeeded: codeHigh >> 16) & 0x7ff }
      x87.dataPointer = data
      x87.dataSelector = UInt16(truncatingIfNeeded: dataHigh)
    }
  }

  /// Writes the data registers, ST(0) first, behind the environment.
  func writeRegisters(_ x87: X87State, to image: UnsafeMutableRawBufferPointer) {
    for i in 0..<8 {
      let register = x87[st: UInt8(i)]
      let offset = byteCount + i * 10
      image.storeBytes(of: register.significand, toByteOffset: offset, as: UInt64.self)
      image.storeBytes(of: register.signExponent, toByteOffset: offset + 8, as: UInt16.self)
    }
  }

  /// Loads the data registers; tags stay as the environment has them.
  func readRegisters(_ x87: inout X87State, from image: UnsafeMutableRawBufferPointer) {
    for i in 0..<8 {
      let offset = byteCount + i * 10
      x87.registers[Int(x87.number(UInt8(i)))] = DoubleExtended(
        significand: image.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
        signExponent: image.loadUnaligned(fromByteOffset: offset + 8, as: UInt16.self))
    }
  }

  private func put(_ value: UInt32, _ field: Int, _ image: UnsafeMutableRawBufferPointer) {
    if is32Bit {
      image.storeBytes(of: value, toByteOffset: field * 4, as: UInt32.self)
    } else {
      image.storeBytes(
        of: UInt16(truncatingIfNeeded: value), toByteOffset: field * 2, as: UInt16.self)
    }
  }

  private func get(_ field: Int, _ image: UnsafeMutableRawBufferPointer) -> UInt32 {
    is32Bit
      ? image.loadUnaligned(fromByteOffset: field * 4, as: UInt32.self)
      : UInt32(image.loadUnaligned(fromByteOffset: field * 2, as: UInt16.self))
  }
}

/// Room for the largest image: 108 bytes.
typealias X87Image = InlineArray<14, UInt64>

extension Core {
  /// FNSTENV, and FNSAVE with `registers`; false if storing faults.
  func storeEnvironment(_ i: InstructionReference, registers: Bool) -> Bool {
    let format = environmentFormat(i)
    var image = X87Image(repeating: 0)
    let isStored = withUnsafeMutableBytes(of: &image) { bytes in
      format.write(
        state.pointee.x87, selectors: state.pointee.savedX87Selectors, to: bytes)
      if registers { format.writeRegisters(state.pointee.x87, to: bytes) }
      guard let base = bytes.baseAddress else { return false }
      return storeX87(
        i, byteCount: UInt64(format.byteCount + (registers ? 80 : 0)),
        alignmentMask: format.is32Bit ? 3 : 1, from: base)
    }
    guard isStored else { return false }
    if registers {
      state.pointee.x87.initialize()
    } else {
      state.pointee.x87.control |= X87Status.exceptions
    }
    state.pointee.updateNumericError()
    return true
  }

  /// FLDENV, and FRSTOR with `registers`; false if loading faults.
  func loadEnvironment(_ i: InstructionReference, registers: Bool) -> Bool {
    let format = environmentFormat(i)
    var image = X87Image(repeating: 0)
    let isLoaded = withUnsafeMutableBytes(of: &image) { bytes in
      guard let base = bytes.baseAddress,
        loadX87(
          i, byteCount: UInt64(format.byteCount + (registers ? 80 : 0)),
          alignmentMask: format.is32Bit ? 3 : 1, into: base)
      else { return false }
      format.read(&state.pointee.x87, from: bytes)
      if registers { format.readRegisters(&state.pointee.x87, from: bytes) }
      return true
    }
    if isLoaded { state.pointee.updateNumericError() }
    return isLoaded
  }

  private func environmentFormat(_ i: InstructionReference) -> X87EnvironmentFormat {
    X87EnvironmentFormat(
      is32Bit: !i.pointer.pointee.mode.contains(.operand16),
      isReal: state.pointee.mode == .real || state.pointee.mode == .virtual8086)
  }
}
