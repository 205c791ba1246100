//! What the facade tells about each operation under shuttle, where our own detector is in charge.
//!
//! Two halves. [`announce`] says what a task is *about* to do, just before shuttle's scheduling point:
//! the seam for a scheduler that looks at operations. Everything else says what *has happened*, after
//! the scheduling point, and feeds the happens-before detector of this execution.
//!
//! Limits: single operating-system thread, like shuttle itself; outside a watched execution every call
//! is a no-op.

pub(crate) use crate::base::operation::{Effect, Kind, ObjectId, Operation};
use crate::race::{Access, Clock, Detector, Race};
use crate::rt::context;
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::sync::atomic::Ordering;

/// A source position, as the caller of a facade function.
pub(crate) type Site = &'static Location<'static>;

/// The payload of the panic that ends an execution in which a data race was found.
pub(crate) struct RaceFound;

#[derive(Default)]
struct Detection {
    detector: Detector,
    race: Option<Race>,
}

/// More tasks than most executions have.
const FEW: usize = 16;

/// What a task is about to do, field by field: an operation that is put together first and then copied is
/// copied before its fields have arrived, and the processor waits for them.
struct Place {
    object: Cell<ObjectId>,
    kind: Cell<Option<Kind>>,
    also: Cell<Option<(ObjectId, Kind)>>,
}

impl Place {
    const fn new() -> Self {
        Self { object: Cell::new(0), kind: Cell::new(None), also: Cell::new(None) }
    }

    #[inline]
    fn set(&self, operation: Operation) {
        self.object.set(operation.object);
        self.kind.set(Some(operation.kind));
        self.also.set(operation.also);
    }

    #[inline]
    fn clear(&self) {
        self.kind.set(None);
    }

    #[inline]
    fn get(&self) -> Option<Operation> {
        let kind = self.kind.get()?;
        Some(Operation { object: self.object.get(), kind, also: self.also.get() })
    }
}

thread_local! {
    static DETECTION: RefCell<Detection> = RefCell::default();
    static NEXT_OBJECT: Cell<ObjectId> = const { Cell::new(0) };
    /// By task, for the first [`FEW`]; without a destructor, so that reaching it costs next to nothing.
    static PENDING: [Place; FEW] = const { [const { Place::new() }; FEW] };
    /// By task, for those after.
    static MORE_PENDING: RefCell<Vec<Option<Operation>>> = const { RefCell::new(Vec::new()) };
    /// What the operation done last came to.
    static EFFECT: Cell<Effect> = const { Cell::new(Effect::Full) };
    /// Whether races are to be detected.
    static WATCHING: Cell<bool> = const { Cell::new(false) };
    /// Whether the detector in `DETECTION` hears of anything: from the first plain access on. Only two accesses
    /// can race, and what was synchronised before the first of all can put no two of them in order.
    static DETECTING: Cell<bool> = const { Cell::new(false) };
    /// How many values there are to choose from, while a task chooses.
    static OPTIONS: Cell<u32> = const { Cell::new(0) };
    /// What was chosen in this execution.
    static CHOSEN: RefCell<Vec<Chosen>> = const { RefCell::new(Vec::new()) };
    /// The task that has last come back from a scheduling point, and so runs; `None` between executions.
    static CURRENT: Cell<Option<usize>> = const { Cell::new(None) };
    /// Executions that have begun.
    static EXECUTION: Cell<u64> = const { Cell::new(0) };
}

/// Begins an execution: objects numbered from 0 and, if races are to be detected, fresh clocks.
pub(crate) fn begin(watching: bool) {
    super::shuttle::thread::begin();
    EXECUTION.set(EXECUTION.get() + 1);
    CURRENT.set(Some(0));
    NEXT_OBJECT.set(0);
    CHOSEN.with_borrow_mut(Vec::clear);
    forget_pending();
    WATCHING.set(watching);
    DETECTING.set(false);
    DETECTION.with_borrow_mut(|detection| detection.race = None);
}

/// Numbers objects from 0 again, where an execution that is not watched begins.
pub(crate) fn renumber() {
    NEXT_OBJECT.set(0);
}

/// Ends the watched execution and returns the first data race it met, if any.
pub(crate) fn end() -> Option<Race> {
    CURRENT.set(None);
    WATCHING.set(false);
    DETECTING.set(false);
    DETECTION.with_borrow_mut(|detection| detection.race.take())
}

/// Nothing more happens in this execution that any task should hear of; but a race that it met stays.
pub(super) fn stop() {
    CURRENT.set(None);
    WATCHING.set(false);
    DETECTING.set(false);
}

/// A fresh object id of this execution.
pub(crate) fn new_object() -> ObjectId {
    NEXT_OBJECT.replace(NEXT_OBJECT.get() + 1)
}

fn me() -> usize {
    super::shuttle::me()
}

#[inline]
fn with<R: Default>(f: impl FnOnce(&mut Detector, usize) -> R) -> R {
    if !DETECTING.get() {
        return R::default();
    }
    DETECTION.with_borrow_mut(|detection| f(&mut detection.detector, me()))
}

/// A value that a task has chosen: the task, and the value.
pub(crate) type Chosen = (u32, u32);

/// A choice of `task` among `0..options`, where `draw` asks the scheduler, who asks [`options`].
pub(crate) fn choose(task: usize, options: u32, draw: impl FnOnce() -> u64) -> u32 {
    OPTIONS.set(options);
    let value = u32::try_from(draw() % u64::from(options)).unwrap_or(0);
    OPTIONS.set(0);
    CHOSEN.with_borrow_mut(|chosen| chosen.push((u32::try_from(task).unwrap_or(u32::MAX), value)));
    value
}

/// How many values the running task chooses from; 0 if it is not about a choice of the facade's.
pub(crate) fn options() -> u32 {
    OPTIONS.get()
}

/// What was chosen so far in this execution, in order.
pub(crate) fn all_chosen() -> Vec<Chosen> {
    CHOSEN.with_borrow(Clone::clone)
}

/// Publishes what `task`, which is running, is about to do. Call it immediately before the scheduling
/// point.
#[inline]
pub(crate) fn announce(task: usize, object: ObjectId, kind: Kind) {
    announce_operation(task, Operation::on(object, kind));
}

/// As [`announce`], for an operation that may touch two objects.
#[inline]
pub(crate) fn announce_operation(task: usize, operation: Operation) {
    PENDING.with(|pending| match pending.get(task) {
        Some(place) => place.set(operation),
        None => announce_one_of_more(task, Some(operation)),
    });
}

#[cold]
fn announce_one_of_more(task: usize, operation: Option<Operation>) {
    MORE_PENDING.with_borrow_mut(|pending| {
        let place = task - FEW;
        if pending.len() <= place {
            pending.resize(place + 1, None);
        }
        pending[place] = operation;
    });
}

/// Says that the operation just done has come to less than its kind says. Call it before the task's next
/// scheduling point.
#[inline]
pub(crate) fn came_to(effect: Effect) {
    EFFECT.set(effect);
}

/// What the operation done last came to; for a scheduler, which asks once per step.
pub(crate) fn take_effect() -> Effect {
    EFFECT.take()
}

/// No task is about to do anything: what an execution that was cut off has left would be taken for the next
/// one's.
pub(crate) fn forget_pending() {
    PENDING.with(|pending| pending.iter().for_each(Place::clear));
    MORE_PENDING.with_borrow_mut(Vec::clear);
    EFFECT.set(Effect::Full);
}

/// What `task` is about to do: nothing if it begins, or ends.
#[inline]
pub(crate) fn pending_of(task: usize) -> Option<Operation> {
    PENDING.with(|pending| match pending.get(task) {
        Some(place) => place.get(),
        None => MORE_PENDING.with_borrow(|more| more.get(task - FEW).copied().flatten()),
    })
}

/// `task` was chosen to do what it was about to do, and runs.
#[inline]
pub(crate) fn chosen(task: usize) {
    if CURRENT.get().is_some() {
        CURRENT.set(Some(task));
    }
    PENDING.with(|pending| match pending.get(task) {
        Some(place) => place.clear(),
        None => announce_one_of_more(task, None),
    });
}

/// The task that runs, in an execution that has begun and not ended.
#[inline]
pub(crate) fn current() -> Option<usize> {
    CURRENT.get()
}

/// Which execution this is, or was the last: counted from 1.
#[inline]
pub(crate) fn execution() -> u64 {
    EXECUTION.get()
}

/// What each of these tasks is about to do; for a scheduler, which asks for many at once.
#[inline]
pub(crate) fn each_pending(
    tasks: impl Iterator<Item = usize>,
    mut tell: impl FnMut(usize, Option<Operation>),
) {
    PENDING.with(|pending| {
        for task in tasks {
            let operation = match pending.get(task) {
                Some(place) => place.get(),
                None => pending_of(task),
            };
            tell(task, operation);
        }
    });
}

/// What each task is about to do, by task.
pub(crate) fn pending() -> Vec<Option<Operation>> {
    let mut all: Vec<_> = PENDING.with(|pending| pending.iter().map(Place::get).collect());
    MORE_PENDING.with_borrow(|more| all.extend_from_slice(more));
    all
}

/// An atomic load of `object` has happened.
pub(crate) fn load(object: ObjectId, order: Ordering) {
    came_to(Effect::Read);
    with(|detector, task| detector.load(task, object, order));
}

/// An atomic store to `object` has happened.
pub(crate) fn store(object: ObjectId, order: Ordering) {
    with(|detector, task| detector.store(task, object, order));
}

/// A successful read-modify-write of `object` has happened. A failed compare-exchange is a [`load`]
/// with the failure ordering.
pub(crate) fn rmw(object: ObjectId, order: Ordering) {
    with(|detector, task| detector.rmw(task, object, order));
}

/// A fence has happened.
pub(crate) fn fence(order: Ordering) {
    with(|detector, task| detector.fence(task, order));
}

/// The current task now knows all that was [`release`]d into `object`.
pub(crate) fn acquire(object: ObjectId) {
    with(|detector, task| detector.acquire(task, object));
}

/// All that the current task has done is now known to the task that [`acquire`]s `object` later.
pub(crate) fn release(object: ObjectId) {
    with(|detector, task| detector.release(task, object));
}

/// The current task's past, if a detector listens.
pub(crate) fn past() -> Option<Clock> {
    with(|detector, task| Some(detector.publish(task)))
}

/// The current task learns of a [`past`].
pub(crate) fn learn(past: &Clock) {
    with(|detector, task| detector.join(task, past));
}

/// A plain write to the cell `object`; its creation and its drop are writes too. Does not return if it
/// races, unless the execution goes `past` races.
pub(crate) fn write(object: ObjectId, site: Site, past: bool) {
    access(object, site, Access::Write, past);
}

/// A plain access to the cell `object`, as [`write()`].
pub(crate) fn access(object: ObjectId, site: Site, access: Access, past: bool) {
    if !WATCHING.get() {
        return;
    }
    if !DETECTING.replace(true) {
        DETECTION.with_borrow_mut(|detection| detection.detector.restart());
    }
    let raced =
        DETECTION.with_borrow_mut(|detection| match detection.detector.access(me(), object, access, site) {
            Some(race) => {
                detection.race.get_or_insert(race);
                true
            }
            None => false,
        });
    // A second panic while the first unwinds would abort the worker and lose the report.
    if raced && !std::thread::panicking() && (!past || context::ends_at_races()) {
        std::panic::panic_any(RaceFound);
    }
}
