//! `std::sync::atomic`, on every engine.
//!
//! Every operation that std has on stable Rust 1.95, by name and signature, with two differences: `new`
//! is not `const`, because an atomic belongs to the engine that is running when it is made (`const_new` is, for a
//! `static`; with the feature `const-new`, `new` is too), and
//! `get_mut` returns [`AtomicMut`], because loom keeps values where no reference can point. `from_ptr`
//! is missing: there is no facade atomic behind a bare integer.
//!
//! Panics are std's, with std's words, on every engine.
//!
//! Limits: loom treats SeqCst accesses as acquire and release; no
//! engine that checks makes `compare_exchange_weak` fail without reason; under shuttle values are
//! sequentially consistent, while races are judged by the orderings as written.

mod bool;
mod fence;
mod guard;
mod integer;
mod operations;
mod pointer;
mod repr;
#[cfg(test)]
mod tests;

pub use self::bool::AtomicBool;
pub use fence::fence;
pub use guard::AtomicMut;
pub use integer::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
    AtomicUsize,
};
pub use pointer::AtomicPtr;
pub use std::sync::atomic::{Ordering, compiler_fence};

/// Says that the caller spins, by std's older name: [`crate::hint::spin_loop`].
#[inline(always)]
#[track_caller]
pub fn spin_loop_hint() {
    crate::hint::spin_loop();
}
