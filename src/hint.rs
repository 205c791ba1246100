//! `std::hint`, decided at run time.

use crate::rt;

pub use std::hint::{assert_unchecked, black_box, unreachable_unchecked};

/// Says that the caller spins. In a model it yields, for otherwise the loop would never end.
#[inline(always)]
#[track_caller]
pub fn spin_loop() {
    match rt::running() {
        None => std::hint::spin_loop(),
        Some(_) => crate::thread::yield_now(),
    }
}
