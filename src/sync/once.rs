//! `std::sync::Once`, and the cell under `OnceLock` and `LazyLock`.
//!
//! All three are `const` to make and decide by the context of each *call*: in a model what they hold lies
//! in the storage of the execution (see [`crate::rt::statics`]), so a `static` begins anew in every
//! execution; for real it is std's `Once`; for processes a word in the object itself, so that it works in
//! memory that they share.
//!
//! Limits: under loom see [`crate::rt::monitor`]. Across processes waiting is polling, and a process that dies
//! while it initialises leaves the others waiting.

use crate::base::event::EventKind;
use crate::rt::context::{self, Context};
use crate::rt::model;
use crate::rt::monitor::Monitor;
use crate::rt::past::{self, ObjectId};
use crate::rt::statics::{Held, Key};
use crate::rt::trace::{self, Key as Known};
use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

/// Runs an initialiser once. What the initialiser did happens before every call returns.
pub struct Once(Core<()>);

/// What an initialiser is told; see [`Once::call_once_force`].
#[derive(Debug)]
pub struct OnceState {
    poisoned: bool,
}

impl OnceState {
    /// Whether an earlier initialiser panicked.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }
}

impl Once {
    /// Nothing has run yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "std's has none either")]
    pub const fn new() -> Self {
        Self(Core::new())
    }

    /// Runs `f` unless an initialiser has completed; waits for one that is running.
    ///
    /// # Panics
    /// With `f`'s panic, which poisons the `Once`, or if it is poisoned.
    #[track_caller]
    pub fn call_once<F: FnOnce()>(&self, f: F) {
        let mut f = Some(f);
        self.0.call(false, "Once", &mut |_| run(&mut f));
    }

    /// Like [`call_once`](Once::call_once), but also runs `f` if the `Once` is poisoned, and heals it.
    ///
    /// # Panics
    /// With `f`'s panic.
    #[track_caller]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, f: F) {
        let mut f = Some(f);
        self.0.call(true, "Once", &mut |state| {
            if let Some(f) = f.take() {
                f(state);
            }
        });
    }

    /// Whether an initialiser has completed.
    pub fn is_completed(&self) -> bool {
        self.0.is_completed()
    }

    /// Waits until an initialiser has completed.
    ///
    /// # Panics
    /// If the `Once` is poisoned.
    #[track_caller]
    pub fn wait(&self) {
        self.0.wait(false);
    }

    /// Like [`wait`](Once::wait), but waits on if the `Once` is poisoned.
    #[track_caller]
    pub fn wait_force(&self) {
        self.0.wait(true);
    }
}

fn run<F: FnOnce()>(f: &mut Option<F>) {
    if let Some(f) = f.take() {
        f();
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

/// A value that is made once, in each context's own place.
pub(crate) struct Core<T> {
    real: std::sync::Once,
    shared: Shared,
    key: Key,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value is written by one initialiser, before the `Once` of its context completes, and only
// read after; the thread that reads it may be another thread (`T: Sync`) than the one that made it (`T: Send`).
unsafe impl<T: Sync + Send> Sync for Core<T> {}
// A value is either whole or not there.
impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for Core<T> {}
impl<T: UnwindSafe> UnwindSafe for Core<T> {}

/// What a [`Core`] holds in one execution of a model.
struct Modelled<T> {
    edges: ObjectId,
    phase: Monitor<Phase>,
    value: UnsafeCell<Option<Box<T>>>,
}

impl<T> Held for Modelled<T> {
    fn outlive(self: Box<Self>) {
        if let Some(value) = self.value.into_inner() {
            if std::mem::needs_drop::<T>() {
                crate::rt::leaks::keep();
                crate::rt::count::forgive();
            }
            Box::leak(value);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Running,
    Poisoned,
    Complete,
}

impl<T> Modelled<T> {
    fn new() -> Self {
        let edges = past::new_object();
        trace::made_unplaced("Once", Known::id(edges));
        // See `statics`.
        Self { edges, phase: Monitor::used_before_known(Phase::New), value: UnsafeCell::new(None) }
    }

    /// What the trace knows it by.
    fn known(&self) -> Known {
        Known::id(self.edges)
    }

    #[track_caller]
    fn call(&self, force: bool, what: &str, init: &mut dyn FnMut(&OnceState) -> T) {
        trace::begins("initialise", EventKind::Other, self.known());
        let mut phase = self.phase.enter();
        while *phase == Phase::Running {
            phase.wait();
        }
        if *phase == Phase::New {
            *phase = Phase::Running;
        } else {
            past::acquire(self.edges);
        }
        let poisoned = *phase == Phase::Poisoned;
        if *phase == Phase::Complete {
            trace::note("find initialised", EventKind::Other, self.known());
            return;
        }
        if poisoned && !force {
            drop(phase);
            panic_poisoned(what);
        }
        *phase = Phase::Running;
        trace::note("begin to initialise", EventKind::Other, self.known());
        drop(phase);
        match model::catch(|| init(&OnceState { poisoned })) {
            Ok(value) => {
                // SAFETY: the phase is `Running` by this thread's doing, which excludes all others; no
                // reference to the value is given out before it is `Complete`.
                unsafe { *self.value.get() = Some(Box::new(value)) };
                self.leave(Phase::Complete);
            }
            Err(payload) => {
                self.leave(Phase::Poisoned);
                resume_unwind(payload);
            }
        }
    }

    fn leave(&self, next: Phase) {
        past::release(self.edges);
        let mut phase = self.phase.enter();
        *phase = next;
        let done = if next == Phase::Complete { "initialised" } else { "poisoned" };
        trace::note_unplaced(done, EventKind::Other, self.known());
        drop(phase);
        self.phase.notify_all();
    }

    fn is_completed(&self) -> bool {
        let complete = *self.phase.enter() == Phase::Complete;
        if complete {
            past::acquire(self.edges);
        }
        complete
    }

    #[track_caller]
    fn wait(&self, force: bool) {
        trace::begins("wait", EventKind::Other, self.known());
        let mut phase = self.phase.enter();
        loop {
            match *phase {
                Phase::Complete => break,
                Phase::Poisoned if !force => {
                    past::acquire(self.edges);
                    drop(phase);
                    panic_poisoned("Once");
                }
                Phase::New | Phase::Running | Phase::Poisoned => phase.wait(),
            }
        }
        trace::note("wait", EventKind::Other, self.known());
        past::acquire(self.edges);
    }
}

#[cold]
#[track_caller]
fn panic_poisoned(what: &str) -> ! {
    panic!("{what} instance has previously been poisoned")
}

impl<T> Core<T> {
    pub(crate) const fn new() -> Self {
        Self {
            real: std::sync::Once::new(),
            shared: Shared(AtomicU32::new(Shared::NEW)),
            key: Key::new(),
            value: UnsafeCell::new(None),
        }
    }

    fn modelled(&self) -> &Modelled<T> {
        let slot = self.key.slot(Modelled::new);
        // SAFETY: the slot lives until the key or the execution ends, and what is returned is not kept beyond the
        // call that asks for it; the value itself lies elsewhere and lives as long as `self` borrows it.
        unsafe { slot.as_ref() }
    }

    /// Makes the value with `init` unless it is there; waits for the thread that is making it.
    #[track_caller]
    pub(crate) fn call(&self, force: bool, what: &str, init: &mut dyn FnMut(&OnceState) -> T) {
        let fill = |state: &OnceState, init: &mut dyn FnMut(&OnceState) -> T| {
            let value = init(state);
            // SAFETY: only the one initialiser that std's or the shared `Once` lets run gets here, and no
            // reference is given out before it has completed.
            unsafe { *self.value.get() = Some(value) };
        };
        match context::current() {
            Context::Model(_) => self.modelled().call(force, what, init),
            Context::Process => self.shared.call(force, what, &mut |state| fill(state, init)),
            Context::Real if self.real.is_completed() => {}
            Context::Real if force => self.real.call_once_force(|state| {
                let poisoned = state.is_poisoned();
                fill(&OnceState { poisoned }, init);
            }),
            Context::Real => {
                // Not `call_once`, which would speak of a `Once` whatever this is part of.
                self.real.call_once_force(|state| {
                    if state.is_poisoned() {
                        panic_poisoned(what);
                    }
                    fill(&OnceState { poisoned: false }, init);
                });
            }
        }
    }

    pub(crate) fn is_completed(&self) -> bool {
        match context::current() {
            Context::Model(_) => self.modelled().is_completed(),
            Context::Process => self.shared.is_completed(),
            Context::Real => self.real.is_completed(),
        }
    }

    #[track_caller]
    pub(crate) fn wait(&self, force: bool) {
        match context::current() {
            Context::Model(_) => self.modelled().wait(force),
            Context::Process => self.shared.wait(force),
            Context::Real if self.real.is_completed() => {}
            Context::Real => context::waiting(|| {
                if force {
                    self.real.wait_force();
                } else {
                    self.real.wait();
                }
            }),
        }
    }

    /// The value, if it has been made.
    pub(crate) fn get(&self) -> Option<&T> {
        if !self.is_completed() {
            return None;
        }
        // SAFETY: it is complete, so the value is never written again but through `&mut self`.
        unsafe {
            if context::current().is_model() {
                (*self.modelled().value.get()).as_deref()
            } else {
                (*self.value.get()).as_ref()
            }
        }
    }

    /// The value, if it has been made; no other thread can be making it.
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        if context::current().is_model() {
            let mut slot = self.key.existing::<Modelled<T>>()?;
            // SAFETY: `&mut self` is the only way to the slot, and lives as long as what is returned.
            unsafe { slot.as_mut() }.value.get_mut().as_deref_mut()
        } else {
            self.value.get_mut().as_mut()
        }
    }

    /// Takes the value out and begins anew.
    pub(crate) fn take(&mut self) -> Option<T> {
        if context::current().is_model() {
            let mut slot = self.key.existing::<Modelled<T>>()?;
            // SAFETY: as in `get_mut`.
            let value = unsafe { slot.as_mut() }.value.get_mut().take();
            self.key.clear();
            value.map(|value| *value)
        } else {
            self.real = std::sync::Once::new();
            self.shared = Shared(AtomicU32::new(Shared::NEW));
            self.value.get_mut().take()
        }
    }
}

/// A `Once` of one word, for memory that processes share.
struct Shared(AtomicU32);

impl Shared {
    const NEW: u32 = 0;
    const RUNNING: u32 = 1;
    const POISONED: u32 = 2;
    const COMPLETE: u32 = 3;

    fn is_completed(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::COMPLETE
    }

    #[track_caller]
    fn call(&self, force: bool, what: &str, init: &mut dyn FnMut(&OnceState)) {
        loop {
            let phase = self.0.load(Ordering::Acquire);
            match phase {
                Self::COMPLETE => return,
                Self::RUNNING => self.poll(|phase| phase != Self::RUNNING),
                Self::POISONED if !force => panic_poisoned(what),
                _ => {
                    let (won, lost) = (Ordering::Acquire, Ordering::Relaxed);
                    let claim = self.0.compare_exchange(phase, Self::RUNNING, won, lost);
                    if claim.is_err() {
                        continue;
                    }
                    let state = OnceState { poisoned: phase == Self::POISONED };
                    match catch_unwind(AssertUnwindSafe(|| init(&state))) {
                        Ok(()) => self.0.store(Self::COMPLETE, Ordering::Release),
                        Err(payload) => {
                            self.0.store(Self::POISONED, Ordering::Release);
                            resume_unwind(payload);
                        }
                    }
                    return;
                }
            }
        }
    }

    #[track_caller]
    fn wait(&self, force: bool) {
        self.poll(|phase| phase == Self::COMPLETE || (phase == Self::POISONED && !force));
        if self.0.load(Ordering::Acquire) == Self::POISONED && !force {
            panic_poisoned("Once");
        }
    }

    fn poll(&self, until: impl Fn(u32) -> bool) {
        if until(self.0.load(Ordering::Acquire)) {
            return;
        }
        context::waiting(|| {
            while !until(self.0.load(Ordering::Acquire)) {
                std::thread::yield_now();
            }
        });
    }
}
