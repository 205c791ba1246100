//! What a worker leaves in shared memory for its supervisor: how far it is, who waits, what it panicked of.
//!
//! It lives in a mapping that outlives the worker, so it can be read after an abort or a segmentation
//! fault. Plain atomics throughout: any process may read it at any moment, and a value may be stale but
//! never torn. A design that writes there tells lies about itself and nothing else: a reader takes any bits.

use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

/// What a panic was about, as far as a supervisor must know whose worker may die of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A checker, or the facade, found a deadlock.
    Deadlock,
    Other,
}

/// Actors that have slots of their own; further actors run, but are not watched one by one.
pub(crate) const SLOTS: usize = 16;

/// Panics that are remembered: of several threads, which may panic at the same time.
const PANICS: usize = 8;

/// The longest message of a panic that is kept, in bytes.
const MAX_MESSAGE: usize = 1024;

/// A worker's vital signs. Zeroed memory is a valid heartbeat of a worker that has done nothing.
#[repr(C)]
pub(crate) struct Heartbeat {
    executions: AtomicU64,
    /// Whatever shows that the worker goes on, beside executions that end.
    beats: AtomicU64,
    /// Whether an execution under a checker is under way.
    executing: AtomicU32,
    actors: AtomicU32,
    waiting: [AtomicU32; SLOTS],
    pids: [AtomicU32; SLOTS],
    /// While a program is shrunk, programs tried and one more (the high half) and operations left.
    shrinking: AtomicU64,
    /// Of the last panic: 1 for a deadlock, 2 for any other, 0 if there was none.
    last_panic: AtomicU32,
    /// The last panics of the design, and how many there were since the execution began.
    panics: [Said; PANICS],
    panicked: AtomicU32,
    /// The thread whose panic ended the process.
    fatal_thread: AtomicU64,
    /// Of the panics of that thread, which one it was: 1 for the last, 2 for the one before, 0 for none.
    fatal: AtomicU32,
    /// Mebibytes of address space when the process aborted, and one more.
    space: AtomicU32,
    /// Whether memory was accessed just beyond a stack.
    overflowed: AtomicU32,
}

/// The message of a panic, with its place.
#[repr(C)]
struct Said {
    thread: AtomicU64,
    length: AtomicU32,
    bytes: [AtomicU8; MAX_MESSAGE],
}

impl Default for Said {
    fn default() -> Self {
        Said {
            thread: AtomicU64::new(0),
            length: AtomicU32::new(0),
            bytes: [const { AtomicU8::new(0) }; MAX_MESSAGE],
        }
    }
}

impl Said {
    fn set(&self, text: &str) {
        let length = text.len().min(MAX_MESSAGE);
        for (byte, value) in self.bytes.iter().zip(text.bytes()) {
            byte.store(value, Ordering::Relaxed);
        }
        self.length.store(u32::try_from(length).unwrap_or(0), Ordering::Release);
    }

    fn get(&self) -> String {
        let length = (self.length.load(Ordering::Acquire) as usize).min(MAX_MESSAGE);
        let bytes: Vec<u8> = self.bytes[..length].iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// How far shrinking is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shrinking {
    /// Programs tried.
    pub(crate) tried: u32,
    /// Operations of the smallest program so far.
    pub(crate) operations: u32,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self {
            executions: AtomicU64::new(0),
            beats: AtomicU64::new(0),
            executing: AtomicU32::new(0),
            actors: AtomicU32::new(0),
            waiting: [const { AtomicU32::new(0) }; SLOTS],
            pids: [const { AtomicU32::new(0) }; SLOTS],
            shrinking: AtomicU64::new(0),
            last_panic: AtomicU32::new(0),
            panics: Default::default(),
            panicked: AtomicU32::new(0),
            fatal_thread: AtomicU64::new(0),
            fatal: AtomicU32::new(0),
            space: AtomicU32::new(0),
            overflowed: AtomicU32::new(0),
        }
    }
}

impl Heartbeat {
    /// Adds ended executions.
    pub(crate) fn advance(&self, executions: u64) {
        self.executions.fetch_add(executions, Ordering::Relaxed);
    }

    /// Replaces what a helper has told so far, which is less than before where it takes back what helpers of its own
    /// have left undone.
    pub(crate) fn recount(&self, before: u64, now: u64) {
        self.advance(now.saturating_sub(before));
        self.retreat(before.saturating_sub(now));
    }

    /// Takes back executions that were added and will be executed again.
    pub(crate) fn retreat(&self, executions: u64) {
        self.executions.fetch_sub(executions, Ordering::Relaxed);
    }

    /// Executions ended so far.
    pub(crate) fn executions(&self) -> u64 {
        self.executions.load(Ordering::Relaxed)
    }

    /// Something that changes while the worker makes progress.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.executions(), self.beats.load(Ordering::Relaxed))
    }

    /// Whether the design runs, so that a standstill is its own: under a checker, or with actors that are watched.
    pub(crate) fn is_executing(&self) -> bool {
        self.executing.load(Ordering::Relaxed) != 0 || self.actors.load(Ordering::Relaxed) != 0
    }

    /// Says how many actors have slots from now on: 0 while none is to be watched.
    pub(crate) fn watch_actors(&self, actors: usize) {
        self.actors.store(u32::try_from(actors.min(SLOTS)).unwrap_or(0), Ordering::Relaxed);
    }

    /// The flag that an actor raises while it waits for another, for
    /// [`crate::rt::context::install_waiting_flag`]. `None` beyond the last slot.
    pub(crate) fn waiting_flag(&'static self, actor: usize) -> Option<&'static AtomicU32> {
        self.waiting.get(actor)
    }

    /// Notes that an actor is a process of its own, or (0) no more.
    pub(crate) fn set_pid(&self, actor: usize, pid: u32) {
        if let Some(slot) = self.pids.get(actor) {
            slot.store(pid, Ordering::Relaxed);
        }
    }

    /// The processes that actors run in, if they have processes of their own.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.pids.iter().map(|pid| pid.load(Ordering::Relaxed)).filter(|&pid| pid != 0).collect()
    }

    /// The actors that wait for another, by their place in the design, and how many are watched.
    pub(crate) fn waiting(&self) -> (Vec<usize>, usize) {
        let actors = (self.actors.load(Ordering::Relaxed) as usize).min(SLOTS);
        let waits = |&actor: &usize| self.waiting[actor].load(Ordering::Relaxed) != 0;
        ((0..actors).filter(waits).collect(), actors)
    }

    /// Notes that a program is being shrunk: how many were tried, and how many operations are left.
    pub(crate) fn note_shrinking(&self, tried: u64, operations: usize) {
        let tried = tried.min(u64::from(u32::MAX) - 1);
        let operations = u32::try_from(operations).unwrap_or(u32::MAX);
        self.shrinking.store((tried + 1) << 32 | u64::from(operations), Ordering::Relaxed);
    }

    /// Notes that nothing is being shrunk any more.
    pub(crate) fn note_shrunk(&self) {
        self.shrinking.store(0, Ordering::Relaxed);
    }

    /// How far shrinking is, if a program is being shrunk.
    pub(crate) fn shrinking(&self) -> Option<Shrinking> {
        let word = self.shrinking.load(Ordering::Relaxed);
        let tried = u32::try_from(word >> 32).unwrap_or(u32::MAX).checked_sub(1)?;
        let operations = u32::try_from(word & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        Some(Shrinking { tried, operations })
    }

    /// Notes what a panic was about; a later call replaces an earlier one.
    pub(crate) fn note_panic(&self, cause: Cause) {
        let code = match cause {
            Cause::Deadlock => 1,
            Cause::Other => 2,
        };
        self.last_panic.store(code, Ordering::Release);
    }

    /// What the last panic was about, if there was one.
    pub(crate) fn last_panic(&self) -> Option<Cause> {
        match self.last_panic.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Cause::Deadlock),
            _ => Some(Cause::Other),
        }
    }

    /// Notes the message and the place of a panic of the design, on this thread.
    pub(crate) fn note_words(&self, thread: u64, words: &str) {
        let number = self.panicked.fetch_add(1, Ordering::Relaxed) as usize;
        let said = &self.panics[number % PANICS];
        said.set(words);
        said.thread.store(thread, Ordering::Relaxed);
    }

    /// Notes that the process is about to abort because a panic cannot unwind: the last one that was noted, or the
    /// one before, during which the last one came about.
    pub(crate) fn note_fatal(&self, thread: u64, during_another: bool) {
        self.fatal_thread.store(thread, Ordering::Relaxed);
        self.fatal.store(1 + u32::from(during_another), Ordering::Release);
    }

    /// The panic that ended the process, if one did: its message and its place.
    pub(crate) fn fatal_panic(&self) -> Option<String> {
        let back = (self.fatal.load(Ordering::Acquire) as usize).checked_sub(1)?;
        let thread = self.fatal_thread.load(Ordering::Relaxed);
        let count = self.panicked.load(Ordering::Relaxed) as usize;
        let latest_first = (0..count.min(PANICS)).map(|ago| &self.panics[(count - 1 - ago) % PANICS]);
        let of_thread: Vec<&Said> =
            latest_first.filter(|said| said.thread.load(Ordering::Relaxed) == thread).collect();
        of_thread.get(back).or(of_thread.last()).map(|said| said.get())
    }

    /// Notes, from a signal handler, how much address space there was when the process aborted.
    pub(crate) fn note_abort(&self, space_mib: u32) {
        self.space.store(space_mib.saturating_add(1), Ordering::Release);
    }

    /// Mebibytes of address space when the process aborted, if it did.
    pub(crate) fn space_mib(&self) -> Option<u32> {
        self.space.load(Ordering::Acquire).checked_sub(1)
    }

    /// Notes, from a signal handler, that memory was accessed just beyond a stack.
    pub(crate) fn note_overflow(&self) {
        self.overflowed.store(1, Ordering::Release);
    }

    /// Whether memory was accessed just beyond a stack.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.overflowed.load(Ordering::Acquire) != 0
    }

    fn begin(&self) {
        self.executing.store(1, Ordering::Relaxed);
        self.beats.fetch_add(1, Ordering::Relaxed);
        if self.panicked.load(Ordering::Relaxed) != 0 {
            self.panicked.store(0, Ordering::Relaxed);
        }
    }
}

/// The heartbeat of the worker that this process is, or belongs to.
static OF_WORKER: AtomicPtr<Heartbeat> = AtomicPtr::new(std::ptr::null_mut());

/// From now on what happens in this process is told to this heartbeat. The first stays.
pub(crate) fn tell(heartbeat: &'static Heartbeat) {
    let heartbeat = std::ptr::from_ref(heartbeat).cast_mut();
    let _first =
        OF_WORKER.compare_exchange(std::ptr::null_mut(), heartbeat, Ordering::AcqRel, Ordering::Relaxed);
}

/// From now on nothing that happens in this process is told.
pub(crate) fn disconnect() {
    OF_WORKER.store(std::ptr::null_mut(), Ordering::Release);
}

/// The heartbeat of the worker, if this process is one. Safe to call in a signal handler.
#[inline]
pub(crate) fn of_worker() -> Option<&'static Heartbeat> {
    // SAFETY: `tell` alone puts a pointer there, from a reference that lives for ever; nothing is written but atomics.
    unsafe { OF_WORKER.load(Ordering::Acquire).as_ref() }
}

/// An execution under a checker begins.
#[inline]
pub(crate) fn begin_execution() {
    if let Some(heartbeat) = of_worker() {
        heartbeat.begin();
    }
}

/// No execution under a checker is under way any more.
#[inline]
pub(crate) fn end_execution() {
    if let Some(heartbeat) = of_worker() {
        heartbeat.executing.store(0, Ordering::Relaxed);
    }
}

/// The worker goes on.
#[inline]
pub(crate) fn beat() {
    if let Some(heartbeat) = of_worker() {
        heartbeat.beats.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_is_told_while_it_lasts() {
        let heartbeat = Heartbeat::default();
        assert_eq!(heartbeat.shrinking(), None);
        for (tried, operations) in [(0, 9), (1, 8), (400, 0)] {
            heartbeat.note_shrinking(tried, operations);
            let told = heartbeat.shrinking().expect("shrinking");
            assert_eq!((u64::from(told.tried), told.operations as usize), (tried, operations));
        }
        heartbeat.note_shrunk();
        assert_eq!(heartbeat.shrinking(), None);
    }

    #[test]
    fn the_panic_that_ended_the_process_is_known() {
        let heartbeat = Heartbeat::default();
        for words in ["caught", "first", "during the first"] {
            heartbeat.note_words(7, words);
            assert_eq!(heartbeat.fatal_panic(), None);
        }
        heartbeat.note_words(8, "of another thread");
        heartbeat.note_fatal(7, true);
        assert_eq!(heartbeat.fatal_panic().as_deref(), Some("first"));
        heartbeat.note_fatal(7, false);
        assert_eq!(heartbeat.fatal_panic().as_deref(), Some("during the first"));
        let long = "x".repeat(5_000);
        heartbeat.note_words(7, &long);
        assert_eq!(heartbeat.fatal_panic().map(|words| words.len()), Some(MAX_MESSAGE));
    }

    #[test]
    fn any_bits_are_a_pulse() {
        let mut heartbeat = Heartbeat::default();
        for byte in [0xff_u8, 0x80, 0x7f] {
            // SAFETY: a heartbeat is made of atomics, for which any bits are a value.
            unsafe { std::ptr::write_bytes(&raw mut heartbeat, byte, 1) };
            let (waiting, watched) = heartbeat.waiting();
            assert_eq!((waiting.len(), watched), (SLOTS, SLOTS));
            assert_eq!(heartbeat.pids().len(), SLOTS);
            assert!(heartbeat.fatal_panic().is_some_and(|words| words.len() <= 4 * MAX_MESSAGE));
            assert!(
                heartbeat.is_executing()
                    && heartbeat.shrinking().is_some()
                    && heartbeat.space_mib().is_some()
            );
        }
    }

    #[test]
    fn the_last_panic_is_the_one_that_is_known() {
        let heartbeat = Heartbeat::default();
        assert_eq!(heartbeat.last_panic(), None);
        for cause in [Cause::Deadlock, Cause::Other, Cause::Deadlock] {
            heartbeat.note_panic(cause);
            assert_eq!(heartbeat.last_panic(), Some(cause));
        }
    }
}
