//! What selvedge costs, and what it gains, against what a user would write instead: ratios within one run.
//!
//! `cargo bench` prints the table; a ratio below its bound is marked, and makes the exit code 1.

use selvedge::__private::bench;
use selvedge::prelude::*;
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

/// How often each pair is measured; the median ratio counts.
const ROUNDS: usize = 7;

fn main() -> ExitCode {
    let mut rows = Vec::new();
    for round in 0..ROUNDS {
        eprintln!("round {} of {ROUNDS}", round + 1);
        rows.push(round_of_ratios());
    }
    println!("{:<58} {:>14} {:>14} {:>10} {:>9}", "", "selvedge /s", "instead /s", "ratio", "at least");
    let mut below = false;
    for index in 0..rows[0].len() {
        let mut same: Vec<&Row> = rows.iter().map(|round| &round[index]).collect();
        same.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
        let row = same[ROUNDS / 2];
        let mark = if row.ratio() < row.bound { " !" } else { "" };
        below |= row.ratio() < row.bound;
        println!(
            "{:<58} {:>14.0} {:>14.0} {:>10.2} {:>9}{mark}",
            row.what,
            row.ours,
            row.theirs,
            row.ratio(),
            row.bound
        );
    }
    below |= !seen("lost updates in `load, then store`", &rows, |row| row.lost);
    below |= !seen("(0, 0) in relaxed store buffering", &rows, |row| row.buffered);
    if below { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// One line of the table.
struct Row {
    what: &'static str,
    ours: f64,
    theirs: f64,
    bound: f64,
    /// Shares of samples with the outcome that only racing shows, where that was looked for.
    lost: Option<f64>,
    buffered: Option<f64>,
}

impl Row {
    fn new(what: &'static str, ours: f64, theirs: f64, bound: f64) -> Self {
        Self { what, ours, theirs, bound, lost: None, buffered: None }
    }

    fn ratio(&self) -> f64 {
        self.ours / self.theirs
    }
}

fn seen(what: &str, rows: &[Vec<Row>], share: impl Fn(&Row) -> Option<f64>) -> bool {
    let shares: Vec<f64> = rows.iter().flatten().filter_map(share).collect();
    let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let most = shares.iter().copied().fold(0.0, f64::max);
    println!("{what}: {:.3} % to {:.3} % of samples", least * 100.0, most * 100.0);
    !shares.is_empty() && most > 0.0
}

fn round_of_ratios() -> Vec<Row> {
    let threads = bench::sample(Threads, lost_update(), Duration::from_millis(500));
    let processes = bench::sample(Processes, lost_update(), Duration::from_millis(500));
    let mut against_spawning = Row::new(
        "threads: samples, against two spawned threads per sample",
        threads.per_second,
        spawn_loop(),
        5000.0,
    );
    against_spawning.lost = Some(threads.share_of("1"));
    let mut across = Row::new(
        "processes over a shared mapping: samples, against threads",
        processes.per_second,
        threads.per_second,
        0.5,
    );
    across.lost = Some(processes.share_of("1"));
    for engine in [Threads, Processes] {
        let buffering = bench::sample(engine, store_buffering(), Duration::from_millis(500));
        let row = if engine == Threads { &mut against_spawning } else { &mut across };
        row.buffered = Some(buffering.share_of("(0, 0)"));
    }
    vec![
        Row::new("facade on loom: executions, atomics", facade_on_loom(), raw_loom(), 0.9),
        Row::new("facade on loom: executions, mutex", facade_on_loom_mutex(), raw_loom_mutex(), 0.9),
        Row::new("facade on shuttle: executions, atomics", facade_on_shuttle(false), raw_shuttle(), 0.9),
        Row::new(
            "facade on shuttle: executions, mutex",
            facade_on_shuttle_mutex(false),
            raw_shuttle_mutex(),
            0.9,
        ),
        Row::new(
            "race detector on shuttle: executions, against without",
            facade_on_shuttle(true),
            facade_on_shuttle(false),
            0.5,
        ),
        against_spawning,
        across,
    ]
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

/// The same program for several sets of types: two threads, four operations each.
macro_rules! atomics {
    ($atomic:path, $arc:path, $spawn:path) => {
        move || {
            let cells = <$arc>::new((<$atomic>::new(0), <$atomic>::new(0)));
            let threads = [0, 1].map(|_| {
                let cells = <$arc>::clone(&cells);
                $spawn(move || {
                    cells.0.fetch_add(1, Ordering::AcqRel);
                    cells.1.store(1, Ordering::Release);
                    cells.1.load(Ordering::Acquire);
                    cells.0.load(Ordering::Acquire)
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

fn loom_rate(model: impl Fn() + Send + Sync + 'static) -> f64 {
    let executions = std::sync::Arc::new(AtomicU64::new(0));
    let counted = std::sync::Arc::clone(&executions);
    let start = Instant::now();
    loom::model::Builder::new().check(move || {
        counted.fetch_add(1, Relaxed);
        model();
    });
    rate(executions.load(Relaxed), start)
}

fn facade_on_loom() -> f64 {
    let _entered = bench::enter(Loom);
    loom_rate(atomics!(AtomicU32, std::sync::Arc<_>, thread::spawn))
}

fn raw_loom() -> f64 {
    loom_rate(atomics!(loom::sync::atomic::AtomicU32, std::sync::Arc<_>, loom::thread::spawn))
}

fn facade_on_loom_mutex() -> f64 {
    let _entered = bench::enter(Loom);
    loom_rate(mutexes!(Mutex<i32>, std::sync::Arc<_>, thread::spawn))
}

fn raw_loom_mutex() -> f64 {
    loom_rate(mutexes!(loom::sync::Mutex<i32>, std::sync::Arc<_>, loom::thread::spawn))
}

const SHUTTLE_EXECUTIONS: usize = 5_000;

fn shuttle_rate(model: impl Fn() + Send + Sync + 'static) -> f64 {
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    let scheduler = shuttle::scheduler::RandomScheduler::new_from_seed(1, SHUTTLE_EXECUTIONS);
    let start = Instant::now();
    shuttle::Runner::new(scheduler, config).run(model);
    rate(SHUTTLE_EXECUTIONS as u64, start)
}

/// The facade, with or without the race detector.
fn facade_shuttle_rate(model: impl Fn() + Send + Sync + 'static, detector: bool) -> f64 {
    let _entered = bench::enter(Shuttle);
    shuttle_rate(move || {
        if detector {
            bench::traced(&model);
        } else {
            model();
        }
    })
}

fn facade_on_shuttle(detector: bool) -> f64 {
    facade_shuttle_rate(atomics!(AtomicU32, std::sync::Arc<_>, thread::spawn), detector)
}

fn raw_shuttle() -> f64 {
    shuttle_rate(atomics!(shuttle::sync::atomic::AtomicU32, std::sync::Arc<_>, shuttle::thread::spawn))
}

fn facade_on_shuttle_mutex(detector: bool) -> f64 {
    facade_shuttle_rate(mutexes!(Mutex<i32>, std::sync::Arc<_>, thread::spawn), detector)
}

fn raw_shuttle_mutex() -> f64 {
    shuttle_rate(mutexes!(shuttle::sync::Mutex<i32>, std::sync::Arc<_>, shuttle::thread::spawn))
}

fn rate(executions: u64, start: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    let executions = executions as f64;
    executions / start.elapsed().as_secs_f64()
}
