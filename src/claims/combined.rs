//! The same job by threads, by processes and by processes of threads; and what a crash of one worker costs.

use super::child::{self, Child};
use super::cpu::burn;
use super::measure::{Spread, in_turn, ratio, seconds};
use super::python;
use super::{Bench, Figure, Finding, Measured, Verdict};
use std::hint::black_box;
use std::io::{Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const REPETITIONS: usize = 7;
const WORKERS: u64 = 4;
/// Messages of each worker.
const MESSAGES: u64 = 4_000;

/// The sum of all messages.
const SUM: u64 = WORKERS * MESSAGES * (MESSAGES + 1) / 2;

/// Seconds for all messages through one channel.
fn by_channel() -> anyhow::Result<f64> {
    let mut sum = 0;
    let spent = seconds(|| {
        let (send, receive) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..WORKERS {
                let send = send.clone();
                scope
                    .spawn(move || (1..=MESSAGES).for_each(|message| send.send(message).unwrap_or_default()));
            }
            drop(send);
            sum = receive.iter().sum::<u64>();
        });
    });
    anyhow::ensure!(sum == SUM, "the channel's sum is {sum}, not {SUM}");
    Ok(spent)
}

/// Seconds for all messages through one pipe.
fn by_pipe() -> anyhow::Result<f64> {
    let mut sum = Ok(0);
    let spent = seconds(|| sum = sum_through_a_pipe());
    let sum = sum?;
    anyhow::ensure!(sum == SUM, "the pipe's sum is {sum}, not {SUM}");
    Ok(spent)
}

fn sum_through_a_pipe() -> anyhow::Result<u64> {
    let (mut read, mut write) = child::pipe()?;
    let mut children = Vec::new();
    for _ in 0..WORKERS {
        children.push(Child::new(|| {
            u8::from(!(1..=MESSAGES).all(|message| write.write_all(&message.to_le_bytes()).is_ok()))
        })?);
    }
    drop(write);
    let mut sum = 0;
    for _ in 0..WORKERS * MESSAGES {
        let mut message = [0; size_of::<u64>()];
        read.read_exact(&mut message)?;
        sum += u64::from_le_bytes(message);
    }
    children.into_iter().try_for_each(|child| child.wait().map(drop))?;
    Ok(sum)
}

/// How many of four threads' results are left after one of them aborts.
fn left_of_threads() -> anyhow::Result<usize> {
    let (said, _) = child::ask(|| {
        let work = |worker: u64| if worker == 0 { std::process::abort() } else { black_box(burn(1_000)) };
        let threads: Vec<_> = (0..WORKERS).map(|worker| thread::spawn(move || work(worker))).collect();
        let done = threads.into_iter().filter_map(|thread| thread.join().ok()).count();
        vec![u8::try_from(done).unwrap_or(u8::MAX)]
    })?;
    Ok(said.first().copied().map_or(0, usize::from))
}

/// How many of four processes' results are left after one of them aborts.
fn left_of_processes() -> anyhow::Result<usize> {
    let mut left = 0;
    for worker in 0..WORKERS {
        let work = || {
            if worker == 0 {
                std::process::abort();
            }
            vec![u8::from(black_box(burn(1_000)) > 0)]
        };
        left += child::ask(work)?.0.len();
    }
    Ok(left)
}

pub(super) fn price_of_isolation(_: &Bench<'_>) -> anyhow::Result<Measured> {
    let [channel, pipe] = in_turn(REPETITIONS, [&mut by_channel, &mut by_pipe])?;
    let price = ratio(&pipe, &channel);
    let (threads_left, processes_left) = (left_of_threads()?, left_of_processes()?);
    let findings = vec![
        Finding::new("one of four threads crashes: no result is left", threads_left == 0),
        Finding::new("one of four processes crashes: the other three results are left", processes_left == 3),
    ];
    let isolated = threads_left == 0 && processes_left == 3;
    let verdict = match isolated {
        true if price.above(1.5) => Verdict::Holds,
        true if price.below(1.0) => Verdict::HoldsIf("isolation is what counts: here it is free".to_owned()),
        true => Verdict::Undecided("isolation holds; its price is too close to none".to_owned()),
        false => Verdict::DoesNotHold,
    };
    let messages = WORKERS * MESSAGES;
    Ok(Measured {
        verdict,
        decided_by: format!(
            "{messages} small messages: pipes take {:.1} times as long as a channel; a crash of one of 4 workers leaves \
             {processes_left} results of processes, {threads_left} of threads",
            price.median
        ),
        figures: vec![
            Figure::micros(format!("{messages} messages by threads, channel"), &channel),
            Figure::micros(format!("{messages} messages by processes, pipe"), &pipe),
            Figure::ratio("pipe over channel", price),
        ],
        findings,
        charts: Vec::new(),
    })
}

const TASKS: u64 = 16;
const ROUNDS: u64 = 2_000_000;
const WAIT: Duration = Duration::from_millis(12);

fn task() {
    black_box(burn(ROUNDS));
    thread::sleep(WAIT);
}

/// Does tasks by so many threads of this process.
fn by_threads(threads: u64, tasks: u64) {
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..tasks / threads).for_each(|_| task()));
        }
    });
}

/// Does all tasks by two processes of so many threads.
fn by_processes(threads: u64) -> anyhow::Result<f64> {
    let work = || {
        by_threads(threads, TASKS / 2);
        0
    };
    let mut ended = Ok(());
    let spent = seconds(|| {
        ended = [(); 2]
            .map(|()| Child::new(work))
            .into_iter()
            .collect::<anyhow::Result<Vec<_>>>()
            .and_then(|children| children.into_iter().try_for_each(|child| child.wait().map(drop)));
    });
    ended.map(|()| spent)
}

pub(super) fn both(bench: &Bench<'_>) -> anyhow::Result<Measured> {
    let [threads, processes, both] = in_turn(
        REPETITIONS,
        [&mut || Ok(seconds(|| by_threads(8, TASKS))), &mut || by_processes(1), &mut || by_processes(4)],
    )?;
    let native = [ratio(&threads, &both), ratio(&processes, &both)];
    let mut figures = vec![
        Figure::ratio("native: 8 threads over 2 processes of 4 threads, time", native[0]),
        Figure::ratio("native: 2 processes over 2 processes of 4 threads, time", native[1]),
    ];
    let mut findings = Vec::new();
    let python = python::mixed();
    let python = with_python(&python, &mut figures, &mut findings);
    if let Some(designs) = bench.books.verdicts("interpreter_lock")? {
        findings.extend(designs.iter().map(|design| {
            Finding::new(format!("in the model, {}: {}", design.design, design.verdict), true)
        }));
    }
    let (verdict, words) = match python {
        Some(python) => (python.verdict(), python.words()),
        None => (
            Verdict::Undecided(
                "there is no interpreter to ask; natively threads alone do as well".to_owned(),
            ),
            "CPython: not run".to_owned(),
        ),
    };
    let decided_by =
        format!("native: 8 threads take {:.1} times the time of 2 x 4; {words}", native[0].median);
    Ok(Measured { verdict, decided_by, figures, findings, charts: Vec::new() })
}

/// What an interpreter showed.
struct Interpreted {
    threads: Spread,
    processes: Spread,
    lost: [u64; 3],
    lock: bool,
}

const INTERPRETED: [&str; 2] = [
    "CPython: 8 threads over 2 processes of 4 threads, time",
    "CPython: 2 processes over 2 processes of 4 threads, time",
];

fn with_python(
    mixed: &Result<python::Mixed, String>,
    figures: &mut Vec<Figure>,
    findings: &mut Vec<Finding>,
) -> Option<Interpreted> {
    let mixed = match mixed {
        Ok(mixed) => mixed,
        Err(why) => {
            figures.extend(INTERPRETED.map(|what| Figure::not_run(what, "times", why)));
            return None;
        }
    };
    let spreads = [ratio(&mixed.threads, &mixed.both), ratio(&mixed.processes, &mixed.both)];
    figures.extend(INTERPRETED.iter().zip(spreads).map(|(what, spread)| Figure::ratio(*what, spread)));
    findings.push(Finding::new(mixed.interpreter.name(), true));
    let ways = ["x += 1", "x += one()", "x += one() under a lock"];
    for (way, lost) in ways.iter().zip(mixed.lost) {
        findings.push(Finding::new(format!("{way}: {lost} of {} additions lost", mixed.additions), true));
    }
    let [threads, processes] = spreads;
    Some(Interpreted { threads, processes, lost: mixed.lost, lock: mixed.interpreter.lock })
}

impl Interpreted {
    fn verdict(&self) -> Verdict {
        if self.lost[2] > 0 {
            return Verdict::Undecided("additions under a lock were lost".to_owned());
        }
        match (self.threads.above(1.1), self.processes.above(1.3), self.lock) {
            (true, true, true) => Verdict::HoldsIf(
                "threads cannot use the cores, as in CPython; native threads alone do as well".to_owned(),
            ),
            (_, true, false) => {
                Verdict::HoldsIf("there is an interpreter lock, and here there is none".to_owned())
            }
            _ => Verdict::Undecided("a ratio is too close to 1, or its spread too wide".to_owned()),
        }
    }

    fn words(&self) -> String {
        let [plain, called, locked] = self.lost;
        format!(
            "CPython: 8 threads {:.1} times, 2 processes {:.1} times; lost additions: {plain} of `x += 1`, {called} of \
             `x += one()`, {locked} under a lock",
            self.threads.median, self.processes.median
        )
    }
}
