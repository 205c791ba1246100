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
#[derive(Debug)]
pub(crate) struct RawMutex(shuttle::sync::Mutex<()>, u32);
pub(crate) struct RawGuard<'a>(shuttle::sync::MutexGuard<'a, ()>, u32);
impl RawMutex {
    pub(crate) fn new_untraced() -> Self { Self(shuttle::sync::Mutex::new(()), super::trace::new_object()) }
    pub(crate) fn lock(&self) -> RawGuard<'_> { super::trace::announce(self.1, super::trace::Kind::Lock); RawGuard(self.0.lock().unwrap_or_else(|e| e.into_inner()), self.1) }
}
#[derive(Debug)]
pub(crate) struct RawCondvar(shuttle::sync::Condvar);
impl RawCondvar {
    pub(crate) fn new_untraced() -> Self { Self(shuttle::sync::Condvar::new()) }
    pub(crate) fn wait<'a>(&self, g: RawGuard<'a>) -> RawGuard<'a> { RawGuard(self.0.wait(g.0).unwrap_or_else(|e| e.into_inner()), g.1) }
    pub(crate) fn notify_one(&self) { self.0.notify_one() }
    pub(crate) fn notify_all(&self) { self.0.notify_all() }
}
