//! The two kinds of operation that end with a guard: counted, recorded, and told to the runtime once.

/// An operation on a lock of a runtime's that may block, and ends with a guard. No function: what is done to the lock has
/// its place in the source, which a closure would not know.
macro_rules! block {
    ($lock:expr, $operation:expr, $mode:expr, $raw:ident => $act:expr) => {{
        let (lock, (kind, alone)) = ($lock, $mode);
        crate::rt::context::count_operation();
        crate::rt::trace::begins($operation, kind, lock.key());
        let $raw = &lock.raw;
        let held = lock.hold(alone, $act);
        crate::rt::trace::note($operation, kind, lock.key());
        held
    }};
}

/// As `block!`, of an operation that does not block, and may end with a guard.
macro_rules! attempt {
    ($lock:expr, $operation:expr, $mode:expr, $raw:ident => $act:expr) => {{
        let (lock, (kind, alone)) = ($lock, $mode);
        let $raw = &lock.raw;
        let guard = $act;
        crate::rt::context::count_operation();
        let held = guard.map(|guard| lock.hold(alone, guard));
        let kind = if held.is_some() { kind } else { crate::base::event::EventKind::TryFailed };
        crate::rt::trace::note($operation, kind, lock.key());
        held
    }};
}
