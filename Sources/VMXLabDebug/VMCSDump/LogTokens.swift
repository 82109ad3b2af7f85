/// A word or a mark of a log.
struct LogToken {
  let text: Substring
  /// Whether it follows the token before it without a space.
  let isAdjacent: Bool
}

/// A log as words and marks, without the marks of quotation at the beginning of lines. The ends of lines
/// do not matter, because mail programs break lines where they like.
enum LogTokens {
  static func split(_ text: String) -> [LogToken] {
    var tokens: [LogToken] = []
    for line in text.split(whereSeparator: \.isNewline) {
      var rest = line.drop { $0 == ">" || $0 == "|" || $0.isWhitespace }
      var isAdjacent = false
      while let first = rest.first {
        if first.isWhitespace {
          rest = rest.drop(while: \.isWhitespace)
          isAdjacent = false
          continue
        }
        let word = rest.prefix(while: isWordCharacter)
        let token = word.isEmpty ? rest.prefix(1) : word
        tokens.append(LogToken(text: token, isAdjacent: isAdjacent))
        rest = rest[token.endIndex...]
        isAdjacent = true
      }
    }
    return tokens
  }

  /// Undoes the "quoted-printable" encoding of mails, if `text` has it.
  static func withoutMailEncoding(_ text: String) -> String {
    guard text.contains("=3D0x") else { return text }
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "=") else {
        bytes.append(byte)
        continue
      }
      // A line that ends with the mark goes on in the next.
      if rest.first == UInt8(ascii: "\r") { rest.removeFirst() }
      if rest.first == UInt8(ascii: "\n") {
        rest.removeFirst()
      } else if let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
        bytes.append(code)
        rest.removeFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func isWordCharacter(_ character: Character) -> Bool {
    character == "_" || (character.isASCII && (character.isLetter || character.isNumber))
  }
}

/// A place in the tokens of a log.
struct LogCursor {
  let tokens: [LogToken]
  var index = 0

  var isAtEnd: Bool { index >= tokens.count }

  /// What comes next.
  var word: Substring? { isAtEnd ? nil : tokens[index].text }

  /// Whether `words` come next.
  func sees(_ words: [String]) -> Bool {
    guard index + words.count <= tokens.count else { return false }
    for (offset, word) in words.enumerated() where tokens[index + offset].text != word {
      return false
    }
    return true
  }

  /// Passes `words` if they come next.
  mutating func take(_ words: [String]) -> Bool {
    guard sees(words) else { return false }
    index += words.count
    return true
  }

  /// Passes a hexadecimal number if one comes next that has an accepted number of digits.
  ///
  /// - Parameters:
  ///   - digits: the numbers of digits that the format pads to; a number that was cut off has another.
  ///     Empty: any. One that needs more than the least has no leading zero.
  ///   - mayPrecedeColon: whether a colon may follow at once; otherwise it is a time of day.
  mutating func takeNumber(digits: [Int], mayPrecedeColon: Bool = false) -> UInt64? {
    guard index < tokens.count else { return nil }
    var text = tokens[index].text
    if text.hasPrefix("0x") || text.hasPrefix("0X") { text = text.dropFirst(2) }
    let isWhole = digits.isEmpty || digits.contains(text.count)
    let isLonger = text.first != "0" && digits.first.map { $0 < text.count } ?? false
    guard isWhole || isLonger, let value = UInt64(text, radix: 16) else { return nil }
    if index + 1 < tokens.count, tokens[index + 1].isAdjacent {
      let next = tokens[index + 1].text
      // Dates, times and versions are not values.
      if next == "-" || next == "." || next == "/" { return nil }
      if next == ":", !mayPrecedeColon { return nil }
    }
    index += 1
    return value
  }
}
