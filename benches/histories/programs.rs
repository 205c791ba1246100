//! How many generated programs run per second.

use selvedge::__private::bench;
use selvedge::linearizability::Model;
use selvedge::object::{Implementation, Implements, Object};
use selvedge::prelude::*;

struct Tickets(AtomicU32);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Count(u32);

impl Model for Count {
    type Op = u32;
    type Ret = u32;

    fn apply(&mut self, add: &u32) -> u32 {
        self.0 += add;
        self.0
    }
}

impl Implements<Count> for Tickets {
    fn apply(&self, add: &u32) -> u32 {
        self.0.fetch_add(*add, Relaxed) + add
    }
}

fn tickets() -> Object<Count> {
    Object::new("Is every addition counted?", Count(0), 1_u32..10)
        .implementation("fetch_add", Implementation::new(|| Tickets(AtomicU32::new(0))))
}

/// Prints it for two engines.
pub(crate) fn per_second() {
    println!();
    for engine in [Shuttle, Threads] {
        let (programs, executions) = bench::programs(engine, tickets());
        println!(
            "generated programs per second on {engine}: {programs:.0}, of {executions:.0} executions per second"
        );
    }
}
