//! One program at a time, in this process: regression tests, and programs made of bytes for a fuzzer.

use super::explore::Ran;
use super::program::Program;
use super::property::Object;
use crate::base::budget::Budget;
use crate::base::engine::Engine;
use crate::base::observation::Observation;
use crate::engine::{self, Heartbeat, Task};
use crate::linearizability::Model;
use crate::scenario::Facts;
use std::sync::Arc;

/// What was seen of one program.
pub(crate) struct Checked {
    pub(crate) facts: Facts,
    pub(crate) observation: Observation,
    /// The program as a table.
    pub(crate) program: String,
    /// Why the history that failed cannot be ordered, if one did.
    pub(crate) explanation: String,
}

impl<M: Model> Object<M> {
    /// Runs one program on an implementation in this process, within this budget. `None` if no implementation has
    /// this name.
    ///
    /// # Errors
    /// If the engine cannot do its work.
    pub(crate) fn run(
        self,
        implementation: &str,
        engine: Engine,
        program: &Program<M::Op>,
        budget: Budget,
    ) -> anyhow::Result<Option<Checked>> {
        let mut subjects = self.subjects().into_iter();
        let Some((_, facts, subject)) = subjects.find(|(name, ..)| name == implementation) else {
            return Ok(None);
        };
        let heartbeat: &'static Heartbeat = Box::leak(Box::default());
        let task =
            Task { witnesses: false, ..Task::of(Arc::clone(subject.first()), &facts, budget, heartbeat) };
        let Ran { judge, seen } = subject.run(engine, &task, budget, program.clone())?;
        let explanation = judge.explanation().map(|(words, _)| words).unwrap_or_default();
        Ok(Some(Checked { facts, observation: seen, program: program.to_string(), explanation }))
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
    engine::execute_by_bytes(&executable, schedule).map(|failure| format!("{failure:?}\n{program}"))
}
