extension CPUProfileCatalog {
  static let icelakeServer: StaticString = #"""
    {
      "name": "icelake-server",
      "description": "Ice Lake-SP, Xeon Scalable, 2021: the first with 5-level EPT",
      "frequency": 2000000000,
      "timing": "icelake-server",
      "cpuid": {
        "0x0":        ["0x0000001b", "0x756e6547", "0x6c65746e", "0x49656e69"],
        "0x1":        ["0x000606a6", "0x00400800", "0x7ffefbff", "0xbfebfbff"],
        "0x2":        ["0x00feff01", "0x000000f0", "0x00000000", "0x00000000"],
        "0x4/0":      ["0x7c004121", "0x02c0003f", "0x0000003f", "0x00000000"],
        "0x4/1":      ["0x7c004122", "0x01c0003f", "0x0000003f", "0x00000000"],
        "0x4/2":      ["0x7c004143", "0x04c0003f", "0x000003ff", "0x00000000"],
        "0x4/3":      ["0x7c0fc163", "0x02c0003f", "0x0000bfff", "0x00000004"],
        "0x5":        ["0x00000040", "0x00000040", "0x00000003", "0x00002020"],
        "0x6":        ["0x00000077", "0x00000002", "0x00000009", "0x00000000"],
        "0x7/0":      ["0x00000000", "0xf3bfb7eb", "0x00415f4e", "0xfc040410"],
        "0xa":        ["0x08300805", "0x00000000", "0x0000000f", "0x00008604"],
        "0xb/0":      ["0x00000001", "0x00000002", "0x00000100", "0x00000000"],
        "0xb/1":      ["0x00000007", "0x0000002c", "0x00000201", "0x00000000"],
        "0xd/0":      ["0x000002e7", "0x00000340", "0x00000a88", "0x00000000"],
        "0xd/1":      ["0x0000000f", "0x00000340", "0x00000100", "0x00000000"],
        "0xd/2":      ["0x00000100", "0x00000240", "0x00000000", "0x00000000"],
        "0xd/5":      ["0x00000040", "0x00000440", "0x00000000", "0x00000000"],
        "0xd/6":      ["0x00000200", "0x00000480", "0x00000000", "0x00000000"],
        "0xd/7":      ["0x00000400", "0x00000680", "0x00000000", "0x00000000"],
        "0xd/8":      ["0x00000080", "0x00000000", "0x00000001", "0x00000000"],
        "0xd/9":      ["0x00000008", "0x00000a80", "0x00000000", "0x00000000"],
        "0x14/0":     ["0x00000001", "0x0000000f", "0x00000007", "0x00000000"],
        "0x14/1":     ["0x02490002", "0x003f3fff", "0x00000000", "0x00000000"],
        "0x15":       ["0x00000002", "0x000000a0", "0x017d7840", "0x00000000"],
        "0x16":       ["0x000007d0", "0x00000d48", "0x00000064", "0x00000000"],
        "0x80000000": ["0x80000008", "0x00000000", "0x00000000", "0x00000000"],
        "0x80000001": ["0x00000000", "0x00000000", "0x00000121", "0x2c100800"],
        "0x80000002": ["0x65746e49", "0x2952286c", "0x6f655820", "0x2952286e"],
        "0x80000003": ["0x6c6f4720", "0x33352064", "0x20593831", "0x20555043"],
        "0x80000004": ["0x2e322040", "0x48473031", "0x0000007a", "0x00000000"],
        "0x80000006": ["0x00000000", "0x00000000", "0x01006040", "0x00000000"],
        "0x80000007": ["0x00000000", "0x00000000", "0x00000000", "0x00000100"],
        "0x80000008": ["0x0000392e", "0x00000200", "0x00000000", "0x00000000"]
      },
      "vmxCapabilityMSRs": {
        "0x480": "0x00da040000000004",
        "0x481": "0x000000ff00000016",
        "0x482": "0xfff9fffe0401e172",
        "0x483": "0x037fffff00036dff",
        "0x484": "0x0006ffff000011ff",
        "0x485": "0x000000007004c1e7",
        "0x486": "0x0000000080000021",
        "0x487": "0x00000000ffffffff",
        "0x488": "0x0000000000002000",
        "0x489": "0x0000000000777fff",
        "0x48a": "0x0000000000000032",
        "0x48b": "0x0b5f7fff00000000",
        "0x48c": "0x00000f01067341c1",
        "0x48d": "0x000000ff00000016",
        "0x48e": "0xfff9fffe04006172",
        "0x48f": "0x037fffff00036dfb",
        "0x490": "0x0006ffff000011fb",
        "0x491": "0x0000000000000001"
      },
      "msrs": {
        "0x17": "0x0000000000000000",
        "0xce": "0x00070c2cf3011400",
        "0x10a": "0x000000000000016b",
        "0x1a0": "0x0000000000850089",
        "0x345": "0x0000000000002000"
      },
      "sources": [
        {
          "data": "cpuid 0x1, 0x7, 0x80000001, 0x80000008",
          "source": "/proc/cpuinfo of a Xeon Gold 5318Y, posted to the Linux kernel mailing list (\"#DF stack guard page was hit\")",
          "reconstructed": "the flags' bits put together; what Linux does not list is 0"
        },
        {
          "data": "cpuid 0x4, 0x16",
          "source": "as above, and Intel's product specification: 48 KB L1, 1.25 MB L2, 36 MB L3",
          "reconstructed": "from the caches' geometries and the base frequency"
        },
        {
          "data": "cpuid 0xa",
          "source": "Bochs, CPU model corei7_icelake-u",
          "reconstructed": "version 5 with eight general and four fixed counters, as the Core part has it, which has the same cores"
        },
        {
          "data": "cpuid, other leaves",
          "source": "as skylake-server, without MPX",
          "reconstructed": "no dump of the part was found"
        },
        {
          "data": "vmxCapabilityMSRs",
          "source": "skylake-server, and the \"vmx flags\" of the same /proc/cpuinfo",
          "reconstructed": "5-level EPT; PCONFIG exiting, Intel PT with guest-physical addresses and IA32_RTIT_CTL, without BNDCFGS; CR4.UMIP and CR4.LA57. The revision identifier is Skylake's"
        },
        {
          "data": "msrs 0x10a",
          "source": "QEMU, CPU model Icelake-Server",
          "reconstructed": "from the list of features"
        },
        {
          "data": "msrs, others",
          "source": "as skylake-server",
          "reconstructed": "ratio of MSR_PLATFORM_INFO from the bogomips of /proc/cpuinfo"
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
