/// The widest access that a device takes in one piece; wider ones reach it as several.
public enum PortWidth: Int, Sendable, Comparable {
  /// 1 byte.
  case byte = 1
  /// 2 bytes.
  case word = 2
  /// 4 bytes.
  case doubleword = 4

  /// Narrower comes first.
  public static func < (lhs: PortWidth, rhs: PortWidth) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// A device in the I/O address space.
///
/// Source: Intel SDM, "Input/Output".
public protocol PortDevice: AnyObject {
  /// The widest access that the device takes in one piece: a byte unless it says otherwise.
  var portWidth: PortWidth { get }

  /// Reads `size` bytes (1, 2 or 4, never more than ``portWidth``) at `port`, one of the device's
  /// own. Bits of the answer above `size` bytes are ignored.
  func readPort(_ port: UInt16, size: Int) -> UInt32

  /// Writes the low `size` bytes (1, 2 or 4, never more than ``portWidth``) of `value`, whose other
  /// bits are 0, to `port`, one of the device's own.
  func writePort(_ port: UInt16, size: Int, value: UInt32)
}

extension PortDevice {
  public var portWidth: PortWidth { .byte }
}

/// The I/O address space: which device answers at each of the 65536 ports.
///
/// An access that is wider than its device, or that reaches past the device's ports, is split in
/// halves, lowest port first, as the bus of a PC splits it. Where no device answers, reads give
/// ones and writes are dropped; so do the bytes of an access that runs past port 0xffff.
public final class PortSpace {
  /// For each port an index into `devices` plus one, or 0 where there is none.
  private var owners = [UInt16](repeating: 0, count: 1 << 16)
  private var devices: [any PortDevice] = []

  /// A space without devices.
  public init() {}

  /// Gives `ports` to `device`, and takes them from whichever device had them before.
  public func claim(_ ports: ClosedRange<UInt16>, for device: any PortDevice) {
    let known = devices.firstIndex { $0 === device }
    if known == nil { devices.append(device) }
    let owner = UInt16(truncatingIfNeeded: (known ?? devices.count - 1) + 1)
    for port in ports { owners[Int(port)] = owner }
  }

  /// Reads `size` bytes (1, 2 or 4) at `port`; bits above them are 0.
  public func read(_ port: UInt16, size: Int) -> UInt32 {
    let mask = Self.mask(size)
    if let device = device(at: UInt32(port), size: size) {
      return device.readPort(port, size: size) & mask
    }
    guard size > 1 else { return mask }
    let half = size >> 1
    let low = read(port, size: half)
    let (next, wrapped) = port.addingReportingOverflow(UInt16(half))
    let high = wrapped ? Self.mask(half) : read(next, size: half)
    return low | high << UInt32(half * 8)
  }

  /// Writes the low `size` bytes (1, 2 or 4) of `value` to `port`.
  public func write(_ port: UInt16, size: Int, value: UInt32) {
    if let device = device(at: UInt32(port), size: size) {
      return device.writePort(port, size: size, value: value & Self.mask(size))
    }
    guard size > 1 else { return }
    let half = size >> 1
    write(port, size: half, value: value)
    let (next, wrapped) = port.addingReportingOverflow(UInt16(half))
    if !wrapped { write(next, size: half, value: value >> UInt32(half * 8)) }
  }

  /// The device that takes the whole access in one piece, if there is one.
  private func device(at port: UInt32, size: Int) -> (any PortDevice)? {
    let owner = owners[Int(port)]
    guard owner != 0 else { return nil }
    let device = devices[Int(owner) - 1]
    guard size > 1 else { return device }
    guard size <= device.portWidth.rawValue, Int(port) + size <= owners.count else { return nil }
    for other in 1..<size where owners[Int(port) + other] != owner { return nil }
    return device
  }

  private static func mask(_ size: Int) -> UInt32 {
    size >= 4 ? .max : (1 << UInt32(size * 8)) - 1
  }
}
