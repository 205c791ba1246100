//! Vector clocks.

/// How much of each task's past is known: entry `t` counts the releases of task `t`.
/// Missing entries are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock(Vec<u32>);

impl Clock {
    /// The entry of `task`.
    pub(crate) fn get(&self, task: usize) -> u32 {
        self.0.get(task).copied().unwrap_or(0)
    }

    /// Sets the entry of `task`.
    pub(crate) fn set(&mut self, task: usize, value: u32) {
        if self.0.len() <= task {
            self.0.resize(task + 1, 0);
        }
        self.0[task] = value;
    }

    /// Advances the entry of `task` by one.
    pub(crate) fn tick(&mut self, task: usize) {
        self.set(task, self.get(task) + 1);
    }

    /// Least upper bound, entry by entry.
    pub(crate) fn join(&mut self, other: &Clock) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }
}
