/// An encoding of 64-bit mode in its parts.
struct HostEncoding {
  let prefixes: [UInt8]
  /// 0, 0FH, 38H or 3AH.
  let map: UInt8
  let opcode: UInt8
  let modRM: UInt8
  /// Followed by zeros, 15 in all.
  let bytes: [UInt8]

  init(_ prefixes: [UInt8], _ map: [UInt8], _ opcode: UInt8, modRM: UInt8) {
    self.prefixes = prefixes
    self.map = map.last ?? 0
    self.opcode = opcode
    self.modRM = modRM
    let start = prefixes + map + [opcode, modRM]
    bytes = start + [UInt8](repeating: 0, count: 15 - start.count)
  }

  var isRegister: Bool { modRM >= 0xc0 }
  var digit: UInt8 { modRM >> 3 & 7 }
  func has(_ prefix: UInt8) -> Bool { prefixes.contains(prefix) }

  /// Encodings that a test process should leave alone: they lead elsewhere, or change the base of FS,
  /// behind which its own variables are.
  var mustNotRun: Bool {
    switch (map, opcode) {
    // SYSENTER; VMCALL and AMD's VMMCALL, which the host's hypervisor answers.
    case (0x0f, 0x34): true
    case (0x0f, 0x01): modRM == 0xc1 || modRM == 0xd9
    // MOV, POP and LFS to FS; WRFSBASE.
    case (0, 0x8e): digit == 4
    case (0x0f, 0xa1), (0x0f, 0xb4): true
    case (0x0f, 0xae): has(0xf3) && isRegister && digit == 2
    default: false
    }
  }
}

/// Encodings in which the host's processor is not, or need not be, what an Intel processor is.
struct HostDifference {
  enum Vendor {
    case amd, intel
  }

  let reason: String
  /// Whose processors differ; nil: everyone's may.
  let vendor: Vendor?
  let applies: @Sendable (HostEncoding) -> Bool

  static let all: [HostDifference] = [
    HostDifference(reason: "AMD obeys 66 on near branches", vendor: .amd) {
      guard $0.has(0x66), !$0.has(0x48) else { return false }
      return $0.map == 0
        ? $0.opcode == 0xe8 || $0.opcode == 0xe9 : $0.map == 0x0f && $0.opcode & 0xf0 == 0x80
    },
    HostDifference(reason: "AMD has no SYSEXIT in long mode", vendor: .amd) {
      $0.map == 0x0f && $0.opcode == 0x35
    },
    HostDifference(reason: "0F 0D is AMD's PREFETCH, which takes no register", vendor: .amd) {
      $0.map == 0x0f && $0.opcode == 0x0d && $0.isRegister
    },
    HostDifference(reason: "SSE4A: MOVNTSS, MOVNTSD, EXTRQ, INSERTQ", vendor: .amd) {
      $0.map == 0x0f && [0x2b, 0x78, 0x79].contains($0.opcode)
        && ($0.has(0x66) || $0.has(0xf3) || $0.has(0xf2))
    },
    HostDifference(reason: "LOCK MOV CR0 is AMD's MOV CR8", vendor: .amd) {
      $0.has(0xf0) && $0.map == 0x0f && ($0.opcode == 0x20 || $0.opcode == 0x22)
    },
    HostDifference(reason: "AMD takes LOCK before VERW with memory", vendor: .amd) {
      $0.has(0xf0) && $0.map == 0x0f && $0.opcode == 0 && $0.digit == 5 && !$0.isRegister
    },
    HostDifference(reason: "SVM, MONITORX, CLZERO, RDPRU and their like", vendor: .amd) {
      $0.map == 0x0f && $0.opcode == 0x01 && ((0xd8...0xdf).contains($0.modRM) || $0.modRM >= 0xfa)
    },
    HostDifference(reason: "CLAC and STAC raise #UD above CPL 0", vendor: nil) {
      $0.map == 0x0f && $0.opcode == 0x01 && $0.modRM & 0xfe == 0xca
    },
    HostDifference(reason: "MONITOR and MWAIT raise #UD above CPL 0", vendor: nil) {
      $0.map == 0x0f && $0.opcode == 0x01 && $0.modRM & 0xfe == 0xc8
    },
    HostDifference(reason: "VMX instructions raise #UD outside VMX operation", vendor: .intel) {
      switch ($0.map, $0.opcode) {
      case (0x0f, 0x01): (0xc1...0xc4).contains($0.modRM) || $0.modRM == 0xd4
      case (0x0f, 0x78), (0x0f, 0x79), (0x38, 0x80), (0x38, 0x81): true
      case (0x0f, 0xc7): $0.digit >= 6 && !$0.isRegister
      default: false
      }
    },
    HostDifference(reason: "RDPKRU and WRPKRU, where protection keys are on", vendor: nil) {
      $0.map == 0x0f && $0.opcode == 0x01 && $0.modRM & 0xfe == 0xee
    },
    HostDifference(
      reason: "CET's instructions raise #UD where the kernel leaves CET off", vendor: nil
    ) {
      switch ($0.map, $0.opcode) {
      // RSTORSSP, SETSSBSY, SAVEPREVSSP; INCSSP and CLRSSBSY; WRUSS and WRSS.
      case (0x0f, 0x01):
        $0.has(0xf3) && ([0xe8, 0xea].contains($0.modRM) || !$0.isRegister && $0.digit == 5)
      case (0x0f, 0xae): $0.has(0xf3) && $0.digit == ($0.isRegister ? 5 : 6)
      case (0x38, 0xf5): $0.has(0x66) && !$0.isRegister
      case (0x38, 0xf6): !$0.isRegister && !$0.has(0x66) && !$0.has(0xf3) && !$0.has(0xf2)
      default: false
      }
    },
    HostDifference(reason: "the host may have what VMXLab has not", vendor: .intel) {
      switch ($0.map, $0.opcode) {
      // TSX, SGX, CET, user interrupts, PTWRITE.
      case (0, 0xc6), (0, 0xc7): $0.modRM == 0xf8
      case (0x0f, 0x01):
        [0xc0, 0xc5, 0xcf, 0xd5, 0xd6, 0xd7].contains($0.modRM)
          || (0xe8...0xef).contains($0.modRM) || !$0.isRegister && $0.digit == 5
      case (0x0f, 0xae): $0.has(0xf3) && $0.digit >= 4
      case (0x0f, 0xc7): $0.has(0xf3) && $0.isRegister && $0.digit == 6
      case (0x38, 0xf5), (0x38, 0xf6): !$0.isRegister
      // Key locker, direct stores, and newer instructions.
      case (0x38, 0xd8), (0x38, 0xdc...0xdf), (0x38, 0xf8...0xff): true
      default: false
      }
    },
  ]
}
