//! Which core an actor runs on.
//!
//! Limit: pinning is a wish. Where the system refuses it, actors run where the scheduler puts them, and
//! samples are fewer but no less true.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The cores that this process may use.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    allowed: Vec<usize>,
}

impl Cores {
    /// Asks the system.
    pub(crate) fn of_this_thread() -> Self {
        let allowed = sched_getaffinity(Pid::from_raw(0)).map_or_else(
            |_| Vec::new(),
            |set| (0..CpuSet::count()).filter(|&core| set.is_set(core).unwrap_or(false)).collect(),
        );
        Self { allowed }
    }

    /// How many there are, at least 1.
    pub(crate) fn count(&self) -> usize {
        self.allowed.len().max(1)
    }

    /// Puts the calling thread on the core of this place, counted round.
    pub(crate) fn pin_to(&self, place: usize) {
        if !self.allowed.is_empty() {
            pin(&[self.allowed[place % self.allowed.len()]]);
        }
    }

    /// Gives the calling thread all cores back.
    pub(crate) fn unpin(&self) {
        pin(&self.allowed);
    }
}

fn pin(cores: &[usize]) {
    let mut set = CpuSet::new();
    if cores.iter().all(|&core| set.set(core).is_ok()) {
        // Refused pinning costs hits, not truth.
        let _refused = sched_setaffinity(Pid::from_raw(0), &set);
    }
}
