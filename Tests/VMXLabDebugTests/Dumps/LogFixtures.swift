/// Logs of the forms that hypervisors print, with made-up values: a 64-bit guest that breaks no rule on
/// the default processor. Tests change them.
enum LogFixtures {
  /// Linux 5.18 to 6.16 (since 6.2 with `kvm_intel:`).
  static let newKVM = """
    [  100.000001] kvm_intel: VMCS 00000000deadbeef, last attempted VM-entry on CPU 3
    [  100.000002] kvm_intel: *** Guest State ***
    [  100.000003] kvm_intel: CR0: actual=0x0000000080050033, shadow=0x0000000080050033, gh_mask=fffffffffffefff7
    [  100.000004] kvm_intel: CR4: actual=0x00000000000026f0, shadow=0x00000000000006f0, gh_mask=fffffffffffef871
    [  100.000005] kvm_intel: CR3 = 0x0000000001234000
    [  100.000006] kvm_intel: PDPTR0 = 0x0000000000000000  PDPTR1 = 0x0000000000000001
    [  100.000007] kvm_intel: PDPTR2 = 0x0000000000000000  PDPTR3 = 0x0000000000000000
    [  100.000008] kvm_intel: RSP = 0xffffc90000017418  RIP = 0xffffffff81000010
    [  100.000009] kvm_intel: RFLAGS=0x00000246         DR7 = 0x0000000000000400
    [  100.000010] kvm_intel: Sysenter RSP=fffffe0000003000 CS:RIP=0010:ffffffff82201960
    [  100.000011] kvm_intel: CS:   sel=0x0010, attr=0x0a09b, limit=0xffffffff, base=0x0000000000000000
    [  100.000012] kvm_intel: DS:   sel=0x0000, attr=0x1c001, limit=0xffffffff, base=0x0000000000000000
    [  100.000013] kvm_intel: SS:   sel=0x0018, attr=0x0c093, limit=0xffffffff, base=0x0000000000000000
    [  100.000014] kvm_intel: ES:   sel=0x0000, attr=0x1c001, limit=0xffffffff, base=0x0000000000000000
    [  100.000015] kvm_intel: FS:   sel=0x0000, attr=0x1c001, limit=0xffffffff, base=0x0000000000000000
    [  100.000016] kvm_intel: GS:   sel=0x0000, attr=0x1c001, limit=0xffffffff, base=0xffff888236e00000
    [  100.000017] kvm_intel: GDTR:                           limit=0x0000007f, base=0xfffffe0000001000
    [  100.000018] kvm_intel: LDTR: sel=0x0000, attr=0x1c000, limit=0xffffffff, base=0x0000000000000000
    [  100.000019] kvm_intel: IDTR:                           limit=0x00000fff, base=0xfffffe0000000000
    [  100.000020] kvm_intel: TR:   sel=0x0040, attr=0x0008b, limit=0x00004087, base=0xfffffe0000003000
    [  100.000021] kvm_intel: EFER= 0x0000000000000d01
    [  100.000022] kvm_intel: PAT = 0x0407050600070106
    [  100.000023] kvm_intel: DebugCtl = 0x0000000000000000  DebugExceptions = 0x0000000000000000
    [  100.000024] kvm_intel: Interruptibility = 00000000  ActivityState = 00000000
    [  100.000025] kvm_intel: InterruptStatus = 0000
    [  100.000026] kvm_intel: MSR guest autoload:
    [  100.000027] kvm_intel:    0: msr=0x00000600 value=0x0000000000000000
    [  100.000028] kvm_intel: *** Host State ***
    [  100.000029] kvm_intel: RIP = 0xffffffffc11accb0  RSP = 0xffffacd087de7d28
    [  100.000030] kvm_intel: CS=0010 SS=0018 DS=0000 ES=0000 FS=0000 GS=0000 TR=0040
    [  100.000031] kvm_intel: FSBase=00007f5088e006c0 GSBase=ffff90ecbec00000 TRBase=fffffe4d122bd000
    [  100.000032] kvm_intel: GDTBase=fffffe4d122bb000 IDTBase=fffffe0000000000
    [  100.000033] kvm_intel: CR0=0000000080050033 CR3=000000035dde6000 CR4=00000000003626f0
    [  100.000034] kvm_intel: Sysenter RSP=fffffe4d122bd000 CS:RIP=0010:ffffffffa7e02020
    [  100.000035] kvm_intel: EFER= 0x0000000000000d01
    [  100.000036] kvm_intel: PAT = 0x0407050600070106
    [  100.000037] kvm_intel: *** Control State ***
    [  100.000038] kvm_intel: CPUBased=0xb5a06dfa SecondaryExec=0x000013eb TertiaryExec=0x0000000000000000
    [  100.000039] kvm_intel: PinBased=0x000000ff EntryControls=0000d3ff ExitControls=002befff
    [  100.000040] kvm_intel: ExceptionBitmap=00060042 PFECmask=00000000 PFECmatch=00000000
    [  100.000041] kvm_intel: VMEntry: intr_info=00000000 errcode=00000000 ilen=00000000
    [  100.000042] kvm_intel: VMExit: intr_info=00000000 errcode=00000000 ilen=00000003
    [  100.000043] kvm_intel:         reason=80000021 qualification=0000000000000000
    [  100.000044] kvm_intel: IDTVectoring: info=00000000 errcode=00000000
    [  100.000045] kvm_intel: TSC Offset = 0xfffff9be78c9dd49
    [  100.000046] kvm_intel: SVI|RVI = 00|00 TPR Threshold = 0x00
    [  100.000047] kvm_intel: APIC-access addr = 0x0000000360523000 virt-APIC addr = 0x0000000360524000
    [  100.000048] kvm_intel: PostedIntrVec = 0xf2
    [  100.000049] kvm_intel: EPT pointer = 0x0000000299e9305e
    [  100.000050] kvm_intel: Virtual processor ID = 0x0001

    """

  /// Linux 4.3 to 5.12: IA32_EFER and IA32_PAT on one line, no list of PDPTEs for a 64-bit guest.
  static let oldKVM =
    newKVM
    .replacing("kvm_intel: ", with: "")
    .replacing("EFER= 0x0000000000000d01\n", with: "EFER =     0x0000000000000d01")
    .replacing("[  100.000022] PAT =", with: "  PAT =")
    .replacing("[  100.000036] PAT =", with: "  PAT =")
    .replacing("CPUBased=0xb5a06dfa", with: "PinBased=000000ff CPUBased=b5a06dfa")
    .replacing(
      " SecondaryExec=0x000013eb TertiaryExec=0x0000000000000000", with: " SecondaryExec=000013eb"
    )
    .replacing("PinBased=0x000000ff EntryControls", with: "EntryControls")

  /// Xen 4.6 to 4.20.
  static let newXen = """
    (XEN) d2v0 vmentry failure (reason 0x80000021): Invalid guest state (0)
    (XEN) ************* VMCS Area **************
    (XEN) *** Guest State ***
    (XEN) CR0: actual=0x0000000080050033, shadow=0x0000000080050033, gh_mask=ffffffffffffffff
    (XEN) CR4: actual=0x00000000000026f0, shadow=0x00000000000006f0, gh_mask=ffffffffffe8f860
    (XEN) CR3 = 0x0000000001234000
    (XEN) RSP = 0xffffc90000017418 (0xffffc90000017418)  RIP = 0xffffffff81000010 (0xffffffff81000010)
    (XEN) RFLAGS=0x00000246 (0x00000246)  DR7 = 0x0000000000000400
    (XEN) Sysenter RSP=fffffe0000003000 CS:RIP=0010:ffffffff82201960
    (XEN)        sel  attr  limit   base
    (XEN)   CS: 0010 0a09b ffffffff 0000000000000000
    (XEN)   DS: 0000 1c001 ffffffff 0000000000000000
    (XEN)   SS: 0018 0c093 ffffffff 0000000000000000
    (XEN)   ES: 0000 1c001 ffffffff 0000000000000000
    (XEN)   FS: 0000 1c001 ffffffff 0000000000000000
    (XEN)   GS: 0000 1c001 ffffffff ffff888236e00000
    (XEN) GDTR:            0000007f fffffe0000001000
    (XEN) LDTR: 0000 1c000 ffffffff 0000000000000000
    (XEN) IDTR:            00000fff fffffe0000000000
    (XEN)   TR: 0040 0008b 00004087 fffffe0000003000
    (XEN) EFER(VMCS) = 0x0000000000000d01  PAT = 0x0407050600070106
    (XEN) PreemptionTimer = 0x00000000  SM Base = 0x00000000
    (XEN) DebugCtl = 0x0000000000000000  DebugExceptions = 0x0000000000000000
    (XEN) Interruptibility = 00000000  ActivityState = 00000000
    (XEN) InterruptStatus = 0000
    (XEN) *** Host State ***
    (XEN) RIP = 0xffff82d080341950 (vmx_asm_vmexit_handler)  RSP = 0xffff83083ff0ff70
    (XEN) CS=e008 SS=0000 DS=0000 ES=0000 FS=0000 GS=0000 TR=e040
    (XEN) FSBase=0000000000000000 GSBase=0000000000000000 TRBase=ffff83083ff14000
    (XEN) GDTBase=ffff83083ff03000 IDTBase=ffff83083ff07000
    (XEN) CR0=0000000080050033 CR3=000000054dbea000 CR4=00000000001526e0
    (XEN) Sysenter RSP=ffff83083ff0ffa0 CS:RIP=e008:ffff82d080395440
    (XEN) EFER = 0x0000000000000d01  PAT = 0x0000050100070406
    (XEN) *** Control State ***
    (XEN) PinBased=000000bf CPUBased=b62065fa SecondaryExec=000013eb
    (XEN) EntryControls=0000d3ff ExitControls=002fefff
    (XEN) ExceptionBitmap=00060002 PFECmask=00000000 PFECmatch=00000000
    (XEN) VMEntry: intr_info=00000000 errcode=00000000 ilen=00000000
    (XEN) VMExit: intr_info=00000000 errcode=00000000 ilen=00000001
    (XEN)         reason=80000021 qualification=0000000000000000
    (XEN) IDTVectoring: info=00000000 errcode=00000000
    (XEN) TSC Offset = 0xfffff45ded46dd57  TSC Multiplier = 0x0000000000000000
    (XEN) TPR Threshold = 0x00  PostedIntrVec = 0xf5
    (XEN) EPT pointer = 0x000000054e3a701e  EPTP index = 0x0000
    (XEN) Virtual processor ID = 0x5a02 VMfunc controls = 0000000000000000
    (XEN) **************************************

    """

  /// Xen 3.1 to 4.5: other labels, IA32_EFER is not shown.
  static let oldXen = """
    (XEN) Failed vm entry (exit reason 0x80000021) caused by invalid guest state (0).
    (XEN) ************* VMCS Area **************
    (XEN) *** Guest State ***
    (XEN) CR0: actual=0x0000000080050033, shadow=0x0000000080050033, gh_mask=ffffffffffffffff
    (XEN) CR4: actual=0x00000000000026f0, shadow=0x00000000000006f0, gh_mask=ffffffffffffffff
    (XEN) CR3: actual=0x0000000001234000, target_count=0
    (XEN)      target0=0000000000000000, target1=0000000000000000
    (XEN)      target2=0000000000000000, target3=0000000000000000
    (XEN) RSP = 0xffffc90000017418 (0xffffc90000017418)  RIP = 0xffffffff81000010 (0xffffffff81000010)
    (XEN) RFLAGS=0x0000000000000246 (0x0000000000000246)  DR7 = 0x0000000000000400
    (XEN) Sysenter RSP=fffffe0000003000 CS:RIP=0010:ffffffff82201960
    (XEN) CS: sel=0x0010, attr=0x0a09b, limit=0xffffffff, base=0x0000000000000000
    (XEN) DS: sel=0x0000, attr=0x1c001, limit=0xffffffff, base=0x0000000000000000
    (XEN) SS: sel=0x0018, attr=0x0c093, limit=0xffffffff, base=0x0000000000000000
    (XEN) ES: sel=0x0000, attr=0x1c001, limit=0xffffffff, base=0x0000000000000000
    (XEN) FS: sel=0x0000, attr=0x1c001, limit=0xffffffff, base=0x0000000000000000
    (XEN) GS: sel=0x0000, attr=0x1c001, limit=0xffffffff, base=0xffff888236e00000
    (XEN) GDTR:                           limit=0x0000007f, base=0xfffffe0000001000
    (XEN) LDTR: sel=0x0000, attr=0x1c000, limit=0xffffffff, base=0x0000000000000000
    (XEN) IDTR:                           limit=0x00000fff, base=0xfffffe0000000000
    (XEN) TR: sel=0x0040, attr=0x0008b, limit=0x00004087, base=0xfffffe0000003000
    (XEN) Guest PAT = 0x0407050600070106
    (XEN) TSC Offset = ffffff45ded46dd5
    (XEN) DebugCtl=0000000000000000 DebugExceptions=0000000000000000
    (XEN) Interruptibility=0000 ActivityState=0000
    (XEN) *** Host State ***
    (XEN) RSP = 0xffff83083ff0ff70  RIP = 0xffff82d080341950
    (XEN) CS=e008 DS=0000 ES=0000 FS=0000 GS=0000 SS=0000 TR=e040
    (XEN) FSBase=0000000000000000 GSBase=0000000000000000 TRBase=ffff83083ff14000
    (XEN) GDTBase=ffff83083ff03000 IDTBase=ffff83083ff07000
    (XEN) CR0=0000000080050033 CR3=000000054dbea000 CR4=00000000001526e0
    (XEN) Sysenter RSP=ffff83083ff0ffa0 CS:RIP=e008:ffff82d080395440
    (XEN) Host PAT = 0x0000050100070406
    (XEN) *** Control State ***
    (XEN) PinBased=0000003f CPUBased=b6a065fa SecondaryExec=000000eb
    (XEN) EntryControls=000053ff ExitControls=000fefff
    (XEN) ExceptionBitmap=00060042
    (XEN) VMEntry: intr_info=00000000 errcode=00000000 ilen=00000000
    (XEN) VMExit: intr_info=00000000 errcode=00000000 ilen=00000000
    (XEN)         reason=80000021 qualification=00000000
    (XEN) IDTVectoring: info=00000000 errcode=00000000
    (XEN) TPR Threshold = 0x00
    (XEN) EPT pointer = 0x000000054e3a701e
    (XEN) Virtual processor ID = 0x0002
    (XEN) **************************************

    """

  static let all: [(name: String, log: String)] = [
    ("new KVM", newKVM), ("old KVM", oldKVM), ("new Xen", newXen), ("old Xen", oldXen),
  ]
}
