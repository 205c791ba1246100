//! Watching one worker: whatever becomes of it is an observation of the design, and the run goes on.

use super::mapping::{SharedPulse, anonymous_file, contents, path_for_others};
use super::worker::{self, ARGUMENT, Job, Work};
use super::{gate, interrupt};
use crate::engine::{self, Budget, Exploration, Fatal, Name, Observation, Pulse, Shrinking};
use crate::scenario::{Engine, Facts};
use crate::witness::token::Route;
use crate::witness::{Shows, Witness};
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
        let observation = Observation::not_applicable(reason);
        return Ok(Supervised { observation, log: String::new(), seconds: 0.0 });
    }
    let Launched { pulse, answer, log, end, seconds } = launch(assignment.job(Work::Observe), listen)?;
    if let End::Exited(status) = end
        && status.success()
    {
        let observation = serde_json::from_slice(&answer).context("a worker left no answer")?;
        return Ok(Supervised { observation, log, seconds });
    }
    let mut observation = assignment.fate(&end, pulse.get(), &log)?;
    if assignment.engine.is_checker() {
        observation.witnesses.extend(write_down(assignment, pulse.get().executions())?);
    }
    Ok(Supervised { observation, log, seconds })
}

impl Assignment<'_> {
    /// What became of a worker that did not answer, as an observation.
    fn fate(&self, end: &End, pulse: &Pulse, log: &str) -> anyhow::Result<Observation> {
        match end {
            End::Exited(status) if status.code() == Some(worker::BROKEN) => bail!("{}", log.trim()),
            End::Exited(status) => Ok(died(*status, pulse, log, &self.budget)),
            End::Stalled => Ok(stalled(pulse, self.facts)),
        }
    }

    pub(crate) fn job(&self, work: Work) -> impl FnOnce(i32, PathBuf, PathBuf) -> Job {
        let (scenario, design) = (self.name.scenario.to_owned(), self.name.design.to_owned());
        let (engine, budget) = (self.engine, self.budget);
        move |supervisor, pulse, answer| Job {
            scenario,
            design,
            engine,
            budget,
            work,
            supervisor,
            pulse,
            answer,
        }
    }
}

/// Lets another worker come to the same end after so many executions, which writes down what it does on the
/// way. `None` if it ends otherwise.
///
/// # Errors
/// As [`launch`].
pub(crate) fn write_down(assignment: &Assignment<'_>, after: u64) -> anyhow::Result<Option<Witness>> {
    let mut lines = anonymous_file("selvedge-events")?;
    let fatal = Fatal { after, file: path_for_others(&lines) };
    let Launched { pulse, log, end, .. } = launch(assignment.job(Work::WriteDown(fatal)), &|_| ())?;
    if end.status().is_some_and(|status| status.success()) {
        return Ok(None);
    }
    let seen = assignment.fate(&end, pulse.get(), &log)?;
    let shows = match (seen.deadlock, seen.crash) {
        (Some(_), _) => Shows::Deadlock,
        (None, Some(words)) => Shows::Crash { words },
        (None, None) => Shows::Hang,
    };
    let lines = contents(&mut lines)?;
    let Some(witness) = engine::left_behind(assignment.engine, assignment.facts, &lines, shows) else {
        return Ok(None);
    };
    let Budget { executions, random_executions, seed, .. } = assignment.budget;
    let route = Route::Fatal { after, executions, random_executions };
    Ok(Some(assignment.name.sign(seed, witness, route)))
}

/// What is left of a worker.
pub(crate) struct Launched {
    pulse: SharedPulse,
    pub(crate) answer: Vec<u8>,
    pub(crate) log: String,
    pub(crate) end: End,
    seconds: f64,
}

/// Runs a job in a worker process, when its engine's turn has come, and waits for its end. `job` is told the
/// supervisor and where the pulse and the answer lie.
///
/// # Errors
/// If no worker can be started, or if the run is interrupted.
pub(crate) fn launch(
    job: impl FnOnce(i32, PathBuf, PathBuf) -> Job,
    listen: &dyn Fn(Shrinking),
) -> anyhow::Result<Launched> {
    let (pulse, pulse_file) = SharedPulse::create().context("cannot share memory with a worker")?;
    let mut answer = anonymous_file("selvedge-answer")?;
    let mut log = anonymous_file("selvedge-log")?;
    let supervisor = i32::try_from(std::process::id())?;
    let job = job(supervisor, path_for_others(&pulse_file), path_for_others(&answer));
    let _pass = gate::enter(job.engine);
    let start = Instant::now();
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let child = Command::new(&program)
        .arg(ARGUMENT)
        .arg(serde_json::to_string(&job)?)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start a worker: {}", program.display()))?;
    let end = Worker { child }.watch(pulse.get(), &job.budget, listen)?;
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

fn interrupted_observation(pulse: &Pulse) -> Observation {
    let mut seen = Observation::new(Exploration::Sampled { how: "executions until the failure".to_owned() });
    seen.executions = pulse.executions() + 1;
    seen
}

fn died(status: ExitStatus, pulse: &Pulse, log: &str, budget: &Budget) -> Observation {
    let mut seen = interrupted_observation(pulse);
    if let Some(words) = pulse.note()
        && words.starts_with("deadlock")
    {
        seen.deadlock = Some(crate::engine::failure::ALL_WAIT.to_owned());
        return seen;
    }
    let out_of_memory = log.contains("memory allocation of") || log.contains("Cannot allocate memory");
    seen.crash = Some(match status.signal().map(Signal::try_from) {
        Some(Ok(Signal::SIGABRT)) if log.contains("has overflowed its stack") => {
            "it overflowed its stack".to_owned()
        }
        Some(Ok(Signal::SIGABRT)) if out_of_memory => {
            format!("it ran out of memory: the limit is {} MiB", budget.memory_mib)
        }
        Some(Ok(Signal::SIGKILL)) => "it was killed by SIGKILL, maybe for want of memory".to_owned(),
        Some(Ok(signal)) => format!("it was killed by {signal}"),
        Some(Err(_)) => format!("it died: {status}"),
        None => format!("it ended the whole process: {status}"),
    });
    seen
}

fn stalled(pulse: &Pulse, facts: &Facts) -> Observation {
    let mut seen = interrupted_observation(pulse);
    let (waiting, _) = pulse.waiting();
    let names: Vec<_> =
        waiting.iter().filter_map(|&actor| facts.actors.get(actor)).map(String::as_str).collect();
    if all_wait(pulse) {
        seen.deadlock = Some(format!("every actor waits: {}", names.join(", ")));
    } else {
        seen.hang = Some("an execution does not end".to_owned());
    }
    seen
}
