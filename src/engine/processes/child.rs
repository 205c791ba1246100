//! The life of an actor's process, from fork to `_exit`.
//!
//! It never returns into the parent's frames, never runs the destructors of what lives there, prints nothing about a
//! panic, and dies with its parent. Limit: when it ends by itself it runs the destructors of thread-locals, those that
//! the worker had before the fork included, and what the worker registered to run at exit.

use super::super::Heartbeat;
use super::super::fork::{exit, fork_mortal};
use super::super::lockstep::{self, BatchConfig, Broken, Cores, Patience, Walker};
use super::memory::{Ground, Progress};
use crate::channel::NotForProcesses;
use crate::choice;
use crate::rt::context;
use crate::scenario::program::Program;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{ForkResult, Pid};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How long an actor's process lives.
#[derive(Clone, Copy)]
pub(super) enum Life {
    /// Until the parent ends the walk: array after array, from barrier to barrier.
    Long,
    /// For one array, walked like this.
    OneBatch(BatchConfig),
}

/// What an actor's process needs; all of it made before the fork.
#[derive(Clone, Copy)]
pub(super) struct Actor<'a> {
    pub(super) place: usize,
    pub(super) program: &'a dyn Program,
    pub(super) ground: &'a Ground,
    pub(super) heartbeat: &'static Heartbeat,
    pub(super) cores: &'a Cores,
    pub(super) patience: Patience,
    /// Of its choices.
    pub(super) seed: u64,
    /// Samples that were walked before.
    pub(super) walked: u64,
}

/// Forks a process for an actor.
///
/// # Errors
/// As [`fork_mortal`].
pub(super) fn fork_actor(actor: Actor<'_>, life: Life) -> nix::Result<Pid> {
    match fork_mortal()? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => live(actor, life),
    }
}

fn live(actor: Actor<'_>, life: Life) -> ! {
    let report = &actor.ground.control().reports[actor.place];
    let lived = catch_unwind(AssertUnwindSafe(|| {
        settle(actor);
        match life {
            Life::Long => walk_on(actor),
            Life::OneBatch(config) => walk_once(actor, &mut walker(actor), config),
        }
    }));
    match lived {
        Ok(Ok(())) => report.set_progress(Progress::Returned),
        Ok(Err(Broken)) => report.set_progress(Progress::KeptOut),
        Err(payload) => {
            let how = match report.progress() {
                Progress::Making => Progress::Unmade,
                _ => Progress::Panicked,
            };
            match payload.downcast_ref::<NotForProcesses>() {
                Some(reason) => report.ended(Progress::Unshareable, Some(&reason.0)),
                None => report.ended(how, lockstep::words_of(&*payload)),
            }
            // Dropping a payload runs code of the design, which may panic again.
            std::mem::forget(payload);
            exit(0)
        }
    }
    // The thread-locals of the actor end with it, and may end the process in another way.
    // SAFETY: this process has no other thread of the harness.
    unsafe { libc::exit(0) }
}

/// Arranges to leave no core dump, and to run on the actor's own core.
fn settle(actor: Actor<'_>) {
    // An actor that crashes on purpose would fill the disk; for a dump there are debuggers.
    let _refused = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    actor.cores.pin_to(actor.place);
    context::install_waiting_flag(actor.heartbeat.waiting_flag(actor.place));
    choice::begin_stream(actor.seed, actor.place, actor.walked);
}

fn walk_on(actor: Actor<'_>) -> Result<(), Broken> {
    let control = actor.ground.control();
    let mut walker = walker(actor);
    loop {
        control.start.wait(actor.patience)?;
        let Some(config) = control.config() else {
            return Ok(());
        };
        if control.is_unmade() {
            make_share(actor, config);
        }
        walk_once(actor, &mut walker, config)?;
        control.finish.wait(actor.patience)?;
    }
}

/// Makes the actor's share of an array. So no core is idle meanwhile, and the parent has one thing less to do.
fn make_share(actor: Actor<'_>, config: BatchConfig) {
    let ground = actor.ground;
    let report = &ground.control().reports[actor.place];
    report.set_progress(Progress::Making);
    // SAFETY: the parent has observed and dropped the states that were there before the start, and touches
    // none until the finish; no actor walks the array before all have lined up.
    unsafe { ground.plot.make(actor.program, ground.plot.share(actor.place, config.stride)) };
    report.set_progress(Progress::Underway);
}

fn walker(actor: Actor<'_>) -> Walker {
    Walker::new(actor.place, std::process::id())
}

fn walk_once(actor: Actor<'_>, walker: &mut Walker, config: BatchConfig) -> Result<(), Broken> {
    let control = actor.ground.control();
    control.pace.rewind(actor.place);
    control.line_up.wait(actor.patience)?;
    // SAFETY: the states were made by the parent before the start (or the fork), or by the actors themselves
    // before they lined up; the parent touches neither them nor the returns until the finish (or this
    // process's end); the returns are this actor's own.
    unsafe {
        actor.ground.plot.walk(actor.program, walker, config, &control.pace);
    }
    Ok(())
}
