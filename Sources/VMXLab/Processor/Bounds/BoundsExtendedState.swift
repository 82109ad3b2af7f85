// Intel MPX in an XSAVE area.
//
// Source: Intel SDM, "MPX State".
extension Processor {
  mutating func storeBoundRegisters(_ area: ExtendedStateArea, at offset: UInt64) {
    for word in 0..<8 { area.store(offset &+ UInt64(word &* 8), bounds.registers[word], &self) }
  }

  mutating func loadBoundRegisters(_ area: ExtendedStateArea, at offset: UInt64) {
    for word in 0..<8 { bounds.registers[word] = area.load(offset &+ UInt64(word &* 8), &self) }
  }

  mutating func storeBoundControl(_ area: ExtendedStateArea, at offset: UInt64) {
    area.store(offset, bounds.userConfiguration, &self)
    area.store(offset &+ 8, bounds.status, &self)
  }

  /// Loads BNDCFGU and BNDSTATUS. Reserved bits of BNDCFGU are made 0 and its address canonical.
  mutating func loadBoundControl(_ area: ExtendedStateArea, at offset: UInt64) {
    let value = area.load(offset, &self) & ~BoundsConfiguration.reserved
    let shift: Int64 = cr4.contains(.la57) ? 7 : 16
    let directory = UInt64(bitPattern: Int64(bitPattern: value << UInt64(shift)) >> shift)
    setBoundControl(configuration: directory, status: area.load(offset &+ 8, &self))
  }

  mutating func setBoundControl(configuration: UInt64, status: UInt64) {
    bounds.userConfiguration = configuration
    bounds.status = status
    updateMode()
  }

  /// Of XINUSE.
  var boundsInUse: UInt64 {
    mutating get {
      var registers: UInt64 = 0
      for word in 0..<8 { registers |= bounds.registers[word] }
      let control = bounds.userConfiguration | bounds.status
      return (registers == 0 ? 0 : XStateComponents.boundRegisters.rawValue)
        | (control == 0 ? 0 : XStateComponents.boundControl.rawValue)
    }
  }
}
