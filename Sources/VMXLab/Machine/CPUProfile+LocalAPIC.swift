extension CPUProfile {
  /// What the part's local APIC has.
  var localAPICFeatures: LocalAPICFeatures {
    let features = leaf(1)?.ecx ?? 0
    return LocalAPICFeatures(
      timerFrequency: localAPICTimerFrequency, hasX2APIC: features >> 21 & 1 != 0,
      hasTSCDeadline: features >> 24 & 1 != 0)
  }

  /// Pulses a second that the local APIC's timer divides: those of the core crystal clock where CPUID
  /// leaf 15H has its ratio to the time-stamp counter, else those of the bus clock.
  ///
  /// Source: Intel SDM, "APIC Timer"; volume 4 for MSR_PLATFORM_INFO (0xce) and MSR_FSB_FREQ (0xcd).
  var localAPICTimerFrequency: UInt64 {
    if let clocks = leaf(0x15), clocks.eax != 0, clocks.ebx != 0 {
      return clocks.ecx != 0
        ? UInt64(clocks.ecx) : frequency / UInt64(clocks.ebx) * UInt64(clocks.eax)
    }
    if let information = modelSpecificRegisters[0xce], information >> 8 & 0xff != 0 {
      return frequency / (information >> 8 & 0xff)
    }
    switch (modelSpecificRegisters[0xcd] ?? 0) & 7 {
    case 0: return 266_666_667
    case 1: return 133_333_333
    case 2: return 200_000_000
    case 3: return 166_666_667
    case 4: return 333_333_333
    case 6: return 400_000_000
    default: return 100_000_000
    }
  }
}
