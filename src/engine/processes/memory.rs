//! The memory that the worker and its actors share, and what is in it.
//!
//! Limit: it is reached through the same addresses in all of them, so it must be mapped before a fork.

use super::super::Task;
use super::super::lockstep::{self, Barrier, BatchConfig, MOST_ACTORS, Mapping, Pace, Plot, Sharing};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};

const WORDS_BYTES: usize = 1024;

/// How far an actor's process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is on its way; if its process is gone, it died.
    Underway,
    /// It makes states; if its process is gone, it died of that.
    Making,
    /// It has acted on all that it was to act on.
    Returned,
    /// It panicked, and has left its words.
    Panicked,
    /// It panicked where it made a state, and has left its words.
    Unmade,
    /// It made a state that processes cannot share, and has left the reason.
    Unshareable,
    /// It never acted, because others did not come to the start.
    KeptOut,
}

impl Progress {
    fn from_code(code: u32) -> Self {
        match code {
            1 => Progress::Returned,
            2 => Progress::Panicked,
            3 => Progress::KeptOut,
            4 => Progress::Making,
            5 => Progress::Unmade,
            6 => Progress::Unshareable,
            _ => Progress::Underway,
        }
    }

    fn code(self) -> u32 {
        match self {
            Progress::Underway => 0,
            Progress::Returned => 1,
            Progress::Panicked => 2,
            Progress::KeptOut => 3,
            Progress::Making => 4,
            Progress::Unmade => 5,
            Progress::Unshareable => 6,
        }
    }
}

/// What an actor's process tells its parent.
#[repr(C)]
pub(super) struct Report {
    progress: AtomicU32,
    /// Of the words, and one more; 0 if there are none.
    length: AtomicU32,
    words: [AtomicU8; WORDS_BYTES],
}

impl Report {
    fn new() -> Self {
        Self {
            progress: AtomicU32::new(Progress::Underway.code()),
            length: AtomicU32::new(0),
            words: [const { AtomicU8::new(0) }; WORDS_BYTES],
        }
    }

    pub(super) fn progress(&self) -> Progress {
        Progress::from_code(self.progress.load(Ordering::Acquire))
    }

    pub(super) fn set_progress(&self, progress: Progress) {
        self.progress.store(progress.code(), Ordering::Release);
    }

    /// Says how the actor ended, and with which words, cut to what fits.
    pub(super) fn ended(&self, how: Progress, words: Option<&str>) {
        let bytes = words.unwrap_or_default().as_bytes();
        let bytes = &bytes[..bytes.len().min(WORDS_BYTES)];
        for (slot, byte) in self.words.iter().zip(bytes) {
            slot.store(*byte, Ordering::Relaxed);
        }
        #[expect(clippy::cast_possible_truncation, reason = "cut to a kilobyte")]
        self.length.store(bytes.len() as u32 + u32::from(words.is_some()), Ordering::Relaxed);
        self.set_progress(how);
    }

    pub(super) fn words(&self) -> Option<String> {
        let length = (self.length.load(Ordering::Relaxed) as usize).checked_sub(1)?;
        let bytes: Vec<u8> =
            self.words.iter().take(length).map(|byte| byte.load(Ordering::Relaxed)).collect();
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// What the worker and its actors meet at. No pointers, only atomics.
#[repr(C)]
pub(super) struct Control {
    /// The worker and all actors: the array is there, walk it.
    pub(super) start: Barrier,
    /// All actors: set off together.
    pub(super) line_up: Barrier,
    /// The worker and all actors: the array is walked, observe it.
    pub(super) finish: Barrier,
    pub(super) pace: Pace,
    stride: AtomicUsize,
    chunk: AtomicUsize,
    skew: AtomicU32,
    /// Whether the actors find the array empty, and make it: each its share.
    unmade: AtomicBool,
    pub(super) reports: [Report; MOST_ACTORS],
}

impl Control {
    fn new(actors: usize) -> Self {
        Self {
            start: Barrier::new(actors + 1),
            line_up: Barrier::new(actors),
            finish: Barrier::new(actors + 1),
            pace: Pace::default(),
            stride: AtomicUsize::new(0),
            chunk: AtomicUsize::new(0),
            skew: AtomicU32::new(0),
            unmade: AtomicBool::new(false),
            reports: std::array::from_fn(|_| Report::new()),
        }
    }

    /// Sets what actors read after the start; none ends the walk.
    pub(super) fn set_config(&self, config: Option<BatchConfig>) {
        self.stride.store(config.map_or(0, |config| config.stride), Ordering::Relaxed);
        if let Some(config) = config {
            self.chunk.store(config.chunk, Ordering::Relaxed);
            self.skew.store(config.skew, Ordering::Relaxed);
        }
    }

    /// Says, before the start, whether the actors are to make the array.
    pub(super) fn set_unmade(&self, unmade: bool) {
        self.unmade.store(unmade, Ordering::Relaxed);
    }

    pub(super) fn is_unmade(&self) -> bool {
        self.unmade.load(Ordering::Relaxed)
    }

    pub(super) fn config(&self) -> Option<BatchConfig> {
        let stride = self.stride.load(Ordering::Relaxed);
        (stride > 0).then(|| BatchConfig {
            stride,
            chunk: self.chunk.load(Ordering::Relaxed),
            skew: self.skew.load(Ordering::Relaxed),
        })
    }
}

/// All that is mapped for a design.
pub(super) struct Ground {
    pub(super) plot: Plot,
    /// The most states of an array.
    pub(super) capacity: usize,
    actors: usize,
    control: Mapping,
    _states: Mapping,
    _returns: Mapping,
}

impl Ground {
    /// Maps it: states are private to each process if the design is isolated, all else is shared.
    pub(super) fn lay_out(task: &Task<'_>) -> anyhow::Result<Self> {
        let layouts = task.program.layouts();
        let actors = task.program.actors();
        let capacity = lockstep::capacity(&layouts, actors, &task.budget);
        let (state_bytes, return_bytes) = Plot::bytes(&layouts, actors, capacity);
        let sharing = if task.facts.isolated { Sharing::Private } else { Sharing::Shared };
        let states = Mapping::new(state_bytes, layouts.state.align(), sharing)?;
        let returns = Mapping::new(return_bytes, layouts.returned.align(), Sharing::Shared)?;
        let control = Mapping::new(size_of::<Control>(), align_of::<Control>(), Sharing::Shared)?;
        let mut ground = Self {
            plot: Plot::new(&layouts, actors, capacity, states.base(), returns.base()),
            capacity,
            actors,
            control,
            _states: states,
            _returns: returns,
        };
        ground.renew_control();
        Ok(ground)
    }

    /// Sets everything back to the beginning. Exclusive in this process; in others, no actor may be left.
    pub(super) fn renew_control(&mut self) {
        // SAFETY: mapped in `lay_out`, large and aligned enough; no reference to it lives, since those
        // borrow `self`. Nothing in it needs to be dropped.
        unsafe {
            self.control.base().cast::<Control>().write(Control::new(self.actors));
        }
    }

    pub(super) fn control(&self) -> &Control {
        // SAFETY: written by `renew_control` before any process can ask, mapped as long as `self`, and made
        // of atomics, so that other processes may change it at any time. (`Barrier::parties` is plain,
        // and written only while there is no other process.)
        unsafe { &*self.control.base().cast::<Control>() }
    }
}
