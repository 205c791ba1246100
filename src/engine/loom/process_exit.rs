//! The shortest execution under loom that ends its process, or never ends, found as
//! [`shortest`](super::shortest) finds others: all with few preemptions, in every order of their operations.
//!
//! A *scout*, a child of the process that searches, runs the search on, and writes down in shared memory how
//! far it has come. Where it dies, its parent runs the search up to there, cuts the deadly execution at the
//! point that the scout had reached, and so comes past it; then it sends another scout on from there. So every
//! execution is run twice at the most, however many are deadly.
//!
//! Limits: executions, deaths and time, and executions that take too long over one operation, as
//! [`fork`](crate::engine::fork) says; the caller must see the result happen once more. What a
//! thread does while it unwinds from the cut must not be deadly too: then the search dies with it. The process
//! must have no other thread.

use super::super::fork::{Patience, exit, limit_execution, outlive_child, process_exit_of};
use super::super::witness::{Fatal, Shortened, Way, deadly_cost};
use super::super::{Heartbeat, Task};
use super::shortest::{Best, Tried, fewest_first, for_all_choices, lock, most_tried};
use super::witness::{Ran, Watch, explore};
use super::{builder, rt};
use crate::base::failure::ProcessExit;
use crate::engine::lockstep::{Mapping, Sharing};
use crate::rt::loom::Assignment;
use crate::rt::loom::step_counter::{self, Cutting, Reached};
use crate::scenario::program::Program;
use crate::witness::token::Numbered;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Shared};

/// The most deadly executions that the search comes past, with all bounds together.
const MAX_DEATHS: usize = 1_000;

/// Looks for the shortest execution that comes to this end. `None` if none was found.
pub(crate) fn shorten(task: &Task<'_>, end: ProcessExit) -> Option<Shortened> {
    let mut patience = Patience::new(MAX_DEATHS, end);
    let log = Log::new()?;
    let best = rt::unreduced::with_unreduced_steps(|| {
        fewest_first(most_tried(&task.budget), |bound, left| {
            let search = Search::new(bound, end, task.heartbeat, log.clone(), patience.clone());
            let (tried, after) = within(&task.program, search, left);
            patience = after;
            tried
        })
    })?;
    Some(Shortened { way: Way::Every(best.place), shortest: best.proved })
}

/// Runs the execution of this number, which ends this process, and writes it down on the way.
pub(crate) fn follow_to_the_end(task: &Task<'_>, fatal: &Fatal, numbered: &Numbered) {
    let choices = numbered.choices.iter().map(|&(thread, made, value)| ((thread, made), value)).collect();
    let builder = builder(usize::try_from(numbered.preemptions).ok());
    let follower = Follower {
        numbered: numbered.clone(),
        fatal: fatal.clone(),
        heartbeat: task.heartbeat,
        execution: 0,
    };
    rt::unreduced::with_unreduced_steps(|| {
        rt::assigned(&choices, || explore(&task.program, &builder, true, follower))
    });
}

/// Tries all executions within the bound.
fn within(program: &Arc<dyn Program>, search: Search, left: &mut usize) -> (Tried<Numbered>, Patience) {
    let search = Arc::new(Shared::new(search));
    let complete = for_all_choices(left, |choices, left| {
        let mut builder = builder(usize::try_from(lock(&search).place.preemptions).ok());
        builder.max_permutations = Some(left + 1);
        lock(&search).turn_to(choices);
        let to_the_end = explore(program, &builder, true, Watcher(Arc::clone(&search)));
        (to_the_end, lock(&search).place.execution)
    });
    let mut search = lock(&search);
    if search.scouting {
        search.log.end(complete, *left);
        exit(0);
    }
    let complete = match search.over {
        Some(Over { complete, left: still }) => {
            *left = still;
            complete
        }
        None => complete,
    };
    let best = search.best.take();
    let doubtful = search.doubtful || search.patience.doubtful();
    (Tried { best, complete: complete && !doubtful }, search.patience.clone())
}

/// The payload of the panic that ends an exploration of which no more is wanted.
struct Enough;

/// How a search has ended before it came to the end by itself.
#[derive(Clone, Copy)]
struct Over {
    complete: bool,
    /// Executions that may still be tried.
    left: usize,
}

impl Over {
    const GIVEN_UP: Over = Over { complete: false, left: 0 };
}

/// Where a scout has died.
#[derive(Clone, Copy)]
struct Death {
    /// Counted from 1, in the search with this bound.
    execution: u64,
    points: u64,
    end: Option<ProcessExit>,
}

/// A search with one bound, or its scout.
struct Search {
    end: ProcessExit,
    heartbeat: &'static Heartbeat,
    log: Log,
    patience: Patience,
    /// Whether this is a scout.
    scouting: bool,
    /// Executions that have begun, for all choices.
    begun: u64,
    /// The execution that has begun last, for these choices.
    place: Numbered,
    /// Where the last scout has died, until the search has come past it.
    ahead: Option<Death>,
    over: Option<Over>,
    /// Whether what an operation may come to has been missed.
    doubtful: bool,
    best: Option<Best<Numbered>>,
}

impl Search {
    fn new(
        bound: usize,
        end: ProcessExit,
        heartbeat: &'static Heartbeat,
        log: Log,
        patience: Patience,
    ) -> Self {
        let preemptions = u32::try_from(bound).unwrap_or(u32::MAX);
        let place = Numbered { preemptions, execution: 0, choices: Vec::new(), cuts: Vec::new() };
        Search {
            end,
            heartbeat,
            log,
            patience,
            scouting: false,
            begun: 0,
            place,
            ahead: None,
            over: None,
            doubtful: false,
            best: None,
        }
    }

    fn turn_to(&mut self, choices: &Assignment) {
        self.place.execution = 0;
        self.place.cuts.clear();
        self.place.choices = choices.iter().map(|(&(thread, made), &value)| (thread, made, value)).collect();
    }

    fn begins(&mut self) {
        self.begun += 1;
        self.place.execution += 1;
        self.heartbeat.advance(1);
        if !self.scouting && self.ahead.is_none() && self.over.is_none() {
            self.send_scout();
        }
        if self.scouting && !self.patience.lasts() {
            self.over = Some(Over::GIVEN_UP);
        }
        if self.over.is_some() {
            resume_unwind(Box::new(Enough));
        }
        if self.scouting {
            self.log.begin(self.begun);
            limit_execution();
        }
        let deadly = self.ahead.filter(|death| death.execution == self.begun);
        step_counter::begin(deadly.map(|death| death.points));
    }

    /// Has a child run on, and learns where it dies, if it does.
    fn send_scout(&mut self) {
        if self.patience.spend().is_none() {
            self.over = Some(Over::GIVEN_UP);
            return;
        }
        self.log.clear();
        match outlive_child() {
            Ok(None) => {
                self.scouting = true;
                let log = self.log.clone();
                step_counter::listen(move |reached| log.reach(reached));
            }
            Ok(Some(status)) => self.learn(process_exit_of(status)),
            Err(_) => self.over = Some(Over::GIVEN_UP),
        }
    }

    /// Takes in what a scout has left that came to this end.
    fn learn(&mut self, end: Option<ProcessExit>) {
        let memory = self.log.memory();
        if memory.lived.load(Ordering::Relaxed) {
            let complete = memory.complete.load(Ordering::Relaxed);
            let left = usize::try_from(memory.left.load(Ordering::Relaxed)).unwrap_or(0);
            self.over = Some(Over { complete, left });
            return;
        }
        self.patience.note(end);
        let execution = memory.execution.load(Ordering::Relaxed);
        let points = memory.points.load(Ordering::Relaxed);
        // Of an operation that was cut off, other ways to come out may be lost.
        self.doubtful |= memory.open.load(Ordering::Relaxed) > 0;
        if points == 0 || execution < self.begun {
            // There is no place to cut it at.
            self.over = Some(Over::GIVEN_UP);
            return;
        }
        self.ahead = Some(Death { execution, points, end });
    }

    fn look(&mut self, ran: &Ran) {
        let Some(death) = self.ahead.filter(|death| death.execution == self.begun) else { return };
        self.ahead = None;
        match step_counter::cutting() {
            // It goes another way each time.
            Cutting::Missed => self.over = Some(Over::GIVEN_UP),
            Cutting::Failed => {}
            Cutting::Done if death.end == Some(self.end) => {
                let cost = deadly_cost(&ran.trace, self.end);
                if self.best.as_ref().is_none_or(|best| cost < best.cost) {
                    self.best = Some(Best { cost, place: self.place.clone(), proved: false });
                }
            }
            Cutting::Done => {}
        }
        self.place.cuts.push((self.place.execution, death.points));
    }
}

/// Shows a search its executions.
struct Watcher(Arc<Shared<Search>>);

impl Watch for Watcher {
    fn begins(&mut self) {
        lock(&self.0).begins();
    }

    fn ran(&mut self, ran: Ran) {
        lock(&self.0).look(&ran);
    }
}

/// Comes past the executions that are cut, to the one that is wanted.
struct Follower {
    numbered: Numbered,
    fatal: Fatal,
    heartbeat: &'static Heartbeat,
    execution: u64,
}

impl Watch for Follower {
    fn begins(&mut self) {
        self.execution += 1;
        self.heartbeat.advance(1);
        if self.execution > self.numbered.execution {
            resume_unwind(Box::new(Enough));
        }
        if self.execution == self.numbered.execution {
            self.fatal.begin();
        }
        let cut = self.numbered.cuts.iter().find(|(execution, _)| *execution == self.execution);
        step_counter::begin(cut.map(|&(_, points)| points));
    }

    fn ran(&mut self, _: Ran) {}
}

/// What a scout writes down, in memory that outlives it.
#[derive(Clone)]
struct Log(Arc<Mapping>);

/// Zeroed memory is an empty log.
#[repr(C)]
#[derive(Default)]
struct Memory {
    execution: AtomicU64,
    points: AtomicU64,
    open: AtomicU64,
    /// Executions that may still be tried.
    left: AtomicU64,
    /// Whether the scout has come to its end, and whether it has tried all.
    lived: AtomicBool,
    complete: AtomicBool,
}

impl Log {
    fn new() -> Option<Self> {
        let mapping = Mapping::new(size_of::<Memory>(), align_of::<Memory>(), Sharing::Shared).ok()?;
        Some(Log(Arc::new(mapping)))
    }

    fn memory(&self) -> &Memory {
        // SAFETY: mapped with this size and alignment for as long as `self` lives; zeroed memory is a valid
        // log, and everything in it is atomic.
        unsafe { &*self.0.base().cast::<Memory>() }
    }

    /// Forgets what the last scout has left.
    fn clear(&self) {
        self.memory().lived.store(false, Ordering::Relaxed);
        self.begin(0);
    }

    /// An execution begins.
    fn begin(&self, execution: u64) {
        self.memory().execution.store(execution, Ordering::Relaxed);
        self.reach(Reached::default());
    }

    /// It has come so far.
    fn reach(&self, reached: Reached) {
        self.memory().points.store(reached.points, Ordering::Relaxed);
        self.memory().open.store(reached.open, Ordering::Relaxed);
    }

    /// The scout has come to its end.
    fn end(&self, complete: bool, left: usize) {
        let memory = self.memory();
        memory.complete.store(complete, Ordering::Relaxed);
        memory.left.store(left as u64, Ordering::Relaxed);
        memory.lived.store(true, Ordering::Relaxed);
    }
}
