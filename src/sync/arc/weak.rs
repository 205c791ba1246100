//! Pointers that do not keep their value alive.

use super::{Arc, Token};
use std::fmt;
use std::sync as real;
use std::sync::atomic::Ordering;

/// A pointer that does not keep its value alive, as [`std::sync::Weak`].
pub struct Weak<T: ?Sized> {
    /// None if it never pointed anywhere.
    token: Option<Token>,
    value: real::Weak<T>,
}

impl<T> Weak<T> {
    /// A pointer to nothing, which cannot be upgraded.
    #[must_use]
    pub fn new() -> Weak<T> {
        Weak { token: None, value: real::Weak::new() }
    }
}

impl<T: ?Sized> Weak<T> {
    pub(super) fn from_parts(token: Token, value: real::Weak<T>) -> Weak<T> {
        Weak { token: Some(token), value }
    }

    /// An owner of the value, if it still has one.
    #[must_use = "this returns a new `Arc`, without modifying the original weak pointer"]
    #[track_caller]
    pub fn upgrade(&self) -> Option<Arc<T>> {
        let token = self.token.as_ref()?;
        token.pass(Ordering::Relaxed);
        // As in std, only an upgrade that succeeds acquires.
        let value = self.value.upgrade()?;
        token.learn();
        Some(Arc { token: token.clone(), value })
    }

    #[track_caller]
    fn counting(&self) {
        if let Some(token) = &self.token {
            token.counting();
        }
    }

    /// How many owners the value has, at some moment during the call.
    #[must_use]
    #[track_caller]
    pub fn strong_count(&self) -> usize {
        self.counting();
        self.value.strong_count()
    }

    /// How many weak pointers the value has, at some moment during the call; 0 if it has no owner.
    #[must_use]
    #[track_caller]
    pub fn weak_count(&self) -> usize {
        if let Some(token) = &self.token {
            token.counting_weak();
        }
        self.value.weak_count()
    }

    /// Whether both point to the same value, or both to nothing.
    #[must_use]
    pub fn ptr_eq(&self, other: &Weak<T>) -> bool {
        self.value.ptr_eq(&other.value)
    }

    /// Where the value is, or was.
    #[must_use]
    pub fn as_ptr(&self) -> *const T {
        self.value.as_ptr()
    }
}

impl<T> Weak<T> {
    /// Where the value is, or was; the weak pointer waits for [`Weak::from_raw`].
    #[must_use]
    pub fn into_raw(self) -> *const T {
        self.into_parts().1.into_raw()
    }

    /// The weak pointer that has become a raw one by [`Weak::into_raw`].
    ///
    /// # Safety
    /// As [`std::sync::Weak::from_raw`], of a pointer that [`Weak::into_raw`] of this type has given.
    pub unsafe fn from_raw(pointer: *const T) -> Weak<T> {
        // SAFETY: by the caller's promise.
        let value = unsafe { real::Weak::from_raw(pointer) };
        let token = crate::rt::leaks::token(pointer.addr());
        Weak { token, value }
    }

    /// Takes `self` apart without telling the engine.
    fn into_parts(self) -> (Option<Token>, real::Weak<T>) {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is never used nor dropped again, so each field is moved out of it just once.
        unsafe { (std::ptr::read(&raw const this.token), std::ptr::read(&raw const this.value)) }
    }
}

impl<T: ?Sized> Clone for Weak<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        if let Some(token) = &self.token {
            token.cloning_weak();
        }
        Weak { token: self.token.clone(), value: self.value.clone() }
    }
}

impl<T: ?Sized> Drop for Weak<T> {
    #[track_caller]
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.dropping_weak();
        }
    }
}

impl<T> Default for Weak<T> {
    fn default() -> Self {
        Weak::new()
    }
}

impl<T: ?Sized> fmt::Debug for Weak<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(Weak)")
    }
}
