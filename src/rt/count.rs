//! How a checker learns what happens to an `Arc`.

use super::runtime::Runtime;
use super::thread_bound::ThreadBound;
use crate::rt::{context, leaks};
use std::sync::atomic::Ordering;

/// How a runtime learns what happens to a reference-counted value. The counts themselves are std's.
pub(crate) trait RawCount: Clone {
    /// Before a strong count goes up by a clone. Clones commute with each other and with drops.
    #[track_caller]
    fn cloning(&self);

    /// Before a weak count goes up.
    #[track_caller]
    fn cloning_weak(&self) {
        self.cloning();
    }

    /// Before the owners are counted.
    #[track_caller]
    fn counting(&self);

    /// As [`RawCount::counting`], if weak pointers are counted.
    #[track_caller]
    fn counting_weak(&self) {
        self.counting();
    }

    /// Before it is looked at whether there is one pointer alone. What is looked at must not change after this call: so
    /// it is one operation that depends on all that makes pointers fewer.
    #[track_caller]
    fn looking(&self);

    /// A step that depends on every owner's drop and every upgrade, with the edges of `order`.
    #[track_caller]
    fn pass(&self, order: Ordering);

    /// As [`RawCount::pass`], but for the drops of weak pointers, of which owners learn nothing.
    #[track_caller]
    fn pass_weak(&self, order: Ordering);

    /// Learns what owners did that are gone. Others may run before.
    #[track_caller]
    fn learn(&self);

    /// The value is gone.
    fn freed(&self) {}
}

one_of! {
    /// A reference count of a runtime's.
    #[derive(Clone)]
    Count
}

/// How the engine learns what happens to an [`Arc`](crate::sync::Arc): nothing on the real ones.
#[derive(Clone)]
pub(crate) struct Token(Option<ThreadBound<Count>>);

/// Operations that a token hands on.
macro_rules! handed_on {
    ($($(#[$attribute:meta])* $name:ident($($argument:ident: $type:ty)?);)*) => {$(
        #[doc = concat!("See [`RawCount::", stringify!($name), "`].")]
        $(#[$attribute])*
        #[track_caller]
        pub(crate) fn $name(&self $(, $argument: $type)?) {
            if let Some(count) = &self.0 {
                context::count_operation();
                each!(Count, &**count, count => count.$name($($argument)?));
            }
        }
    )*};
}

impl Token {
    #[track_caller]
    pub(crate) fn new() -> Token {
        match super::checker() {
            Some(checker) => Token(Some(ThreadBound::new(checker, make!(checker, Count, R => R::count())))),
            None => Token(None),
        }
    }

    /// No checker learns anything.
    pub(crate) fn none() -> Token {
        Token(None)
    }

    /// Whether no checker learns anything.
    pub(crate) fn is_real(&self) -> bool {
        self.0.is_none()
    }

    handed_on! {
        #[inline]
        cloning();
        #[inline]
        cloning_weak();
        #[inline]
        counting();
        counting_weak();
        looking();
        #[inline]
        pass(order: Ordering);
        #[inline]
        pass_weak(order: Ordering);
        #[inline]
        learn();
    }

    /// See [`RawCount::freed`].
    pub(crate) fn freed(&self) {
        if let Some(count) = self.0.as_ref().filter(|count| count.is_here()) {
            context::count_operation();
            each!(Count, &**count, count => count.freed());
        }
    }

    /// Before a weak pointer goes away.
    #[track_caller]
    pub(crate) fn dropping_weak(&self) {
        if self.is_here() {
            self.pass_weak(Ordering::Release);
        }
    }

    /// Whether a destructor may tell the checker of it.
    fn is_here(&self) -> bool {
        self.0.as_ref().is_none_or(ThreadBound::is_here)
    }

    /// Before a strong reference goes away. As in std, only the last one learns what the others did.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(crate) fn dropping(&self, is_last: impl Fn() -> bool) {
        if !self.is_here() {
            return;
        }
        self.pass(Ordering::Release);
        if is_last() {
            self.pass(Ordering::Acquire);
            if is_last() {
                self.freed();
            }
        }
    }
}

/// A static keeps a value for good, which may own any of the values that have not been freed: they are no leaks.
pub(crate) fn forgive() {
    for token in leaks::tokens::<Token>() {
        token.freed();
    }
}
