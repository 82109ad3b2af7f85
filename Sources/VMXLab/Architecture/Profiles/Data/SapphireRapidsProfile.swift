extension CPUProfileCatalog {
  static let sapphireRapids: StaticString = #"""
    {
      "name": "sapphire-rapids",
      "description": "Sapphire Rapids, Xeon Scalable, 2023: CET, IPI virtualization, notify VM exit",
      "frequency": 2100000000,
      "referenceFrequency": 2100000000,
      "timing": "sapphire-rapids",
      "cpuid": {
        "0x0":        ["0x00000020", "0x756e6547", "0x6c65746e", "0x49656e69"],
        "0x1":        ["0x000806f8", "0x00400800", "0x7ffefbff", "0xbfebfbff"],
        "0x2":        ["0x00feff01", "0x000000f0", "0x00000000", "0x00000000"],
        "0x4/0":      ["0xfc004121", "0x02c0003f", "0x0000003f", "0x00000000"],
        "0x4/1":      ["0xfc004122", "0x01c0003f", "0x0000003f", "0x00000000"],
        "0x4/2":      ["0xfc004143", "0x03c0003f", "0x000007ff", "0x00000000"],
        "0x4/3":      ["0xfc1fc163", "0x0380003f", "0x0001bfff", "0x00000004"],
        "0x5":        ["0x00000040", "0x00000040", "0x00000003", "0x00002020"],
        "0x6":        ["0x00000077", "0x00000002", "0x00000009", "0x00000000"],
        "0x7/0":      ["0x00000002", "0xf3bfb7eb", "0xbb417fee", "0xffdd4410"],
        "0x7/1":      ["0x00001c30", "0x00000000", "0x00000000", "0x00000000"],
        "0x7/2":      ["0x00000000", "0x00000000", "0x00000000", "0x00000017"],
        "0xa":        ["0x08300805", "0x00000000", "0x0000000f", "0x00008604"],
        "0xb/0":      ["0x00000001", "0x00000002", "0x00000100", "0x00000000"],
        "0xb/1":      ["0x00000007", "0x00000068", "0x00000201", "0x00000000"],
        "0xd/0":      ["0x000602e7", "0x00000340", "0x00002b00", "0x00000000"],
        "0xd/1":      ["0x0000001f", "0x00000340", "0x00001900", "0x00000000"],
        "0xd/2":      ["0x00000100", "0x00000240", "0x00000000", "0x00000000"],
        "0xd/5":      ["0x00000040", "0x00000440", "0x00000000", "0x00000000"],
        "0xd/6":      ["0x00000200", "0x00000480", "0x00000000", "0x00000000"],
        "0xd/7":      ["0x00000400", "0x00000680", "0x00000000", "0x00000000"],
        "0xd/8":      ["0x00000080", "0x00000000", "0x00000001", "0x00000000"],
        "0xd/9":      ["0x00000008", "0x00000a80", "0x00000000", "0x00000000"],
        "0xd/11":     ["0x00000010", "0x00000000", "0x00000001", "0x00000000"],
        "0xd/12":     ["0x00000018", "0x00000000", "0x00000001", "0x00000000"],
        "0xd/17":     ["0x00000040", "0x00000ac0", "0x00000002", "0x00000000"],
        "0xd/18":     ["0x00002000", "0x00000b00", "0x00000006", "0x00000000"],
        "0x14/0":     ["0x00000001", "0x0000000f", "0x00000007", "0x00000000"],
        "0x14/1":     ["0x02490002", "0x003f3fff", "0x00000000", "0x00000000"],
        "0x15":       ["0x00000002", "0x000000a8", "0x017d7840", "0x00000000"],
        "0x16":       ["0x00000834", "0x00000834", "0x00000064", "0x00000000"],
        "0x1d/0":     ["0x00000001", "0x00000000", "0x00000000", "0x00000000"],
        "0x1d/1":     ["0x04002000", "0x00080040", "0x00000010", "0x00000000"],
        "0x1e/0":     ["0x00000000", "0x00004010", "0x00000000", "0x00000000"],
        "0x80000000": ["0x80000008", "0x00000000", "0x00000000", "0x00000000"],
        "0x80000001": ["0x00000000", "0x00000000", "0x00000121", "0x2c100800"],
        "0x80000002": ["0x65746e49", "0x2952286c", "0x6f655820", "0x2952286e"],
        "0x80000003": ["0x616c5020", "0x756e6974", "0x3438206d", "0x00513037"],
        "0x80000004": ["0x00000000", "0x00000000", "0x00000000", "0x00000000"],
        "0x80000006": ["0x00000000", "0x00000000", "0x01006040", "0x00000000"],
        "0x80000007": ["0x00000000", "0x00000000", "0x00000000", "0x00000100"],
        "0x80000008": ["0x00003934", "0x00000200", "0x00000000", "0x00000000"]
      },
      "vmxCapabilityMSRs": {
        "0x480": "0x01da040000000004",
        "0x481": "0x000000ff00000016",
        "0x482": "0xfffbfffe0401e172",
        "0x483": "0x777fffff00036dff",
        "0x484": "0x0076ffff000011ff",
        "0x485": "0x000000007004c1e7",
        "0x486": "0x0000000080000021",
        "0x487": "0x00000000ffffffff",
        "0x488": "0x0000000000002000",
        "0x489": "0x0000000001f77fff",
        "0x48a": "0x0000000000000042",
        "0x48b": "0xcf5f7fff00000000",
        "0x48c": "0x00000f0106f341c1",
        "0x48d": "0x000000ff00000016",
        "0x48e": "0xfffbfffe04006172",
        "0x48f": "0x777fffff00036dfb",
        "0x490": "0x0076ffff000011fb",
        "0x491": "0x0000000000000001",
        "0x492": "0x0000000000000010"
      },
      "msrs": {
        "0x17": "0x0000000000000000",
        "0xce": "0x00070c2cf3011500",
        "0x10a": "0x000000000c08e06b",
        "0x1a0": "0x0000000000850089",
        "0x345": "0x0000000000002000"
      },
      "sources": [
        {
          "data": "cpuid 0x1, 0x7, 0x80000001, 0x80000008",
          "source": "lscpu of a Xeon Platinum 8470Q, published in a GitHub repository's environment notes; Cloud Hypervisor's sapphire-rapids.cpuid.json (through KVM)",
          "reconstructed": "the flags' bits put together, and CET_SS and CET_IBT, which the kernel of that machine did not list"
        },
        {
          "data": "cpuid 0x7/0, PKS",
          "source": "Linux kernel mailing list, \"PKS/Documentation\" (Ira Weiny, Intel): found on Sapphire Rapids and later",
          "reconstructed": "ECX bit 31, which the kernel of the machine above did not list"
        },
        {
          "data": "cpuid 0x7/1, 0x7/2",
          "source": "Cloud Hypervisor, sapphire-rapids.cpuid.json (through KVM)"
        },
        {
          "data": "cpuid 0xd, 0x1d, 0x1e",
          "source": "Intel SDM, \"Managing State Using the XSAVE Feature Set\"; QEMU, CPU model SapphireRapids",
          "reconstructed": "sizes and offsets of the AMX and CET state components"
        },
        {
          "data": "cpuid 0x4, 0x16",
          "source": "as the first, and Intel's product specification: 48 KB L1, 2 MB L2, 105 MB L3",
          "reconstructed": "from the caches' geometries and the base frequency"
        },
        {
          "data": "cpuid 0xa",
          "source": "Bochs, CPU model sapphire_rapids",
          "reconstructed": "from a Xeon w9-3475X, which has the same cores"
        },
        {
          "data": "cpuid, other leaves",
          "source": "as icelake-server",
          "reconstructed": "no dump of the part was found"
        },
        {
          "data": "vmxCapabilityMSRs",
          "source": "icelake-server; QEMU, CPU model SapphireRapids; Cloud Hypervisor, sapphire-rapids.msr.json (through KVM)",
          "reconstructed": "what the features of the part bring: tertiary controls with IPI virtualization, \"enable user wait and pause\", bus-lock detection, notify VM exits (\"instruction timeout\"), CET state, IA32_PKRS and IA32_LBR_CTL in entry and exit controls, \"save IA32_PERF_GLOBAL_CTRL\" (Linux commit d3ba32d1ff2a), injection of error codes with any exception (IA32_VMX_BASIC[56], which comes with #CP), supervisor shadow-stack control in EPT, CR4.CET and CR4.PKS. The revision identifier is Skylake's"
        },
        {
          "data": "referenceFrequency",
          "source": "Linux, perf events of Golden Cove: event 3CH with unit mask 1, CPU_CLK_UNHALTED.REF_TSC_P, counts as the time-stamp counter"
        },
        {
          "data": "msrs 0x10a",
          "source": "Cloud Hypervisor, sapphire-rapids.msr.json (through KVM)"
        },
        {
          "data": "msrs, others",
          "source": "as skylake-server",
          "reconstructed": "ratio of MSR_PLATFORM_INFO from the bogomips of lscpu"
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
