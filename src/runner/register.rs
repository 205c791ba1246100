//! Registering scenarios: their functions run in a worker, which may die or never come back, and what they have made
//! comes home as plain data.
//!
//! One worker calls one function after the other and says what it begins with. Where it dies, or has nothing to say for
//! too long, the function that it had begun with is to blame, and another worker goes on behind it.
//!
//! Limit: a supervisor knows of a scenario what it says, and not what it does; whatever runs a design registers it anew.

use super::mapping::{anonymous_file, contents, path_for_others};
use super::output::Output;
use super::supervise::worker_command;
use super::{interrupt, orphans, worker};
use crate::registry::{self, Found, Registration};
use crate::scenario::{ErasedDesign, ErasedScenario, Facts, Grade, Scenario};
use anyhow::{Context as _, bail};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The hidden first argument.
pub(super) const ARGUMENT: &str = "__selvedge-register";

/// How long one function may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The address space of the worker, in mebibytes.
const MEMORY_MIB: u64 = 2_048;

/// Bytes that are read of what it says.
const MAX_BYTES: u64 = 256 << 20;

/// What was registered.
pub(crate) struct Registered {
    pub(crate) found: Vec<Found>,
    pub(crate) failed: Vec<Failed>,
}

/// A scenario whose function has made none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) name: String,
    /// File, scenario, and what became of its function.
    pub(crate) why: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum RegisterError {
    #[error(transparent)]
    Wrong(#[from] registry::WrongScenarios),
    #[error("{0:#}")]
    Harness(anyhow::Error),
}

/// What a worker is to do.
#[derive(Serialize, Deserialize)]
struct Job {
    /// The place of the first function, in the order of [`registry::registrations`].
    from: usize,
    supervisor: i32,
    answer: PathBuf,
}

/// What a worker says, a line each.
#[derive(Serialize, Deserialize)]
enum Line {
    Begun(usize),
    Made(usize, Described),
    Panicked(usize, String),
    Ended,
}

/// A scenario without what it does.
#[derive(Serialize, Deserialize)]
struct Described {
    question: String,
    grades: Vec<(Grade, String)>,
    designs: Vec<(String, Facts)>,
    in_practice: Option<String>,
}

impl Described {
    fn of(scenario: &ErasedScenario) -> Self {
        let designs = scenario.designs.iter().map(|design| (design.name.clone(), design.facts.clone()));
        Described {
            question: scenario.question.clone(),
            grades: scenario.grades.clone(),
            designs: designs.collect(),
            in_practice: scenario.in_practice.clone(),
        }
    }

    fn found(self, registration: &Registration) -> Found {
        let stand_in = stand_in();
        let design = |(name, facts)| ErasedDesign { name, facts, program: stand_in.program.clone() };
        let scenario = ErasedScenario {
            question: self.question,
            grades: self.grades,
            designs: self.designs.into_iter().map(design).collect(),
            in_practice: self.in_practice,
        };
        registration.described(scenario)
    }
}

/// A design that does nothing: it stands where those do that are known by what they say alone.
fn stand_in() -> ErasedDesign {
    let design = crate::scenario::Design::new(|| ()).actor("nobody", |()| ()).observe(|(), _| ());
    let mut erased = Scenario::new("").design("nothing", design).erase();
    erased.designs.remove(0)
}

/// Calls every registered function, each in a worker process.
///
/// # Errors
/// If a scenario is wrong, or no worker can be started.
pub(crate) fn all() -> Result<Registered, RegisterError> {
    check_file_size().map_err(RegisterError::Harness)?;
    let registrations = registry::registrations();
    let mut registered = Registered { found: Vec::new(), failed: Vec::new() };
    let mut from = 0;
    while from < registrations.len() {
        let (lines, end) = work_from(from).map_err(RegisterError::Harness)?;
        let mut begun = from;
        let mut ended = false;
        for line in lines {
            match line {
                Line::Begun(place) => begun = place,
                Line::Made(place, described) => {
                    if let Some(registration) = registrations.get(place) {
                        registered.found.push(described.found(registration));
                    }
                    begun = place + 1;
                }
                Line::Panicked(place, words) => {
                    let fail =
                        |registration: &&Registration| failed(registration, &format!("panicked: {words}"));
                    registered.failed.extend(registrations.get(place).map(fail));
                    begun = place + 1;
                }
                Line::Ended => ended = true,
            }
        }
        // One that was begun with and is neither made nor has panicked.
        if let Some(registration) = registrations.get(begun).filter(|_| !ended) {
            registered.failed.push(failed(registration, &end.to_string()));
        }
        // It must come further each time, whatever it says.
        from = if ended { registrations.len() } else { begun.max(from) + 1 };
    }
    registered.found = registry::check(registered.found)?;
    Ok(registered)
}

fn failed(registration: &Registration, what: &str) -> Failed {
    let name = registration.name().to_owned();
    let why = format!("{}: scenario `{name}`: its function {what}", registration.file());
    Failed { name, why }
}

/// How a worker ended that did not come to its end.
enum End {
    Exited(ExitStatus),
    OutOfTime,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::OutOfTime => write!(f, "did not return within {} s", PATIENCE.as_secs()),
            End::Exited(status) => match (status.signal(), status.code()) {
                (Some(signal), _) => match Signal::try_from(signal) {
                    Ok(signal) => write!(f, "ended its process by {signal}"),
                    Err(_) => write!(f, "ended its process by signal {signal}"),
                },
                (None, code) => write!(f, "ended its process with exit code {}", code.unwrap_or(0)),
            },
        }
    }
}

/// Bytes that a file must be able to have: workers answer and print into files, and die of it where they may not.
const LEAST_FILE: u64 = 16 << 20;

fn check_file_size() -> anyhow::Result<()> {
    let (bytes, _) =
        getrlimit(Resource::RLIMIT_FSIZE).context("cannot read the limit on the size of files")?;
    if bytes < LEAST_FILE {
        bail!("files may have {bytes} bytes at most (`ulimit -f`), and workers need {LEAST_FILE}");
    }
    Ok(())
}

/// Has a worker call the functions from this place on.
fn work_from(from: usize) -> anyhow::Result<(Vec<Line>, End)> {
    let mut answer = anonymous_file("selvedge-answer").context("cannot make a file for an answer")?;
    let output = Output::new().context("cannot make a file for what a worker prints")?;
    let supervisor = i32::try_from(std::process::id())?;
    let job = Job { from, supervisor, answer: path_for_others(&answer) };
    let mut command = worker_command(ARGUMENT, &serde_json::to_string(&job)?, &output)?;
    let child = orphans::start(&mut command).context("cannot start this program again as a worker")?;
    let end = super::watch::Worker::new(child).with_child(|child| wait(child, &answer, &output))?;
    let lines = contents(&mut answer, MAX_BYTES)?;
    let lines = lines.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    Ok((lines.collect(), end))
}

/// Waits until the worker ends, or has said nothing for too long.
fn wait(child: &mut Child, answer: &File, output: &Output) -> anyhow::Result<End> {
    let mut said = (0, Instant::now());
    let mut nap = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(End::Exited(status));
        }
        if interrupt::interrupted() {
            bail!("interrupted");
        }
        let bytes = answer.metadata()?.len();
        if bytes != said.0 {
            said = (bytes, Instant::now());
        }
        if said.1.elapsed() >= PATIENCE {
            return Ok(End::OutOfTime);
        }
        output.cap();
        std::thread::sleep(nap);
        nap = (nap * 5 / 4).min(Duration::from_millis(5));
    }
}

/// The message of the last panic, and its place.
static WORDS: Mutex<Option<String>> = Mutex::new(None);

/// The life of a worker that registers.
pub(super) fn work(job: &str) -> anyhow::Result<()> {
    let job: Job = serde_json::from_str(job).context("this argument is for selvedge's own use")?;
    worker::confine(job.supervisor, MEMORY_MIB)?;
    let mut answer = OpenOptions::new().append(true).open(&job.answer).context("the supervisor is gone")?;
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |at| format!(" ({}:{})", at.file(), at.line()));
        let words = crate::rt::panics::text(info.payload()).unwrap_or("a panic without a message");
        *WORDS.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("{words}{place}"));
    }));
    for (place, registration) in registry::registrations().into_iter().enumerate().skip(job.from) {
        say(&mut answer, &Line::Begun(place))?;
        let made = catch_unwind(AssertUnwindSafe(|| registration.make().scenario));
        let line = match made {
            Ok(scenario) => Line::Made(place, Described::of(&scenario)),
            Err(payload) => {
                // Dropping a payload runs code of the scenario, which may panic again.
                std::mem::forget(payload);
                let words = WORDS.lock().unwrap_or_else(PoisonError::into_inner).take();
                Line::Panicked(place, words.unwrap_or_default())
            }
        };
        say(&mut answer, &line)?;
    }
    say(&mut answer, &Line::Ended)
}

fn say(answer: &mut File, line: &Line) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    answer.write_all(&text).context("cannot write the answer")
}
