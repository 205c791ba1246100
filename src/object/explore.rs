//! Exploring an implementation: program after program on one engine, until one fails or the budget is
//! spent. What comes of a failure is in `failing`.
//!
//! The first program has a single actor: it shows whether the implementation is right when nothing is
//! concurrent, and whether a checker sees it at all. On processes there are some of these, as long as can be:
//! what an implementation allocates it allocates in one of them, and is turned away. The others grow. Under
//! the checkers everything is counted in executions, so that the same seed gives the same programs and the
//! same answer everywhere.
//!
//! Limits: a clean exploration is a sample of programs, whatever was explored of each. A program that an
//! engine gave up on counts for nothing, and if it gave up on all of them the answer is inconclusive.

use super::generate::{Drawn, Generator, Random, makes_sense};
use super::judge::Judge;
use super::program::Program;
use super::regression;
use super::running;
use crate::base::budget::Budget;
use crate::base::failure::Failure;
use crate::base::observation::{Caveat, Exploration, GaveUp, Observation, Programs, Sampling, Stop};
use crate::base::outcome::OutcomeCount;
use crate::base::recipe::Recipe;
use crate::base::recipe::Size;
use crate::engine::{self, Name, Task, adapter};
use crate::linearizability::Model;
use crate::scenario::program::Program as Executable;
use crate::scenario::{Engine, Facts};
use crate::witness::Witness;
use crate::witness::token::Token;
use rustc_hash::FxHashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes a program executable: the design that runs it on one implementation.
pub(super) type Build<M> = Arc<dyn Fn(Arc<Judge<M>>) -> Arc<dyn Executable> + Send + Sync>;

static PROGRAMS_RUN: AtomicU64 = AtomicU64::new(0);

/// How many programs this process has run, for benchmarks.
pub(crate) fn programs_run() -> u64 {
    PROGRAMS_RUN.load(Ordering::Relaxed)
}

/// An implementation under test.
pub(super) struct Subject<M: Model> {
    pub(super) generator: Arc<Generator<M>>,
    build: Build<M>,
    /// The first program, which stands for all of them where a single one is wanted.
    first: Arc<dyn Executable>,
}

/// How much goes into each program.
pub(super) struct Plan {
    /// The most programs.
    programs: u64,
    pub(super) each: Budget,
    /// How many have a single actor, before all others.
    alone: u64,
    /// The size of those, and of the largest of the others.
    sizes: (Size, Size),
    /// How many times over the plan would lead to programs of that size.
    grown: u64,
    /// Executions of all programs together after which no other is begun, if they are counted.
    executions: Option<u64>,
    /// Whether one that was not explored in full says that larger ones will not be either.
    all_or_nothing: bool,
}

impl Plan {
    /// The size of the program of this number, begun after so many executions: they grow as the plan is spent.
    fn size(&self, number: u64, spent: u64) -> Size {
        match self.executions {
            _ if number < self.alone => self.sizes.0.clone(),
            Some(executions) if spent * self.programs > number * executions => {
                self.sizes.1.grown(spent * self.grown, executions)
            }
            _ => self.sizes.1.grown(number * self.grown, self.programs),
        }
    }

    fn is_spent(&self, spent: u64) -> bool {
        self.executions.is_some_and(|executions| spent >= executions)
    }
}

/// A program that was run, and what was seen.
pub(super) struct Ran<M: Model> {
    pub(super) judge: Arc<Judge<M>>,
    pub(super) seen: Observation,
}

/// A program that can be executed.
pub(super) struct Ready<M: Model> {
    pub(super) judge: Arc<Judge<M>>,
    executable: Arc<dyn Executable>,
    facts: Facts,
}

impl<M: Model> Ready<M> {
    /// The same task for this program.
    pub(super) fn task<'a>(&'a self, task: &Task<'a>) -> Task<'a> {
        let program = Arc::clone(&self.executable);
        Task {
            program,
            facts: &self.facts,
            fatal: task.fatal.clone(),
            helping: None,
            preliminary: None,
            ..*task
        }
    }
}

impl<M: Model> Subject<M> {
    pub(super) fn new(generator: Arc<Generator<M>>, build: Build<M>) -> Self {
        let drawn = generator.draw(0, &alone(&generator.size));
        let judge = Judge::new(generator.model.clone(), drawn.map(|drawn| drawn.current()));
        let first = build(Arc::new(judge));
        Self { generator, build, first }
    }

    /// The program of some bytes, and in words.
    pub(super) fn of_bytes(&self, bytes: &[u8]) -> (Arc<dyn Executable>, String) {
        let drawn = self.generator.draw_from(bytes, &self.generator.size);
        let program = drawn.map(|drawn| drawn.current());
        let words = program.to_string();
        let judge = Judge::new(self.generator.model.clone(), program);
        ((self.build)(Arc::new(judge)), words)
    }

    /// The first program.
    pub(super) fn first(&self) -> &Arc<dyn Executable> {
        &self.first
    }

    /// Many small programs, little of each: a bug shows in a few of all interleavings of a small program more
    /// often than in many of a large one. All together get less than a single design would.
    pub(super) fn plan(&self, engine: Engine, budget: &Budget) -> Plan {
        let engine::Programs {
            most,
            each,
            alone: alone_count,
            alone_at_length,
            small,
            all_or_nothing,
            grown,
            executions,
        } = adapter(engine).programs(budget);
        let size = if small { self.generator.size.small() } else { self.generator.size.clone() };
        let first = if alone_at_length { Size::OF_SCOUTS } else { alone(&size) };
        Plan {
            programs: most,
            // A program is explored once, whatever else is explored.
            each: Budget { again: false, ..each },
            alone: alone_count,
            sizes: (first, size),
            grown,
            executions,
            all_or_nothing,
        }
    }

    /// Runs one program.
    pub(super) fn run(
        &self,
        engine: Engine,
        task: &Task<'_>,
        budget: Budget,
        program: Program<M::Op>,
    ) -> anyhow::Result<Ran<M>> {
        PROGRAMS_RUN.fetch_add(1, Ordering::Relaxed);
        let ready = self.ready(task.facts, program);
        let repeated = engine::repeat::SAMPLE_OF_PROGRAM;
        let one = Task { name: Name::default(), budget, witnesses: false, repeated, ..ready.task(task) };
        let seen = engine::observe(engine, &one)?;
        Ok(Ran { judge: ready.judge, seen })
    }

    /// Makes a program executable.
    pub(super) fn ready(&self, facts: &Facts, program: Program<M::Op>) -> Ready<M> {
        let actors = facts.actors.iter().take(program.parts.len()).cloned().collect();
        let judge = Arc::new(Judge::new(self.generator.model.clone(), program));
        let executable = (self.build)(Arc::clone(&judge));
        Ready { judge, executable, facts: Facts { actors, ..facts.clone() } }
    }

    /// Explores the programs that failed before, and then those of the plan.
    fn explore_all(&self, engine: Engine, task: &Task<'_>) -> anyhow::Result<Observation> {
        let plan = self.plan(engine, &task.budget);
        let mut total = Total::default();
        // Where one program was too much, a larger one would be a waste.
        let mut too_large = usize::MAX;
        let mut random = Random(task.budget.seed);
        // Small programs are often drawn again.
        let mut run = FxHashSet::default();
        let known = regression::known()?;
        let before = u64::try_from(known.len()).unwrap_or(u64::MAX);
        let mut known = known.into_iter();
        for number in 0..plan.programs.saturating_add(before) {
            if plan.is_spent(total.spent) {
                break;
            }
            let (seed, size) = match (known.next(), number.checked_sub(before)) {
                (Some(known), _) => (known.seed, known.size),
                (None, fresh) => (random.next(), plan.size(fresh.unwrap_or(0), total.spent)),
            };
            let drawn = self.generator.draw(seed, &size);
            let program = drawn.map(|drawn| drawn.current());
            debug_assert!(makes_sense(&self.generator.model, &program), "{program:?}");
            let parallel: usize = program.parts.iter().map(Vec::len).sum();
            if parallel >= too_large || !run.insert(program.as_code()) {
                continue;
            }
            if !engine.is_checker() {
                // Should it hang or die, the log says which it was.
                eprintln!("program {number} of seed {seed:#x}\n{program}");
            }
            let Ran { judge, seen } = self.run(engine, task, plan.each, program)?;
            if seen.not_applicable.is_some() {
                return Ok(seen);
            }
            if let Some(failure) = seen.failure() {
                let failed = Failed { number, seed, size, failure, drawn, ran: Ran { judge, seen } };
                return self.report(engine, task, total.spent, failed);
            }
            if number == before && engine.is_checker() && parallel > 0 && !judge.was_touched() {
                let mut seen = total.conclude(engine);
                seen.stopped = Some(Stop::NoOperation);
                return Ok(seen);
            }
            if plan.all_or_nothing && seen.stopped.is_some() {
                too_large = too_large.min(parallel).max(3);
            }
            // Every shard tries these first; one of them counts them.
            if number >= before || !task.budget.again {
                total.add(seen, judge.unanswered());
            }
        }
        Ok(total.conclude(engine))
    }
}

/// A program of a single actor.
fn alone(size: &Size) -> Size {
    Size { parts: 1..=1, ..size.clone() }
}

/// A program that failed, and how it was drawn.
pub(super) struct Failed<M: Model> {
    pub(super) number: u64,
    pub(super) seed: u64,
    pub(super) size: Size,
    pub(super) failure: Failure,
    pub(super) drawn: Program<Drawn<M::Op>>,
    pub(super) ran: Ran<M>,
}

/// What programs that did not fail add up to.
#[derive(Default)]
struct Total {
    /// Of programs that were explored.
    executions: u64,
    /// Of all programs.
    spent: u64,
    fitting: u64,
    explored: usize,
    whole: usize,
    given_up: Vec<Stop>,
    caveats: Vec<Caveat>,
}

impl Total {
    /// Adds a program that did not fail; `unanswered` is why one of its histories was not checked to its end.
    fn add(&mut self, seen: Observation, unanswered: Option<String>) {
        self.spent += seen.executions;
        if let Some(reason) = unanswered.map(Stop::HistoryNotChecked).or(seen.stopped) {
            self.given_up.push(reason);
            return;
        }
        self.executions += seen.executions;
        self.fitting += seen.outcomes.iter().map(|outcome| outcome.count).sum::<u64>();
        self.explored += 1;
        self.whole += usize::from(seen.exploration == Exploration::Exhaustive);
        for caveat in seen.caveats {
            // Those that count executions differ from program to program.
            if !self.caveats.contains(&caveat) && !matches!(caveat, Caveat::CutOff { .. }) {
                self.caveats.push(caveat);
            }
        }
    }

    fn conclude(self, engine: Engine) -> Observation {
        let programs = if engine.is_checker() {
            Programs::Explored { all: self.explored, in_full: self.whole }
        } else {
            Programs::Sampled(self.explored)
        };
        let mut seen = Observation::new(Exploration::Sampled { how: Sampling::Programs(programs) });
        seen.executions = self.executions;
        seen.caveats = self.caveats;
        let fits = running::rules().swap_remove(0);
        seen.outcomes.push(OutcomeCount {
            value: format!("{:?}", super::judge::Judged::Fits),
            grade: fits.grade,
            sentence: fits.sentence,
            count: self.fitting,
        });
        let programs = self.given_up.len();
        if let Some(first) = self.given_up.into_iter().next() {
            let gave_up = GaveUp { programs, first: Box::new(first) };
            if self.explored == 0 {
                seen.stopped = Some(Stop::GaveUp(gave_up));
            } else {
                seen.caveats.push(Caveat::GaveUp(gave_up));
            }
        }
        seen
    }
}

/// Many programs for one implementation of an object.
pub(crate) trait Generated: Send + Sync {
    /// Explores them on an engine, one after the other.
    ///
    /// # Errors
    /// If the harness itself cannot do its work.
    fn explore(&self, engine: Engine, task: &Task<'_>) -> anyhow::Result<Observation>;

    /// Executes once more what a token has kept of the program of this recipe.
    ///
    /// # Errors
    /// With how the object has changed, if there is no such program or it does not go that way.
    fn replay(&self, task: &Task<'_>, token: &Token, recipe: &Recipe) -> Result<Witness, &'static str>;
}

impl<M: Model> Generated for Subject<M> {
    fn explore(&self, engine: Engine, task: &Task<'_>) -> anyhow::Result<Observation> {
        self.explore_all(engine, task)
    }

    fn replay(&self, task: &Task<'_>, token: &Token, recipe: &Recipe) -> Result<Witness, &'static str> {
        self.follow(task, token, recipe)
    }
}
