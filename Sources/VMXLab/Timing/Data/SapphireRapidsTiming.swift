extension TimingProfileCatalog {
  static let sapphireRapids: StaticString = #"""
    {
      "name": "sapphire-rapids",
      "description": "Sapphire Rapids (Golden Cove)",
      "vmcsCaching": true,
      "groups": [
        {
          "source": "LLVM 19 scheduling model sapphirerapids (llvm-mca): reciprocal throughput, rounded up to a whole cycle",
          "cycles": {
            "alu": 1, "load": 1, "store": 1, "readModifyWrite": 1, "lea": 1, "multiply8": 1,
            "multiply16": 1, "multiply32": 1, "multiply64": 1, "shift": 1, "shiftDouble": 1,
            "rotateCarry": 2, "bitScan": 1, "push": 1, "pop": 1, "leave": 1, "branchNotTaken": 1,
            "branchTaken": 1, "jump": 1, "indirectBranch": 1, "call": 1, "return": 1, "loop": 2,
            "prefetch": 1, "nop": 1, "x87": 1, "sse": 1, "sseMultiply": 1
          }
        },
        {
          "source": "after Agner Fog, Instruction tables, x87: reciprocal throughput, the middle of the published values",
          "cycles": {
            "x87Divide": 5, "x87Remainder": 20, "x87Decimal": 130, "x87Control": 4,
            "x87Environment": 90, "x87StateSave": 150, "x87StateRestore": 150
          }
        },
        {
          "source": "after Agner Fog, Instruction tables: reciprocal throughput, the middle of a published range; of a locked instruction what the prefix adds; 64-bit division after uops.info, other values as Skylake",
          "cycles": {
            "divide8": 6, "divide16": 6, "divide32": 6, "divide64": 10, "signedDivide8": 6,
            "signedDivide16": 6, "signedDivide32": 6, "signedDivide64": 10, "decimalAdjust": 4,
            "flagsTransfer": 20, "pushAll": 8, "popAll": 8, "enter": 8, "lock": 17,
            "exchangeMemory": 20, "compareExchange": 6, "compareExchange16B": 11, "fence": 33,
            "cpuid": 175, "readTSC": 25, "readTSCP": 32, "readPMC": 37, "loadSegment": 14,
            "readSegment": 1, "sseDivide": 4, "x87Transcendental": 60, "fxSave": 70,
            "fxRestore": 64, "xSave": 90, "xRestore": 80, "farTransfer": 60
          }
        },
        {
          "source": "Intel Optimization Reference Manual, PAUSE latency in Skylake Client Microarchitecture",
          "cycles": {
            "pause": 140
          }
        },
        {
          "source": "Intel Optimization Reference Manual, Enhanced REP MOVSB and STOSB Operation: start-up; a step is charged a cycle",
          "cycles": {
            "stringStart": 10, "stringStep": 1
          }
        },
        {
          "source": "after Mi et al., SkyBridge (EuroSys 2019), measured on Skylake; no figure for this part",
          "cycles": {
            "syscall": 82, "sysret": 75, "swapGS": 26, "writeControlRegister": 186, "vmfunc": 134
          }
        },
        {
          "source": "estimate: the downward trend of Agesen et al., Software Techniques for Avoiding Hardware Virtualization Exits (USENIX ATC 2012) continued, a round trip of 570 cycles with no field changed",
          "cycles": {
            "entryBase": 80, "entryGuestStateLoad": 180, "exitBase": 70, "exitSaveState": 110,
            "exitHostStateLoad": 130
          }
        },
        {
          "source": "Linux commit 3af80fec6e7f (KVM: VMX): consistency checks, done only when a field has changed, take several hundred cycles; 300 in all, split by the number of checks (an estimate)",
          "cycles": {
            "entryControlChecks": 70, "entryHostChecks": 70, "entryGuestChecks": 160
          }
        },
        {
          "source": "estimate: as RDMSR and WRMSR, with the access to the entry's 16 bytes",
          "cycles": {
            "entryMSRLoadEntry": 120, "exitMSRStoreEntry": 85, "exitMSRLoadEntry": 120
          }
        },
        {
          "source": "estimate: as the delivery of an exception",
          "cycles": {
            "entryEventInjection": 180, "entryPDPTELoad": 30
          }
        },
        {
          "source": "after uops.info, reciprocal throughput of VPGATHERDD of eight elements, PCMPISTRI and AESENC",
          "cycles": {
            "gather": 5, "stringCompare": 3, "cryptography": 1
          }
        },
        {
          "source": "estimate: no measurement was found",
          "cycles": {
            "hlt": 1, "cacheLineFlush": 50, "readMSR": 80, "writeMSR": 120,
            "readControlRegister": 12, "readDebugRegister": 30, "writeDebugRegister": 60,
            "loadDescriptorTable": 40, "storeDescriptorTable": 10, "loadTaskRegister": 60,
            "loadLDTR": 40, "segmentQuery": 30, "segmentBase": 18, "invalidatePage": 150,
            "invalidatePCID": 200, "writeBackInvalidate": 2000, "clearTaskSwitched": 25,
            "interruptFlag": 4, "xGetSet": 20, "random": 300, "monitor": 60, "sysenter": 82,
            "sysexit": 75, "softwareInterrupt": 180, "interruptReturn": 160,
            "exceptionDelivery": 180, "interruptDelivery": 220, "taskSwitch": 300, "portInput": 300,
            "portOutput": 300, "deviceAccess": 300, "pageWalkStep": 7, "eptWalkStep": 7,
            "vmxon": 300, "vmxoff": 200, "vmclear": 160, "vmptrld": 160, "vmptrst": 30,
            "vmread": 25, "vmwrite": 25, "invept": 200, "invvpid": 200, "vmcall": 30
          }
        }
      ]
    }
    """#
}
