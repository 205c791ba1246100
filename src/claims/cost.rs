//! What threads and processes cost: to create, to talk to, and to keep.

use super::child::{self, Child, SharedMapping};
use super::measure::{Spread, in_turn, ratio, seconds};
use super::plot::Chart;
use super::{Bench, Figure, Measured, Verdict};
use crate::engine::Cores;
use anyhow::Context as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, OnceLock, mpsc};
use std::thread;

const REPETITIONS: usize = 5;
const THREADS_STARTED: u32 = 40;
const FORKS: u32 = 12;
const PROGRAMS: u32 = 4;
const ROUND_TRIPS: u32 = 400;
/// A divisor of [`ROUND_TRIPS`].
const BATCH: u32 = 25;
const IDLE_THREADS: u32 = 64;
const IDLE_PROCESSES: u32 = 16;

/// A ratio of costs beyond which one is plainly dearer than the other.
const PLAINLY: f64 = 1.5;

fn started_threads() -> io::Result<f64> {
    Ok(seconds(|| {
        for _ in 0..THREADS_STARTED {
            thread::spawn(|| ()).join().ok();
        }
    }) / f64::from(THREADS_STARTED))
}

fn forked() -> anyhow::Result<f64> {
    let mut ended = Ok(());
    let spent = seconds(|| {
        ended = (0..FORKS).try_for_each(|_| Child::new(|| 0)?.wait().map(drop));
    });
    ended.map(|()| spent / f64::from(FORKS))
}

fn programs() -> anyhow::Result<f64> {
    let mut ended = Ok(());
    let run = || Command::new("true").stdin(Stdio::null()).status().map(drop);
    let spent = seconds(|| ended = (0..PROGRAMS).try_for_each(|_| run()));
    ended.context("cannot run `true`")?;
    Ok(spent / f64::from(PROGRAMS))
}

/// Two words, one for each direction, on cache lines of their own.
#[derive(Default)]
struct Words {
    ping: Line,
    pong: Line,
}

#[derive(Default)]
#[repr(align(128))]
struct Line(AtomicU32);

/// Waits for a value, and leaves the core to others where the wait is long.
fn await_value(word: &Line, value: u32) {
    let mut looks = 0_u32;
    while word.0.load(Ordering::Acquire) != value {
        looks += 1;
        if looks.is_multiple_of(256) { thread::yield_now() } else { std::hint::spin_loop() }
    }
}

/// On a core of its own, as [`ask_words`]: a scheduler may leave threads that take turns on one core, where each word
/// costs two switches.
fn answer_words(words: &Words) {
    Cores::of_this_thread().pin_to(1);
    for round in 1..=ROUND_TRIPS {
        await_value(&words.ping, round);
        words.pong.0.store(round, Ordering::Release);
    }
}

/// Seconds for each round trip.
fn ask_words(words: &Words) -> f64 {
    let cores = Cores::of_this_thread();
    cores.pin_to(0);
    let spent = fastest_batch(|round| {
        words.ping.0.store(round, Ordering::Release);
        await_value(&words.pong, round);
        Ok(())
    });
    cores.unpin();
    spent.unwrap_or(f64::NAN)
}

/// Does [`ROUND_TRIPS`] numbered from 1 in batches, and returns the seconds for each in the fastest batch: in the
/// others one of the two may have been without a core.
fn fastest_batch(mut round_trip: impl FnMut(u32) -> io::Result<()>) -> io::Result<f64> {
    let mut fastest = f64::INFINITY;
    for first in (1..=ROUND_TRIPS).step_by(BATCH as usize) {
        let mut done = Ok(());
        let spent = seconds(|| done = (first..first + BATCH).try_for_each(&mut round_trip));
        done?;
        fastest = fastest.min(spent / f64::from(BATCH));
    }
    Ok(fastest)
}

fn by_shared_memory() -> io::Result<f64> {
    let words = Words::default();
    Ok(thread::scope(|scope| {
        scope.spawn(|| answer_words(&words));
        ask_words(&words)
    }))
}

fn by_shared_mapping() -> anyhow::Result<f64> {
    let words = SharedMapping::<Words>::new()?;
    let child = Child::new(|| {
        answer_words(&words);
        0
    })?;
    let spent = ask_words(&words);
    child.wait()?;
    Ok(spent)
}

fn by_channel() -> io::Result<f64> {
    let (ask, asked) = mpsc::channel::<u32>();
    let (answer, answered) = mpsc::channel();
    let echo = thread::spawn(move || asked.iter().all(|word| answer.send(word).is_ok()));
    let spent = fastest_batch(|round| {
        ask.send(round).map_err(io::Error::other)?;
        answered.recv().map(drop).map_err(io::Error::other)
    });
    drop(ask);
    echo.join().ok();
    spent
}

/// Sends each byte back until there are no more.
fn echo(read: &mut impl Read, write: &mut impl Write) {
    let mut byte = [0];
    while read.read_exact(&mut byte).is_ok() && write.write_all(&byte).is_ok() {}
}

fn ask_bytes(read: &mut impl Read, write: &mut impl Write) -> io::Result<f64> {
    fastest_batch(|_| {
        write.write_all(&[1])?;
        read.read_exact(&mut [0])
    })
}

fn by_pipe() -> anyhow::Result<f64> {
    let (mut asked, mut ask) = child::pipe()?;
    let (mut answered, mut answer) = child::pipe()?;
    // Ended when it is dropped: as long as it has a copy of every end, no pipe of it comes to an end.
    let _echo = Child::new(|| {
        echo(&mut asked, &mut answer);
        0
    })?;
    Ok(ask_bytes(&mut answered, &mut ask)?)
}

fn by_socket_pair() -> anyhow::Result<f64> {
    let (ours, theirs) = UnixStream::pair().context("cannot make a socket pair")?;
    let _echo = Child::new(|| {
        echo(&mut &theirs, &mut &theirs);
        0
    })?;
    Ok(ask_bytes(&mut &ours, &mut &ours)?)
}

fn by_pipe_between_threads() -> anyhow::Result<f64> {
    let (mut asked, mut ask): (File, File) = child::pipe()?;
    let (mut answered, mut answer) = child::pipe()?;
    thread::scope(|scope| {
        scope.spawn(move || echo(&mut asked, &mut answer));
        let spent = ask_bytes(&mut answered, &mut ask);
        drop(ask);
        Ok(spent?)
    })
}

/// Proportional set size of a process, in KiB.
fn pss_kib(process: &str) -> anyhow::Result<f64> {
    let path = format!("/proc/{process}/smaps_rollup");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).context("no Pss")?;
    line.trim().trim_end_matches(" kB").parse().context("Pss is no number")
}

/// KiB for each thread that waits.
fn idle_threads() -> anyhow::Result<f64> {
    let before = pss_kib("self")?;
    let met = Arc::new(Barrier::new(IDLE_THREADS as usize + 1));
    let wait = |met: Arc<Barrier>| {
        move || {
            met.wait();
            met.wait();
        }
    };
    let threads: Vec<_> = (0..IDLE_THREADS).map(|_| thread::spawn(wait(Arc::clone(&met)))).collect();
    met.wait();
    let with = pss_kib("self");
    met.wait();
    threads.into_iter().for_each(|thread| drop(thread.join()));
    Ok((with? - before).max(0.0) / f64::from(IDLE_THREADS))
}

/// KiB for each forked process that waits: what all of them and their parent take together beyond what the
/// parent took alone.
fn idle_processes() -> anyhow::Result<f64> {
    let (mut idle, _open) = child::pipe()?;
    let (mut begun, mut begins) = child::pipe()?;
    let before = pss_kib("self")?;
    let mut children = Vec::new();
    for _ in 0..IDLE_PROCESSES {
        children.push(Child::new(|| {
            begins.write_all(&[1]).ok();
            u8::from(idle.read(&mut [0]).is_err())
        })?);
    }
    begun.read_exact(&mut [0; IDLE_PROCESSES as usize])?;
    let mut with = pss_kib("self")?;
    for child in &children {
        with += pss_kib(&child.pid().to_string())?;
    }
    Ok((with - before).max(0.0) / f64::from(IDLE_PROCESSES))
}

/// Everything that statements 4 and 9 rest on.
struct Costs {
    creation: [Vec<f64>; 3],
    talk: [Vec<f64>; 6],
    memory: [Vec<f64>; 2],
}

const CREATION: [&str; 3] = ["thread: spawn and join", "process: fork and wait", "program: start and wait"];
const TALK: [&str; 6] = [
    "round trip, threads, shared memory",
    "round trip, processes, shared mapping",
    "round trip, threads, channel",
    "round trip, threads, pipe",
    "round trip, processes, pipe",
    "round trip, processes, socket pair",
];

impl Costs {
    fn measure() -> anyhow::Result<Self> {
        Ok(Self {
            creation: in_turn(
                REPETITIONS,
                [&mut || started_threads().map_err(Into::into), &mut forked, &mut programs],
            )?,
            talk: in_turn(
                REPETITIONS,
                [
                    &mut || by_shared_memory().map_err(Into::into),
                    &mut by_shared_mapping,
                    &mut || by_channel().map_err(Into::into),
                    &mut by_pipe_between_threads,
                    &mut by_pipe,
                    &mut by_socket_pair,
                ],
            )?,
            memory: in_turn(3, [&mut idle_threads, &mut idle_processes])?,
        })
    }

    fn figures(&self) -> Vec<Figure> {
        let mut figures: Vec<_> = CREATION
            .iter()
            .zip(&self.creation)
            .map(|(what, samples)| Figure::micros(*what, samples))
            .collect();
        figures.extend(TALK.iter().zip(&self.talk).map(|(what, samples)| Figure::micros(*what, samples)));
        for (what, samples) in
            ["memory of an idle thread", "memory of an idle process"].iter().zip(&self.memory)
        {
            figures.push(Figure::new(*what, "KiB PSS", Spread::of(samples.clone())));
        }
        figures.push(Figure::ratio("fork over spawn", self.forks_over_spawns()));
        figures.push(Figure::ratio("program over spawn", ratio(&self.creation[2], &self.creation[0])));
        figures.push(Figure::ratio("pipe over shared memory", self.pipe_over_memory()));
        figures.push(Figure::ratio("shared mapping over shared memory", ratio(&self.talk[1], &self.talk[0])));
        figures.push(Figure::ratio("pipe over channel", ratio(&self.talk[4], &self.talk[2])));
        figures.push(Figure::ratio("idle process over idle thread", ratio(&self.memory[1], &self.memory[0])));
        figures
    }

    fn forks_over_spawns(&self) -> Spread {
        ratio(&self.creation[1], &self.creation[0])
    }

    fn pipe_over_memory(&self) -> Spread {
        ratio(&self.talk[4], &self.talk[0])
    }

    fn charts(&self) -> Vec<Chart> {
        let bars = |names: &[&str], samples: &[Vec<f64>]| {
            let median = |samples: &Vec<f64>| Spread::of(samples.clone()).median * 1e6;
            names.iter().zip(samples).map(|(name, samples)| ((*name).to_owned(), median(samples))).collect()
        };
        vec![
            Chart::bars(
                "creation",
                "To create and to end one",
                "microseconds",
                bars(&CREATION, &self.creation),
            ),
            Chart::bars("round_trips", "A round trip", "microseconds", bars(&TALK, &self.talk)),
        ]
    }

    /// Both statements rest on one measurement.
    fn measured() -> anyhow::Result<&'static Self> {
        static COSTS: OnceLock<Costs> = OnceLock::new();
        match COSTS.get() {
            Some(costs) => Ok(costs),
            None => Self::measure().map(|costs| COSTS.get_or_init(|| costs)),
        }
    }

    /// What the figures say, the same for both statements.
    fn judged(&self) -> Measured {
        let (creation, pipe) = (self.forks_over_spawns(), self.pipe_over_memory());
        let decided_by = format!(
            "to create: a fork costs {:.1} times a thread; a round trip: a pipe costs {:.1} times shared memory",
            creation.median, pipe.median
        );
        let verdict = if creation.above(PLAINLY) && pipe.above(PLAINLY) {
            Verdict::HoldsIf(
                "what is compared is shared memory and what goes through the kernel; processes that share a mapping \
                 talk as cheaply as threads"
                    .to_owned(),
            )
        } else if creation.below(1.0) && pipe.below(1.0) {
            Verdict::DoesNotHold
        } else {
            Verdict::Undecided(format!("a ratio is too close to {PLAINLY}, or its spread too wide"))
        };
        let (figures, charts) = (self.figures(), self.charts());
        Measured { verdict, decided_by, figures, findings: Vec::new(), charts }
    }
}

pub(super) fn threads_cost_less(_: &Bench<'_>) -> anyhow::Result<Measured> {
    Ok(Costs::measured()?.judged())
}

pub(super) fn processes_cost_more(_: &Bench<'_>) -> anyhow::Result<Measured> {
    Ok(Measured { charts: Vec::new(), ..Costs::measured()?.judged() })
}
