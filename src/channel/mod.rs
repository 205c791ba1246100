//! Channels with crossbeam-channel's signatures, decided at run time.
pub(crate) mod endpoints {
    pub(crate) struct Endpoints;
    pub(crate) fn record<T>(f: impl FnOnce() -> T) -> (T, Endpoints) {
        (f(), Endpoints)
    }
    pub(crate) fn replay<T>(_: &Endpoints, f: impl FnOnce() -> T) -> T {
        f()
    }
}

/// The payload of the panic that says why a channel cannot work between processes.
pub(crate) struct NotForProcesses(pub(crate) String);
