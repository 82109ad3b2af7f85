@testable import VMXLab

/// An `InstructionRunner` with what tests of performance monitoring share.
final class PerformanceRunner {
  let base: InstructionRunner
  var state: UnsafeMutablePointer<Processor> { base.state }
  var machine: Machine { base.machine }

  /// MSRs by the manual's numbers.
  enum Register {
    static let counter: UInt32 = 0xc1
    static let selection: UInt32 = 0x186
    static let fixedCounter: UInt32 = 0x309
    static let capabilities: UInt32 = 0x345
    static let fixedControl: UInt32 = 0x38d
    static let status: UInt32 = 0x38e
    static let global: UInt32 = 0x38f
    static let statusReset: UInt32 = 0x390
    static let statusSet: UInt32 = 0x391
    static let inUse: UInt32 = 0x392
    static let wideCounter: UInt32 = 0x4c1
    static let debugControl: UInt32 = 0x1d9
  }

  /// Event select and unit mask.
  enum Event {
    static let cycles: UInt64 = 0x3c
    static let instructions: UInt64 = 0xc0
    static let reference: UInt64 = 0x13c
    static let both: UInt64 = 3 << 16
    static let enabled: UInt64 = 1 << 22
    static let interrupts: UInt64 = 1 << 20
  }

  init(profile: String = "skylake-server") throws {
    base = try InstructionRunner(profile: profile)
  }

  @discardableResult
  func write(_ msr: UInt32, _ value: UInt64) -> Bool {
    base.run([0x0f, 0x30], [0: value & 0xffff_ffff, 1: UInt64(msr), 2: value >> 32]) == .retired
  }

  private func result(_ code: [UInt8], _ selector: UInt32) -> UInt64? {
    guard base.run(code, [1: UInt64(selector)]) == .retired else { return nil }
    return state.pointee.general[2] << 32 | state.pointee.general[0]
  }

  /// RDMSR; nil if it faults.
  func read(_ msr: UInt32) -> UInt64? { result([0x0f, 0x32], msr) }

  /// RDPMC; nil if it faults.
  func counter(_ selector: UInt32) -> UInt64? { result([0x0f, 0x33], selector) }

  /// Goes on with `code`, which is put at the usual place.
  func start(_ code: [UInt8]) {
    base.write(code, at: InstructionRunner.codeAddress)
    state.pointee.rip = InstructionRunner.codeAddress
    state.pointee.linkSource = nil
    state.pointee.general[4] = InstructionRunner.stackTop
    state.pointee.setRFLAGS(2)
    state.pointee.activity = .active
    state.pointee.updateAttention()
  }

  /// Makes the performance-monitoring interrupt an NMI; its handler is HLT.
  func deliverNMIs() {
    machine.platform.localAPIC.setSpurious(0x1ff)
    machine.platform.localAPIC.setLocalVector(.performance, 0x400)
  }

  /// The LVT entry of the performance-monitoring interrupt.
  var localVector: UInt32 { machine.platform.localAPIC[.performance] }

  // MARK: Code

  /// A loop for ever, of instructions of many lengths in bytes and cycles.
  static let loop: [UInt8] = [
    0x48, 0xff, 0xc0,  // inc rax
    0x48, 0x0f, 0xaf, 0xd8,  // imul rbx, rax
    0x90, 0x90,
    0xf3, 0x90,  // pause
    0x50, 0x5a,  // push rax; pop rdx
    0x48, 0x87, 0x0c, 0x24,  // xchg rcx, [rsp]
    0xb9, 0x05, 0, 0, 0,  // mov ecx, 5
    0xe2, 0xfe,  // loop $
    0xa8, 0x07,  // test al, 7
    0x75, 0x03,  // jnz +3
    0x0f, 0xae, 0xf0,  // mfence
    0xeb, 0xdf,  // jmp to the start
  ]

  /// SYSCALL goes to the kernel, whose SYSRET goes on behind it: a loop in both, for ever.
  func enterUserLoop() {
    let user: [UInt8] = [
      0x48, 0xff, 0xc0,  // inc rax
      0x90,
      0x48, 0x0f, 0xaf, 0xd8,  // imul rbx, rax
      0x0f, 0x05,  // syscall
      0xf3, 0x90,  // pause
      0xeb, 0xf2,  // jmp to the start
    ]
    let kernel: [UInt8] = [
      0x90,
      0xf3, 0x90,  // pause
      0x50, 0x5a,  // push rax; pop rdx
      0x48, 0x0f, 0x07,  // sysretq
    ]
    let place = InstructionRunner.codeAddress + 0x2000
    base.write(kernel, at: place)
    state.pointee.msrs.star = 0x13 << 48 | 8 << 32
    state.pointee.msrs.lstar = place
    start([0x48, 0x0f, 0x07])
    state.pointee.general[1] = InstructionRunner.codeAddress + 0x1000
    state.pointee.general[11] = 2
    base.write(user, at: InstructionRunner.codeAddress + 0x1000)
  }
}
