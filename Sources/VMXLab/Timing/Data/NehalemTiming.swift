extension TimingProfileCatalog {
  static let nehalem: StaticString = #"""
    {
      "name": "nehalem",
      "description": "Nehalem",
      "vmcsCaching": false,
      "groups": [
        {
          "source": "after Agner Fog, Instruction tables: reciprocal throughput, rounded up to a whole cycle",
          "cycles": {
            "alu": 1, "load": 1, "store": 1, "readModifyWrite": 1, "lea": 1, "multiply8": 1,
            "multiply16": 2, "multiply32": 2, "multiply64": 2, "shift": 1, "shiftDouble": 1,
            "rotateCarry": 2, "bitScan": 1, "push": 1, "pop": 1, "leave": 3, "branchNotTaken": 1,
            "branchTaken": 2, "jump": 2, "indirectBranch": 2, "call": 2, "return": 2, "loop": 4,
            "prefetch": 1, "nop": 1, "x87": 1, "sse": 1, "sseMultiply": 1
          }
        },
        {
          "source": "after Agner Fog, Instruction tables, x87: reciprocal throughput, the middle of the published values",
          "cycles": {
            "x87Divide": 15, "x87Remainder": 30, "x87Decimal": 150, "x87Control": 4,
            "x87Environment": 160, "x87StateSave": 160, "x87StateRestore": 160
          }
        },
        {
          "source": "after Agner Fog, Instruction tables: reciprocal throughput, the middle of a published range; of a locked instruction what the prefix adds",
          "cycles": {
            "divide8": 9, "divide16": 10, "divide32": 12, "divide64": 44, "signedDivide8": 9,
            "signedDivide16": 10, "signedDivide32": 12, "signedDivide64": 56, "decimalAdjust": 4,
            "flagsTransfer": 14, "pushAll": 8, "popAll": 10, "enter": 8, "lock": 18,
            "exchangeMemory": 20, "compareExchange": 6, "compareExchange16B": 15, "fence": 23,
            "cpuid": 62, "readTSC": 24, "readTSCP": 35, "readPMC": 40, "loadSegment": 13,
            "readSegment": 1, "sseDivide": 16, "x87Transcendental": 60, "fxSave": 100,
            "fxRestore": 90, "xSave": 100, "xRestore": 90, "farTransfer": 67
          }
        },
        {
          "source": "after Agner Fog, Instruction tables",
          "cycles": {
            "pause": 9
          }
        },
        {
          "source": "after Agner Fog, Instruction tables: start-up; a step is charged a cycle",
          "cycles": {
            "stringStart": 20, "stringStep": 1
          }
        },
        {
          "source": "after Mi et al., SkyBridge (EuroSys 2019), measured on Skylake; no figure for this part",
          "cycles": {
            "syscall": 82, "sysret": 75, "swapGS": 26, "writeControlRegister": 186, "vmfunc": 134
          }
        },
        {
          "source": "after Agesen et al., Software Techniques for Avoiding Hardware Virtualization Exits (USENIX ATC 2012): its round trip of 1009 cycles, split over all phases in proportion to the fields each handles (the split is an estimate)",
          "cycles": {
            "entryBase": 120, "entryGuestStateLoad": 180, "exitBase": 100, "exitSaveState": 160,
            "exitHostStateLoad": 189, "entryControlChecks": 60, "entryHostChecks": 60,
            "entryGuestChecks": 140
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
          "source": "after uops.info, reciprocal throughput of PCMPISTRI",
          "cycles": {
            "stringCompare": 2
          }
        },
        {
          "source": "none: the part has no such instructions",
          "cycles": {
            "gather": 1, "cryptography": 1
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
            "portOutput": 300, "deviceAccess": 300, "pageWalkStep": 8, "eptWalkStep": 8,
            "vmxon": 300, "vmxoff": 200, "vmclear": 250, "vmptrld": 250, "vmptrst": 30,
            "vmread": 45, "vmwrite": 40, "invept": 200, "invvpid": 200, "vmcall": 30
          }
        }
      ]
    }
    """#
}
