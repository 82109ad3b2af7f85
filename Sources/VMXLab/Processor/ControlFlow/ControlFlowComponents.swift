// CET's supervisor state components in an XSAVE area, which is always compacted.
//
// Source: Intel SDM, "XSAVE-Supported Features and State-Component Bitmaps", CET state, and "Extended
// Region of an XSAVE Area".
extension Processor {
  mutating func storeControlFlow(
    _ area: ExtendedStateArea, _ saved: XStateComponents, _ layout: ExtendedStateLayout
  ) {
    if saved.contains(.cetUser) {
      let offset = layout.cetUser
      area.store(offset, cet.userControl.rawValue, &self)
      area.store(offset &+ 8, cet.levelSSP[3], &self)
    }
    if saved.contains(.cetSupervisor) {
      let offset = layout.cetSupervisor
      for level in 0..<3 {
        area.store(offset &+ UInt64(level &* 8), cet.levelSSP[level], &self)
      }
    }
  }

  /// The registers after an XRSTORS of the components `requested`, of which the area has `present`;
  /// nil if one of its values is not allowed.
  mutating func loadedControlFlow(
    _ area: ExtendedStateArea, _ requested: XStateComponents, present: XStateComponents,
    _ layout: ExtendedStateLayout
  ) -> ControlFlowState? {
    var loaded = cet
    if requested.contains(.cetUser) {
      let offset = layout.cetUser
      let isPresent = present.contains(.cetUser)
      let control = isPresent ? area.load(offset, &self) : 0
      let pointer = isPresent ? area.load(offset &+ 8, &self) : 0
      guard isControlFlowControl(control), isShadowStackPointer(pointer) else { return nil }
      loaded.userControl = ControlFlowControl(rawValue: control)
      loaded.levelSSP[3] = pointer
    }
    if requested.contains(.cetSupervisor) {
      let offset = layout.cetSupervisor
      for level in 0..<3 {
        let isPresent = present.contains(.cetSupervisor)
        let pointer = isPresent ? area.load(offset &+ UInt64(level &* 8), &self) : 0
        guard isShadowStackPointer(pointer) else { return nil }
        loaded.levelSSP[level] = pointer
      }
    }
    return loaded
  }

  /// CET's part of XINUSE.
  var controlFlowComponentsInUse: UInt64 {
    mutating get {
      let user = cet.userControl.rawValue | cet.levelSSP[3]
      let supervisor = cet.levelSSP[0] | cet.levelSSP[1] | cet.levelSSP[2]
      return (user == 0 ? 0 : XStateComponents.cetUser.rawValue)
        | (supervisor == 0 ? 0 : XStateComponents.cetSupervisor.rawValue)
    }
  }
}
