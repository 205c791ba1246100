//! `std::sync::{OnceLock, LazyLock}`, usable in a `static` and made anew in every execution of a model.
//!
//! Limits: see [`super::once`] and [`crate::rt::statics`]. In a model a `LazyLock` that lives longer than one
//! execution must have a plain function as its initialiser, which every `static` without captures has.

use super::once::Core;
use crate::erased::type_id;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Mutex, PoisonError};

/// A cell that is written once. What happened before the write happens before every read of it.
pub struct OnceLock<T>(Core<T>);

impl<T> OnceLock<T> {
    /// An empty cell.
    #[must_use]
    pub const fn new() -> Self {
        Self(Core::new())
    }

    /// The value, if there is one. Never waits for one that is being made.
    pub fn get(&self) -> Option<&T> {
        self.0.get()
    }

    /// The value, if there is one, to change it.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.0.get_mut()
    }

    /// Waits until there is a value.
    pub fn wait(&self) -> &T {
        self.0.wait(true);
        present(self.0.get())
    }

    /// Writes the value.
    ///
    /// # Errors
    /// With `value`, if there is one already.
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.init(&mut || present(value.take()));
        value.map_or(Ok(()), Err)
    }

    /// The value, made by `f` if there is none; of several initialisers one runs, the others wait.
    ///
    /// # Panics
    /// With `f`'s panic; the cell stays empty.
    pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {
        let mut f = Some(f);
        self.init(&mut || present(f.take())());
        present(self.0.get())
    }

    fn init(&self, make: &mut dyn FnMut() -> T) {
        self.0.call(true, "OnceLock", &mut |_| make());
    }

    /// The value, taken out of the cell.
    pub fn into_inner(mut self) -> Option<T> {
        self.0.take()
    }

    /// The value, taken out of the cell, which is empty then.
    pub fn take(&mut self) -> Option<T> {
        self.0.take()
    }
}

/// What a completed cell holds.
#[track_caller]
fn present<T>(value: Option<T>) -> T {
    value.expect("a completed cell holds a value, and an initialiser runs once")
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cell = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => cell.field(value),
            None => cell.field(&format_args!("<uninit>")),
        };
        cell.finish()
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        self.get().cloned().map_or_else(Self::new, Self::from)
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        let cell = Self::new();
        let _ = cell.set(value);
        cell
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

/// A value that is made on first use.
pub struct LazyLock<T, F = fn() -> T> {
    cell: Core<T>,
    init: Mutex<Option<F>>,
}

impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// A value that `f` will make.
    pub const fn new(f: F) -> Self {
        Self { cell: Core::new(), init: Mutex::new(Some(f)) }
    }

    /// The value, made now if need be.
    ///
    /// # Panics
    /// With the initialiser's panic, which poisons the value, or if it is poisoned.
    #[track_caller]
    pub fn force(this: &Self) -> &T {
        this.cell.call(false, "LazyLock", &mut |_| (this.initialiser())());
        present(this.cell.get())
    }

    /// The value, made now if need be, to change it.
    ///
    /// # Panics
    /// As [`force`](LazyLock::force).
    #[track_caller]
    pub fn force_mut(this: &mut Self) -> &mut T {
        Self::force(this);
        present(this.cell.get_mut())
    }

    /// The initialiser: taken out, or copied if it is a plain function, which other executions need too.
    fn initialiser(&self) -> F {
        let mut init = self.init.lock().unwrap_or_else(PoisonError::into_inner);
        if type_id::<F>() == type_id::<fn() -> T>() {
            let init = init.as_ref().expect("a plain function is never taken out");
            // SAFETY: but for lifetimes `F` is `fn() -> T`, and function pointers are `Copy`.
            return unsafe { std::ptr::read(init) };
        }
        init.take().expect("outside a static, a LazyLock with captures serves one execution only")
    }
}

impl<T, F> LazyLock<T, F> {
    /// The value, if it has been made.
    pub fn get(this: &Self) -> Option<&T> {
        this.cell.get()
    }

    /// The value, if it has been made, to change it.
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        this.cell.get_mut()
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[track_caller]
    fn deref(&self) -> &T {
        Self::force(self)
    }
}

impl<T, F: FnOnce() -> T> DerefMut for LazyLock<T, F> {
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        Self::force_mut(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T, F> From<T> for LazyLock<T, F> {
    fn from(value: T) -> Self {
        let this = Self { cell: Core::new(), init: Mutex::new(None) };
        let mut value = Some(value);
        this.cell.call(false, "LazyLock", &mut |_| present(value.take()));
        this
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lazy = f.debug_tuple("LazyLock");
        match self.cell.get() {
            Some(value) => lazy.field(value),
            None => lazy.field(&format_args!("<uninit>")),
        };
        lazy.finish()
    }
}
