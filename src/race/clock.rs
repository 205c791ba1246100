//! Vector clocks.

/// Tasks whose entries are kept without memory of their own: more than most executions have.
const FEW: usize = 8;

/// How much of each task's past is known: entry `t` counts the releases of task `t`.
/// Missing entries are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    few: [u32; FEW],
    /// The entries from [`FEW`] on.
    more: Vec<u32>,
}

impl Clock {
    /// The entry of `task`.
    pub(crate) fn get(&self, task: usize) -> u32 {
        match self.few.get(task) {
            Some(entry) => *entry,
            None => self.more.get(task - FEW).copied().unwrap_or(0),
        }
    }

    /// Sets the entry of `task`.
    pub(crate) fn set(&mut self, task: usize, value: u32) {
        if let Some(entry) = self.few.get_mut(task) {
            *entry = value;
            return;
        }
        let place = task - FEW;
        if self.more.len() <= place {
            self.more.resize(place + 1, 0);
        }
        self.more[place] = value;
    }

    /// Advances the entry of `task` by one.
    pub(crate) fn tick(&mut self, task: usize) {
        self.set(task, self.get(task) + 1);
    }

    /// Least upper bound, entry by entry.
    pub(crate) fn join(&mut self, other: &Clock) {
        for (mine, theirs) in self.few.iter_mut().zip(&other.few) {
            *mine = (*mine).max(*theirs);
        }
        if self.more.len() < other.more.len() {
            self.more.resize(other.more.len(), 0);
        }
        for (mine, theirs) in self.more.iter_mut().zip(&other.more) {
            *mine = (*mine).max(*theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_many_tasks_are_clocks() {
        let (mut odd, mut low) = (Clock::default(), Clock::default());
        for task in 0..3 * FEW {
            odd.set(task, u32::from(task % 2 == 1));
            assert_eq!((odd.get(task), odd.get(task + 1)), (u32::from(task % 2 == 1), 0));
        }
        for task in 0..FEW + 2 {
            low.tick(task);
            low.tick(task);
        }
        for (mut mine, theirs) in [(odd.clone(), &low), (low.clone(), &odd)] {
            mine.join(theirs);
            for task in 0..4 * FEW {
                assert_eq!(mine.get(task), odd.get(task).max(low.get(task)), "{task}");
            }
        }
    }
}
