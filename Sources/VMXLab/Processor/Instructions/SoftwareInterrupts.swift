import CCapstone

// INT n, INT3, INTO, INT1.
//
// Source: Intel SDM, "INT n/INTO/INT3/INT1—Call to Interrupt Procedure" and "Handling
// Interrupts and Exceptions in Virtual-8086 Mode".
extension InstructionForm {
  static let softwareInterrupts: [InstructionForm] = [
    InstructionForm(X86_INS_INT, .softwareInterrupt, .end) { decoded, builder in
      guard case .immediate(let vector)? = decoded.operands.first else { return nil }
      builder.immediate = vector & 0xff
      return { state, i in
        system(state, i) { cpu, i in
          cpu.interrupt(UInt8(truncatingIfNeeded: i.pointer.pointee.immediate), i)
        }
      }
    },
    InstructionForm(X86_INS_INT3, .softwareInterrupt, .end) { _, builder in
      builder.isBranchTarget = true
      return { state, i in
        system(state, i) { cpu, i in
          cpu.deliverSoftware(ExceptionVector.breakpoint.rawValue, .softwareException, i)
        }
      }
    },
    InstructionForm(X86_INS_INTO, .softwareInterrupt, .end) { decoded, _ in
      guard !decoded.isLongMode else { return nil }
      return { state, i in
        system(state, i) { cpu, i in
          guard cpu.lazy.of else { return }
          cpu.deliverSoftware(ExceptionVector.overflow.rawValue, .softwareException, i)
        }
      }
    },
    InstructionForm(X86_INS_INT1, .softwareInterrupt, .end) { _, builder in
      builder.isBranchTarget = true
      return { state, i in
        system(state, i) { cpu, i in
          cpu.deliverSoftware(ExceptionVector.debug.rawValue, .privilegedSoftwareException, i)
        }
      }
    },
  ]
}

extension Processor {
  /// Delivers the event of the current instruction; RIP stays at the instruction if that faults.
  fileprivate mutating func deliverSoftware(
    _ vector: UInt8, _ type: InterruptionType, _ i: InstructionReference
  ) {
    var event = PendingEvent()
    event.kind = .exception
    event.vector = vector
    event.type = type
    event.instructionLength = UInt8(truncatingIfNeeded: i.pointer.pointee.length)
    deliver(event)
    if pending.kind == .none { nextRIP = rip }
  }

  /// INT n.
  fileprivate mutating func interrupt(_ vector: UInt8, _ i: InstructionReference) {
    if mode == .virtual8086 {
      if cr4.contains(.vme) {
        guard let isRedirected = isRedirected(vector) else { return }
        if isRedirected { return interruptVirtual8086(vector) }
      }
      guard iopl == 3 else { return raise(.generalProtection, errorCode: 0) }
    }
    deliverSoftware(vector, .softwareInterrupt, i)
  }

  /// Whether the interrupt-redirection bitmap of the TSS sends INT n to the 8086 program's own
  /// handler; nil after a fault of the access.
  ///
  /// Source: Intel SDM, "Software Interrupt Handling Methods".
  mutating func isRedirected(_ vector: UInt8) -> Bool? {
    let task = segments[7]
    guard !hasTSS16, task.limit >= 0x67 else { return false }
    guard let map = readSystem(systemAddress(task.base &+ 0x66), UInt16.self) else { return nil }
    // The 32 bytes of the bitmap lie below the I/O permission bitmap.
    guard map >= 32, UInt32(map) &- 1 <= task.limit else { return false }
    let offset = UInt64(map) &- 32 &+ UInt64(vector >> 3)
    guard let bits = readSystem(systemAddress(task.base &+ offset), UInt8.self) else { return nil }
    return bits >> (vector & 7) & 1 == 0
  }

  /// INT n as an 8086 does it, with the interrupt vector table at linear address 0; returns to
  /// `nextRIP`, which becomes the handler's.
  mutating func interruptVirtual8086(_ vector: UInt8) {
    guard let entry = read(UInt64(vector) &* 4, UInt32.self) else { return }
    var flags = rflags & ~RFLAGS.rf.rawValue
    if iopl < 3 {
      // The program sees its virtual interrupt flag as IF, and IOPL 3.
      flags |= RFLAGS.iopl.rawValue | RFLAGS.if.rawValue
      if systemFlags & RFLAGS.vif.rawValue == 0 { flags &= ~RFLAGS.if.rawValue }
    }
    var pointer = stackPointer
    guard push(UInt16(truncatingIfNeeded: flags), &pointer),
      push(segments[1].selector, &pointer),
      push(UInt16(truncatingIfNeeded: nextRIP), &pointer)
    else { return }
    commit(pointer)
    loadVirtual8086Segment(1, UInt16(truncatingIfNeeded: entry >> 16))
    nextRIP = UInt64(entry & 0xffff)
    setSystemFlags([iopl == 3 ? .if : .vif, .tf, .nt, .ac], false)
    step.hadTF = false
    updateMode()
  }
}
