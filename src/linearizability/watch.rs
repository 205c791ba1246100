//! The bounds of a check: its time, its memory, and whether its answer is still asked for.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Steps between two looks at the clock, at most. A step that takes long is looked at by itself.
const MAX_STEPS_PER_LOOK: u32 = 16;

/// Steps that together take this long are too many for one look.
const LONG: Duration = Duration::from_millis(1);

/// Why a search stops before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    TimeOut,
    OutOfMemory,
    /// Another search has come to an answer.
    NotNeeded,
}

/// Bytes that all searches of one check hold together.
pub(super) struct Memory {
    limit: usize,
    held: AtomicUsize,
}

impl Memory {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, held: AtomicUsize::new(0) }
    }

    /// What is left to be held.
    pub(super) fn left(&self) -> usize {
        self.limit.saturating_sub(self.held.load(Ordering::Relaxed))
    }
}

/// What one search holds of the memory. Gives it back at its end.
pub(super) struct Account<'a> {
    memory: &'a Memory,
    held: usize,
}

impl<'a> Account<'a> {
    pub(super) fn new(memory: &'a Memory) -> Self {
        Self { memory, held: 0 }
    }

    /// Notes that the search now holds so many bytes.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<(), Stop> {
        if bytes >= self.held {
            self.memory.held.fetch_add(bytes - self.held, Ordering::Relaxed);
        } else {
            self.memory.held.fetch_sub(self.held - bytes, Ordering::Relaxed);
        }
        self.held = bytes;
        if self.memory.held.load(Ordering::Relaxed) > self.memory.limit {
            return Err(Stop::OutOfMemory);
        }
        Ok(())
    }

    /// Whether so many bytes more would still be within the bound.
    pub(super) fn has_room(&self, more: usize) -> bool {
        more <= self.memory.left()
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        self.memory.held.fetch_sub(self.held, Ordering::Relaxed);
    }
}

/// The clock of one search, looked at often enough and not more often.
pub(super) struct Watch<'a> {
    until: Option<Instant>,
    /// Answers that make this one's superfluous: those of a smaller number than its own.
    answers: [&'a AtomicU64; 2],
    number: u64,
    steps_per_look: u32,
    looks_in: u32,
    last: Option<Instant>,
}

/// No answer yet.
pub(super) static NO_ANSWER: AtomicU64 = AtomicU64::new(u64::MAX);

impl<'a> Watch<'a> {
    /// A watch that looks at nothing but the clock.
    pub(super) fn of_time(until: Option<Instant>) -> Watch<'static> {
        Watch::new(until, [&NO_ANSWER, &NO_ANSWER], 0)
    }

    pub(super) fn new(until: Option<Instant>, answers: [&'a AtomicU64; 2], number: u64) -> Self {
        Self { until, answers, number, steps_per_look: 1, looks_in: 1, last: None }
    }

    /// One step: looks at the clock if it is time to. Tells whether it did.
    pub(super) fn step(&mut self) -> Result<bool, Stop> {
        self.looks_in -= 1;
        if self.looks_in > 0 {
            return Ok(false);
        }
        self.look()?;
        self.looks_in = self.steps_per_look;
        Ok(true)
    }

    /// Looks at the clock now.
    pub(super) fn look(&mut self) -> Result<(), Stop> {
        if self.answers.iter().any(|answer| answer.load(Ordering::Relaxed) < self.number) {
            return Err(Stop::NotNeeded);
        }
        let Some(until) = self.until else {
            self.steps_per_look = MAX_STEPS_PER_LOOK;
            return Ok(());
        };
        let now = Instant::now();
        if now >= until {
            return Err(Stop::TimeOut);
        }
        let took = self.last.map_or(LONG, |last| now.duration_since(last));
        self.last = Some(now);
        self.steps_per_look =
            if took >= LONG { 1 } else { (self.steps_per_look * 2).min(MAX_STEPS_PER_LOOK) };
        Ok(())
    }
}
