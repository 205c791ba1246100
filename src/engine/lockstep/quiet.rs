//! Panics that are data: an actor's panic belongs into the observation, not on the terminal.
//!
//! Limit: only the threads that ask for it are silent; threads that an actor starts itself are not.

use std::any::Any;
use std::cell::Cell;
use std::panic;
use std::sync::Once;

thread_local! {
    static SILENT: Cell<bool> = const { Cell::new(false) };
}

/// Keeps panics of this operating-system thread (and of processes forked from it) off the standard error
/// output until the guard is dropped. Other threads keep the hook that was installed before.
pub(crate) fn silence() -> Silence {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // A thread that is past its thread-locals has no way left to ask for silence.
            if !SILENT.try_with(Cell::get).unwrap_or(false) {
                previous(info);
            }
        }));
        // On top again, so that a hook that listens to panics hears of the silent ones too.
        crate::rt::panics::install();
    });
    Silence { before: SILENT.replace(true) }
}

/// Ends the silence when dropped; made by [`silence`].
#[must_use]
pub(crate) struct Silence {
    before: bool,
}

impl Drop for Silence {
    fn drop(&mut self) {
        SILENT.set(self.before);
    }
}

/// What a panic said, if anything.
pub(crate) fn words_of(payload: &(dyn Any + Send)) -> Option<&str> {
    crate::rt::panics::text(payload)
}
