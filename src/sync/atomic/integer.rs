//! The ten atomic integers.

use super::repr::{
    FromBits, Made, Original, Repr, Serving, check_failure, check_load, check_store, common, rmw,
};
use super::{AtomicMut, Ordering};
use crate::base::event::EventKind;
use crate::context::Context;
use crate::rt::{self, journal, trace};
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::atomic as real;

/// One atomic integer with all its operations.
macro_rules! integer {
    ($name:ident, $value:ident) => {
        #[doc = concat!("An atomic `", stringify!($value), "`, as [`std::sync::atomic::", stringify!($name), "`].")]
        pub struct $name {
            repr: Repr<real::$name, rt::loom::$name>,
        }

        common! {
            [] $name $name, $value, real::$name, rt::loom::$name, rt::loom::$name::new;
            std::convert::identity::<$value>, std::convert::identity::<$value>
        }

        integer!(@rmw $name, $value;
            /// Adds, wrapping around on overflow; returns the value before.
            fetch_add
            /// Subtracts, wrapping around on overflow; returns the value before.
            fetch_sub
            /// Bitwise "and"; returns the value before.
            fetch_and
            /// Bitwise "not and"; returns the value before.
            fetch_nand
            /// Bitwise "or"; returns the value before.
            fetch_or
            /// Bitwise "exclusive or"; returns the value before.
            fetch_xor
            /// Writes the greater of the two; returns the value before.
            fetch_max
            /// Writes the lesser of the two; returns the value before.
            fetch_min
        );

        impl Default for $name {
            #[track_caller]
            fn default() -> Self {
                Self::made_here(0)
            }
        }
    };
    (@rmw $name:ident, $value:ident; $($(#[$doc:meta])* $operation:ident)*) => {
        impl $name {
            $(rmw! {
                [] real::$name, rt::loom::$name;
                $(#[$doc])*
                $operation(value: $value, order) -> $value;
                |real| real.$operation(value, order);
                |loom| loom.$operation(value, order)
            })*
        }
    };
}

impl AtomicU32 {
    /// For an atomic of the harness's own: a witness does not show what is done to it.
    pub(crate) fn hidden(self) -> Self {
        if let Some(key) = self.repr.key() {
            journal::hide(key);
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
