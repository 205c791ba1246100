//! Whether a design does the same twice: the first executions of each search are executed again.
//!
//! The very first three times, so that what changes with every execution, or every second, is found out; then all that
//! were recorded, and where these are few once more and once more: a coin falls the same way for a while. A checker's
//! search of a design that is not deterministic means nothing: it takes executions for
//! explored that were not.
//!
//! Limit: a sample. What changes later, or too rarely, is found by chance, if the search itself does not stumble on it.

use super::Task;
use crate::base::observation::{Difference, Observation, Stop};
use crate::rt::recorder::{self, Execution};
use std::time::{Duration, Instant};

/// Executions of a design that are executed again.
pub(crate) const SAMPLE: u64 = 24;

/// Executions of a generated program that are executed again: there are many programs.
pub(crate) const SAMPLE_OF_PROGRAM: u64 = 2;

/// How long executing again may take, all in all, for designs whose executions are slow.
const TIME: Duration = Duration::from_millis(500);

/// Runs a search, and then the executions that it began with once more: `again` is told how many. What it came to, and
/// where executions differed that should be the same.
pub(super) fn search<R>(
    task: &Task<'_>,
    search: impl FnOnce() -> R,
    again: impl Fn(u64),
) -> (R, Option<Difference>) {
    // What is written down for another process, or by one that dies of it, is another search.
    let alone = task.fatal.is_none() && task.log.is_none();
    let limit = if alone { usize::try_from(task.repeated).unwrap_or(usize::MAX) } else { 0 };
    let (result, first) = recorder::record(limit, search);
    (result, compare(&first, limit, again))
}

/// Executes the first executions again, in all at least as many as were to be recorded if there is time for so many.
fn compare(first: &[Execution], limit: usize, again: impl Fn(u64)) -> Option<Difference> {
    if first.is_empty() {
        return None;
    }
    let affordable = recorder::affordable(first, TIME);
    let differs = |count: usize| {
        let repeated = recorder::repeat(count, || again(count as u64));
        recorder::difference(&first[..count], &repeated)
    };
    let begun = Instant::now();
    let mut done = 0;
    [1, 1].into_iter().find_map(differs).or_else(|| {
        loop {
            let difference = differs(affordable);
            done += affordable;
            if difference.is_some() || done >= limit || begun.elapsed() >= TIME {
                return difference;
            }
        }
    })
}

/// Notes that executions differed, if they did. Whether they did.
pub(super) fn note(seen: &mut Observation, difference: Option<Difference>) -> bool {
    if let Some(difference) = difference {
        seen.stopped = Some(Stop::NotRepeatable(difference));
    }
    matches!(seen.stopped, Some(Stop::NotRepeatable(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// How many executions are asked for, time after time, where a search had so many.
    fn asked(executions: usize, outcome: impl Fn() -> u32) -> (Vec<u64>, Option<Difference>) {
        let execute = |count: usize| {
            for _ in 0..count {
                recorder::begin(|| 0);
                recorder::note_outcome(&outcome());
            }
        };
        let limit = usize::try_from(SAMPLE).expect("few");
        let (_, first) = recorder::record(limit, || execute(executions));
        let asked = RefCell::new(Vec::new());
        let difference = compare(&first, limit, |count| {
            asked.borrow_mut().push(count);
            execute(usize::try_from(count).expect("few"));
        });
        (asked.into_inner(), difference)
    }

    #[test]
    fn few_executions_are_executed_again_as_often_as_many() {
        assert_eq!(asked(30, || 7), (vec![1, 1, SAMPLE], None));
        assert_eq!(asked(8, || 7), (vec![1, 1, 8, 8, 8], None));
        let (one, none) = asked(1, || 7);
        assert!(one.iter().sum::<u64>() >= SAMPLE && none.is_none(), "{one:?}");
        assert_eq!(asked(0, || 7), (vec![], None));
        // A coin that falls the same way six times.
        let thrown = std::cell::Cell::new(0);
        let coin = || u32::from(thrown.replace(thrown.get() + 1) == 6);
        assert_eq!(asked(1, coin).1, Some(Difference::Outcomes("0".to_owned(), "1".to_owned())));
    }
}
