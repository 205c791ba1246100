//! The atomic pointer. A runtime keeps it as a number.

use super::operations::{common, rmw};
use super::repr::{Repr, Std};
use super::{AtomicMut, Ordering};
use crate::rt;
use crate::rt::atomic::Rmw;
use crate::rt::statics::made::Made;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic as real;

/// An atomic `*mut T`, as [`std::sync::atomic::AtomicPtr`].
pub struct AtomicPtr<T> {
    repr: Repr<real::AtomicPtr<T>>,
}

common! { [T] AtomicPtr<T>, *mut T, real::AtomicPtr<T> }

impl<T> AtomicPtr<T> {
    rmw! {
        /// Moves the pointer forward by `count` elements, wrapping around; returns the one before.
        fetch_ptr_add(count: usize, order) -> *mut T;
        (Rmw::Add, count.wrapping_mul(size_of::<T>()) as u64); |real| real.fetch_ptr_add(count, order)
    }
    rmw! {
        /// Moves the pointer back by `count` elements, wrapping around; returns the one before.
        fetch_ptr_sub(count: usize, order) -> *mut T;
        (Rmw::Sub, count.wrapping_mul(size_of::<T>()) as u64); |real| real.fetch_ptr_sub(count, order)
    }
    rmw! {
        /// Moves the pointer forward by `bytes` bytes, wrapping around; returns the one before.
        fetch_byte_add(bytes: usize, order) -> *mut T;
        (Rmw::Add, bytes as u64); |real| real.fetch_byte_add(bytes, order)
    }
    rmw! {
        /// Moves the pointer back by `bytes` bytes, wrapping around; returns the one before.
        fetch_byte_sub(bytes: usize, order) -> *mut T;
        (Rmw::Sub, bytes as u64); |real| real.fetch_byte_sub(bytes, order)
    }
    rmw! {
        /// Bitwise "or" with the address; returns the pointer before.
        fetch_or(bits: usize, order) -> *mut T;
        (Rmw::Or, bits as u64); |real| real.fetch_or(bits, order)
    }
    rmw! {
        /// Bitwise "and" with the address; returns the pointer before.
        fetch_and(bits: usize, order) -> *mut T;
        (Rmw::And, bits as u64); |real| real.fetch_and(bits, order)
    }
    rmw! {
        /// Bitwise "exclusive or" with the address; returns the pointer before.
        fetch_xor(bits: usize, order) -> *mut T;
        (Rmw::Xor, bits as u64); |real| real.fetch_xor(bits, order)
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
