//! Threads inside a model: their identity, what belongs to them, and their life.
//!
//! Each model thread has one [`Identity`], which its slot and its handles share: who it is, its thread-local
//! values, and the storage of the execution, which all threads of one execution share. The main thread's is
//! made on first use, a child's by its parent.
//!
//! Limits: a model thread that the engine starts by other means than [`spawn`] would be taken for the
//! main thread of another execution. Stacks are the engine's; what `Builder::stack_size` asks for is
//! ignored.

use super::local::Values;
use super::permit::Permit;
use crate::base::event::EventKind;
use crate::context::{self, Context};
use crate::explore::rc11::LocationId;
use crate::panics;
use crate::rt::journal::{self, Key};
use crate::rt::shuttle_thread::PerTask;
use crate::rt::trace::{self, ObjectId, Token};
use crate::rt::{self, Slot, loom_thread, rc11, shuttle_thread};
use crate::sync::statics::Statics;
use std::any::Any;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Who a model thread is, what belongs to it, and its end.
pub(crate) struct Identity {
    /// Counted from 0, the main thread, in the order of spawning.
    pub(crate) number: u64,
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) permit: Permit,
    /// Names the thread in announcements.
    pub(crate) object: ObjectId,
    /// Under rc11, the location that tells whether the thread has ended.
    ended_at: LocationId,
    /// The main thread's is never waited for.
    pub(crate) end: End,
    home: Home,
    pub(crate) values: Values,
    /// What this thread must not do while it unwinds; see [`when_settled`].
    unsettled: RefCell<Vec<Box<dyn FnOnce()>>>,
}

// SAFETY: model threads are coroutines of one operating-system thread, which made this and drops it; what
// is not atomic here is used by the one thread it belongs to, and no borrow is held across a switch.
unsafe impl Send for Identity {}
// SAFETY: as for `Send`.
unsafe impl Sync for Identity {}

/// What all threads of one execution share.
#[derive(Default)]
pub(crate) struct Execution {
    threads: Cell<u64>,
    /// Threads beside the main one that have not ended.
    running: Cell<u64>,
    /// Whether the main thread has ended.
    over: Cell<bool>,
    pub(crate) statics: Statics,
}

impl Execution {
    /// A thread has ended. With the last one end the statics, which detached threads may use for long.
    fn thread_ended(&self) {
        if self.over.get() && self.running.get() == 0 {
            self.statics.end();
        }
    }
}

/// Where the execution is: with the main thread.
enum Home {
    Here(Execution),
    With(Arc<Identity>),
}

impl Home {
    fn execution(&self) -> &Execution {
        match self {
            Home::Here(execution) => execution,
            Home::With(main) => main.execution(),
        }
    }
}

impl Identity {
    #[track_caller]
    fn new(home: Home, name: Option<Cow<'static, str>>) -> Arc<Self> {
        if matches!(home, Home::Here(_)) {
            crate::leaks::begin();
            rt::loom::first::begin();
        }
        let threads = &home.execution().threads;
        let counted = threads.replace(threads.get() + 1);
        // The main thread is the only one that is not announced.
        let announced = (context::current() == Context::Rc11 && matches!(home, Home::With(_)))
            .then(|| rc11::announce_spawn(Location::caller()))
            .flatten();
        let number = announced.map_or(counted, u64::from);
        Arc::new(Self {
            number,
            ended_at: rc11::make_for_thread(rc11::OF_ENDS, number),
            name,
            permit: Permit::new(number),
            object: trace::new_object(),
            end: End::default(),
            home,
            values: Values::default(),
            unsettled: RefCell::default(),
        })
    }

    /// What the thread shares with all others.
    pub(crate) fn execution(&self) -> &Execution {
        self.home.execution()
    }

    /// The main thread, given any.
    fn main(this: &Arc<Self>) -> &Arc<Self> {
        match &this.home {
            Home::Here(_) => this,
            Home::With(main) => main,
        }
    }
}

thread_local! {
    /// Whether any model thread of this operating-system thread may have something in `unsettled`.
    static UNSETTLED: Cell<bool> = const { Cell::new(false) };
    /// What belongs to each thread of a shuttle execution.
    static UNDER_SHUTTLE: PerTask<Arc<Identity>> = const { PerTask::new() };
}

/// Looks at what belongs to the running model thread, if anything does yet. No scheduling point may lie
/// within.
#[inline]
fn look<R>(look: impl FnOnce(Option<&Arc<Identity>>) -> R) -> R {
    match context::current() {
        Context::Loom => look(loom_thread::slot().and_then(|slot| slot.downcast().ok()).as_ref()),
        Context::Shuttle => UNDER_SHUTTLE.with(|locals| locals.with(look)),
        Context::Rc11 => look(rc11::slot().and_then(|slot| slot.downcast().ok()).as_ref()),
        Context::Real | Context::Process => look(None),
    }
}

fn set(local: Option<Arc<Identity>>) {
    match context::current() {
        Context::Loom => loom_thread::set_slot(local.map(|local| local as Slot)),
        Context::Shuttle => UNDER_SHUTTLE.with(|locals| locals.set(local)),
        Context::Rc11 => rc11::set_slot(local.map(|local| local as Slot)),
        Context::Real | Context::Process => {}
    }
}

/// What belongs to the running model thread. Only inside a model.
pub(crate) fn local() -> Arc<Identity> {
    try_local().unwrap_or_else(|| {
        let local = Identity::new(Home::Here(Execution::default()), Some(Cow::Borrowed("main")));
        set(Some(local.clone()));
        local
    })
}

/// Like [`local`], but `None` where nothing was ever made, or everything is gone.
pub(crate) fn try_local() -> Option<Arc<Identity>> {
    look(|local| local.cloned())
}

/// Looks at what all threads of the execution share, if there is one. No scheduling point may lie within.
#[inline]
pub(crate) fn of_execution<R>(f: impl FnOnce(&Execution) -> R) -> Option<R> {
    look(|local| local.map(|local| f(local.execution())))
}

/// Whether no thread but the main one has been made in this execution so far.
pub(crate) fn is_alone() -> bool {
    of_execution(|execution| execution.threads.get() <= 1).unwrap_or(true)
}

/// The running model thread, counted from 0, the main one, in the order of spawning.
pub(crate) fn number() -> usize {
    look(|local| local.map_or(0, |local| usize::try_from(local.number).unwrap_or(usize::MAX)))
}

/// Ends the main thread's part of an execution: its thread-local values are destroyed, and, unless other
/// threads still run, the statics end. Runs inside the model, as its last act.
pub(crate) fn end_of_execution() {
    let Some(local) = try_local() else { return };
    settled();
    local.values.destroy();
    let execution = local.execution();
    execution.over.set(true);
    execution.thread_ended();
    set(None);
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

/// Runs an actor's part. Where a panic of his ends an execution and not the search, that is told as it happens,
/// as this payload.
pub(crate) fn as_actor<R>(panicked: impl Any + Send, f: impl FnOnce() -> R) -> R {
    if !rt::loom::unreduced::on() {
        return f();
    }
    match catch(f) {
        Ok(returned) => returned,
        Err(payload) => {
            if !payload.is::<rt::loom::unreduced::Cut>() {
                rt::loom::unreduced::fail(Box::new(panicked));
            }
            resume_unwind(payload)
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
    if !unwinding || !rt::loom::alive() {
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
    rt::loom::release_deferred();
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

/// What a thread leaves to the thread that joins it.
pub(crate) struct Packet<T> {
    result: Cell<Option<std::thread::Result<T>>>,
    handover: Handover,
    pub(crate) identity: Arc<Identity>,
}

/// Orders the making of what a thread returns before its drop by a thread that has not joined the thread.
struct Handover {
    past: RefCell<Token>,
    /// loom's carrier of the edge, where there may be something to drop.
    made: Option<rt::loom::AtomicUsize>,
}

impl Handover {
    #[track_caller]
    fn new<T>() -> Self {
        let carried = std::mem::needs_drop::<T>() && context::current() == Context::Loom;
        Self { past: RefCell::default(), made: carried.then(|| rt::loom::AtomicUsize::new(0)) }
    }

    /// The thread has made what it returns.
    fn give<T>(&self, result: &std::thread::Result<T>) {
        if std::mem::needs_drop::<T>() || result.is_err() {
            trace::leave_token(&self.past);
        }
        if let Some(made) = self.made.as_ref().filter(|_| rt::loom::enter()) {
            made.fetch_add(1, Ordering::Release);
        }
    }

    /// The running thread is about to drop it.
    fn take(&self) {
        if context::current() == Context::Shuttle && rt::shuttle::alive() {
            trace::receive(&self.past.borrow());
        }
        if let Some(made) = self.made.as_ref().filter(|_| rt::loom::enter()) {
            made.fetch_add(1, Ordering::Acquire);
        }
    }
}

impl<T> Drop for Packet<T> {
    fn drop(&mut self) {
        if self.result.get_mut().is_some() && !std::thread::panicking() {
            self.handover.take();
        }
    }
}

// SAFETY: as for `Identity`: one operating-system thread, and nothing is borrowed across a switch.
unsafe impl<T: Send> Send for Packet<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Packet<T> {}

/// That a thread ends, whatever it returns.
#[derive(Default)]
pub(crate) struct End {
    finished: Cell<bool>,
    /// Whether the thread panicked and no thread has taken its panic by joining it.
    panicked: Cell<bool>,
    /// Until the thread begins, its parent's past; since it ended, its own.
    past: RefCell<Token>,
    /// The past before thread-local values were destroyed, if there were any to destroy.
    returned: RefCell<Option<Box<Token>>>,
    join: Cell<Option<Join>>,
}

/// What the main thread says of the panic of a thread that no thread has joined.
pub(crate) const UNHEARD: &str = "a thread panicked, and nobody joined it";

thread_local! {
    /// Panics of threads that no thread has joined, in the execution that runs.
    static UNHEARD_PANICS: Cell<u32> = const { Cell::new(0) };
}

thread_local! {
    static NAMELESS: Cell<bool> = const { Cell::new(false) };
}

/// While what is returned lives, the main thread has no name: that of a closure has none, as under loom.
pub(crate) fn nameless_main() -> impl Drop {
    struct Nameless;
    impl Drop for Nameless {
        fn drop(&mut self) {
            NAMELESS.set(false);
        }
    }
    NAMELESS.set(true);
    Nameless
}

/// Whether the main thread has no name.
pub(crate) fn main_is_nameless() -> bool {
    NAMELESS.get()
}

/// How many threads have panicked, and no thread has joined them.
pub(crate) fn unheard() -> u32 {
    UNHEARD_PANICS.get()
}

/// An execution begins, in which no thread has panicked.
pub(crate) fn forget_unheard() {
    UNHEARD_PANICS.set(0);
}

impl End {
    /// The thread's panic, if there was one, has come to the one who waited for it. Whether it does now.
    fn heard(&self) -> bool {
        let panicked = self.panicked.replace(false);
        UNHEARD_PANICS.set(UNHEARD_PANICS.get().saturating_sub(u32::from(panicked)));
        panicked
    }
}

enum Join {
    Loom(Box<loom_thread::Join>),
    Shuttle(shuttle_thread::Join),
    Rc11(u8),
}

impl Identity {
    /// Waits for the thread, and learns what it had done.
    #[track_caller]
    pub(crate) fn wait(&self) {
        self.wait_for_its_end();
        trace::receive(&self.end.past.borrow());
    }

    /// As a scope waits for the threads in it: what destructors of thread-local values did is not known,
    /// because std's scopes do not wait for those. (Here they have run all the same, so that what they do
    /// after a scope has ended is never tried.)
    #[track_caller]
    pub(crate) fn wait_for_its_return(&self) {
        self.wait_for_its_end();
        match &*self.end.returned.borrow() {
            Some(returned) => trace::receive(returned),
            None => trace::receive(&self.end.past.borrow()),
        }
    }

    #[track_caller]
    fn wait_for_its_end(&self) {
        journal::begins("join", EventKind::Other, Key::at(self));
        let join = self.end.join.take();
        match join {
            Some(Join::Loom(join)) => {
                if rt::loom::unreduced::on() && number() == 0 {
                    rt::loom::unreduced::wait_until(|| self.end.finished.get());
                }
                join.join();
            }
            Some(Join::Shuttle(join)) => join.join(),
            Some(Join::Rc11(child)) => {
                rc11::join(child, Location::caller());
            }
            // Another thread waits, and the thread that asks here also waits for that one.
            None => {}
        }
        journal::note("join", EventKind::Other, Key::at(self));
    }

    /// Whether the thread has ended its main function. Gives no happens-before edge under shuttle.
    pub(crate) fn is_finished(&self) -> bool {
        match context::current() {
            Context::Loom => loom_thread::yield_now(),
            Context::Shuttle => shuttle_thread::look(self.object),
            // The end is one of the looks of a chain, as the last step of the thread is.
            Context::Rc11 => {
                rc11::watch(self.ended_at);
                rc11::pass(self.ended_at, Ordering::Relaxed);
            }
            Context::Real | Context::Process => {}
        }
        self.end.finished.get()
    }

    /// Whether the thread panicked and no thread joined it to hear of it. The thread that asks has heard.
    pub(crate) fn panicked_unheard(&self) -> bool {
        self.end.heard()
    }
}

impl<T> Packet<T> {
    /// Waits for the thread and takes what it returned.
    #[track_caller]
    pub(crate) fn join(&self) -> std::thread::Result<T> {
        self.identity.wait();
        self.identity.end.heard();
        let result = self.result.take();
        // shuttle drops threads that never ran when it abandons an execution.
        result.unwrap_or_else(|| Err(Box::new("the execution ended before the thread did")))
    }
}

/// Starts a model thread.
#[track_caller]
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
#[track_caller]
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
#[track_caller]
fn prepare<F, T>(name: Option<String>, f: F) -> (Arc<Packet<T>>, impl FnOnce())
where
    F: FnOnce() -> T,
{
    let main = look(|local| local.map(Identity::main).cloned()).unwrap_or_else(local);
    let identity = Identity::new(Home::With(main), name.map(Cow::Owned));
    journal::names(identity.number, identity.name.as_deref());
    let packet = Arc::new(Packet {
        result: Cell::new(None),
        handover: Handover::new::<T>(),
        identity: identity.clone(),
    });
    trace::leave_token(&identity.end.past);
    let life = {
        let packet = packet.clone();
        move || run(identity, packet, f)
    };
    (packet, life)
}

#[track_caller]
fn start(identity: &Identity, body: impl FnOnce() + 'static) {
    journal::made("thread", Key::at(identity), None);
    journal::note("spawn", EventKind::Other, Key::at(identity));
    let running = &identity.execution().running;
    running.set(running.get() + 1);
    let join = match context::current() {
        Context::Loom => Join::Loom(Box::new(loom_thread::spawn(body))),
        Context::Shuttle => Join::Shuttle(shuttle_thread::spawn(identity.object, body)),
        Context::Rc11 => {
            let child = u8::try_from(identity.number).expect("its number was announced");
            rc11::start(child, Box::new(body), Location::caller());
            Join::Rc11(child)
        }
        Context::Real | Context::Process => unreachable!("only a model has model threads"),
    };
    identity.end.join.set(Some(join));
}

/// The whole life of a model thread.
fn run<F, T>(local: Arc<Identity>, packet: Arc<Packet<T>>, f: F)
where
    F: FnOnce() -> T,
{
    set(Some(local.clone()));
    trace::receive(&local.end.past.borrow());
    let result = rt::loom::unreduced::cuttable(|| {
        catch(|| {
            rt::loom::unreduced::resumes();
            journal::starts();
            rt::loom::step_counter::point();
            f()
        })
    });
    let end = &local.end;
    end.panicked.set(result.is_err());
    UNHEARD_PANICS.set(UNHEARD_PANICS.get() + u32::from(result.is_err()));
    if context::current() == Context::Rc11 && rc11::is_watched(local.ended_at) {
        rc11::pass(local.ended_at, Ordering::Relaxed);
    }
    end.finished.set(true);
    packet.handover.give(&result);
    packet.result.set(Some(result));
    // If no thread holds the handle any more, what the thread returned is dropped here, by the thread.
    drop(packet);
    if local.values.have_destructors() {
        *end.returned.borrow_mut() = Some(Box::new(trace::token()));
        local.values.destroy();
    }
    let execution = local.execution();
    execution.running.set(execution.running.get() - 1);
    execution.thread_ended();
    trace::leave_token(&end.past);
    set(None);
}
