//! `std::hint`, decided at run time.

use crate::context::{self, Context};

pub use std::hint::{assert_unchecked, black_box, unreachable_unchecked};

/// Says that the caller spins. In a model it yields, for otherwise the loop would never end.
#[inline(always)]
#[track_caller]
pub fn spin_loop() {
    match context::current() {
        Context::Real | Context::Process => std::hint::spin_loop(),
        Context::Loom | Context::Shuttle | Context::Rc11 => crate::thread::yield_now(),
    }
}
