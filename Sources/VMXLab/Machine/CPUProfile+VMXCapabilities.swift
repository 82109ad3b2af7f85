extension CPUProfile {
  /// The VMX capabilities that a guest of a machine with this profile sees: what the part has, less what
  /// is not built. Nil for a part without VMX.
  public var vmxCapabilities: VMXCapabilities? {
    let cpuid = CPUIDTable(profile: self)
    return withExtendedLifetime(cpuid) {
      let model = ProcessorModel(self, cpuid: cpuid, timing: TimingProfile.functional.table)
      defer { model.vmcsFields.deallocate() }
      return model.hasVMX ? model.capabilities : nil
    }
  }
}
