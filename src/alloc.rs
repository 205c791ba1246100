//! Memory that must be given back, as in `loom::alloc`: in a [model](crate::model()) under `rc11` what is not is a
//! failure, with the place where it was made. So is an atomic or a cell in it that is used after it was freed, or
//! without an order between the two.
//!
//! Limits: leaks and uses of freed memory are looked for in models, under rc11. A lock in freed memory no checker sees.
//! Under every checker freed memory stays as it was until the execution ends.

use crate::cell::UnsafeCell;
use crate::rt::{leaks, memory};
use std::panic::Location;

#[doc(no_inline)]
pub use std::alloc::Layout;

/// As [`std::alloc::alloc`], with an eye on what becomes of it.
///
/// # Safety
/// As [`std::alloc::alloc`].
#[must_use]
#[track_caller]
pub unsafe fn alloc(layout: Layout) -> *mut u8 {
    // SAFETY: by the caller's promise.
    entered(unsafe { std::alloc::alloc(layout) }, layout)
}

/// As [`std::alloc::alloc_zeroed`], with an eye on what becomes of it.
///
/// # Safety
/// As [`std::alloc::alloc_zeroed`].
#[must_use]
#[track_caller]
pub unsafe fn alloc_zeroed(layout: Layout) -> *mut u8 {
    // SAFETY: by the caller's promise.
    entered(unsafe { std::alloc::alloc_zeroed(layout) }, layout)
}

#[track_caller]
fn entered(allocated: *mut u8, layout: Layout) -> *mut u8 {
    memory::allocated(allocated, layout);
    allocated
}

/// As [`std::alloc::dealloc`], for what [`alloc`] or [`alloc_zeroed`] has given.
///
/// # Safety
/// As [`std::alloc::dealloc`].
#[track_caller]
pub unsafe fn dealloc(memory: *mut u8, layout: Layout) {
    // SAFETY: by the caller's promise.
    unsafe { memory::free(memory, layout) };
}

/// A value whose drop is waited for: one that is forgotten is a leak. The drop is checked like a write: it must come
/// after whatever else was done with the value.
///
/// ```
/// use selvedge::alloc::Track;
///
/// let mut value = Track::new(1);
/// *value.get_mut() += 1;
/// assert_eq!((*value.get_ref(), value.into_inner()), (2, 2));
/// ```
pub struct Track<T> {
    value: T,
    entry: Entry,
}

impl<T: std::fmt::Debug> std::fmt::Debug for Track<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Track").field(&self.value).finish()
    }
}

/// On the heap, for an address of its own.
struct Entry(Box<UnsafeCell<u8>>);

// SAFETY: nothing but the address is used, and the accesses to the cell have no pointer taken.
unsafe impl Sync for Entry {}

impl Drop for Entry {
    fn drop(&mut self) {
        leaks::freed(std::ptr::from_ref(&*self.0).addr());
    }
}

impl<T> Track<T> {
    /// A value that must be dropped.
    #[must_use]
    #[track_caller]
    pub fn new(value: T) -> Track<T> {
        let entry = Entry(Box::new(UnsafeCell::made_here(0)));
        leaks::made(std::ptr::from_ref(&*entry.0).addr(), "Track", Location::caller(), None::<()>);
        Track { value, entry }
    }

    /// The value.
    pub fn get_ref(&self) -> &T {
        &self.value
    }

    /// The value, to change it.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// The value, which need not be dropped any more.
    pub fn into_inner(self) -> T {
        drop(self.entry);
        self.value
    }
}
