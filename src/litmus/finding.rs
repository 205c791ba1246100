//! What an engine found out about a litmus test, and whether that is what the file's answers say. Pure.
//!
//! Rules: a data race leaves the other questions without an answer. What was seen to be possible is possible,
//! however the exploration ended; that something is impossible only an exploration that came to its end can
//! say. Samples of the real machine refute an answer when they show more than it allows, and never by
//! showing less.

use super::Test;
use super::answer::{Answer, Statement};
use super::condition::{Frequency, Quantifier};
use crate::base::engine::Engine;
use crate::base::failure::Failure;
use crate::base::observation::{Exploration, Observation};
use serde::Serialize;

/// What decides which of a file's answers an engine is held to.
pub(crate) fn model(engine: Engine) -> &'static str {
    match engine {
        Engine::Shuttle | Engine::Rc11Sc => "sc",
        _ => "rc11",
    }
}

/// The engines that run litmus tests where none is asked for: all but processes, whose states own no heap.
pub(crate) fn engines() -> Vec<Engine> {
    Engine::EVERY.into_iter().filter(|engine| *engine != Engine::Processes).collect()
}

/// How the question came out on one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Result {
    /// The condition holds.
    Ok,
    /// It does not.
    No,
    /// Some execution has a data race: the condition has no answer.
    Race,
    /// An execution failed otherwise: a crash, a hang, a deadlock.
    Failed,
    /// The test cannot run there.
    NotApplicable,
    /// Neither.
    Inconclusive,
}

/// A final state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FinalState {
    /// Of the observed places.
    pub(crate) values: Vec<i64>,
    /// In how many executions or samples.
    pub(crate) count: u64,
    /// Whether the condition's proposition is true of it.
    pub(crate) positive: bool,
}

/// What an engine found out.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) result: Result,
    pub(crate) frequency: Frequency,
    /// In the order of their values.
    pub(crate) states: Vec<FinalState>,
    /// Whether there is no other final state in the engine's model.
    pub(crate) complete: bool,
    /// Whether this is what is expected; `None` if that is open.
    pub(crate) as_expected: Option<bool>,
    /// What the file expects here, if it does.
    pub(crate) expected: Option<Answer>,
}

impl Finding {
    /// Of how many states the proposition is true.
    pub(crate) fn positive(&self) -> usize {
        self.states.iter().filter(|state| state.positive).count()
    }

    /// From what an engine has observed of a test.
    pub(crate) fn new(test: &Test, engine: Engine, seen: &Observation) -> Self {
        let mut states: Vec<_> = (seen.outcomes.iter().filter(|outcome| outcome.count > 0))
            .map(|outcome| {
                let values = super::values(&outcome.value);
                let positive = test.is_true_of(&values);
                FinalState { values, count: outcome.count, positive }
            })
            .collect();
        states.sort_by(|a, b| a.values.cmp(&b.values));
        let positive = states.iter().filter(|state| state.positive).count();
        let frequency = Frequency::of(positive, states.len() - positive);
        let whole = seen.stopped.is_none() && seen.failures.is_empty() && !states.is_empty();
        let complete = whole && engine.is_checker() && seen.exploration == Exploration::Exhaustive;
        let result = result(test.condition.quantifier, seen, &states, frequency);
        let expected = expected(test, engine);
        let mut finding = Finding { result, frequency, states, complete, as_expected: None, expected };
        finding.as_expected = finding.is_expected(test.condition.quantifier, engine);
        finding
    }

    fn is_expected(&self, quantifier: Quantifier, engine: Engine) -> Option<bool> {
        match (&self.result, self.expected.as_ref().map(|answer| answer.statement)) {
            (Result::NotApplicable, _) => Some(true),
            (Result::Failed, _) => Some(false),
            (Result::Race, Some(statement)) => Some(statement == Statement::Race),
            (Result::Race, None) => Some(false),
            // Only a checker can see a race.
            (_, Some(Statement::Race)) => {
                if self.complete {
                    Some(false)
                } else {
                    (!engine.is_checker()).then_some(true)
                }
            }
            (_, Some(Statement::States { frequency, count })) => self.agrees(frequency, count, engine),
            (Result::Inconclusive, _) => None,
            (Result::Ok, _) => Some(true),
            (Result::No, _) if quantifier != Quantifier::Exists => Some(false),
            // An engine of a stronger model need not show what exists, and neither need samples.
            (Result::No, _) if !engine.is_checker() || model(engine) != "rc11" => Some(true),
            (Result::No, _) => self.complete.then_some(false),
        }
    }

    /// Whether this and an answer go together.
    fn agrees(&self, frequency: Frequency, count: usize, engine: Engine) -> Option<bool> {
        if self.complete {
            return Some(self.frequency == frequency && self.states.len() == count);
        }
        let (positive, negative) = (self.positive() > 0, self.positive() < self.states.len());
        let too_many = self.states.len() > count;
        if too_many
            || (positive && frequency == Frequency::Never)
            || (negative && frequency == Frequency::Always)
        {
            return Some(false);
        }
        // All that is stated was seen, and what is asked is beyond doubt.
        let settled = self.frequency == Frequency::Sometimes && self.states.len() == count;
        let sampled = !engine.is_checker() && self.result != Result::Inconclusive;
        (settled || sampled).then_some(true)
    }
}

fn result(quantifier: Quantifier, seen: &Observation, states: &[FinalState], frequency: Frequency) -> Result {
    if seen.not_applicable.is_some() {
        return Result::NotApplicable;
    }
    if seen.failures.iter().any(|failure| matches!(failure, Failure::DataRace(_))) {
        return Result::Race;
    }
    if !seen.failures.is_empty() {
        return Result::Failed;
    }
    // One state decides these, whatever else there is.
    let decided = match quantifier {
        Quantifier::Exists => (frequency != Frequency::Never).then_some(Result::Ok),
        Quantifier::NotExists => (frequency != Frequency::Never).then_some(Result::No),
        Quantifier::Forall => (frequency != Frequency::Always && !states.is_empty()).then_some(Result::No),
    };
    if let Some(decided) = decided {
        return decided;
    }
    if seen.stopped.is_some() || states.is_empty() {
        return Result::Inconclusive;
    }
    if quantifier.holds(frequency) { Result::Ok } else { Result::No }
}

/// What the file says of an engine: by its name, or else by its model's.
fn expected(test: &Test, engine: Engine) -> Option<Answer> {
    let of = |name: &str| test.answers.iter().find(|answer| answer.of == name);
    of(engine.name()).or_else(|| of(model(engine))).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::observation::{NotApplicable, Sampling, Stop};
    use crate::base::outcome::{Grade, OutcomeCount};

    fn test(condition: &str, answers: &str) -> Test {
        let text = format!("C t\n(* answers\n{answers}\n*)\n{{}}\nP0 (atomic_int* x) {{ }}\n{condition}");
        super::super::parse("t.litmus", &text).expect("a test")
    }

    fn seen(exploration: Exploration, values: &[i64]) -> Observation {
        let outcome = |value: &i64| OutcomeCount {
            value: format!("[{value}]"),
            grade: Grade::Acceptable,
            sentence: String::new(),
            count: 1,
        };
        Observation { outcomes: values.iter().map(outcome).collect(), ..Observation::new(exploration) }
    }

    #[track_caller]
    fn check(test: &Test, engine: Engine, seen: &Observation, result: &Result, as_expected: Option<bool>) {
        let finding = Finding::new(test, engine, seen);
        assert_eq!((&finding.result, finding.as_expected), (result, as_expected), "{finding:?}");
    }

    #[test]
    fn what_was_seen_counts_and_what_was_not_only_after_the_whole_search() {
        let all = |values: &[i64]| seen(Exploration::Exhaustive, values);
        let samples = |values: &[i64]| seen(Exploration::Sampled { how: Sampling::Threads }, values);
        let stopped = |values: &[i64]| Observation { stopped: Some(Stop::NoOperation), ..all(values) };
        let open = Result::Inconclusive;

        let exists = test("exists (x=1)", "");
        check(&exists, Engine::Loom, &all(&[0, 1]), &Result::Ok, Some(true));
        check(&exists, Engine::Loom, &all(&[0]), &Result::No, Some(false));
        check(&exists, Engine::Shuttle, &all(&[0]), &Result::No, Some(true));
        check(&exists, Engine::Threads, &samples(&[0]), &Result::No, Some(true));
        check(&exists, Engine::Loom, &stopped(&[1]), &Result::Ok, Some(true));
        check(&exists, Engine::Loom, &stopped(&[0]), &open, None);
        let by = vec![crate::base::observation::Bound::Preemptions(2)];
        check(&exists, Engine::Loom, &seen(Exploration::Bounded { by }, &[0]), &Result::No, None);

        let never = test("~exists (x=1)", "");
        check(&never, Engine::Threads, &samples(&[0, 1]), &Result::No, Some(false));
        check(&never, Engine::Loom, &stopped(&[0, 1]), &Result::No, Some(false));
        check(&never, Engine::Loom, &stopped(&[0]), &open, None);
        check(&test("forall (x=1)", ""), Engine::Shuttle, &all(&[1]), &Result::Ok, Some(true));
    }

    #[test]
    fn answers_are_held_against_what_was_seen() {
        let all = |values: &[i64]| seen(Exploration::Exhaustive, values);
        let samples = |values: &[i64]| seen(Exploration::Sampled { how: Sampling::Threads }, values);
        let stated = test(
            "exists (x=1)",
            "rc11: allowed, 2 states\nsc: forbidden, 1 state\nthreads: always, 1 state; a joke",
        );
        check(&stated, Engine::Loom, &all(&[0, 1]), &Result::Ok, Some(true));
        check(&stated, Engine::Loom, &all(&[0, 1, 2]), &Result::Ok, Some(false));
        check(&stated, Engine::Loom, &all(&[0]), &Result::No, Some(false));
        check(&stated, Engine::Shuttle, &all(&[0]), &Result::No, Some(true));
        check(&stated, Engine::Shuttle, &all(&[0, 1]), &Result::Ok, Some(false));
        check(&stated, Engine::Threads, &samples(&[1]), &Result::Ok, Some(true));
        check(&stated, Engine::Threads, &samples(&[0]), &Result::No, Some(false));

        let mut racing = all(&[0]);
        racing.fail(Failure::DATA_RACE);
        check(&stated, Engine::Loom, &racing, &Result::Race, Some(false));
        let racy = test("exists (x=1)", "rc11: race\nsc: race");
        check(&racy, Engine::Shuttle, &racing, &Result::Race, Some(true));
        check(&racy, Engine::Loom, &all(&[0]), &Result::No, Some(false));
        check(&racy, Engine::Threads, &samples(&[0]), &Result::No, Some(true));
        check(
            &racy,
            Engine::Threads,
            &Observation::not_applicable(NotApplicable::SharedMemory),
            &Result::NotApplicable,
            Some(true),
        );
    }
}
