//! Pointers whose access lasts as long as they do, and the cell of values that are moved in and out.

use super::{Span, UnsafeCell};
use std::cmp::Ordering;
use std::fmt;

/// A pointer to the value of an [`UnsafeCell`], for reading: an access that lasts until this is dropped. Made by
/// [`UnsafeCell::get`].
///
/// ```
/// let cell = selvedge::cell::UnsafeCell::new(7);
/// let pointer = cell.get();
/// // SAFETY: no other thread writes.
/// assert_eq!(unsafe { *pointer.deref() }, 7);
/// ```
pub struct ConstPtr<T: ?Sized> {
    pub(super) _span: Option<Span>,
    pub(super) value: *const T,
}

impl<T: ?Sized> ConstPtr<T> {
    /// The value.
    ///
    /// # Safety
    /// The cell is still there, and no other thread writes to it while the reference is used.
    #[inline]
    #[must_use]
    pub unsafe fn deref(&self) -> &T {
        // SAFETY: by the caller's promise.
        unsafe { &*self.value }
    }

    /// Lends the pointer. It must not be used after `read` returns.
    #[inline]
    pub fn with<F, R>(&self, read: F) -> R
    where
        F: FnOnce(*const T) -> R,
    {
        read(self.value)
    }
}

/// A pointer to the value of an [`UnsafeCell`], for writing: an access that lasts until this is dropped. Made by
/// [`UnsafeCell::get_mut`].
///
/// ```
/// let cell = selvedge::cell::UnsafeCell::new(7);
/// // SAFETY: no other thread has the cell.
/// unsafe { *cell.get_mut().deref() += 1 };
/// assert_eq!(cell.into_inner(), 8);
/// ```
pub struct MutPtr<T: ?Sized> {
    pub(super) _span: Option<Span>,
    pub(super) value: *mut T,
}

impl<T: ?Sized> MutPtr<T> {
    /// The value.
    ///
    /// # Safety
    /// The cell is still there, and no other thread accesses it while the reference is used; also not through another
    /// reference from here.
    #[inline]
    #[must_use]
    #[expect(clippy::mut_from_ref, reason = "the caller promises that it is the only one")]
    pub unsafe fn deref(&self) -> &mut T {
        // SAFETY: by the caller's promise.
        unsafe { &mut *self.value }
    }

    /// Lends the pointer. It must not be used after `write` returns.
    #[inline]
    pub fn with<F, R>(&self, write: F) -> R
    where
        F: FnOnce(*mut T) -> R,
    {
        write(self.value)
    }
}

impl<T: ?Sized> fmt::Debug for ConstPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.value, f)
    }
}

impl<T: ?Sized> fmt::Debug for MutPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.value, f)
    }
}

/// As [`std::cell::Cell`], with accesses that a checker sees. Other than a `Cell` of std's it may be shared by way
/// of a type that says so: what comes of it then is checked.
///
/// ```
/// let cell = selvedge::cell::Cell::new(1);
/// assert_eq!(cell.replace(2), 1);
/// assert_eq!(cell.get(), 2);
/// ```
pub struct Cell<T: ?Sized>(UnsafeCell<T>);

impl<T> Cell<T> {
    /// A cell with this value, made for the engine that is running.
    #[cfg(not(feature = "const-new"))]
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn new(value: T) -> Self {
        Cell::made_here(value)
    }

    /// As [`Cell::const_new`]: the feature `const-new` is on.
    #[cfg(feature = "const-new")]
    #[inline]
    #[must_use]
    pub const fn new(value: T) -> Self {
        Cell::const_new(value)
    }

    /// A cell with this value, for a `static`; as [`UnsafeCell::const_new`].
    #[inline]
    #[must_use]
    pub const fn const_new(value: T) -> Self {
        Cell(UnsafeCell::const_new(value))
    }

    #[inline]
    #[track_caller]
    fn made_here(value: T) -> Self {
        Cell(UnsafeCell::made_here(value))
    }

    /// Replaces the value, and drops the one before.
    ///
    /// # Panics
    /// Under a checker, if the write races with another access.
    #[inline]
    #[track_caller]
    pub fn set(&self, value: T) {
        drop(self.replace(value));
    }

    /// Exchanges the values of two cells.
    ///
    /// # Panics
    /// Under a checker, if a write races with another access.
    #[track_caller]
    pub fn swap(&self, other: &Self) {
        if std::ptr::eq(self, other) {
            return;
        }
        let (mine, theirs) = (self.0.get_mut(), other.0.get_mut());
        // SAFETY: two cells, which are `!Sync`, and of whose values no reference is ever given out.
        unsafe { std::mem::swap(mine.deref(), theirs.deref()) };
    }

    /// Replaces the value, and returns the one before.
    ///
    /// # Panics
    /// Under a checker, if the write races with another access.
    #[inline]
    #[track_caller]
    pub fn replace(&self, value: T) -> T {
        let pointer = self.0.get_mut();
        // SAFETY: the cell is `!Sync`, and no reference to the value is ever given out.
        std::mem::replace(unsafe { pointer.deref() }, value)
    }

    /// A copy of the value.
    ///
    /// # Panics
    /// Under a checker, if the read races with a write.
    #[inline]
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Copy,
    {
        // SAFETY: as for `replace`.
        unsafe { *self.0.get().deref() }
    }

    /// The value, and the default in its place.
    ///
    /// # Panics
    /// As [`Cell::replace`].
    #[inline]
    #[track_caller]
    pub fn take(&self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }

    /// Replaces the value by what `update` makes of it.
    ///
    /// # Panics
    /// As [`Cell::replace`] and [`Cell::get`].
    #[inline]
    #[track_caller]
    pub fn update(&self, update: impl FnOnce(T) -> T)
    where
        T: Copy,
    {
        self.set(update(self.get()));
    }

    /// The value, to which no other reference is left.
    ///
    /// # Panics
    /// Under a checker, if an earlier access is not ordered before.
    #[inline]
    #[track_caller]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> Cell<T> {
    /// The value, to which there is no other reference meanwhile.
    ///
    /// # Panics
    /// Under a checker, if an earlier access is not ordered before.
    #[inline]
    #[track_caller]
    pub fn get_mut(&mut self) -> &mut T {
        let pointer = self.0.get_mut();
        let value = pointer.value;
        drop(pointer);
        // SAFETY: borrowed mutably, the cell is no other thread's.
        unsafe { &mut *value }
    }
}

impl<T: Default> Default for Cell<T> {
    #[track_caller]
    fn default() -> Self {
        Cell::made_here(T::default())
    }
}

impl<T: Copy> Clone for Cell<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        Cell::made_here(self.get())
    }
}

impl<T> From<T> for Cell<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Cell::made_here(value)
    }
}

impl<T: PartialEq + Copy> PartialEq for Cell<T> {
    #[track_caller]
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq + Copy> Eq for Cell<T> {}

impl<T: PartialOrd + Copy> PartialOrd for Cell<T> {
    #[track_caller]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.get().partial_cmp(&other.get())
    }
}

impl<T: Ord + Copy> Ord for Cell<T> {
    #[track_caller]
    fn cmp(&self, other: &Self) -> Ordering {
        self.get().cmp(&other.get())
    }
}

impl<T: ?Sized> fmt::Debug for Cell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell").finish_non_exhaustive()
    }
}
