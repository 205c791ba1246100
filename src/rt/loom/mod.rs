//! loom's primitives, as the facade wants them.
//!
//! Four things are done differently from loom's own types:
//!
//! - **Guards survive unwinding.** loom's locks hold a lock of `std` and unwrap it, so a guard dropped by
//!   a panic poisons loom itself, and one dropped after the model has ended aborts the process. Here a
//!   guard that is dropped by a panic is kept aside, and given back at the next operation of the same
//!   model thread; once the model is dead it is forgotten.
//! - **The condition variable is our own**, over loom's `park`: waiting leaves a parked thread's token
//!   alone, and a model that deadlocks while a thread waits can be unwound.
//! - **Trying a lock** is exact, see [`workarounds`], and so are **loads beside stores**, see [`atom`].
//!
//! Limits: there are no timed waits; a notification orders the
//! notifier before the waiter, as in loom itself, although C11 promises only the mutex's order.

mod atom;
mod cell;
mod choices;
mod condvar;
mod count;
mod deferred;
pub(crate) mod first;
mod gaps;
mod lock;
mod monitor;
mod parking;
mod span;
pub(crate) mod stacks;
pub(crate) mod step_counter;
mod thread;
pub(crate) mod unreduced;
mod workarounds;

use super::atomic::Scalar;
use super::model::{self, Identity, RawHandover, SharedIdentity};
use super::pending::ObjectId;
use super::runtime::Runtime;
use super::{Here, unwinding};
use cell::LoomCell;
use monitor::LoomMonitor;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::Ordering;

pub(crate) use atom::LoomAtomic;
pub(crate) use choices::{Assignment, Odometer, assigned, begin_execution, choose};
pub(crate) use condvar::RawCondvar;
pub(crate) use count::Count;
pub(crate) use deferred::{forget_deferred, release_deferred};
pub(crate) use lock::{RawGuard, RawMutex, RawRwGuard, RawRwLock};
pub(crate) use loom::cell::UnsafeCell;
pub(crate) use loom::sync::atomic::AtomicUsize;
pub(crate) use span::{Span, read, write};
pub(crate) use workarounds::{NeedsExactness, as_exactly_as, as_exactly_as_needed, wanted as exactly};

/// loom's runtime.
pub(crate) struct Loom;

impl Runtime for Loom {
    const NAME: &'static str = "loom";
    const UNWINDS_ALL: bool = true;
    const REMEMBERS_MAKERS: bool = true;

    type Atomic = LoomAtomic;
    type Mutex = RawMutex;
    type RwLock = RawRwLock;
    type Condvar = RawCondvar;
    type MonitorLock = LoomMonitor;
    type PlainCell = LoomCell;
    type Count = Rc<Count>;
    type ThreadObject = ();
    type Join = thread::Join;
    type Handover = LoomHandover;
    type Past = ();

    fn alive() -> bool {
        alive()
    }

    fn recorded() {
        step_counter::point();
    }

    fn wait_for_others() {
        workarounds::end_if_demanded();
    }

    fn is_unwinding() -> bool {
        is_unwinding()
    }

    fn atomic(scalar: Scalar, value: u64) -> LoomAtomic {
        LoomAtomic::new(scalar, value)
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

    fn monitor() -> LoomMonitor {
        LoomMonitor::new()
    }

    fn cell(_past_races: bool) -> LoomCell {
        LoomCell::new()
    }

    fn first_cell(_past_races: bool) -> LoomCell {
        LoomCell::new()
    }

    fn count() -> Rc<Count> {
        Rc::new(Count::new())
    }

    fn first<T: 'static>(like: [u64; 2], make: impl Fn() -> T + 'static) -> T {
        first::take(like, make)
    }

    fn fence(order: Ordering) -> bool {
        let alive = enter();
        if alive {
            gaps::fence(order);
        }
        alive
    }

    fn begin_execution() {
        forget_deferred();
        begin_execution();
    }

    fn begin() {
        first::begin();
    }

    fn settled() {
        release_deferred();
    }

    fn look<R>(look: impl FnOnce(Option<&SharedIdentity>) -> R) -> R {
        look(thread::slot().as_ref())
    }

    fn set(identity: Option<SharedIdentity>) {
        thread::set_slot(identity);
    }

    fn thread(_number: u64) {}

    fn spawn((): &(), _identity: &Identity, body: impl FnOnce() + 'static) -> thread::Join {
        thread::spawn(body)
    }

    fn live<R>(life: impl FnOnce() -> R) -> R {
        unreduced::cuttable(life)
    }

    fn begin_thread(record: impl FnOnce()) {
        unreduced::resumes();
        record();
        step_counter::point();
    }

    fn join(join: thread::Join, has_ended: impl Fn() -> bool) {
        if unreduced::on() && model::number() == 0 {
            unreduced::wait_until(has_ended);
        }
        join.join();
    }

    fn look_at_end((): &()) {
        thread::yield_now();
    }

    fn yield_now(_here: Here) {
        thread::yield_now();
    }

    fn handover(has_destructor: bool) -> LoomHandover {
        LoomHandover::new(has_destructor)
    }

    fn as_actor<R>(panicked: impl Any + Send, part: impl FnOnce() -> R) -> R {
        if !unreduced::on() {
            return part();
        }
        match model::catch(part) {
            Ok(returned) => returned,
            Err(payload) => {
                if !payload.is::<unreduced::Cut>() {
                    unreduced::fail(Box::new(panicked));
                }
                resume_unwind(payload)
            }
        }
    }

    fn choose(options: u32) -> u32 {
        if alive() { choose(model::number(), options) } else { 0 }
    }

    fn makes_permits(_thread: u64) -> bool {
        exactly()
    }

    fn past() -> Option<()> {
        None
    }

    fn learn((): &()) {}

    fn acquire(_object: ObjectId) {}

    fn release(_object: ObjectId) {}
}

/// What carries the edge from the making of what a thread returns to its drop, where there may be something to drop.
pub(crate) struct LoomHandover(Option<AtomicUsize>);

impl LoomHandover {
    #[track_caller]
    fn new(has_destructor: bool) -> Self {
        LoomHandover(has_destructor.then(|| AtomicUsize::new(0)))
    }

    fn pass(&self, order: Ordering) {
        if let Some(edge) = self.0.as_ref().filter(|_| enter()) {
            edge.fetch_add(1, order);
        }
    }
}

impl RawHandover for LoomHandover {
    fn give(&self) {
        self.pass(Ordering::Release);
    }

    fn take(&self) {
        self.pass(Ordering::Acquire);
    }
}

thread_local! {
    static DEAD: Cell<bool> = const { Cell::new(false) };
    static PROBING: Cell<bool> = const { Cell::new(false) };
    static NAMES: RefCell<Vec<loom::thread::ThreadId>> = const { RefCell::new(Vec::new()) };
}

fn probe() -> Option<loom::thread::ThreadId> {
    PROBING.set(true);
    let id = catch_unwind(|| loom::thread::current().id()).ok();
    PROBING.set(false);
    id
}

/// The running model thread, numbered in the order in which threads first asked.
fn number(id: loom::thread::ThreadId) -> u64 {
    NAMES.with_borrow_mut(|names| {
        let known = names.iter().position(|&name| name == id);
        known.unwrap_or_else(|| {
            names.push(id);
            names.len() - 1
        }) as u64
    })
}

/// Whether a loom execution is there to talk to. It is not where the facade is used outside of one, nor
/// in destructors that run while a failed model is taken apart.
pub(crate) fn alive() -> bool {
    if !std::thread::panicking() {
        DEAD.set(false);
        return true;
    }
    if !DEAD.get() && probe().is_none() {
        DEAD.set(true);
    }
    !DEAD.get()
}

/// Whether a panic is being raised only to find out that the model is dead. A panic hook stays silent
/// then.
pub(crate) fn is_probing() -> bool {
    PROBING.get()
}

/// Whether the running model thread is unwinding. A dead model unwinds as a whole.
pub(crate) fn is_unwinding() -> bool {
    std::thread::panicking() && (!alive() || unwinding::is(me))
}

fn me() -> u64 {
    number(loom::thread::current().id())
}

/// To be called before every operation of loom's. False if the model is dead, and the operation must be
/// left out.
pub(crate) fn enter() -> bool {
    if !std::thread::panicking() {
        release_deferred();
        unreduced::pass();
        return true;
    }
    let alive = alive();
    if alive {
        unwinding::is(me);
    }
    alive
}

/// As [`enter`], before an access to a cell.
pub(crate) fn enter_cell() -> bool {
    let alive = enter();
    // The thread that accesses the cell may do so for long, and there is nothing to choose in it.
    step_counter::point();
    alive
}

/// Starts the next execution: nothing of the last one is known any more.
fn forget_execution() {
    DEAD.set(false);
    NAMES.with_borrow_mut(Vec::clear);
    gaps::begin();
}
