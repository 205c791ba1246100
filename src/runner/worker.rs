//! The worker process: this program again, with a hidden argument, executing one cell of the matrix.
//!
//! It never outlives its supervisor, has a limit on its memory, dumps no core, and starts with a single
//! thread, so that engines may fork.

use super::mapping::Shared;
use super::seat::Place;
use super::{dying, register};
use crate::base::budget::Budget;
use crate::base::engine::Engine;
use crate::base::failure::ProcessExit;
use crate::base::observation::{Exploration, Observation, Sampling, Stop};
use crate::engine::{self, Fatal, Heartbeat, Helping, Name, Task};
use crate::litmus;
use crate::object;
use crate::registry::{self, Found};
use crate::scenario::ErasedDesign;
use anyhow::{Context as _, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The hidden first argument.
pub(crate) const ARGUMENT: &str = "__selvedge-worker";

/// The exit code of a worker that could not do its work.
pub(crate) const BROKEN: i32 = 70;

/// What a worker answers that could not do its work, and why.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Broken {
    pub(crate) broken: String,
}

/// One design on one engine, for a worker to execute.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) scenario: String,
    pub(crate) design: String,
    /// The text of the litmus test that this is about, if it is not about a registered scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) litmus: Option<String>,
    pub(crate) engine: Engine,
    pub(crate) budget: Budget,
    pub(crate) work: Work,
    pub(crate) supervisor: i32,
    pub(crate) heartbeat: PathBuf,
    pub(crate) answer: PathBuf,
    /// Where this process counts among those that compute.
    pub(crate) place: Option<Place>,
}

/// How long an exploration lasts before it looks for idle cores: most are over by then.
pub(crate) const ALONE: Duration = Duration::from_millis(80);

/// What a worker is to do with its design.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Work {
    Observe,
    /// Write down the execution that ends the process.
    WriteDown(Fatal),
    /// Find the shortest execution that ends the process like this.
    Shorten(ProcessExit),
    /// Replay this token.
    Replay(String),
}

/// If this process was started as a worker, works and never returns. Call it first thing in `main`.
pub(crate) fn enter_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    let asked = arguments.next().unwrap_or_default();
    let job = arguments.next().unwrap_or_default();
    if asked == register::ARGUMENT {
        end(register::work(&job.to_string_lossy()));
    }
    if asked != ARGUMENT {
        return;
    }
    let job = serde_json::from_str::<Job>(&job.to_string_lossy());
    let answer = job.as_ref().ok().map(|job| job.answer.clone());
    let worked = job.context("this argument is for selvedge's own use").and_then(work);
    if let (Err(error), Some(answer)) = (&worked, answer)
        && let Ok(broken) = serde_json::to_vec(&Broken { broken: format!("{error:#}") })
    {
        // If the supervisor is gone there is nothing to tell.
        let _told = std::fs::write(answer, broken);
    }
    end(worked)
}

/// Ends this process.
fn end(worked: anyhow::Result<()>) -> ! {
    match worked {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("{error:#}");
            std::process::exit(BROKEN);
        }
    }
}

fn work(job: Job) -> anyhow::Result<()> {
    let begun = Instant::now();
    confine(job.supervisor, job.budget.memory_mib)?;
    let heartbeat = Shared::<Heartbeat>::open(&job.heartbeat).context("the supervisor is gone")?;
    crate::heartbeat::tell(heartbeat);
    dying::install().context("cannot handle signals")?;
    let found = match &job.litmus {
        Some(text) => vec![litmus::found(&job.scenario, text)?.1],
        None => registry::find_named(&job.scenario)?,
    };
    if let Work::Replay(token) = &job.work {
        let replayed = super::replay::here(&found, token);
        return std::fs::write(&job.answer, serde_json::to_vec(&replayed)?).context("the supervisor is gone");
    }
    let Some((scenario, design)) = registry::design(&found, &job.scenario, &job.design) else {
        bail!("there is no design `{}` in scenario `{}`", job.design, job.scenario);
    };
    object::regression::explores(&scenario.file, &scenario.name, &job.design);
    crate::rt::panics::install();
    let name =
        Name { scenario: &job.scenario, design: &job.design, digest: scenario.digest(design), program: None };
    // A litmus test has its answer in its final states; its executions are not shown.
    let witnesses = job.litmus.is_none();
    let soft = Duration::from_millis(job.budget.wall_ms / 4 * 3);
    let until = begun.checked_add(soft);
    let preliminary = |seen: &Observation| {
        if let Ok(answer) = serde_json::to_vec(seen) {
            // What is told too early to be complete may be missing.
            let _told = std::fs::write(&job.answer, answer);
        }
    };
    let preliminary: &dyn Fn(&Observation) = &preliminary;
    let preliminary = matches!(job.work, Work::Observe).then_some(preliminary);
    let task = Task { name, witnesses, until, preliminary, ..Task::new(design, job.budget, heartbeat) };
    let answer = match &job.work {
        Work::Observe | Work::Replay(_) => {
            let helping = job.place.as_ref().map(helping).transpose()?;
            serde_json::to_vec(&explore(scenario, design, job.engine, &Task { helping, ..task })?)?
        }
        // There is no search that comes to all programs.
        Work::Shorten(_) if scenario.generated(design).is_some() => serde_json::to_vec(&None::<()>)?,
        Work::Shorten(exit) => serde_json::to_vec(&engine::shorten(job.engine, &task, *exit))?,
        Work::WriteDown(fatal) => {
            let task = Task { fatal: Some(fatal.clone()), ..task };
            let seen = match engine::follow_to_the_end(job.engine, &task) {
                true => None,
                false => Some(explore(scenario, design, job.engine, &task)?),
            };
            serde_json::to_vec(&seen)?
        }
    };
    std::fs::write(&job.answer, answer).context("cannot write the answer")
}

/// Explores a design on an engine: its program, or the programs that it stands for.
///
/// A panic that comes out of no execution (of a grade, of a `Debug`, of an object's model, of a checker) says nothing of
/// the design.
fn explore(
    scenario: &Found,
    design: &ErasedDesign,
    engine: Engine,
    task: &Task<'_>,
) -> anyhow::Result<Observation> {
    let worker = std::process::id();
    let explored = catch_unwind(AssertUnwindSafe(|| match scenario.generated(design) {
        Some(generated) => generated.explore(engine, task),
        None => engine::observe(engine, task),
    }));
    explored.unwrap_or_else(|payload| {
        if std::process::id() != worker {
            // A process that was forked to help has nothing to answer.
            std::process::exit(BROKEN);
        }
        let words = crate::rt::panics::text(&*payload).unwrap_or("a panic without a message").to_owned();
        // Dropping a payload runs code of the design, which may panic again.
        std::mem::forget(payload);
        let mut seen = Observation::new(Exploration::Sampled { how: Sampling::Nothing });
        seen.executions = task.heartbeat.executions();
        seen.stopped = Some(Stop::PanickedOutside(words));
        Ok(seen)
    })
}

/// Leave to explore on idle cores too.
fn helping(place: &Place) -> anyhow::Result<Helping> {
    let slots = Shared::open(&place.slots).context("the supervisor is gone")?;
    Ok(Helping { slots, own: place.slot, after: ALONE })
}

/// Ties this process to its supervisor and bounds what it may take.
pub(super) fn confine(supervisor: i32, memory_mib: u64) -> anyhow::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    if nix::unistd::getppid().as_raw() != supervisor {
        bail!("the supervisor is gone");
    }
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    let (_, most) = getrlimit(Resource::RLIMIT_AS)?;
    // What the user allows may be less.
    let bytes = (memory_mib << 20).min(most);
    setrlimit(Resource::RLIMIT_AS, bytes, bytes).context("cannot limit the memory of a worker")?;
    // What a design has started and left is this process's, and then its supervisor's.
    let _refused = nix::sys::prctl::set_child_subreaper(true);
    Ok(())
}
