//! Random programs on the real facade: the reduced search sees what shuttle's plain depth-first search sees.

use super::reduced::Reduced;
use super::search::Counters;
use crate::arm::shuttle_tracking::Tracking;
use crate::arm::trace::{self, RaceFound};
use crate::cell::Plain;
use crate::channel::{self, Receiver, Sender};
use crate::context::{self, Context};
use crate::sync::atomic::AtomicU8;
use crate::sync::{Condvar, Mutex, OnceLock, RwLock};
use crate::thread;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shuttle::scheduler::{DfsScheduler, Schedule, Scheduler, Task, TaskId};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release, SeqCst};
use std::time::Duration;

/// What an actor does. Numbers name objects; `Held` operations are done under a lock.
#[derive(Clone, Copy, Debug)]
enum Act {
    Load(usize, bool),
    Store(usize, u8, bool),
    Add(usize),
    Cas(usize, u8),
    Get,
    Set,
    Lock(Held),
    TryLock(Held),
    Read(Held),
    Write(Held),
    TryRead,
    TryWrite,
    Wait,
    TimedWait,
    NotifyOne,
    NotifyAll,
    Send(u8),
    Receive,
    TryReceive,
    ReceiveInTime,
    HangUp,
    Init(u8),
    Yield,
}

/// What is done under a lock.
#[derive(Clone, Copy, Debug)]
enum Held {
    Nothing,
    Load,
    Store,
    Cell,
}

/// What the actors share.
struct Shared {
    atomics: [AtomicU8; 2],
    cell: Plain<u8>,
    guarded: Plain<u8>,
    mutex: Mutex<u8>,
    condvar: Condvar,
    rwlock: RwLock<u8>,
    once: OnceLock<u8>,
    receiver: Receiver<u8>,
}

impl Shared {
    fn held(&self, held: Held) -> u8 {
        match held {
            Held::Nothing => 0,
            Held::Load => self.atomics[0].load(Relaxed),
            Held::Store => {
                self.atomics[0].store(9, Relaxed);
                0
            }
            Held::Cell => {
                self.guarded.set(self.guarded.get() + 1);
                self.guarded.get()
            }
        }
    }

    /// Does it, and returns what was seen.
    fn act(&self, act: Act, sender: &mut Option<Sender<u8>>) -> u8 {
        let load = |acquire| if acquire { Acquire } else { Relaxed };
        let store = |release| if release { Release } else { Relaxed };
        match act {
            Act::Load(a, acquire) => return self.atomics[a].load(load(acquire)),
            Act::Store(a, value, release) => self.atomics[a].store(value, store(release)),
            Act::Add(a) => return self.atomics[a].fetch_add(1, Relaxed),
            Act::Cas(a, from) => {
                return self.atomics[a].compare_exchange(from, 5, SeqCst, Relaxed).unwrap_or_else(|v| v + 64);
            }
            Act::Get => return self.cell.get(),
            Act::Set => self.cell.set(1),
            Act::Lock(held) => {
                let mut guard = self.mutex.lock().unwrap();
                *guard = *guard * 2 + 1;
                return *guard ^ self.held(held) << 4;
            }
            Act::TryLock(held) => return self.mutex.try_lock().map_or(77, |_guard| self.held(held)),
            // Readers may look at what is guarded, and no more.
            Act::Read(held) => {
                let guard = self.rwlock.read().unwrap();
                return *guard ^ self.held(if matches!(held, Held::Cell) { Held::Load } else { held }) << 4;
            }
            Act::Write(held) => {
                let mut guard = self.rwlock.write().unwrap();
                *guard = *guard * 2 + 1;
                return self.held(if matches!(held, Held::Cell) { Held::Load } else { held });
            }
            Act::TryRead => return self.rwlock.try_read().map_or(77, |guard| *guard),
            Act::TryWrite => {
                return self.rwlock.try_write().map_or(77, |mut guard| {
                    *guard += 1;
                    *guard
                });
            }
            Act::Wait => drop(self.condvar.wait(self.mutex.lock().unwrap())),
            Act::TimedWait => {
                let guard = self.mutex.lock().unwrap();
                let waited = self.condvar.wait_timeout(guard, Duration::from_secs(1)).unwrap();
                return u8::from(waited.1.timed_out());
            }
            Act::NotifyOne => self.condvar.notify_one(),
            Act::NotifyAll => self.condvar.notify_all(),
            Act::Send(value) => return sender.as_ref().map_or(78, |end| u8::from(end.send(value).is_ok())),
            Act::Receive => return self.receiver.recv().unwrap_or(79),
            Act::TryReceive => return self.receiver.try_recv().unwrap_or(80),
            Act::ReceiveInTime => return self.receiver.recv_timeout(Duration::from_secs(1)).unwrap_or(81),
            Act::HangUp => drop(sender.take()),
            Act::Init(value) => return *self.once.get_or_init(|| value),
            Act::Yield => thread::yield_now(),
        }
        0
    }
}

#[derive(Clone, Debug)]
struct Program {
    actors: Vec<Vec<Act>>,
    capacity: Option<usize>,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Values(Vec<Vec<u8>>),
    Deadlock,
    Race,
    Other(String),
}

impl Program {
    fn execute(&self) -> Vec<Vec<u8>> {
        let (sender, receiver) = match self.capacity {
            Some(capacity) => channel::bounded(capacity),
            None => channel::unbounded(),
        };
        let shared = Arc::new(Shared {
            atomics: [0, 0].map(AtomicU8::new),
            cell: Plain::new(0),
            guarded: Plain::new(0),
            mutex: Mutex::new(0),
            condvar: Condvar::new(),
            rwlock: RwLock::new(0),
            once: OnceLock::new(),
            receiver,
        });
        // Ends are made and dropped by operations, which are left out where there is nothing to send.
        let needed = self.actors.iter().flatten().any(|act| {
            matches!(act, Act::Send(_) | Act::Receive | Act::TryReceive | Act::ReceiveInTime | Act::HangUp)
        });
        let sender = needed.then_some(sender);
        let senders: Vec<_> = self.actors.iter().map(|_| sender.clone()).collect();
        drop(sender);
        let actors: Vec<_> = self
            .actors
            .iter()
            .zip(senders)
            .map(|(acts, mut sender)| {
                let (acts, shared) = (acts.clone(), Arc::clone(&shared));
                thread::spawn(move || {
                    acts.iter().map(|act| shared.act(*act, &mut sender)).collect::<Vec<_>>()
                })
            })
            .collect();
        let mut seen: Vec<_> = actors.into_iter().map(|actor| actor.join().expect("no panic")).collect();
        seen.push(vec![shared.atomics[0].load(Relaxed), shared.atomics[1].load(Relaxed)]);
        seen
    }
}

static HOOKED: std::sync::Once = std::sync::Once::new();

/// A scheduler that survives the failure of an execution.
struct Lasting<S>(Arc<std::sync::Mutex<S>>);

impl<S: Scheduler> Scheduler for Lasting<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.0.lock().unwrap().new_execution()
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        self.0.lock().unwrap().next_task(runnable, current, yields)
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

/// All ends of a program's executions as `scheduler` chooses them, failures included, and how many there
/// were.
fn ends(program: &Program, scheduler: impl Scheduler + 'static, counters: &Arc<Counters>) -> BTreeSet<End> {
    let scheduler = Arc::new(std::sync::Mutex::new(scheduler));
    let ends = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    for failures in 0.. {
        if failures > TOO_MANY_FAILURES {
            counters.started.fetch_add(TOO_MANY as u64, Ordering::Relaxed);
            break;
        }
        let mut config = shuttle::Config::new();
        config.failure_persistence = shuttle::FailurePersistence::None;
        config.silence_warnings = true;
        let runner = shuttle::Runner::new(Tracking(Lasting(Arc::clone(&scheduler))), config);
        let (program, ends_here, counters_here) = (program.clone(), Arc::clone(&ends), Arc::clone(counters));
        let model = move || {
            // shuttle wraps the panic hook when its first execution begins.
            HOOKED.call_once(crate::panics::install);
            counters_here.started.fetch_add(1, Ordering::Relaxed);
            trace::begin(true);
            let values = program.execute();
            crate::sync::lazy::end_of_execution();
            trace::end();
            counters_here.ended.fetch_add(1, Ordering::Relaxed);
            ends_here.lock().unwrap().insert(End::Values(values));
        };
        let entered = context::enter(Context::Shuttle);
        let result = catch_unwind(AssertUnwindSafe(|| runner.run(model)));
        drop(entered);
        let Err(payload) = result else { break };
        counters.ended.fetch_add(1, Ordering::Relaxed);
        let words = crate::panics::text(payload.as_ref()).unwrap_or("?").to_owned();
        let raced = payload.is::<RaceFound>();
        ends.lock().unwrap().insert(match words.starts_with("deadlock") {
            _ if raced => End::Race,
            true => End::Deadlock,
            false => End::Other(words),
        });
        if raced {
            break;
        }
    }
    trace::end();
    context::set_redundant(false);
    let mut ends = ends.lock().unwrap();
    std::mem::take(&mut *ends)
}

/// Executions of the plain search after which a program is left out, for it would take too long.
const TOO_MANY: usize = 3_000;

/// Failing executions after which it is left out: each costs a runner of its own.
const TOO_MANY_FAILURES: usize = 60;

/// Compares both searches of a program; `None` if it is left out. The numbers are executions of the plain
/// search, of the reduced one, and redundant ones.
fn compare(program: &Program) -> Option<Result<[u64; 3], String>> {
    let counters = Arc::<Counters>::default();
    let plain = ends(program, DfsScheduler::new(Some(TOO_MANY), false), &counters);
    let executions = counters.started.load(Ordering::Relaxed);
    if executions >= TOO_MANY as u64 {
        return None;
    }
    let counters = Arc::<Counters>::default();
    let scheduler = Reduced::new(u64::MAX, None, Arc::clone(&counters));
    let state = scheduler.state();
    let reduced = ends(program, scheduler, &counters);
    if counters.started.load(Ordering::Relaxed) >= TOO_MANY as u64 {
        return Some(Err("the reduced search takes longer than the plain one".to_owned()));
    }
    let state = state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let raced = (plain.contains(&End::Race), reduced.contains(&End::Race));
    if raced == (true, true) {
        // A race ends the search: what else there is was not looked for.
        return Some(Ok([executions, 1, 0]));
    }
    if plain != reduced || !state.complete {
        let missed: Vec<_> = plain.difference(&reduced).collect();
        let made_up: Vec<_> = reduced.difference(&plain).collect();
        let progress = state.progress();
        return Some(Err(format!("missed {missed:?}, made up {made_up:?}; {progress:?}")));
    }
    let progress = state.progress();
    Some(Ok([executions, progress.executions, progress.redundant]))
}

fn acts() -> impl Strategy<Value = Act> {
    let held = prop_oneof![Just(Held::Nothing), Just(Held::Load), Just(Held::Store), Just(Held::Cell)];
    prop_oneof![
        3 => (0..2_usize, any::<bool>()).prop_map(|(a, order)| Act::Load(a, order)),
        2 => (0..2_usize, 1..3_u8, any::<bool>()).prop_map(|(a, v, order)| Act::Store(a, v, order)),
        1 => (0..2_usize).prop_map(Act::Add),
        1 => (0..2_usize, 0..2_u8).prop_map(|(a, v)| Act::Cas(a, v)),
        1 => prop_oneof![Just(Act::Get), Just(Act::Set)],
        2 => held.clone().prop_map(Act::Lock),
        1 => held.clone().prop_map(Act::TryLock),
        1 => held.clone().prop_map(Act::Read),
        1 => held.prop_map(Act::Write),
        1 => prop_oneof![Just(Act::TryRead), Just(Act::TryWrite)],
        1 => prop_oneof![Just(Act::Wait), Just(Act::TimedWait)],
        1 => prop_oneof![Just(Act::NotifyOne), Just(Act::NotifyAll)],
        2 => (1..3_u8).prop_map(Act::Send),
        1 => prop_oneof![Just(Act::Receive), Just(Act::ReceiveInTime), Just(Act::TryReceive)],
        1 => Just(Act::HangUp),
        1 => (1..3_u8).prop_map(Act::Init),
        1 => Just(Act::Yield),
    ]
}

fn programs() -> impl Strategy<Value = Program> {
    let actors = prop_oneof![
        12 => prop::collection::vec(prop::collection::vec(acts(), 1..3), 2),
        3 => prop::collection::vec(prop::collection::vec(acts(), 1..4), 2),
        3 => prop::collection::vec(prop::collection::vec(acts(), 1), 3),
        1 => prop::collection::vec(prop::collection::vec(acts(), 1), 4),
    ];
    let capacity = prop_oneof![4 => Just(None), 1 => Just(Some(0)), 2 => Just(Some(1))];
    (actors, capacity).prop_map(|(actors, capacity)| Program { actors, capacity })
}

#[test]
fn the_reduced_search_sees_what_the_plain_one_sees() {
    let wanted = std::env::var("SELVEDGE_AGREEMENT_PROGRAMS").ok().and_then(|n| n.parse().ok());
    let wanted: u32 = wanted.unwrap_or(40);
    let config = Config {
        cases: wanted,
        max_global_rejects: 1_000 * wanted,
        failure_persistence: None,
        ..Config::default()
    };
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[0x11; 32]);
    let mut runner = TestRunner::new_with_rng(config, seed);
    let totals = std::cell::Cell::new([0_u64; 4]);
    let result = runner.run(&programs(), |program| match compare(&program) {
        Some(Ok(executions)) => {
            let mut sums = totals.get();
            sums[0] += 1;
            sums[1..].iter_mut().zip(executions).for_each(|(sum, some)| *sum += some);
            totals.set(sums);
            Ok(())
        }
        Some(Err(difference)) => Err(TestCaseError::fail(difference)),
        None => Err(TestCaseError::reject("the plain search takes too long")),
    });
    let [compared, plain, reduced, redundant] = totals.get();
    if let Err(error) = result {
        panic!("after {compared} programs: {error}");
    }
    println!("{compared} programs: {plain} executions, {reduced} reduced, {redundant} redundant");
    assert_eq!(compared, u64::from(wanted));
    assert!(reduced * 4 < plain, "{plain} executions were only reduced to {reduced}");
    assert!(redundant < reduced, "{redundant} redundant executions beside {reduced}");
}
