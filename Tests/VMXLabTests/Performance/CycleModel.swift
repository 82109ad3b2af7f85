@testable import VMXLab

/// Counts performance events cycle by cycle from what each instruction took: the manual's definition,
/// with nothing derived.
struct CycleModel {
  /// One instruction: its cycles, and the state that it left behind.
  struct Step {
    var cycles: UInt64
    var isUser: Bool
  }
  let steps: [Step]
  let firstCycle: UInt64
  let reference: ClockRatio

  /// What a counter with this IA32_PERFEVTSELx would show after each step.
  func counts(_ selection: UInt64) -> [UInt64] {
    let mask = selection >> 24 & 0xff
    let inverts = selection >> 23 & 1 != 0
    let edges = selection >> 18 & 1 != 0
    var counts: [UInt64] = []
    var count: UInt64 = 0
    var cycle = firstCycle
    // The first instruction starts at CPL 0.
    var wasCounting = selection >> 17 & 1 != 0
    var wasAsserted = false
    for step in steps {
      let isCounting = selection >> (step.isUser ? 16 : 17) & 1 != 0
      for number in 0..<step.cycles {
        let ticks = reference.ticks(at: cycle + 1) - reference.ticks(at: cycle)
        let events: UInt64 =
          switch selection & 0xffff {
          case 0xc0: number + 1 == step.cycles ? 1 : 0
          case 0x3c: 1
          case 0x13c: ticks
          default: 0
          }
        cycle += 1
        let level = mask == 0 ? events : (events >= mask) != inverts ? 1 : 0
        guard edges else {
          if isCounting { count += level }
          continue
        }
        let isAsserted = isCounting && level != 0
        // An event of each cycle begins when counting does, the others by themselves.
        let began = selection & 0xffff == 0x3c ? !wasCounting : !wasAsserted
        if isAsserted, began { count += 1 }
        wasAsserted = isAsserted
        wasCounting = isCounting
      }
      counts.append(count)
    }
    return counts
  }
}

extension PerformanceRunner {
  /// Steps through `count` instructions.
  func trace(_ count: Int) -> [CycleModel.Step] {
    var steps: [CycleModel.Step] = []
    for _ in 0..<count {
      let before = state.pointee.cycles
      guard machine.run(instructions: 1) == .instructionLimit else { return steps }
      steps.append(
        CycleModel.Step(
          cycles: state.pointee.cycles - before, isUser: state.pointee.cpl == 3))
    }
    return steps
  }
}
