extension CPUProfileCatalog {
  static let haswell: StaticString = #"""
    {
      "name": "haswell",
      "description": "Haswell, 2013: the first with VMCS shadowing and EPTP switching",
      "frequency": 3400000000,
      "timing": "haswell",
      "cpuid": {
        "0x0":        ["0x0000000d", "0x756e6547", "0x6c65746e", "0x49656e69"],
        "0x1":        ["0x000306c3", "0x00100800", "0x7ffafbff", "0xbfebfbff"],
        "0x2":        ["0x76036301", "0x00f0b5ff", "0x00000000", "0x00c10000"],
        "0x4/0":      ["0x1c004121", "0x01c0003f", "0x0000003f", "0x00000000"],
        "0x4/1":      ["0x1c004122", "0x01c0003f", "0x0000003f", "0x00000000"],
        "0x4/2":      ["0x1c004143", "0x01c0003f", "0x000001ff", "0x00000000"],
        "0x4/3":      ["0x1c03c163", "0x03c0003f", "0x00001fff", "0x00000006"],
        "0x5":        ["0x00000040", "0x00000040", "0x00000003", "0x00042120"],
        "0x6":        ["0x00000075", "0x00000002", "0x00000009", "0x00000000"],
        "0x7/0":      ["0x00000000", "0x000027ab", "0x00000000", "0x00000000"],
        "0xa":        ["0x07300403", "0x00000000", "0x00000000", "0x00000603"],
        "0xb/0":      ["0x00000001", "0x00000002", "0x00000100", "0x00000000"],
        "0xb/1":      ["0x00000004", "0x00000008", "0x00000201", "0x00000000"],
        "0xd/0":      ["0x00000007", "0x00000340", "0x00000340", "0x00000000"],
        "0xd/1":      ["0x00000001", "0x00000000", "0x00000000", "0x00000000"],
        "0xd/2":      ["0x00000100", "0x00000240", "0x00000000", "0x00000000"],
        "0x80000000": ["0x80000008", "0x00000000", "0x00000000", "0x00000000"],
        "0x80000001": ["0x00000000", "0x00000000", "0x00000021", "0x2c100800"],
        "0x80000002": ["0x65746e49", "0x2952286c", "0x726f4320", "0x4d542865"],
        "0x80000003": ["0x37692029", "0x3737342d", "0x50432030", "0x20402055"],
        "0x80000004": ["0x30342e33", "0x007a4847", "0x00000000", "0x00000000"],
        "0x80000006": ["0x00000000", "0x00000000", "0x01006040", "0x00000000"],
        "0x80000007": ["0x00000000", "0x00000000", "0x00000000", "0x00000100"],
        "0x80000008": ["0x00003027", "0x00000000", "0x00000000", "0x00000000"]
      },
      "vmxCapabilityMSRs": {
        "0x480": "0x00da040000000012",
        "0x481": "0x0000007f00000016",
        "0x482": "0xfff9fffe0401e172",
        "0x483": "0x007fffff00036dff",
        "0x484": "0x0000ffff000011ff",
        "0x485": "0x00000000300481e5",
        "0x486": "0x0000000080000021",
        "0x487": "0x00000000ffffffff",
        "0x488": "0x0000000000002000",
        "0x489": "0x00000000001767ff",
        "0x48a": "0x000000000000002a",
        "0x48b": "0x00007cff00000000",
        "0x48c": "0x00000f0106334141",
        "0x48d": "0x0000007f00000016",
        "0x48e": "0xfff9fffe04006172",
        "0x48f": "0x007fffff00036dfb",
        "0x490": "0x0000ffff000011fb",
        "0x491": "0x0000000000000001"
      },
      "msrs": {
        "0x17": "0x0004000000000000",
        "0xce": "0x00080838f3012200",
        "0x1a0": "0x0000000000850089",
        "0x345": "0x0000000000002000"
      },
      "sources": [
        {
          "data": "cpuid, vmxCapabilityMSRs, msrs",
          "source": "InstLatx64, GenuineIntel00306C3_Haswell_CPUID.txt (Core i7-4770)"
        },
        {
          "data": "cpuid 0x80000001",
          "source": "as above",
          "reconstructed": "SYSCALL (EDX bit 11), which a dump made outside 64-bit mode cannot show"
        },
        {
          "data": "vmxCapabilityMSRs 0x491",
          "source": "a VirtualBox log of a Haswell (MINIX issue 17)"
        },
        {
          "data": "msrs 0x1a0",
          "source": "as above, without the turbo-disable bit (38) that the machine's firmware had set"
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
