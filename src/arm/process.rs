//! Primitives that work across processes, in memory mapped by all of them.
#[derive(Debug)]
pub(crate) struct RawMutex(std::sync::Mutex<()>);
pub(crate) struct RawGuard<'a>(std::sync::MutexGuard<'a, ()>);
impl RawMutex {
    pub(crate) fn new() -> Self { Self(std::sync::Mutex::new(())) }
    pub(crate) fn lock(&self) -> RawGuard<'_> { RawGuard(self.0.lock().unwrap()) }
}
#[derive(Debug)]
pub(crate) struct RawCondvar(std::sync::Condvar);
impl RawCondvar {
    pub(crate) fn new() -> Self { Self(std::sync::Condvar::new()) }
    pub(crate) fn wait<'a>(&self, g: RawGuard<'a>) -> RawGuard<'a> { RawGuard(self.0.wait(g.0).unwrap()) }
    pub(crate) fn notify_one(&self) { self.0.notify_one() }
    pub(crate) fn notify_all(&self) { self.0.notify_all() }
}
