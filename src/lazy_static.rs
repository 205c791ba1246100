//! `lazy_static!`, for statics of this crate's types: made anew in every execution of a model, as loom does.
//!
//! Atomics, locks and cells belong to the execution in which they are made, by a thread that others must learn of it
//! from: so their `new` is not `const`, and a plain `static` cannot hold what it makes. What their `const_new` makes it
//! can: that is there from the beginning for every thread. Where a first value must be computed, a static is a
//! [`LazyLock`], a [`OnceLock`](crate::sync::OnceLock), a [`thread_local!`](crate::thread_local) or one of these.
//!
//! Limit: what a static gave out must not be kept beyond the execution.

use crate::sync::LazyLock;
use std::fmt;

// loom has them here too, and tokio takes one from here.
pub use crate::thread::{AccessError, panicking, yield_now};

/// What [`lazy_static!`](crate::lazy_static!) makes of a static.
pub struct Lazy<T: 'static>(LazyLock<T>);

impl<T> Lazy<T> {
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(init: fn() -> T) -> Self {
        Lazy(LazyLock::new(init))
    }

    /// The value, made now if need be.
    ///
    /// # Panics
    /// With the initialiser's panic.
    #[track_caller]
    pub fn get(&'static self) -> &'static T {
        &self.0
    }
}

impl<T> fmt::Debug for Lazy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").finish_non_exhaustive()
    }
}

/// Declares statics that are made on first use, in the syntax of the crate of this name; in a model, anew in every
/// execution.
///
/// ```
/// use selvedge::sync::atomic::{AtomicU32, Ordering::Relaxed};
///
/// selvedge::lazy_static! {
///     static ref NEXT: AtomicU32 = AtomicU32::new(7);
/// }
/// assert_eq!(NEXT.fetch_add(1, Relaxed), 7);
/// ```
#[macro_export]
macro_rules! lazy_static {
    () => {};
    ($(#[$attr:meta])* static ref $name:ident: $t:ty = $init:expr; $($rest:tt)*) => {
        $crate::lazy_static!(@make [$(#[$attr])*] () $name, $t, $init);
        $crate::lazy_static!($($rest)*);
    };
    ($(#[$attr:meta])* pub static ref $name:ident: $t:ty = $init:expr; $($rest:tt)*) => {
        $crate::lazy_static!(@make [$(#[$attr])*] (pub) $name, $t, $init);
        $crate::lazy_static!($($rest)*);
    };
    ($(#[$attr:meta])* pub ($($vis:tt)+) static ref $name:ident: $t:ty = $init:expr; $($rest:tt)*) => {
        $crate::lazy_static!(@make [$(#[$attr])*] (pub ($($vis)+)) $name, $t, $init);
        $crate::lazy_static!($($rest)*);
    };
    (@make [$(#[$attr:meta])*] ($($vis:tt)*) $name:ident, $t:ty, $init:expr) => {
        #[allow(missing_docs, reason = "the type of one static")]
        #[allow(non_camel_case_types, reason = "named like the static")]
        #[allow(dead_code, reason = "as for a static")]
        $(#[$attr])*
        $($vis)* struct $name {
            _only_here: (),
        }
        #[doc(hidden)]
        $($vis)* static $name: $name = $name { _only_here: () };
        impl ::core::ops::Deref for $name {
            type Target = $t;
            fn deref(&self) -> &$t {
                fn init() -> $t {
                    $init
                }
                static LAZY: $crate::lazy_static::Lazy<$t> = $crate::lazy_static::Lazy::__new(init);
                LAZY.get()
            }
        }
    };
}
