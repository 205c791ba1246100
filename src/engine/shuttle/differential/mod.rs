//! Random programs on the real facade: the reduced search sees what shuttle's plain depth-first search sees.

mod exact;
mod program;

use super::reduced::Reduced;
use super::search::Counters;
use crate::rt::Checker;
use crate::rt::context::{self, Context, Options};
use crate::rt::execution;
use crate::rt::pending::{self, RaceFound};
use crate::rt::shuttle::end;
use program::{Act, FAMILIES, Held, Program};

use crate::rt::panics::Deadlocked;
pub(super) use program::programs;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use shuttle::scheduler::{DfsScheduler, Schedule, Scheduler, Task, TaskId};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Values(Vec<Vec<u8>>),
    Deadlock,
    Race,
    Other(String),
}

/// A scheduler that survives the failure of an execution.
struct Lasting<S>(Arc<std::sync::Mutex<S>>);

impl<S: Scheduler> Scheduler for Lasting<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.0.lock().unwrap().new_execution()
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        self.0.lock().unwrap().next_task(runnable, current, yields)
    }

    fn next_u64(&mut self) -> u64 {
        self.0.lock().unwrap().next_u64()
    }
}

/// Lets a task come to its first operation, and the main task start and await the others, before anything
/// else: no search can tell when they do. What else there is to choose, `S` does.
struct Ahead<S> {
    rest: S,
    begun: Vec<TaskId>,
}

impl<S: Scheduler> Scheduler for Ahead<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.begun.clear();
        self.rest.new_execution()
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        let ahead = runnable
            .iter()
            .map(|task| task.id())
            .find(|task| usize::from(*task) == 0 || !self.begun.contains(task));
        if let Some(task) = ahead {
            self.begun.push(task);
            return ahead;
        }
        self.rest.next_task(runnable, current, yields)
    }

    fn next_u64(&mut self) -> u64 {
        self.rest.next_u64()
    }
}

/// Everything, depth first: shuttle's own search leaves values out.
struct Plain {
    /// What was chosen among how many, tasks or values.
    path: Vec<(usize, usize)>,
    depth: usize,
    begun: bool,
    left: usize,
}

impl Plain {
    fn new(left: usize) -> Self {
        Plain { path: Vec::new(), depth: 0, begun: false, left }
    }

    fn choose(&mut self, options: usize) -> usize {
        if self.depth == self.path.len() {
            self.path.push((0, options));
        }
        self.depth += 1;
        self.path[self.depth - 1].0
    }
}

impl Scheduler for Plain {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.depth = 0;
        self.left = self.left.checked_sub(1)?;
        if !std::mem::replace(&mut self.begun, true) {
            return Some(Schedule::new(0));
        }
        while let Some((chosen, options)) = self.path.pop() {
            if chosen + 1 < options {
                self.path.push((chosen + 1, options));
                return Some(Schedule::new(0));
            }
        }
        None
    }

    fn next_task(&mut self, runnable: &[&Task], _current: Option<TaskId>, _yields: bool) -> Option<TaskId> {
        let chosen = self.choose(runnable.len());
        Some(runnable[chosen].id())
    }

    fn next_u64(&mut self) -> u64 {
        self.choose(pending::options() as usize) as u64
    }
}

/// All ends of a program's executions as `scheduler` chooses them, failures included, and how many there
/// were.
fn ends(
    program: &Program,
    scheduler: impl Scheduler + 'static,
    too_many: TooMany,
    counters: &Arc<Counters>,
) -> BTreeSet<End> {
    let scheduler = Arc::new(std::sync::Mutex::new(scheduler));
    let ends = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    for failures in 0.. {
        if failures > too_many.failures {
            counters.started.fetch_add(too_many.executions as u64, Ordering::Relaxed);
            break;
        }
        let mut config = shuttle::Config::new();
        config.failure_persistence = shuttle::FailurePersistence::None;
        config.silence_warnings = true;
        let (program, ends_here, counters_here) = (program.clone(), Arc::clone(&ends), Arc::clone(counters));
        let model = move || {
            counters_here.started.fetch_add(1, Ordering::Relaxed);
            execution::begin();
            let values = program.execute();
            execution::end();
            counters_here.ended.fetch_add(1, Ordering::Relaxed);
            ends_here.lock().unwrap().insert(End::Values(values));
        };
        crate::rt::panics::install_once();
        let entered = context::enter(Context::Model(Checker::Shuttle));
        let result = end::run(Lasting(Arc::clone(&scheduler)), config, model);
        drop(entered);
        let Err(payload) = result else { break };
        counters.ended.fetch_add(1, Ordering::Relaxed);
        let words = crate::rt::panics::text(payload.as_ref()).unwrap_or("?").to_owned();
        let raced = payload.is::<RaceFound>();
        ends.lock().unwrap().insert(match payload.is::<Deadlocked>() {
            _ if raced => End::Race,
            true => End::Deadlock,
            false => End::Other(words),
        });
        if raced {
            break;
        }
    }
    pending::end();
    context::set_weight(1);
    let mut ends = ends.lock().unwrap();
    std::mem::take(&mut *ends)
}

/// When a program is left out, for its plain search would take too long.
#[derive(Clone, Copy, Debug)]
struct TooMany {
    executions: usize,
    /// Each costs a runner of its own.
    failures: usize,
}

impl TooMany {
    /// In `cargo test`.
    const IN_TESTS: TooMany = TooMany { executions: 500, failures: 60 };

    /// In a longer run.
    const AT_LENGTH: TooMany = TooMany { executions: 1_000, failures: 60 };
}

impl Default for TooMany {
    fn default() -> Self {
        TooMany::AT_LENGTH
    }
}

/// How often a program that is small enough is also searched with [`Ahead`] left out.
const EVERY: usize = 16;

/// What was compared so far.
#[derive(Default, Debug)]
struct Tally {
    too_many: TooMany,
    programs: usize,
    /// Programs that were also searched without [`Ahead`].
    unaided: usize,
    deadlocks: usize,
    races: usize,
    outcomes: usize,
    families: [usize; FAMILIES.len()],
    plain: u64,
    reduced: u64,
    redundant: u64,
}

/// Compares both searches of a program. `Ok(false)` if it is left out.
fn compare(program: &Program, tally: &mut Tally) -> Result<bool, String> {
    let too_many = tally.too_many;
    let plainly = |ahead: bool| {
        let (counters, rest) = (Arc::<Counters>::default(), Plain::new(too_many.executions));
        let found = match ahead {
            true => ends(program, Ahead { rest, begun: Vec::new() }, too_many, &counters),
            false => ends(program, rest, too_many, &counters),
        };
        let executions = counters.started.load(Ordering::Relaxed);
        (executions < too_many.executions as u64).then_some((found, executions))
    };
    let Some((plain, executions)) = plainly(true) else { return Ok(false) };
    let counters = Arc::<Counters>::default();
    let scheduler = Reduced::new(u64::MAX, None, Arc::clone(&counters), None);
    let left = scheduler.left();
    // Where the reduction is of no help, what is redundant fails on top.
    let reduced = ends(program, scheduler, TooMany { failures: usize::MAX, ..too_many }, &counters);
    let started = counters.started.load(Ordering::Relaxed);
    if started >= too_many.executions as u64 {
        return Err("the reduced search takes longer than the plain one".to_owned());
    }
    let state = left.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    let state = state.ok_or("the search was not left")?;
    // A race ends the search: what else there is was not looked for.
    let raced = plain.contains(&End::Race) && reduced.contains(&End::Race);
    if !raced && (plain != reduced || !state.complete) {
        let missed: Vec<_> = plain.difference(&reduced).collect();
        let made_up: Vec<_> = reduced.difference(&plain).collect();
        return Err(format!("missed {missed:?}, made up {made_up:?}; {:?}", state.progress()));
    }
    if tally.programs.is_multiple_of(EVERY)
        && !raced
        && let Some((unaided, _)) = plainly(false)
    {
        tally.unaided += 1;
        if unaided != plain {
            return Err(format!("left to itself, the plain search finds {unaided:?} instead of {plain:?}"));
        }
    }
    tally.enter(program, &plain);
    tally.plain += executions;
    tally.reduced += started;
    tally.redundant += state.progress().redundant;
    Ok(true)
}

impl Tally {
    fn enter(&mut self, program: &Program, ends: &BTreeSet<End>) {
        self.programs += 1;
        self.deadlocks += usize::from(ends.contains(&End::Deadlock));
        self.races += usize::from(ends.contains(&End::Race));
        self.outcomes += ends.len();
        for (count, family) in self.families.iter_mut().zip(FAMILIES) {
            *count += usize::from(program.has(family));
        }
    }

    /// Sees to it that the programs were of all kinds.
    fn check(&self, wanted: usize) {
        assert_eq!(self.programs, wanted);
        for (count, family) in self.families.iter().zip(FAMILIES) {
            assert!(count * 20 >= wanted, "only {count} of {wanted} programs are about {family:?}");
        }
        assert!(self.deadlocks * 20 >= wanted, "{self:?}");
        assert!(self.races * 50 >= wanted, "{self:?}");
        assert!(self.unaided * EVERY * 8 >= wanted, "{self:?}");
        assert!(self.outcomes >= wanted * 3, "{self:?}");
        assert!(self.reduced * 3 < self.plain * 2, "{self:?}");
        assert!(self.redundant * 2 < self.reduced, "{self:?}");
    }
}

/// Compares so many random programs, drawn from this seed; those for which `compare` says `Ok(false)` are left out.
fn over(
    wanted: u32,
    seed: u8,
    programs: &impl Strategy<Value = Program>,
    compare: impl Fn(&Program) -> Result<bool, String>,
) -> Result<(), TestError<Program>> {
    let config = Config {
        cases: wanted,
        max_global_rejects: 1_000 * wanted,
        failure_persistence: None,
        ..Config::default()
    };
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    TestRunner::new_with_rng(config, seed).run(programs, |program| match compare(&program) {
        Ok(true) => Ok(()),
        Ok(false) => Err(TestCaseError::reject("the search takes too long")),
        Err(difference) => Err(TestCaseError::fail(difference)),
    })
}

#[test]
fn the_reduced_search_sees_what_the_plain_one_sees() {
    let asked = std::env::var("SELVEDGE_AGREEMENT_PROGRAMS").ok().and_then(|n| n.parse::<u32>().ok());
    let (wanted, too_many) = match asked {
        Some(wanted) => (wanted, TooMany::AT_LENGTH),
        None => (2_000, TooMany::IN_TESTS),
    };
    let tally = RefCell::new(Tally { too_many, ..Tally::default() });
    let result = over(wanted, 0x11, &programs(), |program| compare(program, &mut tally.borrow_mut()));
    let tally = tally.into_inner();
    if let Err(error) = result {
        panic!("after {} programs: {error}", tally.programs);
    }
    println!("{tally:?}");
    tally.check(wanted as usize);
}

/// Two tasks come to wait for each other, where the third one need not be tried again: that execution is
/// redundant, and what the two wait for is not.
#[test]
fn what_tasks_wait_for_in_a_redundant_execution_is_tried_too() {
    let actors =
        vec![vec![Act::Add(1)], vec![Act::Reverse, Act::Store(1, 1, false)], vec![Act::TryLock(Held::Other)]];
    let program = Program { actors, capacity: None, options: Options::default() };
    assert_eq!(compare(&program, &mut Tally::default()), Ok(true));
}

#[test]
fn the_plain_search_is_shuttles_own_where_there_are_no_values() {
    let actors = vec![vec![Act::Add(0), Act::Lock(Held::Load)], vec![Act::Lock(Held::Store), Act::Get]];
    let program = Program { actors, capacity: None, options: Options::default() };
    let (ours, theirs) = (Arc::<Counters>::default(), Arc::<Counters>::default());
    let found = ends(&program, Plain::new(usize::MAX), TooMany::default(), &ours);
    assert_eq!(found, ends(&program, DfsScheduler::new(None, false), TooMany::default(), &theirs));
    let started = |counters: &Counters| counters.started.load(Ordering::Relaxed);
    assert!(started(&ours) > 100, "{}", started(&ours));
    assert_eq!(started(&ours), started(&theirs));
}
