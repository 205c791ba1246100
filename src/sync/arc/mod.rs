//! `std::sync::Arc` and `std::sync::Weak`, on every engine.
//!
//! The value and its counts are std's own. Under a checker a token goes along, through which the engine
//! learns of clones, drops and upgrades: where to switch, and that what was done before a drop happens
//! before the value is freed.
//!
//! A raw pointer cannot carry the token; the execution keeps the tokens by the addresses of the values, for owners
//! that come back from one. In a [model](crate::model()) under rc11, a value that is never freed is a failure.
//!
//! Limits: no implicit unsizing, which is for std's types alone: make a `std::sync::Arc`, unsize that, and turn it
//! into ours with [`Arc::from_std`]. Among processes an `Arc` is the usual one: its heap is not shared.

mod conversion;
#[cfg(test)]
mod tests;
mod weak;

use crate::rt::count::Token;
use crate::rt::leaks;
use std::borrow::Borrow;
use std::ops::Deref;
use std::panic::{Location, UnwindSafe};
use std::pin::Pin;
use std::sync as real;
use std::sync::atomic::Ordering;

pub use weak::Weak;

/// Names a value among what must be freed.
fn address<T: ?Sized>(value: &real::Arc<T>) -> usize {
    real::Arc::as_ptr(value).addr()
}

/// A reference-counted pointer that threads can share, as [`std::sync::Arc`].
///
/// Under the checkers what one owner did before it dropped its `Arc` happens before the value is freed,
/// and nothing more than that.
pub struct Arc<T: ?Sized> {
    token: Token,
    // Dropped last: `Drop for Arc` runs before.
    value: real::Arc<T>,
}

impl<T: ?Sized> UnwindSafe for Arc<T> where real::Arc<T>: UnwindSafe {}

impl<T> Arc<T> {
    /// A new value with one owner.
    #[inline]
    #[track_caller]
    pub fn new(value: T) -> Arc<T> {
        Arc::from_std(real::Arc::new(value))
    }

    /// A new pinned value with one owner.
    #[track_caller]
    pub fn pin(value: T) -> Pin<Arc<T>> {
        let arc = Arc::new(value);
        // SAFETY: the value is on the heap, is not moved while owned by an `Arc`, and a pinned `Arc`
        // gives no mutable reference to it.
        unsafe { Pin::new_unchecked(arc) }
    }

    /// A new value that is given a weak pointer to itself, which cannot be upgraded before it is made.
    #[track_caller]
    pub fn new_cyclic<F>(make: F) -> Arc<T>
    where
        F: FnOnce(&Weak<T>) -> T,
    {
        let token = Token::new();
        let value = real::Arc::new_cyclic(|value| make(&Weak::from_parts(token.clone(), value.clone())));
        Arc::entered(token, value)
    }

    /// The value, if `this` is its only owner.
    ///
    /// # Errors
    ///
    /// `this`, if it is not.
    #[track_caller]
    pub fn try_unwrap(this: Arc<T>) -> Result<T, Arc<T>> {
        this.settle();
        if Arc::owners(&this) != 1 {
            return Err(this);
        }
        this.let_go();
        let (token, value) = this.into_parts();
        token.freed();
        real::Arc::try_unwrap(value).map_err(|value| Arc { token, value })
    }

    /// The value, if `this` is its last owner. Of several owners that call this, one gets it.
    #[track_caller]
    pub fn into_inner(this: Arc<T>) -> Option<T> {
        if !this.token.is_real() {
            this.token.dropping(|| Arc::owners(&this) == 1);
            this.let_go();
        }
        real::Arc::into_inner(this.into_parts().1)
    }

    /// The value, if `this` is its only owner, or a clone of it.
    #[track_caller]
    pub fn unwrap_or_clone(this: Arc<T>) -> T
    where
        T: Clone,
    {
        Arc::try_unwrap(this).unwrap_or_else(|shared| T::clone(&shared))
    }
}

impl<T: ?Sized> Arc<T> {
    /// Makes an `Arc` of std's ours, for the engine that is running. Other owners of it, if there are
    /// any, are counted, but no checker sees what they do.
    #[inline]
    #[track_caller]
    pub fn from_std(value: real::Arc<T>) -> Arc<T> {
        Arc::entered(Token::new(), value)
    }

    /// A first owner, entered among what must be freed.
    #[inline]
    #[track_caller]
    fn entered(token: Token, value: real::Arc<T>) -> Arc<T> {
        if !token.is_real() {
            leaks::made(address(&value), "Arc", Location::caller(), Some(token.clone()));
        }
        Arc { token, value }
    }

    /// The value goes with this owner, if it is the last.
    fn let_go(&self) {
        if !self.token.is_real() && Arc::owners(self) == 1 {
            leaks::freed(address(&self.value));
        }
    }

    /// Where the value is; the owner is not dropped, but waits for [`Arc::from_raw`].
    #[must_use]
    pub fn into_raw(this: Arc<T>) -> *const T {
        real::Arc::into_raw(this.into_parts().1)
    }

    /// The owner that has become a pointer by [`Arc::into_raw`]. What the engine follows it by is found by the
    /// address.
    ///
    /// # Safety
    /// As [`std::sync::Arc::from_raw`], of a pointer that [`Arc::into_raw`] of this type has given.
    pub unsafe fn from_raw(pointer: *const T) -> Arc<T> {
        // SAFETY: by the caller's promise.
        let value = unsafe { real::Arc::from_raw(pointer) };
        Arc { token: leaks::token(address(&value)).unwrap_or_else(Token::none), value }
    }

    /// One owner more, who is only a pointer.
    ///
    /// # Safety
    /// As [`std::sync::Arc::increment_strong_count`].
    #[track_caller]
    pub unsafe fn increment_strong_count(pointer: *const T) {
        // SAFETY: by the caller's promise there is an owner, who is a pointer again afterwards.
        let owner = unsafe { Arc::from_raw(pointer) };
        let _one_more = Arc::into_raw(Arc::clone(&owner));
        let _as_before = Arc::into_raw(owner);
    }

    /// One owner less, who was only a pointer.
    ///
    /// # Safety
    /// As [`std::sync::Arc::decrement_strong_count`].
    #[track_caller]
    pub unsafe fn decrement_strong_count(pointer: *const T) {
        // SAFETY: by the caller's promise.
        drop(unsafe { Arc::from_raw(pointer) });
    }

    fn owners(this: &Arc<T>) -> usize {
        real::Arc::strong_count(&this.value)
    }

    /// Lets all others act, and learns what they did if `self` is then the only owner.
    #[track_caller]
    fn settle(&self) {
        if !self.token.is_real() {
            self.token.pass(Ordering::Relaxed);
            if Arc::owners(self) == 1 {
                self.token.pass(Ordering::Acquire);
            }
        }
    }

    /// Takes `self` apart without telling the engine.
    fn into_parts(self) -> (Token, real::Arc<T>) {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is never used nor dropped again, so each field is moved out of it just once.
        unsafe { (std::ptr::read(&raw const this.token), std::ptr::read(&raw const this.value)) }
    }

    /// A weak pointer to the same value.
    #[track_caller]
    #[must_use = "this returns a new `Weak` pointer, without modifying the original `Arc`"]
    pub fn downgrade(this: &Arc<T>) -> Weak<T> {
        this.token.cloning_weak();
        Weak::from_parts(this.token.clone(), real::Arc::downgrade(&this.value))
    }

    /// How many owners the value has, at some moment during the call.
    #[must_use]
    #[track_caller]
    pub fn strong_count(this: &Arc<T>) -> usize {
        this.token.counting();
        real::Arc::strong_count(&this.value)
    }

    /// How many weak pointers the value has, at some moment during the call.
    #[must_use]
    #[track_caller]
    pub fn weak_count(this: &Arc<T>) -> usize {
        this.token.counting_weak();
        real::Arc::weak_count(&this.value)
    }

    /// Whether both own the same value.
    #[must_use]
    pub fn ptr_eq(this: &Arc<T>, other: &Arc<T>) -> bool {
        real::Arc::ptr_eq(&this.value, &other.value)
    }

    /// Where the value is.
    #[must_use]
    pub fn as_ptr(this: &Arc<T>) -> *const T {
        real::Arc::as_ptr(&this.value)
    }

    /// The value, if there is no other pointer to it, strong or weak: then what was done before those were
    /// dropped happens before.
    #[track_caller]
    pub fn get_mut(this: &mut Arc<T>) -> Option<&mut T> {
        if !this.token.is_real() && !this.is_unique() {
            return None;
        }
        real::Arc::get_mut(&mut this.value)
    }

    /// Whether there is no other pointer, strong or weak, under a checker. Learns what was done before the others were dropped.
    #[track_caller]
    fn is_unique(&mut self) -> bool {
        self.token.looking();
        let unique = real::Arc::get_mut(&mut self.value).is_some();
        if unique {
            // No thread is left that could change that.
            self.token.pass(Ordering::Acquire);
            self.token.pass_weak(Ordering::Acquire);
        }
        unique
    }
}

impl<T: Clone> Arc<T> {
    /// The value, which is cloned first if there is any other pointer to it.
    #[track_caller]
    pub fn make_mut(this: &mut Arc<T>) -> &mut T {
        if !this.token.is_real() && !this.is_unique() {
            if Arc::owners(this) == 1 {
                this.token.pass(Ordering::Acquire);
            }
            *this = Arc::new(T::clone(this));
        }
        real::Arc::make_mut(&mut this.value)
    }
}

impl<T: ?Sized> Clone for Arc<T> {
    #[inline]
    #[track_caller]
    fn clone(&self) -> Self {
        self.token.cloning();
        Arc { token: self.token.clone(), value: real::Arc::clone(&self.value) }
    }
}

impl<T: ?Sized> Drop for Arc<T> {
    #[inline]
    #[track_caller]
    fn drop(&mut self) {
        if !self.token.is_real() {
            self.token.dropping(|| Arc::owners(self) == 1);
            self.let_go();
        }
    }
}

impl<T: ?Sized> Deref for Arc<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> AsRef<T> for Arc<T> {
    fn as_ref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> Borrow<T> for Arc<T> {
    fn borrow(&self) -> &T {
        &self.value
    }
}

impl<T: Default> Default for Arc<T> {
    #[track_caller]
    fn default() -> Self {
        Arc::new(T::default())
    }
}

impl<T> From<T> for Arc<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Arc::new(value)
    }
}
