//! Closures of a scenario that run outside of any actor.

use selvedge::prelude::*;
use selvedge::Outcome;
use std::cmp::Ordering as Order;
use std::fmt;

selvedge::scenario!(panicking_grade);
selvedge::scenario!(panicking_debug);
selvedge::scenario!(endless_debug);
selvedge::scenario!(panicking_order);

fn counting<O: Outcome>(outcome: impl Fn(u32) -> O + Send + Sync + 'static) -> Design<AtomicU32, (), O> {
    Design::new(|| AtomicU32::new(0))
        .actors(2, |n| {
            n.fetch_add(1, Relaxed);
        })
        .observe(move |n, _| outcome(n.load(Relaxed)))
}

fn panicking_grade() -> Scenario<u32> {
    Scenario::new("Does a grade take the run down?")
        .acceptable("none", |_| panic!("a grade gave up"))
        .design("two", counting(|n| n))
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct NoDebug(u32);

impl fmt::Debug for NoDebug {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("Debug gave up")
    }
}

fn panicking_debug() -> Scenario<NoDebug> {
    Scenario::new("Does `Debug` take the run down?")
        .acceptable("all", |_| true)
        .design("two", counting(NoDebug))
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct EndlessDebug(u32);

impl fmt::Debug for EndlessDebug {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        loop {
            std::hint::spin_loop();
        }
    }
}

fn endless_debug() -> Scenario<EndlessDebug> {
    Scenario::new("Does `Debug` keep the run for ever?")
        .acceptable("all", |_| true)
        .design("two", counting(EndlessDebug))
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct NoOrder(u32);

impl PartialOrd for NoOrder {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}

impl Ord for NoOrder {
    fn cmp(&self, _: &Self) -> Order {
        panic!("Ord gave up")
    }
}

fn panicking_order() -> Scenario<NoOrder> {
    Scenario::new("Does `Ord` take the run down?").acceptable("all", |_| true).design(
        "two",
        Design::new(|| AtomicU32::new(0))
            .actors(2, |n| n.swap(1, Relaxed))
            .observe(|n, returns| NoOrder(n.load(Relaxed) + returns[0])),
    )
}
