//! An atomic under a checker: its operations as data, and what is counted and recorded of each.
//!
//! A runtime has a [`RawAtomic`] and keeps the value. The facade has an [`Atomic`], whose operations pass here and
//! nowhere else: so none can be forgotten in a trace.

use super::trace::{self, Key, What};
use super::{Atomic, Checker, Here, Runtime};
use crate::base::event::EventKind;
use crate::rt::context;
use crate::rt::thread_bound::ThreadBound;
use std::fmt;
use std::sync::atomic::Ordering;

/// The type of an atomic's value. Values are kept as 64 bits; of signed integers with the sign extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Bool,
    U8,
    U16,
    U32,
    U64,
    Usize,
    I8,
    I16,
    I32,
    I64,
    Isize,
    Pointer,
}

impl Scalar {
    /// The value that the low bits stand for.
    pub(crate) fn wrap(self, bits: u64) -> u64 {
        match self {
            Scalar::Bool => bits & 1,
            Scalar::U8 => u64::from(bits as u8),
            Scalar::U16 => u64::from(bits as u16),
            Scalar::U32 => u64::from(bits as u32),
            Scalar::I8 => bits as i8 as u64,
            Scalar::I16 => bits as i16 as u64,
            Scalar::I32 => bits as i32 as u64,
            Scalar::U64 | Scalar::I64 => bits,
            Scalar::Usize | Scalar::Pointer => bits as usize as u64,
            Scalar::Isize => bits as isize as u64,
        }
    }

    fn is_signed(self) -> bool {
        matches!(self, Scalar::I8 | Scalar::I16 | Scalar::I32 | Scalar::I64 | Scalar::Isize)
    }

    fn is_less(self, a: u64, b: u64) -> bool {
        if self.is_signed() { (a as i64) < (b as i64) } else { a < b }
    }
}

/// Shows bits as the value that they are.
struct Shown(Scalar, u64);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Shown(Scalar::Bool, bits) => (bits != 0).fmt(f),
            Shown(Scalar::Pointer, bits) => std::ptr::without_provenance::<()>(bits as usize).fmt(f),
            Shown(scalar, bits) if scalar.is_signed() => (bits as i64).fmt(f),
            Shown(_, bits) => bits.fmt(f),
        }
    }
}

/// What a read-modify-write operation makes of the value and its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rmw {
    Swap,
    Add,
    Sub,
    And,
    Nand,
    Or,
    Xor,
    Max,
    Min,
}

impl Rmw {
    /// The value that is written where `value` was read.
    pub(crate) fn apply(self, scalar: Scalar, value: u64, operand: u64) -> u64 {
        scalar.wrap(match self {
            Rmw::Swap => operand,
            Rmw::Add => value.wrapping_add(operand),
            Rmw::Sub => value.wrapping_sub(operand),
            Rmw::And => value & operand,
            Rmw::Nand => !(value & operand),
            Rmw::Or => value | operand,
            Rmw::Xor => value ^ operand,
            Rmw::Max if scalar.is_less(value, operand) => operand,
            Rmw::Min if scalar.is_less(operand, value) => operand,
            Rmw::Max | Rmw::Min => value,
        })
    }
}

/// One read-modify-write operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Update {
    pub(crate) scalar: Scalar,
    pub(crate) rmw: Rmw,
    pub(crate) operand: u64,
}

impl Update {
    /// The value that is written where `value` was read.
    pub(crate) fn of(self, value: u64) -> u64 {
        self.rmw.apply(self.scalar, value, self.operand)
    }
}

/// An atomic of a runtime's. Each operation is one step of the running thread; it returns `None`, and has no effect,
/// where the execution is over.
pub(crate) trait RawAtomic: 'static {
    #[track_caller]
    fn load(&self, order: Ordering, here: Here) -> Option<u64>;

    #[track_caller]
    fn store(&self, value: u64, order: Ordering) -> Option<()>;

    /// Returns the value before.
    #[track_caller]
    fn rmw(&self, update: Update, order: Ordering) -> Option<u64>;

    /// Writes the second value if the first is found. What was found, in `Ok` if it was written.
    #[track_caller]
    fn compare_exchange(
        &self,
        values: [u64; 2],
        orders: [Ordering; 2],
        here: Here,
    ) -> Option<Result<u64, u64>>;

    /// Whether a weak compare-exchange fails here although it could succeed.
    #[track_caller]
    fn fails_spuriously(&self) -> bool {
        false
    }

    /// Reads as plain memory is read.
    ///
    /// # Safety
    /// No other thread writes at the same time.
    #[track_caller]
    unsafe fn unsync_load(&self) -> Option<u64>;

    /// The value, of an atomic that no other thread has.
    #[track_caller]
    fn exclusive(&mut self) -> Option<u64>;

    /// Replaces the value, as [`RawAtomic::exclusive`].
    #[track_caller]
    fn replace(&mut self, value: u64);

    /// What a trace knows it by. It lies where it stays.
    fn key(&self) -> Key;
}

/// An atomic where it stays.
pub(crate) type BoundAtomic = Box<ThreadBound<Atomic>>;

impl Atomic {
    /// An atomic of this runtime, made here; its making is an access.
    #[track_caller]
    pub(crate) fn new(checker: Checker, kind: &'static str, scalar: Scalar, value: u64) -> BoundAtomic {
        let atomic = make!(checker, Atomic, R => R::atomic(scalar, value));
        let atomic = Box::new(ThreadBound::new(checker, atomic));
        if trace::on() {
            trace::made(kind, atomic.key(), Some(&Shown(scalar, value)));
        }
        atomic
    }

    /// An atomic that is there from the beginning of the execution.
    #[track_caller]
    pub(crate) fn first(checker: Checker, kind: &'static str, scalar: Scalar, value: u64) -> BoundAtomic {
        let like = [scalar as u64, value];
        let atomic = make!(checker, Atomic, R => R::first(like, move || R::atomic(scalar, value)));
        let atomic = Box::new(ThreadBound::new(checker, atomic));
        if trace::on() {
            trace::made_before_all(kind, atomic.key(), Some(&Shown(scalar, value)));
        }
        atomic
    }

    fn key(&self) -> Key {
        each!(Atomic, self, atomic => atomic.key())
    }

    /// A witness does not show what is done to it.
    pub(crate) fn hide(&self) {
        trace::hide(self.key());
    }

    #[inline]
    #[track_caller]
    fn record(
        &self,
        (operation, kind): (&'static str, EventKind),
        scalar: Scalar,
        order: Ordering,
        values: [Option<u64>; 2],
    ) {
        if trace::on() {
            self.record_in_trace(What::new(operation, kind, self.key()), scalar, order, values);
        }
    }

    #[cold]
    #[track_caller]
    fn record_in_trace(&self, what: What, scalar: Scalar, order: Ordering, values: [Option<u64>; 2]) {
        let [read, written] = values.map(|value| value.map(|bits| Shown(scalar, bits)));
        let read = read.as_ref().map(|value| value as &dyn fmt::Debug);
        let written = written.as_ref().map(|value| value as &dyn fmt::Debug);
        trace::access(what, Some(order), [read, written]);
    }

    #[track_caller]
    pub(crate) fn load(&self, scalar: Scalar, order: Ordering, here: Here) -> Option<u64> {
        context::count_operation();
        let value = each!(Atomic, self, atomic => atomic.load(order, here))?;
        self.record(("load", EventKind::Load), scalar, order, [Some(value), None]);
        Some(value)
    }

    #[track_caller]
    pub(crate) fn store(&self, scalar: Scalar, value: u64, order: Ordering) -> Option<()> {
        context::count_operation();
        each!(Atomic, self, atomic => atomic.store(value, order))?;
        self.record(("store", EventKind::Store), scalar, order, [None, Some(value)]);
        Some(())
    }

    /// The value before, by an operation of this name.
    #[track_caller]
    pub(crate) fn rmw(&self, name: &'static str, update: Update, order: Ordering) -> Option<u64> {
        context::count_operation();
        let value = each!(Atomic, self, atomic => atomic.rmw(update, order))?;
        let values = [Some(value), Some(update.of(value))];
        self.record((name, EventKind::Rmw), update.scalar, order, values);
        Some(value)
    }

    #[track_caller]
    pub(crate) fn compare_exchange(
        &self,
        scalar: Scalar,
        values: [u64; 2],
        orders: [Ordering; 2],
        here: Here,
    ) -> Option<Result<u64, u64>> {
        context::count_operation();
        let found = each!(Atomic, self, atomic => atomic.compare_exchange(values, orders, here))?;
        let name = "compare_exchange";
        match found {
            Ok(value) => {
                self.record((name, EventKind::Rmw), scalar, orders[0], [Some(value), Some(values[1])]);
            }
            Err(value) => self.record((name, EventKind::Load), scalar, orders[1], [Some(value), None]),
        }
        Some(found)
    }

    #[track_caller]
    pub(crate) fn fails_spuriously(&self) -> bool {
        each!(Atomic, self, atomic => atomic.fails_spuriously())
    }

    /// # Safety
    /// No other thread writes at the same time.
    #[track_caller]
    pub(crate) unsafe fn unsync_load(&self) -> Option<u64> {
        context::count_operation();
        // SAFETY: the caller's promise.
        each!(Atomic, self, atomic => unsafe { atomic.unsync_load() })
    }

    #[track_caller]
    pub(crate) fn exclusive(&mut self) -> Option<u64> {
        each!(Atomic, self, atomic => atomic.exclusive())
    }

    #[track_caller]
    pub(crate) fn replace(&mut self, value: u64) {
        each!(Atomic, self, atomic => atomic.replace(value));
    }
}

#[cfg(test)]
mod tests {
    use super::{Rmw, Scalar};

    /// What std's atomic of this type does, operation by operation, on values at both ends of its range.
    macro_rules! as_std {
        ($($scalar:ident $value:ident $atomic:ident)*) => {$({
            let values = [0, 1, 2, $value::MAX, $value::MIN, $value::MAX / 3];
            let order = std::sync::atomic::Ordering::Relaxed;
            for before in values {
                for operand in values {
                    let after = |act: &dyn Fn(&std::sync::atomic::$atomic)| {
                        let atomic = std::sync::atomic::$atomic::new(before);
                        act(&atomic);
                        atomic.into_inner() as u64
                    };
                    let expected = [
                        (Rmw::Swap, after(&|atomic| _ = atomic.swap(operand, order))),
                        (Rmw::Add, after(&|atomic| _ = atomic.fetch_add(operand, order))),
                        (Rmw::Sub, after(&|atomic| _ = atomic.fetch_sub(operand, order))),
                        (Rmw::And, after(&|atomic| _ = atomic.fetch_and(operand, order))),
                        (Rmw::Nand, after(&|atomic| _ = atomic.fetch_nand(operand, order))),
                        (Rmw::Or, after(&|atomic| _ = atomic.fetch_or(operand, order))),
                        (Rmw::Xor, after(&|atomic| _ = atomic.fetch_xor(operand, order))),
                        (Rmw::Max, after(&|atomic| _ = atomic.fetch_max(operand, order))),
                        (Rmw::Min, after(&|atomic| _ = atomic.fetch_min(operand, order))),
                    ];
                    for (rmw, expected) in expected {
                        let found = rmw.apply(Scalar::$scalar, before as u64, operand as u64);
                        assert_eq!(found, expected, "{rmw:?} of {before} and {operand}");
                    }
                }
            }
        })*};
    }

    #[test]
    fn arithmetic_on_bits_is_that_of_std() {
        as_std! {
            U8 u8 AtomicU8 U16 u16 AtomicU16 U32 u32 AtomicU32 U64 u64 AtomicU64 Usize usize AtomicUsize
            I8 i8 AtomicI8 I16 i16 AtomicI16 I32 i32 AtomicI32 I64 i64 AtomicI64 Isize isize AtomicIsize
        }
    }

    #[test]
    fn truth_values_stay_truth_values() {
        for (rmw, of_true_and_true) in [(Rmw::And, 1), (Rmw::Or, 1), (Rmw::Xor, 0), (Rmw::Nand, 0)] {
            assert_eq!(rmw.apply(Scalar::Bool, 1, 1), of_true_and_true, "{rmw:?}");
        }
        assert_eq!(Rmw::Nand.apply(Scalar::Bool, 1, 0), 1);
    }
}
