//! What the checker of histories takes in time and memory, how that grows, and how many generated programs
//! run per second.
//!
//! `cargo bench --bench histories` prints the tables, which takes up to an hour; a figure beyond its bound is
//! marked, and makes the exit code 1. Without the default features it is built in a minute and leaves out the
//! programs: `cargo bench --no-default-features --features linearizability --bench histories`. Beside each figure
//! stands that of the algorithm known from porcupine, written anew ([`baseline`]). Histories are drawn from a seed: clients call, take effect and return by turns, so that as
//! many operations are in flight as there are clients, and every history is linearizable; its broken twin
//! ends with a read that nothing explains. Where operations are pending, that share of the clients never
//! hears of its operation, which took effect or not, and another client takes its place.
//!
//! `cargo bench --bench histories -- LARGEST` leaves out histories of more operations than that. Peak memory
//! is the largest resident set while checking, less what was resident before.

mod baseline;
#[cfg(feature = "harness")]
mod programs;

use selvedge::linearizability::{Answer, Checker, History, Model};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How often a figure with a bound is measured; the least counts, since other work on the machine only adds.
const ROUNDS: usize = 5;

/// The time-out of every check of a table.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time-out of the baseline, which is mostly over at once or not for hours.
const BASELINE_PATIENCE: Duration = Duration::from_millis(500);

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

/// What a history is drawn from.
#[derive(Clone, Copy)]
struct Shape {
    operations: usize,
    clients: usize,
    keys: u64,
    /// Of a thousand operations, how many never return.
    pending: u64,
}

/// A linearizable history.
fn history<M: Model<Op = Op, Ret = u16>>(mut model: M, shape: Shape) -> History<Op, u16> {
    let mut random = Random(shape.operations as u64);
    let mut history = History::new();
    let mut clients: Vec<_> = (0..shape.clients).map(|client| (client, Client::Idle)).collect();
    let mut names = shape.clients;
    let small = |number: u64| u16::try_from(number).unwrap_or(0);
    while history.operations().len() < shape.operations
        || clients.iter().any(|(_, client)| !matches!(client, Client::Idle))
    {
        let chosen = random.below(clients.len() as u64) as usize;
        let (name, client) = &mut clients[chosen];
        *client = match std::mem::replace(client, Client::Idle) {
            Client::Idle if history.operations().len() >= shape.operations => Client::Idle,
            Client::Idle => {
                let key = small(random.below(shape.keys));
                let op = match random.below(3) {
                    0 => Get(key),
                    1 => Put(key, small(random.below(5))),
                    _ => CompareAndSet(key, small(random.below(5)), small(random.below(5))),
                };
                Client::Called(history.call(*name, op.clone()), op)
            }
            lost @ (Client::Called(..) | Client::Effective(..)) if random.below(2000) < shape.pending => {
                if let Client::Called(_, op) = lost
                    && random.below(2) == 0
                {
                    model.apply(&op);
                }
                *name = names;
                names += 1;
                Client::Idle
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
    let writes: Vec<_> = (0..4).map(|client| history.call(1_000_000 + client, Put(0, 1))).collect();
    let wrong = history.call(1_000_005, Get(0));
    history.returns(wrong, 999);
    writes.into_iter().for_each(|write| history.returns(write, 0));
    history
}

/// The same history, whose last read of a key returns another value than was there, if it was a plausible one.
fn stale(history: &History<Op, u16>) -> History<Op, u16> {
    let mut stale = history.clone();
    for (client, (op, ret)) in [(Put(0, 1), 0), (Get(0), 2)].into_iter().enumerate() {
        let place = stale.call(2_000_000 + client, op);
        stale.returns(place, ret);
    }
    stale
}

/// Milliseconds of a check, and the bytes that it took; no time if it came to no answer.
fn checked<M: Model<Op = Op, Ret = u16>>(
    model: &M,
    history: &History<Op, u16>,
    fits: bool,
) -> (Option<f64>, usize) {
    let before = reset_peak();
    let start = Instant::now();
    let answer = Checker::new().timeout(PATIENCE).without_window().check(model, history);
    let took = start.elapsed().as_secs_f64() * 1e3;
    let bytes = peak().saturating_sub(before);
    match answer {
        Answer::Linearizable(_) => assert!(fits, "a wrong history is called right"),
        Answer::NotLinearizable(_) => assert!(!fits, "a right history is called wrong"),
        Answer::Unknown(_) => return (None, bytes),
    }
    (Some(took), bytes)
}

/// Forgets the largest resident set so far, and tells the present one.
fn reset_peak() -> usize {
    // Where this is refused, peaks are those of the whole run, which are no smaller.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    resident("VmRSS:")
}

fn peak() -> usize {
    resident("VmHWM:")
}

fn resident(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = status.lines().find_map(|text| text.strip_prefix(line));
    let kibibytes = value.and_then(|text| text.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kibibytes.unwrap_or(0) << 10
}

/// What a check took, and whether it came to an answer, in a table's words.
fn in_words((took, bytes): (Option<f64>, usize)) -> String {
    let took = took.map_or("unknown".to_owned(), |took| format!("{took:.1} ms"));
    format!("{took:>12} {:>4} MB", bytes >> 20)
}

/// The same of the algorithm known from porcupine.
fn baseline<M: Model<Op = Op, Ret = u16>>(
    model: &M,
    history: &History<Op, u16>,
    fits: bool,
) -> (Option<f64>, usize) {
    let before = reset_peak();
    let start = Instant::now();
    let answer = baseline::fits(model, history, BASELINE_PATIENCE);
    let took = start.elapsed().as_secs_f64() * 1e3;
    let bytes = peak().saturating_sub(before);
    assert!(answer.is_none_or(|answer| answer == fits), "the baseline is wrong");
    (answer.map(|_| took), bytes)
}

/// One row of the table: linearizable and broken, here and by the baseline.
fn row_of<M: Model<Op = Op, Ret = u16>>(model: &M, shape: Shape) -> String {
    let right = history(model.clone(), shape);
    let wrong = broken(right.clone());
    // What is pending may explain a plausible value.
    let stale = (shape.pending == 0).then(|| (stale(&right), false));
    let mut cells = String::new();
    for (history, fits) in [(right, true), (wrong, false)].into_iter().chain(stale) {
        cells += &in_words(checked(model, &history, fits));
        cells += &in_words(baseline(model, &history, fits));
    }
    cells
}

fn tables(largest: usize) {
    for in_parts in [true, false] {
        println!(
            "\n{:<36}{:^40}{:^40}{:^40}\n{:>8} {:>12} {:>12}  {}",
            if in_parts { "key-value in parts of 50" } else { "one compare-and-set register" },
            "right",
            "nothing explains the last read",
            "the last read is stale",
            "clients",
            "operations",
            "pending",
            format!("{:>12} {:>7}{:>12} {:>7}", "", "peak", "baseline", "peak").repeat(3),
        );
        for clients in [1, 5, 10, 20, 50, 100] {
            for operations in [100, 1_000, 10_000, 100_000, 1_000_000] {
                for pending in [0, 10, 50] {
                    if operations > largest {
                        continue;
                    }
                    let keys = if in_parts { (operations as u64 / 50).min(60_000) } else { 1 };
                    let shape = Shape { operations, clients, keys, pending };
                    let cells = if in_parts {
                        row_of(&Pairs(std::collections::BTreeMap::new()), shape)
                    } else {
                        row_of(&Register(0), shape)
                    };
                    let percent = format!("{} %", pending / 10);
                    println!("{clients:>8} {operations:>12} {percent:>12}  {cells}");
                }
            }
        }
    }
}

/// The least time of a check, in milliseconds.
fn least<M: Model<Op = Op, Ret = u16>>(model: &M, history: &History<Op, u16>, fits: bool) -> f64 {
    let rounds = (0..ROUNDS).filter_map(|_| checked(model, history, fits).0);
    rounds.fold(f64::INFINITY, f64::min)
}

/// Twenty or fifty clients of one register that says which of its operations are reads.
fn clients(all_good: &mut bool) {
    let shape = |clients, each| Shape { operations: clients * each, clients, keys: 1, pending: 0 };
    for (clients, each, at_most) in [(20, 100, 1_000.0), (20, 1_000, 1_000.0), (50, 100, 500.0)] {
        let history = history(Register(0), shape(clients, each));
        let plain = least(&Register(0), &history, true);
        let hinted = least(&Hinted(Register(0)), &history, true);
        let good = hinted <= at_most;
        *all_good &= good;
        println!(
            "{clients} clients × {each} operations, one register: {plain:.1} ms, with reads named {hinted:.1} ms \
             (at most {at_most} ms){}",
            if good { "" } else { " !" }
        );
    }
}

/// The register, with its reads named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Hinted(Register);

impl Model for Hinted {
    type Op = Op;
    type Ret = u16;

    fn apply(&mut self, op: &Op) -> u16 {
        self.0.apply(op)
    }

    fn read_only(op: &Op, ret: &u16) -> bool {
        matches!((op, ret), (Get(_), _) | (CompareAndSet(..), 0))
    }
}

fn main() -> ExitCode {
    let largest = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let mut all_good = true;
    let mut row = |what: &str, milliseconds: f64, at_most: f64| {
        let good = milliseconds <= at_most;
        all_good &= good;
        println!("{what:<66} {milliseconds:>9.2} ms  (at most {at_most} ms){}", if good { "" } else { " !" });
    };
    let pairs = || Pairs(std::collections::BTreeMap::new());
    let shape = |operations, clients, keys, pending| Shape { operations, clients, keys, pending };
    let with_parts = history(pairs(), shape(1_000, 10, 20, 0));
    row("1,000 operations, 10 clients, key-value in parts", least(&pairs(), &with_parts, true), 50.0);
    row("the same, broken", least(&pairs(), &broken(with_parts), false), 50.0);
    let whole = history(Register(0), shape(80, 5, 1, 0));
    row("80 operations, 5 clients, compare-and-set register", least(&Register(0), &whole, true), 50.0);
    row("the same, broken", least(&Register(0), &broken(whole), false), 50.0);
    let crashing = history(Register(0), shape(10_000, 5, 1, 25));
    let pending = crashing.operations().iter().filter(|operation| operation.returned.is_none()).count();
    let what = format!("10,000 operations, 5 clients, {pending} of them pending");
    row(&what, least(&Register(0), &crashing, true), 110.0);
    row("the same, broken", least(&Register(0), &broken(crashing), false), 1_000.0);
    if largest >= 1_000_000 {
        let long = history(pairs(), shape(1_000_000, 10, 20_000, 0));
        row("1,000,000 operations, 10 clients, key-value in parts", least(&pairs(), &long, true), 5_000.0);
    }
    clients(&mut all_good);
    tables(largest);
    #[cfg(feature = "harness")]
    programs::per_second();
    if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
