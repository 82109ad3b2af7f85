/// Decodes blocks: from physical memory to instructions with handlers.
final class BlockBuilder {
  private let decoder: InstructionDecoder
  private let table: InstructionTable
  private let timing: TimingTable
  private let cache: BlockCache
  private let stopsAtNotBuilt: Bool
  @exclusivity(unchecked) private var memo = DecodeMemo()

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
  }

  /// Decodes the block at `linear`, which is at `physical`; nil if fetching faulted.
  ///
  /// - Parameter single: decode one instruction only.
  func build(
    _ processor: inout Processor, linear: UInt64, physical: UInt64, single: Bool
  ) -> UnsafeMutablePointer<Block>? {
    if cache.isFull { cache.removeAll() }
    let mode = processor.decodeMode
    let pageOffset = Int(physical & 0xfff)
    let inPage = 0x1000 - pageOffset
    let limit = single ? 1 : Block.maximumCount
    let block = cache.reserve()
    var draft = BlockDraft(instructions: block.instructions)
    var secondPage = Block.noPage
    let host = processor.ram.host(physical)
    let finder = memo.finder
    while draft.slots < limit, draft.byteCount < inPage {
      let offset = draft.byteCount
      let available = min(16, inPage &- offset)
      let bytes =
        if available == 16, let host {
          InstructionBytes(host + offset)
        } else {
          processor.instructionBytes(physical &+ UInt64(offset), count: available)
        }
      if let known = finder.find(
        bytes, available: available, mode: mode, pageOffset: pageOffset &+ offset)
      {
        draft.append(known)
      } else {
        var result = decode(bytes, available, processor.codeBytes)
        if case .failure(.truncated) = result, available < InstructionPrefixes.maximumLength {
          // The instruction crosses into the next page: a block of its own.
          guard draft.count == 0 else { break }
          guard let next = processor.fetchPage(linear &+ UInt64(available)) else { return nil }
          secondPage = next
          let rest = processor.instructionBytes(next, count: 16)
          result = decode(bytes.appending(rest, at: available), 16, processor.codeBytes)
        }
        let template = table.template(
          result, features: processor.model.features, timing: timing,
          stopsAtNotBuilt: stopsAtNotBuilt, mode: mode,
          pageOffset: pageOffset + offset)
        draft.append(template)
        if secondPage == Block.noPage, case .success(let decoded) = result {
          memo.learn(bytes, mode: mode, pageOffset: pageOffset + offset, decoded, template)
        }
      }
      if draft.isEnded || secondPage != Block.noPage { break }
    }
    guard draft.count > 0 else { return nil }
    let slots = draft.end(
      isLinked: draft.byteCount < inPage && mode & DecodeMode.flatCode != 0)
    cache.insert(
      block, count: slots, physical: physical, secondPage: secondPage,
      cycles: UInt64(draft.cycles), byteCount: draft.byteCount,
      mode: mode | (single ? DecodeMode.single : 0))
    return block
  }

  /// Decodes the instruction that the first `count` bytes start with.
  private func decode(
    _ bytes: InstructionBytes, _ count: Int, _ codeBytes: Int
  ) -> Result<DecodedInstruction, InstructionDecoder.Failure> {
    bytes.withBytes(min(count, InstructionPrefixes.maximumLength)) {
      decoder.decode($0, codeBytes: codeBytes)
    }
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
  /// Near branches heed shadow stacks and the tracking of indirect branches.
  static let controlFlow: UInt8 = 1 << 5
  /// Intel MPX is enabled at this CPL.
  static let bounds: UInt8 = 1 << 6
  /// Bus locks are detected.
  static let busLocks: UInt8 = 1 << 7
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

  /// Physical page to fetch instructions from; nil if that faults (the fault is recorded).
  mutating func fetchPage(_ linear: UInt64) -> UInt64? {
    if mode == .long, !isCanonical(linear) {
      raise(.generalProtection, errorCode: 0)
      return nil
    }
    return translate(wrapLinear(linear), .fetch, tag: fetchTag)?.pointee.physicalPage
  }
}
