//! `thread_local!` and its keys.
//!
//! All threads of a model are coroutines of one operating-system thread, so real thread-locals would be
//! shared by them. A key therefore has two homes: std's, and per model thread a list in the thread's
//! own storage, whose values are destroyed when the thread ends, last made first.
//!
//! Limits: the main thread's values are destroyed when the execution ends.

use crate::rt::context;
use crate::rt::model;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

/// Declares thread-local keys of type [`LocalKey`], as
/// [`std::thread_local!`] does, in both forms: `static NAME: T = expression;` and
/// `static NAME: T = const { expression };`.
#[macro_export]
macro_rules! thread_local {
    () => {};
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = const $init:block; $($rest:tt)*) => {
        $crate::thread_local!(@key [$(#[$attr])*] $vis $name, $t, const $init, const $init);
        $crate::thread_local!($($rest)*);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = const $init:block) => {
        $crate::thread_local!(@key [$(#[$attr])*] $vis $name, $t, const $init, const $init);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = $init:expr; $($rest:tt)*) => {
        $crate::thread_local!(@key [$(#[$attr])*] $vis $name, $t, $init, init());
        $crate::thread_local!($($rest)*);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = $init:expr) => {
        $crate::thread_local!(@key [$(#[$attr])*] $vis $name, $t, $init, init());
    };
    (@key [$(#[$attr:meta])*] $vis:vis $name:ident, $t:ty, $init:expr, $($real:tt)*) => {
        $(#[$attr])*
        $vis static $name: $crate::thread::LocalKey<$t> = {
            fn init() -> $t {
                $init
            }
            $crate::thread::__std_thread_local! {
                static REAL: $t = $($real)*;
            }
            $crate::thread::LocalKey::__new(&REAL, init)
        };
    };
}

/// A key to values of which every thread, a model's too, has its own. Made by
/// [`thread_local!`](crate::thread_local).
pub struct LocalKey<T: 'static> {
    real: &'static std::thread::LocalKey<T>,
    init: fn() -> T,
}

/// The value of a [`LocalKey`] was already destroyed, because its thread is ending.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessError;

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessError").finish()
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("already destroyed")
    }
}

impl std::error::Error for AccessError {}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn __new(real: &'static std::thread::LocalKey<T>, init: fn() -> T) -> Self {
        Self { real, init }
    }

    /// Calls `f` with this thread's value, made first if need be.
    ///
    /// # Panics
    /// If the value was already destroyed.
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        match self.try_with(f) {
            Ok(value) => value,
            Err(error) => panic_access(error),
        }
    }

    /// Calls `f` with this thread's value, made first if need be.
    ///
    /// # Errors
    /// If the value was already destroyed.
    pub fn try_with<F, R>(&'static self, f: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        if !context::current().is_model() {
            return self.real.try_with(f).map_err(|_| AccessError);
        }
        let (value, _) = self.value(&mut None)?;
        Ok(f(&value))
    }

    /// This model thread's value, made from `first` or else by the initialiser, and whether it was.
    fn value(&'static self, first: &mut Option<T>) -> Result<(Rc<T>, bool), AccessError> {
        let values = &model::local().values;
        let key = std::ptr::from_ref(self).addr();
        if let Some(value) = values.find(key) {
            return value.map(|value| (value, false)).ok_or(AccessError);
        }
        let made = match first.take() {
            Some(value) => value,
            None => (self.init)(),
        };
        // The initialiser may have used this very key; std, too, then keeps the later value.
        Ok((values.insert(key, made), true))
    }
}

#[cold]
#[track_caller]
fn panic_access(error: AccessError) -> ! {
    panic!("cannot access a Thread Local Storage value during or after destruction: {error:?}")
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets this thread's value, without running the initialiser.
    ///
    /// # Panics
    /// If the value was already destroyed.
    pub fn set(&'static self, value: T) {
        if !context::current().is_model() {
            return self.real.set(value);
        }
        let mut first = Some(Cell::new(value));
        match self.value(&mut first) {
            Ok((cell, _)) => {
                if let Some(value) = first {
                    cell.set(value.into_inner());
                }
            }
            Err(error) => panic_access(error),
        }
    }

    /// A copy of this thread's value.
    ///
    /// # Panics
    /// If the value was already destroyed.
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes this thread's value, leaving the default.
    ///
    /// # Panics
    /// If the value was already destroyed.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Replaces this thread's value and returns the old one.
    ///
    /// # Panics
    /// If the value was already destroyed.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with this thread's value.
    ///
    /// # Panics
    /// If the value is mutably borrowed or was already destroyed.
    pub fn with_borrow<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Calls `f` with this thread's value, to change it.
    ///
    /// # Panics
    /// If the value is borrowed or was already destroyed.
    pub fn with_borrow_mut<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&mut T) -> R,
    {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }

    /// Sets this thread's value, without running the initialiser.
    ///
    /// # Panics
    /// If the value is borrowed or was already destroyed.
    pub fn set(&'static self, value: T) {
        if !context::current().is_model() {
            return self.real.set(value);
        }
        let mut first = Some(RefCell::new(value));
        match self.value(&mut first) {
            Ok((cell, _)) => {
                if let Some(value) = first {
                    *cell.borrow_mut() = value.into_inner();
                }
            }
            Err(error) => panic_access(error),
        }
    }

    /// Takes this thread's value, leaving the default.
    ///
    /// # Panics
    /// If the value is borrowed or was already destroyed.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Replaces this thread's value and returns the old one.
    ///
    /// # Panics
    /// If the value is borrowed or was already destroyed.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}
