@testable import VMXLab

/// An `InstructionRunner` with Intel MPX enabled at CPL 0.
final class BoundsRunner {
  let base: InstructionRunner
  var state: UnsafeMutablePointer<Processor> { base.state }

  static let data = InstructionRunner.dataAddress
  static let directory: UInt64 = 0x800_0000

  /// - Parameter configuration: IA32_BNDCFGS.
  init(configuration: UInt64 = 1 | directory) throws {
    base = try InstructionRunner()
    state.pointee.cr4.insert(.osxsave)
    state.pointee.vector.xcr0 = 0x1f
    configure(configuration)
  }

  func configure(_ value: UInt64) {
    state.pointee.bounds.supervisorConfiguration = value
    state.pointee.updateMode()
  }

  /// The access rights of CS outside 64-bit mode; the handlers of exceptions are 64-bit code.
  private var legacyCode: SegmentAccessRights?

  /// Goes on in 32-bit or 16-bit code of compatibility mode.
  func leave64BitMode(big isBig: Bool = true) {
    legacyCode = SegmentAccessRights(rawValue: isBig ? 0xc09b : 0x809b)
    enterLegacyCode()
  }

  private func enterLegacyCode() {
    guard let legacyCode else { return }
    state.pointee.segments[1].access = legacyCode
    state.pointee.updateMode()
  }

  func setBounds(_ number: Int, _ lower: UInt64, _ upper: UInt64) {
    state.pointee.bounds.registers[number * 2] = lower
    state.pointee.bounds.registers[number * 2 + 1] = upper
  }

  /// Lower and upper bound as they are held.
  func bounds(_ number: Int) -> [UInt64] {
    [
      state.pointee.bounds.registers[number * 2], state.pointee.bounds.registers[number * 2 + 1],
    ]
  }

  @discardableResult
  func run(_ code: [UInt8], _ registers: [Int: UInt64] = [:]) -> InstructionRunner.Outcome {
    enterLegacyCode()
    return base.run(code, registers)
  }

  func word(_ address: UInt64, byteCount: Int = 8) -> UInt64 {
    base.read(byteCount, at: address).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  func setWord(_ address: UInt64, _ value: UInt64, byteCount: Int = 8) {
    base.write(
      (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }, at: address)
  }

  /// The page of 2 MiB that `address` is on is not present any more.
  func unmap(_ address: UInt64) {
    setWord(0x10_2000 + (address >> 21) * 8, 0)
    state.pointee.startNewAddressSpace()
  }
}
