use super::*;
use crate::base::budget::Effort;
use crate::base::engine::Engine;
use crate::base::observation::{Bound, NotApplicable};
use crate::base::outcome::Grade;
use crate::base::shard::Drawn;
use crate::report::{json, saved};
use proptest::prelude::*;

const ENGINES: [Engine; 3] = [Engine::Rc11, Engine::Shuttle, Engine::Threads];

fn drawn(shard: &str) -> Drawn {
    Drawn { seed: 7, shard: shard.parse().expect("a shard"), rounds: 1 }
}

fn cell_of(engine: Engine, expected: Expected, observation: Observation) -> Cell {
    Cell {
        engine,
        expected,
        expected_because: None,
        must_see: false,
        actors: vec!["A".to_owned(), "B".to_owned()],
        judgement: judge(Expectation { engine, expected, must_see: false }, &observation),
        opinion: None,
        broken: matches!(observation.stopped, Some(Stop::HarnessFailed(_))),
        observation,
        log: String::new(),
        milliseconds: 500,
    }
}

fn report(shard: &str, expected: Expected, seen: [Observation; 3]) -> Report {
    let cells = ENGINES.into_iter().zip(seen).map(|(engine, seen)| cell_of(engine, expected, seen)).collect();
    let scenario = ScenarioReport {
        name: "scenario".to_owned(),
        file: "scenarios/scenario.rs".to_owned(),
        question: "Well?".to_owned(),
        grades: vec![(Grade::Acceptable, "fine".to_owned())],
        designs: vec![DesignReport::of_cells("design".to_owned(), expected, cells)],
        in_practice: None,
    };
    let drawn = vec![drawn(shard)];
    Report { budget: Some(Effort::Quick.budget(7)), drawn, scenarios: vec![scenario] }
}

fn outcome(value: &str, grade: Grade, count: u64) -> OutcomeCount {
    OutcomeCount { value: value.to_owned(), grade, sentence: "a sentence".to_owned(), count }
}

/// So many samples, some of them forbidden.
fn sampled(good: u64, bad: u64) -> Observation {
    let how = Sampling::SearchThenRandom { executions: 5, of_about: None };
    let mut seen = Observation::new(Exploration::Sampled { how });
    seen.executions = good + bad;
    seen.outcomes.push(outcome("1", Grade::Acceptable, good));
    if bad > 0 {
        seen.outcomes.push(outcome("2", Grade::Forbidden, bad));
    }
    seen
}

fn full(executions: u64) -> Observation {
    Observation { exploration: Exploration::Exhaustive, ..sampled(executions, 0) }
}

fn join(all: &[Observation]) -> Cell {
    join_on(Engine::Shuttle, Expected::Safe, all)
}

fn join_on(engine: Engine, expected: Expected, all: &[Observation]) -> Cell {
    let cells: Vec<_> = all.iter().map(|seen| cell_of(engine, expected, seen.clone())).collect();
    cell(&cells.iter().map(|cell| Voice { cell, shards: 1 }).collect::<Vec<_>>())
}

#[test]
fn samples_are_added_and_the_bound_is_that_of_the_sum() {
    let joined = join(&[sampled(100, 0), sampled(200, 0), sampled(300, 0)]);
    assert_eq!((joined.observation.executions, joined.observation.outcomes[0].count), (600, 600));
    assert_eq!(joined.judgement.evidence.rate_below, Some(3.0 / 600.0));
    let joined = join_on(Engine::Threads, Expected::Forbidden, &[sampled(90, 10), sampled(200, 0)]);
    let counts: Vec<_> = joined.observation.outcomes.iter().map(|outcome| outcome.count).collect();
    assert_eq!((counts, joined.observation.executions), (vec![290, 10], 300));
    assert_eq!(joined.observation.caveats, [], "what need not be seen is no disagreement");
}

#[test]
fn what_was_explored_in_full_stands() {
    for all in [[sampled(1_000, 0), full(9)], [full(9), sampled(1_000, 0)], [full(9), full(9)]] {
        let joined = join(&all);
        assert_eq!((joined.observation.executions, strength(&joined.observation)), (9, 2));
        assert_eq!(joined.judgement.evidence.rate_below, None);
    }
    let bounded = Exploration::Bounded { by: vec![Bound::Preemptions(2)] };
    let joined = join(&[sampled(1_000, 0), Observation { exploration: bounded, ..full(50) }]);
    assert_eq!((joined.observation.executions, strength(&joined.observation)), (50, 1));
}

/// The planted disagreement, and its twin.
#[test]
fn one_that_saw_it_fail_outvotes_all_others_and_it_is_said() {
    let joined = join(&[full(9), sampled(99, 1), sampled(100, 0)]);
    assert_eq!(joined.judgement.verdict, Verdict::Forbidden);
    assert_eq!(joined.observation.caveats, [Caveat::Differed { failed: 1, of: 3 }]);
    let agreed = join(&[sampled(99, 1), sampled(98, 2)]);
    assert_eq!(agreed.judgement.verdict, Verdict::Forbidden);
    assert_eq!(agreed.observation.caveats, []);
    let race = |mut seen: Observation| {
        seen.fail(Failure::DATA_RACE);
        seen
    };
    let joined = join(&[sampled(100, 0), race(sampled(70, 0)), race(sampled(30, 0))]);
    assert_eq!((joined.judgement.verdict, joined.observation.executions), (Verdict::DataRace, 30));
    assert_eq!(joined.observation.caveats, [Caveat::Differed { failed: 2, of: 3 }]);
}

/// The failure that counts is one, and the others are not lost.
#[test]
fn what_others_saw_fail_is_kept_beside_it() {
    let failing = |failure: Failure| {
        let mut seen = sampled(10, 0);
        seen.fail(failure);
        seen
    };
    let joined = join(&[failing(Failure::DEADLOCK), failing(Failure::DATA_RACE), sampled(9, 1)]);
    assert_eq!(joined.judgement.verdict, Verdict::DataRace);
    assert_eq!(joined.observation.failures.len(), 2);
    assert!(joined.observation.outcomes.iter().any(OutcomeCount::is_violation));
}

#[test]
fn an_end_that_came_too_early_is_not_forgotten() {
    let late = Observation { stopped: Some(Stop::OutOfTime { seconds: 8 }), ..sampled(10, 0) };
    let joined = join(&[sampled(100, 0), late.clone()]);
    assert_eq!(joined.judgement.verdict, Verdict::Inconclusive);
    assert_eq!(join(&[late.clone(), full(9)]).judgement.verdict, Verdict::Safe);
    assert_eq!(join(&[late, sampled(99, 1)]).judgement.verdict, Verdict::Forbidden);
    let fault = Observation { stopped: Some(Stop::ReductionFault), ..sampled(10, 0) };
    assert_eq!(join(&[fault, full(9)]).judgement.verdict, Verdict::Inconclusive);
    let not_yet = Observation { stopped: Some(Stop::NotYet), ..Observation::new(Exploration::Exhaustive) };
    let never = Observation::not_applicable(NotApplicable::SharedMemory);
    for all in [[not_yet.clone(), never.clone()], [never, not_yet.clone()]] {
        assert_eq!(join(&all).judgement.verdict, Verdict::NotApplicable);
    }
    let joined = join(&[not_yet, sampled(100, 0)]);
    assert_eq!((joined.judgement.verdict, joined.observation.executions), (Verdict::Safe, 100));
    let foreign = Observation { stopped: Some(Stop::ForeignThread), ..sampled(10, 1) };
    assert_eq!(join(&[foreign, full(9), sampled(1, 1)]).judgement.verdict, Verdict::Inconclusive);
}

#[test]
fn parts_that_are_not_of_one_run_are_refused_with_the_reason() {
    let of = |shard| report(shard, Expected::Safe, [full(3), sampled(10, 0), sampled(10, 0)]);
    let refused = |change: &dyn Fn(&mut Report), words: &str| {
        let mut other = of("2/3");
        change(&mut other);
        let parts = vec![("a.json".to_owned(), of("1/3")), ("b.json".to_owned(), other)];
        let why = reports(parts).expect_err(words);
        assert!(why.contains(words) && why.contains("b.json") && why.lines().count() == 1, "{why}");
    };
    refused(&|other| other.drawn = vec![drawn("1/3")], "both are of shard 1/3: what it drew counts once");
    refused(&|other| other.drawn = vec![drawn("2/4")], "shard 1/3 and shard 2/4 are not of one run");
    refused(&|other| other.drawn[0].seed = 8, "the seeds are 7 and 8");
    refused(&|other| other.drawn.clear(), "b.json does not say of which shard it is");
    refused(
        &|other| other.scenarios[0].name = "other".to_owned(),
        "only the first has the scenario `scenario`",
    );
    refused(&|other| other.scenarios.clear(), "only the first has the scenario `scenario`");
    refused(&|other| other.scenarios[0].question.clear(), "`scenario` is not the same scenario");
    refused(&|other| other.scenarios[0].designs[0].name.clear(), "has not the same designs");
    refused(&|other| drop(other.scenarios[0].designs[0].cells.pop()), "was not run on the same engines");
    refused(
        &|other| other.scenarios[0].designs[0].cells[0].must_see = true,
        "is not expected to do the same on rc11",
    );
    let grade = |other: &mut Report| {
        other.scenarios[0].designs[0].cells[1].observation.outcomes[0].grade = Grade::Interesting;
    };
    refused(&grade, "does not say the same of the outcome 1");
    assert!(reports(Vec::new()).is_err());
}

fn observations_of(checker: bool) -> impl Strategy<Value = Observation> {
    let grades = [Grade::Acceptable, Grade::Interesting, Grade::Forbidden];
    let outcomes = prop::collection::vec(prop_oneof![3 => Just(0_u64), 1 => 1_u64..50], 3);
    let failures = prop::sample::subsequence(vec![Failure::DATA_RACE, Failure::DEADLOCK], 0..=2);
    let failures = prop_oneof![4 => Just(Vec::new()), 1 => failures];
    let stops = vec![Stop::OutOfTime { seconds: 3 }, Stop::ReductionFault, Stop::ForeignThread, Stop::NotYet];
    let stopped = prop::option::weighted(0.15, prop::sample::select(stops));
    let not_applicable = prop::option::weighted(0.05, Just(NotApplicable::SharedMemory));
    let explorations = if checker { 0..3 } else { 2..3 };
    (outcomes, failures, stopped, not_applicable, explorations).prop_map(
        move |(counts, failures, stopped, not_applicable, exploration)| {
            let exploration = match exploration {
                0 => Exploration::Exhaustive,
                1 => Exploration::Bounded { by: vec![Bound::Preemptions(2)] },
                _ if checker => Exploration::Sampled {
                    how: Sampling::SearchThenRandom { executions: 4, of_about: Some(9.0) },
                },
                _ => Exploration::Sampled { how: Sampling::Threads },
            };
            if stopped == Some(Stop::NotYet) {
                return Observation { stopped, ..Observation::new(exploration) };
            }
            let mut seen = Observation { failures, stopped, not_applicable, ..Observation::new(exploration) };
            seen.executions = counts.iter().sum();
            let rows = grades.into_iter().zip(counts).enumerate().filter(|(_, (_, count))| *count > 0);
            seen.outcomes =
                rows.map(|(value, (grade, count))| outcome(&value.to_string(), grade, count)).collect();
            seen
        },
    )
}

fn parts() -> impl Strategy<Value = Vec<(String, Report)>> {
    let expected = prop::sample::select(vec![Expected::Safe, Expected::Forbidden, Expected::DataRace]);
    let seen = || (observations_of(true), observations_of(true), observations_of(false));
    (expected, prop::collection::vec(seen(), 1..5)).prop_map(|(expected, all)| {
        let of = |(number, (rc11, shuttle, threads))| {
            let shard = format!("{}/5", number + 1);
            (format!("{number}.json"), report(&shard, expected, [rc11, shuttle, threads]))
        };
        all.into_iter().enumerate().map(of).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn the_order_of_the_files_does_not_matter(parts in parts(), turn in 0_usize..5) {
        let joined = reports(parts.clone());
        let mut turned = parts.clone();
        turned.reverse();
        prop_assert_eq!(&reports(turned), &joined);
        let mut turned = parts.clone();
        turned.rotate_left(turn % parts.len());
        prop_assert_eq!(&reports(turned), &joined);
    }

    #[test]
    fn joining_one_file_changes_nothing(parts in parts()) {
        let (name, one) = parts[0].clone();
        prop_assert_eq!(reports(vec![(name, one.clone())]), Ok(one));
    }

    /// Step by step it comes to the same verdicts, counts and shards.
    #[test]
    fn joining_in_steps_comes_to_the_same(parts in parts(), cut in 1_usize..5) {
        let cut = cut.min(parts.len());
        let joined = reports(parts.clone()).expect("of one run");
        let (left, right) = parts.split_at(cut);
        let mut halves = vec![("left".to_owned(), reports(left.to_vec()).expect("of one run"))];
        if !right.is_empty() {
            halves.push(("right".to_owned(), reports(right.to_vec()).expect("of one run")));
        }
        let stepwise = reports(halves).expect("of one run");
        prop_assert_eq!(&stepwise.drawn, &joined.drawn);
        for ((.., one), (.., other)) in stepwise.cells().zip(joined.cells()) {
            prop_assert_eq!(one.judgement.verdict, other.judgement.verdict);
            prop_assert_eq!(one.judgement.as_expected, other.judgement.as_expected);
            prop_assert_eq!(one.judgement.evidence.kind, other.judgement.evidence.kind);
        }
    }

    /// Never safe where any of them was not, and nothing is counted twice.
    #[test]
    fn joining_makes_nothing_safer_than_it_was(parts in parts()) {
        let joined = reports(parts.clone()).expect("of one run");
        for (place, (.., cell)) in joined.cells().enumerate() {
            let all: Vec<_> = parts.iter().filter_map(|(_, part)| Some(part.cells().nth(place)?.2)).collect();
            let verdicts: Vec<_> = all.iter().map(|cell| cell.judgement.verdict).collect();
            let most: u64 = all.iter().map(|cell| cell.observation.executions).sum();
            prop_assert!(cell.observation.executions <= most);
            let kept = |verdict: &Verdict| verdict.is_failure();
            let unreliable = all.iter().any(|cell| cell.observation.stopped.as_ref().is_some_and(Stop::discredits));
            if verdicts.iter().any(kept) && !unreliable {
                prop_assert!(cell.judgement.verdict.is_failure(), "{:?} of {:?}", cell.judgement.verdict, verdicts);
            }
            if cell.judgement.verdict == Verdict::Safe {
                prop_assert!(verdicts.contains(&Verdict::Safe));
                prop_assert!(!verdicts.iter().any(kept));
                if cell.judgement.evidence.rate_below.is_some() {
                    let in_full = |cell: &&Cell| {
                        cell.observation.not_applicable.is_none() && strength(&cell.observation) > 0
                    };
                    prop_assert!(!all.iter().any(in_full));
                }
            }
        }
    }

    #[test]
    fn what_was_joined_can_be_saved_and_read(parts in parts()) {
        let joined = reports(parts).expect("of one run");
        let text = json::render(&joined).expect("JSON");
        prop_assert_eq!(saved::read(&text), Ok(joined));
    }
}
