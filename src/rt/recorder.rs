//! What the first executions of a search did, so that they can be executed again and compared.
//!
//! A search is the same every time if its design is. [`record`] keeps the trace and the outcome of each of the first
//! few executions; [`repeat`] runs the same search once more and keeps theirs, counting no outcome; [`difference`]
//! finds the first operation in which the two differ.
//!
//! Limits: one operating-system thread. Addresses, and other numbers of twelve digits and more, differ from one execution
//! to another even where a design does the same, and are not compared; a design that differs in nothing else is not
//! found out.

use super::pending;
use super::trace::{self, Entry, Trace};
use crate::base::event::EventKind;
use crate::base::location::Site;
use crate::base::observation::Difference;
use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What one execution did.
pub(crate) struct Execution {
    steps: Vec<Step>,
    /// `None` if it came to none: it failed, or was given up.
    outcome: Option<String>,
    took: Duration,
}

#[derive(Clone)]
struct Step {
    thread: usize,
    operation: &'static str,
    kind: EventKind,
    order: Option<Ordering>,
    object: Option<usize>,
    values: [Option<String>; 2],
    site: Option<pending::Site>,
    /// Whether it was done to an object that was not made in this execution.
    older: bool,
}

impl Step {
    /// Whether it is the starting of an actor or the waiting for one.
    fn is_harness(&self) -> bool {
        self.thread == 0 && self.site.is_some_and(|site| site.file().ends_with(HARNESS))
    }
}

/// The source file that starts the actors.
const HARNESS: &str = "src/scenario/program.rs";

impl Step {
    /// Whether it makes an object where the other does: the numbers of the two differ if one was made before.
    fn makes_as(&self, other: &Self) -> bool {
        let place = |step: &Step| step.site.map(|site| (site.file(), site.line(), site.column()));
        (self.operation, self.kind, place(self)) == (other.operation, other.kind, place(other))
    }
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        let place = |step: &Step| step.site.map(|site| (site.file(), site.line(), site.column()));
        (self.thread, self.operation, self.kind, self.order, self.object, &self.values, place(self))
            == (
                other.thread,
                other.operation,
                other.kind,
                other.order,
                other.object,
                &other.values,
                place(other),
            )
    }
}

struct Recorder {
    limit: usize,
    executions: Vec<Execution>,
    /// When the execution that is under way has begun.
    begun: Option<Instant>,
    outcome: Option<String>,
}

thread_local! {
    static RECORDER: RefCell<Option<Recorder>> = const { RefCell::new(None) };
    /// Whether an execution is being recorded.
    static ON: Cell<bool> = const { Cell::new(false) };
    static REPEATING: Cell<bool> = const { Cell::new(false) };
}

/// Runs a search and records its first executions, up to so many.
pub(crate) fn record<R>(limit: usize, search: impl FnOnce() -> R) -> (R, Vec<Execution>) {
    let recorder = Recorder { limit, executions: Vec::new(), begun: None, outcome: None };
    RECORDER.set((limit > 0).then_some(recorder));
    let _off = Off;
    let result = search();
    end();
    let recorder = RECORDER.take();
    (result, recorder.map(|recorder| recorder.executions).unwrap_or_default())
}

/// As [`record`], for a search that was run before: its outcomes are not counted.
pub(crate) fn repeat(limit: usize, search: impl FnOnce()) -> Vec<Execution> {
    REPEATING.set(true);
    record(limit, search).1
}

/// Leaves nothing behind when dropped, also by a panic that begins a search anew.
struct Off;

impl Drop for Off {
    fn drop(&mut self) {
        RECORDER.take();
        REPEATING.set(false);
        if ON.replace(false) {
            trace::stop();
        }
    }
}

/// Whether the search that runs was run before.
#[inline]
pub(crate) fn is_repeating() -> bool {
    REPEATING.get()
}

/// Whether the search that runs was run before, and has come as far as is wanted.
pub(crate) fn is_enough() -> bool {
    let is_full = |recorder: &Recorder| recorder.executions.len() >= recorder.limit;
    is_repeating() && RECORDER.with_borrow(|recorder| recorder.as_ref().is_some_and(is_full))
}

/// Records nothing more of this search: from here on it may go another way.
pub(crate) fn stop() {
    end();
    RECORDER.with_borrow_mut(|recorder| {
        if let Some(recorder) = recorder {
            recorder.limit = recorder.executions.len();
        }
    });
}

/// The search begins anew: what was recorded is none of it.
pub(crate) fn forget() {
    end();
    RECORDER.with_borrow_mut(|recorder| {
        if let Some(recorder) = recorder {
            recorder.executions.clear();
        }
    });
}

/// An execution begins; `who` tells the number of the running thread.
#[inline]
pub(crate) fn begin(who: fn() -> usize) {
    end();
    let room = RECORDER.with_borrow_mut(|recorder| match recorder {
        Some(recorder) if recorder.executions.len() < recorder.limit => {
            recorder.begun = Some(Instant::now());
            recorder.outcome = None;
            true
        }
        _ => false,
    });
    if room {
        ON.set(true);
        trace::begin(who);
    }
}

/// The execution that is recorded has come to this outcome, and so to its end: what is only dropped then is not
/// compared.
#[inline]
pub(crate) fn note_outcome(outcome: &dyn Debug) {
    if ON.get() {
        let outcome = format!("{outcome:?}");
        RECORDER.with_borrow_mut(|recorder| {
            if let Some(recorder) = recorder {
                recorder.outcome = Some(outcome);
            }
        });
        end();
    }
}

/// The execution that is recorded, if one is, has ended.
fn end() {
    if !ON.replace(false) {
        return;
    }
    let Trace { entries, .. } = trace::end();
    RECORDER.with_borrow_mut(|recorder| {
        let Some(recorder) = recorder else { return };
        let took = recorder.begun.take().map_or(Duration::ZERO, |begun| begun.elapsed());
        let outcome = recorder.outcome.take().map(|outcome| without_addresses(&outcome));
        recorder.executions.push(Execution { steps: entries.iter().map(step).collect(), outcome, took });
    });
}

fn step(entry: &Entry) -> Step {
    let value = |value: &Option<String>| value.as_deref().map(without_addresses);
    Step {
        thread: entry.thread,
        operation: entry.operation,
        kind: entry.kind,
        order: entry.order,
        object: entry.object,
        values: [value(&entry.read), value(&entry.written)],
        site: entry.site,
        older: entry.older,
    }
}

/// Digits from which on a number may be an address.
const ADDRESS_DIGITS: usize = 12;

/// The text with a mark for everything in it that may be an address: numbers in hexadecimal and very long ones, and
/// the numbers of pointers, which are given in the order in which addresses turn up.
fn without_addresses(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_ascii_alphanumeric();
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if length == 0 {
            plain.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(length);
        let long = word.len() >= ADDRESS_DIGITS && word.chars().all(|c| c.is_ascii_digit());
        let is_address = long || word.starts_with("0x") || plain.ends_with("pointer ");
        plain.push_str(if is_address { "#" } else { word });
        rest = after;
    }
    plain
}

/// How many of these executions can be repeated in so much time; at least one, if there is one.
pub(crate) fn affordable(executions: &[Execution], time: Duration) -> usize {
    let mut spent = Duration::ZERO;
    let within = |execution: &&Execution| {
        spent += execution.took;
        spent <= time
    };
    executions.iter().take_while(within).count().max(1).min(executions.len())
}

/// The first difference between executions and their repetitions. Where a search ended, the other may have gone on.
pub(crate) fn difference(executions: &[Execution], again: &[Execution]) -> Option<Difference> {
    executions.iter().zip(again).find_map(|(one, other)| one.differs_from(other))
}

impl Execution {
    fn differs_from(&self, other: &Execution) -> Option<Difference> {
        let length = self.steps.len().max(other.steps.len());
        let differs = |&place: &usize| self.steps.get(place) != other.steps.get(place);
        if let Some(place) = (0..length).find(differs) {
            // The harness starts and awaits the actors: where that is at another place, the cause is at another, too.
            let steps =
                [&other.steps[place.min(other.steps.len())..], &self.steps[place.min(self.steps.len())..]];
            let of_design = steps.iter().find_map(|steps| steps.first().filter(|step| !step.is_harness()));
            let later = || steps.iter().find_map(|steps| steps.iter().find(|step| !step.is_harness()));
            let step = of_design.or_else(later).or_else(|| steps.iter().find_map(|steps| steps.first()))?;
            let older =
                [other, self].iter().find_map(|execution| execution.steps.iter().find(|step| step.older));
            let told = older.unwrap_or(step);
            let (operation, site) = (told.operation.to_owned(), told.site.map(Site::of));
            let makes = |steps: &[Step]| steps.first().is_some_and(|step| step.kind == EventKind::Create);
            // Made the first time, and there the second, whatever is made next.
            let made_once = makes(steps[1])
                && (!makes(steps[0])
                    || steps[1]
                        .get(1)
                        .zip(steps[0].first())
                        .is_some_and(|(next, first)| next.makes_as(first)));
            return Some(match older.is_some() || made_once {
                true => Difference::Outlived { operation, site },
                false => Difference::Operation { operation, site },
            });
        }
        match (&self.outcome, &other.outcome) {
            (Some(one), Some(other)) if one != other => {
                Some(Difference::Outcomes(one.clone(), other.clone()))
            }
            (Some(_), None) | (None, Some(_)) => Some(Difference::End),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_not_compared() {
        for (text, plain) in [
            ("7", "7"),
            ("Some(0x7fabc)", "Some(#)"),
            ("Node { next: 140123456789 }", "Node { next: # }"),
            ("pointer 3", "pointer #"),
            ("140123456789", "#"),
            ("18446744073", "18446744073"),
        ] {
            assert_eq!(without_addresses(text), plain);
        }
    }

    fn execution(operations: &[&'static str], outcome: Option<&str>) -> Execution {
        let step = |operation: &&'static str| Step {
            thread: 1,
            operation,
            kind: EventKind::Read,
            order: None,
            object: Some(0),
            values: [None, None],
            site: None,
            older: false,
        };
        let steps = operations.iter().map(step).collect();
        Execution { steps, outcome: outcome.map(str::to_owned), took: Duration::from_millis(10) }
    }

    #[test]
    fn the_first_difference_is_found() {
        let check = |one: Execution, other: Execution| difference(&[one], &[other]);
        let operation =
            |operation: &str| Some(Difference::Operation { operation: operation.to_owned(), site: None });
        assert_eq!(check(execution(&["load"], Some("1")), execution(&["load"], Some("1"))), None);
        assert_eq!(
            check(execution(&["load"], None), execution(&["load", "store"], None)),
            operation("store")
        );
        assert_eq!(
            check(execution(&["load", "store"], None), execution(&["load"], None)),
            operation("store")
        );
        assert_eq!(check(execution(&["load"], None), execution(&["swap"], None)), operation("swap"));
        let outcomes = Difference::Outcomes("1".to_owned(), "2".to_owned());
        assert_eq!(check(execution(&[], Some("1")), execution(&[], Some("2"))), Some(outcomes));
        assert_eq!(check(execution(&[], Some("1")), execution(&[], None)), Some(Difference::End));
    }

    #[test]
    fn an_object_that_is_made_once_is_told_from_one_that_is_made_elsewhere() {
        let making = |operations: &[&'static str]| {
            let mut execution = execution(operations, None);
            for (number, step) in execution.steps.iter_mut().enumerate() {
                (step.kind, step.object) = (EventKind::Create, Some(number));
            }
            execution
        };
        let outlived = |one: &[&'static str], other: &[&'static str]| {
            let difference = making(one).differs_from(&making(other)).expect("they differ");
            matches!(difference, Difference::Outlived { .. })
        };
        assert!(outlived(&["kept", "new"], &["new"]));
        assert!(!outlived(&["new", "old"], &["other", "old"]));
    }

    #[test]
    fn as_many_are_repeated_as_there_is_time_for() {
        let executions: Vec<_> = (0..5).map(|_| execution(&[], None)).collect();
        assert_eq!(affordable(&executions, Duration::from_millis(35)), 3);
        assert_eq!(affordable(&executions, Duration::ZERO), 1);
        assert_eq!(affordable(&[], Duration::from_secs(1)), 0);
    }
}
