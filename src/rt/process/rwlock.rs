//! A reader-writer lock that survives the death of the process that holds it.
//!
//! One robust mutex per possible reader: a reader holds any one of them, a writer all of them. So the
//! kernel notices the death of every holder, reader or writer, and no count is ever left wrong.
//! (The idea of one lock per reader is that of Hsieh and Weihl's "Scalable reader-writer locks for
//! parallel systems", IPPS 1992.)

use super::arena::room_for;
use super::mutex::{Robust, Taken};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

struct Shared {
    /// Held while a writer collects the slots, so that two writers never hold half of them each.
    gate: Robust,
    slots: [Robust; RawRwLock::READERS],
    /// A writer is inside, or died inside.
    writing: AtomicBool,
    /// A writer's death was found, and no process that got in has been told yet.
    fallen: AtomicBool,
    /// Where the next reader that finds every slot busy queues.
    queue: AtomicUsize,
}

/// A reader-writer lock without data or poison, shared by processes.
pub(crate) struct RawRwLock(NonNull<Shared>);

// SAFETY: the lock is at a fixed address and made to be used by any thread of any process.
unsafe impl Send for RawRwLock {}
// SAFETY: as for `Send`.
unsafe impl Sync for RawRwLock {}

#[derive(Clone, Copy)]
enum Held {
    Slot(usize),
    All,
}

/// Holds a [`RawRwLock`], for reading or for writing.
pub(crate) struct RawRwGuard<'a> {
    lock: &'a RawRwLock,
    held: Held,
    writer_died: bool,
    /// Robust mutexes must be unlocked by the thread that locked them.
    not_send: PhantomData<*const ()>,
}

impl RawRwLock {
    /// How many readers can be inside at once.
    pub(crate) const READERS: usize = 16;

    /// # Panics
    ///
    /// If no arena is installed, or the installed one is full.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let place = room_for::<Shared>();
        let shared = place.as_ptr();
        // SAFETY: fresh room in the arena, initialised field by field.
        unsafe {
            Robust::make(&raw mut (*shared).gate);
            for slot in 0..Self::READERS {
                Robust::make(&raw mut (*shared).slots[slot]);
            }
            (&raw mut (*shared).writing).write(AtomicBool::new(false));
            (&raw mut (*shared).fallen).write(AtomicBool::new(false));
            (&raw mut (*shared).queue).write(AtomicUsize::new(0));
        }
        RawRwLock(place)
    }

    fn shared(&self) -> &Shared {
        // SAFETY: made in `new`. The process that installed the arena promised that it stays mapped while `self`
        // is in use.
        unsafe { self.0.as_ref() }
    }

    /// Draws the conclusions from how a slot was `taken`. A dead reader has left nothing behind.
    fn inspect(&self, taken: Taken) {
        // The process that holds a slot knows that no living writer is inside.
        if taken == Taken::FromTheDead && self.shared().writing.swap(false, Ordering::Relaxed) {
            self.shared().fallen.store(true, Ordering::Relaxed);
        }
    }

    fn guard(&self, held: Held) -> RawRwGuard<'_> {
        let fallen = &self.shared().fallen;
        RawRwGuard {
            lock: self,
            held,
            writer_died: fallen.load(Ordering::Relaxed) && fallen.swap(false, Ordering::Relaxed),
            not_send: PhantomData,
        }
    }

    pub(crate) fn try_read(&self) -> Option<RawRwGuard<'_>> {
        let mut slots = self.shared().slots.iter().enumerate();
        let (slot, taken) = slots.find_map(|(slot, robust)| Some((slot, robust.try_lock()?)))?;
        self.inspect(taken);
        Some(self.guard(Held::Slot(slot)))
    }

    pub(crate) fn read(&self) -> RawRwGuard<'_> {
        if let Some(guard) = self.try_read() {
            return guard;
        }
        let slot = self.shared().queue.fetch_add(1, Ordering::Relaxed) % Self::READERS;
        self.inspect(self.shared().slots[slot].lock());
        self.guard(Held::Slot(slot))
    }

    pub(crate) fn write(&self) -> RawRwGuard<'_> {
        self.shared().gate.lock();
        for slot in &self.shared().slots {
            self.inspect(slot.lock());
        }
        self.written()
    }

    pub(crate) fn try_write(&self) -> Option<RawRwGuard<'_>> {
        self.shared().gate.try_lock()?;
        for (count, slot) in self.shared().slots.iter().enumerate() {
            match slot.try_lock() {
                Some(taken) => self.inspect(taken),
                None => {
                    self.unlock(count);
                    return None;
                }
            }
        }
        Some(self.written())
    }

    fn written(&self) -> RawRwGuard<'_> {
        let guard = self.guard(Held::All);
        self.shared().writing.store(true, Ordering::Relaxed);
        guard
    }

    /// Lets go of the gate and of the first `count` slots.
    fn unlock(&self, count: usize) {
        for slot in &self.shared().slots[..count] {
            // SAFETY: taken by this thread in `write` or `try_write`.
            unsafe { slot.unlock() };
        }
        // SAFETY: as for the slots.
        unsafe { self.shared().gate.unlock() };
    }
}

impl RawRwGuard<'_> {
    /// Whether a writer died with the lock in its hands.
    pub(crate) fn owner_died(&self) -> bool {
        self.writer_died
    }
}

impl Drop for RawRwGuard<'_> {
    fn drop(&mut self) {
        let shared = self.lock.shared();
        match self.held {
            // SAFETY: taken by this thread when the guard was made; guards cannot be sent.
            Held::Slot(slot) => unsafe { shared.slots[slot].unlock() },
            Held::All => {
                shared.writing.store(false, Ordering::Relaxed);
                self.lock.unlock(RawRwLock::READERS);
            }
        }
    }
}
