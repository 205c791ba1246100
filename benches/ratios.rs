//! What selvedge costs, and what it gains, against what a user would write instead: ratios within one run.
//!
//! `cargo bench` prints the table; a ratio below its bound is marked, and makes the exit code 1.

use selvedge::__private::bench::{self, Watched};
use selvedge::prelude::*;
use shuttle::scheduler::{RandomScheduler, Scheduler};
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

/// A pair to be measured: what is counted, per second on both sides, how often (the median ratio counts), and
/// the least ratio that will do.
struct Pair {
    what: &'static str,
    ours: fn() -> f64,
    theirs: fn() -> f64,
    rounds: usize,
    at_least: f64,
}

/// Rounds of a tenth of a second and more.
const LONG: usize = 11;

/// Rounds of some hundredths, in which both sides meet the same moods of the machine.
const SHORT: usize = 101;

const PAIRS: [Pair; 14] = [
    Pair {
        what: "facade on loom: executions, atomics",
        ours: facade_on_loom,
        theirs: raw_loom,
        rounds: SHORT,
        at_least: 0.9,
    },
    Pair {
        what: "facade on loom: executions, mutex",
        ours: facade_on_loom_mutex,
        theirs: raw_loom_mutex,
        rounds: SHORT,
        at_least: 0.9,
    },
    Pair {
        what: "facade on shuttle: executions, atomics",
        ours: facade_on_shuttle,
        theirs: raw_shuttle,
        rounds: SHORT,
        at_least: 0.9,
    },
    Pair {
        what: "facade on shuttle: executions, mutex",
        ours: facade_on_shuttle_mutex,
        theirs: raw_shuttle_mutex,
        rounds: SHORT,
        at_least: 0.9,
    },
    Pair {
        what: "race detector on shuttle: executions, against without",
        ours: || beside_a_cell(Watched::Clocks),
        theirs: || beside_a_cell(Watched::Not),
        rounds: SHORT,
        at_least: 0.5,
    },
    Pair {
        what: "reduced search: 3 actors x 2 additions, against loom",
        ours: || searches_per_second(3),
        theirs: loom_searches,
        rounds: LONG,
        at_least: 100.0,
    },
    Pair {
        what: "reduced search: 3 actors x 2 additions, against DFS",
        ours: || searches_per_second(3),
        theirs: depth_first_searches,
        rounds: LONG,
        at_least: 100.0,
    },
    Pair {
        what: "reduced search: 4 actors x 2 additions, against 1 s",
        ours: || searches_per_second(4),
        theirs: || 1.0,
        rounds: LONG,
        at_least: 1.0,
    },
    Pair {
        what: "reduced search: executions, against random ones",
        ours: reduced_executions,
        theirs: raw_random_executions,
        rounds: LONG,
        at_least: 0.7,
    },
    Pair {
        what: "reduced search: executions, two cores against one",
        ours: || executions_on(2),
        theirs: || executions_on(1),
        rounds: LONG,
        at_least: 1.5,
    },
    Pair {
        what: "clocks and events on shuttle: executions, against without",
        ours: || beside_a_cell(Watched::ClocksAndEvents),
        theirs: || beside_a_cell(Watched::Not),
        rounds: SHORT,
        at_least: 0.5,
    },
    Pair {
        what: "shortest witness of a lost update, against 1 s",
        ours: witnesses,
        theirs: once_a_second,
        rounds: LONG,
        at_least: 1.0,
    },
    Pair {
        what: "threads: samples, against two spawned threads each",
        ours: on_threads,
        theirs: spawn_loop,
        rounds: LONG,
        at_least: 5000.0,
    },
    Pair {
        what: "processes, shared mapping: samples, against threads",
        ours: on_processes,
        theirs: on_threads,
        rounds: LONG,
        at_least: 0.5,
    },
];

fn main() -> ExitCode {
    // cargo passes `--bench`; any other argument chooses the pairs whose name contains it.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let chosen =
        |pair: &&Pair| wanted.is_empty() || wanted.iter().any(|part| pair.what.contains(part.as_str()));
    println!("{:<60} {:>13} {:>13} {:>9} {:>9}", "", "selvedge /s", "instead /s", "ratio", "at least");
    let mut all_good = true;
    for pair in PAIRS.iter().filter(chosen) {
        let mut rounds: Vec<(f64, f64)> =
            (0..pair.rounds).map(|_| ((pair.ours)(), (pair.theirs)())).collect();
        rounds.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
        let (ours, theirs) = rounds[pair.rounds / 2];
        let good = ours / theirs >= pair.at_least;
        all_good &= good;
        let mark = if good { "" } else { " !" };
        println!(
            "{:<60} {ours:>13.0} {theirs:>13.0} {:>9.2} {:>9}{mark}",
            pair.what,
            ours / theirs,
            pair.at_least
        );
    }
    if wanted.is_empty() {
        for engine in [Threads, Processes] {
            all_good &= seen(engine, lost_update(), "1", "lost updates in `load, then store`");
            all_good &= seen(engine, store_buffering(), "(0, 0)", "(0, 0) in relaxed store buffering");
        }
    }
    if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether an outcome that only racing shows is seen.
fn seen<O: selvedge::Outcome>(engine: Engine, scenario: Scenario<O>, outcome: &str, what: &str) -> bool {
    let share = bench::sample(engine, scenario, SAMPLING).share_of(outcome);
    println!("{what} on {engine}: {:.2} % of samples", share * 100.0);
    share > 0.0
}

const SAMPLING: Duration = Duration::from_millis(500);

fn on_threads() -> f64 {
    bench::sample(Threads, lost_update(), SAMPLING).per_second
}

fn on_processes() -> f64 {
    bench::sample(Processes, lost_update(), SAMPLING).per_second
}

fn lost_update() -> Scenario<u32> {
    Scenario::new("Is an increment lost?").acceptable("maybe", |_| true).design(
        "load, then store",
        Design::new(|| AtomicU32::new(0))
            .actors(2, |n| n.store(n.load(Relaxed) + 1, Relaxed))
            .observe(|n, _| n.load(Relaxed)),
    )
}

fn store_buffering() -> Scenario<(u32, u32)> {
    let enter = |mine: &AtomicU32, other: &AtomicU32| {
        mine.store(1, Relaxed);
        other.load(Relaxed)
    };
    Scenario::new("Do both miss the other?").acceptable("maybe", |_| true).design(
        "relaxed",
        Design::new(|| [AtomicU32::new(0), AtomicU32::new(0)])
            .actor("A", move |[a, b]| enter(a, b))
            .actor("B", move |[a, b]| enter(b, a))
            .observe(|_, saw| (saw[0], saw[1])),
    )
}

/// Samples per second of a loop that spawns two threads for each.
fn spawn_loop() -> f64 {
    let start = Instant::now();
    let mut samples = 0_u32;
    while start.elapsed() < Duration::from_millis(300) {
        let n = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let threads = [0, 1].map(|_| {
            let n = std::sync::Arc::clone(&n);
            std::thread::spawn(move || n.store(n.load(Relaxed) + 1, Relaxed))
        });
        for thread in threads {
            thread.join().expect("an actor returns");
        }
        std::hint::black_box(n.load(Relaxed));
        samples += 1;
    }
    f64::from(samples) / start.elapsed().as_secs_f64()
}

/// The same program for several sets of types: two threads, four operations each. No atomic is loaded twice:
/// there loom's own search has a gap, which the facade completes at the price of a second operation for each,
/// so that executions would not be the same.
macro_rules! atomics {
    ($atomic:path, $arc:path, $spawn:path) => {
        move || {
            let cells = <$arc>::new([0, 1, 2].map(|_| <$atomic>::new(0)));
            let threads = [0, 1].map(|actor| {
                let cells = <$arc>::clone(&cells);
                $spawn(move || {
                    cells[2].fetch_add(1, Ordering::AcqRel);
                    cells[actor].store(1, Ordering::Release);
                    cells[2].fetch_add(1, Ordering::AcqRel);
                    cells[1 - actor].load(Ordering::Acquire)
                })
            });
            for thread in threads {
                thread.join().expect("an actor returns");
            }
        }
    };
}

macro_rules! mutexes {
    ($mutex:path, $arc:path, $spawn:path) => {
        move || {
            let n = <$arc>::new(<$mutex>::new(0));
            let threads = [0, 1, 2].map(|_| {
                let n = <$arc>::clone(&n);
                $spawn(move || {
                    *n.lock().expect("not poisoned") += 1;
                    *n.lock().expect("not poisoned") += 1;
                })
            });
            for thread in threads {
                thread.join().expect("an actor returns");
            }
        }
    };
}

/// As many as fit into a short round; both programs have more.
const LOOM_EXECUTIONS: usize = 200;

fn loom_rate(model: impl Fn() + Send + Sync + 'static) -> f64 {
    let executions = std::sync::Arc::new(AtomicU64::new(0));
    let counted = std::sync::Arc::clone(&executions);
    let mut builder = loom::model::Builder::new();
    builder.max_permutations = Some(LOOM_EXECUTIONS);
    builder.checkpoint_interval = LOOM_EXECUTIONS;
    let start = Instant::now();
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        model();
    });
    let executions = executions.load(Relaxed);
    assert!(executions + 1 >= LOOM_EXECUTIONS as u64, "the program has only {executions} executions");
    rate(executions, start)
}

fn facade_on_loom() -> f64 {
    let _entered = bench::enter(Loom);
    let model = atomics!(AtomicU32, std::sync::Arc<_>, thread::spawn);
    loom_rate(move || bench::execution(model, Watched::Not))
}

fn raw_loom() -> f64 {
    loom_rate(atomics!(loom::sync::atomic::AtomicU32, std::sync::Arc<_>, loom::thread::spawn))
}

fn facade_on_loom_mutex() -> f64 {
    let _entered = bench::enter(Loom);
    let model = mutexes!(Mutex<i32>, std::sync::Arc<_>, thread::spawn);
    loom_rate(move || bench::execution(model, Watched::Not))
}

fn raw_loom_mutex() -> f64 {
    loom_rate(mutexes!(loom::sync::Mutex<i32>, std::sync::Arc<_>, loom::thread::spawn))
}

const SHUTTLE_EXECUTIONS: usize = 2_000;

fn random_schedules() -> RandomScheduler {
    RandomScheduler::new_from_seed(1, SHUTTLE_EXECUTIONS)
}

fn shuttle_rate(scheduler: impl Scheduler + Send + 'static, model: impl Fn() + Send + Sync + 'static) -> f64 {
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    let start = Instant::now();
    shuttle::Runner::new(scheduler, config).run(model);
    rate(SHUTTLE_EXECUTIONS as u64, start)
}

/// The facade, with or without the race detector.
fn facade_shuttle_rate(model: impl Fn() + Send + Sync + 'static, watched: Watched) -> f64 {
    let _entered = bench::enter(Shuttle);
    shuttle_rate(bench::Tracking(random_schedules()), move || bench::execution(&model, watched))
}

fn facade_on_shuttle() -> f64 {
    facade_shuttle_rate(atomics!(AtomicU32, std::sync::Arc<_>, thread::spawn), Watched::Not)
}

/// The same beside a plain cell, which is there from the beginning: only then there is something to detect.
fn beside_a_cell(watched: Watched) -> f64 {
    let model = atomics!(AtomicU32, std::sync::Arc<_>, thread::spawn);
    let beside = move || {
        let cell = Plain::new(0);
        model();
        cell.set(1);
    };
    facade_shuttle_rate(beside, watched)
}

/// Witnesses of a lost update per second, exploring and shortening included.
fn witnesses() -> f64 {
    let scenario =
        Scenario::new("Is an increment lost?").forbidden("yes", |&n| n < 2).acceptable("no", |_| true);
    let design = Design::new(|| AtomicU32::new(0))
        .actors(2, |n| n.store(n.load(Relaxed) + 1, Relaxed))
        .observe(|n, _| n.load(Relaxed));
    let (seconds, events) = bench::witness(scenario.design("load, then store", design));
    assert!(events >= 4, "a lost update has at least four events, not {events}");
    1.0 / seconds
}

fn once_a_second() -> f64 {
    1.0
}

fn raw_shuttle() -> f64 {
    shuttle_rate(
        random_schedules(),
        atomics!(shuttle::sync::atomic::AtomicU32, std::sync::Arc<_>, shuttle::thread::spawn),
    )
}

fn facade_on_shuttle_mutex() -> f64 {
    facade_shuttle_rate(mutexes!(Mutex<i32>, std::sync::Arc<_>, thread::spawn), Watched::Not)
}

fn raw_shuttle_mutex() -> f64 {
    shuttle_rate(
        random_schedules(),
        mutexes!(shuttle::sync::Mutex<i32>, std::sync::Arc<_>, shuttle::thread::spawn),
    )
}

/// So many actors that add to one counter twice.
fn additions(actors: usize) -> Scenario<u32> {
    Scenario::new("Is an addition lost?").acceptable("no", |_| true).design(
        "fetch_add",
        Design::new(|| AtomicU32::new(0))
            .actors(actors, |n| {
                n.fetch_add(1, Relaxed);
                n.fetch_add(1, Relaxed);
            })
            .observe(|n, _| n.load(Relaxed)),
    )
}

/// The same for other sets of types.
macro_rules! raw_additions {
    ($actors:expr, $atomic:path, $spawn:path) => {
        move || {
            let n = std::sync::Arc::new(<$atomic>::new(0));
            let threads: Vec<_> = (0..$actors)
                .map(|_| {
                    let n = std::sync::Arc::clone(&n);
                    $spawn(move || {
                        n.fetch_add(1, Relaxed);
                        n.fetch_add(1, Relaxed);
                    })
                })
                .collect();
            for thread in threads {
                thread.join().expect("an actor returns");
            }
        }
    };
}

/// Whole searches per second, short ones repeated.
fn searches_per_second(actors: usize) -> f64 {
    let (mut searches, start) = (0_u32, Instant::now());
    while searches == 0 || start.elapsed() < Duration::from_millis(50) {
        bench::explore(Engine::Shuttle, additions(actors), u64::MAX);
        searches += 1;
    }
    f64::from(searches) / start.elapsed().as_secs_f64()
}

fn loom_searches() -> f64 {
    let start = Instant::now();
    loom::model::Builder::new().check(raw_additions!(3, loom::sync::atomic::AtomicU32, loom::thread::spawn));
    1.0 / start.elapsed().as_secs_f64()
}

/// Executions after which the plain search is given up, so that its time is a lower bound.
const DEPTH_FIRST: usize = 100_000;

fn depth_first_searches() -> f64 {
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    let scheduler = shuttle::scheduler::DfsScheduler::new(Some(DEPTH_FIRST), false);
    let start = Instant::now();
    shuttle::Runner::new(scheduler, config).run(raw_additions!(
        3,
        shuttle::sync::atomic::AtomicU32,
        shuttle::thread::spawn
    ));
    1.0 / start.elapsed().as_secs_f64()
}

/// About as many executions as are run at random, so that neither side starts up more often than it must.
fn reduced_executions() -> f64 {
    let searches: Vec<_> = (0..8).map(|_| bench::explore(Engine::Shuttle, additions(4), u64::MAX)).collect();
    let executions: u64 = searches.iter().map(|searched| searched.executions + searched.others).sum();
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    let executions = executions as f64;
    executions / searches.iter().map(|searched| searched.seconds).sum::<f64>()
}

/// Executions per second of a search that takes some seconds, on so many cores.
fn executions_on(cores: usize) -> f64 {
    let searched = bench::explore_on(cores, Engine::Shuttle, additions(5), u64::MAX);
    assert_eq!(searched.executions + searched.others, 113_400);
    113_400.0 / searched.seconds
}

fn raw_random_executions() -> f64 {
    shuttle_rate(
        random_schedules(),
        raw_additions!(4, shuttle::sync::atomic::AtomicU32, shuttle::thread::spawn),
    )
}

fn rate(executions: u64, start: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    let executions = executions as f64;
    executions / start.elapsed().as_secs_f64()
}
