//! A barrier that is fast while every actor has a core, and fair when cores are short.
//!
//! The actor that waits spins a while, then yields, then sleeps on a futex: a barrier that only spins drops 10
//! to 25 times in speed as soon as one party has no core. It holds no pointers and its futex is
//! process-shared, so threads and processes use the same one.
//!
//! Limit: a party that dies never arrives. An actor must [`break_up`](Barrier::break_up) the barrier then;
//! a waiting party that knows how to notice is given the chance by [`Barrier::wait_checking`].

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a sleeper sleeps before it checks again whether waiting still makes sense.
const CHECK_EVERY: Duration = Duration::from_millis(5);

/// Set in the count of meetings when the barrier is broken up.
const BROKEN: u32 = 1 << 31;

/// How long to wait in which way before sleeping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) spins: u32,
    pub(crate) yields: u32,
}

impl Patience {
    /// For a party with a core of its own (or not).
    pub(crate) fn with_own_core(own: bool) -> Self {
        if own { Self { spins: 4000, yields: 40 } } else { Self { spins: 20, yields: 4 } }
    }

    /// For a party that leaves its core to the others at once.
    pub(crate) const ASLEEP: Self = Self { spins: 0, yields: 0 };
}

/// The barrier was broken up: not every actor will arrive any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// A meeting point for a fixed number of parties, again and again.
#[repr(C, align(128))]
#[derive(Debug)]
pub(crate) struct Barrier {
    /// Counts meetings, and has [`BROKEN`] set once it is broken up; what every actor watches.
    meeting: AtomicU32,
    sleepers: AtomicU32,
    parties: u32,
    arrived: Apart<AtomicU32>,
}

/// A value on cache lines of its own.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(super) struct Apart<T>(pub(super) T);

impl Barrier {
    /// A barrier for so many parties.
    pub(crate) fn new(parties: usize) -> Self {
        Self {
            meeting: AtomicU32::new(0),
            sleepers: AtomicU32::new(0),
            parties: u32::try_from(parties).expect("so many parties have no processes"),
            arrived: Apart(AtomicU32::new(0)),
        }
    }

    /// Waits until all parties wait. What a party did before, every party sees after.
    pub(crate) fn wait(&self, patience: Patience) -> Result<(), Broken> {
        self.wait_checking(patience, || true)
    }

    /// Like [`wait`](Self::wait), and asks now and then whether to go on waiting; breaks up if not.
    pub(crate) fn wait_checking(
        &self,
        patience: Patience,
        go_on: impl FnMut() -> bool,
    ) -> Result<(), Broken> {
        let meeting = self.meeting.load(Ordering::Acquire);
        if meeting & BROKEN != 0 {
            return Err(Broken);
        }
        if self.arrived.0.fetch_add(1, Ordering::AcqRel) + 1 == self.parties {
            self.arrived.0.store(0, Ordering::Relaxed);
            self.open(meeting)
        } else {
            self.await_others(meeting, patience, go_on)
        }
    }

    /// Releases every actor for good: who waits, and who ever will, gets [`Broken`]. Who was let through
    /// before, and only has not noticed yet, goes through.
    pub(crate) fn break_up(&self) {
        self.meeting.fetch_or(BROKEN, Ordering::SeqCst);
        futex_wake_all(&self.meeting);
    }

    fn open(&self, meeting: u32) -> Result<(), Broken> {
        let next = meeting.wrapping_add(1) & !BROKEN;
        self.meeting
            .compare_exchange(meeting, next, Ordering::SeqCst, Ordering::Relaxed)
            .map_err(|_broken_up| Broken)?;
        // Either this sees the sleeper, or the sleeper's futex sees the new meeting and does not sleep.
        if self.sleepers.load(Ordering::SeqCst) != 0 {
            futex_wake_all(&self.meeting);
        }
        Ok(())
    }

    fn await_others(
        &self,
        meeting: u32,
        patience: Patience,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<(), Broken> {
        // The next meeting cannot be over before this party comes to it, so one bit would do.
        let over = || match self.meeting.load(Ordering::Acquire) {
            now if now == meeting => None,
            now if now == meeting | BROKEN => Some(Err(Broken)),
            _ => Some(Ok(())),
        };
        for _ in 0..patience.spins {
            if let Some(met) = over() {
                return met;
            }
            spin_loop();
        }
        for _ in 0..patience.yields {
            if let Some(met) = over() {
                return met;
            }
            std::thread::yield_now();
        }
        loop {
            self.sleepers.fetch_add(1, Ordering::SeqCst);
            futex_wait(&self.meeting, meeting, CHECK_EVERY);
            self.sleepers.fetch_sub(1, Ordering::SeqCst);
            if let Some(met) = over() {
                return met;
            }
            if !go_on() {
                self.break_up();
            }
        }
    }
}

/// Sleeps while `word` is `expected`, at most so long; may wake for no reason.
fn futex_wait(word: &AtomicU32, expected: u32, at_most: Duration) {
    let timeout = libc::timespec { tv_sec: 0, tv_nsec: i64::from(at_most.subsec_nanos()) };
    // SAFETY: the word and the time live until the call returns, and the kernel only reads them. Its
    // errors (no longer equal, timed out, interrupted) all mean to look again, which callers do.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, &raw const timeout);
    }
}

fn futex_wake_all(word: &AtomicU32) {
    // SAFETY: the kernel uses the address of the word as a name and does not touch it.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[track_caller]
    fn check(parties: usize, patience: Patience) {
        let barrier = Arc::new(Barrier::new(parties));
        let total = Arc::new(AtomicU32::new(0));
        let handles: Vec<_> = (0..parties)
            .map(|_| {
                let (barrier, total) = (Arc::clone(&barrier), Arc::clone(&total));
                std::thread::spawn(move || {
                    for round in 1..=200 {
                        total.fetch_add(1, Ordering::Relaxed);
                        barrier.wait(patience).expect("nobody breaks it up");
                        let seen = total.load(Ordering::Relaxed) as usize;
                        assert_eq!(seen, round * parties, "somebody ran ahead");
                        barrier.wait(patience).expect("nobody breaks it up");
                    }
                })
            })
            .collect();
        for handle in handles {
            handle.join().expect("a party panicked");
        }
    }

    #[test]
    fn nobody_runs_ahead_however_it_waits() {
        for parties in [1, 2, 5] {
            check(parties, Patience::with_own_core(true));
            check(parties, Patience::with_own_core(false));
            check(parties, Patience::ASLEEP);
        }
    }

    #[test]
    fn breaking_up_releases_those_who_wait_and_those_who_come() {
        let barrier = Arc::new(Barrier::new(3));
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                std::thread::spawn(move || barrier.wait(Patience::ASLEEP))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(20));
        barrier.break_up();
        for handle in waiting {
            assert_eq!(handle.join().expect("a party panicked"), Err(Broken));
        }
        assert_eq!(barrier.wait(Patience::ASLEEP), Err(Broken));
    }

    #[test]
    fn who_is_told_not_to_go_on_breaks_up() {
        let barrier = Barrier::new(2);
        assert_eq!(barrier.wait_checking(Patience::ASLEEP, || false), Err(Broken));
    }
}
