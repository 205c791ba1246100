//! An atomic of loom's, whose search is completed where loom's own is not.
//!
//! loom 0.7.2 remembers one last access per atomic. So it never tries a load *after* a store that another
//! load lies before: of two actors that each load and then store, it runs both loads first, or one actor
//! before the other, but never the other way round. An atomic that is loaded twice and written in one
//! execution is open to this, and [`demand`](super::workarounds::demand)s that the exploration begin anew, with
//! every access behind a gate: a read-modify-write, whose every order loom does try.
//!
//! loom 0.7.2 also lets a plain store of one thread come between the two halves of another's read-modify-write.
//! Beside `store(1)`, a `swap(2)` that finds 0 comes before the store, which then has the last word; loom also has
//! executions in which 2 is left. A store that comes after another thread's read-modify-write is open to this, and
//! then the verdict says so.
//!
//! Limit: other models keep loom's own search and do not pay, in which the rule above sees no gap.

use super::gaps::{self, Users};
use super::unreduced;
use super::workarounds;
use super::{AtomicUsize, alive, enter};
use crate::rt::Here;
use crate::rt::atomic::{RawAtomic, Rmw, Scalar, Update};
use crate::rt::context;
use crate::rt::trace::Key;
use loom::sync::atomic as model;
use loom::thread::{ThreadId, current};
use std::cell::Cell;
use std::sync::atomic::Ordering;

/// What is about to be done to an atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Load,
    Write,
}

/// An atomic of loom's, and what loom must know of its accesses.
struct Atom<L> {
    atomic: L,
    /// Where each access passes, if this exploration is to be exact.
    gate: Option<AtomicUsize>,
    loads: Cell<u32>,
    writes: Cell<u32>,
    /// The thread whose read-modify-write was the last to write, if no store was.
    modified_by: Cell<Option<ThreadId>>,
    users: Cell<Users>,
}

impl<L> Atom<L> {
    #[track_caller]
    fn new(atomic: L) -> Self {
        let gate = (workarounds::wanted() && !unreduced::on()).then(|| AtomicUsize::new(0));
        Self {
            atomic,
            gate,
            loads: Cell::new(0),
            writes: Cell::new(0),
            modified_by: Cell::new(None),
            users: Cell::default(),
        }
    }

    /// To be called before every access. False if the model is dead, and the access must be left out.
    #[track_caller]
    fn enter(&self, order: Ordering, access: Access) -> bool {
        if !enter() {
            return false;
        }
        gaps::accesses(std::ptr::from_ref(self).addr(), order);
        if access == Access::Load {
            gaps::loads();
        }
        match &self.gate {
            Some(gate) => {
                gate.fetch_add(1, Ordering::Relaxed);
            }
            None if unreduced::on() => {}
            None => self.count(access),
        }
        true
    }

    fn count(&self, access: Access) {
        let counter = match access {
            Access::Load => &self.loads,
            Access::Write => &self.writes,
        };
        counter.set(counter.get() + 1);
        if self.loads.get() > 1 && self.writes.get() > 0 {
            workarounds::demand();
        }
    }

    /// A read-modify-write has written.
    fn modified(&self) {
        gaps::loads();
        self.modified_by.set(Some(current().id()));
        self.users.set(self.users.get().modified());
    }

    /// A compare-exchange has failed.
    fn failed(&self) {
        gaps::loads();
        self.users.set(self.users.get().failed());
    }

    /// A plain store has written. Not to be told before: it is a scheduling point.
    fn stored(&self) {
        if self.modified_by.take().is_some_and(|modifier| modifier != current().id()) {
            context::note_artefact(context::Artefact::LoomSplitsRmw);
        }
        self.users.set(self.users.get().stored());
    }
}

/// The atomics that loom has, by the type of their value. Truth values and pointers are kept as numbers, as loom does
/// within its own types, which lack half of the operations.
macro_rules! atomics {
    ($($name:ident($atomic:ident, $value:ident): $($scalar:ident)|*;)*) => {
        enum Typed {
            $($name(Atom<model::$atomic>),)*
        }

        impl Typed {
            #[track_caller]
            fn new(scalar: Scalar, value: u64) -> Self {
                match scalar {
                    $($(Scalar::$scalar)|* => Typed::$name(Atom::new(model::$atomic::new(value as $value))),)*
                }
            }
        }

        impl RawAtomic for LoomAtomic {
            fn load(&self, order: Ordering, _here: Here) -> Option<u64> {
                match &self.0 {
                    $(Typed::$name(atom) => {
                        atom.enter(order, Access::Load).then(|| ())?;
                        Some(atom.atomic.load(order) as u64)
                    })*
                }
            }

            fn store(&self, value: u64, order: Ordering) -> Option<()> {
                match &self.0 {
                    $(Typed::$name(atom) => {
                        atom.enter(order, Access::Write).then(|| ())?;
                        atom.atomic.store(value as $value, order);
                        atom.stored();
                    })*
                }
                Some(())
            }

            fn rmw(&self, update: Update, order: Ordering) -> Option<u64> {
                match &self.0 {
                    $(Typed::$name(atom) => {
                        atom.enter(order, Access::Write).then(|| ())?;
                        let (atomic, operand) = (&atom.atomic, update.operand as $value);
                        let before = match update.rmw {
                            Rmw::Swap => atomic.swap(operand, order),
                            Rmw::Add => atomic.fetch_add(operand, order),
                            Rmw::Sub => atomic.fetch_sub(operand, order),
                            Rmw::And => atomic.fetch_and(operand, order),
                            Rmw::Nand => atomic.fetch_nand(operand, order),
                            Rmw::Or => atomic.fetch_or(operand, order),
                            Rmw::Xor => atomic.fetch_xor(operand, order),
                            Rmw::Max => atomic.fetch_max(operand, order),
                            Rmw::Min => atomic.fetch_min(operand, order),
                        };
                        atom.modified();
                        Some(before as u64)
                    })*
                }
            }

            fn compare_exchange(
                &self,
                [expected, new]: [u64; 2],
                [success, failure]: [Ordering; 2],
                _here: Here,
            ) -> Option<Result<u64, u64>> {
                match &self.0 {
                    $(Typed::$name(atom) => {
                        atom.enter(success, Access::Write).then(|| ())?;
                        let (expected, new) = (expected as $value, new as $value);
                        let found = atom.atomic.compare_exchange(expected, new, success, failure);
                        if found.is_ok() {
                            atom.modified();
                        } else {
                            atom.failed();
                        }
                        Some(found.map(|value| value as u64).map_err(|value| value as u64))
                    })*
                }
            }

            unsafe fn unsync_load(&self) -> Option<u64> {
                enter().then(|| ())?;
                match &self.0 {
                    // SAFETY: loom checks what the caller has promised.
                    $(Typed::$name(atom) => Some(unsafe { atom.atomic.unsync_load() } as u64),)*
                }
            }

            fn exclusive(&mut self) -> Option<u64> {
                enter().then(|| ())?;
                match &mut self.0 {
                    $(Typed::$name(atom) => Some(atom.atomic.with_mut(|value| *value) as u64),)*
                }
            }

            fn replace(&mut self, value: u64) {
                if !alive() {
                    return;
                }
                match &mut self.0 {
                    $(Typed::$name(atom) => atom.atomic.with_mut(|kept| *kept = value as $value),)*
                }
            }

            fn key(&self) -> Key {
                Key::at(self)
            }
        }
    };
}

atomics! {
    U8(AtomicU8, u8): Bool | U8;
    U16(AtomicU16, u16): U16;
    U32(AtomicU32, u32): U32;
    U64(AtomicU64, u64): U64;
    Usize(AtomicUsize, usize): Usize | Pointer;
    I8(AtomicI8, i8): I8;
    I16(AtomicI16, i16): I16;
    I32(AtomicI32, i32): I32;
    I64(AtomicI64, i64): I64;
    Isize(AtomicIsize, isize): Isize;
}

/// An atomic of a loom execution.
pub(crate) struct LoomAtomic(Typed);

impl LoomAtomic {
    #[track_caller]
    pub(crate) fn new(scalar: Scalar, value: u64) -> Self {
        LoomAtomic(Typed::new(scalar, value))
    }
}
