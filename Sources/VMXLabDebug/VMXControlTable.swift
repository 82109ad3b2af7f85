import VMXLab

/// What each processor offers of VMX, and what its part has beyond that, as a document:
/// `docs/vmx-controls.md`.
public enum VMXControlTable {
  /// The document, in Markdown.
  public static var markdown: String {
    let processors = CPUProfile.names.compactMap { try? CPUProfile.named($0) }.map(Processor.init)
    var text = """
      # VMX controls and capabilities, by processor

      **yes**: a guest can use it. **no**: the part has it, and VMXLab has not. Empty: the part has not. A control
      that is not offered must be 0. [vmx.md](vmx.md) says more of what is left out.

      This page is written by `vmxlab cpus --markdown`; `make docs` writes it anew.

      """
    for group in groups(of: processors) {
      text += "\n## \(group.title)\n\n"
      let names = processors.map(\.name).joined(separator: " | ")
      text += "| | \(names) |\n|\(String(repeating: " --- |", count: processors.count + 1))\n"
      for row in group.rows {
        text += "| \(row.name) | \(row.cells.joined(separator: " | ")) |\n"
      }
    }
    return text
  }

  /// A profile's name, and its capabilities as the part and as a machine has them.
  private struct Processor {
    let name: String
    let part: VMXCapabilityReport
    let offered: VMXCapabilityReport

    init(_ profile: CPUProfile) {
      name = profile.name
      part = VMXCapabilityReport(msrs: profile.vmxCapabilityMSRs)
      var offeredMSRs: [UInt32: UInt64] = [:]
      for number in MSR.ia32VMXBasic...MSR.ia32VMXExitCtls2 {
        offeredMSRs[number] = profile.vmxCapabilities?.msrs.value(of: number)
      }
      offered = VMXCapabilityReport(msrs: offeredMSRs)
    }
  }

  private struct Group {
    let title: String
    var rows: [(name: String, cells: [String])]
  }

  private static func groups(of processors: [Processor]) -> [Group] {
    // Groups in the order of the part that has most of them.
    let titles =
      processors.map { $0.part.controls.map(\.name) }.max { $0.count < $1.count } ?? []
    var groups = titles.map { title in
      group(title, processors) { report in
        let controls = report.controls.first { $0.name == title }?.controls ?? []
        return controls.filter { $0.setting != .fixed0 }.map { ($0.bit, $0.name) }
      }
    }
    for (title, flags) in [
      ("EPT and VPID capabilities", \.eptVPID), ("VM functions", \.vmFunctions),
      ("Miscellaneous data", \.miscellaneous),
    ] as [(String, KeyPath<VMXCapabilityReport, [VMXCapabilityReport.Flag]>)] {
      groups.append(
        group(title, processors) { report in
          report[keyPath: flags].filter(\.isSupported).map { ($0.bit, $0.name) }
        })
    }
    return groups.filter { !$0.rows.isEmpty }
  }

  /// The rows of what at least one part has, by bit.
  private static func group(
    _ title: String, _ processors: [Processor],
    _ present: (VMXCapabilityReport) -> [(bit: Int, name: String)]
  ) -> Group {
    var names: [Int: String] = [:]
    for processor in processors {
      for (bit, name) in present(processor.part) { names[bit] = name }
    }
    let rows = names.sorted { $0.key < $1.key }.map { bit, name in
      let cells = processors.map { processor in
        if present(processor.offered).contains(where: { $0.bit == bit }) { return "yes" }
        return present(processor.part).contains { $0.bit == bit } ? "no" : ""
      }
      return (name, cells)
    }
    return Group(title: title, rows: rows)
  }
}
