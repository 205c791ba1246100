//! What becomes of a program that failed: it is shrunk under a checker, and what is left is reported with its
//! shortest interleaving, and with a token that finds it again.
//!
//! Limits: where a real engine alone saw the failure and no checker shows it, the program stays as it was
//! found, and has no interleaving.

use super::explore::{Failed, Ran, Subject};
use super::generate::makes_sense;
use super::judge::Judge;
use super::program::Program;
use super::regression::{self, Known};
use super::shrink::{Bounds, Tried, shrink};
use crate::base::budget::Budget;
use crate::base::failure::Failure;
use crate::base::observation::{Caveat, Exploration, Observation, Programs, Sampling, ShrinkLimit, Shrunk};
use crate::base::recipe::Recipe;
use crate::engine::{self, Name, Task};
use crate::linearizability::Model;
use crate::scenario::{Engine, Expected};
use crate::witness::token::Token;
use crate::witness::{GeneratedProgram, Steps, Witness};
use std::time::{Duration, Instant};

/// Programs tried while shrinking one. The bound on executions comes first where programs are large.
const MOST_TRIED: u64 = 400;

/// What is left of a program that failed.
struct Smallest<M: Model> {
    ran: Ran<M>,
    tried: u64,
    early: Option<ShrinkLimit>,
}

impl<M: Model> Subject<M> {
    /// What is observed of an implementation that failed, after so many executions of other programs.
    pub(super) fn report(
        &self,
        engine: Engine,
        task: &Task<'_>,
        spent: u64,
        failed: Failed<M>,
    ) -> anyhow::Result<Observation> {
        let found = failed.ran.judge.program.clone();
        let known = Known { seed: failed.seed, size: failed.size.clone() };
        let (number, executions) = (failed.number, spent + failed.ran.seen.executions);
        let as_found = failed.ran.seen.clone();
        let Smallest { ran, tried, early } = self.smallest(engine, task, failed)?;
        let program = &ran.judge.program;
        // What a checker sees of the shrunk program is not what a real engine saw of the one it found.
        let mut seen = if engine.is_checker() { ran.seen } else { as_found };
        seen.executions = executions;
        seen.exploration = Exploration::Sampled { how: Sampling::Programs(Programs::Failing) };
        seen.stopped = None;
        seen.caveats.push(Caveat::Shrunk(Shrunk {
            number,
            operations_before: found.operations(),
            tried,
            operations_after: program.operations(),
            program: seen.witnesses.is_empty().then(|| program.as_code()),
            ended: early,
        }));
        eprintln!("found:\n{found}shrunk by {tried} programs to:\n{program}");
        if !engine.is_checker() {
            eprintln!("{}", regression::as_test(task.name, engine, program));
        }
        if task.facts.expected_on(engine).0 == Expected::Safe {
            regression::keep(&known, program);
        }
        Ok(seen)
    }

    /// Shrinks a program that failed, under a checker that shows it, and runs what is left once more for its
    /// witness.
    fn smallest(&self, engine: Engine, task: &Task<'_>, failed: Failed<M>) -> anyhow::Result<Smallest<M>> {
        // Shrinking has a time of its own.
        let task = &Task { until: None, ..task.clone() };
        let Some((checker, budget, failure)) = self.checker_that_shows(engine, task, &failed)? else {
            return Ok(Smallest { ran: failed.ran, tried: 0, early: None });
        };
        let until = Instant::now().checked_add(Duration::from_millis(task.budget.shrinking_ms));
        let bounds = Bounds { programs: MOST_TRIED, executions: task.budget.executions, until };
        let attempt = |program: &Program<M::Op>, tried: u64, smallest: usize| {
            task.heartbeat.note_shrinking(tried, smallest);
            match self.run(checker, task, budget, program.clone()) {
                Ok(ran) => {
                    let fails = ran.seen.failure().is_some_and(|found| found.is_like(&failure));
                    Tried { fails, executions: ran.seen.executions }
                }
                Err(_) => Tried { fails: false, executions: 1 },
            }
        };
        let shrunk = shrink(&self.generator.model, failed.drawn, bounds, attempt);
        let recipe = shrunk.draft.recipe(failed.seed, &failed.size);
        let ready = self.ready(task.facts, shrunk.draft.program());
        let name = Name { program: Some(&recipe), ..task.name };
        let one = Task { name, budget, ..ready.task(task) };
        let mut seen = engine::observe(checker, &one)?;
        task.heartbeat.note_shrunk();
        if let [witness] = &mut seen.witnesses[..] {
            witness.program = Some(shown(name, witness, &ready.judge));
        }
        let ran = Ran { judge: ready.judge, seen };
        Ok(Smallest { ran, tried: shrunk.tried, early: shrunk.early })
    }

    /// The checker under which the failure shows again, so that shrinking is certain of it, if any.
    fn checker_that_shows(
        &self,
        engine: Engine,
        task: &Task<'_>,
        failed: &Failed<M>,
    ) -> anyhow::Result<Option<(Engine, Budget, Failure)>> {
        if engine.is_checker() {
            return Ok(Some((engine, self.plan(engine, &task.budget).each, failed.failure.clone())));
        }
        for checker in Engine::checkers() {
            let budget = self.plan(checker, &task.budget).each;
            let program = failed.ran.judge.program.clone();
            let ran = self.run(checker, task, budget, program)?;
            // What a real engine sees the consequence of, a checker may call by its name.
            if let Some(failure) = ran.seen.failure() {
                return Ok(Some((checker, budget, failure)));
            }
        }
        Ok(None)
    }

    /// Executes once more what a token has kept of the program of a recipe.
    pub(super) fn follow(
        &self,
        task: &Task<'_>,
        token: &Token,
        recipe: &Recipe,
    ) -> Result<Witness, &'static str> {
        let draw = || recipe.follow(self.generator.draw(recipe.seed, &recipe.size));
        let program = recipe.is_possible().then(draw).flatten();
        let program = program.filter(|program| makes_sense(&self.generator.model, program));
        let program = program.ok_or("its operations are others, or its model is")?;
        let ready = self.ready(task.facts, program);
        let mut witness = engine::replay(&ready.task(task), token).ok_or(engine::OTHER_WAY)?;
        witness.program = Some(shown(task.name, &witness, &ready.judge));
        Ok(witness)
    }
}

/// The program of a witness, whose execution is the last that the judge has seen.
fn shown<M: Model>(name: Name<'_>, witness: &Witness, judge: &Judge<M>) -> GeneratedProgram {
    let forbidden = matches!(witness.shows, Failure::Forbidden { .. });
    let (history, calls) = if forbidden { judge.explanation() } else { None }.unzip();
    let Program { prefix, parts, suffix } = judge.program.map(|op| format!("{op:?}"));
    GeneratedProgram {
        table: judge.program.to_string(),
        history,
        steps: Steps { prefix, parts, suffix },
        calls,
        test: regression::as_test(name, witness.engine, &judge.program),
    }
}
