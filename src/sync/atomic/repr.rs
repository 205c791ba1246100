//! What an atomic consists of on each engine, and the macros that write its operations.

use crate::context::{self, Context};
use crate::explore::rc11::LocationId;
use crate::rt::trace::ObjectId;
use crate::sync::statics::Held;
use crate::sync::statics::made::Part;
pub(super) use crate::sync::statics::made::{Made, Original, Serving};
use std::panic::Location;
use std::sync::atomic::Ordering;

/// An atomic: `R` is std's, `L` is loom's.
pub(super) enum Repr<R, L> {
    /// The real thing, also among processes.
    Real(R),
    /// loom's, and a copy of its last value for destructors that run when the model is dead.
    Loom(Box<crate::rt::loom::Atom<L>>, R),
    /// shuttle runs one task at a time, so the real thing serves; its name tells the detector.
    Shuttle(R, ObjectId),
    /// A location of rc11's graphs, which says what is read, and a copy of what was written last, for
    /// destructors that run when the execution is over.
    Rc11(R, LocationId),
    /// What a const fn has made: the real thing, and who serves it.
    Made { made: Made<Repr<R, L>>, real: R },
}

impl<R, L> Part for Repr<R, L> {
    const NAMED: bool = true;
    const LENDS: bool = false;
}

impl<R, L> Held for Repr<R, L> {
    fn outlive(self: Box<Self>) {}
}

/// A value as the bits that rc11 keeps.
pub(super) trait FromBits {
    fn from_bits(bits: u64) -> Self;
    fn to_bits(self) -> u64;
}

macro_rules! from_bits {
    ($($value:ident)*) => {$(
        impl FromBits for $value {
            #[inline]
            fn from_bits(bits: u64) -> Self {
                bits as $value
            }

            #[inline]
            fn to_bits(self) -> u64 {
                self as u64
            }
        }
    )*};
}

from_bits!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl FromBits for bool {
    fn from_bits(bits: u64) -> Self {
        bits != 0
    }

    fn to_bits(self) -> u64 {
        u64::from(self)
    }
}

impl<T> FromBits for *mut T {
    fn from_bits(bits: u64) -> Self {
        std::ptr::with_exposed_provenance_mut(bits as usize)
    }

    fn to_bits(self) -> u64 {
        self.expose_provenance() as u64
    }
}

impl<R, L> Repr<R, L> {
    /// The real atomic, or what is there beside a checker's.
    pub(super) fn copy(&self) -> &R {
        match self {
            Repr::Real(real)
            | Repr::Loom(_, real)
            | Repr::Shuttle(real, _)
            | Repr::Rc11(real, _)
            | Repr::Made { real, .. } => real,
        }
    }

    /// Whether a const fn has made it, and nothing has used it.
    pub(super) fn is_untouched(&self) -> bool {
        matches!(self, Repr::Made { made, .. } if made.is_untouched())
    }

    /// Whether a weak compare-exchange fails here although it could succeed: under rc11 a choice, once for each
    /// thread and each place in the source.
    #[inline]
    #[track_caller]
    pub(super) fn fails_spuriously(&self) -> bool {
        let checked = match self {
            Repr::Rc11(..) => true,
            Repr::Made { .. } => context::current() == Context::Rc11,
            Repr::Real(_) | Repr::Loom(..) | Repr::Shuttle(..) => false,
        };
        checked && crate::rt::rc11::fails_spuriously(Location::caller())
    }
}

/// Panics as std does if `order` is none for a load.
#[inline]
#[track_caller]
pub(super) fn check_load(order: Ordering) {
    match order {
        Ordering::Release => panic!("there is no such thing as a release load"),
        Ordering::AcqRel => panic!("there is no such thing as an acquire-release load"),
        _ => {}
    }
}

/// Panics as std does if `order` is none for a store.
#[inline]
#[track_caller]
pub(super) fn check_store(order: Ordering) {
    match order {
        Ordering::Acquire => panic!("there is no such thing as an acquire store"),
        Ordering::AcqRel => panic!("there is no such thing as an acquire-release store"),
        _ => {}
    }
}

/// Panics as std does if `order` is none for a compare-exchange that fails.
#[inline]
#[track_caller]
pub(super) fn check_failure(order: Ordering) {
    match order {
        Ordering::Release => panic!("there is no such thing as a release failure ordering"),
        Ordering::AcqRel => panic!("there is no such thing as an acquire-release failure ordering"),
        _ => {}
    }
}

/// One read-modify-write operation: how std's atomic does it, and how loom's does.
macro_rules! rmw {
    (
        [$($generics:tt)*] $real_type:ty, $loom_type:ty;
        $(#[$doc:meta])*
        $name:ident($($argument:ident: $type:ty)?, $order:ident) -> $result:ty;
        |$real:ident| $on_real:expr; |$loom:ident| $on_loom:expr
    ) => {
        $(#[$doc])*
        #[inline]
        #[track_caller]
        pub fn $name(&self, $($argument: $type,)? $order: Ordering) -> $result {
            #[cold]
            #[inline(never)]
            #[track_caller]
            fn checked<$($generics)*>(
                repr: &Repr<$real_type, $loom_type>,
                $($argument: $type,)?
                $order: Ordering,
            ) -> $result {
                let repr = repr.serving();
                match repr {
                    Repr::Real($real) | Repr::Made { real: $real, .. } => $on_real,
                    Repr::Loom($loom, $real) if $loom.enter($order, rt::loom::Access::Write) => {
                        let before = $on_loom;
                        $loom.modified();
                        $on_real;
                        let after = $real.load(Ordering::Relaxed);
                        repr.note(stringify!($name), EventKind::Rmw, $order, [Some(&before), Some(&after)]);
                        before
                    }
                    Repr::Loom(_, $real) => $on_real,
                    Repr::Shuttle($real, object) => {
                        let traced = rt::shuttle::before_atomic(*object, trace::Kind::Rmw);
                        let before = $on_real;
                        if traced {
                            trace::rmw(*object, $order);
                            let after = $real.load(Ordering::Relaxed);
                            repr.note(stringify!($name), EventKind::Rmw, $order, [Some(&before), Some(&after)]);
                        }
                        before
                    }
                    Repr::Rc11($real, location) => {
                        let mut update = |bits| {
                            let scratch = <$real_type>::new(FromBits::from_bits(bits));
                            let $real = &scratch;
                            $on_real;
                            Some(scratch.into_inner().to_bits())
                        };
                        match rt::rc11::read_modify_write(
                            *location,
                            [$order, $order],
                            &mut update,
                            None,
                            Location::caller(),
                        ) {
                            None => $on_real,
                            Some(read) => {
                                crate::context::count_operation();
                                let before: $result = FromBits::from_bits(read.value);
                                let after: $result = FromBits::from_bits(read.written.unwrap_or(read.value));
                                $real.store(after, Ordering::Relaxed);
                                repr.note(stringify!($name), EventKind::Rmw, $order, [Some(&before), Some(&after)]);
                                before
                            }
                        }
                    }
                }
            }
            match &self.repr {
                Repr::Real($real) => $on_real,
                repr => checked(repr, $($argument,)? $order),
            }
        }
    };
}

/// What every atomic has: everything but the read-modify-write operations that depend on the type.
/// `$to` and `$from` translate a value to and from the one that loom keeps.
macro_rules! common {
    (
        [$($generics:tt)*] $type_name:ident $name:ty, $value:ty, $real_type:ty, $loom_type:ty, $loom_new:path;
        $to:expr, $from:expr
    ) => {
        impl<$($generics)*> $name {
            /// An atomic with this value, made for the engine that is running. Under a checker its creation is an
            /// access of the thread that makes it, which others must learn of.
            #[cfg(not(feature = "const-new"))]
            #[inline]
            #[must_use]
            #[track_caller]
            pub fn new(value: $value) -> Self {
                Self::made_here(value)
            }

            /// As [`const_new`](Self::const_new): the feature `const-new` is on.
            #[cfg(feature = "const-new")]
            #[inline]
            #[must_use]
            pub const fn new(value: $value) -> Self {
                Self::const_new(value)
            }

            /// An atomic with this value, for a `static`: it begins anew in each execution under a checker. Its
            /// creation is no access, and happens before everything: that a thread uses it without having learnt of
            /// it is not found.
            #[inline]
            #[must_use]
            pub const fn const_new(value: $value) -> Self {
                Self { repr: Repr::Made { made: Made::new::<Self, $value>(), real: <$real_type>::new(value) } }
            }

            /// An atomic with this value, made for the engine that is running.
            #[inline]
            #[track_caller]
            pub(crate) fn made_here(value: $value) -> Self {
                // Out of line, so that a real one is made without a reference to anything: see the limits of
                // `engine::processes`' look for pointers.
                #[cold]
                #[inline(never)]
                #[track_caller]
                fn checked<$($generics)*>(context: Context, value: $value) -> $name {
                    let real = <$real_type>::new(value);
                    let repr = match context {
                        Context::Loom => Repr::Loom(Box::new(rt::loom::Atom::new($loom_new($to(value)))), real),
                        Context::Rc11 => {
                            Repr::Rc11(real, rt::rc11::make(value.to_bits(), false, Location::caller()))
                        }
                        _ => Repr::Shuttle(real, trace::new_object()),
                    };
                    repr.note_making(stringify!($type_name), &value);
                    <$name>::of(repr)
                }
                match rt::made_for() {
                    Context::Real | Context::Process => Self { repr: Repr::Real(<$real_type>::new(value)) },
                    context => checked(context, value),
                }
            }

            fn of(repr: Repr<$real_type, $loom_type>) -> Self {
                Self { repr }
            }

            fn real(&self) -> &$real_type {
                self.repr.copy()
            }

            /// An atomic that no other thread has, as one that was made here.
            #[inline]
            #[track_caller]
            fn settle(&mut self) {
                if let Repr::Made { .. } = &self.repr {
                    self.repr.settle();
                }
            }

            /// The value, which must not be accessed atomically by others meanwhile: borrowed mutably,
            /// the atomic is no other thread's. Under loom this is an access, and a race if it is not
            /// ordered after all others.
            #[inline]
            #[track_caller]
            pub fn get_mut(&mut self) -> AtomicMut<'_, $value> {
                self.settle();
                match &mut self.repr {
                    Repr::Real(real) | Repr::Shuttle(real, _) | Repr::Made { real, .. } => {
                        AtomicMut::direct(real.get_mut())
                    }
                    Repr::Loom(atomic, copy) => {
                        if rt::loom::enter() {
                            *copy.get_mut() = $from(atomic.exclusive().with_mut(|value| *value));
                        }
                        AtomicMut::copied(copy.get_mut(), atomic.exclusive())
                    }
                    Repr::Rc11(real, location) => {
                        if let Some(bits) = rt::rc11::exclusive(*location, Location::caller()) {
                            *real.get_mut() = FromBits::from_bits(bits);
                        }
                        AtomicMut::copied(real.get_mut(), location)
                    }
                }
            }

            /// Lends the value, which must not be accessed atomically by others meanwhile; as
            /// [`get_mut`](Self::get_mut), by loom's name.
            #[inline]
            #[track_caller]
            pub fn with_mut<R>(&mut self, write: impl FnOnce(&mut $value) -> R) -> R {
                write(&mut self.get_mut())
            }

            /// Reads the value without synchronisation, as plain memory. Under `rc11` and loom it is a race if a
            /// write is not ordered before it or after it; under shuttle it is not looked at.
            ///
            /// # Safety
            /// No other thread writes at the same time.
            #[inline]
            #[track_caller]
            pub unsafe fn unsync_load(&self) -> $value {
                if self.repr.is_untouched() {
                    // Under rc11 an object that no thread has made is known by its first operation.
                    self.load(Ordering::Relaxed);
                }
                match self.repr.serving() {
                    // SAFETY: by the caller's promise nothing else writes.
                    Repr::Real(real) | Repr::Made { real, .. } => unsafe { real.as_ptr().read() },
                    Repr::Shuttle(real, _) => real.load(Ordering::Relaxed),
                    Repr::Loom(atomic, real) => {
                        if rt::loom::enter() {
                            // SAFETY: loom checks what the caller has promised.
                            $from(unsafe { atomic.unsync_load() })
                        } else {
                            real.load(Ordering::Relaxed)
                        }
                    }
                    Repr::Rc11(real, location) => match rt::rc11::unsync(*location, Location::caller()) {
                        Some(bits) => {
                            crate::context::count_operation();
                            FromBits::from_bits(bits)
                        }
                        None => real.load(Ordering::Relaxed),
                    },
                }
            }

            /// Writes `new` if the value is `current`; returns the value before. As
            /// [`compare_exchange`](Self::compare_exchange), by std's older name.
            ///
            /// # Panics
            /// Never; the ordering of a failure is derived from `order`.
            #[inline]
            #[track_caller]
            pub fn compare_and_swap(&self, current: $value, new: $value, order: Ordering) -> $value {
                let failure = match order {
                    Ordering::Relaxed | Ordering::Release => Ordering::Relaxed,
                    Ordering::Acquire | Ordering::AcqRel => Ordering::Acquire,
                    _ => Ordering::SeqCst,
                };
                match self.compare_exchange(current, new, order, failure) {
                    Ok(before) | Err(before) => before,
                }
            }

            /// Consumes the atomic and returns its value. Under loom this is an access, and a race if
            /// it is not ordered after all others.
            #[inline]
            #[track_caller]
            pub fn into_inner(mut self) -> $value {
                self.settle();
                match self.repr {
                    Repr::Real(real) | Repr::Shuttle(real, _) | Repr::Made { real, .. } => real.into_inner(),
                    Repr::Loom(atomic, copy) => {
                        if rt::loom::enter() {
                            $from(atomic.into_loom().into_inner())
                        } else {
                            copy.into_inner()
                        }
                    }
                    Repr::Rc11(real, location) => {
                        match rt::rc11::exclusive(location, Location::caller()) {
                            Some(bits) => FromBits::from_bits(bits),
                            None => real.into_inner(),
                        }
                    }
                }
            }

            /// A pointer to the value. What is done through it no checker sees; under loom it points to
            /// a copy, good for comparing addresses only.
            #[inline]
            #[must_use]
            pub fn as_ptr(&self) -> *mut $value {
                self.real().as_ptr()
            }

            /// Reads the value.
            ///
            /// # Panics
            ///
            /// If `order` is [`Ordering::Release`] or [`Ordering::AcqRel`].
            #[inline(always)]
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $value {
                #[cold]
                #[inline(never)]
                #[track_caller]
                fn checked<$($generics)*>(
                    repr: &Repr<$real_type, $loom_type>,
                    order: Ordering,
                    here: rt::rc11::Here,
                ) -> $value {
                    check_load(order);
                    let repr = repr.serving();
                    match repr {
                        Repr::Rc11(real, location) => {
                            match rt::rc11::load(*location, order, here, Location::caller()) {
                                None => real.load(Ordering::Relaxed),
                                Some(bits) => {
                                    crate::context::count_operation();
                                    let value = FromBits::from_bits(bits);
                                    repr.note("load", EventKind::Load, order, [Some(&value), None]);
                                    value
                                }
                            }
                        }
                        Repr::Loom(atomic, _) if atomic.enter(order, rt::loom::Access::Load) => {
                            let value = $from(atomic.load(order));
                            repr.note("load", EventKind::Load, order, [Some(&value), None]);
                            value
                        }
                        Repr::Real(real) | Repr::Loom(_, real) | Repr::Made { real, .. } => real.load(order),
                        Repr::Shuttle(real, object) => {
                            let traced = rt::shuttle::before_atomic(*object, trace::Kind::Load);
                            let value = real.load(order);
                            if traced {
                                trace::load(*object, order);
                                repr.note("load", EventKind::Load, order, [Some(&value), None]);
                            }
                            value
                        }
                    }
                }
                match &self.repr {
                    Repr::Real(real) => real.load(order),
                    repr => checked(repr, order, rt::rc11::here()),
                }
            }

            /// Writes the value.
            ///
            /// # Panics
            ///
            /// If `order` is [`Ordering::Acquire`] or [`Ordering::AcqRel`].
            #[inline]
            #[track_caller]
            pub fn store(&self, value: $value, order: Ordering) {
                #[cold]
                #[inline(never)]
                #[track_caller]
                fn checked<$($generics)*>(
                    repr: &Repr<$real_type, $loom_type>,
                    value: $value,
                    order: Ordering,
                ) {
                    check_store(order);
                    let repr = repr.serving();
                    match repr {
                        Repr::Rc11(real, location) => {
                            let bits = value.to_bits();
                            let order_of = rt::rc11::order_of(order);
                            if rt::rc11::write(*location, order_of, bits, Location::caller()) {
                                crate::context::count_operation();
                                repr.note("store", EventKind::Store, order, [None, Some(&value)]);
                            }
                            real.store(value, Ordering::Relaxed);
                        }
                        Repr::Real(real) | Repr::Made { real, .. } => real.store(value, order),
                        Repr::Loom(atomic, real) => {
                            if atomic.enter(order, rt::loom::Access::Write) {
                                atomic.store($to(value), order);
                                atomic.stored();
                                repr.note("store", EventKind::Store, order, [None, Some(&value)]);
                            }
                            real.store(value, order);
                        }
                        Repr::Shuttle(real, object) => {
                            let traced = rt::shuttle::before_atomic(*object, trace::Kind::Store);
                            real.store(value, order);
                            if traced {
                                trace::store(*object, order);
                                repr.note("store", EventKind::Store, order, [None, Some(&value)]);
                            }
                        }
                    }
                }
                match &self.repr {
                    Repr::Real(real) => real.store(value, order),
                    repr => checked(repr, value, order),
                }
            }

            rmw! {
                [$($generics)*] $real_type, $loom_type;
                /// Writes `value` and returns the one before.
                swap(value: $value, order) -> $value;
                |real| real.swap(value, order);
                |loom| $from(loom.swap($to(value), order))
            }

            /// Writes `new` if the value is `current`; returns the value before, in `Ok` if it was.
            ///
            /// # Errors
            ///
            /// The value found, if it is not `current`.
            ///
            /// # Panics
            ///
            /// If `failure` is [`Ordering::Release`] or [`Ordering::AcqRel`].
            #[inline(always)]
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                #[cold]
                #[inline(never)]
                #[track_caller]
                fn checked<$($generics)*>(
                    repr: &Repr<$real_type, $loom_type>,
                    [current, new]: [$value; 2],
                    [success, failure]: [Ordering; 2],
                    here: rt::rc11::Here,
                ) -> Result<$value, $value> {
                    check_failure(failure);
                    let repr = repr.serving();
                    match repr {
                        Repr::Rc11(real, location) => {
                            let expected = current.to_bits();
                            let mut update = |bits| (bits == expected).then(|| new.to_bits());
                            match rt::rc11::read_modify_write(
                                *location,
                                [success, failure],
                                &mut update,
                                Some(here.with([expected, new.to_bits()])),
                                Location::caller(),
                            ) {
                                None => real.compare_exchange(current, new, success, failure),
                                Some(read) => {
                                    crate::context::count_operation();
                                    let value = FromBits::from_bits(read.value);
                                    let found = match read.written {
                                        Some(_) => {
                                            real.store(new, Ordering::Relaxed);
                                            Ok(value)
                                        }
                                        None => Err(value),
                                    };
                                    repr.note_exchange(found, new, [success, failure]);
                                    found
                                }
                            }
                        }
                        Repr::Loom(atomic, real) if atomic.enter(success, rt::loom::Access::Write) => {
                            let found =
                                atomic.compare_exchange($to(current), $to(new), success, failure);
                            if found.is_ok() {
                                atomic.modified();
                                real.store(new, Ordering::Relaxed);
                            } else {
                                atomic.failed();
                            }
                            let found = found.map($from).map_err($from);
                            repr.note_exchange(found, new, [success, failure]);
                            found
                        }
                        Repr::Real(real) | Repr::Loom(_, real) | Repr::Made { real, .. } => {
                            real.compare_exchange(current, new, success, failure)
                        }
                        Repr::Shuttle(real, object) => {
                            let traced = rt::shuttle::before_atomic(*object, trace::Kind::Rmw);
                            let found = real.compare_exchange(current, new, success, failure);
                            match found {
                                Ok(_) if traced => trace::rmw(*object, success),
                                Err(_) if traced => trace::load(*object, failure),
                                _ => {}
                            }
                            if traced {
                                repr.note_exchange(found, new, [success, failure]);
                            }
                            found
                        }
                    }
                }
                match &self.repr {
                    Repr::Real(real) => real.compare_exchange(current, new, success, failure),
                    repr => checked(repr, [current, new], [success, failure], rt::rc11::here()),
                }
            }

            /// As [`compare_exchange`](Self::compare_exchange), but on real engines it may fail although
            /// the value is `current`.
            ///
            /// # Errors
            ///
            /// The value found, if nothing was written.
            ///
            /// # Panics
            ///
            /// If `failure` is [`Ordering::Release`] or [`Ordering::AcqRel`].
            #[inline(always)]
            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                match &self.repr {
                    Repr::Real(real) => real.compare_exchange_weak(current, new, success, failure),
                    repr if repr.fails_spuriously() => Err(self.load(failure)),
                    _ => self.compare_exchange(current, new, success, failure),
                }
            }

            /// Reads the value and writes what `update` makes of it, again and again until no other
            /// write comes between or `update` returns `None`. Returns the value before.
            ///
            /// # Errors
            ///
            /// The value for which `update` returned `None`.
            ///
            /// # Panics
            ///
            /// If `fetch_order` is [`Ordering::Release`] or [`Ordering::AcqRel`].
            #[inline]
            #[track_caller]
            pub fn try_update(
                &self,
                set_order: Ordering,
                fetch_order: Ordering,
                mut update: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let mut before = self.load(fetch_order);
                while let Some(after) = update(before) {
                    match self.compare_exchange_weak(before, after, set_order, fetch_order) {
                        Ok(before) => return Ok(before),
                        Err(found) => before = found,
                    }
                }
                Err(before)
            }

            /// As [`try_update`](Self::try_update), by its older name.
            ///
            /// # Errors
            ///
            /// The value for which `update` returned `None`.
            ///
            /// # Panics
            ///
            /// If `fetch_order` is [`Ordering::Release`] or [`Ordering::AcqRel`].
            #[inline]
            #[track_caller]
            pub fn fetch_update<F>(
                &self,
                set_order: Ordering,
                fetch_order: Ordering,
                update: F,
            ) -> Result<$value, $value>
            where
                F: FnMut($value) -> Option<$value>,
            {
                self.try_update(set_order, fetch_order, update)
            }

            /// As [`try_update`](Self::try_update) with an `update` that always has an answer.
            ///
            /// # Panics
            ///
            /// If `fetch_order` is [`Ordering::Release`] or [`Ordering::AcqRel`].
            #[inline]
            #[track_caller]
            pub fn update(
                &self,
                set_order: Ordering,
                fetch_order: Ordering,
                mut update: impl FnMut($value) -> $value,
            ) -> $value {
                let mut before = self.load(fetch_order);
                loop {
                    let after = update(before);
                    match self.compare_exchange_weak(before, after, set_order, fetch_order) {
                        Ok(before) => return before,
                        Err(found) => before = found,
                    }
                }
            }
        }

        impl<$($generics)*> From<$value> for $name {
            #[track_caller]
            fn from(value: $value) -> Self {
                Self::made_here(value)
            }
        }

        impl<$($generics)*> Repr<$real_type, $loom_type> {
            /// What the model has for an atomic with this value, that a const fn has made: nothing has made it.
            fn first(value: $value) -> Self {
                let real = <$real_type>::new(value);
                let repr = match rt::made_for() {
                    Context::Real | Context::Process => Repr::Real(real),
                    Context::Loom => {
                        Repr::Loom(rt::loom::first::atom(value.to_bits(), $to(value), $loom_new), real)
                    }
                    Context::Shuttle => Repr::Shuttle(real, trace::new_object()),
                    Context::Rc11 => Repr::Rc11(real, rt::rc11::make(value.to_bits(), false, Location::caller())),
                };
                if let Some(key) = repr.key() {
                    rt::journal::made_before_all(stringify!($type_name), key, Some(&value));
                }
                repr
            }

            /// What serves the atomic that this is of.
            #[track_caller]
            fn serving(&self) -> &Self {
                let Repr::Made { made, real } = self else { return self };
                match made.serving(std::ptr::from_ref(self).cast(), || Self::first(real.load(Ordering::Relaxed))) {
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
            fn initial(&self, original: &Original) -> $value {
                let Repr::Made { real, .. } = self else { unreachable!("an original is made by a const fn") };
                let offset = std::ptr::from_ref(real).addr() - std::ptr::from_ref(self).addr();
                // SAFETY: the atomic is nothing but `self`, and `real` a field of it.
                unsafe { original.first::<$real_type>(offset) }.into_inner()
            }

            /// Becomes what serves the atomic, which no other thread has.
            #[track_caller]
            fn settle(&mut self) {
                let object = std::ptr::from_ref(self).cast();
                let Repr::Made { made, .. } = self else { return };
                let made_here = |value| <$name>::made_here(value).repr;
                let served = match (made.take(), made.settled_exclusively(object)) {
                    (Some(repr), _) => repr,
                    (None, Serving::Static(original)) => {
                        original.take().unwrap_or_else(|| made_here(self.initial(original)))
                    }
                    (None, _) if made.is_untouched() => made_here(self.copy().load(Ordering::Relaxed)),
                    (None, _) => return,
                };
                *self = served;
            }

            /// The last value, without an operation that a checker would see.
            fn shown(&self) -> $value {
                let Repr::Made { made, real } = self else { return self.copy().load(Ordering::Relaxed) };
                match made.served() {
                    Serving::Real => real.load(Ordering::Relaxed),
                    Serving::Model(repr) => repr.shown(),
                    Serving::Static(original) => match original.existing::<Self>() {
                        // SAFETY: as in `serving`.
                        Some(repr) => unsafe { repr.as_ref() }.shown(),
                        None => self.initial(original),
                    },
                }
            }
        }

        /// Shows the last value, without an operation that a checker would see.
        impl<$($generics)*> fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.repr.shown(), f)
            }
        }

        impl<$($generics)*> UnwindSafe for $name {}
        impl<$($generics)*> RefUnwindSafe for $name {}
    };
}

pub(super) use {common, rmw};
