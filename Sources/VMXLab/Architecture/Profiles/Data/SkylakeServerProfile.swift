extension CPUProfileCatalog {
  static let skylakeServer: StaticString = #"""
    {
      "name": "skylake-server",
      "description": "Skylake-SP, Xeon Scalable, 2017",
      "frequency": 3000000000,
      "timing": "skylake-server",
      "cpuid": {
        "0x0":        ["0x00000016", "0x756e6547", "0x6c65746e", "0x49656e69"],
        "0x1":        ["0x00050654", "0x00400800", "0x7ffefbff", "0xbfebfbff"],
        "0x2":        ["0x76036301", "0x00f0b5ff", "0x00000000", "0x00c30000"],
        "0x4/0":      ["0x7c004121", "0x01c0003f", "0x0000003f", "0x00000000"],
        "0x4/1":      ["0x7c004122", "0x01c0003f", "0x0000003f", "0x00000000"],
        "0x4/2":      ["0x7c004143", "0x03c0003f", "0x000003ff", "0x00000000"],
        "0x4/3":      ["0x7c0fc163", "0x0280003f", "0x00008fff", "0x00000004"],
        "0x5":        ["0x00000040", "0x00000040", "0x00000003", "0x00002020"],
        "0x6":        ["0x00000077", "0x00000002", "0x00000009", "0x00000000"],
        "0x7/0":      ["0x00000000", "0xd39ffffb", "0x00000008", "0x00000000"],
        "0xa":        ["0x07300404", "0x00000000", "0x00000000", "0x00000603"],
        "0xb/0":      ["0x00000001", "0x00000002", "0x00000100", "0x00000000"],
        "0xb/1":      ["0x00000006", "0x00000024", "0x00000201", "0x00000000"],
        "0xd/0":      ["0x000002ff", "0x00000340", "0x00000a88", "0x00000000"],
        "0xd/1":      ["0x0000000f", "0x00000340", "0x00000100", "0x00000000"],
        "0xd/2":      ["0x00000100", "0x00000240", "0x00000000", "0x00000000"],
        "0xd/3":      ["0x00000040", "0x000003c0", "0x00000000", "0x00000000"],
        "0xd/4":      ["0x00000040", "0x00000400", "0x00000000", "0x00000000"],
        "0xd/5":      ["0x00000040", "0x00000440", "0x00000000", "0x00000000"],
        "0xd/6":      ["0x00000200", "0x00000480", "0x00000000", "0x00000000"],
        "0xd/7":      ["0x00000400", "0x00000680", "0x00000000", "0x00000000"],
        "0xd/8":      ["0x00000080", "0x00000000", "0x00000001", "0x00000000"],
        "0xd/9":      ["0x00000008", "0x00000a80", "0x00000000", "0x00000000"],
        "0xf/0":      ["0x00000000", "0x0000008f", "0x00000000", "0x00000002"],
        "0x10/0":     ["0x00000000", "0x0000000a", "0x00000000", "0x00000000"],
        "0x14/0":     ["0x00000001", "0x0000000f", "0x00000007", "0x00000000"],
        "0x14/1":     ["0x02490002", "0x003f3fff", "0x00000000", "0x00000000"],
        "0x15":       ["0x00000002", "0x000000f0", "0x00000000", "0x00000000"],
        "0x16":       ["0x00000bb8", "0x00000e74", "0x00000064", "0x00000000"],
        "0x80000000": ["0x80000008", "0x00000000", "0x00000000", "0x00000000"],
        "0x80000001": ["0x00000000", "0x00000000", "0x00000121", "0x2c100800"],
        "0x80000002": ["0x65746e49", "0x2952286c", "0x6f655820", "0x2952286e"],
        "0x80000003": ["0x6c6f4720", "0x31362064", "0x43203435", "0x40205550"],
        "0x80000004": ["0x302e3320", "0x7a484730", "0x00000000", "0x00000000"],
        "0x80000006": ["0x00000000", "0x00000000", "0x01006040", "0x00000000"],
        "0x80000007": ["0x00000000", "0x00000000", "0x00000000", "0x00000100"],
        "0x80000008": ["0x0000302e", "0x00000000", "0x00000000", "0x00000000"]
      },
      "vmxCapabilityMSRs": {
        "0x480": "0x00da040000000004",
        "0x481": "0x000000ff00000016",
        "0x482": "0xfff9fffe0401e172",
        "0x483": "0x01ffffff00036dff",
        "0x484": "0x0003ffff000011ff",
        "0x485": "0x000000007004c1e7",
        "0x486": "0x0000000080000021",
        "0x487": "0x00000000ffffffff",
        "0x488": "0x0000000000002000",
        "0x489": "0x00000000007767ff",
        "0x48a": "0x000000000000002e",
        "0x48b": "0x025f7fff00000000",
        "0x48c": "0x00000f0106734141",
        "0x48d": "0x000000ff00000016",
        "0x48e": "0xfff9fffe04006172",
        "0x48f": "0x01ffffff00036dfb",
        "0x490": "0x0003ffff000011fb",
        "0x491": "0x0000000000000001"
      },
      "msrs": {
        "0x17": "0x0010000000000000",
        "0xce": "0x00070c2cf3011e00",
        "0x1a0": "0x0000000000850089",
        "0x345": "0x0000000000002000"
      },
      "sources": [
        {
          "data": "cpuid",
          "source": "InstLatx64, GenuineIntel0050654_SkylakeXeon_CPUID.txt (Xeon Gold 6154)"
        },
        {
          "data": "cpuid 0xd/8, 0x14/1",
          "source": "InstLatx64, GenuineIntel0050654_SkylakeX_CPUID.txt (Core i9-7900X, same signature)"
        },
        {
          "data": "cpuid 0xd/9",
          "source": "Intel SDM, \"Managing State Using the XSAVE Feature Set\"",
          "reconstructed": "size and offset of the PKRU state, from the total of sub-leaf 0"
        },
        {
          "data": "vmxCapabilityMSRs",
          "source": "InstLatx64, GenuineIntel0050654_SkylakeX_CPUID.txt (Core i9-7900X)"
        },
        {
          "data": "vmxCapabilityMSRs 0x48b",
          "source": "as above, and Cloud Hypervisor's skylake.msr.json (Xeon Skylake, through KVM)",
          "reconstructed": "\"VMCS shadowing\" (bit 14) and \"enable PML\" (bit 17), which the Xeon has and the Core part lacks"
        },
        {
          "data": "vmxCapabilityMSRs 0x489",
          "source": "as above, and the Xeon's CPUID",
          "reconstructed": "CR4.SMXE (bit 14) and CR4.PKE (bit 22): the Xeon's CPUID has SMX and PKU"
        },
        {
          "data": "vmxCapabilityMSRs 0x491",
          "source": "Intel SDM, \"VM Functions\"",
          "reconstructed": "EPTP switching, the only VM function of the part"
        },
        {
          "data": "msrs",
          "source": "InstLatx64, GenuineIntel0050654_SkylakeX_CPUID.txt (Core i9-7900X)",
          "reconstructed": "the ratio in MSR_PLATFORM_INFO (0xce) from the Xeon's CPUID leaf 0x16; platform ID 4"
        },
        {
          "data": "msrs 0x345",
          "source": "Intel SDM, volume 4, \"IA-32 Architectural MSRs\"",
          "reconstructed": "full-width writes of the counters (bit 13) alone, of all that IA32_PERF_CAPABILITIES tells: no dump has it"
        }
      ]
    }
    """#
}
