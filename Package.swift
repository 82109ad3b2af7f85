// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "VMXLab",
  products: [
    .library(name: "VMXLab", targets: ["VMXLab"]),
    .library(name: "VMXLabDebug", targets: ["VMXLabDebug"]),
    .executable(name: "vmxlab", targets: ["vmxlab"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .systemLibrary(
      name: "CCapstone", pkgConfig: "capstone", providers: [.apt(["libcapstone-dev"])]),
    .target(name: "VMXLab", dependencies: ["CCapstone"]),
    .target(name: "VMXLabDebug", dependencies: ["VMXLab"]),
    .executableTarget(
      name: "vmxlab",
      dependencies: [
        "VMXLab", "VMXLabDebug",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .executableTarget(
      name: "EmbeddingExample", dependencies: ["VMXLab"], path: "Examples/Embedding"),
    .target(name: "CAllocationCounter", path: "Tests/Support/CAllocationCounter"),
    .testTarget(name: "VMXLabTests", dependencies: ["VMXLab", "CAllocationCounter"]),
    .testTarget(name: "VMXLabDebugTests", dependencies: ["VMXLabDebug"]),
    .testTarget(
      name: "CommandLineTests",
      dependencies: [
        "vmxlab", "EmbeddingExample",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
