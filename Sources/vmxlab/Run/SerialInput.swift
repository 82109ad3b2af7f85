import Glibc
import SystemPackage

/// Standard input on its way to the guest's serial port.
///
/// Nothing is read before the port has room for it, so that whoever writes to a pipe waits, and the
/// guest loses nothing.
struct SerialInput {
  /// What the user asked for by keys.
  enum Request {
    case end
    case help
    case hintAtKeys
  }

  /// Whether more can come.
  private(set) var isOpen = true
  private let descriptor = FileDescriptor.standardInput
  private var keys: EscapeKeys?
  private var buffer = [UInt8](repeating: 0, count: 256)

  /// - Parameter isTerminal: whether some keys are for the emulator.
  init(isTerminal: Bool) {
    keys = isTerminal ? EscapeKeys() : nil
  }

  /// Reads what is there without waiting, `capacity` bytes at most.
  ///
  /// - Returns: the bytes for the guest, and what the user asked for, if anything.
  mutating func read(capacity: Int) -> (bytes: [UInt8], request: Request?) {
    guard isOpen, capacity > 0, isReadable else { return ([], nil) }
    let wanted = min(capacity, buffer.count)
    let descriptor = descriptor
    let count: Int
    do {
      count = try buffer.withUnsafeMutableBytes {
        try descriptor.read(
          into: UnsafeMutableRawBufferPointer(rebasing: $0[..<wanted]), retryOnInterrupt: false)
      }
    } catch Errno.interrupted, Errno.resourceTemporarilyUnavailable {
      return ([], nil)
    } catch {
      // A closed or unreadable standard input is one with nothing in it.
      count = 0
    }
    if count == 0 { isOpen = false }
    return sort(buffer[..<count])
  }

  /// Waits until there is something to read or a signal asks the program to end.
  func wait() { HostSignals.waitForStandardInput() }

  private var isReadable: Bool {
    var request = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    return poll(&request, 1, 0) > 0
  }

  /// Takes out the keys that are for the emulator.
  private mutating func sort(_ input: ArraySlice<UInt8>) -> (bytes: [UInt8], request: Request?) {
    guard keys != nil else { return (Array(input), nil) }
    var bytes: [UInt8] = []
    var request: Request?
    for byte in input {
      switch keys?.action(for: byte) {
      case .send(let byte): bytes.append(byte)
      case .sendInterrupt:
        bytes.append(byte)
        request = request ?? .hintAtKeys
      case .help: request = .help
      case .end: return (bytes, .end)
      case .wait, nil: break
      }
    }
    return (bytes, request)
  }
}
