//! What the linearizability checker takes, how that grows, and how many generated programs run per second.
//!
//! `cargo bench --bench histories` prints the tables; a figure beyond its bound is marked, and makes the
//! exit code 1. Histories are drawn from a seed: clients call, take effect and return by turns, so that as
//! many operations are in flight as there are clients, and every history is linearizable; its broken twin
//! has one return near its end that nothing explains.

use selvedge::__private::bench;
use selvedge::object::{Answer, History, Implementation, Implements, Model, Object, check};
use selvedge::prelude::*;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How often each figure is measured; the median counts.
const ROUNDS: usize = 5;

/// Long enough for every history here, and short enough to see that one is not.
const PATIENCE: Duration = Duration::from_secs(60);

/// Numbers from a seed: a linear congruential generator (Knuth, TAOCP 2, section 3.3.4, line 26).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[derive(Clone, Debug)]
enum Op {
    Get(u16),
    Put(u16, u16),
    CompareAndSet(u16, u16, u16),
}
use Op::{CompareAndSet, Get, Put};

/// Keys and their values; of a history with parts, each part sees its own key alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pairs(std::collections::BTreeMap<u16, u16>);

impl Model for Pairs {
    type Op = Op;
    type Ret = u16;

    fn apply(&mut self, op: &Op) -> u16 {
        apply(|key| self.0.entry(key).or_default(), op)
    }

    fn part(op: &Op) -> Option<u64> {
        let (Get(key) | Put(key, _) | CompareAndSet(key, ..)) = op;
        Some(u64::from(*key))
    }

    fn weight(&self) -> usize {
        size_of::<Self>() + 8 * self.0.len()
    }
}

/// One value, whatever the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Register(u16);

impl Model for Register {
    type Op = Op;
    type Ret = u16;

    fn apply(&mut self, op: &Op) -> u16 {
        apply(|_| &mut self.0, op)
    }
}

fn apply<'a>(value: impl FnOnce(u16) -> &'a mut u16, op: &Op) -> u16 {
    match *op {
        Get(key) => *value(key),
        Put(key, new) => {
            *value(key) = new;
            0
        }
        CompareAndSet(key, expected, new) => {
            let value = value(key);
            let matches = *value == expected;
            if matches {
                *value = new;
            }
            u16::from(matches)
        }
    }
}

/// A client's operation in flight.
enum Client {
    Idle,
    Called(usize, Op),
    Effective(usize, u16),
}

/// A linearizable history of so many operations.
fn history<M: Model<Op = Op, Ret = u16>>(
    mut model: M,
    operations: usize,
    clients: u64,
    keys: u64,
) -> History<Op, u16> {
    let mut random = Random(operations as u64);
    let mut history = History::new();
    let mut clients: Vec<_> = (0..clients).map(|_| Client::Idle).collect();
    let small = |number: u64| u16::try_from(number).unwrap_or(0);
    while history.operations().len() < operations
        || clients.iter().any(|client| !matches!(client, Client::Idle))
    {
        let chosen = random.below(clients.len() as u64) as usize;
        clients[chosen] = match std::mem::replace(&mut clients[chosen], Client::Idle) {
            Client::Idle if history.operations().len() >= operations => Client::Idle,
            Client::Idle => {
                let key = small(random.below(keys));
                let op = match random.below(3) {
                    0 => Get(key),
                    1 => Put(key, small(random.below(5))),
                    _ => CompareAndSet(key, small(random.below(5)), small(random.below(5))),
                };
                Client::Called(history.call(chosen, op.clone()), op)
            }
            Client::Called(place, op) => Client::Effective(place, model.apply(&op)),
            Client::Effective(place, ret) => {
                history.returns(place, ret);
                Client::Idle
            }
        };
    }
    history
}

/// The same history with a read at the end that nothing explains.
fn broken(mut history: History<Op, u16>) -> History<Op, u16> {
    let reads: Vec<_> = (0..4).map(|client| history.call(client, Put(0, 1))).collect();
    let wrong = history.call(5, Get(0));
    history.returns(wrong, 999);
    reads.into_iter().for_each(|read| history.returns(read, 0));
    history
}

/// The median time of a check, in milliseconds.
fn checked<M: Model<Op = Op, Ret = u16>>(model: &M, history: &History<Op, u16>, fits: bool) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            let answer = check(model, history, PATIENCE);
            let took = start.elapsed().as_secs_f64() * 1e3;
            match answer {
                Answer::Linearizable(order) => assert!(fits && order.len() == history.operations().len()),
                Answer::NotLinearizable(_) => assert!(!fits, "a right history is called wrong"),
                Answer::Unknown(reason) => panic!("{reason}"),
            }
            took
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

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

fn main() -> ExitCode {
    let mut all_good = true;
    let mut row = |what: &str, milliseconds: f64, at_most: f64| {
        let good = milliseconds <= at_most;
        all_good &= good;
        println!("{what:<66} {milliseconds:>9.2} ms  (at most {at_most} ms){}", if good { "" } else { " !" });
    };
    let pairs = || Pairs(std::collections::BTreeMap::new());
    let with_parts = history(pairs(), 1_000, 10, 20);
    row("1,000 operations, 10 clients, key-value in parts", checked(&pairs(), &with_parts, true), 50.0);
    let wrong = broken(with_parts);
    row("the same, broken", checked(&pairs(), &wrong, false), 50.0);
    let whole = history(Register(0), 80, 5, 1);
    row("80 operations, 5 clients, compare-and-set register", checked(&Register(0), &whole, true), 50.0);
    row("the same, broken", checked(&Register(0), &broken(whole), false), 50.0);

    println!(
        "\n{:>10} {:>22} {:>22} {:>22} {:>22}",
        "operations", "key-value, 10 clients", "broken", "register, 5 clients", "broken"
    );
    for operations in [100, 1_000, 10_000, 100_000] {
        let with_parts = history(pairs(), operations, 10, operations as u64 / 50);
        let whole = history(Register(0), operations, 5, 1);
        println!(
            "{operations:>10} {:>19.2} ms {:>19.2} ms {:>19.2} ms {:>19.2} ms",
            checked(&pairs(), &with_parts, true),
            checked(&pairs(), &broken(with_parts), false),
            checked(&Register(0), &whole, true),
            checked(&Register(0), &broken(whole), false),
        );
    }
    println!();
    for engine in [Shuttle, Threads] {
        let (programs, executions) = bench::programs(engine, tickets());
        println!(
            "generated programs per second on {engine}: {programs:.0}, of {executions:.0} executions per second"
        );
    }
    if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
