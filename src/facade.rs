//! The facade without checkers: the standard library's own types, and crossbeam's channels, under the names that the
//! facade has for them.
//!
//! A crate whose code is to be tested depends on selvedge with `default-features = false, features = ["facade"]`, and
//! its tests on selvedge with all features: cargo then builds the tests with the facade that checkers see through, and
//! everything else with this one, which costs nothing.
//!
//! `new` is a `const fn` here as in std. For it to be one with `harness` too, so that the same code compiles with objects
//! in statics, there is the feature `const-new`.
//!
//! Limits: scenarios, [`Plain`](https://docs.rs/selvedge) memory and chosen values need the `harness` feature.

/// `std::sync`.
pub mod sync {
    pub use std::sync::{
        Arc, Barrier, BarrierWaitResult, Condvar, LazyLock, LockResult, Mutex, MutexGuard, Once, OnceLock,
        OnceState, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError, TryLockResult,
        WaitTimeoutResult, Weak, mpsc,
    };

    /// `std::sync::atomic`.
    pub mod atomic {
        pub use std::sync::atomic::{
            AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicPtr, AtomicU8,
            AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering, compiler_fence, fence,
        };
    }
}

/// `std::thread`.
pub mod thread {
    pub use std::thread::{
        AccessError, Builder, JoinHandle, LocalKey, Result, Scope, ScopedJoinHandle, Thread, ThreadId,
        available_parallelism, current, panicking, park, park_timeout, scope, sleep, spawn, yield_now,
    };
}

/// `std::hint`.
pub mod hint {
    pub use std::hint::{assert_unchecked, black_box, spin_loop, unreachable_unchecked};
}

/// `crossbeam-channel`.
pub mod channel {
    pub use crossbeam_channel::{
        IntoIter, Iter, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryIter,
        TryRecvError, TrySendError, bounded, unbounded,
    };
}

/// Memory that is not synchronised.
pub mod cell {
    use std::fmt;

    /// What data structures of one's own are made of: as [`std::cell::UnsafeCell`], with the accesses marked.
    pub struct UnsafeCell<T: ?Sized>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// A cell with this value.
        #[inline]
        pub const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// A cell with this value.
        #[inline]
        pub const fn const_new(value: T) -> Self {
            Self::new(value)
        }

        /// The value, to which there is no other access any more.
        #[inline]
        pub fn into_inner(self) -> T {
            self.0.into_inner()
        }
    }

    impl<T: ?Sized> UnsafeCell<T> {
        /// Lends a pointer to the value for reading. It must not be used after `read` returns.
        #[inline]
        pub fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get())
        }

        /// Lends a pointer to the value for writing. It must not be used after `write` returns.
        #[inline]
        pub fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }

        /// A pointer for reading.
        #[inline]
        pub fn get(&self) -> ConstPtr<T> {
            ConstPtr(self.0.get())
        }

        /// A pointer for writing.
        #[inline]
        pub fn get_mut(&self) -> MutPtr<T> {
            MutPtr(self.0.get())
        }
    }

    /// A pointer to the value of an [`UnsafeCell`], for reading.
    #[derive(Debug)]
    pub struct ConstPtr<T: ?Sized>(*const T);

    /// A pointer to the value of an [`UnsafeCell`], for writing.
    #[derive(Debug)]
    pub struct MutPtr<T: ?Sized>(*mut T);

    impl<T: ?Sized> ConstPtr<T> {
        /// The value.
        ///
        /// # Safety
        /// The cell is still there, and no other thread writes to it while the reference is used.
        #[inline]
        pub unsafe fn deref(&self) -> &T {
            // SAFETY: by the caller's promise.
            unsafe { &*self.0 }
        }

        /// Lends the pointer. It must not be used after `read` returns.
        #[inline]
        pub fn with<F, R>(&self, read: F) -> R
        where
            F: FnOnce(*const T) -> R,
        {
            read(self.0)
        }
    }

    impl<T: ?Sized> MutPtr<T> {
        /// The value.
        ///
        /// # Safety
        /// The cell is still there, and no other thread accesses it while the reference is used.
        #[inline]
        #[expect(clippy::mut_from_ref, reason = "the caller promises that it is the only one")]
        pub unsafe fn deref(&self) -> &mut T {
            // SAFETY: by the caller's promise.
            unsafe { &mut *self.0 }
        }

        /// Lends the pointer. It must not be used after `write` returns.
        #[inline]
        pub fn with<F, R>(&self, write: F) -> R
        where
            F: FnOnce(*mut T) -> R,
        {
            write(self.0)
        }
    }

    impl<T: Default> Default for UnsafeCell<T> {
        fn default() -> Self {
            Self::new(T::default())
        }
    }

    impl<T> From<T> for UnsafeCell<T> {
        fn from(value: T) -> Self {
            Self::new(value)
        }
    }

    impl<T: ?Sized> fmt::Debug for UnsafeCell<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("UnsafeCell").finish_non_exhaustive()
        }
    }
}

pub use std::thread_local;

#[cfg(test)]
mod tests {
    use super::cell::UnsafeCell;
    use super::sync::atomic::{AtomicU32, Ordering};
    use super::{channel, sync, thread};

    #[test]
    fn code_under_test_runs_on_the_standard_library() {
        let (sender, receiver) = channel::bounded(1);
        let sum = sync::Arc::new(AtomicU32::new(0));
        let add = sync::Arc::clone(&sum);
        let adds = thread::spawn(move || {
            receiver.iter().for_each(|n| {
                add.fetch_add(n, Ordering::Relaxed);
            })
        });
        (1..=4).for_each(|n| sender.send(n).expect("a receiver"));
        drop(sender);
        adds.join().expect("no panic");
        assert_eq!(sum.load(Ordering::Relaxed), 10);
        let cell = UnsafeCell::from(7);
        // SAFETY: no other access while the closure runs.
        cell.with_mut(|value| unsafe { *value += 1 });
        // SAFETY: no other access.
        assert_eq!((unsafe { *cell.get().deref() }, size_of_val(&cell)), (8, 4));
    }
}
