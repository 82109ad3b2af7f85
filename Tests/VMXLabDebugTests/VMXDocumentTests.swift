import Foundation
import Testing
import VMXLab
import VMXLabDebug

@Suite("The documents of VT-x")
struct VMXDocumentTests {
  private static let documents = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "docs")

  private func document(_ name: String) throws -> String {
    try String(contentsOf: Self.documents.appending(path: name), encoding: .utf8)
  }

  @Test("docs/vmx-controls.md is what 'vmxlab cpus --markdown' writes: 'make docs' makes it so")
  func controls() throws {
    let text = try document("vmx-controls.md")
    #expect(text == VMXControlTable.markdown)
  }

  @Test("docs/instructions.md is what 'vmxlab cpus --instructions' writes: 'make docs' makes it so")
  func instructions() throws {
    let text = try document("instructions.md")
    #expect(text == InstructionDocument()?.markdown)
  }

  @Test("docs/vmx.md has a row for every basic exit reason, by number and name")
  func exitReasons() throws {
    let rows = try document("vmx.md").split(separator: "\n").filter { $0.hasPrefix("| ") }
    for reason in BasicExitReason.allCases {
      #expect(
        rows.contains { $0.hasPrefix("| \(reason.rawValue) | \(reason.text) | ") },
        "\(reason.rawValue) \(reason.text)")
    }
  }

  @Test("docs/vmx.md says where a VMCS region keeps the fields of each width and type")
  func regionFormat() throws {
    let text = try document("vmx.md")
    let bases = Set(
      VMCSField.all.map { VMCSRegion.offset(of: $0) - Int($0.index) * $0.width.byteCount })
    for base in bases { #expect(text.contains("| \(base) | "), "\(base)") }
  }
}
