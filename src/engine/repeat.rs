//! Whether a design does the same twice: the first executions of each search are executed again.
//!
//! The very first three times, so that what changes with every execution, or every second, is found out; then all that
//! were recorded. A checker's search of a design that is not deterministic means nothing: it takes executions for
//! explored that were not.
//!
//! Limit: a sample. What changes later, or too rarely, is found by chance, if the search itself does not stumble on it.

use super::Task;
use crate::arm::recorder::{self, Execution};
use crate::base::observation::{Difference, Observation, Stop};
use std::time::Duration;

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
    (result, compare(&first, again))
}

fn compare(first: &[Execution], again: impl Fn(u64)) -> Option<Difference> {
    if first.is_empty() {
        return None;
    }
    let affordable = recorder::affordable(first, TIME);
    for count in [1, 1, affordable] {
        let repeated = recorder::repeat(count, || again(count as u64));
        let difference = recorder::difference(&first[..count], &repeated);
        if difference.is_some() {
            return difference;
        }
    }
    None
}

/// Notes that executions differed, if they did. Whether they did.
pub(super) fn note(seen: &mut Observation, difference: Option<Difference>) -> bool {
    if let Some(difference) = difference {
        seen.stopped = Some(Stop::NotRepeatable(difference));
    }
    matches!(seen.stopped, Some(Stop::NotRepeatable(_)))
}
