//! What is there from the beginning of an execution, whichever thread comes to it first.
//!
//! loom remembers who made an object, and calls it a race if another thread touches it that does not know of that.
//! What a const fn has made has no maker, and an execution learns of it when it is first used. While the main thread
//! is alone it makes it then and there: threads that come later know. Else the exploration begins anew, and the main
//! thread makes one of this kind and value at the beginning of every execution, for whatever may want it: objects are
//! not told from each other, so that it need not be known which it will be.
//!
//! Limit: the executions that were run until then are run again.

use super::{NeedsExactness, alive};
use crate::rt::Checker;
use crate::rt::context::{self, Context};
use crate::rt::model;
use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;

/// What an object is, and its first value, as far as one of that type is not like all others.
type Kind = (TypeId, [u64; 2]);

/// Objects of one kind that an execution has wanted.
struct Wanted {
    kind: Kind,
    count: usize,
    make: Box<dyn Fn() -> Box<dyn Any>>,
}

thread_local! {
    static WANTED: RefCell<Vec<Wanted>> = const { RefCell::new(Vec::new()) };
    /// Made in this execution, and not used yet.
    static READY: RefCell<Vec<(Kind, Box<dyn Any>)>> = const { RefCell::new(Vec::new()) };
    static DEMANDED: Cell<bool> = const { Cell::new(false) };
}

/// An execution begins: makes what others have wanted.
pub(crate) fn begin() {
    if context::current() != Context::Model(Checker::Loom) || std::thread::panicking() {
        return;
    }
    READY.take();
    WANTED.with_borrow(|wanted| {
        let ready =
            wanted.iter().flat_map(|wanted| (0..wanted.count).map(|_| (wanted.kind, (wanted.make)())));
        READY.set(ready.collect());
    });
}

/// An object that is there from the beginning. Not to be called where no model is alive. Does not return if the
/// exploration has to begin anew, unless the thread unwinds.
pub(crate) fn take<T: 'static>(value: [u64; 2], make: impl Fn() -> T + 'static) -> T {
    let kind = (TypeId::of::<T>(), value);
    // With whom the execution begins, if it has not.
    model::local();
    let ready = READY.with_borrow_mut(|ready| {
        let at = ready.iter().position(|(other, _)| *other == kind)?;
        ready.swap_remove(at).1.downcast::<T>().ok()
    });
    if let Some(ready) = ready {
        return *ready;
    }
    if model::is_alone() || !alive() {
        return make();
    }
    DEMANDED.set(true);
    if std::thread::panicking() {
        return make();
    }
    WANTED.with_borrow_mut(|wanted| match wanted.iter_mut().find(|wanted| wanted.kind == kind) {
        Some(wanted) => wanted.count *= 2,
        None => wanted.push(Wanted { kind, count: 1, make: Box::new(move || Box::new(make())) }),
    });
    resume_unwind(Box::new(NeedsExactness))
}

/// Whether an execution has wanted what was not there, since this was last asked.
pub(super) fn demanded() -> bool {
    DEMANDED.replace(false)
}

/// Another exploration begins, of whatever: nothing is wanted yet.
pub(super) fn forget() {
    DEMANDED.set(false);
    WANTED.take();
}

/// Runs a part of an exploration again as long as it wants more from the beginning.
pub(crate) fn with_all<R>(mut run: impl FnMut() -> R) -> R {
    // An exploration around this one may have to begin anew, whatever this one comes to.
    let before = demanded();
    loop {
        let ran = run();
        if !demanded() {
            DEMANDED.set(before);
            return ran;
        }
        super::forget_deferred();
    }
}
