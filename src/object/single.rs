//! One program at a time, in this process: regression tests, and programs made of bytes for a fuzzer.

use super::explore::{Fault, Ran, Subject};
use super::program::Program;
use super::property::Object;
use crate::engine::{self, Pulse, Task};
use crate::linearizability::Model;
use crate::runner::budget::{DEFAULT_SEED, Effort};
use crate::scenario::{Engine, Facts};
use std::sync::Arc;

impl<M: Model> Subject<M> {
    /// Runs one program under the normal budget: in how many executions it held, or how it failed.
    pub(super) fn check(
        &self,
        engine: Engine,
        facts: &Facts,
        program: &Program<M::Op>,
    ) -> Result<u64, String> {
        let pulse: &'static Pulse = Box::leak(Box::default());
        let budget = Effort::Normal.budget(DEFAULT_SEED);
        let task = Task { witnesses: false, ..Task::of(Arc::clone(self.first()), facts, budget, pulse) };
        let Ran { judge, seen } =
            self.run(engine, &task, budget, program.clone()).map_err(|error| format!("{error:#}"))?;
        let reason = seen.not_applicable.as_ref().or(seen.stopped.as_ref());
        match (Fault::of(&seen), reason) {
            (None, None) => Ok(seen.executions),
            (None, Some(reason)) => Err(reason.clone()),
            (Some(fault), _) => {
                let explanation = judge.explanation().unwrap_or_default();
                Err(format!("{fault:?} in {} executions\n{program}{explanation}", seen.executions))
            }
        }
    }
}

/// One execution of one program on an implementation: the first byte says how many of the others make the
/// program, and the rest choose, at each scheduling point of shuttle's, who goes next. How it failed, if it
/// did. An execution that was cut off as too long has not failed.
///
/// # Panics
/// If there is no such implementation.
pub fn by_bytes<M: Model>(object: Object<M>, implementation: &str, bytes: &[u8]) -> Option<String> {
    let (length, bytes) = bytes.split_first()?;
    let (program, schedule) = bytes.split_at(bytes.len().min(usize::from(*length)));
    let subjects = object.subjects();
    let named = subjects.into_iter().find(|(name, ..)| name == implementation);
    let (_, _, subject) = named.expect("an implementation of this name");
    let (executable, program) = subject.of_bytes(program);
    engine::execute_by_bytes(&executable, schedule).map(|failure| format!("{failure}\n{program}"))
}
