#if arch(x86_64) && os(Linux)
  import Glibc

  /// Runs single instructions on the host's processor.
  ///
  /// A page of code loads all registers, goes through the instruction, and stores them again. A fault
  /// arrives as a signal, whose handler goes on at the code that stores the registers.
  final class HostExecutor {
    private let page: UnsafeMutableRawPointer
    private let registers: UnsafeMutablePointer<UInt64>
    private let window: UnsafeMutableRawPointer
    private var code = CodeWriter()

    /// Offsets into the block of registers, behind the sixteen general ones.
    private enum Slot {
      static let flags = TestLayout.registers + 128
      static let hostStack = TestLayout.registers + 136
      static let end = TestLayout.registers + 144
    }
    private static let entry = TestLayout.base
    private static let epilogue = TestLayout.base + 0x400

    private let isExtended: Bool

    /// Maps the code and the window; nil if the addresses are taken.
    ///
    /// - Parameter extended: loads and stores x87, SSE and AVX state as well; the host must have AVX.
    init?(extended: Bool = false) {
      isExtended = extended
      let fixedNoReplace: Int32 = 0x10_0000
      guard
        let page = mmap(
          UnsafeMutableRawPointer(bitPattern: UInt(TestLayout.base)), TestLayout.byteCount,
          PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | fixedNoReplace, -1, 0),
        page != MAP_FAILED, UInt(bitPattern: page) == UInt(TestLayout.base)
      else { return nil }
      self.page = page
      mprotect(page + Int(TestLayout.boundary - TestLayout.base), 0x1000, PROT_NONE)
      registers = (page + Int(TestLayout.registers - TestLayout.base))
        .assumingMemoryBound(to: UInt64.self)
      window = page + Int(TestLayout.window - TestLayout.base)
      writeFrame()
      HostFaults.install()
    }

    deinit {
      HostFaults.remove()
      munmap(page, TestLayout.byteCount)
    }

    private func writeFrame() {
      code = CodeWriter(at: Self.entry)
      code.put(0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57)
      code.store(register: 4, at: Slot.hostStack)
      code.putRelative([0xff, 0x35], to: Slot.flags)  // push [flags]
      code.put(0x9d)  // popfq
      if isExtended {
        code.transferState(0x20, at: TestLayout.ownExtendedState)
        code.transferState(0x28, at: TestLayout.extendedState)
      }
      for register in 0..<16 as Range<UInt8> where register != 4 {
        code.load(register: register, at: TestLayout.registers + UInt64(register) * 8)
      }
      code.load(register: 4, at: TestLayout.registers + 4 * 8)
      code.jump(to: TestLayout.instruction)
      code.copy(to: page)

      code = CodeWriter(at: Self.epilogue)
      for register in 0..<16 as Range<UInt8> {
        code.store(register: register, at: TestLayout.registers + UInt64(register) * 8)
      }
      code.load(register: 4, at: Slot.hostStack)
      if isExtended {
        code.transferState(0x20, at: TestLayout.extendedState)
        code.transferState(0x28, at: TestLayout.ownExtendedState)
      }
      code.put(0x9c)  // pushfq
      code.putRelative([0x8f, 0x05], to: Slot.flags)  // pop [flags]
      code.put(0xfc, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3)
      code.copy(to: page)

      writeExit(at: TestLayout.branchTarget, number: 2)
      writeExit(at: HostFaults.resumption, number: 3)
    }

    /// Code that notes how the instruction ended, without a change of registers or flags.
    private func writeExit(at address: UInt64, number: UInt32) {
      code = CodeWriter(at: address)
      code.putRelative([0xc7, 0x05], to: Slot.end, immediate: number)
      code.jump(to: Self.epilogue)
      code.copy(to: page)
    }

    /// Chooses the instruction that `run` runs.
    func setInstruction(_ bytes: [UInt8]) {
      code = CodeWriter(at: TestLayout.instruction)
      code.put(bytes)
      code.copy(to: page)
      writeExit(at: TestLayout.instruction + UInt64(bytes.count), number: 1)
    }

    /// How an encoding that ends right before a page that cannot be read behaves.
    enum Probe {
      /// It was carried out, or refused for what it wanted to do.
      case instruction
      /// #UD.
      case undefined
      /// More bytes belong to it.
      case truncated
    }

    /// Tries `bytes`, and nothing else, as an instruction.
    ///
    /// All registers but RAX and RCX point to memory; whatever the instruction does is undone. It must
    /// not change the base of FS.
    func probe(_ bytes: [UInt8]) -> Probe {
      let start = TestLayout.boundary - UInt64(bytes.count)
      code = CodeWriter(at: start)
      code.put(bytes)
      code.copy(to: page)
      code = CodeWriter(at: TestLayout.instruction)
      code.jump(to: start)
      code.copy(to: page)
      let middle = TestLayout.window + UInt64(TestLayout.windowBytes / 2)
      for register in 0..<16 { registers[register] = middle }
      // The number of a system call without effect (getpid), in case it is one; a short count.
      registers[0] = 39
      registers[1] = 1
      registers[16] = 0x202
      window.initializeMemory(as: UInt8.self, repeating: 0, count: TestLayout.windowBytes)
      let area = page + Int(TestLayout.extendedState - TestLayout.base)
      ExtendedState().area.withUnsafeBytes {
        area.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
      }
      HostFaults.isProbing = true
      unsafeBitCast(page, to: (@convention(c) () -> Void).self)()
      HostFaults.isProbing = false
      if HostFaults.signal == SIGILL, HostFaults.place == start { return .undefined }
      return HostFaults.isFetch && HostFaults.place == start ? .truncated : .instruction
    }

    /// Runs the instruction from `state`, which becomes the state behind it.
    func run(_ state: inout MachineState) -> InstructionEnd {
      for register in 0..<16 { registers[register] = state.general[register] }
      registers[16] = state.flags | 0x202
      registers[18] = 0
      state.memory.withUnsafeBytes { window.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
      let area = page + Int(TestLayout.extendedState - TestLayout.base)
      if isExtended, let extended = state.extended {
        extended.area.withUnsafeBytes {
          area.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
        }
      }
      HostFaults.signal = 0
      unsafeBitCast(page, to: (@convention(c) () -> Void).self)()
      for register in 0..<16 { state.general[register] = registers[register] }
      state.flags = registers[16] & MachineState.flagsMask
      state.memory.withUnsafeMutableBytes {
        $0.baseAddress!.copyMemory(from: window, byteCount: $0.count)
      }
      if isExtended, state.extended != nil {
        state.extended?.area.withUnsafeMutableBytes {
          $0.baseAddress!.copyMemory(from: area, byteCount: $0.count)
        }
      }
      switch registers[18] {
      case 1: return .fellThrough
      case 2: return .branched
      default:
        switch HostFaults.signal {
        case SIGFPE: return .faulted(HostFaults.isIntegerFault ? .divideError : .floatingPoint)
        case SIGILL: return .faulted(.invalidOpcode)
        case SIGBUS: return .faulted(.stackOrAlignment)
        default: return .faulted(.protection)
        }
      }
    }
  }

  /// The few encodings that the frame around an instruction needs.
  private struct CodeWriter {
    private var address: UInt64
    private var bytes: [UInt8] = []

    init(at address: UInt64 = 0) { self.address = address }

    private var end: UInt64 { address + UInt64(bytes.count) }

    mutating func put(_ new: UInt8...) { bytes += new }
    mutating func put(_ new: [UInt8]) { bytes += new }

    private mutating func put32(_ value: UInt32) {
      for shift in [0, 8, 16, 24] as [UInt32] {
        bytes.append(UInt8(truncatingIfNeeded: value >> shift))
      }
    }

    /// An opcode with a RIP-relative operand and perhaps an immediate.
    mutating func putRelative(_ opcode: [UInt8], to target: UInt64, immediate: UInt32? = nil) {
      bytes += opcode
      let behind = end + 4 + (immediate == nil ? 0 : 4)
      put32(UInt32(truncatingIfNeeded: target &- behind))
      if let immediate { put32(immediate) }
    }

    mutating func load(register: UInt8, at target: UInt64) {
      putRelative([register > 7 ? 0x4c : 0x48, 0x8b, register << 3 & 0x38 | 5], to: target)
    }

    mutating func store(register: UInt8, at target: UInt64) {
      putRelative([register > 7 ? 0x4c : 0x48, 0x89, register << 3 & 0x38 | 5], to: target)
    }

    /// XSAVE (opcode extension 20H) or XRSTOR (28H) of x87, SSE and AVX, through EAX and EDX.
    mutating func transferState(_ extension: UInt8, at target: UInt64) {
      put(0xb8, 7, 0, 0, 0, 0xba, 0, 0, 0, 0)  // mov eax, 7; mov edx, 0
      putRelative([0x48, 0x0f, 0xae, `extension` | 5], to: target)
    }

    mutating func jump(to target: UInt64) { putRelative([0xe9], to: target) }

    func copy(to page: UnsafeMutableRawPointer) {
      (page + Int(address - TestLayout.base)).copyMemory(from: bytes, byteCount: bytes.count)
    }
  }

  /// Signals that stand for faults of the instruction under test.
  private enum HostFaults {
    static let resumption = TestLayout.base + 0x600
    nonisolated(unsafe) static var signal: Int32 = 0
    /// The SIGFPE was a #DE.
    nonisolated(unsafe) static var isIntegerFault = false
    /// Every fault is the instruction's, wherever it led to.
    nonisolated(unsafe) static var isProbing = false
    /// Where the fault was.
    nonisolated(unsafe) static var place: UInt64 = 0
    /// It was a page fault of the fetch at the boundary.
    nonisolated(unsafe) static var isFetch = false
    nonisolated(unsafe) private static var previous: [(Int32, sigaction)] = []
    nonisolated(unsafe) private static var stack: UnsafeMutableRawPointer?
    nonisolated(unsafe) private static var mask = sigset_t()
    private static let stackBytes = 1 << 16

    /// Handles the signals, on a stack of its own because RSP is under test; holds off all others.
    static func install() {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: stackBytes, alignment: 4096)
      stack = memory
      var alternative = stack_t(ss_sp: memory, ss_flags: 0, ss_size: stackBytes)
      sigaltstack(&alternative, nil)
      var blocked = sigset_t()
      sigfillset(&blocked)
      for number in [SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGTRAP] {
        sigdelset(&blocked, number)
        var action = sigaction()
        action.__sigaction_handler.sa_sigaction = handler
        action.sa_flags = SA_SIGINFO | Int32(SA_ONSTACK)
        var old = sigaction()
        sigaction(number, &action, &old)
        previous.append((number, old))
      }
      pthread_sigmask(SIG_BLOCK, &blocked, &mask)
    }

    static func remove() {
      for (number, old) in previous {
        var old = old
        sigaction(number, &old, nil)
      }
      previous = []
      var none = stack_t(ss_sp: nil, ss_flags: Int32(SS_DISABLE), ss_size: 0)
      sigaltstack(&none, nil)
      stack?.deallocate()
      stack = nil
      pthread_sigmask(SIG_SETMASK, &mask, nil)
    }

    private static let handler:
      @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void = {
        number, information, context in
        guard let context else { return }
        let machine = context.assumingMemoryBound(to: ucontext_t.self)
        withUnsafeMutableBytes(of: &machine.pointee.uc_mcontext.gregs) { registers in
          let rip = 16 * 8
          let address = registers.load(fromByteOffset: rip, as: UInt64.self)
          guard
            HostFaults.isProbing
              || (TestLayout.base..<TestLayout.base + UInt64(TestLayout.byteCount))
                .contains(address)
          else {
            Glibc.signal(number, SIG_DFL)
            return
          }
          HostFaults.signal = number
          HostFaults.place = address
          // Trap number, and of the error code of a page fault the bit of instruction fetches.
          let vector = registers.load(fromByteOffset: 20 * 8, as: UInt64.self)
          let error = registers.load(fromByteOffset: 19 * 8, as: UInt64.self)
          let target = UInt64(UInt(bitPattern: information?.pointee._sifields._sigfault.si_addr))
          HostFaults.isFetch = vector == 14 && error & 0x10 != 0 && target == TestLayout.boundary
          // FPE_INTDIV and FPE_INTOVF.
          HostFaults.isIntegerFault = (information?.pointee.si_code ?? 1) <= 2
          registers.storeBytes(of: resumption, toByteOffset: rip, as: UInt64.self)
        }
      }
  }
#endif
