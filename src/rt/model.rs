//! Threads inside a model: their identity, what belongs to them, and their life.
//!
//! Each model thread has one [`Identity`], which its slot and its handles share: who it is, its thread-local
//! values, and the storage of the execution, which all threads of one execution share. The main thread's is
//! made on first use, a child's by its parent.
//!
//! Limits: a model thread that the engine starts by other means than [`spawn`] would be taken for the
//! main thread of another execution. Stacks are the engine's; what `Builder::stack_size` asks for is
//! ignored.

use super::past::{self, Token};
use super::permit::Permit;
use super::runtime::Runtime;
use super::statics::Statics;
use super::thread_bound::ThreadBound;
use super::trace::{self, Key};
use super::values::Values;
use super::{Checker, execution, running};
use crate::base::event::EventKind;
use crate::rt::panics;
use std::any::Any;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

one_of! {
    /// What a runtime knows a thread by.
    ThreadObject
}

one_of! {
    /// What a runtime waits for a thread by.
    Join
}

one_of! {
    /// See [`RawHandover`].
    Handover
}

/// Orders the making of what a thread returns before its drop by a thread that has not joined the thread.
pub(crate) trait RawHandover {
    /// The thread has made what it returns.
    fn give(&self);

    /// The running thread is about to drop it.
    fn take(&self);
}

/// Who a model thread is, what belongs to it, and its end.
pub(crate) struct Identity {
    /// Counted from 0, the main thread, in the order of spawning.
    pub(crate) number: u64,
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) permit: Permit,
    /// What the runtime knows the thread by.
    pub(crate) object: ThreadObject,
    /// The main thread's is never waited for.
    pub(crate) end: End,
    home: Home,
    pub(crate) values: Values,
    /// What this thread must not do while it unwinds; see [`when_settled`].
    unsettled: RefCell<Vec<Box<dyn FnOnce()>>>,
}

/// As the thread's slot and its handles share it. A handle may go anywhere, but is of no use elsewhere.
pub(crate) type SharedIdentity = Arc<ThreadBound<Identity>>;

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
    With(SharedIdentity),
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
    fn new(checker: Checker, home: Home, name: Option<Cow<'static, str>>) -> SharedIdentity {
        if matches!(home, Home::Here(_)) {
            with_runtime!(checker, R => R::begin());
        }
        let threads = &home.execution().threads;
        let counted = threads.replace(threads.get() + 1);
        let announced = match home {
            // The main thread is the only one that is not announced.
            Home::Here(_) => None,
            Home::With(_) => {
                let alike = super::execution::with(|execution| execution.alike.take());
                with_runtime!(checker, R => R::announce_spawn(alike))
            }
        };
        let number = announced.unwrap_or(counted);
        let identity = Self {
            number,
            object: make!(checker, ThreadObject, R => R::thread(number)),
            name,
            permit: Permit::new(checker, number),
            end: End::default(),
            home,
            values: Values::default(),
            unsettled: RefCell::default(),
        };
        Arc::new(ThreadBound::new(checker, identity))
    }

    /// What the thread shares with all others.
    pub(crate) fn execution(&self) -> &Execution {
        self.home.execution()
    }

    /// The main thread, given any.
    fn main(this: &SharedIdentity) -> &SharedIdentity {
        match &this.home {
            Home::Here(_) => this,
            Home::With(main) => main,
        }
    }
}

/// Looks at what belongs to the running model thread, if anything does yet. No scheduling point may lie
/// within.
#[inline]
fn look<R>(look: impl FnOnce(Option<&SharedIdentity>) -> R) -> R {
    match running() {
        Some(checker) => with_runtime!(checker, R => R::look(look)),
        None => look(None),
    }
}

fn set(local: Option<SharedIdentity>) {
    if let Some(checker) = running() {
        with_runtime!(checker, R => R::set(local));
    }
}

/// The checker that runs. Only inside a model.
fn model() -> Checker {
    running().expect("only a model has model threads")
}

/// What belongs to the running model thread. Only inside a model.
pub(crate) fn local() -> SharedIdentity {
    try_local().unwrap_or_else(|| {
        let local = Identity::new(model(), Home::Here(Execution::default()), Some(Cow::Borrowed("main")));
        set(Some(local.clone()));
        local
    })
}

/// Like [`local`], but `None` where nothing was ever made, or everything is gone.
pub(crate) fn try_local() -> Option<SharedIdentity> {
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
pub(crate) fn as_actor<T>(panicked: impl Any + Send, f: impl FnOnce() -> T) -> T {
    match running() {
        Some(checker) => with_runtime!(checker, R => R::as_actor(panicked, f)),
        None => f(),
    }
}

/// Runs `action` now, or, if the running thread of a loom model unwinds, once its panic is caught.
///
/// For destructors that enter a monitor. That lets other threads run, and under loom these would be
/// taken to be unwinding too, for they share an operating-system thread: they could not give back the
/// locks they hold. So an unwinding thread keeps what it has to say for later.
pub(crate) fn when_settled(action: Box<dyn FnOnce()>) {
    let keeps =
        |checker| with_runtime!(checker, R => R::UNWINDS_ALL && std::thread::panicking() && R::alive());
    if !running().is_some_and(keeps) {
        return action();
    }
    match try_local() {
        Some(local) => {
            execution::with(|execution| execution.unsettled.set(true));
            local.unsettled.borrow_mut().push(action);
        }
        None => action(),
    }
}

/// The running model thread has caught a panic, or had none: the locks that it let go of while
/// unwinding are given back, and what its destructors kept for later is done.
pub(crate) fn settled() {
    let Some(checker) = running().filter(|_| !std::thread::panicking()) else { return };
    if !with_runtime!(checker, R => R::UNWINDS_ALL) {
        return;
    }
    with_runtime!(checker, R => R::settled());
    while execution::with(|execution| execution.unsettled.get())
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
    result: ThreadBound<Cell<Option<std::thread::Result<T>>>>,
    handover: ThreadBound<Handover>,
    pub(crate) identity: SharedIdentity,
}

impl<T> Drop for Packet<T> {
    fn drop(&mut self) {
        if self.result.is_here() && self.result.get_mut().is_some() && !std::thread::panicking() {
            each!(Handover, &*self.handover, handover => handover.take());
        }
    }
}

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

/// While what is returned lives, the main thread has no name: that of a closure has none, as under loom.
pub(crate) fn nameless_main() -> impl Drop {
    struct Nameless;
    impl Drop for Nameless {
        fn drop(&mut self) {
            execution::with(|execution| execution.nameless.set(false));
        }
    }
    execution::with(|execution| execution.nameless.set(true));
    Nameless
}

/// Whether the main thread has no name.
pub(crate) fn main_is_nameless() -> bool {
    execution::with(|execution| execution.nameless.get())
}

/// How many threads have panicked, and no thread has joined them.
pub(crate) fn unheard() -> u32 {
    execution::with(|execution| execution.unheard.get())
}

impl End {
    /// The thread's panic, if there was one, has come to the one who waited for it. Whether it does now.
    fn heard(&self) -> bool {
        let panicked = self.panicked.replace(false);
        execution::with(|execution| {
            execution.unheard.set(execution.unheard.get().saturating_sub(u32::from(panicked)));
        });
        panicked
    }
}

impl Identity {
    /// Waits for the thread, and learns what it had done.
    #[track_caller]
    pub(crate) fn wait(&self) {
        self.wait_for_its_end();
        past::receive(&self.end.past.borrow());
    }

    /// As a scope waits for the threads in it: what destructors of thread-local values did is not known,
    /// because std's scopes do not wait for those. (Here they have run all the same, so that what they do
    /// after a scope has ended is never tried.)
    #[track_caller]
    pub(crate) fn wait_for_its_return(&self) {
        self.wait_for_its_end();
        match &*self.end.returned.borrow() {
            Some(returned) => past::receive(returned),
            None => past::receive(&self.end.past.borrow()),
        }
    }

    #[track_caller]
    fn wait_for_its_end(&self) {
        trace::begins("join", EventKind::Other, Key::at(self));
        // Where there is none another thread waits, and the thread that asks here also waits for that one.
        if let Some(join) = self.end.join.take() {
            with_each!(Join, join, R, join => R::join(join, || self.end.finished.get()));
        }
        trace::note("join", EventKind::Other, Key::at(self));
    }

    /// Whether the thread has ended its main function. Gives no happens-before edge under shuttle.
    pub(crate) fn is_finished(&self) -> bool {
        with_each!(ThreadObject, &self.object, R, object => R::look_at_end(object));
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

/// The thread that is started next does the same as the one of this number.
pub(crate) fn next_is_alike(number: u64) {
    super::execution::with(|execution| execution.alike.set(Some(number)));
}

/// The running thread looks at what tells threads apart.
pub(crate) fn tell_apart() {
    if let Some(checker) = super::checker() {
        with_runtime!(checker, R => R::tell_apart());
    }
}

/// A thread that has not begun, and what it will do.
#[track_caller]
fn prepare<F, T>(name: Option<String>, f: F) -> (Arc<Packet<T>>, impl FnOnce())
where
    F: FnOnce() -> T,
{
    let main = look(|local| local.map(Identity::main).cloned()).unwrap_or_else(local);
    let checker = model();
    let identity = Identity::new(checker, Home::With(main), name.map(Cow::Owned));
    trace::names(identity.number, identity.name.as_deref());
    let packet = Arc::new(Packet {
        result: ThreadBound::new(checker, Cell::new(None)),
        handover: ThreadBound::new(
            checker,
            make!(checker, Handover, R => R::handover(std::mem::needs_drop::<T>())),
        ),
        identity: identity.clone(),
    });
    past::leave_token(&identity.end.past);
    let life = {
        let packet = packet.clone();
        move || run(identity, packet, f)
    };
    (packet, life)
}

#[track_caller]
fn start(identity: &Identity, body: impl FnOnce() + 'static) {
    trace::made("thread", Key::at(identity), None);
    trace::note("spawn", EventKind::Other, Key::at(identity));
    let running = &identity.execution().running;
    running.set(running.get() + 1);
    let join =
        with_each_into!(ThreadObject, &identity.object, Join, R, object => R::spawn(object, identity, body));
    identity.end.join.set(Some(join));
}

/// The whole life of a model thread.
fn run<F, T>(local: SharedIdentity, packet: Arc<Packet<T>>, f: F)
where
    F: FnOnce() -> T,
{
    set(Some(local.clone()));
    past::receive(&local.end.past.borrow());
    let result = with_runtime!(model(), R => R::live(|| {
        catch(|| {
            R::begin_thread(trace::starts);
            f()
        })
    }));
    let end = &local.end;
    end.panicked.set(result.is_err());
    execution::with(|execution| {
        execution.unheard.set(execution.unheard.get() + u32::from(result.is_err()));
    });
    with_each!(ThreadObject, &local.object, R, object => R::end_thread(object));
    end.finished.set(true);
    if std::mem::needs_drop::<T>() || result.is_err() {
        each!(Handover, &*packet.handover, handover => handover.give());
    }
    packet.result.set(Some(result));
    // If no thread holds the handle any more, what the thread returned is dropped here, by the thread.
    drop(packet);
    if local.values.have_destructors() {
        *end.returned.borrow_mut() = Some(Box::new(past::token()));
        local.values.destroy();
    }
    let execution = local.execution();
    execution.running.set(execution.running.get() - 1);
    execution.thread_ended();
    past::leave_token(&end.past);
    set(None);
}
