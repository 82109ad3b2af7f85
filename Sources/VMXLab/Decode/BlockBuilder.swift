/// Decodes blocks: from physical memory to instructions with handlers.
final class BlockBuilder {
  /// Why there is no block at an address.
  enum Refusal {
    /// Fetching the bytes faulted; the fault is recorded.
    case fetchFault
  }

  private let decoder: InstructionDecoder
  private let table: InstructionTable
  private let timing: TimingTable
  private let cache: BlockCache
  private let stopsAtNotBuilt: Bool
  private var scratch: [Instruction] = []

  /// - Parameter stopsAtNotBuilt: stop the machine at instructions that are not built.
  init(
    decoder: InstructionDecoder, table: InstructionTable, timing: TimingTable, cache: BlockCache,
    stopsAtNotBuilt: Bool
  ) {
    self.stopsAtNotBuilt = stopsAtNotBuilt
    self.decoder = decoder
    self.table = table
    self.timing = timing
    self.cache = cache
    scratch.reserveCapacity(Block.maximumCount + 1)
  }

  /// Decodes the block at `linear`, which is at `physical`; nil if fetching faulted.
  ///
  /// - Parameter single: decode one instruction only.
  func build(
    _ processor: inout Processor, linear: UInt64, physical: UInt64, single: Bool
  ) -> UnsafeMutablePointer<Block>? {
    if cache.isFull {
      cache.removeAll()
    }
    scratch.removeAll(keepingCapacity: true)
    var offset = 0
    var cycles = 0
    var secondPage = Block.noPage
    var fusable: FusableOperation?
    let limit = single ? 1 : Block.maximumCount
    let pageOffset = Int(physical & 0xfff)
    let inPage = 0x1000 - pageOffset
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { buffer in
      while scratch.count < limit, offset < inPage {
        let available = min(InstructionPrefixes.maximumLength, inPage - offset)
        processor.fetch(physical + UInt64(offset), into: buffer, count: available)
        var bytes = UnsafeBufferPointer(rebasing: buffer[..<available])
        var result = decoder.decode(bytes, codeBytes: processor.codeBytes)
        if case .failure(.truncated) = result, available < InstructionPrefixes.maximumLength {
          // The instruction crosses into the next page: a block of its own.
          guard scratch.isEmpty else { break }
          guard let next = processor.fetchPage(linear &+ UInt64(available)) else { return }
          secondPage = next
          let rest = UnsafeMutableBufferPointer(rebasing: buffer[available...])
          processor.fetch(next, into: rest, count: InstructionPrefixes.maximumLength - available)
          bytes = UnsafeBufferPointer(rebasing: buffer[..<InstructionPrefixes.maximumLength])
          result = decoder.decode(bytes, codeBytes: processor.codeBytes)
        }
        let position = scratch.count
        let line = table.instruction(
          result, features: processor.model.features, stopsAtNotBuilt: stopsAtNotBuilt,
          mode: processor.decodeMode,
          ripOffset: offset, position: position, cyclesBefore: cycles,
          pageOffset: pageOffset + offset)
        if let condition = line.condition, let fused = fusable?.handler(condition) {
          scratch[position - 1].handler = fused
        }
        fusable = line.fusable
        scratch.append(line.instruction)
        offset += line.length
        cycles += line.cycles(timing)
        if line.effect == .end || secondPage != Block.noPage || cycles > Block.maximumCycles / 2 {
          break
        }
      }
    }
    guard !scratch.isEmpty else { return nil }
    scratch.append(
      InstructionTable.marker(
        ripOffset: offset, position: scratch.count, cyclesBefore: cycles,
        isLinked: offset < inPage && processor.decodeMode & DecodeMode.flatCode != 0))
    return cache.insert(
      scratch, physical: physical, secondPage: secondPage, cycles: UInt64(cycles),
      byteCount: offset,
      mode: processor.decodeMode | (single ? DecodeMode.single : 0))
  }
}

/// Bits of `Processor.decodeMode`, half of a block's key.
enum DecodeMode {
  /// 16-, 32- or 64-bit code: 0, 1, 2.
  static let codeSizeMask: UInt8 = 3
  static let code16: UInt8 = 0
  static let code32: UInt8 = 1
  static let code64: UInt8 = 2
  /// The code segment starts at 0 and ends at 4 GiB (or the mode has no limits).
  static let flatCode: UInt8 = 1 << 2
  /// ES, SS and DS start at 0 and end at 4 GiB. Not set in 64-bit mode, where they always do.
  static let flatData: UInt8 = 1 << 3
  /// Blocks of one instruction, for single steps.
  static let single: UInt8 = 1 << 4
}

extension Processor {
  /// 2, 4 or 8 for 16-, 32- and 64-bit code.
  var codeBytes: Int {
    switch decodeMode & DecodeMode.codeSizeMask {
    case DecodeMode.code16: 2
    case DecodeMode.code32: 4
    default: 8
    }
  }

  /// Copies instruction bytes from one physical page.
  mutating func fetch(
    _ physical: UInt64, into buffer: UnsafeMutableBufferPointer<UInt8>, count: Int
  ) {
    for index in 0..<min(count, buffer.count) {
      buffer[index] = UInt8(truncatingIfNeeded: load(physical &+ UInt64(index), byteCount: 1))
    }
  }

  /// Physical page to fetch instructions from; nil if that faults (the fault is recorded).
  mutating func fetchPage(_ linear: UInt64) -> UInt64? {
    if mode == .long, !isCanonical(linear) {
      raise(.generalProtection, errorCode: 0)
      return nil
    }
    return translate(wrapLinear(linear), .fetch, tag: fetchTag)?.pointee.physicalPage
  }
}
