//! Executions that are looked at one by one.

use super::super::failure::classify;
use super::super::witness::{Ended, Fatal};
use super::schedule::{self, Bytes, Path};
use super::search::config;
use crate::base::failure::Failure;
use crate::rt::Checker;
use crate::rt::context::{self, Context};
use crate::rt::execution;
use crate::rt::model;
use crate::rt::pending;
use crate::rt::shuttle::end;
use crate::rt::trace::{self, Trace};
use crate::scenario::program::Program;
use shuttle::scheduler::Scheduler;
use std::sync::{Arc, Mutex, PoisonError};

/// One execution.
pub(super) struct Ran {
    pub(super) ended: Ended,
    pub(super) path: Path,
    /// Empty unless it was asked for.
    pub(super) trace: Trace,
}

/// Runs the execution whose schedule is these bytes, for a fuzzer to steer. How it failed, if it did; one
/// that was cut off as too long has not.
pub(crate) fn by_bytes(program: &Arc<dyn Program>, bytes: &[u8]) -> Option<Failure> {
    along(program, Bytes::new(bytes.to_vec()))?.failure()
}

/// Runs the one execution that a scheduler has. How it ended; `None` if it was cut off as too long.
pub(in crate::engine) fn along(
    program: &Arc<dyn Program>,
    scheduler: impl Scheduler + Send + 'static,
) -> Option<Ended> {
    let ended = Arc::new(Mutex::new(None));
    let note = Arc::clone(&ended);
    run(program, scheduler, Recording::Off, move |ran| {
        *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(ran.ended);
    });
    ended.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// What is noted of the executions.
pub(super) enum Recording {
    Off,
    /// A trace of each.
    On,
    /// Everything at once, for another process.
    Streaming(Fatal),
}

/// Runs executions until the scheduler has no more, or one fails. An execution that is cut off as too long
/// is not shown to `look`.
pub(super) fn run(
    program: &Arc<dyn Program>,
    scheduler: impl Scheduler + Send + 'static,
    recording: Recording,
    look: impl FnMut(Ran) + Send + 'static,
) {
    let look = Arc::new(Mutex::new(look));
    let show = move |ended: Ended| {
        let ran = Ran { ended, path: schedule::path(), trace: trace::so_far() };
        (look.lock().unwrap_or_else(PoisonError::into_inner))(ran);
    };
    let model = {
        let (program, show) = (Arc::clone(program), show.clone());
        move || {
            execution::begin();
            match &recording {
                Recording::Off => {}
                Recording::On => trace::begin(model::number),
                Recording::Streaming(fatal) => fatal.begin(),
            }
            let outcome = Arc::clone(&program).try_out();
            execution::end();
            show(Ended::Outcome(outcome));
        }
    };
    crate::rt::panics::install_once();
    let entered = context::enter(Context::Model(Checker::Shuttle));
    let result = end::run(scheduler, config(), model);
    drop(entered);
    let race = pending::end();
    if let Err(payload) = result {
        show(Ended::of(&classify(payload.as_ref()), race));
    }
    trace::end();
}
