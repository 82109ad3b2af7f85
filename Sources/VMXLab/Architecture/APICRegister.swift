/// The registers of a local APIC, by their offset in its page. In x2APIC mode the register at offset
/// N is MSR 800H + N / 16; on a virtual-APIC page the same offsets hold the virtual registers.
///
/// Source: Intel SDM, "Local APIC Register Address Map" and "x2APIC Register Address Space".
enum APICRegister {
  static let identifier: UInt32 = 0x20
  static let version: UInt32 = 0x30
  static let taskPriority: UInt32 = 0x80
  static let arbitrationPriority: UInt32 = 0x90
  static let processorPriority: UInt32 = 0xa0
  static let endOfInterrupt: UInt32 = 0xb0
  static let remoteRead: UInt32 = 0xc0
  static let logicalDestination: UInt32 = 0xd0
  static let destinationFormat: UInt32 = 0xe0
  static let spuriousInterruptVector: UInt32 = 0xf0
  /// The first of eight.
  static let inService: UInt32 = 0x100
  /// The first of eight.
  static let triggerMode: UInt32 = 0x180
  /// The first of eight.
  static let interruptRequest: UInt32 = 0x200
  static let errorStatus: UInt32 = 0x280
  static let lvtCMCI: UInt32 = 0x2f0
  /// ICR bits 31:0; in x2APIC mode all 64 bits.
  static let interruptCommandLow: UInt32 = 0x300
  static let interruptCommandHigh: UInt32 = 0x310
  static let lvtTimer: UInt32 = 0x320
  static let lvtThermal: UInt32 = 0x330
  static let lvtPerformance: UInt32 = 0x340
  static let lvtLINT0: UInt32 = 0x350
  static let lvtLINT1: UInt32 = 0x360
  static let lvtError: UInt32 = 0x370
  static let initialCount: UInt32 = 0x380
  static let currentCount: UInt32 = 0x390
  static let divideConfiguration: UInt32 = 0x3e0
  /// x2APIC mode only.
  static let selfIPI: UInt32 = 0x3f0
}

/// Bits of IA32_APIC_BASE.
///
/// Source: Intel SDM, "Local APIC Status and Location" and "Detecting and Enabling x2APIC Mode".
enum APICBase {
  static let bootstrapProcessor: UInt64 = 1 << 8
  static let x2APICEnable: UInt64 = 1 << 10
  static let globalEnable: UInt64 = 1 << 11
  /// Where the registers are after RESET.
  static let defaultAddress: UInt64 = 0xfee0_0000
  /// Bits that are reserved below the address.
  static let reserved: UInt64 = 0x2ff
  /// The bits that choose the mode.
  static let modeBits: UInt64 = x2APICEnable | globalEnable
}

/// How an interrupt is delivered: bits 10:8 of the ICR, of LVT entries and of redirection entries.
///
/// Source: Intel SDM, "Interrupt Command Register (ICR)" and "Local Vector Table".
enum APICDeliveryMode: UInt8 {
  case fixed = 0
  case lowestPriority = 1
  case systemManagement = 2
  case reserved = 3
  case nmi = 4
  case initialize = 5
  case startUp = 6
  case external = 7

  init(field value: UInt32) {
    self = APICDeliveryMode(rawValue: UInt8(truncatingIfNeeded: value >> 8 & 7)) ?? .fixed
  }
}

/// Bits of the interrupt command register.
///
/// Source: Intel SDM, "Interrupt Command Register (ICR)".
enum InterruptCommand {
  static let logicalDestination: UInt32 = 1 << 11
  static let deliveryStatus: UInt32 = 1 << 12
  static let levelAssert: UInt32 = 1 << 14
  static let levelTriggered: UInt32 = 1 << 15
  /// Bits 31:20, 17:16 and 13.
  static let reserved: UInt32 = 0xfff3_2000

  /// Bits 19:18.
  enum Shorthand: UInt32 {
    case none = 0
    case oneself = 1
    case allIncludingSelf = 2
    case allExcludingSelf = 3

    init(_ low: UInt32) { self = Shorthand(rawValue: low >> 18 & 3) ?? .none }
  }
}
