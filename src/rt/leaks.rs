//! What an execution of a model has made and must free: counted values and allocations.
//!
//! An `Arc` is entered under the address of its value, with what the engine follows it by, so that one that comes
//! back from a raw pointer is followed as before. What is not freed when all threads have ended is a leak.
//!
//! Limits: what a static owns for good is none, and which objects those are is not known: where a static holds a value
//! with a destructor, leaks are not looked for. Under rc11 they are looked for here, under loom by loom, elsewhere not;
//! and in models alone: a scenario says for itself what its designs may leave.

use super::execution;
use crate::rt::context;
use crate::rt::pending::Site;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::any::Any;
use std::rc::Rc;

/// What is entered of one object.
struct Held {
    /// What frees it, for the report.
    kind: &'static str,
    site: Site,
    freed: bool,
    /// What the engine follows it by.
    token: Option<Rc<dyn Any>>,
}

/// The objects of one execution.
pub(super) struct Ledger {
    /// By address.
    held: FxHashMap<usize, Held>,
    /// Whether the execution has left something that owns other objects to its statics.
    kept: bool,
}

impl Ledger {
    pub(super) const fn new() -> Self {
        Ledger { held: FxHashMap::with_hasher(FxBuildHasher), kept: false }
    }
}

/// Calls `f` with the ledger, unless what it held is being dropped.
fn with<R>(f: impl FnOnce(&mut FxHashMap<usize, Held>) -> R) -> Option<R> {
    execution::with(|execution| execution.ledger.try_borrow_mut().ok().map(|mut ledger| f(&mut ledger.held)))
}

/// A static keeps a value for good, with all that it owns.
pub(crate) fn keep() {
    execution::with(|execution| execution.ledger.borrow_mut().kept = true);
}

/// An execution begins, which has made nothing.
pub(crate) fn begin() {
    execution::with(|execution| execution.ledger.borrow_mut().kept = false);
    drop(with(std::mem::take));
    super::memory::begin();
}

/// An object of this kind was made, at this address.
pub(crate) fn made<T: 'static>(address: usize, kind: &'static str, site: Site, token: Option<T>) {
    if !context::current().is_model() {
        return;
    }
    let token = token.map(|token| Rc::new(token) as Rc<dyn Any>);
    drop(with(|ledger| ledger.insert(address, Held { kind, site, freed: false, token })));
}

/// The object at this address was freed. False if there was none.
pub(crate) fn freed(address: usize) -> bool {
    if !context::current().is_model() {
        return false;
    }
    let known = with(|ledger| match ledger.get_mut(&address) {
        Some(held) if !held.freed => {
            held.freed = true;
            true
        }
        _ => false,
    });
    known == Some(true)
}

/// What the object at this address is followed by, if it was entered with something of this type.
pub(crate) fn token<T: Clone + 'static>(address: usize) -> Option<T> {
    let token = with(|ledger| ledger.get(&address).and_then(|held| held.token.clone()))??;
    token.downcast_ref::<T>().cloned()
}

/// What everything that has not been freed is followed by, if it is of this type.
pub(crate) fn tokens<T: Clone + 'static>() -> Vec<T> {
    let held = |ledger: &mut FxHashMap<usize, Held>| {
        let held = ledger.values().filter(|held| !held.freed);
        held.filter_map(|held| held.token.as_ref()?.downcast_ref::<T>().cloned()).collect()
    };
    with(held).unwrap_or_default()
}

/// At the end of an execution.
///
/// # Panics
/// If something was not freed.
pub(crate) fn check() {
    if !crate::rt::leaks_are_looked_for() || execution::with(|execution| execution.ledger.borrow().kept) {
        return;
    }
    let leaked = with(|ledger| {
        let held = ledger.values().filter(|held| !held.freed);
        let first = held.min_by_key(|held| (held.site.file(), held.site.line(), held.site.column()))?;
        Some((first.kind, first.site))
    });
    if let Some(Some((kind, site))) = leaked {
        panic!("{kind} leaked: made at {site}, and never freed");
    }
}
