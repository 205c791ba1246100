//! Where loom's model is not the language's, noted where an execution touches it.
//!
//! - A read-modify-write reads only the newest store. Where another thread stores to the same atomic, it may also come
//!   before that store in modification order although it is executed after it.
//! - A compare-exchange that fails reads only the newest store, and not, as a load may, an older one.
//! - An acquire or SeqCst fence synchronises with what *other* threads have loaded, too, so that a data race may be
//!   missed.
//! - SeqCst accesses are acquire and release: with two threads and two atomics, loom has more executions.
//!
//! What no execution touches needs no caveat.

use super::me;
use crate::rt::context::{Artefact, note_artefact};
use std::cell::Cell;
use std::sync::atomic::Ordering;

thread_local! {
    static LOADERS: Cell<Threads> = const { Cell::new(Threads(0)) };
    static SEQ_CST: Cell<Threads> = const { Cell::new(Threads(0)) };
    /// The first atomic with a SeqCst access, by address, and whether there is another.
    static ATOMICS: Cell<(usize, bool)> = const { Cell::new((0, false)) };
}

/// A set of model threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Threads(u64);

impl Threads {
    /// The running thread.
    fn running() -> Self {
        Threads(1 << (me() % 64))
    }

    fn with(self, others: Self) -> Self {
        Threads(self.0 | others.0)
    }

    fn has_other_than(self, one: Self) -> bool {
        self.0 & !one.0 != 0
    }
}

/// What was done to one atomic in this execution, and by which threads.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Users {
    stored: Threads,
    modified: Threads,
    failed: Threads,
}

impl Users {
    /// A store was executed.
    #[must_use]
    pub(super) fn stored(self) -> Self {
        Users { stored: self.stored.with(self.writer_beside(self.modified)), ..self }
    }

    /// A read-modify-write was executed that has written.
    #[must_use]
    pub(super) fn modified(self) -> Self {
        Users { modified: self.modified.with(self.writer_beside(self.stored)), ..self }
    }

    /// The running thread, which writes: between it and writers of the other kind a read-modify-write may be missed.
    fn writer_beside(self, others: Threads) -> Threads {
        let running = Threads::running();
        if others.has_other_than(running) {
            note_artefact(Artefact::LoomNewestRmw);
        }
        if self.failed.has_other_than(running) {
            note_artefact(Artefact::LoomNewestExchange);
        }
        running
    }

    /// A compare-exchange has failed.
    #[must_use]
    pub(super) fn failed(self) -> Self {
        let running = Threads::running();
        if self.stored.with(self.modified).has_other_than(running) {
            note_artefact(Artefact::LoomNewestExchange);
        }
        Users { failed: self.failed.with(running), ..self }
    }
}

/// Nothing of the last execution is known any more.
pub(super) fn begin() {
    LOADERS.set(Threads::default());
    SEQ_CST.set(Threads::default());
    ATOMICS.set((0, false));
}

/// The running thread loads from an atomic.
pub(super) fn loads() {
    LOADERS.set(LOADERS.get().with(Threads::running()));
}

/// The running thread accesses the atomic at this address.
pub(super) fn accesses(atomic: usize, order: Ordering) {
    if order != Ordering::SeqCst {
        return;
    }
    let (first, more) = ATOMICS.get();
    let first = if first == 0 { atomic } else { first };
    ATOMICS.set((first, more || first != atomic));
    let threads = SEQ_CST.get().with(Threads::running());
    SEQ_CST.set(threads);
    if ATOMICS.get().1 && threads.has_other_than(Threads::running()) {
        note_artefact(Artefact::LoomSeqCst);
    }
}

/// A fence, as loom has it.
pub(crate) fn fence(order: Ordering) {
    if order != Ordering::Release && LOADERS.get().has_other_than(Threads::running()) {
        note_artefact(Artefact::LoomFence);
    }
    loom::sync::atomic::fence(order);
}
