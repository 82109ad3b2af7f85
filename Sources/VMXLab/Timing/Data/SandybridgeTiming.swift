extension TimingProfileCatalog {
  static let sandybridge: StaticString = #"""
    {
      "name": "sandybridge",
      "description": "Sandy Bridge",
      "vmcsCaching": true,
      "groups": [
        {
          "source": "LLVM 19 scheduling model sandybridge (llvm-mca): reciprocal throughput, rounded up to a whole cycle",
          "cycles": {
            "alu": 1, "load": 1, "store": 1, "readModifyWrite": 1, "lea": 1, "multiply8": 1,
            "multiply16": 2, "multiply32": 1, "multiply64": 1, "shift": 2, "shiftDouble": 2,
            "rotateCarry": 4, "bitScan": 1, "push": 1, "pop": 1, "leave": 1, "branchNotTaken": 1,
            "branchTaken": 1, "jump": 1, "indirectBranch": 1, "call": 1, "return": 1, "loop": 3,
            "prefetch": 1, "nop": 1, "x87": 1, "sse": 1, "sseMultiply": 1
          }
        },
        {
          "source": "after Agner Fog, Instruction tables, x87: reciprocal throughput, the middle of the published values",
          "cycles": {
            "x87Divide": 16, "x87Remainder": 24, "x87Decimal": 130, "x87Control": 4,
            "x87Environment": 140, "x87StateSave": 150, "x87StateRestore": 140
          }
        },
        {
          "source": "after Agner Fog, Instruction tables: reciprocal throughput, the middle of a published range; of a locked instruction what the prefix adds",
          "cycles": {
            "divide8": 13, "divide16": 13, "divide32": 15, "divide64": 49, "signedDivide8": 13,
            "signedDivide16": 13, "signedDivide32": 15, "signedDivide64": 55, "decimalAdjust": 4,
            "flagsTransfer": 18, "pushAll": 8, "popAll": 9, "enter": 8, "lock": 20,
            "exchangeMemory": 25, "compareExchange": 6, "compareExchange16B": 16, "fence": 36,
            "cpuid": 175, "readTSC": 28, "readTSCP": 36, "readPMC": 39, "loadSegment": 16,
            "readSegment": 1, "sseDivide": 16, "x87Transcendental": 60, "fxSave": 100,
            "fxRestore": 75, "xSave": 105, "xRestore": 90, "farTransfer": 60
          }
        },
        {
          "source": "after Agner Fog, Instruction tables",
          "cycles": {
            "pause": 11
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
          "source": "after Agesen et al., Software Techniques for Avoiding Hardware Virtualization Exits (USENIX ATC 2012): its round trip of 784 cycles, with no field changed, split over the phases without checks in proportion to the fields each handles (the split is an estimate)",
          "cycles": {
            "entryBase": 110, "entryGuestStateLoad": 250, "exitBase": 100, "exitSaveState": 150,
            "exitHostStateLoad": 174
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
          "source": "after uops.info, reciprocal throughput of PCMPISTRI and AESENC",
          "cycles": {
            "stringCompare": 3, "cryptography": 1
          }
        },
        {
          "source": "none: the part has no such instructions",
          "cycles": {
            "gather": 1
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
            "vmxon": 300, "vmxoff": 200, "vmclear": 200, "vmptrld": 200, "vmptrst": 30,
            "vmread": 35, "vmwrite": 35, "invept": 200, "invvpid": 200, "vmcall": 30
          }
        }
      ]
    }
    """#
}
