import Foundation
import Testing

@Suite("The program in docs/embedding.md")
struct EmbeddingTests {
  /// The code blocks of the page, each with the language that its fence names.
  private static func blocks() throws -> [(language: String, text: String)] {
    let page = try String(
      contentsOf: Program.repository.appendingPathComponent("docs/embedding.md"), encoding: .utf8)
    let parts = page.components(separatedBy: "\n```")
    return stride(from: 1, to: parts.count, by: 2).map { index in
      let lines = parts[index].split(
        separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
      return (String(lines[0]), lines.count > 1 ? lines[1] + "\n" : "")
    }
  }

  @Test("It is the program that is compiled")
  func sameText() throws {
    let source = try String(
      contentsOf: Program.repository.appendingPathComponent("Examples/Embedding/main.swift"),
      encoding: .utf8)
    let block = try #require(Self.blocks().first)
    #expect(block.language == "swift")
    #expect(block.text == source)
  }

  /// The text without what another compiler of the sample changes: code addresses and counts.
  private static func skeleton(_ text: String) -> String {
    text.replacing(#/0x1[0-9a-f]{5}|[0-9]+ instructions/#, with: "…")
  }

  @Test("It prints what the page says")
  func output() throws {
    let scratch = try ScratchDirectory()
    let program = try Program([Samples.path("hello")], name: "EmbeddingExample", in: scratch)
    let result = try program.finish()
    #expect(result.status == 0)
    #expect(try Self.skeleton(result.text) == Self.skeleton(Self.blocks()[1].text))
    #expect(result.errors.contains("hello: PASS"))
  }
}
