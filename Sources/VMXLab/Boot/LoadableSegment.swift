/// A part of an image with its place in memory.
struct LoadableSegment: Equatable, Sendable {
  /// What the part is called in messages.
  var name: String
  /// The physical address.
  var address: UInt64
  /// The size in memory. What the file does not have of it is zero.
  var size: UInt64
  /// The content, in the file.
  var content: Range<Int>
  /// Where the image, once it has set up paging, sees the segment.
  var virtualAddress: UInt64

  /// The addresses that the segment takes.
  ///
  /// - Throws: ``BootError/segmentWraps(name:address:size:)`` if they pass the end of the address
  ///   space.
  func physicalRange() throws(BootError) -> Range<UInt64> {
    let (end, overflow) = address.addingReportingOverflow(size)
    guard !overflow else { throw .segmentWraps(name: name, address: address, size: size) }
    return address..<end
  }
}

extension MultibootHeader.AddressFields {
  /// The one segment that the fields describe, of a file whose header is at `offset`.
  func segment(of file: ImageBytes, headerOffset offset: UInt64) throws(BootError)
    -> LoadableSegment
  {
    func invalid(_ reason: String) -> BootError {
      .addressFields(offset: offset, reason: reason)
    }
    guard load <= header else {
      throw invalid(
        "load_addr \(BootFormat.hex(load)) is above header_addr \(BootFormat.hex(header))")
    }
    let before = UInt64(header - load)
    guard before <= offset else {
      throw invalid(
        "load_addr is \(BootFormat.hex(before)) bytes before the header, and the file only "
          + "\(BootFormat.hex(offset))")
    }
    let start = offset - before
    guard loadEnd == 0 || loadEnd >= load else {
      throw invalid(
        "load_end_addr \(BootFormat.hex(loadEnd)) is below load_addr \(BootFormat.hex(load))")
    }
    let size = loadEnd == 0 ? file.count - start : UInt64(loadEnd - load)
    guard let content = file.range(at: start, size: size) else {
      throw .truncated(
        what: "the data that the address fields load", offset: start, size: size, file: file.count)
    }
    let end = UInt64(load) + size
    guard bssEnd == 0 || UInt64(bssEnd) >= end else {
      throw invalid(
        "bss_end_addr \(BootFormat.hex(bssEnd)) is below the end of the data, "
          + BootFormat.hex(end))
    }
    return LoadableSegment(
      name: "the address fields' segment", address: UInt64(load),
      size: bssEnd == 0 ? size : UInt64(bssEnd - load), content: content,
      virtualAddress: UInt64(load))
  }
}
