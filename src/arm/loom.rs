//! loom's primitives, as the facade wants them.
//!
//! Two things are done differently from loom's own types:
//!
//! - **Guards survive unwinding.** loom's locks hold a lock of `std` and unwrap it, so a guard dropped by
//!   a panic poisons loom itself, and one dropped after the model has ended aborts the process. Here a
//!   guard that is dropped by a panic is kept aside, and given back at the next operation of the same
//!   model thread; once the model is dead it is forgotten.
//! - **The condition variable is our own**, over loom's `park`: waiting leaves a parked thread's token
//!   alone, and a model that deadlocks while somebody waits can be unwound.
//!
//! Limits: `wait_timeout` never times out; there are no spurious wakeups; a notification orders the
//! notifier before the waiter, as in loom itself, although C11 promises only the mutex's order.

use super::unwinding;
use crate::context;
use loom::sync::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use loom::cell::UnsafeCell;
pub(crate) use loom::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
    AtomicU64, AtomicUsize, fence,
};

thread_local! {
    static DEAD: Cell<bool> = const { Cell::new(false) };
    static PROBING: Cell<bool> = const { Cell::new(false) };
    static DEFERRED: RefCell<Vec<Deferred>> = const { RefCell::new(Vec::new()) };
    static NAMES: RefCell<Vec<loom::thread::ThreadId>> = const { RefCell::new(Vec::new()) };
}

/// A lock that a panic let go of, and that loom still holds.
struct Deferred {
    thread: u64,
    lock: *const (),
    guard: Held,
}

/// A guard of loom's with the lock that it borrows from. The guard is dropped first.
enum Held {
    Mutex(MutexGuard<'static, ()>, Arc<loom::sync::Mutex<()>>),
    Read(RwLockReadGuard<'static, ()>, Arc<loom::sync::RwLock<()>>),
    Write(RwLockWriteGuard<'static, ()>, Arc<loom::sync::RwLock<()>>),
}

impl Held {
    /// Leaves loom alone: its execution is gone, and so is what it knew of this lock.
    fn forget(self) {
        match self {
            Held::Mutex(guard, _lock) => std::mem::forget(guard),
            Held::Read(guard, _lock) => std::mem::forget(guard),
            Held::Write(guard, _lock) => std::mem::forget(guard),
        }
    }
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
#[expect(dead_code, reason = "for the panic hook of the loom engine")]
pub(crate) fn is_probing() -> bool {
    PROBING.get()
}

/// Whether the running model thread is unwinding. A dead model unwinds as a whole.
pub(crate) fn is_unwinding() -> bool {
    std::thread::panicking() && (!alive() || unwinding::is(me))
}

/// Whether a panic is loom's own report of a race, a deadlock or a limit. Whoever catches the panics of
/// model threads must let these through: the model cannot go on.
pub(crate) fn is_report(payload: &(dyn std::any::Any + Send)) -> bool {
    const REPORTS: [&str; 5] = [
        "Causality violation",
        "deadlock; threads",
        "Model exceeded maximum number of branches",
        "currently writing to cell",
        "currently reading from cell",
    ];
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied());
    text.is_some_and(|text| {
        REPORTS
            .iter()
            .any(|report| text.trim_start().starts_with(report))
    })
}

fn me() -> u64 {
    number(loom::thread::current().id())
}

/// To be called before every operation of loom's. False if the model is dead, and the operation must be
/// left out.
pub(crate) fn enter() -> bool {
    context::count_operation();
    if !std::thread::panicking() {
        release_deferred();
        return true;
    }
    let alive = alive();
    if alive {
        unwinding::is(me);
    }
    alive
}

/// Gives back the locks that a panic of the running model thread let go of, now that the panic has been
/// caught. Does nothing while the thread still unwinds.
pub(crate) fn release_deferred() {
    if std::thread::panicking() || DEFERRED.with_borrow(Vec::is_empty) {
        return;
    }
    let Some(me) = probe().map(number) else {
        return forget_deferred();
    };
    let mine: Vec<Deferred> = DEFERRED.with_borrow_mut(|all| {
        all.extract_if(.., |deferred| deferred.thread == me)
            .collect()
    });
    drop(mine);
}

/// Forgets the locks that panics let go of and nobody gave back, because their execution is over.
/// For the engine, between two executions and after the last.
pub(crate) fn forget_deferred() {
    DEAD.set(false);
    NAMES.with_borrow_mut(Vec::clear);
    for deferred in DEFERRED.take() {
        deferred.guard.forget();
    }
}

/// Lets go of `guard`: at once, or when the panic that unwinds this model thread is over, or never.
fn let_go(lock: *const (), guard: Held) {
    if !std::thread::panicking() {
        release_deferred();
        drop(guard);
    } else if alive() {
        // Which model thread panics does not matter: `std`'s lock inside of loom's would be poisoned.
        unwinding::is(me);
        DEFERRED.with_borrow_mut(|all| {
            all.push(Deferred {
                thread: me(),
                lock,
                guard,
            });
        });
    } else {
        guard.forget();
    }
}

/// Takes back a guard that this model thread let go of while unwinding, if it is of `lock`.
fn take_back(lock: *const ()) -> Option<Held> {
    if DEFERRED.with_borrow(Vec::is_empty) {
        return None;
    }
    let me = me();
    DEFERRED.with_borrow_mut(|all| {
        let found = all
            .iter()
            .position(|deferred| deferred.thread == me && std::ptr::eq(deferred.lock, lock))?;
        Some(all.swap_remove(found).guard)
    })
}

/// A mutex without data or poison.
pub(crate) struct RawMutex(Arc<loom::sync::Mutex<()>>);

/// Holds a [`RawMutex`]. Holds nothing where the model is dead.
pub(crate) struct RawGuard<'a> {
    lock: &'a RawMutex,
    held: Option<Held>,
}

impl RawMutex {
    pub(crate) fn new() -> Self {
        RawMutex(Arc::new(loom::sync::Mutex::new(())))
    }

    fn address(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }

    fn guard(&self, guard: MutexGuard<'_, ()>) -> RawGuard<'_> {
        // SAFETY: only the lifetime changes. The mutex that the guard borrows lives in the `Arc` beside
        // it, which `Held` drops after the guard.
        let guard =
            unsafe { std::mem::transmute::<MutexGuard<'_, ()>, MutexGuard<'static, ()>>(guard) };
        RawGuard {
            lock: self,
            held: Some(Held::Mutex(guard, Arc::clone(&self.0))),
        }
    }

    /// Blocks until the mutex is free, then takes it.
    #[track_caller]
    pub(crate) fn lock(&self) -> RawGuard<'_> {
        if !enter() {
            return RawGuard {
                lock: self,
                held: None,
            };
        }
        if let Some(held) = take_back(self.address()) {
            return RawGuard {
                lock: self,
                held: Some(held),
            };
        }
        let guard = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        self.guard(guard)
    }

    /// Takes the mutex if it is free.
    #[track_caller]
    pub(crate) fn try_lock(&self) -> Option<RawGuard<'_>> {
        if !enter() {
            return Some(RawGuard {
                lock: self,
                held: None,
            });
        }
        if let Some(held) = take_back(self.address()) {
            return Some(RawGuard {
                lock: self,
                held: Some(held),
            });
        }
        self.0.try_lock().ok().map(|guard| self.guard(guard))
    }
}

impl Drop for RawGuard<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            let_go(self.lock.address(), held);
        }
    }
}

/// A reader-writer lock without data or poison.
pub(crate) struct RawRwLock(Arc<loom::sync::RwLock<()>>);

/// Holds a [`RawRwLock`], for reading or for writing.
pub(crate) struct RawRwGuard<'a> {
    lock: &'a RawRwLock,
    held: Option<Held>,
}

impl RawRwLock {
    pub(crate) fn new() -> Self {
        RawRwLock(Arc::new(loom::sync::RwLock::new(())))
    }

    fn address(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }

    fn reader(&self, guard: RwLockReadGuard<'_, ()>) -> RawRwGuard<'_> {
        // SAFETY: only the lifetime changes. The lock that the guard borrows lives in the `Arc` beside
        // it, which `Held` drops after the guard.
        let guard = unsafe {
            std::mem::transmute::<RwLockReadGuard<'_, ()>, RwLockReadGuard<'static, ()>>(guard)
        };
        self.guard(Held::Read(guard, Arc::clone(&self.0)))
    }

    fn writer(&self, guard: RwLockWriteGuard<'_, ()>) -> RawRwGuard<'_> {
        // SAFETY: as in `reader`.
        let guard = unsafe {
            std::mem::transmute::<RwLockWriteGuard<'_, ()>, RwLockWriteGuard<'static, ()>>(guard)
        };
        self.guard(Held::Write(guard, Arc::clone(&self.0)))
    }

    fn guard(&self, held: Held) -> RawRwGuard<'_> {
        RawRwGuard {
            lock: self,
            held: Some(held),
        }
    }

    /// A guard that holds nothing, or one that this thread let go of while unwinding.
    fn without_loom(&self) -> Option<RawRwGuard<'_>> {
        if !enter() {
            return Some(RawRwGuard {
                lock: self,
                held: None,
            });
        }
        take_back(self.address()).map(|held| self.guard(held))
    }

    #[track_caller]
    pub(crate) fn read(&self) -> RawRwGuard<'_> {
        self.without_loom().unwrap_or_else(|| {
            let guard = self.0.read();
            self.reader(guard.unwrap_or_else(|poisoned| poisoned.into_inner()))
        })
    }

    #[track_caller]
    pub(crate) fn try_read(&self) -> Option<RawRwGuard<'_>> {
        self.without_loom()
            .or_else(|| self.0.try_read().ok().map(|guard| self.reader(guard)))
    }

    #[track_caller]
    pub(crate) fn write(&self) -> RawRwGuard<'_> {
        self.without_loom().unwrap_or_else(|| {
            let guard = self.0.write();
            self.writer(guard.unwrap_or_else(|poisoned| poisoned.into_inner()))
        })
    }

    #[track_caller]
    pub(crate) fn try_write(&self) -> Option<RawRwGuard<'_>> {
        self.without_loom()
            .or_else(|| self.0.try_write().ok().map(|guard| self.writer(guard)))
    }
}

impl Drop for RawRwGuard<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            let_go(self.lock.address(), held);
        }
    }
}

/// One thread in [`RawCondvar::wait`].
struct Waiter {
    thread: loom::thread::Thread,
    notified: Cell<bool>,
}

/// A condition variable that wakes its waiters in the order in which they came.
pub(crate) struct RawCondvar {
    /// Makes waits and notifications depend on each other, which is what loom explores by.
    gate: AtomicUsize,
    waiters: RefCell<VecDeque<Rc<Waiter>>>,
}

// SAFETY: model threads are coroutines of one operating-system thread, and no borrow or count is held
// across a switch. Whoever uses a loom object on another thread panics in `gate` first.
unsafe impl Send for RawCondvar {}
// SAFETY: as for `Send`.
unsafe impl Sync for RawCondvar {}

impl RawCondvar {
    pub(crate) fn new() -> Self {
        RawCondvar {
            gate: AtomicUsize::new(0),
            waiters: RefCell::default(),
        }
    }

    /// A scheduling point that depends on all others of this condition variable, and orders no memory.
    #[track_caller]
    fn pass_gate(&self) {
        self.gate.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// Lets go of the mutex, waits for a notification, and takes the mutex again.
    ///
    /// # Panics
    ///
    /// If the model is dead: nobody is left to notify.
    #[track_caller]
    pub(crate) fn wait<'a>(&self, guard: RawGuard<'a>) -> RawGuard<'a> {
        let lock = guard.lock;
        assert!(
            enter(),
            "waiting on a Condvar while the loom model is taken apart"
        );
        self.pass_gate();
        let waiter = Rc::new(Waiter {
            thread: loom::thread::current(),
            notified: Cell::new(false),
        });
        self.waiters.borrow_mut().push_back(Rc::clone(&waiter));
        drop(guard);
        // Nothing of loom's lives in this frame while parked: if the model dies now, it unwinds.
        loom::thread::park();
        let mut foreign_token = false;
        while !waiter.notified.get() {
            foreign_token = true;
            loom::thread::park();
        }
        let guard = lock.lock();
        if foreign_token {
            waiter.thread.unpark();
        }
        guard
    }

    /// As [`RawCondvar::wait`]: loom knows no time, so it never times out.
    #[track_caller]
    pub(crate) fn wait_timeout<'a>(
        &self,
        guard: RawGuard<'a>,
        _: Duration,
    ) -> (RawGuard<'a>, bool) {
        (self.wait(guard), false)
    }

    #[track_caller]
    pub(crate) fn notify_one(&self) {
        self.notify(1);
    }

    #[track_caller]
    pub(crate) fn notify_all(&self) {
        self.notify(usize::MAX);
    }

    #[track_caller]
    fn notify(&self, count: usize) {
        if !enter() {
            return;
        }
        self.pass_gate();
        let woken: Vec<Rc<Waiter>> = {
            let mut waiters = self.waiters.borrow_mut();
            let count = count.min(waiters.len());
            waiters.drain(..count).collect()
        };
        for waiter in woken {
            waiter.notified.set(true);
            waiter.thread.unpark();
        }
    }
}

/// What loom knows of a reference-counted value: its scheduling points, its edges, and that it is freed.
/// The counts themselves are std's.
pub(crate) struct Count {
    /// Every drop and every upgrade, which all depend on each other.
    drops: AtomicUsize,
    /// Clones, which depend only on somebody looking at the count.
    clones: AtomicUsize,
    freed: Cell<Option<loom::alloc::Track<()>>>,
}

// SAFETY: model threads are coroutines of one operating-system thread, and the cell is not borrowed
// across a switch.
unsafe impl Send for Count {}
// SAFETY: as for `Send`.
unsafe impl Sync for Count {}

impl Count {
    #[track_caller]
    pub(crate) fn new() -> Self {
        Count {
            drops: AtomicUsize::new(0),
            clones: AtomicUsize::new(0),
            freed: Cell::new(Some(loom::alloc::Track::new(()))),
        }
    }

    /// Before a count goes up by a clone.
    #[track_caller]
    pub(crate) fn cloning(&self) {
        if enter() {
            self.clones.load(std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Before the counts are looked at.
    #[track_caller]
    pub(crate) fn counting(&self) {
        self.pass(std::sync::atomic::Ordering::Relaxed);
        if enter() {
            self.clones
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// A scheduling point that depends on every drop and upgrade, with the edges of `order`.
    #[track_caller]
    pub(crate) fn pass(&self, order: std::sync::atomic::Ordering) {
        if enter() {
            self.drops.fetch_add(1, order);
        }
    }

    /// The value is gone: loom would report a leak otherwise.
    pub(crate) fn freed(&self) {
        let track = self.freed.take();
        if !alive() {
            std::mem::forget(track);
        }
    }
}

/// An access to a cell that has not ended. Dropped while the model is taken apart, it leaves loom alone.
pub(crate) struct Span(Option<Accessing>);

enum Accessing {
    Read(#[expect(dead_code, reason = "held for its drop")] loom::cell::ConstPtr<()>),
    Write(#[expect(dead_code, reason = "held for its drop")] loom::cell::MutPtr<()>),
}

impl Span {
    #[track_caller]
    pub(crate) fn reading(cell: &UnsafeCell<()>) -> Span {
        Span(Some(Accessing::Read(cell.get())))
    }

    #[track_caller]
    pub(crate) fn writing(cell: &UnsafeCell<()>) -> Span {
        Span(Some(Accessing::Write(cell.get_mut())))
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let accessing = self.0.take();
        if !alive() {
            std::mem::forget(accessing);
        }
    }
}
