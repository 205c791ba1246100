//! shuttle's primitives, as the facade wants them.

/// The running task, counted from 0 (the main task of the execution).
pub(crate) fn me() -> usize {
    shuttle::current::me().into()
}

/// A scheduling point: any task may run before this returns.
pub(crate) fn switch() {
    // shuttle does not model time: a sleep is exactly one scheduling point, and the only public one.
    shuttle::thread::sleep(std::time::Duration::ZERO);
}
