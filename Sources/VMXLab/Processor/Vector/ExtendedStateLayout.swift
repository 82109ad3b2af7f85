/// Where the components of the extended region are in an XSAVE area.
///
/// Source: Intel SDM, "Extended Region of an XSAVE Area".
struct ExtendedStateLayout: Equatable {
  /// The upper halves of the YMM registers.
  var avx: UInt64
  var boundRegisters: UInt64
  var boundControl: UInt64
  var pkru: UInt64
  /// Supervisor components are in the compacted format alone.
  var cetUser: UInt64 = 0
  var cetSupervisor: UInt64 = 0

  /// Sizes of the components in bytes.
  enum ByteCount {
    static let avx: UInt64 = 256
    static let boundRegisters: UInt64 = 64
    static let boundControl: UInt64 = 64
    static let pkru: UInt64 = 8
    static let cetUser: UInt64 = 16
    static let cetSupervisor: UInt64 = 24
  }

  /// The standard format, whose places CPUID tells.
  static let standard = ExtendedStateLayout(
    avx: ExtendedStateArea.Offset.extended, boundRegisters: 0x3c0, boundControl: 0x400, pkru: 0xa80)

  private init(avx: UInt64, boundRegisters: UInt64, boundControl: UInt64, pkru: UInt64) {
    self.avx = avx
    self.boundRegisters = boundRegisters
    self.boundControl = boundControl
    self.pkru = pkru
  }

  /// The compacted format of an area with `components`: one behind the other, in the order of their
  /// numbers.
  init(compacted components: XStateComponents) {
    var end = ExtendedStateArea.Offset.extended
    func place(_ component: XStateComponents, _ byteCount: UInt64) -> UInt64 {
      defer { if components.contains(component) { end &+= byteCount } }
      return end
    }
    avx = place(.avx, ByteCount.avx)
    boundRegisters = place(.boundRegisters, ByteCount.boundRegisters)
    boundControl = place(.boundControl, ByteCount.boundControl)
    pkru = place(.pkru, ByteCount.pkru)
    cetUser = place(.cetUser, ByteCount.cetUser)
    cetSupervisor = place(.cetSupervisor, ByteCount.cetSupervisor)
  }

  /// Bytes up to the end of the last of `components`.
  func byteCount(_ components: XStateComponents) -> UInt64 {
    if components.contains(.cetSupervisor) { return cetSupervisor &+ ByteCount.cetSupervisor }
    if components.contains(.cetUser) { return cetUser &+ ByteCount.cetUser }
    if components.contains(.pkru) { return pkru &+ ByteCount.pkru }
    if components.contains(.boundControl) { return boundControl &+ ByteCount.boundControl }
    if components.contains(.boundRegisters) { return boundRegisters &+ ByteCount.boundRegisters }
    if components.contains(.avx) { return avx &+ ByteCount.avx }
    return ExtendedStateArea.Offset.extended
  }
}
