//! Choices of values under loom, which explores none itself.
//!
//! loom runs a whole exploration for one *assignment*: which of its choices which thread makes how. Those
//! that an assignment says nothing of come out as 0, and are noted with the number of their options; so an
//! [`Odometer`] learns which other assignments there are, and the exploration is run for each of them. A
//! choice is known by its thread and by how many this thread has made before, so that within one exploration
//! a thread does nothing that another one's choices decide behind loom's back: loom's own reduction stays
//! sound. Every execution is one interleaving together with the choices that are not 0 in it, and counts in
//! the exploration for just these; where one of them is not reached, or has too few options, the execution
//! is another exploration's.

use crate::rt::context;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// A thread, and how many choices it has made before.
type Place = (u32, u32);

/// Choices that come out as something else than 0.
pub(crate) type Assignment = BTreeMap<Place, u32>;

#[derive(Default)]
struct Oracle {
    assigned: Assignment,
    /// How many choices each thread has made in this execution.
    made: BTreeMap<u32, u32>,
    /// How many of the assigned choices were made as assigned, in this execution.
    met: usize,
    /// Other choices, of all executions, with the number of their options.
    others: BTreeMap<Place, u32>,
}

thread_local! {
    static ORACLE: RefCell<Oracle> = RefCell::default();
}

/// The choice of a thread in this execution.
pub(crate) fn choose(thread: usize, options: u32) -> u32 {
    let thread = u32::try_from(thread).unwrap_or(u32::MAX);
    ORACLE.with_borrow_mut(|oracle| {
        let made = oracle.made.entry(thread).or_insert(0);
        let place = (thread, *made);
        *made += 1;
        match oracle.assigned.get(&place) {
            Some(value) if *value < options => {
                oracle.met += 1;
                context::set_weight(u64::from(oracle.met >= oracle.assigned.len()));
                *value
            }
            Some(_) => 0,
            None => {
                let most = oracle.others.entry(place).or_insert(0);
                *most = options.max(*most);
                0
            }
        }
    })
}

/// An execution begins: redundant, until all that is assigned is chosen.
pub(crate) fn begin_execution() {
    ORACLE.with_borrow_mut(|oracle| {
        oracle.made.clear();
        oracle.met = 0;
        context::set_weight(u64::from(oracle.assigned.is_empty()));
    });
}

/// Runs an exploration, or an execution of one, for this assignment.
pub(crate) fn assigned<R>(assignment: &Assignment, explore: impl FnOnce() -> R) -> R {
    struct Left;
    impl Drop for Left {
        fn drop(&mut self) {
            ORACLE.with_borrow_mut(|oracle| oracle.assigned.clear());
            begin_execution();
        }
    }
    let _left = Left;
    let oracle = Oracle { assigned: assignment.clone(), ..Oracle::default() };
    ORACLE.set(oracle);
    explore()
}

/// Goes through all assignments.
pub(crate) struct Odometer {
    open: BTreeSet<Assignment>,
    known: BTreeSet<Assignment>,
}

impl Odometer {
    pub(crate) fn new() -> Self {
        let none = BTreeSet::from([Assignment::new()]);
        Odometer { open: none.clone(), known: none }
    }

    /// Runs an exploration for the next assignment; `None` if there is none left.
    pub(crate) fn turn<R>(&mut self, explore: impl FnOnce(&Assignment) -> R) -> Option<R> {
        let assignment = self.open.pop_first()?;
        let (explored, others) = assigned(&assignment, || {
            let explored = explore(&assignment);
            (explored, ORACLE.with_borrow_mut(|oracle| std::mem::take(&mut oracle.others)))
        });
        for (place, options) in others {
            for value in 1..options {
                let mut other = assignment.clone();
                other.insert(place, value);
                if self.known.insert(other.clone()) {
                    self.open.insert(other);
                }
            }
        }
        Some(explored)
    }
}
