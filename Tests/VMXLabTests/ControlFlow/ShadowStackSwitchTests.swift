import Testing

@testable import VMXLab

/// RSTORSSP and SAVEPREVSSP against their operation sections, written down once more.
@Suite struct ShadowStackSwitchTests {
  private typealias Runner = ControlFlowRunner
  private typealias Place = ControlFlowRunner.Place
  private typealias Code = ShadowStackInstructionTests.Code

  /// Tokens around the valid one for the address `address`: each field of it right and wrong.
  private static func tokens(for address: UInt64) -> [UInt64] {
    var tokens: [UInt64] = []
    for distance in [0, 4, 8, 12, 16] as [UInt64] {
      for flags in 0..<4 as Range<UInt64> {
        for high in [0, 1 << 32] as [UInt64] { tokens.append((address + distance) | flags | high) }
      }
    }
    return tokens + [0, .max, 1]
  }

  /// What the manual has RSTORSSP do with a token.
  private struct Restoring {
    var isFault: Bool
    var newToken: UInt64
    var carry: Bool

    init(token: UInt64, address: UInt64, ssp: UInt64, isLong: Bool) {
      let l: UInt64 = isLong ? 1 : 0
      var fault = false
      if token & 3 != l { fault = true }
      if !isLong, token >> 32 != 0 { fault = true }
      if (((token & ~1) &- 8) & ~7) != address { fault = true }
      isFault = fault
      newToken = fault ? token : ssp | l | 2
      carry = token & 4 != 0
    }
  }

  @Test("RSTORSSP takes the tokens that the manual lets it take", arguments: [0, 3] as [UInt8])
  func restore(level: UInt8) throws {
    var accepted = 0
    for mode in Runner.Mode.allCases {
      let runner = try Runner(mode)
      runner.setControl(.shadowStack, level: level)
      let pages = level == 3 ? Place.userShadow : Place.supervisorShadow
      let address = pages + 0x100
      for ssp in [pages + 0x1800, pages + 0x1804] {
        for token in Self.tokens(for: address) {
          let expected = Restoring(
            token: token, address: address, ssp: ssp, isLong: mode.isLong)
          runner.ssp = ssp
          runner.put(token, at: address)
          runner.general = [3: address]
          runner.flags = 2 | RFLAGS.status.rawValue
          let outcome = runner.run(Code.rstorssp, level: level)
          #expect(outcome == (expected.isFault ? .controlProtection(4) : .retires))
          #expect(runner.get(address) == expected.newToken)
          if expected.isFault {
            #expect(runner.interruptedSSP == ssp)
          } else {
            accepted += 1
            #expect(runner.ssp == address)
            #expect(
              runner.state.pointee.rflags == 2 | (expected.carry ? RFLAGS.cf.rawValue : 0))
          }
        }
      }
      runner.ssp = pages + 0x1800
      runner.general = [3: address + 4]
      #expect(runner.run(Code.rstorssp, level: level) == .generalProtection(0))
      runner.ssp = pages + 0x1800
      runner.general = [3: Place.data]
      #expect(
        runner.run(Code.rstorssp, level: level) == .pageFault(level == 3 ? 0x47 : 0x43))
    }
    // One token ends at an 8-byte boundary, one 4 bytes off; for each mode and SSP.
    #expect(accepted == 3 * 2 * 2)
  }

  /// What the manual has SAVEPREVSSP do: the fault, or the 12 bytes that it writes and SSP.
  private struct Saving {
    var isFault: Bool
    var zero: UInt64 = 0
    var place: UInt64 = 0
    var token: UInt64 = 0
    var ssp: UInt64

    init(token: UInt64, hole: UInt32, carry: Bool, ssp: UInt64, isLong: Bool) {
      self.ssp = ssp
      isFault = true
      guard ssp & 7 == 0, !(carry && isLong), !(carry && hole != 0), token & 2 != 0,
        isLong || token >> 32 == 0
      else { return }
      isFault = false
      self.ssp = ssp + (carry ? 12 : 8)
      let old = token & ~3
      zero = old - 4
      place = (old & ~7) - 8
      self.token = old | (isLong ? 1 : 0)
    }
  }

  @Test(
    "SAVEPREVSSP leaves a restore token on the shadow stack before", arguments: [0, 3] as [UInt8])
  func save(level: UInt8) throws {
    var saved = 0
    for mode in Runner.Mode.allCases {
      let runner = try Runner(mode)
      runner.setControl(.shadowStack, level: level)
      let pages = level == 3 ? Place.userShadow : Place.supervisorShadow
      for old in [pages + 0x1800, pages + 0x1804] {
        for flags in 0..<4 as Range<UInt64> {
          for high in mode.isLong ? [0] : [0, 1 << 32] as [UInt64] {
            for (carry, hole) in [(false, 0), (false, 9), (true, 0), (true, 9)] as [(Bool, UInt32)]
            {
              for ssp in [pages + 0x100, pages + 0x104] {
                let token = old | flags | high
                let expected = Saving(
                  token: token, hole: hole, carry: carry, ssp: ssp, isLong: mode.isLong)
                for place in stride(from: old - 24, to: old + 8, by: 4) {
                  runner.put32(0x5555_5555, at: place)
                }
                runner.put(token, at: ssp)
                runner.put32(hole, at: ssp + 8)
                runner.ssp = ssp
                runner.flags = 2 | (carry ? RFLAGS.cf.rawValue : 0)
                let outcome = runner.run(Code.saveprevssp, level: level)
                #expect(outcome == (expected.isFault ? .generalProtection(0) : .retires))
                guard !expected.isFault else {
                  #expect(runner.interruptedSSP == ssp)
                  #expect(runner.get32(old - 4) == 0x5555_5555)
                  continue
                }
                saved += 1
                #expect(runner.ssp == expected.ssp)
                #expect(runner.get(expected.place) == expected.token)
                if expected.zero >= expected.place + 8 {
                  #expect(runner.get32(expected.zero) == 0)
                }
                #expect(runner.state.pointee.rflags == runner.flags)
              }
            }
          }
        }
      }
    }
    #expect(saved > 0)
  }

  @Test("RSTORSSP and SAVEPREVSSP together switch to another stack and back")
  func roundTrip() throws {
    for mode in Runner.Mode.allCases {
      let runner = try Runner(mode)
      runner.setControl(.shadowStack, level: 3)
      let l: UInt64 = mode.isLong ? 1 : 0
      // The other stack has a token at its top; the first one is left at an odd place.
      let other = Place.userShadow + 0xff8
      let first: UInt64 = Place.userShadow + (mode.isLong ? 0x1f00 : 0x1f04)
      runner.put((other + 8) | l, at: other)
      runner.ssp = first
      runner.general = [3: other]
      #expect(runner.run(Code.rstorssp, level: 3) == .retires)
      runner.flags = 2
      #expect(runner.run(Code.saveprevssp, level: 3) == .retires)
      #expect(runner.ssp == other + 8)
      let token = (first & ~7) - 8
      #expect(runner.get(token) == first | l)
      runner.general = [3: token]
      #expect(runner.run(Code.rstorssp, level: 3) == .retires)
      // The flags tell of the hole that the odd place has left.
      #expect(runner.state.pointee.rflags & 1 == (mode.isLong ? 0 : 1))
      runner.flags = runner.state.pointee.rflags
      #expect(runner.run(Code.saveprevssp, level: 3) == .retires)
      #expect(runner.ssp == first)
      #expect(runner.get(other) == (other + 8) | l)
    }
  }
}
