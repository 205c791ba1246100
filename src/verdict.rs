//! From what was seen to what it means: `judge(expectation, observation) -> judgement`, a pure function.
//!
//! The rules, in order:
//! 1. What cannot run is not applicable.
//! 2. What does not do the same twice, or does it where the checker cannot see it, is inconclusive: no failure that
//!    was seen of it can be relied on.
//! 3. What was seen to fail has failed, however the exploration ended: data race before deadlock before
//!    crash before hang before forbidden outcome.
//! 4. What was stopped early, or executed nothing, is inconclusive, never safe.
//! 5. Only then it is safe, as far as the evidence goes.
//!
//! Limit: a judgement is about one design on one engine; it compares no engines.

use crate::base::engine::Engine;
use crate::base::failure::Failure;
use crate::base::observation::{Exploration, Observation, Sampling, Stop};
use crate::scenario::Expected;
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
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Evidence {
    pub(crate) kind: EvidenceKind,
    /// Executions (on a real engine: samples) that the verdict rests on.
    pub(crate) executions: u64,
    /// Executions beyond these that were begun and found to come out as others had.
    pub(crate) redundant: u64,
    /// How they were found, with the bound or with what drew the samples.
    pub(crate) exploration: Exploration,
    /// For a clean sampled verdict, the rate per execution below which any failure lies at 95 %
    /// confidence: 3/n, the "rule of three" (Hanley and Lippman-Hand, JAMA 249, 1983).
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
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    /// `None` while the verdict is inconclusive: neither confirmed nor refuted.
    pub(crate) as_expected: Option<bool>,
    pub(crate) evidence: Evidence,
}

/// Judges what was seen of a design against what was expected of it.
pub(crate) fn judge(expectation: Expectation, observation: &Observation) -> Judgement {
    let verdict = verdict(observation);
    Judgement {
        verdict,
        as_expected: as_expected(expectation, verdict),
        evidence: evidence(verdict, observation),
    }
}

fn verdict(seen: &Observation) -> Verdict {
    if seen.not_applicable.is_some() {
        return Verdict::NotApplicable;
    }
    if seen.stopped.as_ref().is_some_and(Stop::discredits) {
        return Verdict::Inconclusive;
    }
    if let Some(failure) = seen.failure() {
        return match failure {
            Failure::DataRace(_) => Verdict::DataRace,
            Failure::Deadlock(_) => Verdict::Deadlock,
            Failure::Crash(_) => Verdict::Crash,
            Failure::Hang(_) => Verdict::Hang,
            Failure::Forbidden { .. } => Verdict::Forbidden,
        };
    }
    let counted: u64 = seen.outcomes.iter().map(|outcome| outcome.count).sum();
    if seen.stopped.is_some() || seen.executions == 0 || counted == 0 {
        return Verdict::Inconclusive;
    }
    Verdict::Safe
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
    let exploration = match &seen.exploration {
        // What was interrupted is not exhaustive, whatever it set out to be.
        Exploration::Exhaustive if seen.stopped.is_some() => {
            Exploration::Sampled { how: Sampling::InterruptedSearch }
        }
        exploration => exploration.clone(),
    };
    let kind = match exploration {
        Exploration::Exhaustive => EvidenceKind::Exhaustive,
        Exploration::Bounded { .. } => EvidenceKind::Bounded,
        Exploration::Sampled { .. } => EvidenceKind::Sampled,
    };
    let clean = verdict == Verdict::Safe && kind == EvidenceKind::Sampled;
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    let rate_below = clean.then(|| 3.0 / seen.executions as f64);
    Evidence { kind, executions: seen.executions, redundant: seen.redundant, exploration, rate_below }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::failure::{Crash, Hang, How, Who};
    use crate::base::observation::{Bound, Difference, NotApplicable};
    use crate::base::outcome::{Grade, OutcomeCount};
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
            Just(Exploration::Bounded { by: vec![Bound::Preemptions(2)] }),
            Just(Exploration::Sampled { how: Sampling::Threads }),
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

    fn observations() -> impl Strategy<Value = Observation> {
        let kinds = vec![
            Failure::DATA_RACE,
            Failure::DEADLOCK,
            Failure::Crash(Crash::new(Who::Process, How::Unknown)),
            Failure::Hang(Hang::default()),
        ];
        let failures = prop::sample::subsequence(kinds, 0..=4).prop_shuffle();
        let failures = prop_oneof![1 => Just(Vec::new()), 1 => failures];
        let not_applicable = prop::option::weighted(0.2, Just(NotApplicable::SharedMemory));
        let stopped = prop::option::weighted(0.2, Just(Stop::NoOperation));
        (0_u64..3, explorations(), outcomes(), failures, not_applicable, stopped).prop_map(
            |(executions, exploration, outcomes, failures, not_applicable, stopped)| Observation {
                executions,
                outcomes,
                failures,
                not_applicable,
                stopped,
                ..Observation::new(exploration)
            },
        )
    }

    fn failed(seen: &Observation) -> bool {
        !seen.failures.is_empty() || seen.outcomes.iter().any(OutcomeCount::is_violation)
    }

    #[test]
    fn what_cannot_be_seen_again_is_no_failure() {
        for stop in [Stop::NotRepeatable(Difference::End), Stop::ForeignThread] {
            let mut seen = Observation::new(Exploration::Exhaustive);
            seen.fail(Failure::DATA_RACE);
            assert_eq!(super::verdict(&seen), Verdict::DataRace);
            seen.stopped = Some(stop);
            assert_eq!(super::verdict(&seen), Verdict::Inconclusive);
        }
    }

    #[test]
    fn what_can_be_the_cause_of_the_others_counts_first() {
        let mut seen = Observation::new(Exploration::Exhaustive);
        for (failure, verdict) in [
            (Failure::Hang(Hang::default()), Verdict::Hang),
            (Failure::Crash(Crash::new(Who::Process, How::Unknown)), Verdict::Crash),
            (Failure::DEADLOCK, Verdict::Deadlock),
            (Failure::DATA_RACE, Verdict::DataRace),
        ] {
            seen.fail(failure);
            assert_eq!(super::verdict(&seen), verdict);
        }
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
            for engine in [Engine::Rc11, Engine::Loom, Engine::Shuttle] {
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
