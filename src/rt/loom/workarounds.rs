//! Exploring anew where loom's own search has a gap, and a lock for models in which a thread only tries.
//!
//! loom 0.7.2 takes a thread that is about to *try* a lock for one that waits for it: as soon as another
//! thread takes the lock, the trying one is blocked, which hides every failing attempt and reports
//! deadlocks that are none. And a release is no scheduling point of loom's, so an attempt never finds a
//! lock held by a thread that does nothing else meanwhile.
//!
//! Limit: as with loom's own, a reader is ordered after the readers before it, which the language does not
//! promise.
//!
//! This lock has neither fault, at the price of one more scheduling point per critical section. A model
//! that never tries a mutex does not pay: its mutexes are loom's own until the first attempt, which
//! [`demand`]s that the exploration begin anew with locks of this kind.

use super::AtomicUsize;
use super::first;
use super::parking::Queue;
use super::unreduced;
use std::cell::Cell;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::atomic::Ordering;

thread_local! {
    static WANTED: Cell<bool> = const { Cell::new(false) };
    static DEMANDED: Cell<bool> = const { Cell::new(false) };
}

/// The payload of the panic that ends an exploration because another must take its place.
pub(crate) struct NeedsExactness;

/// Whether this exploration is to be exact, at the price of more scheduling points.
pub(crate) fn wanted() -> bool {
    WANTED.get() || unreduced::on()
}

/// Has the engine begin the exploration anew, and exactly. The main thread of this execution comes to its end first: a
/// destructor may end the process that does not know why it unwinds.
pub(super) fn demand() {
    DEMANDED.set(true);
}

/// Ends the exploration where another is to take its place: an execution has come to its end, and does not count.
pub(super) fn end_if_demanded() {
    if DEMANDED.get() && !WANTED.get() && !std::thread::panicking() {
        resume_unwind(Box::new(NeedsExactness));
    }
}

/// Runs an exploration as loom does it and, if that turns out to leave gaps or to want what was not there from the
/// beginning, `again` and the exploration once more.
pub(crate) fn as_exactly_as_needed<R>(mut explore: impl FnMut() -> R, mut again: impl FnMut()) -> R {
    WANTED.set(false);
    DEMANDED.set(false);
    first::forget();
    loop {
        let explored = explore();
        let gaps = DEMANDED.replace(false) && !WANTED.get();
        if !first::demanded() && !gaps {
            WANTED.set(false);
            return explored;
        }
        again();
        super::forget_deferred();
        WANTED.set(WANTED.get() || gaps);
    }
}

/// Runs something of an exploration that was exact, or was not.
pub(crate) fn as_exactly_as<R>(exact: bool, run: impl FnOnce() -> R) -> R {
    let before = WANTED.replace(exact);
    DEMANDED.set(false);
    let result = run();
    WANTED.set(before);
    result
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Alone,
    Together,
}

/// What a lock's word says: how many hold it, and how many wait to hold it alone and keep out those who would hold it
/// together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Word(usize);

/// Holders of a lock that is held alone.
const ALONE: usize = WAITING - 1;

/// One that waits.
const WAITING: usize = 1 << (usize::BITS / 2);

impl Word {
    fn holders(self) -> usize {
        self.0 % WAITING
    }

    fn waiting(self) -> usize {
        self.0 / WAITING
    }

    /// The word after an attempt that succeeds here.
    fn taken(self, attempt: Attempt) -> Option<Word> {
        let Word(word) = self;
        match attempt {
            Attempt::Alone => (self.holders() == 0).then(|| Word(word + ALONE)),
            Attempt::AfterWaiting => (self.holders() == 0).then(|| Word(word + ALONE - WAITING)),
            Attempt::Together => (self.holders() != ALONE).then(|| Word(word + 1)),
            Attempt::TogetherInTurn => {
                (self.holders() != ALONE && self.waiting() == 0).then(|| Word(word + 1))
            }
        }
    }

    /// What an attempt asks for, if it would succeed nowhere near here: it must come to an operation all the same.
    fn hoped(self, attempt: Attempt) -> Word {
        match attempt {
            Attempt::Alone | Attempt::AfterWaiting => Word(self.waiting() * WAITING),
            Attempt::Together | Attempt::TogetherInTurn => Word(0),
        }
    }
}

/// An attempt to take a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    Alone,
    /// By one that is counted among those that wait.
    AfterWaiting,
    Together,
    /// As long as none waits to hold it alone.
    TogetherInTurn,
}

/// A lock that threads can wait for or try.
///
/// Whether one that waits to hold it alone keeps those out that would hold it together is unspecified. Here it does,
/// from an operation of its own on; who would hold it together may come before that, and nothing else tells the two
/// from each other.
pub(crate) struct Exact {
    /// A [`Word`]: the scheduling point of everything that happens to the lock, and the carrier of its edges.
    gate: AtomicUsize,
    /// The same, to look at without a scheduling point.
    word: Cell<Word>,
    waiters: Queue,
}

impl Exact {
    #[track_caller]
    pub(super) fn new() -> Self {
        Self { gate: AtomicUsize::new(0), word: Cell::default(), waiters: Queue::default() }
    }

    /// Takes the lock if that is possible now. An attempt that fails orders nothing.
    #[track_caller]
    pub(super) fn try_acquire(self: &Rc<Self>, mode: Mode) -> Option<ExactGuard> {
        self.attempt(if mode == Mode::Alone { Attempt::Alone } else { Attempt::Together })
    }

    #[track_caller]
    fn attempt(self: &Rc<Self>, attempt: Attempt) -> Option<ExactGuard> {
        let mut found = self.word.get();
        if found.taken(attempt).is_none() {
            found = found.hoped(attempt);
        }
        while let Some(Word(next)) = found.taken(attempt) {
            match self.gate.compare_exchange(found.0, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => {
                    self.word.set(Word(next));
                    let alone = matches!(attempt, Attempt::Alone | Attempt::AfterWaiting);
                    let mode = if alone { Mode::Alone } else { Mode::Together };
                    return Some(ExactGuard { lock: Rc::clone(self), mode });
                }
                Err(word) => found = Word(word),
            }
        }
        None
    }

    /// Waits until the lock can be taken, and takes it.
    #[track_caller]
    pub(super) fn acquire(self: &Rc<Self>, mode: Mode) -> ExactGuard {
        let mut attempt = if mode == Mode::Alone { Attempt::Alone } else { Attempt::TogetherInTurn };
        loop {
            if let Some(guard) = self.attempt(attempt) {
                return guard;
            }
            if attempt == Attempt::Alone && self.word.get().holders() != ALONE {
                let Word(before) = Word(self.gate.fetch_add(WAITING, Ordering::Relaxed));
                self.word.set(Word(before + WAITING));
                attempt = Attempt::AfterWaiting;
                if Word(before).holders() == 0 {
                    continue;
                }
            }
            let waiter = self.waiters.join();
            if waiter.park() {
                waiter.give_back();
            }
        }
    }
}

/// Holds an [`Exact`] lock. Must not be dropped by a panic: see [`super::deferred`].
pub(super) struct ExactGuard {
    lock: Rc<Exact>,
    mode: Mode,
}

impl Drop for ExactGuard {
    /// Gives the lock back, and lets all who wait try again.
    fn drop(&mut self) {
        let Exact { gate, word, waiters } = &*self.lock;
        let holders = if self.mode == Mode::Alone { ALONE } else { 1 };
        let before = gate.fetch_sub(holders, Ordering::Release);
        word.set(Word(before - holders));
        waiters.wake(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_keeps_those_out_who_come_together_in_turn() {
        let free = Word::default();
        let shared = free.taken(Attempt::Together).expect("free");
        assert_eq!((shared.holders(), shared.taken(Attempt::Alone)), (1, None));
        let waited_for = Word(shared.0 + WAITING);
        assert_eq!((waited_for.holders(), waited_for.waiting()), (1, 1));
        assert_eq!(waited_for.taken(Attempt::TogetherInTurn), None);
        assert_eq!(waited_for.taken(Attempt::Together).map(Word::holders), Some(2));
        let given = Word(waited_for.0 - 1).taken(Attempt::AfterWaiting).expect("given back");
        assert_eq!((given.holders(), given.waiting()), (ALONE, 0));
        assert!(
            [Attempt::Alone, Attempt::Together, Attempt::TogetherInTurn]
                .iter()
                .all(|attempt| given.taken(*attempt).is_none())
        );
    }
}
