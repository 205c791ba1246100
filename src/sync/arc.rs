//! `std::sync::Arc` and `std::sync::Weak`, on every engine.
//!
//! The value and its counts are std's own. Under a checker a token goes along, through which the engine
//! learns of clones, drops and upgrades: where to switch, and that what was done before a drop happens
//! before the value is freed.
//!
//! Limits: no `into_raw` and `from_raw` (a raw pointer cannot carry the token), and no implicit
//! unsizing: make a `std::sync::Arc`, unsize that, and turn it into ours with `from`. Among processes an
//! `Arc` is the usual one: its heap is not shared.

use crate::arm::trace::{self, Kind, ObjectId};
use crate::arm::{self, loom, shuttle};
use crate::context::Context;
use std::borrow::Borrow;
use std::cmp::Ordering as Comparison;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::panic::UnwindSafe;
use std::pin::Pin;
use std::sync as real;
use std::sync::atomic::Ordering;

/// How the engine learns what happens to an [`Arc`].
#[derive(Clone)]
enum Token {
    Real,
    Loom(real::Arc<loom::Count>),
    /// The object of all drops and upgrades; the next one is that of clones.
    Shuttle(ObjectId),
}

impl Token {
    #[track_caller]
    fn new() -> Token {
        match arm::made_for() {
            Context::Real | Context::Process => Token::Real,
            Context::Loom => Token::Loom(real::Arc::new(loom::Count::new())),
            Context::Shuttle => {
                let drops = trace::new_object();
                trace::new_object();
                Token::Shuttle(drops)
            }
        }
    }

    /// Before a strong count goes up by a clone. Clones commute with each other and with drops.
    #[inline]
    #[track_caller]
    fn cloning(&self) {
        match self {
            Token::Real => {}
            Token::Loom(count) => count.cloning(),
            Token::Shuttle(drops) => {
                shuttle::before(drops + 1, Kind::Load);
            }
        }
    }

    /// Before the counts are looked at.
    #[inline]
    #[track_caller]
    fn counting(&self) {
        match self {
            Token::Real => {}
            Token::Loom(count) => count.counting(),
            Token::Shuttle(drops) => {
                shuttle::before(*drops, Kind::Rmw);
                shuttle::before(drops + 1, Kind::Rmw);
            }
        }
    }

    /// A scheduling point that depends on every drop and upgrade, with the edges of `order`.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn pass(&self, order: Ordering) {
        match self {
            Token::Real => {}
            Token::Loom(count) => count.pass(order),
            Token::Shuttle(drops) => {
                if shuttle::before(*drops, Kind::Rmw) {
                    trace::rmw(*drops, order);
                }
            }
        }
    }

    /// Before a strong reference goes away. As in std, only the last one learns what the others did.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn dropping(&self, is_last: impl Fn() -> bool) {
        self.pass(Ordering::Release);
        if is_last() {
            self.pass(Ordering::Acquire);
            if let Token::Loom(count) = self
                && is_last()
            {
                count.freed();
            }
        }
    }
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

/// A pointer that does not keep its value alive, as [`std::sync::Weak`].
pub struct Weak<T: ?Sized> {
    /// None if it never pointed anywhere.
    token: Option<Token>,
    value: real::Weak<T>,
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
        let value = real::Arc::new_cyclic(|value| {
            make(&Weak {
                token: Some(token.clone()),
                value: value.clone(),
            })
        });
        Arc { token, value }
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
        let (token, value) = this.into_parts();
        if let Token::Loom(count) = &token {
            count.freed();
        }
        real::Arc::try_unwrap(value).map_err(|value| Arc { token, value })
    }

    /// The value, if `this` is its last owner. Of several owners that call this, one gets it.
    #[track_caller]
    pub fn into_inner(this: Arc<T>) -> Option<T> {
        if !matches!(this.token, Token::Real) {
            this.token.dropping(|| Arc::owners(&this) == 1);
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
        Arc {
            token: Token::new(),
            value,
        }
    }

    fn owners(this: &Arc<T>) -> usize {
        real::Arc::strong_count(&this.value)
    }

    /// Lets all others act, and learns what they did if `self` is then the only owner.
    #[track_caller]
    fn settle(&self) {
        if !matches!(self.token, Token::Real) {
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
        unsafe {
            (
                std::ptr::read(&raw const this.token),
                std::ptr::read(&raw const this.value),
            )
        }
    }

    /// A weak pointer to the same value.
    #[track_caller]
    #[must_use = "this returns a new `Weak` pointer, without modifying the original `Arc`"]
    pub fn downgrade(this: &Arc<T>) -> Weak<T> {
        this.token.cloning();
        Weak {
            token: Some(this.token.clone()),
            value: real::Arc::downgrade(&this.value),
        }
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
        this.token.counting();
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

    /// The value, if there is no other pointer to it, strong or weak.
    #[track_caller]
    pub fn get_mut(this: &mut Arc<T>) -> Option<&mut T> {
        this.settle();
        real::Arc::get_mut(&mut this.value)
    }
}

impl<T: Clone> Arc<T> {
    /// The value, which is cloned first if there is any other pointer to it.
    #[track_caller]
    pub fn make_mut(this: &mut Arc<T>) -> &mut T {
        this.settle();
        if real::Arc::get_mut(&mut this.value).is_none() {
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
        Arc {
            token: self.token.clone(),
            value: real::Arc::clone(&self.value),
        }
    }
}

impl<T: ?Sized> Drop for Arc<T> {
    #[inline]
    #[track_caller]
    fn drop(&mut self) {
        if !matches!(self.token, Token::Real) {
            self.token.dropping(|| Arc::owners(self) == 1);
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

/// What std's `Arc` can be made of, but for `T` itself.
macro_rules! from {
    ($([$($generics:tt)*] $source:ty => $target:ty),* $(,)?) => {$(
        impl<$($generics)*> From<$source> for Arc<$target> {
            #[track_caller]
            fn from(source: $source) -> Self {
                Arc::from_std(real::Arc::from(source))
            }
        }
    )*};
}

from! {
    [T: ?Sized] Box<T> => T,
    [T] Vec<T> => [T],
    [T: Clone] &[T] => [T],
    [T, const N: usize] [T; N] => [T],
    [] &str => str,
    [] String => str,
}

impl<T: ?Sized> From<real::Arc<T>> for Arc<T> {
    #[track_caller]
    fn from(value: real::Arc<T>) -> Self {
        Arc::from_std(value)
    }
}

impl<T> FromIterator<T> for Arc<[T]> {
    #[track_caller]
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Arc::from_std(items.into_iter().collect())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized> fmt::Pointer for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.value, f)
    }
}

impl<T: ?Sized + PartialEq> PartialEq for Arc<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Eq> Eq for Arc<T> {}

impl<T: ?Sized + PartialOrd> PartialOrd for Arc<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Comparison> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: ?Sized + Ord> Ord for Arc<T> {
    fn cmp(&self, other: &Self) -> Comparison {
        (**self).cmp(&**other)
    }
}

impl<T: ?Sized + Hash> Hash for Arc<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T> Weak<T> {
    /// A pointer to nothing, which cannot be upgraded.
    #[must_use]
    pub fn new() -> Weak<T> {
        Weak {
            token: None,
            value: real::Weak::new(),
        }
    }
}

impl<T: ?Sized> Weak<T> {
    /// An owner of the value, if it still has one.
    #[must_use = "this returns a new `Arc`, without modifying the original weak pointer"]
    #[track_caller]
    pub fn upgrade(&self) -> Option<Arc<T>> {
        let token = self.token.as_ref()?;
        token.pass(Ordering::Acquire);
        let value = self.value.upgrade()?;
        Some(Arc {
            token: token.clone(),
            value,
        })
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
        self.counting();
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

impl<T: ?Sized> Clone for Weak<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        if let Some(token) = &self.token {
            token.cloning();
        }
        Weak {
            token: self.token.clone(),
            value: self.value.clone(),
        }
    }
}

impl<T: ?Sized> Drop for Weak<T> {
    #[track_caller]
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.pass(Ordering::Release);
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

#[cfg(test)]
#[path = "arc_tests.rs"]
mod tests;
