//! What an `Arc` can be made of, and what it shows of its value.

use super::Arc;
use std::cmp::Ordering as Comparison;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync as real;

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
