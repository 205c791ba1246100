//! Outcomes and their grades.

use crate::base::outcome::Grade;
use std::fmt::Debug;
use std::hash::Hash;

/// What one execution ended with: any plain value that can be compared, counted and printed.
/// Implemented for every type that qualifies.
pub trait Outcome: Clone + Eq + Ord + Hash + Debug + Send + Sync + 'static {}

impl<T: Clone + Eq + Ord + Hash + Debug + Send + Sync + 'static> Outcome for T {}

/// How an actor ended, for designs that survive the death of one
/// (see [`Design::observe_exits`](super::Design::observe_exits)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit<R> {
    /// It returned this value.
    Returned(R),
    /// Its process was killed by this signal, by number as in `signal(7)`.
    Killed(i32),
    /// Its process ended by itself with this exit code, without returning.
    Exited(i32),
}

/// One grade of a scenario: which outcomes it covers, and the sentence that says why.
pub(crate) struct Rule<O> {
    pub(crate) grade: Grade,
    pub(crate) sentence: String,
    pub(crate) matches: Box<dyn Fn(&O) -> bool + Send + Sync>,
}

/// Grades an outcome: the first rule that matches, or forbidden if none does.
pub(crate) fn grade<'a, O>(rules: &'a [Rule<O>], outcome: &O) -> (Grade, &'a str) {
    rules
        .iter()
        .find(|rule| (rule.matches)(outcome))
        .map_or((Grade::Forbidden, "no grade of the scenario covers this outcome"), |rule| {
            (rule.grade, rule.sentence.as_str())
        })
}
