/// Mnemonics of the escape opcodes. Where the manual has none, that of the instruction which does the
/// same.
enum X87Names {
  /// For each opcode from D8 to DF, by ModRM.reg.
  private static let memory = table(
    """
    fadd fmul fcom fcomp fsub fsubr fdiv fdivr
    fld - fst fstp fldenv fldcw fnstenv fnstcw
    fiadd fimul ficom ficomp fisub fisubr fidiv fidivr
    fild fisttp fist fistp - fld - fstp
    fadd fmul fcom fcomp fsub fsubr fdiv fdivr
    fld fisttp fst fstp frstor - fnsave fnstsw
    fiadd fimul ficom ficomp fisub fisubr fidiv fidivr
    fild fisttp fist fistp fbld fild fbstp fistp
    """)
  private static let registers = table(
    """
    fadd fmul fcom fcomp fsub fsubr fdiv fdivr
    fld fxch fnop fstp - - - -
    fcmovb fcmove fcmovbe fcmovu - fucompp - -
    fcmovnb fcmovne fcmovnbe fcmovnu - fucomi fcomi -
    fadd fmul fcom fcomp fsubr fsub fdivr fdiv
    ffree fxch fst fstp fucom fucomp - -
    faddp fmulp fcomp fcompp fsubrp fsubp fdivrp fdivp
    ffreep fxch fstp fstp fnstsw fucomip fcomip -
    """)
  /// D9 E0 to D9 FF.
  private static let withoutOperand = table(
    """
    fchs fabs - - ftst fxam - -
    fld1 fldl2t fldl2e fldpi fldlg2 fldln2 fldz -
    f2xm1 fyl2x fptan fpatan fxtract fprem1 fdecstp fincstp
    fprem fyl2xp1 fsqrt fsincos frndint fscale fsin fcos
    """)
  /// DB E0 to DB E7.
  private static let control = table("fneni fndisi fnclex fninit fnsetpm - - -")

  private static func table(_ text: String) -> [[String]] {
    text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
  }

  /// The mnemonic of an opcode with its ModRM byte.
  static func name(_ opcode: UInt8, _ modRM: UInt8) -> String {
    let row = Int(opcode & 7)
    let digit = Int(modRM >> 3 & 7)
    guard modRM >= 0xc0 else { return memory[row][digit] }
    switch opcode {
    case 0xd9 where digit >= 4: return withoutOperand[digit - 4][Int(modRM & 7)]
    case 0xdb where digit == 4: return control[0][Int(modRM & 7)]
    default: return registers[row][digit]
    }
  }
}
