//! What an execution of a model has made and must free: counted values and allocations.
//!
//! An `Arc` is entered under the address of its value, with what the engine follows it by, so that one that comes
//! back from a raw pointer is followed as before. What is not freed when all threads have ended and all statics are
//! destroyed is a leak.
//!
//! Limits: leaks are looked for under rc11 alone (loom looks for its own objects itself), and in models alone: a
//! scenario says for itself what its designs may leave.

use crate::arm::trace::Site;
use crate::context::{self, Context};
use rustc_hash::FxHashMap;
use std::any::Any;
use std::cell::RefCell;
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

thread_local! {
    /// By address: the objects of the execution that runs on this operating-system thread.
    static LEDGER: RefCell<FxHashMap<usize, Held>> = RefCell::default();
}

/// Calls `f` with the ledger, unless it is gone, or what it held is being dropped.
fn with<R>(f: impl FnOnce(&mut FxHashMap<usize, Held>) -> R) -> Option<R> {
    LEDGER.try_with(|ledger| ledger.try_borrow_mut().ok().map(|mut ledger| f(&mut ledger))).ok()?
}

/// An execution begins, which has made nothing.
pub(crate) fn begin() {
    drop(with(std::mem::take));
}

/// An object of this kind was made, at this address.
pub(crate) fn made<T: 'static>(address: usize, kind: &'static str, site: Site, token: Option<T>) {
    if !context::current().is_model() {
        return;
    }
    // Whoever is first begins the execution.
    crate::thread::model::local();
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

/// At the end of an execution.
///
/// # Panics
/// If something was not freed.
pub(crate) fn check() {
    if context::current() != Context::Rc11 || !crate::arm::rc11::alive() {
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
