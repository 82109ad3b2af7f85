// The lines for registers and segment registers.
extension VMEntryMendTable {
  // MARK: Registers

  /// IA32_PAT with write-back in place of each byte that is no memory type.
  private static func validPAT(_ value: UInt64) -> UInt64 {
    (0..<8).reduce(0) { result, byte in
      let type = value >> UInt64(byte * 8) & 0xff
      let isValid = type <= 7 && type != 2 && type != 3
      return result | (isValid ? type : 6) << UInt64(byte * 8)
    }
  }

  /// `value` with the bits of `mask` set or clear.
  private static func with(_ value: UInt64, _ mask: UInt64, _ isSet: Bool) -> UInt64 {
    isSet ? value | mask : value & ~mask
  }

  private static func isIA32eHost(_ vmcs: VMCS) -> Bool { vmcs.vmExitControls >> 9 & 1 != 0 }
  private static func isIA32eGuest(_ vmcs: VMCS) -> Bool { vmcs.vmEntryControls >> 9 & 1 != 0 }

  static let registerLines: [VMEntryRule: Line] = [
    .hostCETNeedsWP: set(1 << 16), .guestCETNeedsWP: set(1 << 16),
    .hostPATTypes: computed { vmcs, _ in validPAT(vmcs.hostPAT) },
    .guestPATTypes: computed { vmcs, _ in validPAT(vmcs.guestPAT) },
    .hostEFERLMA: computed { vmcs, _ in with(vmcs.hostEFER, 1 << 10, isIA32eHost(vmcs)) },
    .hostEFERLME: computed { vmcs, _ in with(vmcs.hostEFER, 1 << 8, isIA32eHost(vmcs)) },
    .guestEFERLMA: computed { vmcs, _ in with(vmcs.guestEFER, 1 << 10, isIA32eGuest(vmcs)) },
    .guestEFERLME: computed { vmcs, _ in
      with(vmcs.guestEFER, 1 << 8, vmcs.guestEFER >> 10 & 1 != 0)
    },
    .hostSCETTracker: clear(1 << 10), .guestSCETTracker: clear(1 << 10),
    .hostCSSelectorNull: advice("write the selector of the host's code segment"),
    .hostTRSelectorNull: advice("write the selector that the host loaded with LTR"),
    .hostSSSelectorNull: advice("write the selector of the host's stack segment"),
    .ia32eHostNeedsPAE: set(1 << 5),
    .guestPagingNeedsProtection: set(1 << 0),
    .ia32eGuestNeedsPaging: set(1 << 31 | 1 << 0),
    .ia32eGuestNeedsPAE: set(1 << 5),
    .guestRFLAGSFixed: set(1 << 1),
    .guestRFLAGSVM: clear(1 << 17),
    .guestRFLAGSIF: set(
      1 << 9, nil,
      "or, if the guest has interrupts off, do not inject until \"interrupt-window exiting\" exits"),
  ]

  // MARK: Segment registers

  private static func rpl(_ selector: UInt16) -> UInt64 { UInt64(selector & 3) }

  static let segmentLines: [VMEntryRule: Line] = {
    var lines: [VMEntryRule: Line] = [
      .guestCSType: replace(0xf, 0xb, nil, "11 is readable, accessed code"),
      .guestCSDataDPL: clear(0x60),
      .guestCSNonconformingDPL: computed { vmcs, _ in
        UInt64(vmcs.guestCSAccessRights & ~0x60 | vmcs.guestSSAccessRights & 0x60)
      },
      .guestCSConformingDPL: computed { vmcs, _ in
        UInt64(vmcs.guestCSAccessRights & ~0x60 | vmcs.guestSSAccessRights & 0x60)
      },
      .guestCSDefaultSize: clear(1 << 14),
      .guestSSType: replace(0xf, 3, nil, "3 is writable, accessed data"),
      .guestSSDPLMatchesRPL: computed { vmcs, _ in
        UInt64(vmcs.guestSSAccessRights & ~0x60) | rpl(vmcs.guestSSSelector) << 5
      },
      .guestSSDPLZero: clear(0x60, "guestSSAccessRights"),
      .guestSSRPLMatchesCS: computed("guestSSSelector") { vmcs, _ in
        UInt64(vmcs.guestSSSelector & ~3) | rpl(vmcs.guestCSSelector)
      },
      .guestTRType: replace(0xf, 0xb, nil, "11 is a busy TSS of 32 or 64 bits"),
      .guestTRUsable: clear(1 << 16),
      .guestLDTRType: replace(
        0xf, 2, nil, "or make LDTR unusable (bit 16) if the guest has no LDT"),
    ]
    for segment in ["ES", "CS", "SS", "DS", "FS", "GS", "TR", "LDTR"] {
      func add(_ suffix: String, _ line: Line) {
        guard let rule = VMEntryRule(rawValue: "guest\(segment)\(suffix)"), lines[rule] == nil
        else { return }
        lines[rule] = line
      }
      let isSystem = segment == "TR" || segment == "LDTR"
      let unusable = "or make the register unusable (bit 16) if its selector is null"
      let isOptional = segment != "CS" && segment != "TR"
      add("Accessed", set(1, nil, unusable))
      add("Readable", set(2, nil, unusable))
      add("DescriptorType", isSystem ? clear(1 << 4) : set(1 << 4))
      add("Present", set(1 << 7, nil, isOptional ? unusable : nil))
      add("GranularityByte", Line(change: .granularity(segment), advice: nil))
      add("GranularityPage", Line(change: .granularity(segment), advice: nil))
      add(
        "DPL",
        computed { vmcs, _ in
          guard let access = VMCSField.field(key: "guest\(segment)AccessRights"),
            let selector = VMCSField.field(key: "guest\(segment)Selector")
          else { return 0 }
          return vmcs[access] & ~0x60 | (vmcs[selector] & 3) << 5
        })
      add(
        "BaseVirtual8086",
        computed { vmcs, _ in
          VMCSField.field(key: "guest\(segment)Selector").map { vmcs[$0] << 4 } ?? 0
        })
      add("LimitVirtual8086", computed { _, _ in 0xffff })
    }
    return lines
  }()
}
