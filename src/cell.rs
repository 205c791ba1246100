//! Memory that is not synchronised: race-checked under the checkers, real memory elsewhere.
//!
//! [`Plain`] is an ordinary variable; [`UnsafeCell`] is what data structures of one's own are made of.
//! Making a cell and dropping it are writes, so that handing over a cell without ordering is found too.
//!
//! In a design that asks to go on past data races, each access to a [`Plain`] is a scheduling point under
//! shuttle, and a race does not end the execution.
//!
//! Limits: on the real engines nothing is checked. A value larger than a machine word is read and written
//! in pieces there, so that it can be seen torn; under the checkers it cannot, but there the race itself
//! is reported.

mod cells;

pub use cells::{Cell, ConstPtr, MutPtr};

use crate::race::Access;
use crate::rt::cell::{Lasts, Span, Tracked, Tracker};
use std::cell;
use std::fmt;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU16, AtomicU32, Ordering};

/// A value that [`Plain`] can hold.
///
/// # Safety
///
/// - The type has no padding, no interior mutability and no uninitialised bytes.
/// - If it is larger than the pieces in which it is accessed (its alignment, at most 8 bytes), then any
///   mixture of such pieces of valid values is itself a valid value.
/// - Its values may be sent to other threads and read by them.
pub unsafe trait PlainValue: Copy + fmt::Debug + 'static {}

macro_rules! plain_value {
    ($($type:ty),* $(,)?) => {$(
        // SAFETY: a primitive without padding. It is one piece, or any bits are valid.
        unsafe impl PlainValue for $type {}
    )*};
}

plain_value! {
    (), bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64,
}

// SAFETY: one piece. That a raw pointer may be sent is what `AtomicPtr` says too: using it is unsafe.
unsafe impl<T: 'static> PlainValue for *const T {}
// SAFETY: as for `*const T`.
unsafe impl<T: 'static> PlainValue for *mut T {}
// SAFETY: arrays have no padding between elements. A piece is never larger than the alignment of an
// element, so it is a whole element, or a part of an element that may be mixed.
unsafe impl<T: PlainValue, const N: usize> PlainValue for [T; N] {}

/// A variable in ordinary memory that threads share, with nothing to protect it.
///
/// Under loom and shuttle two accesses to it that are not ordered, at least one of them a write, are a
/// data race, reported with the source lines of both. On the real engines each access is a relaxed
/// atomic one, as wide as the value's alignment (at most 8 bytes): a plain `mov`, and no undefined
/// behaviour. Larger values are accessed piece by piece, so a reader may see half of one write and half
/// of another.
///
/// ```
/// use selvedge::cell::Plain;
///
/// let count = Plain::new(0);
/// count.set(count.get() + 1);
/// assert_eq!(count.get(), 1);
/// ```
pub struct Plain<T: PlainValue> {
    tracker: Tracker,
    value: cell::UnsafeCell<T>,
}

// SAFETY: really, all accesses are atomic; under a checker all threads are one. Values may be sent and
// shared by the promise of `PlainValue`.
unsafe impl<T: PlainValue> Send for Plain<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: PlainValue> Sync for Plain<T> {}

impl<T: PlainValue> Plain<T> {
    /// A variable with this value, made for the engine that is running. Under a checker this is a write.
    #[cfg(not(feature = "const-new"))]
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn new(value: T) -> Self {
        Plain::made_here(value)
    }

    /// As [`Plain::const_new`]: the feature `const-new` is on.
    #[cfg(feature = "const-new")]
    #[inline]
    #[must_use]
    pub const fn new(value: T) -> Self {
        Plain::const_new(value)
    }

    /// A variable with this value, for a `static`: it begins anew in each execution under a checker, with the value
    /// that it has when the program begins. Its creation is no access, and happens before everything.
    #[inline]
    #[must_use]
    pub const fn const_new(value: T) -> Self {
        Plain { tracker: Tracker::const_new::<Plain<T>, T>(), value: cell::UnsafeCell::new(value) }
    }

    #[inline]
    #[track_caller]
    pub(crate) fn made_here(value: T) -> Self {
        Plain { tracker: Tracker::of("Plain", value), value: cell::UnsafeCell::new(value) }
    }

    /// The variable that serves, and how a checker follows it.
    #[inline(always)]
    #[track_caller]
    fn serving(&self) -> (&Self, Option<&Tracked>) {
        self.tracker.serving(self, true, Self::tracker_of)
    }

    /// Where the tracker of a variable lies.
    fn tracker_of(this: *mut Self) -> *mut Tracker {
        // SAFETY: only a place within the variable, of which nothing is read.
        unsafe { &raw mut (*this).tracker }
    }

    /// Reads the value.
    ///
    /// # Panics
    ///
    /// Under a checker, if the read races with a write.
    #[inline]
    #[track_caller]
    pub fn get(&self) -> T {
        let (plain, tracked) = self.serving();
        let Some(tracked) = tracked else { return plain.load() };
        tracked.read(|| plain.load())
    }

    /// Writes the value.
    ///
    /// # Panics
    ///
    /// Under a checker, if the write races with another access.
    #[inline]
    #[track_caller]
    pub fn set(&self, value: T) {
        let (plain, tracked) = self.serving();
        if let Some(tracked) = tracked {
            tracked.write(Some(&value));
        }
        // SAFETY: the value is owned by `plain` and accessed by nothing but `load_pieces` and
        // `store_pieces`.
        unsafe { store_pieces(plain.value.get(), value) };
    }

    /// Reads the value and writes what `update` makes of it: two accesses, between which others come.
    ///
    /// # Panics
    ///
    /// As [`Plain::get`] and [`Plain::set`].
    #[inline]
    #[track_caller]
    pub fn update(&self, update: impl FnOnce(T) -> T) {
        self.set(update(self.get()));
    }

    /// The value, to which no other reference is left. Under a checker this is a write.
    ///
    /// # Panics
    ///
    /// Under a checker, if an earlier access is not ordered before.
    #[inline]
    #[track_caller]
    pub fn into_inner(self) -> T {
        let (plain, tracked) = self.tracker.serving_exclusively(&self, Self::tracker_of);
        if let Some(tracked) = tracked {
            tracked.write(None);
        }
        plain.load()
    }

    /// The last value, without an access that a checker would see.
    fn shown(&self) -> T {
        let Some(original) = self.tracker.original() else { return self.load() };
        match original.copy_of::<Self, Tracked>(self) {
            // SAFETY: it lives until the execution ends.
            Some(copy) => unsafe { &*copy }.load(),
            None => {
                let offset = self.value.get().addr() - std::ptr::from_ref(self).addr();
                // SAFETY: the value is a field of the variable.
                unsafe { original.first(offset) }
            }
        }
    }

    #[inline]
    fn load(&self) -> T {
        // SAFETY: as in `set`.
        unsafe { load_pieces(self.value.get()) }
    }
}

impl<T: PlainValue + Default> Default for Plain<T> {
    #[track_caller]
    fn default() -> Self {
        Plain::made_here(T::default())
    }
}

impl<T: PlainValue> From<T> for Plain<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Plain::made_here(value)
    }
}

/// Shows the value, without an access that a checker would see.
impl<T: PlainValue + fmt::Debug> fmt::Debug for Plain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown().fmt(f)
    }
}

/// The width of the pieces in which a `T` is accessed, in bytes.
const fn piece<T>() -> usize {
    if align_of::<T>() < size_of::<usize>() { align_of::<T>() } else { size_of::<usize>() }
}

/// Reads a value piece by piece, each piece atomically.
///
/// # Safety
///
/// `from` points to a valid value that no thread accesses but through this function and [`store_pieces`],
/// as long as the call lasts.
#[inline]
unsafe fn load_pieces<T: PlainValue>(from: *mut T) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    let to = value.as_mut_ptr();
    for index in 0..size_of::<T>() / piece::<T>() {
        // SAFETY: the piece is within both values, and as aligned as they are. All that is accessed at
        // the same time is accessed in the same pieces, by the caller's promise. A whole pointer keeps
        // its provenance, because pieces as wide as a pointer are moved as pointers.
        unsafe {
            match piece::<T>() {
                1 => to
                    .cast::<u8>()
                    .add(index)
                    .write(AtomicU8::from_ptr(from.cast::<u8>().add(index)).load(Ordering::Relaxed)),
                2 => to
                    .cast::<u16>()
                    .add(index)
                    .write(AtomicU16::from_ptr(from.cast::<u16>().add(index)).load(Ordering::Relaxed)),
                4 => to
                    .cast::<u32>()
                    .add(index)
                    .write(AtomicU32::from_ptr(from.cast::<u32>().add(index)).load(Ordering::Relaxed)),
                _ => to
                    .cast::<*mut ()>()
                    .add(index)
                    .write(AtomicPtr::from_ptr(from.cast::<*mut ()>().add(index)).load(Ordering::Relaxed)),
            }
        }
    }
    // SAFETY: every byte is written, and any mixture of pieces is valid by the promise of `PlainValue`.
    unsafe { value.assume_init() }
}

/// Writes a value piece by piece, each piece atomically.
///
/// # Safety
///
/// As [`load_pieces`].
#[inline]
unsafe fn store_pieces<T: PlainValue>(to: *mut T, value: T) {
    let from = &raw const value;
    for index in 0..size_of::<T>() / piece::<T>() {
        // SAFETY: as in `load_pieces`. The pieces of `value` have no uninitialised bytes by the promise
        // of `PlainValue`.
        unsafe {
            match piece::<T>() {
                1 => AtomicU8::from_ptr(to.cast::<u8>().add(index))
                    .store(from.cast::<u8>().add(index).read(), Ordering::Relaxed),
                2 => AtomicU16::from_ptr(to.cast::<u16>().add(index))
                    .store(from.cast::<u16>().add(index).read(), Ordering::Relaxed),
                4 => AtomicU32::from_ptr(to.cast::<u32>().add(index))
                    .store(from.cast::<u32>().add(index).read(), Ordering::Relaxed),
                _ => AtomicPtr::from_ptr(to.cast::<*mut ()>().add(index))
                    .store(from.cast::<*mut ()>().add(index).read(), Ordering::Relaxed),
            }
        }
    }
}

/// The core of a data structure of one's own: [`std::cell::UnsafeCell`], with accesses that a checker
/// sees. As in loom, the pointer is lent to a closure, so that the access has an end.
///
/// ```
/// use selvedge::cell::UnsafeCell;
///
/// let cell = UnsafeCell::new(1);
/// // SAFETY: no other thread has the cell.
/// cell.with_mut(|value| unsafe { *value += 1 });
/// assert_eq!(cell.into_inner(), 2);
/// ```
pub struct UnsafeCell<T: ?Sized> {
    tracker: Tracker,
    value: cell::UnsafeCell<T>,
}

impl<T> UnsafeCell<T> {
    /// A cell with this value, made for the engine that is running. Under a checker this is a write.
    #[cfg(not(feature = "const-new"))]
    #[inline]
    #[track_caller]
    pub fn new(value: T) -> Self {
        UnsafeCell::made_here(value)
    }

    /// As [`UnsafeCell::const_new`]: the feature `const-new` is on.
    #[cfg(feature = "const-new")]
    #[inline]
    pub const fn new(value: T) -> Self {
        UnsafeCell::const_new(value)
    }

    /// A cell with this value, for a `static`: it begins anew in each execution under a checker, with the value that it
    /// has when the program begins. Its creation is no access, and happens before everything.
    #[inline]
    pub const fn const_new(value: T) -> Self {
        UnsafeCell { tracker: Tracker::const_new::<UnsafeCell<T>, T>(), value: cell::UnsafeCell::new(value) }
    }

    #[inline]
    #[track_caller]
    pub(crate) fn made_here(value: T) -> Self {
        UnsafeCell { tracker: Tracker::new("UnsafeCell"), value: cell::UnsafeCell::new(value) }
    }

    /// The value, to which no other reference is left. Under a checker this is a write.
    ///
    /// # Panics
    ///
    /// Under a checker, if an earlier access is not ordered before.
    #[inline]
    #[track_caller]
    pub fn into_inner(self) -> T {
        let (cell, tracked) = self.tracker.serving_exclusively(&self, Self::tracker_of);
        if let Some(tracked) = tracked {
            tracked.write(None);
        }
        if !std::ptr::eq(cell, &self) {
            // SAFETY: no other thread has either, and what is put into the copy is never looked at again.
            unsafe { std::ptr::swap(self.value.get(), cell.value.get()) };
        }
        self.value.into_inner()
    }
}

impl<T: ?Sized> UnsafeCell<T> {
    /// The cell that serves, and an access to it.
    #[inline(always)]
    #[track_caller]
    fn access(&self, access: Access, lasts: Lasts) -> (*mut T, Option<Span>) {
        let (cell, tracked) = self.tracker.serving(self, false, Self::tracker_of);
        match tracked {
            None => (cell.value.get(), None),
            Some(tracked) => (cell.value.get(), tracked.span(access, lasts)),
        }
    }

    /// Where the tracker of a cell lies.
    fn tracker_of(this: *mut Self) -> *mut Tracker {
        // SAFETY: only a place within the cell, of which nothing is read.
        unsafe { &raw mut (*this).tracker }
    }

    /// Lends a pointer to the value for reading. It must not be used after `read` returns.
    ///
    /// # Panics
    ///
    /// Under a checker, if the read races with a write.
    #[inline]
    #[track_caller]
    pub fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        let (value, _span) = self.access(Access::Read, Lasts::ToItsEnd);
        read(value)
    }

    /// Lends a pointer to the value for writing. It must not be used after `write` returns.
    ///
    /// # Panics
    ///
    /// Under a checker, if the write races with another access.
    #[inline]
    #[track_caller]
    pub fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        let (value, _span) = self.access(Access::Write, Lasts::ToItsEnd);
        write(value)
    }

    /// A pointer for reading. The access lasts until the last operation before the pointer is dropped, which may be the
    /// one that gives the cell to others.
    ///
    /// # Panics
    ///
    /// Under a checker, if the read races with a write.
    #[inline]
    #[track_caller]
    pub fn get(&self) -> ConstPtr<T> {
        let (value, _span) = self.access(Access::Read, Lasts::ToTheLastOperation);
        ConstPtr { _span, value }
    }

    /// A pointer for writing. The access lasts until the last operation before the pointer is dropped, which may be the
    /// one that gives the cell to others. As in loom, and other than in std, it takes a shared reference: the pointer says
    /// nothing of who else has the cell.
    ///
    /// # Panics
    ///
    /// Under a checker, if the write races with another access.
    #[inline]
    #[track_caller]
    pub fn get_mut(&self) -> MutPtr<T> {
        let (value, _span) = self.access(Access::Write, Lasts::ToTheLastOperation);
        MutPtr { _span, value }
    }
}

impl<T: Default> Default for UnsafeCell<T> {
    #[track_caller]
    fn default() -> Self {
        UnsafeCell::made_here(T::default())
    }
}

impl<T> From<T> for UnsafeCell<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        UnsafeCell::made_here(value)
    }
}

impl<T: ?Sized> fmt::Debug for UnsafeCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsafeCell").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
