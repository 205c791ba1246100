//! Fences.

use super::Ordering;
use crate::rt;

/// An atomic fence, as [`std::sync::atomic::fence`].
///
/// # Panics
///
/// If `order` is [`Ordering::Relaxed`].
#[inline]
#[track_caller]
pub fn fence(order: Ordering) {
    assert!(order != Ordering::Relaxed, "there is no such thing as a relaxed fence");
    match rt::running() {
        None => std::sync::atomic::fence(order),
        Some(checker) => rt::fence(checker, order),
    }
}
