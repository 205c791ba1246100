//! One generated program as a regression test, in the process of the test.

use super::run::judged;
use crate::base::budget::{DEFAULT_SEED, Effort};
use crate::base::engine::Engine;
use crate::linearizability::Model;
use crate::object::{Object, Program};
use crate::report::sentence;
use crate::verdict::Verdict;

impl<M: Model> Object<M> {
    /// Runs one program on one implementation, in this process: a regression test. Returns how many
    /// executions it held in.
    ///
    /// # Panics
    /// If the program fails, and how; if there is no such implementation; if the engine cannot run it. Real
    /// processes cannot be forked from a test, so ask another engine.
    pub fn check(self, implementation: &str, engine: Engine, program: &Program<M::Op>) -> u64 {
        assert_ne!(engine, Engine::Processes, "processes are not forked from a test; ask another engine");
        if let Some(fault) = program.fault() {
            panic!("{fault}");
        }
        let budget = Effort::Normal.budget(DEFAULT_SEED);
        let checked = match self.run(implementation, engine, program, budget) {
            Ok(Some(checked)) => checked,
            Ok(None) => panic!("no implementation is named `{implementation}`"),
            Err(error) => panic!("{implementation} on {engine}: {error:#}"),
        };
        let cell = judged(engine, &checked.facts, checked.observation);
        let verdict = cell.judgement.verdict;
        if verdict == Verdict::Safe {
            return cell.observation.executions;
        }
        let reason = sentence::reason(&cell).unwrap_or_default();
        if !verdict.is_failure() {
            panic!("{implementation} on {engine}: {reason}");
        }
        let executions = cell.observation.executions;
        panic!(
            "{implementation} on {engine}: {} in {executions} executions: {reason}\n{}{}",
            verdict.word(),
            checked.program,
            checked.explanation
        );
    }
}
