//! loom's primitives, as the facade wants them.
use std::time::Duration;
pub(crate) fn release_deferred() {}
#[derive(Debug)]
pub(crate) struct RawMutex(loom::sync::Mutex<()>);
pub(crate) struct RawGuard<'a>(loom::sync::MutexGuard<'a, ()>);
impl RawMutex {
    pub(crate) fn new() -> Self { Self(loom::sync::Mutex::new(())) }
    pub(crate) fn lock(&self) -> RawGuard<'_> { crate::context::count_operation(); RawGuard(self.0.lock().unwrap()) }
}
#[derive(Debug)]
pub(crate) struct RawCondvar(loom::sync::Condvar);
impl RawCondvar {
    pub(crate) fn new() -> Self { Self(loom::sync::Condvar::new()) }
    pub(crate) fn wait<'a>(&self, g: RawGuard<'a>) -> RawGuard<'a> { RawGuard(self.0.wait(g.0).unwrap()) }
    pub(crate) fn notify_one(&self) { self.0.notify_one() }
    pub(crate) fn notify_all(&self) { self.0.notify_all() }
}
