//! The atomic truth value.

use super::operations::{common, rmw};
use super::repr::{Repr, Std};
use super::{AtomicMut, Ordering};
use crate::rt;
use crate::rt::atomic::Rmw;
use crate::rt::statics::made::Made;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic as real;

/// An atomic `bool`, as [`std::sync::atomic::AtomicBool`].
pub struct AtomicBool {
    repr: Repr<real::AtomicBool>,
}

common! { [] AtomicBool, bool, real::AtomicBool }

impl AtomicBool {
    rmw! {
        /// Logical "and"; returns the value before.
        fetch_and(value: bool, order) -> bool;
        (Rmw::And, u64::from(value)); |real| real.fetch_and(value, order)
    }
    rmw! {
        /// Logical "not and"; returns the value before.
        fetch_nand(value: bool, order) -> bool;
        // Not (before and true) is the opposite of before, not (before and false) is true.
        if value { (Rmw::Xor, 1) } else { (Rmw::Swap, 1) }; |real| real.fetch_nand(value, order)
    }
    rmw! {
        /// Logical "or"; returns the value before.
        fetch_or(value: bool, order) -> bool;
        (Rmw::Or, u64::from(value)); |real| real.fetch_or(value, order)
    }
    rmw! {
        /// Logical "exclusive or"; returns the value before.
        fetch_xor(value: bool, order) -> bool;
        (Rmw::Xor, u64::from(value)); |real| real.fetch_xor(value, order)
    }
    rmw! {
        /// Logical "not"; returns the value before.
        fetch_not(, order) -> bool;
        (Rmw::Xor, 1); |real| real.fetch_not(order)
    }
}

impl Default for AtomicBool {
    #[track_caller]
    fn default() -> Self {
        Self::made_here(false)
    }
}
