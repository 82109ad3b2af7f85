import CCapstone

// The table of string instructions.
extension InstructionForm {
  static let strings: [InstructionForm] = [
    string(X86_INS_MOVSB, moveOnceHandlers, moveRepeatedHandlers),
    string(X86_INS_MOVSW, moveOnceHandlers, moveRepeatedHandlers),
    string(X86_INS_MOVSD, moveOnceHandlers, moveRepeatedHandlers),
    string(X86_INS_MOVSQ, moveOnceHandlers, moveRepeatedHandlers),
    string(X86_INS_CMPSB, compareOnceHandlers, compareRepeatedHandlers),
    string(X86_INS_CMPSW, compareOnceHandlers, compareRepeatedHandlers),
    string(X86_INS_CMPSD, compareOnceHandlers, compareRepeatedHandlers),
    string(X86_INS_CMPSQ, compareOnceHandlers, compareRepeatedHandlers),
    string(X86_INS_SCASB, scanOnceHandlers, scanRepeatedHandlers),
    string(X86_INS_SCASW, scanOnceHandlers, scanRepeatedHandlers),
    string(X86_INS_SCASD, scanOnceHandlers, scanRepeatedHandlers),
    string(X86_INS_SCASQ, scanOnceHandlers, scanRepeatedHandlers),
    string(X86_INS_LODSB, loadOnceHandlers, loadRepeatedHandlers),
    string(X86_INS_LODSW, loadOnceHandlers, loadRepeatedHandlers),
    string(X86_INS_LODSD, loadOnceHandlers, loadRepeatedHandlers),
    string(X86_INS_LODSQ, loadOnceHandlers, loadRepeatedHandlers),
    string(X86_INS_STOSB, storeOnceHandlers, storeRepeatedHandlers),
    string(X86_INS_STOSW, storeOnceHandlers, storeRepeatedHandlers),
    string(X86_INS_STOSD, storeOnceHandlers, storeRepeatedHandlers),
    string(X86_INS_STOSQ, storeOnceHandlers, storeRepeatedHandlers),
  ]

  private static func string(
    _ id: x86_insn, _ once: WidthHandlers, _ repeated: WidthHandlers
  ) -> InstructionForm {
    InstructionForm(id, .alu) { decoded, builder in
      // Capstone has one number for MOVSD and CMPSD of strings and of scalar doubles.
      guard decoded.opcode.0 != 0x0f else {
        builder.effect = .end
        return stopNotBuilt
      }
      let bytes = decoded.opcode.0 & 1 == 0 ? 1 : decoded.operandBytes
      guard decoded.hasREP || decoded.hasREPNE else {
        builder.memoryTiming = .stringStep
        return once[bytes]
      }
      builder.effect = .end
      builder.timing = .stringStart
      return repeated[bytes]
    }
  }
}

private let moveOnceHandlers = WidthHandlers(
  { stringOnce(StringMove.self, UInt8.self, $0, $1) },
  { stringOnce(StringMove.self, UInt16.self, $0, $1) },
  { stringOnce(StringMove.self, UInt32.self, $0, $1) },
  { stringOnce(StringMove.self, UInt64.self, $0, $1) })
private let moveRepeatedHandlers = WidthHandlers(
  { stringRepeated(StringMove.self, UInt8.self, $0, $1) },
  { stringRepeated(StringMove.self, UInt16.self, $0, $1) },
  { stringRepeated(StringMove.self, UInt32.self, $0, $1) },
  { stringRepeated(StringMove.self, UInt64.self, $0, $1) })

private let compareOnceHandlers = WidthHandlers(
  { stringOnce(StringCompare.self, UInt8.self, $0, $1) },
  { stringOnce(StringCompare.self, UInt16.self, $0, $1) },
  { stringOnce(StringCompare.self, UInt32.self, $0, $1) },
  { stringOnce(StringCompare.self, UInt64.self, $0, $1) })
private let compareRepeatedHandlers = WidthHandlers(
  { stringRepeated(StringCompare.self, UInt8.self, $0, $1) },
  { stringRepeated(StringCompare.self, UInt16.self, $0, $1) },
  { stringRepeated(StringCompare.self, UInt32.self, $0, $1) },
  { stringRepeated(StringCompare.self, UInt64.self, $0, $1) })

private let scanOnceHandlers = WidthHandlers(
  { stringOnce(StringScan.self, UInt8.self, $0, $1) },
  { stringOnce(StringScan.self, UInt16.self, $0, $1) },
  { stringOnce(StringScan.self, UInt32.self, $0, $1) },
  { stringOnce(StringScan.self, UInt64.self, $0, $1) })
private let scanRepeatedHandlers = WidthHandlers(
  { stringRepeated(StringScan.self, UInt8.self, $0, $1) },
  { stringRepeated(StringScan.self, UInt16.self, $0, $1) },
  { stringRepeated(StringScan.self, UInt32.self, $0, $1) },
  { stringRepeated(StringScan.self, UInt64.self, $0, $1) })

private let loadOnceHandlers = WidthHandlers(
  { stringOnce(StringLoad.self, UInt8.self, $0, $1) },
  { stringOnce(StringLoad.self, UInt16.self, $0, $1) },
  { stringOnce(StringLoad.self, UInt32.self, $0, $1) },
  { stringOnce(StringLoad.self, UInt64.self, $0, $1) })
private let loadRepeatedHandlers = WidthHandlers(
  { stringRepeated(StringLoad.self, UInt8.self, $0, $1) },
  { stringRepeated(StringLoad.self, UInt16.self, $0, $1) },
  { stringRepeated(StringLoad.self, UInt32.self, $0, $1) },
  { stringRepeated(StringLoad.self, UInt64.self, $0, $1) })

private let storeOnceHandlers = WidthHandlers(
  { stringOnce(StringStore.self, UInt8.self, $0, $1) },
  { stringOnce(StringStore.self, UInt16.self, $0, $1) },
  { stringOnce(StringStore.self, UInt32.self, $0, $1) },
  { stringOnce(StringStore.self, UInt64.self, $0, $1) })
private let storeRepeatedHandlers = WidthHandlers(
  { stringRepeated(StringStore.self, UInt8.self, $0, $1) },
  { stringRepeated(StringStore.self, UInt16.self, $0, $1) },
  { stringRepeated(StringStore.self, UInt32.self, $0, $1) },
  { stringRepeated(StringStore.self, UInt64.self, $0, $1) })
