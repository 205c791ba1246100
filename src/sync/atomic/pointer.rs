//! The atomic pointer. loom keeps it as a number, as it does within its own type, so that arithmetic on
//! it is one operation.

use super::repr::{
    FromBits, Made, Original, Repr, Serving, check_failure, check_load, check_store, common, rmw,
};
use super::{AtomicMut, Ordering};
use crate::base::event::EventKind;
use crate::context::Context;
use crate::rt::{self, trace};
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::atomic as real;

/// An atomic `*mut T`, as [`std::sync::atomic::AtomicPtr`].
pub struct AtomicPtr<T> {
    repr: Repr<real::AtomicPtr<T>, rt::loom::AtomicUsize>,
}

fn to<T>(pointer: *mut T) -> usize {
    pointer.expose_provenance()
}

fn from<T>(kept: usize) -> *mut T {
    std::ptr::with_exposed_provenance_mut(kept)
}

common! {
    [T] AtomicPtr AtomicPtr<T>, *mut T, real::AtomicPtr<T>, rt::loom::AtomicUsize, rt::loom::AtomicUsize::new;
    to, from
}

impl<T> AtomicPtr<T> {
    rmw! {
        [T] real::AtomicPtr<T>, rt::loom::AtomicUsize;
        /// Moves the pointer forward by `count` elements, wrapping around; returns the one before.
        fetch_ptr_add(count: usize, order) -> *mut T;
        |real| real.fetch_ptr_add(count, order);
        |loom| from(loom.fetch_add(count.wrapping_mul(size_of::<T>()), order))
    }
    rmw! {
        [T] real::AtomicPtr<T>, rt::loom::AtomicUsize;
        /// Moves the pointer back by `count` elements, wrapping around; returns the one before.
        fetch_ptr_sub(count: usize, order) -> *mut T;
        |real| real.fetch_ptr_sub(count, order);
        |loom| from(loom.fetch_sub(count.wrapping_mul(size_of::<T>()), order))
    }
    rmw! {
        [T] real::AtomicPtr<T>, rt::loom::AtomicUsize;
        /// Moves the pointer forward by `bytes` bytes, wrapping around; returns the one before.
        fetch_byte_add(bytes: usize, order) -> *mut T;
        |real| real.fetch_byte_add(bytes, order);
        |loom| from(loom.fetch_add(bytes, order))
    }
    rmw! {
        [T] real::AtomicPtr<T>, rt::loom::AtomicUsize;
        /// Moves the pointer back by `bytes` bytes, wrapping around; returns the one before.
        fetch_byte_sub(bytes: usize, order) -> *mut T;
        |real| real.fetch_byte_sub(bytes, order);
        |loom| from(loom.fetch_sub(bytes, order))
    }
    rmw! {
        [T] real::AtomicPtr<T>, rt::loom::AtomicUsize;
        /// Bitwise "or" with the address; returns the pointer before.
        fetch_or(bits: usize, order) -> *mut T;
        |real| real.fetch_or(bits, order);
        |loom| from(loom.fetch_or(bits, order))
    }
    rmw! {
        [T] real::AtomicPtr<T>, rt::loom::AtomicUsize;
        /// Bitwise "and" with the address; returns the pointer before.
        fetch_and(bits: usize, order) -> *mut T;
        |real| real.fetch_and(bits, order);
        |loom| from(loom.fetch_and(bits, order))
    }
    rmw! {
        [T] real::AtomicPtr<T>, rt::loom::AtomicUsize;
        /// Bitwise "exclusive or" with the address; returns the pointer before.
        fetch_xor(bits: usize, order) -> *mut T;
        |real| real.fetch_xor(bits, order);
        |loom| from(loom.fetch_xor(bits, order))
    }
}

impl<T> Default for AtomicPtr<T> {
    #[track_caller]
    fn default() -> Self {
        Self::made_here(std::ptr::null_mut())
    }
}

impl<T> fmt::Pointer for AtomicPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.repr.shown(), f)
    }
}
