//! Exploring an implementation: program after program on one engine, until one fails or the budget is
//! spent; then shrinking.
//!
//! The first program has a single actor: it shows whether the implementation is right when nothing is
//! concurrent, and whether a checker sees it at all. The others grow. Under the checkers everything is
//! counted in executions, so that the same seed gives the same programs and the same answer everywhere.
//!
//! Limits: a clean exploration is a sample of programs, whatever was explored of each. A program that an
//! engine gave up on counts for nothing, and if it gave up on all of them the answer is inconclusive.

use super::generate::{Drawn, Generator, Random, Size, makes_sense};
use super::judge::Judge;
use super::model::Model;
use super::program::Program;
use super::regression::{self, Known};
use super::running;
use super::shrink::shrink;
use crate::engine::steered::{self, Fewest};
use crate::engine::{self, Budget, Exploration, Name, Observation, Task};
use crate::scenario::program::{Generated, Graded, Layouts, OutcomeCount, Program as Executable};
use crate::scenario::{Engine, Exit, Expected, Facts, Grade};
use std::fmt::Write as _;
use std::ops::Range;
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
    generator: Arc<Generator<M>>,
    build: Build<M>,
    /// The first program, which stands for all of them where a single one is wanted.
    first: Arc<dyn Executable>,
}

/// How much goes into each program.
struct Plan {
    programs: usize,
    each: Budget,
    size: Size,
    /// Executions of all programs together after which no other is begun.
    executions: u64,
}

/// What is wrong with an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Race,
    Deadlock,
    Crash,
    Forbidden,
}

impl Fault {
    pub(super) fn of(seen: &Observation) -> Option<Fault> {
        let forbidden = |outcome: &OutcomeCount| outcome.grade == Grade::Forbidden && outcome.count > 0;
        if !seen.races.is_empty() {
            Some(Fault::Race)
        } else if seen.deadlock.is_some() {
            Some(Fault::Deadlock)
        } else if seen.crash.is_some() {
            Some(Fault::Crash)
        } else {
            seen.outcomes.iter().any(forbidden).then_some(Fault::Forbidden)
        }
    }
}

/// A program that was run, and what was seen.
struct Ran<M: Model> {
    judge: Arc<Judge<M>>,
    seen: Observation,
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

    fn plan(&self, engine: Engine, budget: &Budget) -> Plan {
        let size = self.generator.size.clone();
        let share = |whole: u64, parts: u64, least: u64| (whole / parts).max(least);
        match engine {
            Engine::Loom => {
                let each = Budget { executions: share(budget.executions, 20, 50), ..*budget };
                // Everything is explored here, or nothing is known: small programs are worth more.
                let size = Size {
                    parts: *size.parts.start()..=(*size.parts.end()).min(3),
                    operations: size.operations.min(2),
                    prefix: size.prefix.min(2),
                    suffix: size.suffix.min(1),
                };
                Plan { programs: 80, each, size, executions: budget.executions }
            }
            Engine::Shuttle => {
                let each = Budget {
                    executions: share(budget.executions, 20, 20),
                    random_executions: share(budget.random_executions, 50, 10),
                    ..*budget
                };
                Plan { programs: 150, each, size, executions: u64::MAX }
            }
            Engine::Threads | Engine::Processes => {
                let programs = (budget.sampling_ms / 25).clamp(1, 1000);
                let each = Budget { sampling_ms: budget.sampling_ms.div_ceil(programs), ..*budget };
                Plan { programs: usize::try_from(programs).unwrap_or(1), each, size, executions: u64::MAX }
            }
        }
    }

    /// Runs one program.
    pub(super) fn run(
        &self,
        engine: Engine,
        task: &Task<'_>,
        budget: Budget,
        program: Program<M::Op>,
    ) -> anyhow::Result<(Arc<Judge<M>>, Observation)> {
        self.run_for(engine, task, budget, program, false)
    }

    /// Runs one program, for a witness of its failure if that is wanted.
    fn run_for(
        &self,
        engine: Engine,
        task: &Task<'_>,
        budget: Budget,
        program: Program<M::Op>,
        witnesses: bool,
    ) -> anyhow::Result<(Arc<Judge<M>>, Observation)> {
        PROGRAMS_RUN.fetch_add(1, Ordering::Relaxed);
        let names = task.facts.actors.iter().take(program.parts.len()).cloned().collect();
        let facts = Facts { actors: names, ..task.facts.clone() };
        let judge = Arc::new(Judge::new(self.generator.model.clone(), program));
        let executable = (self.build)(Arc::clone(&judge));
        let (name, pulse) = (Name::default(), task.pulse);
        let one = Task {
            name,
            program: executable,
            facts: &facts,
            budget,
            pulse,
            fatal: None,
            log: None,
            witnesses,
        };
        let mut seen = engine::observe_design(engine, &one)?;
        // A token names a design, and what it does; here that is drawn anew.
        seen.witnesses.iter_mut().for_each(|witness| witness.token.clear());
        Ok((judge, seen))
    }

    /// Shrinks a program that failed, and runs what is left of it once more.
    fn shrunk(
        &self,
        engine: Engine,
        task: &Task<'_>,
        budget: Budget,
        fault: Fault,
        drawn: Program<Drawn<M::Op>>,
    ) -> anyhow::Result<(Ran<M>, usize)> {
        let fails = |program: &Program<M::Op>| {
            let ran = self.run(engine, task, budget, program.clone());
            ran.is_ok_and(|(_, seen)| Fault::of(&seen) == Some(fault))
        };
        let shrunk = shrink(&self.generator.model, drawn, fails);
        let (judge, seen) = self.run_for(engine, task, budget, shrunk.program, true)?;
        Ok((Ran { judge, seen }, shrunk.tried))
    }

    /// Explores the programs that failed before, and then those of the plan.
    fn explore_all(&self, engine: Engine, task: &Task<'_>) -> anyhow::Result<Observation> {
        let plan = self.plan(engine, &task.budget);
        let mut total = Total::default();
        // Where one program was too much for loom, a larger one would be a waste.
        let mut too_large = usize::MAX;
        let mut random = Random(task.budget.seed);
        let known = regression::known();
        let before = known.iter().map(|known| (known.seed, known.size.clone()));
        let fresh = (0..plan.programs).map(|number| {
            let size = match number {
                0 => alone(&plan.size),
                _ => plan.size.grown(number, plan.programs),
            };
            (random.next(), size)
        });
        for (number, (seed, size)) in before.chain(fresh).enumerate() {
            if total.spent >= plan.executions {
                break;
            }
            let drawn = self.generator.draw(seed, &size);
            let program = drawn.map(|drawn| drawn.current());
            debug_assert!(makes_sense(&self.generator.model, &program), "{program:?}");
            let parallel: usize = program.parts.iter().map(Vec::len).sum();
            if parallel >= too_large {
                continue;
            }
            if !engine.is_checker() {
                // Should it hang or die, the log says which it was.
                eprintln!("program {number} of seed {seed:#x}\n{program}");
            }
            let (judge, seen) = self.run(engine, task, plan.each, program)?;
            if seen.not_applicable.is_some() {
                return Ok(seen);
            }
            if let Some(fault) = Fault::of(&seen) {
                let failed = Failed { number, seed, size, fault, drawn, ran: Ran { judge, seen } };
                return self.report(engine, task, total, failed);
            }
            if number == known.len() && engine.is_checker() && parallel > 0 && !judge.was_touched() {
                let mut seen = total.conclude(engine);
                seen.stopped = Some(engine::blind(engine.name()));
                return Ok(seen);
            }
            if engine == Engine::Loom && seen.stopped.is_some() {
                too_large = too_large.min(parallel).max(3);
            }
            total.add(seen);
        }
        Ok(total.conclude(engine))
    }

    /// What is observed of an implementation that failed: its smallest program.
    fn report(
        &self,
        engine: Engine,
        task: &Task<'_>,
        total: Total,
        failed: Failed<M>,
    ) -> anyhow::Result<Observation> {
        let found = failed.ran.judge.program.clone();
        let executions = total.spent + failed.ran.seen.executions;
        let as_found = failed.ran.seen.clone();
        let (ran, tried) = match self.checker_that_shows(engine, task, &failed)? {
            Some((checker, budget, fault)) => self.shrunk(checker, task, budget, fault, failed.drawn)?,
            None => (failed.ran, 0),
        };
        let program = &ran.judge.program;
        // What a checker sees of the shrunk program is not what a real engine saw of the one it found.
        let mut seen = if engine.is_checker() { ran.seen } else { as_found };
        seen.executions = executions;
        seen.exploration = Exploration::Sampled { how: GENERATED.to_owned() };
        seen.stopped = None;
        let (explanation, fewest) = match engine {
            Engine::Shuttle => self.fewest_switches(task, program),
            _ => (ran.judge.explanation(), None),
        };
        let mut words = format!(
            "program {} failed, {} operations; shrunk to {} by {tried} others: {}",
            failed.number,
            found.operations(),
            program.operations(),
            program.as_code()
        );
        if let Some(fewest) = fewest {
            let _ = write!(words, "; switches that nothing forces: {}", fewest.switches);
        }
        seen.caveats.push(words);
        eprintln!("{found}shrunk by {tried} programs to\n{program}");
        if let Some(explanation) = explanation {
            eprintln!("{explanation}");
        }
        eprintln!("{}", regression::as_test(engine, program));
        if task.facts.expected_on(engine).0 == Expected::Safe {
            regression::keep(&Known { seed: failed.seed, size: failed.size }, program);
        }
        Ok(seen)
    }

    /// Why a program fails, in an execution with as few switches as possible.
    fn fewest_switches(&self, task: &Task<'_>, program: &Program<M::Op>) -> (Option<String>, Option<Fewest>) {
        let judge = Arc::new(Judge::new(self.generator.model.clone(), program.clone()));
        let executable = (self.build)(Arc::clone(&judge));
        let one = Task { program: executable, name: Name::default(), fatal: None, ..*task };
        let fewest = steered::fewest_switches(&one, task.budget.random_executions);
        (judge.explanation(), fewest)
    }

    /// The checker under which the failure shows again, so that shrinking is certain of it, if any.
    fn checker_that_shows(
        &self,
        engine: Engine,
        task: &Task<'_>,
        failed: &Failed<M>,
    ) -> anyhow::Result<Option<(Engine, Budget, Fault)>> {
        if engine.is_checker() {
            return Ok(Some((engine, self.plan(engine, &task.budget).each, failed.fault)));
        }
        for checker in [Engine::Shuttle, Engine::Loom] {
            let budget = self.plan(checker, &task.budget).each;
            let program = failed.ran.judge.program.clone();
            let (_, seen) = self.run(checker, task, budget, program)?;
            // What a real engine sees the consequence of, a checker may call by its name.
            if let Some(fault) = Fault::of(&seen) {
                return Ok(Some((checker, budget, fault)));
            }
        }
        Ok(None)
    }
}

/// A program of a single actor.
fn alone(size: &Size) -> Size {
    Size { parts: 1..=1, ..size.clone() }
}

struct Failed<M: Model> {
    number: usize,
    seed: u64,
    size: Size,
    fault: Fault,
    drawn: Program<Drawn<M::Op>>,
    ran: Ran<M>,
}

const GENERATED: &str = "generated programs";

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
    given_up: Vec<String>,
    caveats: Vec<String>,
}

impl Total {
    fn add(&mut self, seen: Observation) {
        self.spent += seen.executions;
        let unknown = seen.outcomes.iter().find(|outcome| outcome.sentence == running::UNKNOWN);
        if let Some(reason) = unknown.map(|outcome| outcome.value.clone()).or(seen.stopped) {
            self.given_up.push(reason);
            return;
        }
        self.executions += seen.executions;
        self.fitting += seen.outcomes.iter().map(|outcome| outcome.count).sum::<u64>();
        self.explored += 1;
        self.whole += usize::from(seen.exploration == Exploration::Exhaustive);
        for caveat in seen.caveats {
            // Those that count executions differ from program to program.
            if !self.caveats.contains(&caveat) && !caveat.starts_with(|first: char| first.is_ascii_digit()) {
                self.caveats.push(caveat);
            }
        }
    }

    fn conclude(self, engine: Engine) -> Observation {
        let how = if engine.is_checker() {
            format!("{} {GENERATED}, {} of them explored in full", self.explored, self.whole)
        } else {
            format!("{} {GENERATED}", self.explored)
        };
        let mut seen = Observation::new(Exploration::Sampled { how });
        seen.executions = self.executions;
        seen.caveats = self.caveats;
        let fits = running::rules().swap_remove(0);
        seen.outcomes.push(OutcomeCount {
            value: format!("{:?}", super::judge::Judged::Fits),
            grade: fits.grade,
            sentence: fits.sentence,
            count: self.fitting,
        });
        if let Some(reason) = self.given_up.first() {
            let words = format!("{} programs were given up, the first because {reason}", self.given_up.len());
            if self.explored == 0 { seen.stopped = Some(words) } else { seen.caveats.push(words) }
        }
        seen
    }
}

impl<M: Model> Generated for Subject<M> {
    fn explore(&self, engine: Engine, task: &Task<'_>) -> anyhow::Result<Observation> {
        self.explore_all(engine, task)
    }
}

/// A single execution is one of the first program.
impl<M: Model> Executable for Subject<M> {
    fn generated(&self) -> Option<&dyn Generated> {
        Some(self)
    }

    fn actors(&self) -> usize {
        self.first.actors()
    }

    fn execute(self: Arc<Self>) -> Option<String> {
        Arc::clone(&self.first).execute()
    }

    fn try_out(self: Arc<Self>) -> Graded {
        Arc::clone(&self.first).try_out()
    }

    fn layouts(&self) -> Layouts {
        self.first.layouts()
    }

    unsafe fn make(&self, states: *mut u8, count: usize) {
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { self.first.make(states, count) };
    }

    unsafe fn act(&self, actor: usize, states: *const u8, range: Range<usize>, returns: *mut u8) {
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { self.first.act(actor, states, range, returns) };
    }

    unsafe fn observe(&self, states: *mut u8, count: usize, returns: &[*mut u8], exits: &[Exit<()>]) {
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { self.first.observe(states, count, returns, exits) };
    }

    fn forget_outcomes(&self) {
        self.first.forget_outcomes();
    }

    fn outcomes(&self) -> Vec<OutcomeCount> {
        self.first.outcomes()
    }
}
