//! Threads inside a model: their identity, what belongs to them, and their life.
//!
//! Each model thread has one [`Local`], kept in the engine's own thread-local slot: who it is, its
//! thread-local values, and the storage of the execution, which all threads of one execution share.
//! The main thread's is made on first use, a child's by its parent.
//!
//! Limits: a model thread that the engine starts by other means than [`spawn`] would be taken for the
//! main thread of another execution. Stacks are the engine's; what `Builder::stack_size` asks for is
//! ignored.

use super::local::Values;
use super::permit::Permit;
use crate::arm::trace::{self, ObjectId, Token};
use crate::arm::{self, loom_thread, shuttle_thread};
use crate::context::{self, Context};
use crate::panics;
use crate::sync::statics::Statics;
use std::any::Any;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Who a model thread is, and its end; shared by its handles.
pub(crate) struct Identity {
    /// Counted from 0, the main thread, in the order of spawning.
    pub(crate) number: u64,
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) permit: Permit,
    /// Names the thread in announcements.
    pub(crate) object: ObjectId,
    /// The main thread's is never waited for.
    pub(crate) end: End,
}

/// What all threads of one execution share.
#[derive(Default)]
pub(crate) struct Execution {
    threads: Cell<u64>,
    pub(crate) statics: Statics,
}

impl Execution {
    fn identity(&self, name: Option<Cow<'static, str>>) -> Arc<Identity> {
        Arc::new(Identity {
            number: self.threads.replace(self.threads.get() + 1),
            name,
            permit: Permit::default(),
            object: trace::new_object(),
            end: End::default(),
        })
    }
}

/// What belongs to one model thread.
pub(crate) struct Local {
    pub(crate) identity: Arc<Identity>,
    pub(crate) execution: Rc<Execution>,
    pub(crate) values: Values,
    /// What this thread must not do while it unwinds; see [`when_settled`].
    unsettled: RefCell<Vec<Box<dyn FnOnce()>>>,
}

thread_local! {
    /// Whether any model thread of this operating-system thread may have something in `unsettled`.
    static UNSETTLED: Cell<bool> = const { Cell::new(false) };
}

impl Local {
    fn new(identity: Arc<Identity>, execution: Rc<Execution>) -> Rc<Self> {
        Rc::new(Self { identity, execution, values: Values::default(), unsettled: RefCell::default() })
    }
}

fn slot() -> Option<Rc<Local>> {
    let slot = match context::current() {
        Context::Loom => loom_thread::slot(),
        Context::Shuttle => shuttle_thread::slot(),
        Context::Real | Context::Process => None,
    };
    slot.and_then(|slot| slot.downcast().ok())
}

fn set_slot(local: Option<Rc<Local>>) {
    let value = local.map(|local| local as Rc<dyn Any>);
    match context::current() {
        Context::Loom => loom_thread::set_slot(value),
        Context::Shuttle => shuttle_thread::set_slot(value),
        Context::Real | Context::Process => {}
    }
}

/// What belongs to the running model thread. Only inside a model.
pub(crate) fn local() -> Rc<Local> {
    slot().unwrap_or_else(|| {
        let execution = Rc::<Execution>::default();
        let local = Local::new(execution.identity(Some(Cow::Borrowed("main"))), execution);
        set_slot(Some(local.clone()));
        local
    })
}

/// Like [`local`], but `None` where nothing was ever made, or everything is gone.
pub(crate) fn try_local() -> Option<Rc<Local>> {
    slot()
}

/// Ends the main thread's part of an execution: its thread-local values are destroyed, then the
/// statics, last made first. Runs inside the model, as its last act.
pub(crate) fn end_of_execution() {
    let Some(local) = try_local() else { return };
    settled();
    local.values.destroy();
    local.execution.statics.destroy();
    set_slot(None);
}

/// Runs `f` and returns its panic, unless the panic is the checker's, which goes on unwinding.
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> std::thread::Result<R> {
    let result = catch_unwind(AssertUnwindSafe(f));
    match result {
        Err(payload) if panics::is_checkers(&*payload) => resume_unwind(payload),
        result => {
            settled();
            result
        }
    }
}

/// Runs `action` now, or, if the running thread of a loom model unwinds, once its panic is caught.
///
/// For destructors that enter a monitor. That lets other threads run, and under loom these would be
/// taken to be unwinding too, for they share an operating-system thread: they could not give back the
/// locks they hold. So an unwinding thread keeps what it has to say for later.
pub(crate) fn when_settled(action: Box<dyn FnOnce()>) {
    let unwinding = context::current() == Context::Loom && std::thread::panicking();
    if !unwinding || !arm::loom::alive() {
        return action();
    }
    match try_local() {
        Some(local) => {
            UNSETTLED.set(true);
            local.unsettled.borrow_mut().push(action);
        }
        None => action(),
    }
}

/// The running model thread has caught a panic, or had none: the locks that it let go of while
/// unwinding are given back, and what its destructors kept for later is done.
pub(crate) fn settled() {
    if context::current() != Context::Loom || std::thread::panicking() {
        return;
    }
    arm::loom::release_deferred();
    while UNSETTLED.get()
        && let Some(local) = try_local()
    {
        let actions = std::mem::take(&mut *local.unsettled.borrow_mut());
        if actions.is_empty() {
            return;
        }
        for action in actions {
            action();
        }
    }
}

/// What a thread leaves to whoever joins it.
pub(crate) struct Packet<T> {
    result: Mutex<Option<std::thread::Result<T>>>,
    pub(crate) identity: Arc<Identity>,
}

/// That a thread ends, whatever it returns.
#[derive(Default)]
pub(crate) struct End {
    finished: AtomicBool,
    /// Whether the thread panicked and nobody has taken its panic by joining it.
    panicked: AtomicBool,
    past: Mutex<Token>,
    join: Mutex<Option<Join>>,
}

enum Join {
    Loom(loom_thread::Join),
    Shuttle(shuttle_thread::Join),
}

// SAFETY: loom's and shuttle's handles name threads of the execution on this operating-system thread,
// which all model threads share; they are only used and dropped within it.
unsafe impl Send for Join {}

/// Nothing that runs under these locks panics or switches threads.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Identity {
    /// Waits for the thread, and learns what it had done.
    pub(crate) fn wait(&self) {
        let join = locked(&self.end.join).take();
        match join {
            Some(Join::Loom(join)) => join.join(),
            Some(Join::Shuttle(join)) => join.join(),
            // Somebody else waits, and whoever asks here also waits for that one.
            None => {}
        }
        let past = locked(&self.end.past).clone();
        trace::receive(&past);
    }

    /// Whether the thread has ended its main function. Gives no happens-before edge under shuttle.
    pub(crate) fn is_finished(&self) -> bool {
        match context::current() {
            Context::Loom => loom_thread::yield_now(),
            Context::Shuttle => shuttle_thread::look(self.object),
            Context::Real | Context::Process => {}
        }
        self.end.finished.load(Ordering::Relaxed)
    }

    /// Whether the thread panicked and nobody joined it to hear of it.
    pub(crate) fn panicked_unheard(&self) -> bool {
        self.end.panicked.load(Ordering::Relaxed)
    }
}

impl<T> Packet<T> {
    /// Waits for the thread and takes what it returned.
    pub(crate) fn join(&self) -> std::thread::Result<T> {
        self.identity.wait();
        self.identity.end.panicked.store(false, Ordering::Relaxed);
        let result = locked(&self.result).take();
        // shuttle drops threads that never ran when it abandons an execution.
        result.unwrap_or_else(|| Err(Box::new("the execution ended before the thread did")))
    }
}

/// Starts a model thread.
pub(crate) fn spawn<F, T>(name: Option<String>, f: F) -> Arc<Packet<T>>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    let (packet, body) = prepare(name, f);
    start(&packet.identity, body);
    packet
}

/// Starts a model thread that borrows.
///
/// # Safety
/// Nothing that `f` or `T` borrows may end before the thread does, or before the execution is given up
/// for good.
pub(crate) unsafe fn spawn_borrowing<'a, F, T>(name: Option<String>, f: F) -> Arc<Packet<T>>
where
    F: FnOnce() -> T + 'a,
    T: 'a,
{
    let (packet, body) = prepare(name, f);
    let body: Box<dyn FnOnce() + 'a> = Box::new(body);
    // SAFETY: only the lifetime changes; the caller promises that what is borrowed outlives the thread.
    let body = unsafe { std::mem::transmute::<Box<dyn FnOnce() + 'a>, Box<dyn FnOnce()>>(body) };
    start(&packet.identity, body);
    packet
}

/// A thread that has not begun, and what it will do.
fn prepare<F, T>(name: Option<String>, f: F) -> (Arc<Packet<T>>, impl FnOnce())
where
    F: FnOnce() -> T,
{
    let execution = local().execution.clone();
    let identity = execution.identity(name.map(Cow::Owned));
    let packet = Arc::new(Packet { result: Mutex::new(None), identity: identity.clone() });
    let past = trace::token();
    let life = {
        let packet = packet.clone();
        move || run(Local::new(identity, execution), &past, packet, f)
    };
    (packet, life)
}

fn start(identity: &Identity, body: impl FnOnce() + 'static) {
    let join = match context::current() {
        Context::Loom => Join::Loom(loom_thread::spawn(body)),
        Context::Shuttle => Join::Shuttle(shuttle_thread::spawn(identity.object, body)),
        Context::Real | Context::Process => unreachable!("only a model has model threads"),
    };
    *locked(&identity.end.join) = Some(join);
}

/// The whole life of a model thread.
fn run<F, T>(local: Rc<Local>, past: &Token, packet: Arc<Packet<T>>, f: F)
where
    F: FnOnce() -> T,
{
    set_slot(Some(local.clone()));
    trace::receive(past);
    let result = catch(f);
    let end = &local.identity.end;
    end.panicked.store(result.is_err(), Ordering::Relaxed);
    end.finished.store(true, Ordering::Relaxed);
    *locked(&packet.result) = Some(result);
    // If nobody holds the handle any more, what the thread returned is dropped here, by the thread.
    drop(packet);
    local.values.destroy();
    *locked(&end.past) = trace::token();
    set_slot(None);
}
