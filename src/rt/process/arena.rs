//! Memory that is shared with every process forked later, and handed out piece by piece.
//!
//! Limits: no single piece is ever given back; the arena is emptied as a whole.

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::alloc::Layout;
use std::cell::Cell;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A shared, anonymous mapping with a cursor in its first word, so that forked children allocate from it
/// too. Unmapped when dropped, in this process only.
pub(crate) struct Arena {
    base: NonNull<u8>,
    bytes: NonZeroUsize,
}

impl Arena {
    /// Maps `bytes` bytes, rounded up to whole pages by the kernel. Their contents are zero.
    ///
    /// # Errors
    ///
    /// What `mmap` reports; `EINVAL` if `bytes` does not even hold the cursor.
    pub(crate) fn map(bytes: usize) -> nix::Result<Arena> {
        let least = size_of::<AtomicUsize>();
        let bytes =
            NonZeroUsize::new(bytes).filter(|bytes| bytes.get() >= least).ok_or(nix::errno::Errno::EINVAL)?;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice aliases nothing.
        let base = unsafe {
            mmap_anonymous(None, bytes, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED)?
        };
        let arena = Arena { base: base.cast(), bytes };
        arena.cursor().store(least, Ordering::Relaxed);
        Ok(arena)
    }

    fn cursor(&self) -> &AtomicUsize {
        // SAFETY: the first word of the mapping is page-aligned, zeroed by the kernel, used as nothing
        // but this atomic, and mapped until `self` is dropped.
        unsafe { self.base.cast().as_ref() }
    }

    /// Hands out memory that no other process has, or `None` if the arena is full. Its contents are zero
    /// unless the arena has been reset.
    pub(crate) fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        let mut cursor = self.cursor().load(Ordering::Relaxed);
        loop {
            let start = cursor.checked_next_multiple_of(layout.align())?;
            let end = start.checked_add(layout.size())?;
            if end > self.bytes.get() {
                return None;
            }
            // The memory is published by the process that publishes the object in it, so no ordering is needed.
            match self.cursor().compare_exchange_weak(cursor, end, Ordering::Relaxed, Ordering::Relaxed) {
                // SAFETY: `start` is within the mapping, as `end` is.
                Ok(_) => return Some(unsafe { self.base.add(start) }),
                Err(moved) => cursor = moved,
            }
        }
    }

    /// How far the arena is used, in bytes, for a later [`Arena::reset_to`].
    pub(crate) fn mark(&self) -> usize {
        self.cursor().load(Ordering::Relaxed)
    }

    /// Takes back all that was handed out since `mark` was taken.
    ///
    /// # Safety
    ///
    /// No process uses any of it any more: the objects are dropped or forgotten, and no lock in it is
    /// held or waited for.
    pub(crate) unsafe fn reset_to(&self, mark: usize) {
        self.cursor().store(mark, Ordering::Relaxed);
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this length, and unmapped only here. That nothing in it is used
        // any more is the promise of the process that called `install`.
        let unmapped = unsafe { munmap(self.base.cast::<c_void>(), self.bytes.get()) };
        debug_assert_eq!(unmapped, Ok(()));
    }
}

// SAFETY: the mapping belongs to the process, not to a thread, and its cursor is atomic.
unsafe impl Send for Arena {}
// SAFETY: as for `Send`.
unsafe impl Sync for Arena {}

thread_local! {
    static INSTALLED: Cell<Option<NonNull<Arena>>> = const { Cell::new(None) };
}

/// Makes `arena` the place where this operating-system thread makes process-shared objects, until the
/// guard is dropped.
///
/// # Safety
///
/// Every object made there must be dropped or forgotten before `arena` is dropped, and the guard must be
/// dropped, not forgotten.
pub(crate) unsafe fn install(arena: &Arena) -> Installed<'_> {
    Installed { previous: INSTALLED.replace(Some(NonNull::from(arena))), arena: PhantomData }
}

/// Uninstalls an arena when dropped; made by [`install`].
#[must_use]
pub(crate) struct Installed<'a> {
    previous: Option<NonNull<Arena>>,
    arena: PhantomData<&'a Arena>,
}

impl Drop for Installed<'_> {
    fn drop(&mut self) {
        INSTALLED.set(self.previous);
    }
}

/// Room for a `T` in the installed arena. Its contents are arbitrary.
///
/// # Panics
///
/// If no arena is installed on this operating-system thread, or the installed one is full.
#[track_caller]
pub(super) fn room_for<T>() -> NonNull<T> {
    let Some(arena) = INSTALLED.get() else {
        panic!("a process-shared object was made where no shared memory is installed");
    };
    // SAFETY: `install` borrowed the arena for as long as it stays installed.
    let arena = unsafe { arena.as_ref() };
    match arena.allocate(Layout::new::<T>()) {
        Some(room) => room.cast(),
        None => panic!(
            "the shared memory for process-shared objects is full: {} of {} bytes are used",
            arena.mark(),
            arena.bytes
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_out_aligned_pieces_until_full() {
        let arena = Arena::map(128).unwrap();
        let first = arena.allocate(Layout::new::<u8>()).unwrap();
        let mark = arena.mark();
        let second = arena.allocate(Layout::new::<u64>()).unwrap();
        assert_eq!(second.addr().get() % 8, 0);
        assert!(second.addr() > first.addr());
        assert_eq!(arena.allocate(Layout::new::<[u8; 128]>()), None);
        // SAFETY: `second` is not used any more.
        unsafe { arena.reset_to(mark) };
        assert_eq!(arena.allocate(Layout::new::<u64>()), Some(second));
    }

    #[test]
    fn too_small_a_mapping_is_refused() {
        assert_eq!(Arena::map(0).err(), Some(nix::errno::Errno::EINVAL));
        assert_eq!(Arena::map(7).err(), Some(nix::errno::Errno::EINVAL));
    }
}
