//! How the engine learns what happens to an `Arc`.

use crate::context::Context;
use crate::explore::rc11::LocationId;
use crate::leaks;
use crate::rt::trace::{self, Kind, ObjectId};
use crate::rt::{self, loom, rc11, shuttle};
use std::panic::Location;
use std::sync as real;
use std::sync::atomic::Ordering;

/// How the engine learns what happens to an [`Arc`](super::Arc).
#[derive(Clone)]
pub(super) enum Token {
    Real,
    Loom(real::Arc<loom::Count>),
    /// The object of the owners' drops and of upgrades; the next one is that of clones, the one after of
    /// the drops of weak pointers.
    Shuttle(ObjectId),
    /// The strong count, and the drops of weak pointers; where those are looked at, they are events of the strong count,
    /// too, and where owners are counted, clones are.
    Rc11 {
        drops: LocationId,
        weak_drops: LocationId,
    },
}

impl Token {
    #[track_caller]
    pub(super) fn new() -> Token {
        match rt::made_for() {
            Context::Real | Context::Process => Token::Real,
            Context::Loom => Token::Loom(real::Arc::new(loom::Count::new())),
            Context::Shuttle => {
                let drops = trace::new_object();
                trace::new_object();
                trace::new_object();
                Token::Shuttle(drops)
            }
            Context::Rc11 => {
                let site = Location::caller();
                Token::Rc11 { drops: rc11::make(0, true, site), weak_drops: rc11::make(0, true, site) }
            }
        }
    }

    /// Before a strong count goes up by a clone. Clones commute with each other and with drops.
    #[inline]
    #[track_caller]
    pub(super) fn cloning(&self) {
        match self {
            Token::Real => {}
            Token::Loom(count) => count.cloning(),
            Token::Shuttle(drops) => {
                shuttle::before(drops + 1, Kind::Load);
            }
            // The thread that clones owns one, so that no other owner's drop can be the last: it matters only where
            // owners are counted.
            Token::Rc11 { drops, .. } => {
                if rc11::is_watched(*drops) {
                    rc11::pass(*drops, Ordering::Relaxed);
                }
            }
        }
    }

    /// Before a weak count goes up.
    #[inline]
    #[track_caller]
    pub(super) fn cloning_weak(&self) {
        match self {
            Token::Rc11 { drops, weak_drops } => {
                if rc11::is_watched(*weak_drops) && rc11::is_watched(*drops) {
                    rc11::pass(*drops, Ordering::Relaxed);
                }
            }
            token => token.cloning(),
        }
    }

    /// Before the owners are counted.
    #[inline]
    #[track_caller]
    pub(super) fn counting(&self) {
        match self {
            Token::Real => {}
            Token::Loom(count) => count.counting(),
            Token::Shuttle(drops) => {
                shuttle::before_both([*drops, drops + 1], [Kind::Rmw; 2]);
            }
            Token::Rc11 { drops, .. } => {
                rc11::watch(*drops);
                rc11::pass(*drops, Ordering::Relaxed);
            }
        }
    }

    /// As [`counting`](Token::counting), if weak pointers are counted.
    #[track_caller]
    pub(super) fn counting_weak(&self) {
        match self {
            Token::Loom(count) => count.pass_weak(Ordering::Relaxed),
            Token::Rc11 { weak_drops, .. } => rc11::watch(*weak_drops),
            Token::Real | Token::Shuttle(_) => {}
        }
        self.counting();
    }

    /// Before it is looked at whether there is one pointer alone. What is looked at must not change after this call: so
    /// it is one operation that depends on all that makes pointers fewer.
    #[track_caller]
    pub(super) fn looking(&self) {
        match self {
            Token::Real => {}
            Token::Loom(count) => {
                count.pass_weak(Ordering::Relaxed);
                count.pass(Ordering::Relaxed);
            }
            Token::Shuttle(drops) => {
                shuttle::before_both([*drops, drops + 2], [Kind::Rmw; 2]);
            }
            Token::Rc11 { drops, weak_drops } => {
                rc11::watch(*weak_drops);
                rc11::pass(*drops, Ordering::Relaxed);
            }
        }
    }

    /// A scheduling point that depends on every owner's drop and every upgrade, with the edges of `order`.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn pass(&self, order: Ordering) {
        match self {
            Token::Real => {}
            Token::Loom(count) => count.pass(order),
            Token::Shuttle(drops) => {
                if shuttle::before(*drops, Kind::Rmw) {
                    trace::rmw(*drops, order);
                }
            }
            Token::Rc11 { drops, .. } => rc11::pass(*drops, order),
        }
    }

    /// As [`pass`](Token::pass), but for the drops of weak pointers, of which owners learn nothing.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn pass_weak(&self, order: Ordering) {
        match self {
            Token::Real => {}
            Token::Loom(count) => count.pass_weak(order),
            Token::Shuttle(drops) => {
                // Weak pointers are counted as owners are.
                if shuttle::before_both([drops + 2, drops + 1], [Kind::Rmw, Kind::Load]) {
                    trace::rmw(drops + 2, order);
                }
            }
            Token::Rc11 { drops, weak_drops } => {
                rc11::pass(*weak_drops, order);
                if rc11::is_watched(*weak_drops) {
                    rc11::pass(*drops, Ordering::Relaxed);
                }
            }
        }
    }

    /// Learns what owners did that are gone. Under loom others may run before.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn learn(&self) {
        match self {
            Token::Real => {}
            Token::Loom(count) => count.pass(Ordering::Acquire),
            Token::Shuttle(drops) if shuttle::alive() => trace::acquire(*drops),
            Token::Shuttle(_) => {}
            Token::Rc11 { drops, .. } => rc11::pass(*drops, Ordering::Acquire),
        }
    }

    /// Before a strong reference goes away. As in std, only the last one learns what the others did.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn dropping(&self, is_last: impl Fn() -> bool) {
        self.pass(Ordering::Release);
        if is_last() {
            self.pass(Ordering::Acquire);
            if is_last() {
                self.freed();
            }
        }
    }

    /// The value is gone.
    pub(super) fn freed(&self) {
        if let Token::Loom(count) = self {
            count.freed();
        }
    }
}

/// A static keeps a value for good, which may own any of the values that have not been freed: they are no leaks.
pub(in crate::sync) fn forgive() {
    for token in leaks::tokens::<Token>() {
        token.freed();
    }
}
