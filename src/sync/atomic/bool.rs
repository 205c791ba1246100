//! The atomic truth value. loom keeps it as a number, because its own type lacks half the operations.

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

/// An atomic `bool`, as [`std::sync::atomic::AtomicBool`].
pub struct AtomicBool {
    repr: Repr<real::AtomicBool, rt::loom::AtomicU8>,
}

fn from(kept: u8) -> bool {
    kept != 0
}

common! {
    [] AtomicBool AtomicBool, bool, real::AtomicBool, rt::loom::AtomicU8, rt::loom::AtomicU8::new;
    u8::from, from
}

impl AtomicBool {
    rmw! {
        [] real::AtomicBool, rt::loom::AtomicU8;
        /// Logical "and"; returns the value before.
        fetch_and(value: bool, order) -> bool;
        |real| real.fetch_and(value, order);
        |loom| from(loom.fetch_and(u8::from(value), order))
    }
    rmw! {
        [] real::AtomicBool, rt::loom::AtomicU8;
        /// Logical "not and"; returns the value before.
        fetch_nand(value: bool, order) -> bool;
        |real| real.fetch_nand(value, order);
        // Not (before and true) is the opposite of before, not (before and false) is true.
        |loom| from(if value { loom.fetch_xor(1, order) } else { loom.swap(1, order) })
    }
    rmw! {
        [] real::AtomicBool, rt::loom::AtomicU8;
        /// Logical "or"; returns the value before.
        fetch_or(value: bool, order) -> bool;
        |real| real.fetch_or(value, order);
        |loom| from(loom.fetch_or(u8::from(value), order))
    }
    rmw! {
        [] real::AtomicBool, rt::loom::AtomicU8;
        /// Logical "exclusive or"; returns the value before.
        fetch_xor(value: bool, order) -> bool;
        |real| real.fetch_xor(value, order);
        |loom| from(loom.fetch_xor(u8::from(value), order))
    }
    rmw! {
        [] real::AtomicBool, rt::loom::AtomicU8;
        /// Logical "not"; returns the value before.
        fetch_not(, order) -> bool;
        |real| real.fetch_not(order);
        |loom| from(loom.fetch_xor(1, order))
    }
}

impl Default for AtomicBool {
    #[track_caller]
    fn default() -> Self {
        Self::made_here(false)
    }
}
