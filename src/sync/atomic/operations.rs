//! The macros that write the operations of an atomic: one for all types, one for each read-modify-write operation.

/// One read-modify-write operation: as data, and how std's atomic does it.
macro_rules! rmw {
    (
        $(#[$doc:meta])*
        $name:ident($($argument:ident: $type:ty)?, $order:ident) -> $result:ty;
        $operation:expr; |$real:ident| $on_real:expr
    ) => {
        $(#[$doc])*
        #[inline]
        #[track_caller]
        pub fn $name(&self, $($argument: $type,)? $order: Ordering) -> $result {
            match &self.repr {
                Repr::Real($real) => $on_real,
                repr => repr.rmw_other(stringify!($name), $operation, $order, |$real| $on_real),
            }
        }
    };
}

/// What every atomic has: everything but the read-modify-write operations that depend on the type.
macro_rules! common {
    ([$($generics:tt)*] $name:ty, $value:ty, $real_type:ty) => {
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
                Self { repr: Repr::made_here(value) }
            }

            /// The value, which must not be accessed atomically by others meanwhile: borrowed mutably,
            /// the atomic is no other thread's. Under loom this is an access, and a race if it is not
            /// ordered after all others.
            #[inline]
            #[track_caller]
            pub fn get_mut(&mut self) -> AtomicMut<'_, $value> {
                let (value, model) = self.repr.exclusive();
                AtomicMut::new(value, model, <$real_type as Std>::bits_of)
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
                // SAFETY: the caller's promise.
                unsafe { self.repr.unsync_load() }
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
                *self.repr.exclusive().0
            }

            /// A pointer to the value. What is done through it no checker sees; under loom it points to
            /// a copy, good for comparing addresses only.
            #[inline]
            #[must_use]
            pub fn as_ptr(&self) -> *mut $value {
                self.repr.copy().as_ptr()
            }

            /// Reads the value.
            ///
            /// # Panics
            ///
            /// If `order` is [`Ordering::Release`] or [`Ordering::AcqRel`].
            #[inline(always)]
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $value {
                match &self.repr {
                    Repr::Real(real) => real.load(order),
                    repr => repr.load_other(order, rt::here()),
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
                match &self.repr {
                    Repr::Real(real) => real.store(value, order),
                    repr => repr.store_other(value, order),
                }
            }

            rmw! {
                /// Writes `value` and returns the one before.
                swap(value: $value, order) -> $value;
                (Rmw::Swap, <$real_type as Std>::bits_of(value)); |real| real.swap(value, order)
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
                match &self.repr {
                    Repr::Real(real) => real.compare_exchange(current, new, success, failure),
                    repr => {
                        let on_real = |real: &$real_type| real.compare_exchange(current, new, success, failure);
                        repr.compare_exchange_other([current, new], [success, failure], rt::here(), on_real)
                    }
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
