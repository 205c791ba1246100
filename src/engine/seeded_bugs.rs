//! Designs with seeded bugs, and their corrected twins, for the tests of the real engines.
//!
//! Each test of an engine runs in a process of its own, like the engine does in earnest: the test binary
//! starts itself again for that one test, so a fork copies a process in which nothing else happens but a
//! test runner that waits for this test.

use super::{Heartbeat, Task};
use crate::base::budget::Budget;
use crate::base::failure::{Crash, Failure, How, Who};
use crate::base::observation::Observation;
use crate::scenario::{self, Design, ErasedDesign, Expected, Outcome, Scenario};
use crate::verdict::{Expectation, Verdict, judge};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Set in a process that was started for a single test.
const ALONE: &str = "SELVEDGE_TEST_ALONE";

/// Runs `test`, the body of the test of this full name, in a process of its own.
#[track_caller]
pub(crate) fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    let binary = std::env::current_exe().expect("a test has a binary");
    let output = Command::new(binary)
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .expect("a test can run itself");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(stdout.contains("1 passed"), "{stdout}\n{stderr}");
    print!("{stdout}");
    eprint!("{stderr}");
}

/// The one design of a scenario without grades.
pub(crate) fn erased<S, R, O>(design: Design<S, R, O>) -> ErasedDesign
where
    S: Send + Sync + 'static,
    R: Send + Sync + 'static,
    O: Outcome,
{
    let scenario =
        Scenario::new("What comes of it?").acceptable("anything", |_| true).design("planted", design);
    scenario.erase().designs.remove(0)
}

/// As [`erased`], with outcomes that are forbidden.
pub(crate) fn erased_forbidding<S, R, O>(
    design: Design<S, R, O>,
    forbidden: impl Fn(&O) -> bool + Send + Sync + 'static,
) -> ErasedDesign
where
    S: Send + Sync + 'static,
    R: Send + Sync + 'static,
    O: Outcome,
{
    let scenario = Scenario::new("What comes of it?")
        .forbidden("it must not be", forbidden)
        .acceptable("anything else", |_| true)
        .design("planted", design);
    scenario.erase().designs.remove(0)
}

/// As [`erased`], with all outcomes forbidden but these.
pub(super) fn erased_accepting<S, R, O>(
    design: Design<S, R, O>,
    acceptable: impl Fn(&O) -> bool + Send + Sync + 'static,
) -> ErasedDesign
where
    S: Send + Sync + 'static,
    R: Send + Sync + 'static,
    O: Outcome,
{
    let scenario = Scenario::new("What comes of it?")
        .acceptable("fine", acceptable)
        .forbidden("not so", |_| true)
        .design("it", design);
    scenario.erase().designs.remove(0)
}

/// What a checker sees of a design, from the beginning.
pub(super) fn explored(engine: scenario::Engine, design: &ErasedDesign) -> Observation {
    crate::rt::panics::install();
    design.program.forget_outcomes();
    let task = Task::new(design, Budget::FOR_TESTS, Box::leak(Box::new(Heartbeat::default())));
    super::observe(engine, &task).expect("the engine does its work")
}

/// What is said of a design that is expected to be safe.
pub(super) fn verdict(engine: scenario::Engine, seen: &Observation) -> Verdict {
    judge(Expectation { engine, expected: Expected::Safe, must_see: false }, seen).verdict
}

pub(crate) type Engine = fn(&Task<'_>) -> anyhow::Result<Observation>;

/// What `engine` sees of a design in so many milliseconds.
#[track_caller]
pub(crate) fn observed(engine: Engine, design: &ErasedDesign, sampling_ms: u64) -> Observation {
    let task = Task::new(design, budget(sampling_ms), Box::leak(Box::new(Heartbeat::default())));
    let observation = engine(&task).expect("the engine does its work");
    let counted: u64 = observation.outcomes.iter().map(|outcome| outcome.count).sum();
    assert_eq!(counted, observation.executions, "{observation:?}");
    if observation.not_applicable.is_none() {
        assert_eq!(task.heartbeat.executions(), observation.executions);
    }
    assert_eq!(task.heartbeat.waiting(), (vec![], 0), "no actor is watched any more");
    assert!(task.heartbeat.pids().is_empty(), "no process is left");
    observation
}

fn budget(sampling_ms: u64) -> Budget {
    Budget { executions: 0, random_executions: 0, sampling_ms, ..Budget::FOR_TESTS }
}

/// As [`check_all`], sampling again and again, longer each time, until there are so many executions in one go.
#[track_caller]
pub(crate) fn check_often(engine: Engine, design: impl Fn() -> ErasedDesign, value: &str, at_least: u64) {
    for doubled in 0..7 {
        let seen = observed(engine, &design(), 200 << doubled);
        check_all(&seen, value, 1);
        if seen.executions >= at_least {
            return;
        }
    }
    panic!("never {at_least} executions");
}

/// Samples again and again, longer each time and at most for 25 seconds in all, until an outcome is seen.
#[track_caller]
pub(crate) fn observed_until(engine: Engine, design: impl Fn() -> ErasedDesign, value: &str) {
    for doubled in 0..8 {
        let observation = observed(engine, &design(), 100 << doubled);
        if count_of(&observation, value) > 0 {
            println!("{:?}", summary(&observation));
            return;
        }
    }
    panic!("{value} was never seen");
}

/// The outcomes and their counts.
pub(crate) fn summary(observation: &Observation) -> Vec<(&str, u64)> {
    let outcomes = observation.outcomes.iter();
    outcomes.map(|seen| (seen.value.as_str(), seen.count)).collect()
}

/// Checks that all executions, and at least so many, ended with this outcome.
#[track_caller]
pub(crate) fn check_all(observation: &Observation, value: &str, at_least: u64) {
    assert_eq!(observation.failures, []);
    assert_eq!(observation.not_applicable, None);
    assert_eq!(summary(observation), [(value, observation.executions)]);
    assert!(observation.executions >= at_least, "{observation:?}");
}

/// The crash that was seen, if no other failure was.
pub(crate) fn crash_of(observation: &Observation) -> Option<&Crash> {
    match &observation.failures[..] {
        [] => None,
        [Failure::Crash(crash)] => Some(crash),
        others => panic!("{others:?}"),
    }
}

/// A panic with this message.
pub(crate) fn panicked(who: Who, message: &str) -> Crash {
    Crash::new(who, How::panicked(Some(message)))
}

/// How often an outcome was seen.
pub(crate) fn count_of(observation: &Observation, value: &str) -> u64 {
    observation.outcomes.iter().find(|outcome| outcome.value == value).map_or(0, |outcome| outcome.count)
}

/// A counter that `actors` raise by one, losing increments.
pub(crate) fn load_then_store(actors: usize) -> ErasedDesign {
    erased(
        Design::new(|| AtomicU32::new(0))
            .actors(actors, |n| n.store(n.load(Relaxed) + 1, Relaxed))
            .observe(|n, _| n.load(Relaxed)),
    )
}

/// A counter that `actors` raise by one, losing none.
pub(crate) fn fetch_add(actors: usize) -> ErasedDesign {
    erased(
        Design::new(|| AtomicU32::new(0))
            .actors(actors, |n| {
                n.fetch_add(1, Relaxed);
            })
            .observe(|n, _| n.load(Relaxed)),
    )
}

/// Each stores one variable and loads the other.
pub(crate) fn store_buffering() -> ErasedDesign {
    erased(
        Design::new(|| (AtomicU32::new(0), AtomicU32::new(0)))
            .actor("A", |(x, y)| {
                x.store(1, Relaxed);
                y.load(Relaxed)
            })
            .actor("B", |(x, y)| {
                y.store(1, Relaxed);
                x.load(Relaxed)
            })
            .observe(|_, seen| (seen[0], seen[1])),
    )
}

/// Each actor returns what only it can return, and only for this state; the outcome is whether all did.
pub(crate) fn telling_returns(actors: usize) -> ErasedDesign {
    let serials = AtomicU32::new(0);
    let mut design = Design::new(move || serials.fetch_add(1, Relaxed)).actor("0", |n: &u32| *n);
    for actor in 1..actors as u32 {
        design = design.actor(&actor.to_string(), move |n: &u32| n ^ (actor << 28));
    }
    erased(design.observe(|n, returns: &[u32]| {
        (0_u32..).zip(returns).all(|(actor, returned)| *returned == n ^ (actor << 28))
    }))
}
