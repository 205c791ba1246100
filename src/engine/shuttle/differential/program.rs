//! The programs: few objects, few operations, all of them through the facade.

use crate::cell::Plain;
use crate::channel::{self, Receiver, Sender};
use crate::choose;
use crate::context::{self, Options};
use crate::sync::atomic::AtomicU8;
use crate::sync::{Condvar, Mutex, OnceLock, RwLock, spurious};
use crate::thread;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::time::Duration;

/// What an actor does. Numbers name objects; what is [`Held`] is done under a lock.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine::shuttle) enum Act {
    Load(usize, bool),
    Store(usize, u8, bool),
    Add(usize),
    Cas(usize, u8),
    Get,
    Set,
    Lock(Held),
    TryLock(Held),
    /// Takes both mutexes, the other one first.
    Reverse,
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
    /// Chooses among so many.
    Choose(u32),
    /// Loads one of the two, whichever it chooses.
    LoadAny,
    /// Adds 1 or 2.
    AddAny,
}

/// What is done under a lock.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine::shuttle) enum Held {
    Nothing,
    Load,
    Store,
    Cell,
    /// Takes the other mutex.
    Other,
}

/// What the actors share.
struct Shared {
    atomics: [AtomicU8; 2],
    cell: Plain<u8>,
    guarded: Plain<u8>,
    mutex: Mutex<u8>,
    other: Mutex<u8>,
    condvar: Condvar,
    rwlock: RwLock<u8>,
    once: OnceLock<u8>,
    receiver: Option<Receiver<u8>>,
}

impl Shared {
    fn receiver(&self) -> &Receiver<u8> {
        self.receiver.as_ref().expect("made where somebody receives")
    }

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
            Held::Other => {
                let mut other = self.other.lock().unwrap();
                *other = *other * 2 + 1;
                *other
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
            Act::Reverse => {
                let mut other = self.other.lock().unwrap();
                let mut guard = self.mutex.lock().unwrap();
                (*other, *guard) = (*other * 2, *guard * 2);
                return *other ^ *guard << 4;
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
            Act::Receive => return self.receiver().recv().unwrap_or(79),
            Act::TryReceive => return self.receiver().try_recv().unwrap_or(80),
            Act::ReceiveInTime => return self.receiver().recv_timeout(Duration::from_secs(1)).unwrap_or(81),
            Act::HangUp => drop(sender.take()),
            Act::Init(value) => return *self.once.get_or_init(|| value),
            Act::Yield => thread::yield_now(),
            Act::Choose(options) => return choose(options) as u8,
            Act::LoadAny => return self.atomics[choose(2) as usize].load(Relaxed),
            Act::AddAny => return self.atomics[0].fetch_add(1 + choose(2) as u8, Relaxed),
        }
        0
    }
}

#[derive(Clone, Debug)]
pub(in crate::engine::shuttle) struct Program {
    pub(super) actors: Vec<Vec<Act>>,
    pub(super) capacity: Option<usize>,
    pub(in crate::engine::shuttle) options: Options,
}

impl Program {
    pub(super) fn has(&self, family: Family) -> bool {
        let acts = |family| self.actors.iter().flatten().any(|act| act.families().contains(&family));
        match family {
            Family::Spurious => self.options.spurious_wakeups && acts(family),
            Family::PastRaces => self.options.past_races && acts(Family::Cell),
            family => acts(family),
        }
    }

    /// Runs it once, and returns what every task saw.
    pub(in crate::engine::shuttle) fn execute(&self) -> Vec<Vec<u8>> {
        context::set_options(self.options);
        spurious::begin_execution();
        // Ends are made and dropped by operations, which are left out where there is nothing to send.
        let (sender, receiver) = match (self.has(Family::Channel), self.capacity) {
            (false, _) => (None, None),
            (true, Some(capacity)) => some_ends(channel::bounded(capacity)),
            (true, None) => some_ends(channel::unbounded()),
        };
        let shared = Arc::new(Shared {
            atomics: [0, 0].map(AtomicU8::new),
            cell: Plain::new(0),
            guarded: Plain::new(0),
            mutex: Mutex::new(0),
            other: Mutex::new(0),
            condvar: Condvar::new(),
            rwlock: RwLock::new(0),
            once: OnceLock::new(),
            receiver,
        });
        let sends = |acts: &Vec<Act>| acts.iter().any(|act| matches!(act, Act::Send(_) | Act::HangUp));
        let senders: Vec<_> = self.actors.iter().map(|acts| sender.clone().filter(|_| sends(acts))).collect();
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

fn some_ends((sender, receiver): (Sender<u8>, Receiver<u8>)) -> (Option<Sender<u8>>, Option<Receiver<u8>>) {
    (Some(sender), Some(receiver))
}

/// Kinds of primitives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Family {
    Atomic,
    Cell,
    Mutex,
    RwLock,
    Condvar,
    Channel,
    Once,
    /// Operations that may be refused.
    Try,
    /// Operations whose time may be over.
    Timed,
    Choice,
    /// Waits that may end for no reason.
    Spurious,
    /// Accesses to cells, past a data race.
    PastRaces,
}

pub(super) const FAMILIES: [Family; 12] = [
    Family::Atomic,
    Family::Cell,
    Family::Mutex,
    Family::RwLock,
    Family::Condvar,
    Family::Channel,
    Family::Once,
    Family::Try,
    Family::Timed,
    Family::Choice,
    Family::Spurious,
    Family::PastRaces,
];

impl Act {
    fn families(self) -> &'static [Family] {
        match self {
            Act::Load(..) | Act::Store(..) | Act::Add(_) | Act::Cas(..) => &[Family::Atomic],
            Act::Get | Act::Set => &[Family::Cell],
            Act::Lock(_) | Act::Reverse => &[Family::Mutex],
            Act::TryLock(_) => &[Family::Mutex, Family::Try],
            Act::Read(_) | Act::Write(_) => &[Family::RwLock],
            Act::TryRead | Act::TryWrite => &[Family::RwLock, Family::Try],
            Act::NotifyOne | Act::NotifyAll => &[Family::Condvar],
            Act::Wait => &[Family::Condvar, Family::Spurious],
            Act::TimedWait => &[Family::Condvar, Family::Spurious, Family::Timed],
            Act::Send(_) | Act::Receive | Act::HangUp => &[Family::Channel],
            Act::TryReceive => &[Family::Channel, Family::Try],
            Act::ReceiveInTime => &[Family::Channel, Family::Timed],
            Act::Init(_) => &[Family::Once],
            Act::Yield => &[],
            Act::Choose(_) => &[Family::Choice],
            Act::LoadAny | Act::AddAny => &[Family::Atomic, Family::Choice],
        }
    }
}

/// Operations of one kind of primitive, with what goes with it.
fn acts(family: Family) -> BoxedStrategy<Act> {
    let held = prop_oneof![
        Just(Held::Nothing),
        Just(Held::Load),
        Just(Held::Store),
        Just(Held::Cell),
        Just(Held::Other)
    ];
    let read = || prop_oneof![Just(Held::Nothing), Just(Held::Load), Just(Held::Store)];
    let atomic = prop_oneof![
        3 => (0..2_usize, any::<bool>()).prop_map(|(a, order)| Act::Load(a, order)),
        3 => (0..2_usize, 1..3_u8, any::<bool>()).prop_map(|(a, v, order)| Act::Store(a, v, order)),
        2 => (0..2_usize).prop_map(Act::Add),
        2 => (0..2_usize, 0..2_u8).prop_map(|(a, v)| Act::Cas(a, v)),
    ];
    match family {
        Family::Cell => prop_oneof![Just(Act::Get), Just(Act::Set), atomic].boxed(),
        Family::Mutex => prop_oneof![
            4 => held.clone().prop_map(Act::Lock),
            3 => held.prop_map(Act::TryLock),
            1 => Just(Act::Reverse),
        ]
        .boxed(),
        Family::RwLock => prop_oneof![
            read().prop_map(Act::Read),
            read().prop_map(Act::Write),
            prop_oneof![Just(Act::TryRead), Just(Act::TryWrite)],
        ]
        .boxed(),
        Family::Condvar => prop_oneof![
            2 => Just(Act::Wait),
            1 => Just(Act::TimedWait),
            2 => prop_oneof![Just(Act::NotifyOne), Just(Act::NotifyAll)],
            1 => read().prop_map(Act::Lock),
            1 => read().prop_map(Act::TryLock),
        ]
        .boxed(),
        Family::Channel => prop_oneof![
            3 => (1..3_u8).prop_map(Act::Send),
            3 => prop_oneof![Just(Act::Receive), Just(Act::ReceiveInTime), Just(Act::TryReceive)],
            1 => Just(Act::HangUp),
        ]
        .boxed(),
        Family::Once => prop_oneof![3 => (1..3_u8).prop_map(Act::Init), 1 => Just(Act::Yield)].boxed(),
        Family::Choice => prop_oneof![
            1 => (2..4_u32).prop_map(Act::Choose),
            1 => Just(Act::LoadAny),
            1 => Just(Act::AddAny),
            1 => atomic,
        ]
        .boxed(),
        Family::Atomic | Family::Try | Family::Timed | Family::Spurious | Family::PastRaces => atomic.boxed(),
    }
}

/// Programs of one or two kinds of primitives, so that most operations have to do with each other.
pub(in crate::engine::shuttle) fn programs() -> impl Strategy<Value = Program> {
    let family = || {
        prop_oneof![
            3 => Just(Family::Atomic),
            2 => Just(Family::Cell),
            3 => Just(Family::Mutex),
            3 => Just(Family::RwLock),
            4 => Just(Family::Condvar),
            3 => Just(Family::Channel),
            2 => Just(Family::Once),
            2 => Just(Family::Choice),
        ]
    };
    let capacity = prop_oneof![2 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(1))];
    let options = (any::<bool>(), any::<bool>())
        .prop_map(|(spurious_wakeups, past_races)| Options { spurious_wakeups, past_races });
    (family(), family(), capacity, options).prop_flat_map(|(one, other, capacity, options)| {
        let act = prop_oneof![acts(one), acts(other)].boxed();
        let actors = prop_oneof![
            4 => prop::collection::vec(prop::collection::vec(act.clone(), 2..5), 2),
            3 => prop::collection::vec(prop::collection::vec(act.clone(), 1..3), 3),
            1 => prop::collection::vec(prop::collection::vec(act, 1..2), 4),
        ];
        actors.prop_map(move |actors| Program { actors, capacity, options })
    })
}
