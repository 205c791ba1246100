//! What an atomic consists of: std's, and under a checker one of its runtime's.

use crate::rt::atomic::{BoundAtomic, Scalar, Update};
use crate::rt::statics::Held;
use crate::rt::statics::made::{Made, Original, Part, Serving};
use crate::rt::{self, Here};
use std::fmt;
use std::sync::atomic::{self as real, Ordering};

/// An atomic of std's.
pub(super) trait Std: Sized {
    type Value: Copy + fmt::Debug;
    /// The type's name.
    const NAME: &'static str;
    const SCALAR: Scalar;

    fn of(value: Self::Value) -> Self;
    fn get(&self, order: Ordering) -> Self::Value;
    fn set(&self, value: Self::Value, order: Ordering);
    fn exclusive(&mut self) -> &mut Self::Value;
    fn value_of(bits: u64) -> Self::Value;
    fn bits_of(value: Self::Value) -> u64;
}

macro_rules! std_atomics {
    ([$($generics:tt)*] $atomic:ty, $value:ty, $name:expr, $scalar:ident, $from_bits:expr, $to_bits:expr) => {
        impl<$($generics)*> Std for $atomic {
            type Value = $value;
            const NAME: &'static str = $name;
            const SCALAR: Scalar = Scalar::$scalar;

            #[inline]
            fn of(value: $value) -> Self {
                Self::new(value)
            }

            #[inline(always)]
            fn get(&self, order: Ordering) -> $value {
                self.load(order)
            }

            #[inline(always)]
            fn set(&self, value: $value, order: Ordering) {
                self.store(value, order);
            }

            #[inline]
            fn exclusive(&mut self) -> &mut $value {
                self.get_mut()
            }

            #[inline]
            fn value_of(bits: u64) -> $value {
                $from_bits(bits)
            }

            #[inline]
            fn bits_of(value: $value) -> u64 {
                $to_bits(value)
            }
        }
    };
    ($($atomic:ident $value:ident $scalar:ident)*) => {$(
        std_atomics! {
            [] real::$atomic, $value, stringify!($atomic), $scalar, |bits| bits as $value, |value| value as u64
        }
    )*};
}

std_atomics! {
    AtomicU8 u8 U8 AtomicU16 u16 U16 AtomicU32 u32 U32 AtomicU64 u64 U64 AtomicUsize usize Usize
    AtomicI8 i8 I8 AtomicI16 i16 I16 AtomicI32 i32 I32 AtomicI64 i64 I64 AtomicIsize isize Isize
}
std_atomics! { [] real::AtomicBool, bool, "AtomicBool", Bool, |bits| bits != 0, u64::from }
std_atomics! {
    [T] real::AtomicPtr<T>, *mut T, "AtomicPtr", Pointer,
    |bits| std::ptr::with_exposed_provenance_mut(bits as usize), |pointer: *mut T| pointer.expose_provenance() as u64
}

/// An atomic; `R` is std's.
pub(super) enum Repr<R> {
    /// The real thing, also among processes.
    Real(R),
    /// One of a runtime's, and a copy of what was written last, for destructors that run when the execution is over.
    Modelled(BoundAtomic, R),
    /// What a const fn has made: the real thing, and who serves it.
    Made { made: Made<Repr<R>>, real: R },
}

impl<R> Part for Repr<R> {
    const NAMED: bool = true;
    const LENDS: bool = false;
}

impl<R> Held for Repr<R> {
    fn outlive(self: Box<Self>) {}
}

impl<R> Repr<R> {
    /// The real atomic, or what is there beside a runtime's.
    pub(super) fn copy(&self) -> &R {
        match self {
            Repr::Real(real) | Repr::Modelled(_, real) | Repr::Made { real, .. } => real,
        }
    }

    /// Whether a const fn has made it, and nothing has used it.
    pub(super) fn is_untouched(&self) -> bool {
        matches!(self, Repr::Made { made, .. } if made.is_untouched())
    }

    /// The runtime's atomic, if it has one. What is done to it is not to be done in a closure, which has a place of its
    /// own in the source.
    pub(super) fn modelled(&self) -> Option<&rt::Atomic> {
        match self {
            Repr::Modelled(atomic, _) => Some(atomic),
            Repr::Real(_) | Repr::Made { .. } => None,
        }
    }
}

impl<R: Std> Repr<R> {
    /// An atomic with this value, made for the engine that is running.
    #[inline]
    #[track_caller]
    pub(super) fn made_here(value: R::Value) -> Self {
        // Out of line, so that a real one is made without a reference to anything: see the limits of
        // `engine::processes`' look for pointers.
        #[cold]
        #[inline(never)]
        #[track_caller]
        fn checked<R: Std>(checker: rt::Checker, value: R::Value) -> Repr<R> {
            let atomic = rt::Atomic::new(checker, R::NAME, R::SCALAR, R::bits_of(value));
            Repr::Modelled(atomic, R::of(value))
        }
        match rt::checker() {
            None => Repr::Real(R::of(value)),
            Some(checker) => checked(checker, value),
        }
    }

    /// What a model has for an atomic with this value that a const fn has made: no thread has made it.
    #[track_caller]
    fn first(value: R::Value) -> Self {
        let real = R::of(value);
        match rt::checker() {
            None => Repr::Real(real),
            Some(checker) => {
                let atomic = rt::Atomic::first(checker, R::NAME, R::SCALAR, R::bits_of(value));
                Repr::Modelled(atomic, real)
            }
        }
    }

    /// What serves the atomic that this is of.
    #[track_caller]
    pub(super) fn serving(&self) -> &Self {
        rt::memory::used(std::ptr::from_ref(self).addr());
        let Repr::Made { made, real } = self else { return self };
        let value = || real.get(Ordering::Relaxed);
        match made.serving(std::ptr::from_ref(self).cast(), || Self::first(value())) {
            Serving::Real => self,
            Serving::Model(repr) => repr,
            Serving::Static(original) => {
                let repr = original.part(|| Self::first(self.initial(original)));
                // SAFETY: it lives until the execution ends, and is not kept beyond the operation.
                unsafe { repr.as_ref() }
            }
        }
    }

    /// The value with which the program began.
    fn initial(&self, original: &Original) -> R::Value {
        let Repr::Made { real, .. } = self else { unreachable!("an original is made by a const fn") };
        let offset = std::ptr::from_ref(real).addr() - std::ptr::from_ref(self).addr();
        // SAFETY: the atomic is nothing but `self`, and `real` a field of it.
        unsafe { original.first::<R>(offset) }.get(Ordering::Relaxed)
    }

    /// Becomes what serves the atomic, which no other thread has.
    #[inline]
    #[track_caller]
    fn settle(&mut self) {
        if let Repr::Made { .. } = self {
            self.settle_made();
        }
    }

    #[cold]
    #[track_caller]
    fn settle_made(&mut self) {
        let object = std::ptr::from_ref(self).cast();
        let Repr::Made { made, .. } = self else { return };
        let served = match (made.take(), made.settled_exclusively(object)) {
            (Some(repr), _) => repr,
            (None, Serving::Static(original)) => {
                original.take().unwrap_or_else(|| Self::made_here(self.initial(original)))
            }
            (None, _) if made.is_untouched() => Self::made_here(self.copy().get(Ordering::Relaxed)),
            (None, _) => return,
        };
        *self = served;
    }

    /// The last value, without an operation that a checker would see.
    pub(super) fn shown(&self) -> R::Value {
        let Repr::Made { made, real } = self else { return self.copy().get(Ordering::Relaxed) };
        match made.served() {
            Serving::Real => real.get(Ordering::Relaxed),
            Serving::Model(repr) => repr.shown(),
            Serving::Static(original) => match original.existing::<Self>() {
                // SAFETY: as in `serving`.
                Some(repr) => unsafe { repr.as_ref() }.shown(),
                None => self.initial(original),
            },
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn load_other(&self, order: Ordering, here: Here) -> R::Value {
        check_load(order);
        let this = self.serving();
        let Some(atomic) = this.modelled() else { return this.copy().get(order) };
        match atomic.load(R::SCALAR, order, here) {
            Some(bits) => R::value_of(bits),
            None => this.copy().get(order),
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn store_other(&self, value: R::Value, order: Ordering) {
        check_store(order);
        let this = self.serving();
        if let Some(atomic) = this.modelled() {
            atomic.store(R::SCALAR, R::bits_of(value), order);
        }
        this.copy().set(value, order);
    }

    /// By an operation of this name; `None` if std's atomic serves.
    #[track_caller]
    fn rmw_modelled(
        &self,
        name: &'static str,
        (rmw, operand): (rt::atomic::Rmw, u64),
        order: Ordering,
    ) -> Option<R::Value> {
        let update = Update { scalar: R::SCALAR, rmw, operand };
        let before = self.modelled()?.rmw(name, update, order)?;
        self.copy().set(R::value_of(update.of(before)), Ordering::Relaxed);
        Some(R::value_of(before))
    }

    /// By an operation of this name, which `on_real` does to std's.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn rmw_other(
        &self,
        name: &'static str,
        operation: (rt::atomic::Rmw, u64),
        order: Ordering,
        on_real: impl FnOnce(&R) -> R::Value,
    ) -> R::Value {
        let this = self.serving();
        match this.rmw_modelled(name, operation, order) {
            Some(before) => before,
            None => on_real(this.copy()),
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn compare_exchange_other(
        &self,
        [current, new]: [R::Value; 2],
        orders: [Ordering; 2],
        here: Here,
        on_real: impl FnOnce(&R) -> Result<R::Value, R::Value>,
    ) -> Result<R::Value, R::Value> {
        check_failure(orders[1]);
        let this = self.serving();
        let bits = [R::bits_of(current), R::bits_of(new)];
        let Some(atomic) = this.modelled() else { return on_real(this.copy()) };
        match atomic.compare_exchange(R::SCALAR, bits, orders, here) {
            None => on_real(this.copy()),
            Some(Ok(found)) => {
                this.copy().set(new, Ordering::Relaxed);
                Ok(R::value_of(found))
            }
            Some(Err(found)) => Err(R::value_of(found)),
        }
    }

    /// Whether a weak compare-exchange fails here although it could succeed.
    #[inline]
    #[track_caller]
    pub(super) fn fails_spuriously(&self) -> bool {
        match self {
            Repr::Real(_) => false,
            repr => match repr.serving().modelled() {
                Some(atomic) => atomic.fails_spuriously(),
                None => false,
            },
        }
    }

    /// # Safety
    /// No other thread writes at the same time.
    #[track_caller]
    pub(super) unsafe fn unsync_load(&self) -> R::Value {
        let this = self.serving();
        let Some(atomic) = this.modelled() else { return this.copy().get(Ordering::Relaxed) };
        // SAFETY: the caller's promise.
        match unsafe { atomic.unsync_load() } {
            Some(bits) => R::value_of(bits),
            None => this.copy().get(Ordering::Relaxed),
        }
    }

    /// The value, of an atomic that no other thread has, and the runtime's atomic to write it back to.
    #[inline]
    #[track_caller]
    pub(super) fn exclusive(&mut self) -> (&mut R::Value, Option<&mut BoundAtomic>) {
        self.settle();
        match self {
            Repr::Real(real) | Repr::Made { real, .. } => (real.exclusive(), None),
            Repr::Modelled(atomic, copy) => {
                if let Some(bits) = atomic.exclusive() {
                    *copy.exclusive() = R::value_of(bits);
                }
                (copy.exclusive(), Some(atomic))
            }
        }
    }
}

/// Panics as std does if `order` is none for a load.
#[inline]
#[track_caller]
fn check_load(order: Ordering) {
    match order {
        Ordering::Release => panic!("there is no such thing as a release load"),
        Ordering::AcqRel => panic!("there is no such thing as an acquire-release load"),
        _ => {}
    }
}

/// Panics as std does if `order` is none for a store.
#[inline]
#[track_caller]
fn check_store(order: Ordering) {
    match order {
        Ordering::Acquire => panic!("there is no such thing as an acquire store"),
        Ordering::AcqRel => panic!("there is no such thing as an acquire-release store"),
        _ => {}
    }
}

/// Panics as std does if `order` is none for a compare-exchange that fails.
#[inline]
#[track_caller]
fn check_failure(order: Ordering) {
    match order {
        Ordering::Release => panic!("there is no such thing as a release failure ordering"),
        Ordering::AcqRel => panic!("there is no such thing as an acquire-release failure ordering"),
        _ => {}
    }
}
