//! Ctrl-C: one flag, looked at by everything that waits.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_: libc::c_int) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// From now on SIGINT and SIGTERM set the flag instead of killing this process; a second one kills it.
///
/// # Errors
/// If the operating system refuses the handler.
pub(crate) fn install() -> nix::Result<()> {
    let once = SigAction::new(SigHandler::Handler(note), SaFlags::SA_RESETHAND, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: the handler does nothing but store to an atomic, which is allowed at any moment.
        unsafe { sigaction(signal, &once) }?;
    }
    Ok(())
}

/// Whether the run is to end.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Ends the run as if it had been interrupted.
pub(crate) fn now() {
    INTERRUPTED.store(true, Ordering::Relaxed);
}
