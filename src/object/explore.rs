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

use super::generate::{Drawn, Generator, Random, Size, makes_sense};
use super::judge::Judge;
use super::program::Program;
use super::recipe::Recipe;
use super::regression;
use super::running;
use crate::engine::{self, Budget, Exploration, GENERATED, Name, Observation, Task};
use crate::linearizability::Model;
use crate::scenario::program::{Generated, Graded, Layouts, OutcomeCount, Program as Executable};
use crate::scenario::{Engine, Exit, Facts, Grade};
use crate::witness::Witness;
use crate::witness::token::Token;
use rustc_hash::FxHashSet;
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

/// With how many preemptions loom tries all of a program of which it can try little. It also tries much of what
/// has two, and two show nearly all known bugs (Musuvathi and Qadeer, "Iterative Context Bounding", PLDI 2007,
/// section 4).
const FEW_PREEMPTIONS: u32 = 1;

/// How many programs of a single actor are run on processes, to see whether the object allocates.
const SCOUTS: u64 = 3;

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
        Task { program, facts: &self.facts, fatal: task.fatal.clone(), helping: None, ..*task }
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
        let size = self.generator.size.clone();
        let share = |whole: u64, parts: u64, least: u64| (whole / parts).max(least);
        match engine {
            Engine::Loom => {
                let executions = share(budget.executions, 100, 150);
                let few = (executions < 1_000).then_some(FEW_PREEMPTIONS);
                let each = Budget { executions, preemptions: budget.preemptions.or(few), ..*budget };
                // Everything is explored here, or nothing is known: small programs are worth more.
                let size = Size {
                    parts: (*size.parts.start()).min(2)..=(*size.parts.end()).min(3),
                    operations: size.operations.min(2),
                    prefix: size.prefix.min(2),
                    suffix: size.suffix.min(1),
                };
                Plan {
                    programs: 100,
                    each,
                    alone: 1,
                    sizes: (alone(&size), size),
                    grown: 1,
                    executions: Some(share(budget.executions, 5, 1_000)),
                }
            }
            Engine::Shuttle => {
                let each = Budget {
                    executions: share(budget.executions, 500, 20),
                    random_executions: share(budget.random_executions, 500, 5),
                    ..*budget
                };
                let executions = Some(share(budget.executions * 2, 5, 2_000));
                let sizes = (alone(&size), size);
                Plan { programs: 1_000, each, alone: 1, sizes, grown: 2, executions }
            }
            Engine::Threads | Engine::Processes => {
                let programs = (budget.sampling_ms / 25).clamp(2, 1_000);
                let each = Budget { sampling_ms: share(budget.sampling_ms, 200, 6), ..*budget };
                let (scouts, first) = match engine {
                    Engine::Processes => (SCOUTS, Size::OF_SCOUTS),
                    _ => (1, alone(&size)),
                };
                let programs = programs + scouts - 1;
                Plan { programs, each, alone: scouts, sizes: (first, size), grown: 1, executions: None }
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
    ) -> anyhow::Result<Ran<M>> {
        PROGRAMS_RUN.fetch_add(1, Ordering::Relaxed);
        let ready = self.ready(task.facts, program);
        let one = Task { name: Name::default(), budget, witnesses: false, ..ready.task(task) };
        let seen = engine::observe_design(engine, &one)?;
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
        // Where one program was too much for loom, a larger one would be a waste.
        let mut too_large = usize::MAX;
        let mut random = Random(task.budget.seed);
        // Small programs are often drawn again.
        let mut run = FxHashSet::default();
        let known = regression::known();
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
            if let Some(fault) = Fault::of(&seen) {
                let failed = Failed { number, seed, size, fault, drawn, ran: Ran { judge, seen } };
                return self.report(engine, task, total.spent, failed);
            }
            if number == before && engine.is_checker() && parallel > 0 && !judge.was_touched() {
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
    pub(super) fault: Fault,
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
            let words = match self.given_up.len() {
                1 => format!("a program was given up, because {reason}"),
                many => format!("{many} programs were given up, the first because {reason}"),
            };
            if self.explored == 0 { seen.stopped = Some(words) } else { seen.caveats.push(words) }
        }
        seen
    }
}

impl<M: Model> Generated for Subject<M> {
    fn explore(&self, engine: Engine, task: &Task<'_>) -> anyhow::Result<Observation> {
        self.explore_all(engine, task)
    }

    fn replay(&self, task: &Task<'_>, token: &Token, recipe: &Recipe) -> Result<Witness, &'static str> {
        self.follow(task, token, recipe)
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
