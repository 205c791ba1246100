//! The ten atomic integers.

use super::operations::{common, rmw};
use super::repr::{Repr, Std};
use super::{AtomicMut, Ordering};
use crate::rt;
use crate::rt::atomic::Rmw;
use crate::rt::statics::made::Made;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic as real;

/// One atomic integer with all its operations.
macro_rules! integer {
    ($name:ident, $value:ident) => {
        #[doc = concat!("An atomic `", stringify!($value), "`, as [`std::sync::atomic::", stringify!($name), "`].")]
        pub struct $name {
            repr: Repr<real::$name>,
        }

        common! { [] $name, $value, real::$name }

        integer!(@rmw $name, $value;
            /// Adds, wrapping around on overflow; returns the value before.
            fetch_add Add
            /// Subtracts, wrapping around on overflow; returns the value before.
            fetch_sub Sub
            /// Bitwise "and"; returns the value before.
            fetch_and And
            /// Bitwise "not and"; returns the value before.
            fetch_nand Nand
            /// Bitwise "or"; returns the value before.
            fetch_or Or
            /// Bitwise "exclusive or"; returns the value before.
            fetch_xor Xor
            /// Writes the greater of the two; returns the value before.
            fetch_max Max
            /// Writes the lesser of the two; returns the value before.
            fetch_min Min
        );

        impl Default for $name {
            #[track_caller]
            fn default() -> Self {
                Self::made_here(0)
            }
        }
    };
    (@rmw $name:ident, $value:ident; $($(#[$doc:meta])* $operation:ident $rmw:ident)*) => {
        impl $name {
            $(rmw! {
                $(#[$doc])*
                $operation(value: $value, order) -> $value;
                (Rmw::$rmw, value as u64); |real| real.$operation(value, order)
            })*
        }
    };
}

impl AtomicU32 {
    /// For an atomic of the harness's own: a witness does not show what is done to it.
    pub(crate) fn hidden(self) -> Self {
        if let Some(atomic) = self.repr.modelled() {
            atomic.hide();
        }
        self
    }
}

integer!(AtomicU8, u8);
integer!(AtomicU16, u16);
integer!(AtomicU32, u32);
integer!(AtomicU64, u64);
integer!(AtomicUsize, usize);
integer!(AtomicI8, i8);
integer!(AtomicI16, i16);
integer!(AtomicI32, i32);
integer!(AtomicI64, i64);
integer!(AtomicIsize, isize);
