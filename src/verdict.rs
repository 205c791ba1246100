//! From what was seen to what it means: `judge(expectation, observation) -> judgement`, a pure function.
//!
//! The rules, in order:
//! 1. What cannot run is not applicable.
//! 2. What was seen to fail has failed, however the exploration ended: data race before deadlock before
//!    crash before hang before forbidden outcome.
//! 3. What was stopped early, or executed nothing, is inconclusive, never safe.
//! 4. Only then it is safe, as far as the evidence goes.
//!
//! Limit: a judgement is about one design on one engine; it compares no engines.

use crate::engine::{Exploration, Observation};
use crate::scenario::{Engine, Expected, Grade};
use serde::{Deserialize, Serialize};

/// What a design turned out as on one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Safe,
    DataRace,
    Forbidden,
    Deadlock,
    Crash,
    Hang,
    NotApplicable,
    Inconclusive,
}

impl Verdict {
    /// The word that a matrix shows.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Verdict::Safe => "safe",
            Verdict::DataRace => "data race",
            Verdict::Forbidden => "forbidden",
            Verdict::Deadlock => "deadlock",
            Verdict::Crash => "crash",
            Verdict::Hang => "hang",
            Verdict::NotApplicable => "n/a",
            Verdict::Inconclusive => "inconclusive",
        }
    }

    /// Whether the design was seen to fail.
    pub(crate) fn is_failure(self) -> bool {
        !matches!(self, Verdict::Safe | Verdict::NotApplicable | Verdict::Inconclusive)
    }

    fn is(self, expected: Expected) -> bool {
        matches!(
            (self, expected),
            (Verdict::Safe, Expected::Safe)
                | (Verdict::DataRace, Expected::DataRace)
                | (Verdict::Forbidden, Expected::Forbidden)
                | (Verdict::Deadlock, Expected::Deadlock)
                | (Verdict::Crash, Expected::Crash)
                | (Verdict::Hang, Expected::Hang)
        )
    }
}

/// How far a verdict can be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    pub(crate) kind: EvidenceKind,
    /// Executions (on a real engine: samples) that the verdict rests on.
    pub(crate) executions: u64,
    /// Executions beyond these that were begun and found to come out as others had.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub(crate) redundant: u64,
    /// The bound, or what drew the samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) by: Option<String>,
    /// For a clean sampled verdict, the rate per execution below which any failure lies at 95 %
    /// confidence: 3/n, the "rule of three" (Hanley and Lippman-Hand, JAMA 249, 1983).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) rate_below: Option<f64>,
}

/// The kinds of evidence, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EvidenceKind {
    Exhaustive,
    Bounded,
    Sampled,
}

/// What was expected of a design on one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    pub(crate) engine: Engine,
    pub(crate) expected: Expected,
    /// Whether the expected failure must really be seen, also on an engine that need not show it.
    pub(crate) must_see: bool,
}

/// A verdict, its evidence, and whether it is the expected one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    /// `None` while the verdict is inconclusive: neither confirmed nor refuted.
    pub(crate) as_expected: Option<bool>,
    pub(crate) evidence: Evidence,
    /// Why, in a sentence, where the verdict alone does not say it.
    pub(crate) reason: Option<String>,
}

/// Judges what was seen of a design against what was expected of it.
pub(crate) fn judge(expectation: Expectation, observation: &Observation) -> Judgement {
    let (verdict, reason) = verdict(observation);
    Judgement {
        verdict,
        as_expected: as_expected(expectation, verdict),
        evidence: evidence(verdict, observation),
        reason,
    }
}

fn verdict(seen: &Observation) -> (Verdict, Option<String>) {
    if let Some(reason) = &seen.not_applicable {
        return (Verdict::NotApplicable, Some(reason.clone()));
    }
    if let Some(race) = seen.races.first() {
        return (Verdict::DataRace, Some(race.what.clone()));
    }
    let failures =
        [(Verdict::Deadlock, &seen.deadlock), (Verdict::Crash, &seen.crash), (Verdict::Hang, &seen.hang)];
    for (verdict, reason) in failures {
        if let Some(reason) = reason {
            return (verdict, Some(reason.clone()));
        }
    }
    if let Some(worst) = seen.outcomes.iter().find(|seen| seen.grade == Grade::Forbidden && seen.count > 0) {
        let reason = if seen.exploration.is_of_generated_programs() {
            worst.value.clone()
        } else {
            format!("outcome {}: {}", worst.value, worst.sentence)
        };
        return (Verdict::Forbidden, Some(reason));
    }
    if let Some(reason) = &seen.stopped {
        return (Verdict::Inconclusive, Some(reason.clone()));
    }
    let counted: u64 = seen.outcomes.iter().map(|outcome| outcome.count).sum();
    if seen.executions == 0 || counted == 0 {
        return (Verdict::Inconclusive, Some("no execution came to an outcome".to_owned()));
    }
    (Verdict::Safe, None)
}

fn as_expected(expectation: Expectation, verdict: Verdict) -> Option<bool> {
    let Expectation { engine, expected, must_see } = expectation;
    match verdict {
        Verdict::Inconclusive => None,
        Verdict::NotApplicable => Some(!must_see),
        verdict if verdict.is(expected) => Some(true),
        Verdict::Safe => Some(!engine.is_checker() && !must_see),
        // Real hardware shows what a data race does, not the race itself; and only the actors' waiting
        // tells a deadlock from a hang, so each may be taken for the other.
        Verdict::Forbidden => Some(!engine.is_checker() && expected == Expected::DataRace),
        Verdict::Hang => Some(!engine.is_checker() && expected == Expected::Deadlock),
        Verdict::Deadlock => Some(!engine.is_checker() && expected == Expected::Hang),
        Verdict::DataRace | Verdict::Crash => Some(false),
    }
}

fn evidence(verdict: Verdict, seen: &Observation) -> Evidence {
    let (kind, by) = match &seen.exploration {
        // What was interrupted is not exhaustive, whatever it set out to be.
        Exploration::Exhaustive if seen.stopped.is_none() => (EvidenceKind::Exhaustive, None),
        Exploration::Exhaustive => (EvidenceKind::Sampled, Some("an interrupted search".to_owned())),
        Exploration::Bounded { by } => (EvidenceKind::Bounded, Some(by.clone())),
        Exploration::Sampled { how } => (EvidenceKind::Sampled, Some(how.clone())),
    };
    let clean = verdict == Verdict::Safe && kind == EvidenceKind::Sampled;
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    let rate_below = clean.then(|| 3.0 / seen.executions as f64);
    Evidence { kind, executions: seen.executions, redundant: seen.redundant, by, rate_below }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::RaceReport;
    use crate::scenario::program::OutcomeCount;
    use proptest::prelude::*;

    fn grades() -> impl Strategy<Value = Grade> {
        prop_oneof![Just(Grade::Acceptable), Just(Grade::Interesting), Just(Grade::Forbidden)]
    }

    fn expected() -> impl Strategy<Value = Expected> {
        use Expected::*;
        prop::sample::select(vec![Safe, DataRace, Forbidden, Deadlock, Crash, Hang])
    }

    fn explorations() -> impl Strategy<Value = Exploration> {
        prop_oneof![
            Just(Exploration::Exhaustive),
            Just(Exploration::Bounded { by: "at most 2 preemptions".into() }),
            Just(Exploration::Sampled { how: "random schedules".into() }),
        ]
    }

    fn outcomes() -> impl Strategy<Value = Vec<OutcomeCount>> {
        prop::collection::vec((grades(), 0_u64..3), 0..4).prop_map(|rows| {
            rows.into_iter()
                .enumerate()
                .map(|(value, (grade, count))| OutcomeCount {
                    value: value.to_string(),
                    grade,
                    sentence: "a sentence".into(),
                    count,
                })
                .collect()
        })
    }

    fn reason() -> impl Strategy<Value = Option<String>> {
        prop::option::weighted(0.2, Just("a reason".to_owned()))
    }

    fn observations() -> impl Strategy<Value = Observation> {
        let failures = (prop::bool::weighted(0.2), reason(), reason(), reason());
        (0_u64..3, explorations(), outcomes(), failures, reason(), reason()).prop_map(
            |(executions, exploration, outcomes, (race, deadlock, crash, hang), not_applicable, stopped)| {
                Observation {
                    executions,
                    outcomes,
                    races: race
                        .then(|| RaceReport { what: "a race".into(), accesses: vec![] })
                        .into_iter()
                        .collect(),
                    deadlock,
                    crash,
                    hang,
                    not_applicable,
                    stopped,
                    ..Observation::new(exploration)
                }
            },
        )
    }

    fn failed(seen: &Observation) -> bool {
        let forbidden = |o: &OutcomeCount| o.grade == Grade::Forbidden && o.count > 0;
        !seen.races.is_empty()
            || seen.deadlock.is_some()
            || seen.crash.is_some()
            || seen.hang.is_some()
            || seen.outcomes.iter().any(forbidden)
    }

    proptest! {
        #[test]
        fn safe_means_that_it_ran_to_the_end_and_nothing_failed(seen in observations(), expected in expected(), must_see: bool) {
            for engine in Engine::ALL {
                let judgement = judge(Expectation { engine, expected, must_see }, &seen);
                let clean = seen.not_applicable.is_none() && !failed(&seen) && seen.stopped.is_none()
                    && seen.executions > 0 && seen.outcomes.iter().any(|o| o.count > 0);
                prop_assert_eq!(judgement.verdict == Verdict::Safe, clean);
                prop_assert_eq!(judgement.verdict.is_failure(), seen.not_applicable.is_none() && failed(&seen));
            }
        }

        #[test]
        fn a_checker_accepts_the_expected_verdict_alone(seen in observations(), expected in expected()) {
            for engine in [Engine::Loom, Engine::Shuttle] {
                let judgement = judge(Expectation { engine, expected, must_see: false }, &seen);
                match judgement.verdict {
                    Verdict::Inconclusive => prop_assert_eq!(judgement.as_expected, None),
                    Verdict::NotApplicable => prop_assert_eq!(judgement.as_expected, Some(true)),
                    verdict => prop_assert_eq!(judgement.as_expected, Some(verdict.is(expected))),
                }
            }
        }

        #[test]
        fn a_failure_that_is_not_expected_is_unexpected_on_every_engine(seen in observations(), must_see: bool) {
            for engine in Engine::ALL {
                let judgement = judge(Expectation { engine, expected: Expected::Safe, must_see }, &seen);
                if judgement.verdict.is_failure() {
                    prop_assert_eq!(judgement.as_expected, Some(false));
                }
            }
        }

        #[test]
        fn a_real_engine_may_miss_an_expected_failure_unless_it_must_see_it(seen in observations(), must_see: bool) {
            for engine in [Engine::Threads, Engine::Processes] {
                let judgement = judge(Expectation { engine, expected: Expected::Forbidden, must_see }, &seen);
                if judgement.verdict == Verdict::Safe {
                    prop_assert_eq!(judgement.as_expected, Some(!must_see));
                }
            }
        }

        #[test]
        fn every_verdict_has_evidence_and_an_interrupted_one_is_not_exhaustive(seen in observations(), expected in expected()) {
            let judgement = judge(Expectation { engine: Engine::Loom, expected, must_see: false }, &seen);
            prop_assert_eq!(judgement.evidence.executions, seen.executions);
            if seen.stopped.is_some() {
                prop_assert_ne!(judgement.evidence.kind, EvidenceKind::Exhaustive);
            }
            if judgement.verdict != Verdict::Safe {
                prop_assert!(judgement.evidence.rate_below.is_none());
            }
        }
    }
}
