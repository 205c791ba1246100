//! Watching one worker: whatever becomes of it is an observation of the design, and the run goes on.

use super::mapping::{Shared, anonymous_file, contents, path_for_others};
use super::worker::{self, ARGUMENT, Job, Work};
use super::{gate, interrupt, seat};
use crate::base::budget::Budget;
use crate::base::engine::Engine;
use crate::base::failure::{Awaited, Crash, Deadlock, Failure, Hang, How, ProcessExit, Waiting, Who};
use crate::base::observation::{Exploration, NotApplicable, Observation, Sampling};
use crate::engine::{Name, Pulse, Shrinking};
use crate::panics::Cause;
use crate::scenario::Facts;
use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// One cell of the matrix to be executed.
pub(crate) struct Assignment<'a> {
    pub(crate) name: Name<'a>,
    /// The text of the litmus test that it is, if it is one.
    pub(crate) litmus: Option<&'a str>,
    pub(crate) facts: &'a Facts,
    pub(crate) engine: Engine,
    pub(crate) budget: Budget,
}

/// What came of one cell.
pub(crate) struct Supervised {
    pub(crate) observation: Observation,
    /// What the worker wrote to its standard error, for a reader who asks for it.
    pub(crate) log: String,
    /// Wall-clock time, the start of the worker included, waiting for the machine not.
    pub(crate) seconds: f64,
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
        return Ok(Supervised { observation, log: String::new(), seconds: 0.0, met: None });
    }
    let Launched { pulse, answer, log, end, seconds } = launch(assignment.job(Work::Observe), listen)?;
    if end.answered(&answer) {
        let observation = serde_json::from_slice(&answer).context("a worker left no answer")?;
        return Ok(Supervised { observation, log, seconds, met: None });
    }
    let mut observation = Observation::new(Exploration::Sampled { how: Sampling::UntilFailure });
    observation.executions = pulse.get().executions() + 1;
    observation.fail(assignment.fate(&end, pulse.get(), &log)?);
    let met = Some(Met { after: pulse.get().executions(), exit: end.process_exit() });
    Ok(Supervised { observation, log, seconds, met })
}

impl Assignment<'_> {
    /// What became of a worker that did not answer: a failure of its design.
    pub(super) fn fate(&self, end: &End, pulse: &Pulse, log: &str) -> anyhow::Result<Failure> {
        match end {
            End::Exited(status) if status.code() == Some(worker::BROKEN) => bail!("{}", log.trim()),
            End::Exited(_) => Ok(died(end.process_exit(), pulse, log, &self.budget)),
            End::Stalled => Ok(stalled(pulse)),
        }
    }

    pub(crate) fn job(&self, work: Work) -> impl FnOnce(i32, PathBuf, PathBuf) -> Job {
        let (scenario, design) = (self.name.scenario.to_owned(), self.name.design.to_owned());
        let (engine, budget) = (self.engine, self.budget);
        let litmus = self.litmus.map(str::to_owned);
        move |supervisor, pulse, answer| Job {
            scenario,
            design,
            litmus,
            engine,
            budget,
            work,
            supervisor,
            pulse,
            answer,
            place: None,
        }
    }
}

/// What is left of a worker.
pub(crate) struct Launched {
    pub(super) pulse: Shared<Pulse>,
    pub(crate) answer: Vec<u8>,
    pub(crate) log: String,
    pub(crate) end: End,
    seconds: f64,
}

/// The very file that this process was started from, even if another has taken its place since: a program
/// may be built again while it runs.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Runs a job in a worker process, when its engine's turn has come, and waits for its end. `job` is told the
/// supervisor and where the pulse and the answer lie.
///
/// # Errors
/// If no worker can be started, or if the run is interrupted.
pub(crate) fn launch(
    job: impl FnOnce(i32, PathBuf, PathBuf) -> Job,
    listen: &dyn Fn(Shrinking),
) -> anyhow::Result<Launched> {
    let (pulse, pulse_file) =
        Shared::<Pulse>::create("selvedge-pulse").context("cannot share memory with a worker")?;
    let mut answer = anonymous_file("selvedge-answer")?;
    let mut log = anonymous_file("selvedge-log")?;
    let supervisor = i32::try_from(std::process::id())?;
    let mut job = job(supervisor, path_for_others(&pulse_file), path_for_others(&answer));
    let _pass = gate::enter(job.engine);
    let (mut seat, place) = seat::take()?;
    job.place = Some(place);
    let start = Instant::now();
    let child = Command::new(THIS_PROGRAM)
        .arg0(std::env::args_os().next().unwrap_or_else(|| "selvedge".into()))
        .arg(ARGUMENT)
        .arg(serde_json::to_string(&job)?)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .process_group(0)
        .spawn()
        .context("cannot start this program again as a worker")?;
    seat.seat(child.id());
    let end = Worker { child }.watch(pulse.get(), &job.budget, listen)?;
    drop(seat);
    Ok(Launched {
        answer: contents(&mut answer)?,
        log: String::from_utf8_lossy(&contents(&mut log)?).into_owned(),
        end,
        seconds: start.elapsed().as_secs_f64(),
        pulse,
    })
}

/// How a worker ended.
pub(crate) enum End {
    Exited(ExitStatus),
    Stalled,
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
            End::Stalled => ProcessExit::Endless,
        }
    }

    /// With what it exited, if it did.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        match self {
            End::Exited(status) => Some(*status),
            End::Stalled => None,
        }
    }
}

/// A running worker; killed with all that it has started when dropped.
struct Worker {
    child: Child,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The worker leads a process group of its own, which may outlive it by an actor or two.
        // It is gone already in the normal case: then there is nobody to signal.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Worker {
    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }

    /// Waits until the worker ends or stalls.
    fn watch(mut self, pulse: &Pulse, budget: &Budget, listen: &dyn Fn(Shrinking)) -> anyhow::Result<End> {
        let mut nap = Duration::from_micros(500);
        let mut told = None;
        let mut stall = Stall::begin(&self, pulse);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(End::Exited(status));
            }
            if interrupt::interrupted() {
                bail!("interrupted");
            }
            std::thread::sleep(nap);
            let shrinking = pulse.shrinking();
            if let Some(shrinking) = shrinking.filter(|_| shrinking != told) {
                listen(shrinking);
            }
            told = shrinking;
            nap = (nap * 5 / 4).min(Duration::from_millis(10));
            if pulse.executions() != stall.executions {
                stall = Stall::begin(&self, pulse);
            } else if stall.is_final(&self, pulse, Duration::from_millis(budget.stall_ms)) {
                return Ok(End::Stalled);
            }
        }
    }

    /// Computing time of the worker and its actors so far.
    fn computed(&self, pulse: &Pulse) -> Duration {
        let pids = pulse.pids().into_iter().chain([self.child.id()]);
        pids.filter_map(computing_time).sum()
    }
}

/// A standstill: since when, and how much was computed before.
struct Stall {
    executions: u64,
    since: Instant,
    computed: Duration,
}

impl Stall {
    fn begin(worker: &Worker, pulse: &Pulse) -> Self {
        Self { executions: pulse.executions(), since: Instant::now(), computed: worker.computed(pulse) }
    }

    /// Whether the standstill has lasted: `patience` of computing without an end, or asleep all along.
    /// On a busy machine a worker that merely gets no processor does neither, and is given longer.
    fn is_final(&self, worker: &Worker, pulse: &Pulse, patience: Duration) -> bool {
        let waited = self.since.elapsed();
        // Actors that all say that they wait for each other need less time to be believed.
        let asleep_for = if all_wait(pulse) { patience / 12 } else { patience * 3 };
        if waited < asleep_for.min(patience) {
            return false;
        }
        let computed = worker.computed(pulse).saturating_sub(self.computed);
        let asleep = computed < waited / 50;
        computed >= patience || (asleep && waited >= asleep_for) || waited >= 10 * patience
    }
}

/// User and system time of a process, or `None` if it is gone.
fn computing_time(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the program's name, is in parentheses and may hold anything; utime and stime are
    // the 14th and 15th.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??;
    Some(Duration::from_millis((user + system) * 1000 / u64::try_from(per_second).ok()?.max(1)))
}

fn all_wait(pulse: &Pulse) -> bool {
    let (waiting, watched) = pulse.waiting();
    watched > 0 && waiting.len() == watched
}

/// How a design failed whose process has ended.
fn died(exit: ProcessExit, pulse: &Pulse, log: &str, budget: &Budget) -> Failure {
    if pulse.last_panic() == Some(Cause::Deadlock) {
        return Failure::DEADLOCK;
    }
    let aborted = exit == ProcessExit::Signal(Signal::SIGABRT as i32);
    // What the runtime prints before it aborts is the only trace of why it does.
    let out_of_memory = log.contains("memory allocation of") || log.contains("Cannot allocate memory");
    let how = if aborted && log.contains("has overflowed its stack") {
        How::StackOverflow
    } else if aborted && out_of_memory {
        How::OutOfMemory { limit_mib: budget.memory_mib }
    } else {
        How::Ended(exit)
    };
    Failure::Crash(Crash::new(Who::Process, how))
}

/// How a design failed that makes no progress.
fn stalled(pulse: &Pulse) -> Failure {
    if !all_wait(pulse) {
        return Failure::Hang(Hang::default());
    }
    let (waiting, _) = pulse.waiting();
    let waiting = waiting.into_iter().map(|actor| Waiting { actor, awaits: Awaited::Actor });
    Failure::Deadlock(Deadlock { waiting: waiting.collect() })
}
