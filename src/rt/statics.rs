//! What objects that a const fn has made hold in one execution of a model.
//!
//! `Once`, `OnceLock`, `LazyLock` and whatever `const_new` makes can be made in a `static`, outside any model, and
//! must begin anew in every execution. So they carry only a [`Key`], and what they hold in a model lies in the
//! storage of the execution, made by whichever thread comes first. It is there from the beginning all the same, and
//! no access of the thread that happens to make it: rc11 is told so, shuttle's detector is not told at all, and for
//! loom, which remembers who made an object and calls it a race if another thread touches it unordered, see
//! [`crate::rt::loom::first`]. (A `Once` enters what it has made once before any other thread can find it, and every
//! thread after enters by the same lock.)
//!
//! Code that has an object for ever (a `static`, or one that was leaked) may keep a `&'static` to what it holds, and
//! look at it in the next execution. So what is still held at the end of an execution is kept alive for good, and not
//! dropped, as for real. A checker needs a value's memory for each execution then.
//!
//! Atomics, locks and cells keep more: see [`made`].
//!
//! Limits: a `Once`, `OnceLock` or `LazyLock` made outside and moved into a model comes in empty. A thread of `std`
//! that uses a `static` in the midst of an execution finds the real thing.

mod image;
pub(crate) mod made;

use crate::rt::context::{self, Context};
use crate::rt::runtime::Runtime;
use crate::rt::{self, model};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// The identity of one object, given on first use inside a model; 0 before.
#[derive(Debug)]
pub(crate) struct Key(AtomicU64);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// What an object holds in one execution.
pub(crate) trait Held {
    /// Goes, but for what references may point to, which may be all of it.
    fn outlive(self: Box<Self>);
}

/// The objects of one execution, by identity.
#[derive(Default)]
pub(crate) struct Statics(RefCell<Slots>);

#[derive(Default)]
struct Slots {
    by_key: FxHashMap<u64, Slot>,
    /// Made so far.
    made: u64,
}

struct Slot {
    /// Counted in the order in which they were first used.
    number: u64,
    value: NonNull<()>,
    drop: unsafe fn(NonNull<()>),
    outlive: unsafe fn(NonNull<()>),
}

/// # Safety
/// `enter` made this pointer from a `Box<S>` with this very `S`, and it has been taken out of the list.
unsafe fn drop_box<S>(value: NonNull<()>) {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(value.cast::<S>().as_ptr()) });
}

/// # Safety
/// As for [`drop_box`].
unsafe fn outlive<S: Held>(value: NonNull<()>) {
    // SAFETY: the caller's promise.
    unsafe { Box::from_raw(value.cast::<S>().as_ptr()) }.outlive();
}

impl Slot {
    fn destroy(self) {
        // SAFETY: `drop` was chosen together with `value`; `self` is consumed.
        unsafe { (self.drop)(self.value) };
    }

    fn outlive(self) {
        // SAFETY: as in `destroy`.
        unsafe { (self.outlive)(self.value) };
    }
}

/// A fresh identity.
fn fresh() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Whether this is an address in the program itself: of a `static`.
fn in_program(address: usize) -> bool {
    unsafe extern "C" {
        static __executable_start: u8;
        static _end: u8;
    }
    // The linker defines these two; only their addresses are taken.
    ((&raw const __executable_start).addr()..(&raw const _end).addr()).contains(&address)
}

/// What names an object in all executions alike.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ObjectName {
    /// Of a `static` its key, which it keeps.
    Static(u64),
    /// Of one that the execution has made, only that no thread has made it.
    Lazy,
    /// Of one that a thread makes and may hand on where no checker sees it: the thread, and how many it has made.
    Maker,
}

/// The object that is made next is at this address, and there from the beginning.
fn name_ahead(address: usize, key: u64) {
    name(if in_program(address) { ObjectName::Static(key) } else { ObjectName::Lazy });
}

/// As [`name_ahead`], of an object that is no `static`.
fn name_lazily() {
    name(ObjectName::Lazy);
}

/// What the running thread makes next may be used by threads that have not learnt of it, as a waker may that is handed
/// on through std's types.
pub(crate) fn name_unseen() {
    name(ObjectName::Maker);
}

fn name(name: ObjectName) {
    if let Some(checker) = rt::checker() {
        with_runtime!(checker, R => R::name_ahead(name));
    }
}

/// Whether an execution is there, or what it has left: where neither is, only real objects work.
fn in_execution() -> bool {
    context::current() == Context::Process || rt::alive() || model::try_local().is_some()
}

/// What this object holds in the running execution, if anything.
fn find<S>(key: u64) -> Option<NonNull<S>> {
    let find = |statics: &Statics| statics.0.borrow().by_key.get(&key).map(|slot| slot.value);
    model::of_execution(|execution| find(&execution.statics)).flatten().map(NonNull::cast)
}

/// Has `make` make what this object holds in the running execution. `names` says that it makes a location, which is
/// there from the beginning. Only inside a model, and with one `S` per key. Valid until the key or the execution ends.
fn enter<S: Held>(address: usize, key: u64, names: bool, make: impl FnOnce() -> S) -> NonNull<S> {
    let local = model::local();
    // Making can let other threads run, and one of them may make it first: theirs counts then.
    if names {
        name_ahead(address, key);
    }
    let made = make();
    if let Some(value) = find(key) {
        Box::new(made).outlive();
        return value;
    }
    let value = NonNull::from(Box::leak(Box::new(made)));
    let mut slots = local.execution().statics.0.borrow_mut();
    slots.made += 1;
    let number = slots.made;
    slots
        .by_key
        .insert(key, Slot { number, value: value.cast(), drop: drop_box::<S>, outlive: outlive::<S> });
    value
}

/// Takes what this object holds in the running execution out of its storage.
fn take(key: u64) -> Option<Slot> {
    if !context::current().is_model() {
        return None;
    }
    model::of_execution(|execution| execution.statics.0.borrow_mut().by_key.remove(&key)).flatten()
}

impl Key {
    /// The key of a new object.
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn id(&self) -> u64 {
        let id = self.0.load(Ordering::Relaxed);
        if id != 0 {
            return id;
        }
        let fresh = fresh();
        match self.0.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => fresh,
            Err(id) => id,
        }
    }

    /// What this object holds in the running execution, made by `make` if it holds nothing yet. Only
    /// inside a model, and with one `S` per key. Valid until the key or the execution ends.
    pub(crate) fn slot<S: Held>(&self, make: impl FnOnce() -> S) -> NonNull<S> {
        let key = self.id();
        find(key).unwrap_or_else(|| enter(self.address(), key, true, make))
    }

    /// Like [`Key::slot`], but `None` if the object holds nothing yet.
    pub(crate) fn existing<S>(&self) -> Option<NonNull<S>> {
        let key = self.0.load(Ordering::Relaxed);
        if key == 0 || !context::current().is_model() {
            return None;
        }
        find(key)
    }

    /// Forgets and destroys what the object holds in the running execution.
    pub(crate) fn clear(&mut self) {
        let key = *self.0.get_mut();
        if key != 0
            && let Some(slot) = take(key)
        {
            slot.destroy();
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Statics {
    /// The execution is over: what objects still hold is kept for good.
    pub(crate) fn end(&self) {
        let slots = std::mem::take(&mut self.0.borrow_mut().by_key);
        let mut slots: Vec<_> = slots.into_values().collect();
        slots.sort_by_key(|slot| slot.number);
        // The last goes first.
        while let Some(slot) = slots.pop() {
            slot.outlive();
        }
    }
}

impl Drop for Statics {
    fn drop(&mut self) {
        // A failed execution drops its storage from outside, where destructors that reach for the
        // engine would abort the process: give the rest up too.
        if !std::thread::panicking() {
            self.end();
        }
    }
}
