import Foundation
import VMXLab

let path = CommandLine.arguments.dropFirst().first ?? "build/firmware/hello.elf"
let image = try Data(contentsOf: URL(fileURLWithPath: path))

// A machine with 64 MiB, its clock at zero. Nothing in it depends on the host's time or load.
let configuration = try MachineConfiguration(
  memoryByteCount: 64 << 20, profile: .named("skylake-server"))
let machine = try Machine(configuration)
machine.onSerialOutput { FileHandle.standardError.write(Data([$0])) }
try machine.boot(BootImage(bytes: [UInt8](image), name: path, arguments: ["verbose"]))

func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

var stop = machine.run(untilVMExit: true)
while stop == .vmExit, let vmcs = machine.currentVMCS {
  let reason = ExitReason(rawValue: vmcs.exitReason)
  print("VM exit: \(reason.basic?.text ?? "reason \(reason.rawValue)")")
  print("  qualification \(hex(vmcs.exitQualification)), guest RIP \(hex(vmcs.guestRIP))")
  let registers = machine.registers
  print(
    "  RAX \(hex(registers[.rax])), L1 goes on at \(hex(registers.rip)), \(registers.mode.name)")
  stop = machine.run(untilVMExit: true)
}

let statistics = machine.statistics
print("\(stop) after \(statistics.instructions) instructions")
print("VM entries: \(statistics.vmEntries), VM exits: \(statistics.vmExits)")
