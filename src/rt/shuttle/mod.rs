//! shuttle's primitives, as the facade wants them.
//!
//! Scheduling is shuttle's; happens-before is ours, because shuttle orders every operation with every
//! other on the same object.
//!
//! Each scheduling point is announced first: the object, what is done to it, and, once it is done, whether it
//! came to less than that. Timed waits end by a notification or without one, as the schedule has it.

mod atomic;
mod block;
mod cell;
pub(crate) mod end;
pub(super) mod thread;
pub(crate) mod tracking;

use super::atomic::Scalar;
use super::model::{self, Identity, RawHandover, SharedIdentity};
use super::past::{self, Token};
use super::pending::{self, Effect, Kind, ObjectId, Operation};
use super::runtime::Runtime;
use super::{Here, ThreadObject, lock, monitor, unwinding};
use crate::race::{Clock, Race};
use atomic::ShuttleAtomic;
use block::{TaskCondvar, TaskMutex, TaskRwLock, WaitSet};
use cell::{ShuttleCell, ShuttleCount};
use shuttle_engine::runtime::execution::ExecutionState;
use std::cell::RefCell;
use std::sync::atomic::Ordering;
use thread::PerTask;

/// shuttle's runtime.
pub(crate) struct Shuttle;

/// The one object that all fences of an execution announce themselves on: fences order each other.
const FENCES: ObjectId = ObjectId::MAX;

impl Runtime for Shuttle {
    const NAME: &'static str = "shuttle";

    type Atomic = ShuttleAtomic;
    type Mutex = RawMutex;
    type RwLock = RawRwLock;
    type Condvar = RawCondvar;
    type MonitorLock = RawMonitor;
    type PlainCell = ShuttleCell;
    type Count = ShuttleCount;
    type ThreadObject = ObjectId;
    type Join = thread::Join;
    type Handover = ShuttleHandover;
    type Past = Clock;

    fn alive() -> bool {
        alive()
    }

    fn is_unwinding() -> bool {
        is_unwinding()
    }

    fn atomic(_scalar: Scalar, value: u64) -> ShuttleAtomic {
        ShuttleAtomic::new(value)
    }

    fn mutex() -> RawMutex {
        RawMutex::new()
    }

    fn rwlock() -> RawRwLock {
        RawRwLock::new()
    }

    fn condvar() -> RawCondvar {
        RawCondvar::new()
    }

    fn fence(order: Ordering) -> bool {
        let traced = before(FENCES, Kind::Fence);
        if traced {
            pending::fence(order);
        }
        traced
    }

    fn begin_execution() {
        pending::begin(true);
    }

    fn end_execution() -> Option<Race> {
        pending::end()
    }

    fn monitor() -> RawMonitor {
        RawMonitor::new()
    }

    fn cell(past_races: bool) -> ShuttleCell {
        ShuttleCell::new(past_races)
    }

    fn first_cell(past_races: bool) -> ShuttleCell {
        ShuttleCell::first(past_races)
    }

    fn count() -> ShuttleCount {
        ShuttleCount::new()
    }

    fn look<R>(look: impl FnOnce(Option<&SharedIdentity>) -> R) -> R {
        IDENTITIES.with(|identities| identities.with(look))
    }

    fn set(identity: Option<SharedIdentity>) {
        IDENTITIES.with(|identities| identities.set(identity));
    }

    fn thread(_number: u64) -> ObjectId {
        pending::new_object()
    }

    fn spawn(object: &ObjectId, _identity: &Identity, body: impl FnOnce() + 'static) -> thread::Join {
        thread::spawn(*object, body)
    }

    fn join(join: thread::Join, _has_ended: impl Fn() -> bool) {
        join.join();
    }

    fn look_at_end(object: &ObjectId) {
        thread::look(*object);
    }

    fn yield_now(_here: Here) {
        if let ThreadObject::Shuttle(object) = model::local().object {
            thread::yield_now(object);
        }
    }

    fn handover(_has_destructor: bool) -> ShuttleHandover {
        ShuttleHandover::default()
    }

    fn choose(options: u32) -> u32 {
        choose(options)
    }

    fn past() -> Option<Clock> {
        pending::past()
    }

    fn learn(past: &Clock) {
        pending::learn(past);
    }

    fn acquire(object: ObjectId) {
        pending::acquire(object);
    }

    fn release(object: ObjectId) {
        pending::release(object);
    }
}

thread_local! {
    /// What the facade keeps for each thread of an execution.
    static IDENTITIES: PerTask<SharedIdentity> = const { PerTask::new() };
}

/// The past of a thread that has made what it returns.
#[derive(Default)]
pub(crate) struct ShuttleHandover(RefCell<Token>);

impl RawHandover for ShuttleHandover {
    fn give(&self) {
        past::leave_token(&self.0);
    }

    fn take(&self) {
        if alive() {
            past::receive(&self.0.borrow());
        }
    }
}

/// Has shuttle put its panic hook in place, which it does once, when its first execution begins.
pub(crate) fn have_the_hook_installed() {
    let mut config = shuttle::Config::new();
    config.failure_persistence = shuttle::FailurePersistence::None;
    config.silence_warnings = true;
    shuttle::Runner::new(shuttle::scheduler::RandomScheduler::new_from_seed(0, 1), config).run(|| ());
}

/// The running task, counted from 0 (the main task of the execution).
///
/// # Panics
/// If there is no execution.
pub(crate) fn me() -> usize {
    running().unwrap_or_else(|| shuttle::current::me().into())
}

/// The running task, if there is an execution, and it has not failed. shuttle is asked only where our own
/// book-keeping may be wrong: while an execution is taken apart, and outside of those that [`pending::begin`]
/// has begun.
pub(crate) fn running() -> Option<usize> {
    let task = pending::current();
    if task.is_some() && !std::thread::panicking() {
        return task;
    }
    if end::over() { None } else { shuttle::current::try_get_current_task().map(usize::from) }
}

/// Whether an execution is there to talk to.
pub(crate) fn alive() -> bool {
    running().is_some()
}

/// Whether the running task is unwinding. An execution that is gone unwinds as a whole.
pub(crate) fn is_unwinding() -> bool {
    std::thread::panicking() && (!alive() || unwinding::is(|| me() as u64))
}

/// A scheduling point: any task may run before this returns.
pub(crate) fn switch() {
    shuttle_engine::runtime::thread::switch();
}

/// One of `0..options`, as the schedule has it. No scheduling point: no search can tell when it was chosen.
pub(crate) fn choose(options: u32) -> u32 {
    running().map_or(0, |task| pending::choose(task, options, ExecutionState::next_u64))
}

/// Tells the scheduler what the running task does next, and which task that is. `None` if there is no
/// execution any more.
fn announce(object: ObjectId, kind: Kind) -> Option<usize> {
    announce_operation(Operation::on(object, kind))
}

fn announce_operation(operation: Operation) -> Option<usize> {
    let task = running()?;
    unwinding::is(|| task as u64);
    pending::announce_operation(task, operation);
    Some(task)
}

/// A scheduling point before an operation of the facade's own. False if there is no execution any more,
/// and the operation should not be traced.
pub(crate) fn before(object: ObjectId, kind: Kind) -> bool {
    let announced = announce(object, kind).is_some();
    if announced {
        switch();
    }
    announced
}

/// As [`before`], for an operation that looks at two objects at once.
pub(crate) fn before_both([object, other]: [ObjectId; 2], [kind, of_other]: [Kind; 2]) -> bool {
    let operation = Operation { also: Some((other, of_other)), ..Operation::on(object, kind) };
    let announced = announce_operation(operation).is_some();
    if announced {
        switch();
    }
    announced
}

/// A mutex without data or poison.
pub(crate) struct RawMutex {
    mutex: TaskMutex,
    object: ObjectId,
}

/// Holds a [`RawMutex`].
pub(crate) struct RawGuard<'a> {
    lock: &'a RawMutex,
    /// False if there was no execution any more in which to take the mutex.
    held: bool,
}

impl RawMutex {
    pub(crate) fn new() -> Self {
        RawMutex { mutex: TaskMutex::default(), object: pending::new_object() }
    }

    fn guard(&self) -> RawGuard<'_> {
        pending::acquire(self.object);
        RawGuard { lock: self, held: true }
    }
}

impl lock::RawMutex for RawMutex {
    type Guard<'a> = RawGuard<'a>;

    /// # Panics
    ///
    /// With [`Deadlocked`](crate::rt::panics::Deadlocked) if this task holds the mutex already.
    fn lock(&self) -> RawGuard<'_> {
        let Some(task) = announce(self.object, Kind::Lock) else {
            return RawGuard { lock: self, held: false };
        };
        self.mutex.lock(task);
        self.guard()
    }

    fn try_lock(&self, _here: Here) -> Option<RawGuard<'_>> {
        let Some(task) = announce(self.object, Kind::TryLock) else {
            return Some(RawGuard { lock: self, held: false });
        };
        let taken = self.mutex.try_lock(task);
        if !taken {
            pending::came_to(Effect::Refused);
            return None;
        }
        Some(self.guard())
    }

    fn locked<'a>(guard: &RawGuard<'a>) -> &'a Self
    where
        Self: 'a,
    {
        guard.lock
    }
}

impl Drop for RawGuard<'_> {
    fn drop(&mut self) {
        if !self.held {
            return;
        }
        if announce(self.lock.object, Kind::Unlock).is_some() {
            pending::release(self.lock.object);
            self.lock.mutex.unlock();
        }
    }
}

/// A reader-writer lock without data or poison.
pub(crate) struct RawRwLock {
    lock: TaskRwLock,
    /// Carries what writers have done: known to the task that locks next. Also names the lock.
    written: ObjectId,
    /// Carries what readers have done: known to the next writer only.
    read: ObjectId,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Read,
    Write,
}

/// Holds a [`RawRwLock`], for reading or for writing.
pub(crate) struct RawRwGuard<'a> {
    lock: &'a RawRwLock,
    /// `None` if there was no execution any more in which to take the lock.
    held: Option<Mode>,
}

impl RawRwLock {
    pub(crate) fn new() -> Self {
        RawRwLock { lock: TaskRwLock::default(), written: pending::new_object(), read: pending::new_object() }
    }

    fn guard(&self, mode: Mode) -> RawRwGuard<'_> {
        pending::acquire(self.written);
        if mode == Mode::Write {
            pending::acquire(self.read);
        }
        RawRwGuard { lock: self, held: Some(mode) }
    }

    fn lock(&self, mode: Mode, kind: Kind) -> RawRwGuard<'_> {
        let Some(task) = announce(self.written, if mode == Mode::Write { Kind::Arrive } else { kind }) else {
            return RawRwGuard { lock: self, held: None };
        };
        if mode == Mode::Write {
            self.lock.arrive(task, || pending::announce(task, self.written, kind));
        } else {
            self.lock.read(task);
        }
        self.guard(mode)
    }

    fn try_lock(&self, mode: Mode, kind: Kind) -> Option<RawRwGuard<'_>> {
        let Some(task) = announce(self.written, kind) else {
            return Some(RawRwGuard { lock: self, held: None });
        };
        let taken = self.lock.try_lock(task, mode == Mode::Write);
        if !taken {
            pending::came_to(Effect::Refused);
            return None;
        }
        Some(self.guard(mode))
    }
}

impl lock::RawRwLock for RawRwLock {
    type Guard<'a> = RawRwGuard<'a>;

    fn read(&self) -> RawRwGuard<'_> {
        self.lock(Mode::Read, Kind::ReadLock)
    }

    fn write(&self) -> RawRwGuard<'_> {
        self.lock(Mode::Write, Kind::Lock)
    }

    fn try_read(&self) -> Option<RawRwGuard<'_>> {
        self.try_lock(Mode::Read, Kind::TryReadLock)
    }

    fn try_write(&self) -> Option<RawRwGuard<'_>> {
        self.try_lock(Mode::Write, Kind::TryLock)
    }
}

impl Drop for RawRwGuard<'_> {
    fn drop(&mut self) {
        let lock = self.lock;
        let (kind, edges) = match self.held {
            None => return,
            Some(Mode::Read) => (Kind::ReadUnlock, lock.read),
            Some(Mode::Write) => (Kind::Unlock, lock.written),
        };
        if let Some(task) = announce(lock.written, kind) {
            pending::release(edges);
            lock.lock.unlock(task);
        }
    }
}

/// The lock and condition of a monitor, in one: entering is one step with all that is done inside and the
/// notification after it, because there is no scheduling point before the next one. It orders no memory.
///
/// Limit: nothing that has a scheduling point, waiting excepted, may be done inside.
pub(crate) struct RawMonitor {
    waiters: WaitSet,
    object: ObjectId,
}

impl RawMonitor {
    pub(crate) fn new() -> Self {
        RawMonitor { waiters: WaitSet::default(), object: pending::new_object() }
    }

    /// Wakes all that wait. No scheduling point.
    fn notify(&self) {
        if running().is_some() && self.waiters.notify() {
            pending::came_to(Effect::Full);
        }
    }
}

impl monitor::RawMonitor for RawMonitor {
    type Guard<'a> = ();

    fn enter(&self) {
        before(self.object, Kind::Enter);
    }

    fn leave((): (), changed: bool) {
        if !changed {
            pending::came_to(Effect::Read);
        }
    }

    fn wait(&self, (): (), _changed: bool) {
        let Some(task) = announce(self.object, Kind::Enter) else {
            panic!("waiting in a monitor while the shuttle execution is taken apart");
        };
        self.waiters.wait(task);
    }

    fn notify_all(&self) {
        self.notify();
    }

    fn notify_one(&self) {
        self.notify();
    }
}

/// A condition variable. It orders nothing: the mutex does.
pub(crate) struct RawCondvar {
    condvar: TaskCondvar,
    object: ObjectId,
}

impl RawCondvar {
    pub(crate) fn new() -> Self {
        RawCondvar { condvar: TaskCondvar::default(), object: pending::new_object() }
    }

    fn wait_somehow<'a>(&self, mut guard: RawGuard<'a>, kind: Kind) -> (RawGuard<'a>, bool) {
        let lock = guard.lock;
        let also = Some((self.object, Kind::Wait));
        let operation = Operation { also, ..Operation::on(lock.object, Kind::Unlock) };
        let (Some(task), true) = (announce_operation(operation), std::mem::take(&mut guard.held)) else {
            panic!("waiting on a Condvar while the shuttle execution is taken apart");
        };
        pending::release(lock.object);
        let asleep = || pending::announce(task, self.object, kind);
        let notified = self.condvar.wait(&lock.mutex, kind == Kind::TimedWake, asleep);
        if !notified {
            pending::came_to(Effect::TimedOut);
        }
        pending::announce(task, lock.object, Kind::Lock);
        lock.mutex.lock(task);
        (lock.guard(), notified)
    }
}

impl lock::RawCondvar<RawMutex> for RawCondvar {
    fn wait<'a>(&self, guard: RawGuard<'a>) -> RawGuard<'a>
    where
        RawMutex: 'a,
    {
        self.wait_somehow(guard, Kind::Wake).0
    }

    fn wait_timeout<'a>(&self, guard: RawGuard<'a>) -> (RawGuard<'a>, bool)
    where
        RawMutex: 'a,
    {
        let (guard, notified) = self.wait_somehow(guard, Kind::TimedWake);
        (guard, !notified)
    }

    fn notify_one(&self) {
        if announce(self.object, Kind::Notify).is_some() {
            self.condvar.notify_one();
        }
    }

    fn notify_all(&self) {
        if announce(self.object, Kind::Notify).is_some() {
            self.condvar.notify_all();
        }
    }
}
