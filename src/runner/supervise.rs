//! One cell in a worker: whatever becomes of it is an observation of the design, and the run goes on.

use super::mapping::{Shared, anonymous_file, contents, path_for_others};
use super::output::Output;
use super::scratch::Scratch;
use super::watch::{End, Watched, Worker, all_wait};
use super::worker::{self, ARGUMENT, Broken, Job, Work};
use super::{machine_lock, orphans, seat};
use crate::base::budget::Budget;
use crate::base::engine::Engine;
use crate::base::failure::{Awaited, Crash, Deadlock, Failure, Hang, How, ProcessExit, Waiting, Who};
use crate::base::observation::{Exploration, NotApplicable, Observation, Sampling, Stop};
use crate::engine::{Heartbeat, Name, Shrinking};
use crate::heartbeat::Cause;
use crate::scenario::Facts;
use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// One cell of the matrix to be executed.
pub(crate) struct Assignment<'a> {
    pub(crate) name: Name<'a>,
    /// The text of the litmus test that it is, if it is one.
    pub(crate) litmus: Option<&'a str>,
    pub(crate) facts: &'a Facts,
    pub(crate) engine: Engine,
    pub(crate) budget: Budget,
    /// When to give up at the latest, if that is sooner than the budget says.
    pub(crate) until: Option<Instant>,
}

/// What came of one cell.
pub(crate) struct Supervised {
    pub(crate) observation: Observation,
    /// What the worker wrote to its standard error, for a reader who asks for it.
    pub(crate) log: String,
    /// Wall-clock time, the start of the worker included, waiting for the machine not.
    pub(crate) milliseconds: u64,
    /// How the worker ended, if its design has stopped it.
    pub(crate) met: Option<Met>,
}

/// How an execution ended its worker.
pub(crate) struct Met {
    /// Executions that ended before it.
    pub(crate) after: u64,
    pub(crate) exit: ProcessExit,
}

/// Runs one cell in a worker process and waits for its end, whatever it is. `listen` is told how far shrinking
/// is, while a program is being shrunk.
///
/// # Errors
/// If no worker can be started, if the worker's harness fails, or if the run is interrupted.
pub(crate) fn supervise(
    assignment: &Assignment<'_>,
    listen: &dyn Fn(Shrinking),
) -> anyhow::Result<Supervised> {
    if let Some(reason) = assignment.facts.excluded_from(assignment.engine) {
        let observation = Observation::not_applicable(NotApplicable::Excluded(reason.to_owned()));
        return Ok(Supervised { observation, log: String::new(), milliseconds: 0, met: None });
    }
    let Launched { heartbeat, answer, log, end, milliseconds } = assignment.launch(Work::Observe, listen)?;
    if end.answered(&answer) {
        let observation = serde_json::from_slice(&answer).context("a worker left no answer")?;
        return Ok(Supervised { observation, log, milliseconds, met: None });
    }
    // A worker that has seen a failure says so before it looks for a shorter execution that shows it.
    if let Ok(observation) = serde_json::from_slice::<Observation>(&answer)
        && observation.failure().is_some()
    {
        return Ok(Supervised { observation, log, milliseconds, met: None });
    }
    let mut observation = Observation::new(Exploration::Sampled { how: Sampling::UntilFailure });
    let ended = heartbeat.get().executions();
    observation.executions = ended.saturating_add(1);
    match assignment.fate(&end, heartbeat.get(), &answer, &log)? {
        Ok(failure) => observation.fail(failure),
        Err(stop) => {
            observation.stopped = Some(stop);
            observation.executions = ended;
            return Ok(Supervised { observation, log, milliseconds, met: None });
        }
    }
    let met = Some(Met { after: ended, exit: end.process_exit() });
    Ok(Supervised { observation, log, milliseconds, met })
}

/// Signals that a worker does not die of by itself: others send them.
const OF_OTHERS: [Signal; 4] = [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];

impl Assignment<'_> {
    /// What became of a worker that did not answer: a failure of its design, or nothing that can be said of it.
    ///
    /// # Errors
    /// If the worker's harness has failed.
    pub(super) fn fate(
        &self,
        end: &End,
        heartbeat: &Heartbeat,
        answer: &[u8],
        log: &str,
    ) -> anyhow::Result<Result<Failure, Stop>> {
        Ok(match end {
            End::Exited(status) => {
                if status.code() == Some(worker::BROKEN)
                    && let Ok(Broken { broken }) = serde_json::from_slice(answer)
                {
                    bail!("{broken}");
                }
                let killed = OF_OTHERS.into_iter().find(|signal| status.signal() == Some(*signal as i32));
                match killed {
                    Some(signal) => Err(Stop::Killed { signal: signal as i32 }),
                    None => Ok(died(end.process_exit(), heartbeat, log, &self.budget)),
                }
            }
            // It takes a while to give gigabytes back.
            End::Stalled { .. } if is_out_of_memory(heartbeat, log, &self.budget) => {
                Ok(died(ProcessExit::Signal(Signal::SIGABRT as i32), heartbeat, log, &self.budget))
            }
            End::Stalled { asleep } => Ok(stalled(heartbeat, *asleep && self.engine.is_checker())),
            End::OutOfTime(after) => Err(Stop::OutOfTime { seconds: after.as_secs() }),
        })
    }

    /// Runs a job in a worker process of its own and waits for its end.
    ///
    /// # Errors
    /// As [`launch`].
    pub(super) fn launch(&self, work: Work, listen: &dyn Fn(Shrinking)) -> anyhow::Result<Launched> {
        let limit = Duration::from_millis(self.budget.wall_ms);
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        launch(self.job(work), left.map_or(limit, |left| left.min(limit)), listen)
    }

    /// Whether there is still time.
    pub(super) fn has_time(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }

    fn job(&self, work: Work) -> impl FnOnce(i32, PathBuf, PathBuf) -> Job {
        let (scenario, design) = (self.name.scenario.to_owned(), self.name.design.to_owned());
        let (engine, budget) = (self.engine, self.budget);
        let litmus = self.litmus.map(str::to_owned);
        move |supervisor, heartbeat, answer| Job {
            scenario,
            design,
            litmus,
            engine,
            budget,
            work,
            supervisor,
            heartbeat,
            answer,
            place: None,
        }
    }
}

/// What is left of a worker.
pub(crate) struct Launched {
    pub(super) heartbeat: Shared<Heartbeat>,
    pub(crate) answer: Vec<u8>,
    pub(crate) log: String,
    pub(crate) end: End,
    milliseconds: u64,
}

/// The very file that this process was started from, even if another has taken its place since: a program
/// may be built again while it runs.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Bytes of an answer that are read: many more than any has.
const MAX_ANSWER: u64 = 256 << 20;

/// Runs a job in a worker process, when its engine's turn has come, and waits for its end, or until it has had `limit`.
/// `job` is told the supervisor and where the heartbeat and the answer lie.
///
/// # Errors
/// If no worker can be started, or if the run is interrupted.
pub(crate) fn launch(
    job: impl FnOnce(i32, PathBuf, PathBuf) -> Job,
    limit: Duration,
    listen: &dyn Fn(Shrinking),
) -> anyhow::Result<Launched> {
    let (heartbeat, pulse_file) =
        Shared::<Heartbeat>::create("selvedge-heartbeat").context("cannot share memory with a worker")?;
    let mut answer = anonymous_file("selvedge-answer").context("cannot make a file for an answer")?;
    let output = Output::new().context("cannot make a file for what a worker prints")?;
    let supervisor = i32::try_from(std::process::id())?;
    let mut job = job(supervisor, path_for_others(&pulse_file), path_for_others(&answer));
    let _pass = machine_lock::enter(job.engine)?;
    let (seat, place) = seat::take()?;
    job.place = Some(place);
    let scratch = Scratch::new();
    let start = Instant::now();
    let mut command = worker_command(ARGUMENT, &serde_json::to_string(&job)?, &output)?;
    if let Some(folder) = scratch.folder() {
        command.env("TMPDIR", folder);
    }
    let child = orphans::start(&mut command).context("cannot start this program again as a worker")?;
    seat.seat(child.id());
    let watched = Watched { heartbeat: heartbeat.get(), seat: &seat, output: &output, listen };
    let end = Worker::new(child).watch(&watched, &job.budget, limit)?;
    drop(seat);
    let milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Launched {
        answer: contents(&mut answer, MAX_ANSWER)?,
        log: output.text()?,
        end,
        milliseconds,
        heartbeat,
    })
}

/// This program, to be started again as a worker that does this job.
///
/// # Errors
/// If there is no descriptor for what it prints.
pub(super) fn worker_command(argument: &str, job: &str, output: &Output) -> anyhow::Result<Command> {
    let mut command = Command::new(THIS_PROGRAM);
    let handle = || output.handle().context("cannot make a file for what a worker prints");
    command
        .arg0(std::env::args_os().next().unwrap_or_else(|| "selvedge".into()))
        .arg(argument)
        .arg(job)
        .stdin(Stdio::null())
        .stdout(handle()?)
        .stderr(handle()?)
        .process_group(0);
    without_checkers_variables(&mut command);
    Ok(command)
}

/// Variables by which loom and shuttle would have their way: a worker does what its job says.
fn without_checkers_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy();
        if shown.starts_with("LOOM_") || shown.starts_with("SHUTTLE_") {
            command.env_remove(&name);
        }
    }
}

impl End {
    /// Whether the worker has lived to answer.
    pub(super) fn answered(&self, answer: &[u8]) -> bool {
        self.status().is_some_and(|status| status.success()) && !answer.is_empty()
    }

    pub(super) fn process_exit(&self) -> ProcessExit {
        match self {
            End::Exited(status) => {
                status.signal().map_or(ProcessExit::Code(status.code().unwrap_or(0)), ProcessExit::Signal)
            }
            End::Stalled { .. } | End::OutOfTime(_) => ProcessExit::Endless,
        }
    }

    /// With what it exited, if it did.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        match self {
            End::Exited(status) => Some(*status),
            End::Stalled { .. } | End::OutOfTime(_) => None,
        }
    }
}

/// How a design failed whose process has ended.
fn died(exit: ProcessExit, heartbeat: &Heartbeat, log: &str, budget: &Budget) -> Failure {
    if heartbeat.last_panic() == Some(Cause::Deadlock) {
        return Failure::DEADLOCK;
    }
    Failure::Crash(Crash::new(Who::Process, how_it_died(exit, heartbeat, log, budget)))
}

fn how_it_died(exit: ProcessExit, heartbeat: &Heartbeat, log: &str, budget: &Budget) -> How {
    let aborted = exit == ProcessExit::Signal(Signal::SIGABRT as i32);
    let faulted = exit == ProcessExit::Signal(Signal::SIGSEGV as i32);
    if (aborted || faulted) && heartbeat.has_overflowed() {
        How::StackOverflow
    } else if aborted && is_out_of_memory(heartbeat, log, budget) {
        How::OutOfMemory { limit_mib: budget.memory_mib }
    } else if let Some(words) = heartbeat.fatal_panic().filter(|_| aborted) {
        How::PanicThatCannotUnwind { message: words }
    } else {
        How::Ended(exit)
    }
}

/// Whether an allocation that was refused has ended a process: the runtime says how much was asked for before it
/// aborts, and that much was not left. Two threads may say so at once, piece by piece.
fn is_out_of_memory(heartbeat: &Heartbeat, log: &str, budget: &Budget) -> bool {
    let Some(space) = heartbeat.space_mib() else { return false };
    let asked = log.lines().rev().find_map(|line| {
        let said = line.strip_prefix("memory allocation of ")?;
        let digits = said.split(|letter: char| !letter.is_ascii_digit()).find(|digits| !digits.is_empty())?;
        Some(digits.parse::<u64>().unwrap_or(u64::MAX))
    });
    // An allocator asks the system for more than it is asked for.
    const SLACK_MIB: u64 = 160;
    asked.is_some_and(|bytes| u64::from(space) + (bytes >> 20) + SLACK_MIB >= budget.memory_mib)
}

/// How a design failed that makes no progress; `asleep` if it waits for what a checker does not see.
fn stalled(heartbeat: &Heartbeat, asleep: bool) -> Failure {
    if !all_wait(heartbeat) {
        return Failure::Hang(Hang { asleep, ..Hang::default() });
    }
    let (waiting, _) = heartbeat.waiting();
    let waiting = waiting.into_iter().map(|actor| Waiting { actor, awaits: Awaited::Actor });
    Failure::Deadlock(Deadlock { waiting: waiting.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABORT: ProcessExit = ProcessExit::Signal(Signal::SIGABRT as i32);

    fn how(heartbeat: &Heartbeat, log: &str) -> How {
        how_it_died(ABORT, heartbeat, log, &Budget::FOR_TESTS)
    }

    #[test]
    fn words_alone_are_no_cause_of_death() {
        let heartbeat = Heartbeat::default();
        let log = "memory allocation of 7 bytes failed\nthread 'main' has overflowed its stack\n";
        assert_eq!(how(&heartbeat, log), How::Ended(ABORT));
        heartbeat.note_abort(3);
        assert_eq!(how(&heartbeat, log), How::Ended(ABORT));
        let limit_mib = Budget::FOR_TESTS.memory_mib;
        let full = u32::try_from(limit_mib).expect("a few gigabytes");
        heartbeat.note_abort(full - 1);
        assert_eq!(how(&heartbeat, log), How::OutOfMemory { limit_mib });
        assert_eq!(how(&heartbeat, ""), How::Ended(ABORT));
        heartbeat.note_overflow();
        assert_eq!(how(&heartbeat, ""), How::StackOverflow);
    }

    #[test]
    fn an_allocation_that_could_not_fit_was_refused() {
        let heartbeat = Heartbeat::default();
        heartbeat.note_abort(3);
        let limit_mib = Budget::FOR_TESTS.memory_mib;
        let bytes = limit_mib << 20;
        let log = format!("memory allocation of {bytes} bytes failed\n");
        assert_eq!(how(&heartbeat, &log), How::OutOfMemory { limit_mib });
        let log =
            format!("memory allocation of memory allocation of {bytes}{bytes} bytes failed\n bytes failed\n");
        assert_eq!(how(&heartbeat, &log), How::OutOfMemory { limit_mib });
    }
}
