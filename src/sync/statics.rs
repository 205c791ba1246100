//! What `static` objects hold in one execution of a model.
//!
//! `Once`, `OnceLock` and `LazyLock` can be made in a `static`, outside any model, and must begin anew in
//! every execution. So they carry only a [`Key`], and what they hold in a model lies in the storage of the
//! execution, made by whichever thread comes first. loom remembers who made an object and calls it a race
//! if another thread touches it unordered; so the maker enters what it has made once before any other thread
//! can find it, and every thread after enters by the same lock.
//!
//! Code that has an object for ever (a `static`, or one that was leaked) may keep a `&'static` to what it holds, and
//! look at it in the next execution. So what is still held at the end of an execution is kept alive for good, and not
//! dropped, as for real. A checker needs a value's memory for each execution then.
//!
//! Limit: an object made outside and moved into a model comes in empty.

use crate::context::{self, Context};
use crate::rt::rc11;
use crate::thread::model;
use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// The identity of one object, given on first use inside a model; 0 before.
#[derive(Debug)]
pub(crate) struct Key(AtomicU64);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// What an object holds in one execution.
pub(crate) trait Held {
    /// Goes, but for what references may point to.
    fn outlive(self);
}

/// The objects of one execution, in the order in which they were first used.
#[derive(Default)]
pub(crate) struct Statics(RefCell<Vec<Slot>>);

struct Slot {
    key: u64,
    value: NonNull<()>,
    drop: unsafe fn(NonNull<()>),
    outlive: unsafe fn(NonNull<()>),
}

/// # Safety
/// `Key::slot` made this pointer from a `Box<S>` with this very `S`, and it has been taken out of the list.
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

impl Key {
    /// The key of a new object.
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    fn id(&self) -> u64 {
        let id = self.0.load(Ordering::Relaxed);
        if id != 0 {
            return id;
        }
        let fresh = NEXT.fetch_add(1, Ordering::Relaxed);
        match self.0.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => fresh,
            Err(id) => id,
        }
    }

    /// What names this object's location under rc11 in all executions alike: of a `static` its key, which it keeps;
    /// of one that the execution has made, only that it has no name.
    fn location_name(&self, key: u64) -> (u8, u32) {
        unsafe extern "C" {
            static __executable_start: u8;
            static _end: u8;
        }
        // The linker defines these two; only their addresses are taken.
        let program = (&raw const __executable_start).addr()..(&raw const _end).addr();
        if program.contains(&std::ptr::from_ref(self).addr()) {
            (rc11::OF_STATICS, u32::try_from(key).unwrap_or(u32::MAX))
        } else {
            (rc11::OF_LAZY, 0)
        }
    }

    /// What this object holds in the running execution, made by `make` if it holds nothing yet. Only
    /// inside a model, and with one `S` per key. Valid until the key or the execution ends.
    pub(crate) fn slot<S: Held>(&self, make: impl FnOnce() -> S) -> NonNull<S> {
        let key = self.id();
        let local = model::local();
        let slots = &local.execution().statics.0;
        let found = slots.borrow().iter().find(|slot| slot.key == key).map(|slot| slot.value);
        if let Some(value) = found {
            return value.cast();
        }
        // Making can let other threads run, and one of them may make it first: theirs counts then.
        if context::current() == Context::Rc11 {
            rc11::name_ahead(self.location_name(key));
        }
        let made = make();
        let found = slots.borrow().iter().find(|slot| slot.key == key).map(|slot| slot.value);
        if let Some(value) = found {
            return value.cast();
        }
        let value = NonNull::from(Box::leak(Box::new(made)));
        slots.borrow_mut().push(Slot {
            key,
            value: value.cast(),
            drop: drop_box::<S>,
            outlive: outlive::<S>,
        });
        value
    }

    /// Like [`Key::slot`], but `None` if the object holds nothing yet.
    pub(crate) fn existing<S>(&self) -> Option<NonNull<S>> {
        let key = self.0.load(Ordering::Relaxed);
        if key == 0 || !context::current().is_model() {
            return None;
        }
        let local = model::try_local()?;
        let slots = local.execution().statics.0.borrow();
        let slot = slots.iter().find(|slot| slot.key == key)?;
        Some(slot.value.cast())
    }

    /// Forgets and destroys what the object holds in the running execution.
    pub(crate) fn clear(&mut self) {
        let key = *self.0.get_mut();
        if key == 0 || !context::current().is_model() {
            return;
        }
        let Some(local) = model::try_local() else {
            return;
        };
        let slots = &local.execution().statics.0;
        let at = slots.borrow().iter().position(|slot| slot.key == key);
        if let Some(at) = at {
            let slot = slots.borrow_mut().remove(at);
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
        while let Some(slot) = self.pop() {
            slot.outlive();
        }
    }

    fn pop(&self) -> Option<Slot> {
        self.0.borrow_mut().pop()
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
