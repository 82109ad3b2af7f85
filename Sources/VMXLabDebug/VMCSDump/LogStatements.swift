/// What Linux KVM's `dump_vmcs` (4.3 and later) and Xen's `vmcs_dump_vcpu` (3.1 and later) print, as data.
///
/// Source: the format strings in arch/x86/kvm/vmx.c and arch/x86/kvm/vmx/vmx.c of Linux 4.3 to 6.16, and
/// in xen/arch/x86/hvm/vmx/vmcs.c of Xen 3.1 to 4.20.
enum LogSection: Int, CaseIterable {
  case guest
  case host
  case control

  /// The line that begins the section, without its asterisks.
  var title: [String] {
    switch self {
    case .guest: ["Guest", "State", "*"]
    case .host: ["Host", "State", "*"]
    case .control: ["Control", "State", "*"]
    }
  }

  /// The statements that begin with `word`, in their order.
  func statements(beginningWith word: Substring) -> [LogStatement] {
    Self.index[rawValue][String(word)] ?? []
  }

  private static let index: [[String: [LogStatement]]] = [
    LogStatement.guest, LogStatement.host, LogStatement.control,
  ].map { statements in
    Dictionary(grouping: statements) { $0.head.first ?? $0.items.first?.label.first ?? "" }
  }
}

/// A number in a log: the key of the field that it is the value of, and to how many digits it is padded.
struct LogValue {
  let key: String?
  let digits: [Int]

  init(_ key: String?, _ digits: Int...) {
    self.key = key
    self.digits = digits
  }
}

/// A label and the numbers after it: one, or two with a colon between them.
struct LogItem {
  let label: [String]
  let values: [LogValue]
  /// Whether the next part of a dump may have the same label for another field.
  var isAmbiguous = false

  init(_ label: String, _ values: LogValue...) {
    self.label = LogTokens.split(label).map { String($0.text) }
    self.values = values
  }

  /// A label that two parts of a dump have.
  static func shared(_ label: String, _ value: LogValue) -> LogItem {
    var item = LogItem(label, value)
    item.isAmbiguous = true
    return item
  }
}

/// Items that follow a head, or, without one, an item that can stand anywhere in its section.
struct LogStatement {
  let head: [String]
  let items: [LogItem]

  init(_ head: String, _ items: [LogItem]) {
    self.head = LogTokens.split(head).map { String($0.text) }
    self.items = items
  }

  private static func alone(_ items: [LogItem]) -> [LogStatement] {
    items.map { LogStatement("", [$0]) }
  }

  /// An address or a register of 64 bits.
  private static func long(_ label: String, _ key: String) -> LogItem {
    LogItem(label, LogValue(key, 16))
  }

  private static func word(_ label: String, _ key: String) -> LogItem {
    LogItem(label, LogValue(key, 8))
  }

  // MARK: Guest state

  private static let segments: [LogStatement] = ["CS", "DS", "SS", "ES", "FS", "GS", "LDTR", "TR"]
    .flatMap { name in
      let fields = [
        LogValue("guest\(name)Selector", 4), LogValue("guest\(name)AccessRights", 5),
        LogValue("guest\(name)Limit", 8), LogValue("guest\(name)Base", 16),
      ]
      return [
        LogStatement(
          "\(name):",
          [
            LogItem("sel", fields[0]), LogItem("attr", fields[1]), LogItem("limit", fields[2]),
            LogItem("base", fields[3]),
          ]),
        LogStatement("\(name):", fields.map { LogItem("", $0) }),
      ]
    }

  private static let tables: [LogStatement] = ["GDTR", "IDTR"].flatMap { name in
    let limit = LogValue("guest\(name)Limit", 8)
    let base = LogValue("guest\(name)Base", 16)
    return [
      LogStatement("\(name):", [LogItem("limit", limit), LogItem("base", base)]),
      LogStatement("\(name):", [LogItem("", limit), LogItem("", base)]),
    ]
  }

  static let guest: [LogStatement] =
    [
      LogStatement(
        "CR0:",
        [
          long("actual", "guestCR0"), long("shadow", "cr0ReadShadow"),
          long("gh_mask", "cr0GuestHostMask"),
        ]),
      LogStatement(
        "CR4:",
        [
          long("actual", "guestCR4"), long("shadow", "cr4ReadShadow"),
          long("gh_mask", "cr4GuestHostMask"),
        ]),
      LogStatement(
        "CR3:", [long("actual", "guestCR3"), LogItem("target_count", LogValue("cr3TargetCount"))]),
      LogStatement(
        "Sysenter",
        [
          .shared("RSP", LogValue("guestSYSENTERESP", 16)),
          sharedPair("CS:RIP", LogValue("guestSYSENTERCS", 4, 8), LogValue("guestSYSENTEREIP", 16)),
        ]),
    ] + segments + tables
    + alone([
      long("CR3", "guestCR3"),
      long("target0", "cr3TargetValue0"), long("target1", "cr3TargetValue1"),
      long("target2", "cr3TargetValue2"), long("target3", "cr3TargetValue3"),
      long("PDPTR0", "guestPDPTE0"), long("PDPTR1", "guestPDPTE1"),
      long("PDPTR2", "guestPDPTE2"), long("PDPTR3", "guestPDPTE3"),
      long("PDPTE0", "guestPDPTE0"), long("PDPTE1", "guestPDPTE1"),
      long("PDPTE2", "guestPDPTE2"), long("PDPTE3", "guestPDPTE3"),
      .shared("RSP", LogValue("guestRSP", 16)), .shared("RIP", LogValue("guestRIP", 16)),
      LogItem("RFLAGS", LogValue("guestRFLAGS", 8, 16)),
      long("DR7", "guestDR7"),
      .shared("EFER", LogValue("guestEFER", 16)), long("EFER(VMCS)", "guestEFER"),
      .shared("PAT", LogValue("guestPAT", 16)), long("Guest PAT", "guestPAT"),
      word("PreemptionTimer", "vmxPreemptionTimerValue"), word("SM Base", "guestSMBASE"),
      LogItem("TSC Offset", LogValue("tscOffset", 16)),
      long("DebugCtl", "guestDebugCtl"), long("DebugExceptions", "guestPendingDebugExceptions"),
      .shared("PerfGlobCtl", LogValue("guestPerfGlobalCtrl", 16)),
      long("BndCfgS", "guestBNDCFGS"),
      LogItem("Interruptibility", LogValue("guestInterruptibilityState", 4, 8)),
      LogItem("ActivityState", LogValue("guestActivityState", 4, 8)),
      LogItem("InterruptStatus", LogValue("guestInterruptStatus", 4)),
    ])

  private static func sharedPair(_ label: String, _ first: LogValue, _ second: LogValue) -> LogItem
  {
    var item = LogItem(label, first, second)
    item.isAmbiguous = true
    return item
  }

  // MARK: Host state

  static let host: [LogStatement] =
    [
      LogStatement(
        "Sysenter",
        [
          long("RSP", "hostSYSENTERESP"),
          LogItem("CS:RIP", LogValue("hostSYSENTERCS", 4, 8), LogValue("hostSYSENTEREIP", 16)),
        ])
    ]
    + alone([
      long("RIP", "hostRIP"), long("RSP", "hostRSP"),
      LogItem("CS", LogValue("hostCSSelector", 4)), LogItem("SS", LogValue("hostSSSelector", 4)),
      LogItem("DS", LogValue("hostDSSelector", 4)), LogItem("ES", LogValue("hostESSelector", 4)),
      LogItem("FS", LogValue("hostFSSelector", 4)), LogItem("GS", LogValue("hostGSSelector", 4)),
      LogItem("TR", LogValue("hostTRSelector", 4)),
      long("FSBase", "hostFSBase"), long("GSBase", "hostGSBase"), long("TRBase", "hostTRBase"),
      long("GDTBase", "hostGDTRBase"), long("IDTBase", "hostIDTRBase"),
      long("CR0", "hostCR0"), long("CR3", "hostCR3"), long("CR4", "hostCR4"),
      long("EFER", "hostEFER"), long("PAT", "hostPAT"), long("Host PAT", "hostPAT"),
      long("PerfGlobCtl", "hostPerfGlobalCtrl"),
    ])

  /// Labels that only the host state has, by which it is known where its title is missing.
  static let hostMarks: [[String]] = [
    ["CS", "="], ["FSBase", "="], ["GDTBase", "="], ["CR0", "="],
  ]

  // MARK: Controls

  static let control: [LogStatement] =
    [
      LogStatement(
        "VMEntry:",
        [
          word("intr_info", "entryInterruptionInformation"),
          word("errcode", "entryExceptionErrorCode"), word("ilen", "entryInstructionLength"),
        ]),
      LogStatement(
        "VMExit:",
        [
          word("intr_info", "exitInterruptionInformation"),
          word("errcode", "exitInterruptionErrorCode"), word("ilen", "exitInstructionLength"),
        ]),
      LogStatement(
        "IDTVectoring:",
        [word("info", "idtVectoringInformation"), word("errcode", "idtVectoringErrorCode")]),
      LogStatement("PLE", [word("Gap", "pleGap"), word("Window", "pleWindow")]),
    ]
    + alone([
      word("PinBased", "pinBasedControls"), word("CPUBased", "primaryProcessorBasedControls"),
      word("SecondaryExec", "secondaryProcessorBasedControls"),
      LogItem("TertiaryExec", LogValue("tertiaryProcessorBasedControls", 8, 16)),
      word("EntryControls", "vmEntryControls"), word("ExitControls", "vmExitControls"),
      word("ExceptionBitmap", "exceptionBitmap"), word("PFECmask", "pageFaultErrorCodeMask"),
      word("PFECmatch", "pageFaultErrorCodeMatch"),
      word("reason", "exitReason"),
      LogItem("qualification", LogValue("exitQualification", 8, 16)),
      long("TSC Offset", "tscOffset"), long("TSC Multiplier", "tscMultiplier"),
      LogItem("TPR Threshold", LogValue("tprThreshold", 2)),
      long("APIC-access addr", "apicAccessAddress"),
      long("virt-APIC addr", "virtualAPICAddress"),
      LogItem("PostedIntrVec", LogValue("postedInterruptNotificationVector", 2)),
      long("EPT pointer", "eptPointer"), LogItem("EPTP index", LogValue("eptpIndex", 4)),
      long("target0", "cr3TargetValue0"), long("target1", "cr3TargetValue1"),
      long("target2", "cr3TargetValue2"), long("target3", "cr3TargetValue3"),
      LogItem("Virtual processor ID", LogValue("virtualProcessorIdentifier", 4)),
      long("VMfunc controls", "vmFunctionControls"),
      long("VE info address", "virtualizationExceptionInformationAddress"),
    ])

  /// Labels that only the controls have, by which they are known where their title is missing.
  static let controlMarks: [[String]] = [
    ["PinBased", "="], ["CPUBased", "="], ["EntryControls", "="], ["ExceptionBitmap", "="],
    ["VMEntry", ":"], ["VMExit", ":"], ["IDTVectoring", ":"], ["reason", "="],
  ]
}
