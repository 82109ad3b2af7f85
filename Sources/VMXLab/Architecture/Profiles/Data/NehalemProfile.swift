extension CPUProfileCatalog {
  static let nehalem: StaticString = #"""
    {
      "name": "nehalem",
      "description": "Nehalem-EP, 2009: the first with EPT and VPID",
      "frequency": 2666666667,
      "timing": "nehalem",
      "cpuid": {
        "0x0":        ["0x0000000b", "0x756e6547", "0x6c65746e", "0x49656e69"],
        "0x1":        ["0x000106a2", "0x00100800", "0x00bce3bd", "0xbfebfbff"],
        "0x2":        ["0x55035a01", "0x00f0b2e4", "0x00000000", "0x09ca212c"],
        "0x4/0":      ["0x1c004121", "0x01c0003f", "0x0000003f", "0x00000000"],
        "0x4/1":      ["0x1c004122", "0x00c0003f", "0x0000007f", "0x00000000"],
        "0x4/2":      ["0x1c004143", "0x01c0003f", "0x000001ff", "0x00000000"],
        "0x4/3":      ["0x1c03c163", "0x03c0003f", "0x00001fff", "0x00000002"],
        "0x5":        ["0x00000040", "0x00000040", "0x00000003", "0x00021120"],
        "0x6":        ["0x00000003", "0x00000002", "0x00000001", "0x00000000"],
        "0xa":        ["0x07300403", "0x00000000", "0x00000000", "0x00000603"],
        "0xb/0":      ["0x00000001", "0x00000002", "0x00000100", "0x00000000"],
        "0xb/1":      ["0x00000004", "0x00000008", "0x00000201", "0x00000000"],
        "0x80000000": ["0x80000008", "0x00000000", "0x00000000", "0x00000000"],
        "0x80000001": ["0x00000000", "0x00000000", "0x00000001", "0x28100800"],
        "0x80000002": ["0x756e6547", "0x20656e69", "0x65746e49", "0x2952286c"],
        "0x80000003": ["0x55504320", "0x20202020", "0x20202020", "0x40202020"],
        "0x80000004": ["0x30303020", "0x20402030", "0x37362e32", "0x007a4847"],
        "0x80000006": ["0x00000000", "0x00000000", "0x01006040", "0x00000000"],
        "0x80000007": ["0x00000000", "0x00000000", "0x00000000", "0x00000100"],
        "0x80000008": ["0x00003028", "0x00000000", "0x00000000", "0x00000000"]
      },
      "vmxCapabilityMSRs": {
        "0x480": "0x00da04000000000e",
        "0x481": "0x0000007f00000016",
        "0x482": "0xfff9fffe0401e172",
        "0x483": "0x007fffff00036dff",
        "0x484": "0x0000ffff000011ff",
        "0x485": "0x00000000000401c7",
        "0x486": "0x0000000080000021",
        "0x487": "0x00000000ffffffff",
        "0x488": "0x0000000000002000",
        "0x489": "0x00000000000027ff",
        "0x48a": "0x000000000000002a",
        "0x48b": "0x0000007f00000000",
        "0x48c": "0x00000f0106114141",
        "0x48d": "0x0000007f00000016",
        "0x48e": "0xfff9fffe04006172",
        "0x48f": "0x007fffff00036dfb",
        "0x490": "0x0000ffff000011fb"
      },
      "msrs": {
        "0x17": "0x0000000000000000",
        "0xce": "0x00000c000c001400",
        "0x1a0": "0x0000000000850089"
      },
      "sources": [
        {
          "data": "cpuid, msrs",
          "source": "InstLatx64, GenuineIntel00106A2_Nehalem-EP_CPUID.txt (Xeon X5550, engineering sample)"
        },
        {
          "data": "cpuid 0x80000001",
          "source": "as above",
          "reconstructed": "SYSCALL (EDX bit 11), which a dump made outside 64-bit mode cannot show"
        },
        {
          "data": "vmxCapabilityMSRs",
          "source": "a VirtualBox 3.2 log of a Westmere, whose VMX differs little",
          "reconstructed": "revision identifier 0xe (Westmere 0xf); without \"unrestricted guest\" and the bit of IA32_VMX_MISC that goes with it, as QEMU's Nehalem model has it"
        },
        {
          "data": "vmxCapabilityMSRs 0x489",
          "source": "as above, and the part's CPUID",
          "reconstructed": "no CR4.PCIDE: the part's CPUID has no PCID"
        },
        {
          "data": "vmxCapabilityMSRs 0x48d to 0x490",
          "source": "Intel SDM, \"VMX Capability Reporting Facility\"",
          "reconstructed": "the log has them not; as on Sandy Bridge, whose other control MSRs are the same"
        }
      ]
    }
    """#
}
