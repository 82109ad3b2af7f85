import VMXLab
import Glibc
let path = CommandLine.arguments[1]
let fd = open(path, O_RDONLY)
var bytes = [UInt8](repeating: 0, count: 1 << 22)
let n = read(fd, &bytes, bytes.count)
let m = try Machine(MachineConfiguration(profile: CPUProfile()))
m.onSerialOutput { putchar(Int32($0)) }
try m.boot(BootImage(bytes: Array(bytes[..<n]), name: "x"))
let stop = m.run(instructions: 2_000_000_000)
fflush(nil)
print(stop)
print(m.debugText)
