// swift-tools-version: 6.3
import PackageDescription

// Not part of the product: `make bench` and `make bench-compare` build and run it. It drives the
// emulators as programs, and needs neither their sources nor any package.
let package = Package(
  name: "Benchmarks",
  targets: [.executableTarget(name: "benchmarks")],
  swiftLanguageModes: [.v6]
)
