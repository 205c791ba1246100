//! CPython, where `python3` is on the PATH: what its interpreter lock does to threads.
//!
//! One program in Python measures everything and prints one JSON document. Limits: it forks its processes, which
//! Linux allows; an interpreter that is not CPython is measured all the same, and shown with its name.

use super::Figure;
use super::measure::ratio;
use anyhow::Context as _;
use serde::Deserialize;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than either part takes on a slow machine, and short enough for the whole to stay below a minute.
const PATIENCE: Duration = Duration::from_secs(20);

/// The interpreter that was found.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Interpreter {
    pub(super) version: String,
    pub(super) implementation: String,
    pub(super) lock: bool,
}

/// Seconds for the same work, one sample for each repetition.
#[derive(Deserialize)]
pub(super) struct Scaling {
    pub(super) interpreter: Interpreter,
    pub(super) workers: Vec<usize>,
    pub(super) alone: Vec<Vec<f64>>,
    pub(super) threads: Vec<Vec<f64>>,
    pub(super) processes: Vec<Vec<f64>>,
    pub(super) thread_pool: Vec<Vec<f64>>,
    pub(super) process_pool: Vec<Vec<f64>>,
}

/// Seconds for work that computes and waits, and additions that were lost.
#[derive(Deserialize)]
pub(super) struct Mixed {
    pub(super) interpreter: Interpreter,
    pub(super) threads: Vec<f64>,
    pub(super) processes: Vec<f64>,
    pub(super) both: Vec<f64>,
    /// Of `additions` each: `x += 1`, `x += one()`, and `x += one()` under a lock.
    pub(super) lost: [u64; 3],
    pub(super) additions: u64,
}

impl Interpreter {
    /// As in `CPython 3.13.1, free-threaded`.
    pub(super) fn name(&self) -> String {
        let lock = if self.lock {
            "with its interpreter lock"
        } else {
            "free-threaded, without an interpreter lock"
        };
        format!("{} {}, {lock}", self.implementation, self.version)
    }
}

/// What `python3` says, or why there is nothing to say.
///
/// # Errors
/// With `no python3` if there is none on the PATH.
pub(super) fn scaling() -> Result<Scaling, String> {
    run(concat!(include_str!("python/common.py"), include_str!("python/scaling.py")))
}

/// As [`scaling`], for mixed work and for additions of which some are lost.
///
/// # Errors
/// As [`scaling`].
pub(super) fn mixed() -> Result<Mixed, String> {
    run(concat!(include_str!("python/common.py"), include_str!("python/mixed.py")))
}

fn run<T: for<'a> Deserialize<'a>>(program: &str) -> Result<T, String> {
    let said = said(program).map_err(|error| {
        let missing = error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        if missing { "no python3".to_owned() } else { format!("python3: {error:#}") }
    })?;
    serde_json::from_str(&said).map_err(|error| format!("python3 answered otherwise than asked: {error}"))
}

/// What a program prints within [`PATIENCE`].
fn said(program: &str) -> anyhow::Result<String> {
    let mut child = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            anyhow::bail!("not done after {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    anyhow::ensure!(status.success(), "it ended with {status}");
    let mut said = String::new();
    // One document of less than a pipe holds: nothing had to be read before the end.
    child.stdout.take().context("no output")?.read_to_string(&mut said)?;
    Ok(said)
}

/// The ways to share work among workers, as figures of speed-up for the most workers, run or not.
pub(super) fn speedups(scaling: &Result<Scaling, String>) -> Vec<Figure> {
    type Speedups = fn(&Scaling) -> &Vec<Vec<f64>>;
    let ways: [(&str, Speedups); 4] = [
        ("threading", |scaling| &scaling.threads),
        ("multiprocessing", |scaling| &scaling.processes),
        ("concurrent.futures, threads", |scaling| &scaling.thread_pool),
        ("concurrent.futures, processes", |scaling| &scaling.process_pool),
    ];
    ways.into_iter()
        .map(|(way, samples)| match scaling {
            Ok(scaling) => {
                let last = scaling.workers.len().saturating_sub(1);
                let name = format!("CPython, {way}: speed-up");
                Figure::ratio(name, ratio(&scaling.alone[last], &samples(scaling)[last]))
            }
            Err(why) => Figure::not_run(format!("CPython, {way}: speed-up"), "times", why),
        })
        .collect()
}

/// A curve of speed-ups over the number of workers.
pub(super) fn curve(scaling: &Scaling, samples: &[Vec<f64>]) -> Vec<(f64, f64)> {
    let point = |(place, workers): (usize, &usize)| {
        #[expect(clippy::cast_precision_loss, reason = "a few workers")]
        let workers = *workers as f64;
        (workers, ratio(&scaling.alone[place], &samples[place]).median)
    };
    scaling.workers.iter().enumerate().map(point).collect()
}
