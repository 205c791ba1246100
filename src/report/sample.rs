//! A report made by hand for the tests of all renderers, with every kind of verdict, evidence and finding in it, and
//! with texts that each format has to escape.

use super::{Cell, DesignReport, Report, ScenarioReport};
use crate::base::budget::Effort;
use crate::base::engine::Engine;
use crate::base::failure::{
    Access, AccessKind, Awaited, Crash, DataRace, Deadlock, Failure, Hang, How, ProcessExit, Waiting, Who,
};
use crate::base::location::Site;
use crate::base::observation::{
    Bound, Caveat, Difference, Exploration, Missing, NotApplicable, Observation, Programs, Sampling, Shrunk,
    Stop,
};
use crate::base::outcome::{Grade, OutcomeCount};
use crate::base::witness::{Call, Calls, GeneratedProgram, Steps, Witness};
use crate::scenario::Expected;
use crate::verdict::{Expectation, judge};
use crate::witness::sample;

/// The report.
pub(crate) fn report() -> Report {
    Report {
        budget: Some(Effort::Quick.budget(7)),
        drawn: Vec::new(),
        scenarios: vec![counter(), locks(), queue()],
    }
}

const FILE: &str = "scenarios/basics/counter.rs";

fn site(line: u32) -> Site {
    Site { file: FILE.to_owned(), line }
}

fn outcome(value: &str, grade: Grade, sentence: &str, count: u64) -> OutcomeCount {
    OutcomeCount { value: value.to_owned(), grade, sentence: sentence.to_owned(), count }
}

fn both(count: u64) -> OutcomeCount {
    outcome("2", Grade::Acceptable, "both were counted", count)
}

fn lost(count: u64) -> OutcomeCount {
    outcome("1", Grade::Forbidden, "an increment was lost", count)
}

fn threads() -> Exploration {
    Exploration::Sampled { how: Sampling::Threads }
}

/// So many executions with these outcomes.
fn seen(exploration: Exploration, outcomes: Vec<OutcomeCount>) -> Observation {
    let executions = outcomes.iter().map(|outcome| outcome.count).sum();
    Observation { executions, outcomes, ..Observation::new(exploration) }
}

fn failing(exploration: Exploration, executions: u64, failure: Failure) -> Observation {
    let mut seen = Observation { executions, ..Observation::new(exploration) };
    seen.fail(failure);
    seen
}

fn stopped(stop: Stop) -> Observation {
    let exploration = Exploration::Sampled { how: Sampling::InterruptedSearch };
    Observation { executions: 12, stopped: Some(stop), ..Observation::new(exploration) }
}

fn with(mut seen: Observation, engine: Engine, witness: &Witness) -> Observation {
    seen.witnesses.push(Witness { engine, token: format!("sv5_{engine}"), ..witness.clone() });
    seen
}

/// A design, on all engines in their order.
fn design(name: &str, expected: Expected, observed: [Observation; 5]) -> DesignReport {
    let cell = |(engine, observation): (Engine, Observation)| {
        let expectation = Expectation { engine, expected, must_see: false };
        let broken = matches!(observation.stopped, Some(Stop::HarnessFailed(_)));
        Cell {
            engine,
            expected,
            expected_because: None,
            must_see: false,
            actors: vec!["A".to_owned(), "B".to_owned()],
            judgement: judge(expectation, &observation),
            opinion: None,
            observation,
            log: String::new(),
            milliseconds: 250,
            broken,
        }
    };
    DesignReport::of_cells(
        name.to_owned(),
        expected,
        Engine::ALL.into_iter().zip(observed).map(cell).collect(),
    )
}

fn counter() -> ScenarioReport {
    ScenarioReport {
        name: "counter".to_owned(),
        file: FILE.to_owned(),
        question: "Two actors add one each. Is an increment ever lost?".to_owned(),
        grades: vec![
            (Grade::Acceptable, "both were counted".to_owned()),
            (Grade::Interesting, "one saw the other".to_owned()),
            (Grade::Forbidden, "an increment was lost".to_owned()),
        ],
        designs: vec![fetch_add(), load_then_store(), plain(), seqcst()],
        in_practice: Some("Use fetch_add.".to_owned()),
    }
}

/// Safe, with each kind of evidence.
fn fetch_add() -> DesignReport {
    let mut loom = seen(Exploration::Exhaustive, vec![both(60)]);
    loom.caveats.push(Caveat::Misses(Missing::NewestRmw));
    let interesting = outcome("(0, 1)", Grade::Interesting, "one saw the other", 30);
    let observed = [
        seen(Exploration::Exhaustive, vec![both(6), interesting]),
        loom,
        seen(Exploration::Bounded { by: vec![Bound::Preemptions(2)] }, vec![both(1_234)]),
        seen(threads(), vec![both(4_300_000)]),
        Observation::not_applicable(NotApplicable::Excluded(
            "threads of one process share their memory".to_owned(),
        )),
    ];
    let mut design = design("fetch_add", Expected::Safe, observed);
    design.cells[3].log = "a worker's words: </script> & \u{1b}[31mred\u{7}".to_owned();
    design
}

/// A forbidden outcome that is expected, with a load that is stale.
fn load_then_store() -> DesignReport {
    let lines = "main new n w=0 :9\nA load n r=0 @Relaxed :12\nA store n w=1 @Release :12\n\
                 B load n r=0 @Acquire :12\nB store n w=1 @Relaxed :12\nmain load n r=1 @Relaxed :20";
    let witness = sample::explained(sample::forbidden("1", "an increment was lost"), &["A", "B"], lines);
    let checked = |bad, good| seen(Exploration::Exhaustive, vec![lost(bad), both(good)]);
    let observed = [
        with(checked(2, 2), Engine::Rc11, &witness),
        with(checked(30, 30), Engine::Loom, &witness),
        checked(2, 2),
        seen(threads(), vec![lost(3_000), both(97_000)]),
        seen(Exploration::Sampled { how: Sampling::Processes }, vec![both(40)]),
    ];
    design("load, then store", Expected::Forbidden, observed)
}

/// A data race that is not expected, with a name that every format has to escape.
fn plain() -> DesignReport {
    let race = |lines: [u32; 2]| {
        let kinds = [AccessKind::Write, AccessKind::Read];
        let accesses = (1..).zip(kinds).zip(lines);
        let access = |((thread, kind), line)| Access { thread, kind, site: Some(site(line)) };
        Failure::DataRace(DataRace { accesses: accesses.map(access).collect() })
    };
    let lines = "main new data w=0 :9\nA set data w=1 :31\nB get data r=1 :33";
    let witness = sample::explained(race([31, 33]), &["A", "B"], lines);
    let mut past = failing(Exploration::Exhaustive, 4, race([31, 33]));
    past.raced = 4;
    past.caveats.push(Caveat::PastRaces);
    let observed = [
        with(
            failing(Exploration::Sampled { how: Sampling::UntilFailure }, 3, race([31, 33])),
            Engine::Rc11,
            &witness,
        ),
        stopped(Stop::Budget { executions: 2_000, within: vec![None, Some(2)] }),
        with(past, Engine::Shuttle, &witness),
        seen(threads(), vec![lost(2), both(999_998)]),
        stopped(Stop::OutOfTime { seconds: 20 }),
    ];
    design("plain | <memory> & \"more\"", Expected::Safe, observed)
}

/// What loom gets wrong, and rc11 says so.
fn seqcst() -> DesignReport {
    let mut loom = seen(Exploration::Exhaustive, vec![lost(1), both(3)]);
    loom.caveats.push(Caveat::LoomSeqCst);
    let random =
        Exploration::Sampled { how: Sampling::SearchThenRandom { executions: 500, of_about: Some(9_000.0) } };
    let observed = [
        seen(Exploration::Exhaustive, vec![both(4)]),
        loom,
        seen(random, vec![both(700)]),
        seen(threads(), vec![both(1)]),
        stopped(Stop::HarnessFailed("no memory".to_owned())),
    ];
    design("SeqCst", Expected::Safe, observed)
}

fn locks() -> ScenarioReport {
    ScenarioReport {
        name: "locks".to_owned(),
        file: "scenarios/locks/locks.rs".to_owned(),
        question: "Two actors take two locks. Does it end?".to_owned(),
        grades: vec![(Grade::Acceptable, "it ends".to_owned())],
        designs: vec![opposite(), unwinding()],
        in_practice: None,
    }
}

/// A deadlock, a hang, a crash, a design that does not repeat.
fn opposite() -> DesignReport {
    let waiting = [(0, Awaited::Lock), (1, Awaited::Lock)];
    let waiting = waiting.map(|(actor, awaits)| Waiting { actor, awaits }).to_vec();
    let deadlock = Failure::Deadlock(Deadlock { waiting });
    let lines = "main new first :5\nmain new second :6\nA lock first scenarios/locks/locks.rs:10\n\
                 B lock second scenarios/locks/locks.rs:15\nA lock second waits scenarios/locks/locks.rs:11\n\
                 B lock first waits scenarios/locks/locks.rs:16";
    let witness = sample::explained(deadlock.clone(), &["A", "B"], lines);
    let hang = Hang { spinning: vec![1], steps: 1_000, asleep: false };
    let observed = [
        stopped(Stop::NotRepeatable(Difference::Operation {
            operation: "lock".to_owned(),
            site: Some(site(10)),
        })),
        failing(Exploration::Exhaustive, 9, Failure::Hang(hang)),
        with(failing(Exploration::Exhaustive, 4, deadlock.clone()), Engine::Shuttle, &witness),
        failing(threads(), 88, Failure::Hang(Hang::default())),
        failing(threads(), 7, Failure::Crash(Crash::new(Who::Actor(1), How::Ended(ProcessExit::Signal(11))))),
    ];
    design("in opposite order", Expected::Deadlock, observed)
}

/// A panic that is expected, and missed by some.
fn unwinding() -> DesignReport {
    let panic = How::Panic { message: Some("it must not be 0".to_owned()), site: Some(site(44)) };
    let crash = Failure::Crash(Crash::new(Who::Actor(0), panic));
    let fine = || outcome("()", Grade::Acceptable, "it ends", 5);
    let observed = [
        failing(Exploration::Exhaustive, 2, crash.clone()),
        seen(Exploration::Exhaustive, vec![fine()]),
        seen(
            Exploration::Sampled { how: Sampling::Programs(Programs::Explored { all: 20, in_full: 5 }) },
            vec![fine()],
        ),
        failing(threads(), 1, Failure::DEADLOCK),
        Observation::not_applicable(NotApplicable::OwnsHeapMemory),
    ];
    design("a panic", Expected::Crash, observed)
}

/// A generated program with its history.
fn queue() -> ScenarioReport {
    let value = "no order explains A: Push(1) = (); B: Pop = None, Pop = Some(1)";
    let bad = |count| outcome(value, Grade::Forbidden, "the history is not linearizable", count);
    let lines = "main new head w=0\nA store head w=1 @Release scenarios/objects/queue.rs:18\n\
                 B load head r=0 @Relaxed scenarios/objects/queue.rs:25";
    let shows = sample::forbidden(value, "the history is not linearizable");
    let mut witness = sample::explained(shows, &["A", "B"], lines);
    witness.shortest = false;
    witness.program = Some(program());
    let exploration = Exploration::Sampled { how: Sampling::Programs(Programs::Failing) };
    let mut failed = with(seen(exploration, vec![bad(1)]), Engine::Shuttle, &witness);
    failed.executions = 321;
    failed.caveats.push(Caveat::Shrunk(Shrunk {
        number: 3,
        operations_before: 9,
        tried: 40,
        operations_after: 3,
        program: None,
        ended: None,
    }));
    let fine = || {
        outcome("fits the model", Grade::Acceptable, "an order of the operations explains every return", 100)
    };
    let sampled = Exploration::Sampled { how: Sampling::Programs(Programs::Sampled(8)) };
    let observed = [
        seen(
            Exploration::Sampled { how: Sampling::Programs(Programs::Explored { all: 8, in_full: 8 }) },
            vec![fine()],
        ),
        stopped(Stop::NoOperation),
        failed,
        seen(sampled.clone(), vec![bad(3), fine()]),
        seen(sampled, vec![fine()]),
    ];
    ScenarioReport {
        name: "queue".to_owned(),
        file: "scenarios/objects/queue.rs".to_owned(),
        question: "Is what is pushed popped?".to_owned(),
        grades: Vec::new(),
        designs: vec![design("no fence", Expected::Safe, observed)],
        in_practice: None,
    }
}

fn program() -> GeneratedProgram {
    let call = |actor, operation: &str, returns: &str, called, returned| Call {
        actor,
        operation: operation.to_owned(),
        returns: returns.to_owned(),
        called,
        returned,
    };
    let steps = |all: &[&str]| all.iter().map(|&step| step.to_owned()).collect::<Vec<_>>();
    GeneratedProgram {
        table: "        A        B\n        Push(1)  Pop\n                 Pop\n".to_owned(),
        history: Some("B's Pop = None cannot be explained.\n".to_owned()),
        steps: Steps {
            prefix: steps(&["Push(0)"]),
            parts: vec![steps(&["Push(1)"]), steps(&["Pop", "Pop"])],
            suffix: steps(&[]),
        },
        calls: Some(Calls {
            operations: vec![
                call(None, "Push(0)", "()", 0, 1),
                call(Some(0), "Push(1)", "()", 10, 13),
                call(Some(1), "Pop", "None", 12, 15),
                call(Some(1), "Pop", "Some(1)", 16, 17),
            ],
            order: vec![0, 1],
            stuck: 2,
        }),
        test: "#[test]\nfn no_fence() {}\n".to_owned(),
    }
}
