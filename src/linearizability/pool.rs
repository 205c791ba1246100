//! Parts in turn, on all cores, until the first violation.
//!
//! Every part gets a share of steps; those that need more get another one, of twice the size, when all had
//! theirs, and from then on two searches of it compete that try operations in different orders. So a part
//! that takes for ever keeps no other from its answer. The first violation ends everything.
//!
//! Turns are numbered, and of two answers the one of the smaller number counts, however many threads there
//! are: which violation is found, or which order, depends on the history alone, unless time or memory runs
//! out.

use super::check::Reason;
use super::criterion::Criterion;
use super::history::{Operation, Place};
use super::just_in_time::{self, JustInTime};
use super::layout::{Layout, NoLayout, Part};
use super::local::Local;
use super::model::Model;
use super::partial::Order;
use super::search::{Context, Found, Priority, Search, places};
use super::watch::{Account, Memory, Stop, Watch};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// Steps of a first share, besides those for each operation of the part.
const SHARE: u64 = 4096;

/// Steps of a first share for each operation.
const STEPS_PER_OPERATION: u64 = 4;

/// How often a share is doubled.
const MAX_DOUBLINGS: u64 = 10;

/// Operations that one thread handles before others are worth their start.
const ALONE: u64 = 4_000;

/// A way to search. Those of one part compete, the first of them alone for a first share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    ByCall,
    JustInTime,
    ByReturn,
    /// As just in time, and knowing no more than what it comes across.
    #[cfg(any(test, feature = "testing"))]
    WithoutTable,
}

/// Every way, in the order in which they are tried.
pub(super) const WAYS: [Way; 3] = [Way::ByCall, Way::JustInTime, Way::ByReturn];

impl Way {
    fn fits(self, layout: &Layout) -> bool {
        matches!(self, Way::ByCall | Way::ByReturn) || just_in_time::fits(layout)
    }
}

/// A search under way.
enum Rival<'a, M: Model> {
    Search(Search<'a, M>),
    JustInTime(JustInTime<'a, M>, Local<'a, M>),
}

impl<'a, M: Model> Rival<'a, M> {
    fn new(way: Way, layout: &'a Layout, job: &Job<'a, M>) -> Self {
        let (operations, account) = (job.operations, Account::new(job.memory));
        let by = |priority, account| Rival::Search(Search::new(layout, operations, priority, account));
        match way {
            Way::ByCall => by(Priority::Call, account),
            Way::ByReturn => by(Priority::Return, account),
            Way::JustInTime => {
                let search = JustInTime::new(layout, operations, account, job.model);
                Rival::JustInTime(search, Local::new(layout, job.memory))
            }
            #[cfg(any(test, feature = "testing"))]
            Way::WithoutTable => {
                let search = JustInTime::new(layout, operations, account, job.model);
                Rival::JustInTime(search, Local::idle(layout, job.memory))
            }
        }
    }

    fn run(&mut self, context: &mut Context<'a, '_, '_, M>, steps: u64) -> Result<Option<Found>, Stop> {
        match self {
            Rival::Search(search) => search.run(context, steps),
            Rival::JustInTime(search, local) => {
                if let Some((table, rows)) = local.learn(context, steps)? {
                    search.use_table(table, rows);
                }
                match search.run(context, steps)? {
                    None if local.is_broken(context, search, steps)? => Ok(Some(Found::NoOrder)),
                    found => Ok(found),
                }
            }
        }
    }

    fn into_order(self) -> Order {
        match self {
            Rival::Search(search) => search.into_order(),
            Rival::JustInTime(search, _) => search.into_order(),
        }
    }
}

/// What all searches of one check share.
pub(super) struct Job<'a, M: Model> {
    pub(super) model: &'a M,
    pub(super) operations: &'a [Operation<M::Op, M::Ret>],
    pub(super) criterion: Criterion,
    pub(super) crashes: &'a [u64],
    pub(super) until: Option<Instant>,
    pub(super) memory: &'a Memory,
    /// The ways to search that may be gone.
    pub(super) ways: &'a [Way],
}

/// What all parts came to.
pub(super) enum Outcome {
    /// Each part has an order.
    Orders(Vec<Vec<Place>>),
    /// This part has none.
    Violation {
        part: usize,
        longest: Vec<(Vec<Place>, Place)>,
        left_out: usize,
    },
    Unknown(Why),
}

/// Why a part has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    TimeOut,
    OutOfMemory,
    Overlapping(usize),
}

/// The number of a turn: round, part and which of the searches.
fn number(round: u64, part: usize, rival: usize) -> u64 {
    (round << 40) | ((part as u64) << 2) | rival as u64
}

struct Turn<'a, M: Model> {
    round: u64,
    part: usize,
    rival: usize,
    /// None before its first turn.
    search: Option<Box<Rival<'a, M>>>,
}

enum Verdict {
    Order(Vec<Place>),
    NoOrder(Vec<(Vec<Place>, Place)>, usize),
}

/// One part, while it is searched.
pub(super) struct Slot {
    part: Mutex<Option<Part>>,
    size: u64,
    pub(super) layout: OnceLock<Layout>,
    /// The number of the turn that answered.
    answered: AtomicU64,
    verdict: Mutex<Option<(u64, Verdict)>>,
    /// Why a search of it ended without an answer, and how many did.
    given_up: Mutex<(u8, Option<Why>)>,
}

impl Slot {
    pub(super) fn new(part: Part) -> Self {
        Self {
            size: part.places.len() as u64,
            part: Mutex::new(Some(part)),
            layout: OnceLock::new(),
            answered: AtomicU64::new(u64::MAX),
            verdict: Mutex::new(None),
            given_up: Mutex::new((0, None)),
        }
    }
}

/// Turns to be taken.
struct Queue<'a, M: Model> {
    /// Parts from here on had no turn yet.
    fresh: usize,
    waiting: BTreeMap<u64, Turn<'a, M>>,
    working: usize,
    over: Option<Why>,
}

/// A check under way.
pub(super) struct Pool<'a, M: Model> {
    job: &'a Job<'a, M>,
    slots: &'a [Slot],
    queue: Mutex<Queue<'a, M>>,
    changed: Condvar,
    violation: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a, M: Model> Pool<'a, M> {
    pub(super) fn new(job: &'a Job<'a, M>, slots: &'a [Slot]) -> Self {
        let queue = Queue { fresh: 0, waiting: BTreeMap::new(), working: 0, over: None };
        Self {
            job,
            slots,
            queue: Mutex::new(queue),
            changed: Condvar::new(),
            violation: AtomicU64::new(u64::MAX),
        }
    }

    /// Searches with so many threads, this one among them.
    pub(super) fn run(&self, threads: usize) {
        if threads <= 1 {
            return self.work(u64::MAX);
        }
        // Most histories are small, and a thread takes longer to start than they take to check.
        self.work(ALONE);
        let done = |queue: &Queue<'a, M>| {
            queue.over.is_some() || (queue.fresh >= self.slots.len() && queue.waiting.is_empty())
        };
        if done(&lock(&self.queue)) {
            return;
        }
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| self.work(u64::MAX));
            }
            self.work(u64::MAX);
        });
    }

    /// Takes turns until none is left, or for about so many steps.
    fn work(&self, steps: u64) {
        let mut left = steps;
        while left > 0 {
            let Some(turn) = self.take() else { return };
            let share =
                (SHARE + STEPS_PER_OPERATION * self.slots[turn.part].size) << turn.round.min(MAX_DOUBLINGS);
            if steps != u64::MAX {
                left = left.saturating_sub(if turn.round == 0 {
                    self.slots[turn.part].size.max(1)
                } else {
                    share
                });
            }
            // A model that panics must not leave others waiting for ever.
            let working = Working { pool: self };
            let next = self.give(turn, share);
            let mut queue = lock(&self.queue);
            for turn in next {
                queue.waiting.insert(number(turn.round, turn.part, turn.rival), turn);
            }
            drop(queue);
            drop(working);
        }
    }

    /// The next turn. `None` if there is none and will be none.
    fn take(&self) -> Option<Turn<'a, M>> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.over.is_some() {
                return None;
            }
            if queue.fresh < self.slots.len() {
                let part = queue.fresh;
                if number(0, part, 0) > self.violation.load(Ordering::Relaxed) {
                    queue.fresh = self.slots.len();
                    continue;
                }
                queue.fresh += 1;
                queue.working += 1;
                return Some(Turn { round: 0, part, rival: 0, search: None });
            }
            if let Some((number, turn)) = queue.waiting.pop_first() {
                let answered = self.slots[turn.part].answered.load(Ordering::Relaxed);
                if number > self.violation.load(Ordering::Relaxed).min(answered) {
                    continue;
                }
                queue.working += 1;
                return Some(turn);
            }
            if queue.working == 0 {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives a search its share. Returns the turns that are to be taken later.
    fn give(&self, turn: Turn<'a, M>, share: u64) -> Vec<Turn<'a, M>> {
        let Turn { round, part, rival, search } = turn;
        let number = number(round, part, rival);
        let slot = &self.slots[part];
        let mut watch = Watch::new(self.job.until, [&self.violation, &slot.answered], number);
        let layout = match self.layout(slot, &mut watch) {
            Ok(Some(layout)) => layout,
            Ok(None) => return Vec::new(),
            Err(stop) => return self.stopped(slot, stop, u8::MAX),
        };
        let mut search =
            search.unwrap_or_else(|| Box::new(Rival::new(self.job.ways[rival], layout, self.job)));
        let others =
            || {
                (1..self.job.ways.len())
                    .filter(|rival| self.job.ways[*rival].fits(layout))
                    .map(|rival| Turn { round: 1, part, rival, search: None })
            };
        let mut context =
            Context { model: self.job.model, operations: self.job.operations, watch: &mut watch };
        match search.run(&mut context, share) {
            Ok(None) => {
                let mut next = vec![Turn { round: round + 1, part, rival, search: Some(search) }];
                if round == 0 {
                    next.extend(others());
                }
                next
            }
            Ok(Some(Found::Order(order))) => {
                self.answer(slot, number, Verdict::Order(places(layout, &order)));
                Vec::new()
            }
            Ok(Some(Found::NoOrder)) => {
                let (partials, left_out) = search.into_order().partials(layout);
                let in_history = |partial: super::partial::Partial| {
                    (places(layout, &partial.order), layout.places[partial.stuck as usize])
                };
                let longest = partials.into_iter().map(in_history).collect();
                self.answer(slot, number, Verdict::NoOrder(longest, left_out));
                Vec::new()
            }
            // A first search that holds too much leaves the memory to its rivals.
            Err(Stop::OutOfMemory) if round == 0 && others().next().is_some() => {
                drop(search);
                lock(&slot.given_up).0 += 1;
                others().collect()
            }
            Err(stop) => self.stopped(slot, stop, 1),
        }
    }

    fn layout(&self, slot: &'a Slot, watch: &mut Watch<'_>) -> Result<Option<&'a Layout>, Stop> {
        if let Some(layout) = slot.layout.get() {
            return Ok(Some(layout));
        }
        let Some(part) = lock(&slot.part).take() else { return Ok(None) };
        match Layout::new(self.job.criterion, self.job.operations, self.job.crashes, part, watch) {
            Ok(layout) => Ok(Some(slot.layout.get_or_init(|| layout))),
            Err(NoLayout::Stopped(stop)) => Err(stop),
            Err(NoLayout::Overlapping(client)) => {
                *lock(&slot.given_up) = (u8::MAX, Some(Why::Overlapping(client)));
                Ok(None)
            }
        }
    }

    /// Notes that so many searches of a part came to no answer.
    fn stopped(&self, slot: &Slot, stop: Stop, searches: u8) -> Vec<Turn<'a, M>> {
        let why = match stop {
            Stop::NotNeeded => return Vec::new(),
            Stop::TimeOut => {
                lock(&self.queue).over = Some(Why::TimeOut);
                Why::TimeOut
            }
            Stop::OutOfMemory => Why::OutOfMemory,
        };
        let mut given_up = lock(&slot.given_up);
        given_up.0 = given_up.0.saturating_add(searches);
        let rivals =
            slot.layout.get().map_or(0, |layout| self.job.ways.iter().filter(|way| way.fits(layout)).count());
        if usize::from(given_up.0) >= rivals || why == Why::TimeOut {
            given_up.1 = Some(why);
        }
        Vec::new()
    }

    fn answer(&self, slot: &Slot, number: u64, verdict: Verdict) {
        let mut known = lock(&slot.verdict);
        if known.as_ref().is_none_or(|(other, _)| *other > number) {
            slot.answered.fetch_min(number, Ordering::Relaxed);
            if matches!(verdict, Verdict::NoOrder(..)) {
                self.violation.fetch_min(number, Ordering::Relaxed);
            }
            *known = Some((number, verdict));
        }
    }

    /// What came of it all: a violation before everything else, and orders only if there are all of them.
    pub(super) fn outcome(&self) -> Outcome {
        let mut orders = Vec::with_capacity(self.slots.len());
        let mut violation: Option<(u64, Outcome)> = None;
        let mut unknown = None;
        for (part, slot) in self.slots.iter().enumerate() {
            match lock(&slot.verdict).take() {
                Some((_, Verdict::Order(order))) => orders.push(order),
                Some((number, Verdict::NoOrder(longest, left_out))) => {
                    if violation.as_ref().is_none_or(|(other, _)| *other > number) {
                        violation = Some((number, Outcome::Violation { part, longest, left_out }));
                    }
                }
                None => unknown = unknown.or(lock(&slot.given_up).1),
            }
        }
        let over = lock(&self.queue).over;
        match (violation, unknown.or(over)) {
            (Some((_, violation)), _) => violation,
            (None, Some(why)) => Outcome::Unknown(why),
            (None, None) if orders.len() == self.slots.len() => Outcome::Orders(orders),
            // What was neither finished nor given up was held back by memory that others hold.
            (None, None) => Outcome::Unknown(Why::OutOfMemory),
        }
    }
}

/// A thread that is at work: at its end, even by a panic of the model, those that wait are told.
struct Working<'p, 'a, M: Model> {
    pool: &'p Pool<'a, M>,
}

impl<M: Model> Drop for Working<'_, '_, M> {
    fn drop(&mut self) {
        let mut queue = lock(&self.pool.queue);
        queue.working -= 1;
        if std::thread::panicking() {
            queue.fresh = usize::MAX;
            queue.waiting.clear();
        }
        drop(queue);
        self.pool.changed.notify_all();
    }
}

impl Why {
    /// In public words.
    pub(super) fn reason(self, timeout: std::time::Duration, bytes: usize) -> Reason {
        match self {
            Why::TimeOut => Reason::TimeOut(timeout),
            Why::OutOfMemory => Reason::OutOfMemory(bytes),
            Why::Overlapping(client) => Reason::OverlappingClient(client),
        }
    }
}
