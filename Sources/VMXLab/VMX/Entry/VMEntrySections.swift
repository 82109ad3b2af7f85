/// A set of ``VMEntrySection``s.
///
/// A current VMCS keeps the sections whose checks a VM entry must make (again). A section that has
/// passed leaves the set, and comes back when a field that it reads is written; what it reads beside
/// fields is told by ``VMEntryContext/sectionsThatReadMemory`` and ``VMEntryProcessorState``.
public struct VMEntrySections: OptionSet, Sendable, Hashable {
  /// One bit a section, at the section's number.
  public let rawValue: UInt16
  @inline(__always) public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// The set that holds `section` alone.
  @inline(__always) public init(_ section: VMEntrySection) {
    self.init(rawValue: 1 &<< UInt16(section.rawValue))
  }
  /// The sections that read a field of `group`; of MSR loading nothing is remembered.
  public init(readersOf group: VMCSFieldGroup) {
    var sections: VMEntrySections = []
    for section in VMEntrySection.allCases
    where section != .msrLoading && section.groupsRead.contains(VMCSFieldGroups(group)) {
      sections.insert(VMEntrySections(section))
    }
    self = sections
  }

  /// Every section that is checked before guest state is loaded: all but MSR loading.
  public static let all = VMEntrySections(rawValue: 0xfff)

  // What VM exits mark, as constants: the readers of the groups of what they save.

  /// The sections that read guest control registers, debug registers and MSRs.
  static let readersOfGuestRegisters: VMEntrySections = [
    VMEntrySections(.entryControls), VMEntrySections(.guestControlRegisters),
    VMEntrySections(.guestSegments), VMEntrySections(.guestRIP),
    VMEntrySections(.guestNonRegisterState), VMEntrySections(.guestPDPTEs),
  ]
  /// The sections that read guest segment registers.
  static let readersOfGuestSegments: VMEntrySections = [
    VMEntrySections(.guestSegments), VMEntrySections(.guestRIP),
    VMEntrySections(.guestNonRegisterState),
  ]
  /// The sections that read the fields of event injection.
  static let readersOfEventInjection: VMEntrySections = [
    VMEntrySections(.entryControls), VMEntrySections(.guestRIP),
    VMEntrySections(.guestNonRegisterState),
  ]
  /// What every VM exit changes: RIP, RFLAGS and non-register state. Of RFLAGS the checks of the
  /// segment registers read VM alone.
  static let readersOfEveryExit: VMEntrySections = [
    VMEntrySections(.guestRIP), VMEntrySections(.guestNonRegisterState),
  ]
}
