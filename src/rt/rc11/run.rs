//! One run of a program along an execution graph: its threads, as coroutines, and the values of its writes.
//!
//! What the graph already holds is answered in place; where it ends, it is extended by one event
//! ([`crate::explore::rc11::step`]), and the other ways go on the work list. The thread with the lowest number
//! that can go on does, so that how a graph grows depends on the graph alone.
//!
//! Values are real: a write stores its value anew in each run, and a read whose write has not been executed
//! yet in this run waits for that. So pointers may travel through atomics, and plain memory, whose order is
//! part of program order and reads-from, is right by itself.
//!
//! Limits: one operating-system thread. A design must be deterministic but for what it reads from the facade;
//! one that does not do what its graph says ends the run as [`Trouble::NotRepeatable`].

mod loops;

use super::given_up;
use super::spin::{Here, Look};
use crate::explore::rc11::graph::{Event, is_chain};
use crate::explore::rc11::guide::{Given, Guide};
use crate::explore::rc11::step::{self, Effect, WorkList};
use crate::explore::rc11::{
    Clock, EventId, Graph, Kind, LocationId, MAX_EVENTS, MAX_THREADS, Model, Order, Standing,
    join as join_clocks,
};
use crate::heartbeat;
use crate::heartbeat::Cause;
use crate::race::{Access, Race, RaceSite};
use crate::rt::heap::{self, Freed};
use crate::rt::model::SharedIdentity;
use crate::rt::pending::{RaceFound, Site};
use crate::rt::unwinding;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use rustc_hash::{FxHashMap, FxHashSet};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use loops::{LOOKS_TO_CONFIRM, Yields, does_end, going_round, halt_if_repeated, is_confirming, look_again};
pub(crate) use loops::{ROUNDS, yield_now};

/// The bytes of a thread's stack, as std has it. Memory is taken for what is used of it.
const STACK_SIZE: usize = 2 * 1024 * 1024;

/// Operations after a run is over, in destructors, after which a thread is given up.
const MAX_INERT: u32 = 100_000;

/// The payload of the panic that takes a thread down because the run is over.
pub(crate) struct Cut;

/// Why an exploration cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The program did not do what it had done before; here, if it is known.
    NotRepeatable(Option<Site>),
    TooManyThreads,
    /// A thread had more than [`MAX_EVENTS`] events.
    TooLong,
}

/// How a run ended.
pub(crate) enum End {
    /// All threads came to their end.
    Complete,
    /// The graph was made for its last write only, or the model does not allow it.
    Dropped,
    /// Threads wait for what others have done already: another graph has it.
    Unseen,
    /// Threads wait for each other, for ever.
    Deadlock,
    /// Threads look again and again for what nothing will change.
    Endless,
    /// Two accesses are not ordered.
    Race(Race),
    /// Something has turned out to matter that was left out: the exploration must begin anew.
    Restart,
    /// A panic that came out of the main thread, or is the harness's own.
    Failed(Box<dyn Any + Send>),
    Trouble(Trouble),
}

/// What a thread is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not spawned in this run.
    Absent,
    Ready,
    /// For this event to be executed.
    Waiting(EventId),
    /// About to do something that the graph does not hold.
    Extending,
    /// As [`State::Extending`], when all accesses of others that the graph holds have been executed.
    Settling,
    /// For the end of another thread.
    Joining(u8),
    /// For the others, which go first: it goes round in a loop.
    Yielding,
    /// By a read that waits for a value, or by a loop that only looks.
    Blocked,
    Done,
}

pub(super) type Fiber = Coroutine<(), (), (), DefaultStack>;

struct Thread {
    state: State,
    /// Events executed in this run.
    next: u16,
    values: Vec<u64>,
    sites: Vec<Site>,
    fiber: Option<Fiber>,
    yielder: *const Yielder<(), ()>,
    body: Option<Box<dyn FnOnce()>>,
    /// What the thread module keeps.
    slot: Option<SharedIdentity>,
    /// Locations made so far.
    made: u32,
    looks: Vec<Look>,
    /// Where the stack of the program's own code begins.
    base: usize,
    /// The first event of the loop that it is blocked in, if it is one that only looks.
    looping: Option<u16>,
    /// Whether another execution has what it does instead of being blocked: where a round of a loop was in vain, or the
    /// time of its wait is over.
    in_vain: bool,
    inert: u32,
    /// What it has yielded, place by place.
    yields: Vec<Yields>,
    /// How often it has yielded since the guide's last step.
    behind: u32,
    /// Weak compare-exchanges that have failed for no reason.
    spurious: Vec<*const Location<'static>>,
    /// Whether it has accessed plain memory since its last event.
    accessed: bool,
    /// Whether it has been taken down because the run is over.
    cut: bool,
}

impl Thread {
    fn new() -> Self {
        Thread {
            state: State::Absent,
            next: 0,
            values: Vec::new(),
            sites: Vec::new(),
            fiber: None,
            yielder: ptr::null(),
            body: None,
            slot: None,
            made: 0,
            looks: Vec::new(),
            base: 0,
            looping: None,
            in_vain: false,
            inert: 0,
            yields: Vec::new(),
            behind: 0,
            spurious: Vec::new(),
            accessed: false,
            cut: false,
        }
    }
}

/// Names a location in all executions alike: who made it, or what it belongs to, and a number there.
pub(crate) type LocationName = (u8, u32);

/// The maker of objects that belong to a thread's permit.
pub(crate) const OF_PERMITS: u8 = 254;
/// As [`OF_PERMITS`].
pub(crate) const OF_STATICS: u8 = 253;
/// What an execution has made, but not with a location of its own: see [`make_lazy`].
pub(crate) const OF_LAZY: u8 = 251;
/// Of what is named by its maker as any object is, although it is there from the beginning.
pub(crate) const OF_MAKERS: u8 = 250;
/// As [`OF_PERMITS`], for what tells whether a thread has ended.
pub(crate) const OF_ENDS: u8 = 252;

/// A place in program order: before the event of this number.
#[derive(Clone, Copy, Debug)]
struct Place {
    thread: u8,
    before: u16,
    site: Site,
}

impl Place {
    fn is_in(&self, clock: &Clock) -> bool {
        clock[self.thread as usize] > self.before
    }

    fn race_site(&self, access: Access) -> RaceSite {
        RaceSite { task: usize::from(self.thread), access, location: self.site }
    }
}

/// What is known of a location in this run.
#[derive(Clone, Copy)]
struct Made {
    value: u64,
    /// Where it was made, or accessed exclusively; `None` for what is there from the beginning.
    by: Option<Place>,
}

/// Plain accesses to a cell.
#[derive(Default)]
struct PlainCell {
    write: Option<Place>,
    reads: Vec<Place>,
}

/// One run.
pub(crate) struct Run {
    graph: Graph,
    model: Model,
    others: WorkList,
    names: FxHashMap<LocationName, LocationId>,
    /// The locations of objects without a maker, kept from run to run, and whether this run has them.
    lazy: FxHashMap<LocationId, bool>,
    made: Vec<Option<Made>>,
    cells: Vec<PlainCell>,
    threads: Vec<Thread>,
    current: usize,
    /// Whether a thread is running, and not what takes them apart.
    inside: bool,
    /// Counts the runs of this process.
    execution: u64,
    over: bool,
    end: Option<End>,
    /// How often the running thread still looks, if it goes round in a loop to confirm that this never ends.
    confirming: Option<u32>,
    /// The read that the graph was made for, until it is executed: what it needs goes first.
    owing: Option<EventId>,
    stacks: Vec<DefaultStack>,
    /// What each thread has freed.
    freed: Box<[Freed]>,
    /// What the thread that is inside of a monitor has learnt there.
    section: Option<Section>,
    /// Named ahead of time: what is made next belongs to something else than the running thread.
    ahead: Option<LocationName>,
    /// What threads have left at objects of the facade's.
    left: FxHashMap<u32, Clock>,
    /// What is to happen, if that is known: and how much of it has.
    guide: Option<(Guide, usize)>,
    /// See [`watch`]; kept from run to run.
    watched: FxHashSet<LocationId>,
    /// Whether a thread that goes round in a loop lets others go first; see [`loops`].
    pub(super) fair: bool,
    /// Whether that has left out executions, in any run so far.
    pub(super) bounded: bool,
    /// Whether threads alike are explored in one of their orders; not where that has turned out to be wrong.
    pub(super) symmetric: bool,
    /// Whether threads that have not come to their end when the run has are left where they are, and not unwound: a
    /// destructor may end the process when it does not know why it unwinds.
    pub(super) leaves: bool,
    /// Where locations were read as plain memory.
    unsynced: FxHashMap<LocationId, Vec<Place>>,
}

thread_local! {
    static RUN: Cell<*mut Run> = const { Cell::new(ptr::null_mut()) };
}

/// The run of this operating-system thread.
///
/// # Safety
/// The reference must not be kept across a switch of threads, a call into the program, or another call of
/// this function.
unsafe fn run<'a>() -> Option<&'a mut Run> {
    // SAFETY: `Explorer::execute` puts a run there that it owns, and takes it away before that ends.
    unsafe { RUN.get().as_mut() }
}

/// Calls `f` with the run, which is there.
fn with<R>(f: impl FnOnce(&mut Run) -> R) -> R {
    let _outside = heap::outside();
    // SAFETY: `f` neither switches nor calls into the program (each caller in this folder sees to it).
    f(unsafe { run() }.expect("only called inside an execution under rc11"))
}

/// Whether an execution is under way on this operating-system thread, and not being taken apart.
pub(crate) fn alive() -> bool {
    // SAFETY: the reference ends here.
    unsafe { run() }.is_some_and(|run| !run.over)
}

/// Which execution this is, among all of this process; 0 outside of any.
pub(crate) fn execution() -> u64 {
    // SAFETY: the reference ends here.
    unsafe { run() }.map_or(0, |run| run.execution)
}

/// The running thread.
pub(crate) fn me() -> usize {
    // SAFETY: the reference ends here.
    unsafe { run() }.map_or(0, |run| run.current)
}

/// The event that the running thread comes to next.
#[cfg(test)]
pub(super) fn next_event() -> EventId {
    with(|run| run.next())
}

/// Whether the event is a choice of another value than the first.
#[cfg(test)]
pub(super) fn chose_other(id: EventId) -> bool {
    with(|run| matches!(run.graph.get(id).map(|event| &event.kind), Some(Kind::Choice { value: 1.., .. })))
}

/// What the thread module keeps for the running thread.
pub(crate) fn slot() -> Option<SharedIdentity> {
    // SAFETY: the reference ends here.
    unsafe { run() }.and_then(|run| run.threads[run.current].slot.clone())
}

/// Replaces what [`slot`] returns.
pub(crate) fn set_slot(slot: Option<SharedIdentity>) {
    // SAFETY: the reference ends with the replacement, before the old value is dropped.
    let old = unsafe { run() }.and_then(|run| std::mem::replace(&mut run.threads[run.current].slot, slot));
    drop(old);
}

/// Lets the scheduler choose who goes on.
fn switch() {
    let yielder = with(|run| run.threads[run.current].yielder);
    // SAFETY: the yielder lives on the stack of the running coroutine.
    unsafe { &*yielder }.suspend(());
    let cut = with(|run| run.over && !std::mem::replace(&mut run.threads[run.current].cut, true));
    if cut {
        resume_unwind(Box::new(Cut));
    }
}

/// The running thread goes no further in this run.
fn halt() -> ! {
    loop {
        with(|run| run.threads[run.current].state = State::Blocked);
        switch();
    }
}

/// Ends the run.
fn finish(end: End) -> ! {
    with(|run| {
        run.end.get_or_insert(end);
        run.over = true;
    });
    if with(|run| run.leaves && run.inside) {
        halt_for_good();
    }
    resume_unwind(Box::new(Cut))
}

/// Ends the run because the program does something else than before.
fn not_repeatable(site: Site) -> ! {
    finish(End::Trouble(Trouble::NotRepeatable(Some(site))))
}

/// Runs an operation. Of a thread that unwinds already, what would take it down is caught here, and the operation
/// comes to nothing: a second panic out of a destructor would end the process.
fn sheltered<R>(nothing: R, operation: impl FnOnce() -> R) -> R {
    if std::thread::panicking() {
        catch_unwind(AssertUnwindSafe(operation)).unwrap_or(nothing)
    } else {
        operation()
    }
}

/// The state in which the running thread waits while `wait` says that it must.
fn wait_while(wait: impl Fn(&Run) -> Option<State>) {
    while let Some(state) = with(|run| wait(run)) {
        with(|run| run.threads[run.current].state = state);
        switch();
    }
    with(|run| run.threads[run.current].state = State::Ready);
}

/// Waits until the event has been executed in this run.
fn wait_for(id: EventId) {
    if !id.is_init() {
        wait_while(|run| (!run.is_executed(id)).then_some(State::Waiting(id)));
    }
}

/// Waits until it is the running thread's turn to extend the graph.
fn wait_for_turn() {
    if is_guided() {
        return;
    }
    wait_while(|run| (!run.may_extend(run.current)).then_some(State::Extending));
    if with(|run| usize::from(run.threads[run.current].next) + 2 > MAX_EVENTS) {
        finish(End::Trouble(Trouble::TooLong));
    }
}

/// Waits until it is the running thread's turn as the guide has it. False if it has nothing more for any.
fn wait_for_guide() -> bool {
    loop {
        match with(|run| run.guided_thread()) {
            Some(thread) if thread == with(|run| run.current) => return true,
            Some(_) => {
                with(|run| run.threads[run.current].state = State::Extending);
                switch();
                with(|run| run.threads[run.current].state = State::Ready);
            }
            None => return false,
        }
    }
}

/// What the guide gives the event that is about to be added.
fn given() -> Option<Given> {
    with(|run| {
        let (guide, at) = run.guide.as_mut()?;
        let (_, given) = *guide.steps.get(*at)?;
        *at += 1;
        Some(given)
    })
}

/// Whether the order of events is given.
fn is_guided() -> bool {
    with(|run| run.guide.is_some())
}

/// What comes next in the running thread, and whether the graph holds it already.
enum Next {
    Held(EventId),
    New(EventId),
}

/// Begins an operation: `None` if the run is over, and the operation has no meaning. Does not return if the run ends
/// before it.
fn arrive() -> Option<EventId> {
    let next = arrive_to_look()?;
    halt_behind_guide();
    Some(next)
}

/// Halts the running thread if the guide has nothing more for it.
fn halt_behind_guide() {
    if with(|run| run.is_behind_guide()) {
        halt();
    }
}

/// As [`arrive`], of an operation by which the run may end before it is an event (another round of a loop, a race): where
/// the guide has nothing more, it is begun, and halts when that was looked at.
fn arrive_to_look() -> Option<EventId> {
    // Who unwinds is found out by asking at each operation.
    unwinding::is(|| me() as u64);
    // SAFETY: the reference ends before anything else is called.
    let run = (unsafe { run() })?;
    if run.over {
        let thread = &mut run.threads[run.current];
        thread.inert += 1;
        if thread.inert > MAX_INERT {
            halt_for_good();
        }
        return None;
    }
    if run.confirming.is_some() {
        does_end();
    }
    if run.guide.is_some() && run.section.is_none() {
        wait_for_guide();
    }
    // What the read that the graph was made for needs goes first.
    let others_first =
        |run: &mut Run| run.owing.is_some() && run.section.is_none() && run.demanded() != Some(run.current);
    if with(others_first) {
        switch();
    }
    Some(with(|run| run.next()))
}

/// Whether a thread is running, if the run is over.
pub(super) fn is_over() -> Option<bool> {
    // SAFETY: the reference ends here.
    unsafe { run() }.filter(|run| run.over).map(|run| run.inside)
}

/// Gives up a thread that does not come to its end although the run is over.
pub(super) fn halt_for_good() -> ! {
    let yielder = with(|run| run.threads[run.current].yielder);
    loop {
        // SAFETY: as in `switch`.
        unsafe { &*yielder }.suspend(());
    }
}

fn look_up(id: EventId) -> Next {
    with(|run| if run.graph.get(id).is_some() { Next::Held(id) } else { Next::New(id) })
}

/// From here on the running thread is blocked in vain, if it is; or no longer.
pub(super) fn set_in_vain(in_vain: bool) {
    with(|run| run.threads[run.current].in_vain = in_vain);
}

/// The event is done. Others that waited for it go on when the running thread comes to its next operation: what it
/// does until then is part of the same step.
fn executed(id: EventId, site: Site, value: u64) {
    with(|run| {
        let thread = &mut run.threads[run.current];
        debug_assert_eq!(thread.next, id.index, "events are executed in program order");
        thread.next += 1;
        thread.accessed = false;
        thread.values.push(value);
        thread.sites.push(site);
        if run.owing == Some(id) {
            run.owing = None;
        }
    });
}

impl Run {
    /// Where the stack of the running thread begins.
    fn base(&self) -> usize {
        self.threads[self.current].base
    }

    fn next(&self) -> EventId {
        let thread = u8::try_from(self.current).expect("there are fewer threads");
        EventId { thread, index: self.threads[self.current].next }
    }

    fn is_executed(&self, id: EventId) -> bool {
        id.is_init() || self.threads.get(id.thread as usize).is_some_and(|thread| id.index < thread.next)
    }

    /// Whether the thread has events in the graph that it has not executed in this run.
    fn is_behind(&self, thread: usize) -> bool {
        self.threads[thread].state != State::Done
            && (self.threads[thread].next as usize) < self.graph.len(thread)
    }

    fn anything_is_behind(&self) -> bool {
        (0..self.threads.len()).any(|thread| self.is_behind(thread))
    }

    /// Whether all threads but one have executed what accesses the graph holds for them.
    fn are_settled_but(&self, thread: usize) -> bool {
        let access = |event: &std::sync::Arc<Event>| event.location().is_some();
        (0..self.threads.len()).filter(|other| *other != thread && self.is_behind(*other)).all(|other| {
            let next = self.threads[other].next as usize;
            !self.graph.threads[other].iter_from(next).any(access)
        })
    }

    /// The location of the running thread's next access as the graph has it, if it is that of an object without a
    /// maker which this run does not have yet.
    fn lazy_held(&self, chain: bool) -> Option<LocationId> {
        let next = self.next();
        let mut held = self.graph.threads.get(self.current)?.iter_from(next.index.into());
        let location = held.find_map(|event| event.location())?;
        let unbound = self.lazy.get(&location) == Some(&false);
        (unbound && is_chain(location) == chain).then_some(location)
    }

    /// A location for an object without a maker that neither the graph nor this run has.
    fn lazy_unused(&mut self, chain: bool) -> LocationId {
        let unused = |location: &LocationId| {
            let accesses = self.graph.location(*location);
            is_chain(*location) == chain && accesses.writes.is_empty() && accesses.reads.is_empty()
        };
        let free = self.lazy.iter().filter(|(_, bound)| !**bound).map(|(location, _)| *location);
        if let Some(location) = free.filter(unused).min() {
            return location;
        }
        let name = (OF_LAZY, u32::try_from(self.lazy.len()).unwrap_or(u32::MAX));
        self.location_of(name, chain)
    }

    /// The location of this name.
    fn location_of(&mut self, name: LocationName, chain: bool) -> LocationId {
        let fresh =
            LocationId::try_from(2 * self.names.len() + usize::from(chain)).unwrap_or(LocationId::MAX);
        *self.names.entry(name).or_insert(fresh)
    }

    fn may_extend(&self, thread: usize) -> bool {
        self.owing.is_none_or(|owing| owing.thread as usize == thread)
            && self.threads[..thread].iter().zip(0..).all(|(other, number)| match other.state {
                State::Done | State::Blocked | State::Yielding => true,
                State::Absent => self.graph.len(number) == 0,
                State::Joining(child) => {
                    let child = child as usize;
                    self.threads[child].state != State::Done && !self.is_behind(child)
                }
                State::Ready | State::Waiting(_) | State::Extending | State::Settling => false,
            })
    }

    /// The thread to go on, if there is one.
    fn pick(&self) -> Option<usize> {
        if self.owing.is_some() {
            return self.demanded();
        }
        if let Some(thread) = self.guided_thread() {
            return self.demanded_from(thread);
        }
        for (thread, number) in self.threads.iter().zip(0..) {
            let goes_on = match thread.state {
                State::Ready => true,
                State::Waiting(id) => self.is_executed(id),
                State::Extending => self.may_extend(number),
                State::Settling => self.are_settled_but(number),
                State::Joining(child) => self.threads[child as usize].state == State::Done,
                State::Absent | State::Yielding | State::Blocked | State::Done => false,
            };
            if goes_on {
                return Some(number);
            }
        }
        // None but those who let others go first: the one first that has done so least.
        let yielding = self.threads.iter().zip(0..).filter(|(thread, _)| thread.state == State::Yielding);
        let rounds = |thread: &Thread| thread.yields.iter().map(|at| at.count).sum::<u32>();
        yielding.min_by_key(|(thread, number)| (rounds(thread), *number)).map(|(_, number)| number)
    }

    /// The thread that must go on so that the read that the graph was made for is executed.
    fn demanded(&self) -> Option<usize> {
        self.demanded_from(self.owing?.thread as usize)
    }

    /// Whether the running thread comes to what the guide does not have any more.
    fn is_behind_guide(&self) -> bool {
        self.guide.is_some() && self.section.is_none() && self.guided_thread().is_none()
    }

    /// The thread of the next event, as the guide has it.
    fn guided_thread(&self) -> Option<usize> {
        let (guide, at) = self.guide.as_ref()?;
        guide.steps.get(*at).map(|(thread, _)| usize::from(*thread))
    }

    /// The thread that must go on so that this one can.
    fn demanded_from(&self, thread: usize) -> Option<usize> {
        let mut at = thread;
        for _ in 0..=2 * MAX_THREADS {
            at = match self.threads[at].state {
                State::Ready | State::Extending | State::Yielding => return Some(at),
                State::Waiting(id) if self.is_executed(id) => return Some(at),
                State::Waiting(id) => id.thread as usize,
                State::Joining(child) if self.threads[child as usize].state == State::Done => {
                    return Some(at);
                }
                State::Joining(child) => child as usize,
                State::Absent => {
                    match self.graph.get(EventId { thread: u8::try_from(at).ok()?, index: 0 })?.kind {
                        Kind::Begin { by: Some(parent), .. } => parent.thread as usize,
                        _ => return None,
                    }
                }
                State::Settling | State::Blocked | State::Done => return None,
            };
        }
        None
    }

    /// The clock of the running thread.
    fn clock(&self) -> &Clock {
        let next = self.next();
        &self.graph.event(EventId { index: next.index - 1, ..next }).hb
    }

    fn place(&self, site: Site) -> Place {
        let next = self.next();
        Place { thread: next.thread, before: next.index, site }
    }

    fn knows(&self, place: &Place) -> bool {
        place.thread as usize == self.current || place.is_in(self.clock())
    }

    /// The last write to a location among those that this run has come to: the graph may have others that come after
    /// what the running thread does now.
    fn last_executed(&self, location: LocationId) -> EventId {
        let count = self.graph.location(location).writes.len();
        let mut latest = (0..=count).rev().map(|place| self.graph.write_at(place, location));
        latest.find(|write| self.is_executed(*write)).unwrap_or(EventId::INIT)
    }

    fn value_of(&self, write: EventId, location: LocationId) -> u64 {
        value_among(&self.threads, &self.made, write, location)
    }
}

/// What a write that has been executed in this run stored.
fn value_among(threads: &[Thread], made: &[Option<Made>], write: EventId, location: LocationId) -> u64 {
    if write.is_init() {
        made.get(location as usize).and_then(|made| *made).map_or(0, |made| made.value)
    } else {
        threads[write.thread as usize].values[write.index as usize]
    }
}

// ---- Operations of the facade.

/// A value read, and whether it was written over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadValue {
    pub(crate) value: u64,
    /// What was written, if anything was.
    pub(crate) written: Option<u64>,
}

/// What a read-modify-write makes of a value; `None` if it leaves it.
pub(crate) type Update<'a> = &'a mut dyn FnMut(u64) -> Option<u64>;

/// How a read goes about it.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) success: Order,
    pub(super) failure: Order,
    /// Whether the thread waits for a value that `update` takes.
    pub(super) waits: bool,
}

impl Manner {
    fn effect(self, writes: bool) -> Effect {
        Effect {
            rmw: writes,
            order: if writes { self.success } else { self.failure },
            blocked: self.waits && !writes,
        }
    }
}

/// A location with this value, made by the running thread; a chain, or not.
pub(crate) fn make(value: u64, chain: bool, site: Site) -> LocationId {
    // SAFETY: the reference ends here.
    let Some(run) = (unsafe { run() }) else { return LocationId::MAX };
    let named = run.ahead.take();
    if named.is_some_and(|(of, _)| of == OF_LAZY) {
        return make_lazy(value, chain);
    }
    let name = named.filter(|(of, _)| *of != OF_MAKERS).unwrap_or_else(|| {
        let thread = &mut run.threads[run.current];
        thread.made += 1;
        (u8::try_from(run.current).unwrap_or(u8::MAX), thread.made)
    });
    let location = run.location_of(name, chain);
    let at = location as usize;
    if run.made.len() <= at {
        run.made.resize_with(at + 1, || None);
    }
    let by = (named.is_none() && !run.over).then(|| run.place(site));
    // What is there from the beginning is no access of the thread that happens to come first.
    run.threads[run.current].accessed |= by.is_some();
    run.made[at] = Some(Made { value, by });
    location
}

/// A location for an object that has no maker, because no event of its own makes it: two threads may be the first
/// to use it, each in some of the executions. So it is known by the events that access it: where the graph holds
/// the running thread's next access, that one's location; else a new one.
fn make_lazy(value: u64, chain: bool) -> LocationId {
    let location = loop {
        if let Some(held) = with(|run| run.lazy_held(chain)) {
            break held;
        }
        // Another thread may have accessed the object as the graph has it.
        if with(|run| run.over || run.guide.is_some() || run.are_settled_but(run.current)) {
            break with(|run| run.lazy_unused(chain));
        }
        with(|run| run.threads[run.current].state = State::Settling);
        switch();
        with(|run| run.threads[run.current].state = State::Ready);
    };
    with(|run| {
        run.lazy.insert(location, true);
        let at = location as usize;
        if run.made.len() <= at {
            run.made.resize_with(at + 1, || None);
        }
        run.made[at] = Some(Made { value, by: None });
    });
    location
}

/// What is made next is named so, and there from the beginning.
pub(crate) fn name_ahead(name: LocationName) {
    // SAFETY: the reference ends here.
    if let Some(run) = unsafe { run() } {
        run.ahead = Some(name);
    }
}

/// A chain that belongs to a thread, and is there from the beginning.
pub(crate) fn make_for_thread(of: u8, thread: u64) -> LocationId {
    name_ahead((of, u32::try_from(thread).unwrap_or(u32::MAX)));
    make(0, true, Location::caller())
}

/// The making of the location must be known to the running thread.
fn check_made(location: LocationId, site: Site, access: Access) {
    let race = with(|run| {
        let by = run.made.get(location as usize).and_then(|made| *made)?.by?;
        (!run.knows(&by))
            .then(|| Race { earlier: by.race_site(Access::Write), later: run.place(site).race_site(access) })
    });
    if let Some(race) = race {
        raced(race);
    }
}

fn raced(race: Race) {
    if std::thread::panicking() {
        return;
    }
    if is_confirming() {
        // No clock was joined since the loop began: that there is no order means nothing.
        does_end();
    }
    with(|run| {
        run.end.get_or_insert(End::Race(race));
        run.over = true;
    });
    if with(|run| run.leaves && run.inside) {
        halt_for_good();
    }
    std::panic::panic_any(RaceFound);
}

/// Reads, and writes what `update` makes of the value; waits for one that it takes, if the manner says so.
/// `None` if the run is over.
pub(super) fn read(
    location: LocationId,
    manner: Manner,
    update: Update<'_>,
    here: Option<Here>,
    site: Site,
) -> Option<ReadValue> {
    sheltered(None, || {
        if is_confirming() {
            return Some(look_again(location, manner.waits, &mut *update));
        }
        let id = arrive_to_look()?;
        let look = here.and_then(|here| {
            let here = here.with([u64::from(location), 0]);
            with(|run| Look::new(here, site, run.base(), id.index))
        });
        let value = match look_up(id) {
            Next::Held(id) => {
                check_made(location, site, Access::Read);
                read_held(id, location, manner, &mut *update, site)
            }
            Next::New(id) => {
                if halt_if_repeated(look) {
                    return Some(look_again(location, manner.waits, &mut *update));
                }
                check_made(location, site, Access::Read);
                halt_behind_guide();
                wait_for_turn();
                read_new(id, location, manner, &mut *update)
            }
        };
        let written = update(value);
        if written.is_none() {
            with(|run| run.threads[run.current].looks.extend(look));
        }
        match written {
            None => executed(id, site, value),
            Some(written) => {
                // The halves of a read-modify-write are not interrupted.
                let owing = with(|run| run.owing);
                executed(id, site, value);
                write_half(id.next(), location, manner.success, written, site);
                if owing == Some(id) {
                    with(|run| run.owing = None);
                }
            }
        }
        Some(ReadValue { value, written })
    })
}

fn read_held(id: EventId, location: LocationId, manner: Manner, update: Update<'_>, site: Site) -> u64 {
    let held = with(|run| match run.graph.event(id).kind {
        Kind::Read { location: held, from, rmw, .. } if held == location => Some((from, rmw)),
        _ => None,
    });
    let Some((from, rmw)) = held else { not_repeatable(site) };
    wait_for(from);
    let value = with(|run| run.value_of(from, location));
    let writes = update(value).is_some();
    let fresh = with(|run| run.owing == Some(id));
    if writes != rmw && !fresh {
        not_repeatable(site);
    }
    let effect = manner.effect(writes);
    settle(id, effect);
    if effect.blocked {
        executed(id, site, value);
        halt();
    }
    value
}

/// Notes what a read in the graph has come to.
fn settle(id: EventId, effect: Effect) {
    let allowed = with(|run| {
        let (fresh, model) = (run.owing == Some(id), run.model);
        step::settle_read(&mut run.graph, id, effect, fresh, model)
    });
    heed_symmetry();
    if !allowed {
        finish(End::Dropped);
    }
}

/// Ends the run if what the last step has made of the graph is explored under other names of threads, or if it has
/// turned out that threads are not alike.
fn heed_symmetry() {
    match with(|run| std::mem::take(&mut run.graph.standing)) {
        Standing::Kept => {}
        Standing::Mirrored => finish(End::Dropped),
        Standing::Broken => {
            with(|run| run.symmetric = false);
            finish(End::Restart);
        }
    }
}

/// Whatever the running thread looks at tells it from others: none is alike any more.
pub(crate) fn tell_apart() {
    if alive() && with(|run| std::mem::replace(&mut run.symmetric, false) && run.graph.has_alike) {
        finish(End::Restart);
    }
}

/// Adds the read that the guide has.
fn read_guided(id: EventId, location: LocationId, manner: Manner, update: Update<'_>) -> u64 {
    let Some(Given::Read(from)) = given() else { strayed() };
    let from = from.map_or(EventId::INIT, |(thread, index)| EventId { thread, index });
    if !with(|run| run.graph.can_read(from, location) && run.is_executed(from)) {
        strayed();
    }
    let value = with(|run| run.value_of(from, location));
    let Effect { rmw, order, blocked } = manner.effect(update(value).is_some());
    with(|run| {
        step::guided(&mut run.graph, id, Kind::Read { location, from, rmw, blocked }, order, 0);
    });
    if blocked {
        executed(id, Location::caller(), value);
        halt();
    }
    value
}

/// Ends a guided run in which the program does something else.
fn strayed() -> ! {
    finish(End::Trouble(Trouble::NotRepeatable(None)))
}

fn read_new(id: EventId, location: LocationId, manner: Manner, update: Update<'_>) -> u64 {
    if is_guided() {
        return read_guided(id, location, manner, update);
    }
    // The values of all candidates must be known in this run.
    loop {
        let missing = with(|run| {
            let writes = &run.graph.location(location).writes;
            writes.iter().copied().find(|write| !run.is_executed(*write))
        });
        match missing {
            Some(write) => {
                wait_for(write);
                wait_for_turn();
            }
            None => break,
        }
    }
    let (value, effect) = with(|run| {
        let value_of = |from: EventId| value_among(&run.threads, &run.made, from, location);
        let mut effect = |from: EventId| manner.effect(update(value_of(from)).is_some());
        let model = run.model;
        let (from, effect) = step::read(&mut run.graph, id, location, model, &mut effect, &mut run.others);
        (run.value_of(from, location), effect)
    });
    heed_symmetry();
    if effect.blocked {
        executed(id, Location::caller(), value);
        halt();
    }
    value
}

fn write_half(id: EventId, location: LocationId, order: Order, value: u64, site: Site) {
    check_unsynced(location, site);
    match look_up(id) {
        Next::Held(id) => {
            let held = with(|run| run.graph.event(id).kind == Kind::Write { location, rmw: true });
            if !held {
                not_repeatable(site);
            }
        }
        Next::New(id) => extend_by_write(id, location, order, true),
    }
    with(|run| run.threads[run.current].looks.clear());
    executed(id, site, value);
}

fn extend_by_write(id: EventId, location: LocationId, order: Order, rmw: bool) {
    if is_guided() {
        let Some(Given::Write(place)) = given() else { strayed() };
        with(|run| {
            step::guided(&mut run.graph, id, Kind::Write { location, rmw }, order, place.into());
        });
        return;
    }
    let allowed = with(|run| {
        let model = run.model;
        step::write(&mut run.graph, id, location, order, rmw, model, &mut run.others)
    });
    heed_symmetry();
    if !allowed {
        finish(End::Dropped);
    }
}

/// Writes. False if the run is over.
pub(crate) fn write(location: LocationId, order: Order, value: u64, site: Site) -> bool {
    sheltered(false, || {
        let Some(id) = arrive_to_look() else { return false };
        check_made(location, site, Access::Write);
        check_unsynced(location, site);
        match look_up(id) {
            Next::Held(id) => {
                if !with(|run| run.graph.event(id).kind == Kind::Write { location, rmw: false }) {
                    not_repeatable(site);
                }
            }
            Next::New(id) => {
                halt_behind_guide();
                wait_for_turn();
                extend_by_write(id, location, order, false);
            }
        }
        with(|run| run.threads[run.current].looks.clear());
        executed(id, site, value);
        true
    })
}

/// An event without a location. The kind that the graph holds must be the same.
fn plain_event(kind: Kind, order: Order, site: Site) -> bool {
    sheltered(false, || plain_event_bare(kind, order, site))
}

fn plain_event_bare(kind: Kind, order: Order, site: Site) -> bool {
    let Some(id) = arrive() else { return false };
    match look_up(id) {
        Next::Held(id) => {
            if !with(|run| std::mem::discriminant(&run.graph.event(id).kind) == std::mem::discriminant(&kind))
            {
                not_repeatable(site);
            }
        }
        Next::New(id) => {
            wait_for_turn();
            if is_guided() && given() != Some(Given::Nothing) {
                strayed();
            }
            let allowed = with(|run| {
                let model = run.model;
                step::other(&mut run.graph, id, kind, order, model)
            });
            if !allowed {
                finish(End::Dropped);
            }
        }
    }
    executed(id, site, 0);
    true
}

/// A fence. False if the run is over.
pub(crate) fn fence(order: Order, site: Site) -> bool {
    if is_confirming() {
        going_round();
        return true;
    }
    plain_event(Kind::Fence, order, site)
}

/// One of `0..options`: every one of them in one execution or another.
pub(crate) fn choose(options: u32, site: Site) -> u32 {
    sheltered(0, || {
        if !alive() {
            return 0;
        }
        debug_assert!(
            with(|run| run.section.is_none()),
            "a choice is no part of what is done inside of a monitor"
        );
        let Some(id) = arrive() else { return 0 };
        let value = match look_up(id) {
            Next::Held(id) => with(|run| match run.graph.event(id).kind {
                Kind::Choice { options: held, value } if held == options => Some(value),
                _ => None,
            }),
            Next::New(id) => {
                wait_for_turn();
                Some(choose_new(id, options))
            }
        };
        let Some(value) = value else { not_repeatable(site) };
        with(|run| run.threads[run.current].looks.clear());
        executed(id, site, u64::from(value));
        value
    })
}

fn choose_new(id: EventId, options: u32) -> u32 {
    if is_guided() {
        let Some(Given::Choice(value)) = given() else { strayed() };
        let kind = Kind::Choice { options, value };
        with(|run| step::guided(&mut run.graph, id, kind, Order::Relaxed, 0));
        return value;
    }
    with(|run| step::choose(&mut run.graph, id, options, &mut run.others));
    0
}

/// The past of the running thread, to travel with a message.
pub(crate) fn past() -> Option<Box<Clock>> {
    if !alive() {
        return None;
    }
    tick();
    Some(with(|run| Box::new(*run.clock())))
}

/// Plain accesses since the last event of the running thread come before an event of their own, so that a clock can
/// tell that they are known.
fn tick() {
    if with(|run| run.section.is_none() && run.threads[run.current].accessed) {
        plain_event(Kind::Fence, Order::Relaxed, Location::caller());
    }
}

/// What the running thread has done is left at an object of the facade's, for [`learn_from`].
pub(crate) fn leave_at(object: u32) {
    tick();
    with(|run| {
        let past = *run.clock();
        join_clocks(run.left.entry(object).or_insert([0; MAX_THREADS]), &past);
    });
}

/// The running thread learns what was left at an object.
pub(crate) fn learn_from(object: u32) {
    if let Some(past) = with(|run| run.left.get(&object).copied()) {
        learn(&past);
    }
}

/// Whether a weak compare-exchange that stands here fails for no reason: a choice, at most once for each thread and
/// place in one execution.
pub(crate) fn fails_spuriously(site: Site) -> bool {
    if !alive() || with(|run| run.threads[run.current].spurious.contains(&ptr::from_ref(site))) {
        return false;
    }
    let fails = choose(2, site) == 1;
    if fails {
        with(|run| run.threads[run.current].spurious.push(ptr::from_ref(site)));
    }
    fails
}

/// Whether what is done to the location is to be an event at all: from when it is first asked for on, and until
/// then the exploration has to begin anew.
pub(crate) fn watch(location: LocationId) {
    if alive() && with(|run| run.watched.insert(location)) {
        finish(End::Restart);
    }
}

/// Whether the location was asked for; see [`watch`].
pub(crate) fn is_watched(location: LocationId) -> bool {
    alive() && with(|run| run.watched.contains(&location))
}

/// The running thread learns a past.
pub(crate) fn learn(past: &Clock) {
    if !alive() {
        return;
    }
    let known = with(|run| {
        if let Some(section) = &mut run.section {
            join_clocks(section.learnt.get_or_insert_with(|| Box::new([0; MAX_THREADS])), past);
            return true;
        }
        let clock = run.clock();
        past.iter().zip(clock).all(|(theirs, mine)| theirs <= mine)
    });
    if !known {
        plain_event(Kind::Learn(Box::new(*past)), Order::Relaxed, Location::caller());
        with(|run| run.threads[run.current].looks.clear());
    }
}

// ---- Threads.

/// The running thread spawns another: its number. `None` if the run is over.
pub(crate) fn announce_spawn(alike: Option<u64>, site: Site) -> Option<u8> {
    let id = arrive()?;
    let child = match look_up(id) {
        Next::Held(id) => with(|run| match run.graph.event(id).kind {
            Kind::Spawn(child) => Some(child),
            _ => None,
        }),
        Next::New(id) => {
            wait_for_turn();
            let free = with(|run| (1..=MAX_THREADS).find(|thread| run.graph.len(*thread) == 0));
            let child =
                free.filter(|thread| *thread < MAX_THREADS).and_then(|thread| u8::try_from(thread).ok());
            let Some(child) = child else { finish(End::Trouble(Trouble::TooManyThreads)) };
            if is_guided() && given() != Some(Given::Nothing) {
                strayed();
            }
            with(|run| {
                run.graph.add(id, Kind::Spawn(child), Order::Relaxed);
                let begin = EventId { thread: child, index: 0 };
                let alike = alike.and_then(|alike| u8::try_from(alike).ok());
                let alike = alike.filter(|alike| run.symmetric && run.guide.is_none() && *alike < child);
                run.graph.add(begin, Kind::Begin { by: Some(id), alike }, Order::Relaxed);
            });
            Some(child)
        }
    };
    let Some(child) = child else { not_repeatable(site) };
    with(|run| run.threads[run.current].looks.clear());
    executed(id, site, 0);
    Some(child)
}

/// Starts the thread that was announced.
pub(crate) fn start(child: u8, body: Box<dyn FnOnce()>, site: Site) {
    with(|run| {
        let child = child as usize;
        while run.threads.len() <= child {
            run.threads.push(Thread::new());
        }
        let thread = &mut run.threads[child];
        thread.state = State::Ready;
        thread.next = 1;
        thread.values.push(0);
        thread.sites.push(site);
        thread.body = Some(body);
    });
}

/// Waits for the end of a thread, and learns what it did. False if the run is over.
pub(crate) fn join(child: u8, site: Site) -> bool {
    sheltered(false, || {
        let Some(id) = arrive() else { return false };
        let done = |run: &Run| run.threads[child as usize].state == State::Done;
        match look_up(id) {
            Next::Held(id) => {
                if !with(|run| run.graph.event(id).kind == Kind::Join(child)) {
                    not_repeatable(site);
                }
                wait_while(|run| (!done(run)).then_some(State::Joining(child)));
            }
            Next::New(id) => {
                wait_while(|run| (!done(run)).then_some(State::Joining(child)));
                wait_for_turn();
                if is_guided() && given() != Some(Given::Nothing) {
                    strayed();
                }
                with(|run| run.graph.add(id, Kind::Join(child), Order::Relaxed));
            }
        }
        with(|run| run.threads[run.current].looks.clear());
        executed(id, site, 0);
        true
    })
}

/// Waits until all other threads are at their end, without learning anything. Does not return if one never is.
pub(crate) fn wait_for_others() {
    if alive() {
        for other in 1..with(|run| run.threads.len().max(run.graph.threads.len())) {
            let child = u8::try_from(other).unwrap_or(u8::MAX);
            wait_while(|run| {
                let thread = run.threads.get(other)?;
                (!matches!(thread.state, State::Done | State::Absent)).then_some(State::Joining(child))
            });
            come_after(child);
        }
    }
}

/// What the running thread does from here on, it does when that thread has ended: no read of that thread's can see it.
fn come_after(thread: u8) {
    let is_known = |run: &Run| {
        let next = run.next();
        let last = run.graph.len(thread.into()).checked_sub(1).and_then(|last| u16::try_from(last).ok());
        let porf = &run.graph.event(EventId { index: next.index - 1, ..next }).porf;
        last.is_none_or(|index| EventId { thread, index }.is_in(porf))
    };
    if !with(|run| is_known(run)) {
        plain_event(Kind::After(thread), Order::Relaxed, Location::caller());
    }
}

// ---- Plain memory.

/// A cell that is made, which is a write.
pub(crate) fn make_cell(site: Site) -> u32 {
    // SAFETY: the reference ends here.
    let Some(run) = (unsafe { run() }) else { return u32::MAX };
    let write = (!run.over).then(|| run.place(site));
    run.threads[run.current].accessed = true;
    run.cells.push(PlainCell { write, reads: Vec::new() });
    u32::try_from(run.cells.len() - 1).unwrap_or(u32::MAX)
}

/// A cell that is there from the beginning.
pub(crate) fn make_first_cell() -> u32 {
    // SAFETY: the reference ends here.
    let Some(run) = (unsafe { run() }) else { return u32::MAX };
    run.cells.push(PlainCell::default());
    u32::try_from(run.cells.len() - 1).unwrap_or(u32::MAX)
}

/// A plain access. Does not return if it races.
pub(crate) fn access(cell: u32, kind: Access, site: Site) {
    access_before(0, cell, kind, site);
}

/// As [`access`], before the last so many events of the running thread.
pub(super) fn access_before(ago: u16, cell: u32, access: Access, site: Site) {
    if !alive() {
        return;
    }
    if access == Access::Write && is_confirming() && !std::thread::panicking() {
        does_end();
    }
    let race = with(|run| {
        let mut place = run.place(site);
        let clash = {
            let held = run.cells.get(cell as usize)?;
            let unknown = |other: &&Place| !run.knows(other);
            let write = held.write.iter().find(unknown).map(|other| other.race_site(Access::Write));
            let reads = || held.reads.iter().find(unknown).map(|other| other.race_site(Access::Read));
            write.or_else(|| if access == Access::Write { reads() } else { None })
        };
        run.threads[run.current].accessed |= ago == 0;
        let held = &mut run.cells[cell as usize];
        if ago > 0 {
            // Its own accesses since then stay known.
            let own = |other: &&Place| other.thread == place.thread;
            let since = held.write.iter().chain(&held.reads).filter(own).map(|other| other.before).max();
            place.before = place.before.saturating_sub(ago).max(since.unwrap_or(0));
        }
        match access {
            Access::Read => {
                held.reads.retain(|other| other.thread != place.thread);
                held.reads.push(place);
            }
            Access::Write => {
                held.reads.clear();
                held.write = Some(place);
                run.threads[run.current].looks.clear();
            }
        }
        clash.map(|earlier| Race { earlier, later: place.race_site(access) })
    });
    if let Some(race) = race {
        raced(race);
    }
}

/// A read of a location as plain memory: all writes must be known, and those that come later must know of it.
/// Returns its value.
pub(crate) fn unsync(location: LocationId, site: Site) -> Option<u64> {
    if !alive() {
        return None;
    }
    check_made(location, site, Access::Read);
    let unknown = with(|run| {
        let clock = *run.clock();
        // One that the graph has and this run has not yet is checked when it comes.
        let unknown =
            |id: &&EventId| id.thread as usize != run.current && run.is_executed(**id) && !id.is_in(&clock);
        let first = *run.graph.location(location).writes.iter().find(unknown)?;
        let at = *run.threads.get(first.thread as usize)?.sites.get(first.index as usize)?;
        let earlier = RaceSite { task: usize::from(first.thread), access: Access::Write, location: at };
        Some(Race { earlier, later: run.place(site).race_site(Access::Read) })
    });
    if let Some(race) = unknown {
        raced(race);
    }
    Some(with(|run| {
        let place = run.place(site);
        run.threads[run.current].accessed = true;
        run.unsynced.entry(location).or_default().push(place);
        run.value_of(run.last_executed(location), location)
    }))
}

/// Whether a write to the location comes after all that has read it as plain memory.
fn check_unsynced(location: LocationId, site: Site) {
    let race = with(|run| {
        let clash = run.unsynced.get(&location)?.iter().find(|place| !run.knows(place))?;
        Some(Race { earlier: clash.race_site(Access::Read), later: run.place(site).race_site(Access::Write) })
    });
    if let Some(race) = race {
        raced(race);
    }
}

/// An exclusive access to a location: all others must be known. Returns its value.
pub(crate) fn exclusive(location: LocationId, site: Site) -> Option<u64> {
    if !alive() {
        return None;
    }
    check_made(location, site, Access::Write);
    let unknown = with(|run| {
        let clock = *run.clock();
        let accesses = run.graph.location(location);
        let all = accesses.writes.iter().chain(&accesses.reads);
        let mut unknown =
            all.filter(|id| id.thread as usize != run.current && run.is_executed(**id) && !id.is_in(&clock));
        let first = *unknown.next()?;
        let site_of = run.threads[first.thread as usize].sites.get(first.index as usize)?;
        let access = match run.graph.event(first).kind {
            Kind::Write { .. } => Access::Write,
            _ => Access::Read,
        };
        let earlier = RaceSite { task: usize::from(first.thread), access, location: site_of };
        Some(Race { earlier, later: run.place(site).race_site(Access::Write) })
    });
    if let Some(race) = unknown {
        raced(race);
    }
    Some(with(|run| run.value_of(run.last_executed(location), location)))
}

// ---- Monitors: what one thread does inside of one is one read-modify-write of a chain.

/// What the thread that is inside of a monitor has done there.
struct Section {
    read: EventId,
    location: LocationId,
    site: Site,
    /// Whether its write is there.
    written: bool,
    learnt: Option<Box<Clock>>,
}

/// Enters a monitor, after a write later than `later_than` if that is given. False if the run is over.
pub(super) fn enter(location: LocationId, later_than: Option<EventId>, site: Site) -> bool {
    sheltered(false, || {
        if alive() {
            tick();
        }
        let Some(id) = arrive_to_look() else { return false };
        check_made(location, site, Access::Write);
        let from = match look_up(id) {
            Next::Held(id) => {
                let held = with(|run| match run.graph.event(id).kind {
                    Kind::Read { location: held, from, .. } if held == location => Some(from),
                    _ => None,
                });
                let Some(from) = held else { not_repeatable(site) };
                wait_for(from);
                from
            }
            Next::New(id) => {
                halt_behind_guide();
                wait_for_turn();
                enter_new(id, location, later_than)
            }
        };
        if later_than == Some(from) || with(|run| run.graph.is_blocked(id)) {
            settle(id, Effect { rmw: false, order: Order::Relaxed, blocked: true });
            executed(id, site, 0);
            halt();
        }
        with(|run| run.section = Some(Section { read: id, location, site, written: false, learnt: None }));
        true
    })
}

/// Adds the read that enters a monitor: the write that it takes.
fn enter_new(id: EventId, location: LocationId, later_than: Option<EventId>) -> EventId {
    let effect = |from| Effect { rmw: false, order: Order::Relaxed, blocked: later_than == Some(from) };
    if is_guided() {
        let Some(Given::Read(from)) = given() else { strayed() };
        let from = from.map_or(EventId::INIT, |(thread, index)| EventId { thread, index });
        if !with(|run| run.graph.can_read(from, location)) {
            strayed();
        }
        let Effect { rmw, order, blocked } = effect(from);
        let kind = Kind::Read { location, from, rmw, blocked };
        with(|run| step::guided(&mut run.graph, id, kind, order, 0));
        return from;
    }
    wait_for_last(location);
    let from = with(|run| {
        let model = run.model;
        step::read(&mut run.graph, id, location, model, effect, &mut run.others).0
    });
    heed_symmetry();
    from
}

fn wait_for_last(location: LocationId) {
    loop {
        let last = with(|run| {
            let count = run.graph.location(location).writes.len();
            run.graph.write_at(count, location)
        });
        if with(|run| run.is_executed(last)) {
            return;
        }
        wait_for(last);
        wait_for_turn();
    }
}

/// What was done inside is to be seen by others: adds the write.
fn commit() {
    let open = with(|run| match &mut run.section {
        Some(section) if !section.written => {
            section.written = true;
            Some((section.read, section.location, section.site))
        }
        _ => None,
    });
    let Some((read, location, site)) = open else { return };
    settle(read, Effect { rmw: true, order: Order::Relaxed, blocked: false });
    let owing = with(|run| run.owing);
    executed(read, site, 0);
    let id = read.next();
    match look_up(id) {
        Next::Held(id) => {
            if !with(|run| run.graph.event(id).kind == Kind::Write { location, rmw: true }) {
                not_repeatable(site);
            }
        }
        Next::New(id) => extend_by_write(id, location, Order::Relaxed, true),
    }
    executed(id, site, 0);
    with(|run| {
        run.threads[run.current].looks.clear();
        if owing == Some(read) {
            run.owing = None;
        }
    });
}

/// Leaves the monitor. Returns the write that was made, if the run is not over.
pub(super) fn leave() -> Option<EventId> {
    sheltered(None, || {
        if !alive() {
            return None;
        }
        commit();
        let section = with(|run| run.section.take())?;
        if let Some(learnt) = section.learnt {
            learn(&learnt);
        }
        Some(section.read.next())
    })
}

/// Leaves the monitor and waits until another thread has changed something in it; enters it again. `changed` says
/// whether the running thread has. False if the run is over.
pub(super) fn wait(location: LocationId, changed: bool, site: Site) -> bool {
    sheltered(false, || {
        let written = with(|run| run.section.as_ref().is_some_and(|section| section.written));
        if changed || written {
            let own = leave();
            return enter(location, own, site);
        }
        let Some(section) = with(|run| run.section.take()) else { return false };
        let fresh =
            with(|run| run.owing == Some(section.read) || run.graph.get(section.read.next()).is_none());
        if !fresh {
            not_repeatable(site);
        }
        settle(section.read, Effect { rmw: false, order: Order::Relaxed, blocked: true });
        executed(section.read, site, 0);
        halt()
    })
}

// ---- The run as a whole.

impl Run {
    /// For runs of one program.
    pub(super) fn new(model: Model) -> Self {
        Run {
            graph: Graph::default(),
            model,
            others: WorkList::new(),
            names: FxHashMap::default(),
            lazy: FxHashMap::default(),
            made: Vec::new(),
            cells: Vec::new(),
            threads: Vec::new(),
            current: 0,
            inside: false,
            execution: 0,
            over: false,
            confirming: None,
            end: None,
            owing: None,
            stacks: Vec::new(),
            freed: std::iter::repeat_with(Freed::new).take(MAX_THREADS).collect(),
            section: None,
            ahead: None,
            left: FxHashMap::default(),
            watched: FxHashSet::default(),
            fair: false,
            bounded: false,
            symmetric: true,
            leaves: false,
            unsynced: FxHashMap::default(),
            guide: None,
        }
    }

    /// The graph that was executed last.
    pub(super) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Executes a program along `graph`, and on; other ways go on the work list.
    pub(super) fn execute(&mut self, graph: Graph, others: &mut WorkList, main: Box<dyn FnOnce()>) -> End {
        self.guide = None;
        self.begin(graph, main);
        std::mem::swap(&mut self.others, others);
        let end = self.go();
        std::mem::swap(&mut self.others, others);
        end
    }

    fn go(&mut self) -> End {
        let outer = RUN.replace(ptr::from_mut(self));
        assert!(outer.is_null(), "one execution at a time on each operating-system thread");
        let unwinds = std::thread::panicking();
        // From here on the run is reached by `run` alone.
        drive();
        let end = with(|run| run.end.take()).unwrap_or_else(|| with(|run| run.how_it_ended()));
        with(|run| run.over = true);
        // Destructors may end the process.
        let cause =
            |cause| heartbeat::of_worker().into_iter().for_each(|heartbeat| heartbeat.note_panic(cause));
        if matches!(end, End::Deadlock) {
            cause(Cause::Deadlock);
        }
        take_apart();
        if !unwinds {
            given_up::settle();
        }
        if matches!(end, End::Deadlock) {
            cause(Cause::Other);
        }
        RUN.set(ptr::null_mut());
        self.freed.iter_mut().for_each(|freed| freed.give_back());
        end
    }

    /// Executes a program as the guide has it.
    pub(super) fn follow(&mut self, guide: Guide, main: Box<dyn FnOnce()>) -> End {
        self.begin(Graph::default(), main);
        self.guide = Some((guide, 0));
        self.go()
    }

    fn begin(&mut self, mut graph: Graph, main: Box<dyn FnOnce()>) {
        static EXECUTIONS: AtomicU64 = AtomicU64::new(1);
        self.execution = EXECUTIONS.fetch_add(1, Ordering::Relaxed);
        self.owing = graph.fresh.take();
        if graph.len(0) == 0 {
            graph.add(EventId { thread: 0, index: 0 }, Kind::Begin { by: None, alike: None }, Order::Relaxed);
        }
        self.threads.clear();
        self.threads.resize_with(graph.threads.len(), Thread::new);
        let first = &mut self.threads[0];
        first.state = State::Ready;
        first.next = 1;
        first.values.push(0);
        first.sites.push(Location::caller());
        first.body = Some(main);
        self.graph = graph;
        self.made.clear();
        self.lazy.values_mut().for_each(|bound| *bound = false);
        self.cells.clear();
        self.current = 0;
        self.over = false;
        self.end = None;
        self.section = None;
        self.ahead = None;
        self.left.clear();
        self.unsynced.clear();
    }

    /// The threads that are blocked, and whether each waits for a lock.
    pub(super) fn blocked(&self) -> Vec<(usize, bool)> {
        let blocked = self.threads.iter().zip(0_u8..).filter(|(thread, _)| thread.next > 0);
        let waits = blocked.filter_map(|(thread, number)| {
            let last = EventId { thread: number, index: thread.next - 1 };
            let location = self.graph.get(last)?.location()?;
            self.graph.is_blocked(last).then_some((usize::from(number), !is_chain(location)))
        });
        waits.collect()
    }

    /// The threads that look again and again.
    pub(super) fn looping(&self) -> Vec<usize> {
        let looping = self.threads.iter().zip(0..).filter(|(thread, _)| thread.looping.is_some());
        looping.map(|(_, number)| number).collect()
    }

    /// How a run ended in which no thread can go on.
    fn how_it_ended(&self) -> End {
        if self.anything_is_behind() || self.owing.is_some() {
            return End::Trouble(Trouble::NotRepeatable(None));
        }
        if self.threads.iter().all(|thread| matches!(thread.state, State::Done | State::Absent)) {
            return End::Complete;
        }
        if self.waits_for_what_is_there() {
            return End::Unseen;
        }
        let mut blocked = self.threads.iter().filter(|thread| thread.state == State::Blocked);
        if blocked.any(|thread| thread.looping.is_some()) { End::Endless } else { End::Deadlock }
    }

    /// Whether a thread is blocked that would not be in another execution: it has not seen what others have done.
    fn waits_for_what_is_there(&self) -> bool {
        let is_latest = |thread: &Thread, number| {
            let first = thread.looping.unwrap_or(thread.next - 1);
            (first..thread.next).all(|index| self.graph.reads_last(EventId { thread: number, index }))
        };
        let mut blocked = self.threads.iter().zip(0..).filter(|(thread, _)| thread.state == State::Blocked);
        blocked.any(|(thread, number)| thread.in_vain || !is_latest(thread, number))
    }
}

/// Lets one thread after the other go on until none can, or the run is over.
fn drive() {
    while let Some(thread) = with(|run| if run.over { None } else { run.pick() }) {
        resume(thread);
    }
    for thread in with(|run| run.to_confirm()) {
        with(|run| run.confirming = Some(LOOKS_TO_CONFIRM));
        resume(thread);
        with(|run| run.confirming = None);
        if with(|run| run.over) {
            break;
        }
    }
}

/// Lets a thread go on until it waits.
fn resume(thread: usize) {
    let (mut fiber, inside, freed) = with(|run| {
        run.current = thread;
        let fiber = run.threads[thread].fiber.take();
        let fiber = fiber.or_else(|| Some(fiber_of(run.threads[thread].body.take()?, run.stacks.pop())));
        (
            fiber.expect("a thread that is picked has something to do"),
            std::mem::replace(&mut run.inside, true),
            ptr::from_mut(&mut run.freed[thread]),
        )
    });
    // SAFETY: it lies where it does until the run is over, and no thread is resumed twice at a time.
    let entered = unsafe { Freed::enter(freed) };
    let result = fiber.resume(());
    drop(entered);
    with(|run| {
        run.inside = inside;
        match result {
            CoroutineResult::Yield(()) => run.threads[thread].fiber = Some(fiber),
            CoroutineResult::Return(()) => {
                if run.confirming.is_some() && !run.over {
                    let site = run.threads[thread].sites.last().copied();
                    run.end.get_or_insert(End::Trouble(Trouble::NotRepeatable(site)));
                    run.over = true;
                }
                run.threads[thread].state = State::Done;
                run.stacks.push(fiber.into_stack());
            }
        }
    });
}

fn fiber_of(body: Box<dyn FnOnce()>, stack: Option<DefaultStack>) -> Fiber {
    let stack = stack.unwrap_or_else(|| DefaultStack::new(STACK_SIZE).expect("there is memory for a stack"));
    Coroutine::with_stack(stack, move |yielder: &Yielder<(), ()>, ()| {
        let base = 0_usize;
        with(|run| {
            let thread = &mut run.threads[run.current];
            thread.yielder = yielder;
            thread.base = ptr::from_ref(&base).addr();
        });
        let life = || {
            body();
            if alive() {
                // What it did to plain memory since its last event is known to those who wait for its end.
                tick();
            }
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(life)) {
            with(|run| {
                if !payload.is::<Cut>() {
                    run.end.get_or_insert(End::Failed(payload));
                }
                run.over = true;
            });
        }
    })
}

/// Unwinds a thread that has not come to its end, if the run is over: what it borrows must still be there.
pub(crate) fn take_down(thread: usize) {
    // SAFETY: the reference ends here.
    let Some(run) = (unsafe { run() }) else { return };
    if !run.over || thread == run.current || thread >= run.threads.len() {
        return;
    }
    unwind(thread);
}

/// Unwinds all threads that have not come to their end and are not about to, if the run is over: so that what they
/// hold is given back. False if there is no such run.
pub(crate) fn take_others_down() -> bool {
    // SAFETY: the reference ends here.
    let Some(threads) = (unsafe { run() }).filter(|run| run.over).map(|run| run.threads.len()) else {
        return false;
    };
    (0..threads).for_each(take_down);
    true
}

fn unwind(thread: usize) {
    let (current, body, started) = with(|run| {
        let stopped = &mut run.threads[thread];
        (run.current, stopped.body.take(), stopped.fiber.is_some())
    });
    drop(body);
    if started {
        resume(thread);
        with(|run| run.current = current);
    }
}

/// Calls `f`, outside of all threads, until it comes to its end or has to wait.
fn unless_cut(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f))
        && !payload.is::<Cut>()
    {
        resume_unwind(payload);
    }
}

/// Unwinds the threads that have not come to their end, one after the other.
fn take_apart() {
    let mut given_up = Vec::new();
    let leaves = with(|run| run.leaves);
    for thread in 0..with(|run| run.threads.len()) {
        if !leaves {
            unless_cut(|| unwind(thread));
        }
        let (fiber, body, slot) = with(|run| {
            let thread = &mut run.threads[thread];
            (thread.fiber.take(), thread.body.take(), thread.slot.take())
        });
        if leaves && (fiber.is_some() || body.is_some()) {
            std::mem::forget((body, slot));
        } else {
            unless_cut(|| drop((body, slot)));
        }
        given_up.extend(fiber);
    }
    let stacks = given_up::stacks(given_up);
    with(|run| run.stacks.extend(stacks));
}
