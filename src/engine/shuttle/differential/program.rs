//! The programs: few objects, few operations, all of them through the facade.

use crate::cell::Plain;
use crate::channel::{self, Receiver, Sender};
use crate::choose;
use crate::rt::context::{self, Options};
use crate::sync::atomic::{AtomicPtr, AtomicU8};
use crate::sync::{self, Condvar, Mutex, OnceLock, RwLock};
use crate::thread;
use proptest::prelude::*;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
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
    /// Puts a new box in the place of the one that is there, and frees that; with release and acquire, or without.
    Publish(u8, bool),
    /// Takes the box that is there, and frees it.
    TakeAway(bool),
    /// How many hold the counted value.
    Count,
    /// Changes the counted value, if no other actor holds it.
    GetMut,
    /// Holds the counted value once more.
    Clone,
    /// Points to the counted value, too, weakly, or no longer.
    Weak,
    /// How many point to it weakly.
    CountWeak,
    /// Whether the weak pointer finds it.
    Upgrade,
    /// Holds the counted value no longer, but for what was cloned.
    Release,
    /// Gives the thread that is parked its permit.
    Unpark,
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
    boxed: AtomicPtr<Plain<u8>>,
    parked: Option<thread::Thread>,
}

/// What an actor has of its own.
struct Own {
    sender: Option<Sender<u8>>,
    counted: Option<sync::Arc<Plain<u8>>>,
    clones: Vec<sync::Arc<Plain<u8>>>,
    weak: Option<sync::Weak<Plain<u8>>>,
}

impl Shared {
    /// Puts a box in the place of the one that is there, and returns what that held.
    fn exchange(&self, new: *mut Plain<u8>, ordered: bool) -> u8 {
        let old = self.boxed.swap(new, if ordered { AcqRel } else { Relaxed });
        if old.is_null() {
            return 82;
        }
        // SAFETY: a box that was put there is taken out by one swap alone.
        unsafe { Box::from_raw(old) }.get()
    }

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
    fn act(&self, act: Act, own: &mut Own) -> u8 {
        let sender = &mut own.sender;
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
            Act::Publish(value, ordered) => {
                return self.exchange(Box::into_raw(Box::new(Plain::new(value))), ordered);
            }
            Act::TakeAway(ordered) => return self.exchange(ptr::null_mut(), ordered),
            Act::Count => return own.counted.as_ref().map_or(83, |held| sync::Arc::strong_count(held) as u8),
            Act::GetMut => {
                let only = own.counted.as_mut().and_then(sync::Arc::get_mut);
                return only.map_or(84, |cell| {
                    cell.set(cell.get() + 1);
                    cell.get()
                });
            }
            Act::Clone => own.clones.extend(own.counted.clone()),
            Act::Weak => match own.weak.take() {
                Some(weak) => drop(weak),
                None => own.weak = own.counted.as_ref().map(sync::Arc::downgrade),
            },
            Act::CountWeak => {
                return own.counted.as_ref().map_or(85, |held| sync::Arc::weak_count(held) as u8);
            }
            Act::Upgrade => return own.weak.as_ref().map_or(86, |weak| u8::from(weak.upgrade().is_some())),
            Act::Release => drop(own.counted.take()),
            Act::Unpark => self.parked.as_ref().expect("a thread is parked where one is unparked").unpark(),
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
    /// Whether it does nothing but load, store and update atomics.
    pub(super) fn is_of_atomics(&self) -> bool {
        self.actors.iter().flatten().all(|act| act.families() == [Family::Atomic])
    }

    /// Whether what the actors do is ordered by locks and the like alone, or is done to a single atomic by read-
    /// modify-writes: then no memory model allows more than sequential consistency does. What is refused, because it
    /// would have to wait, is ordered by nothing.
    pub(super) fn is_synchronised(&self) -> bool {
        self.actors.iter().flatten().all(|act| match act {
            Act::Lock(held) => !matches!(held, Held::Load | Held::Store),
            // A reader looks at an atomic instead of the cell.
            Act::Read(held) | Act::Write(held) => matches!(held, Held::Nothing | Held::Other),
            // What a count tells is relaxed.
            Act::Count | Act::CountWeak => false,
            act => {
                let unordered = [Family::Atomic, Family::Try, Family::Timed];
                !act.families().iter().any(|family| unordered.contains(family))
            }
        })
    }

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
        // Ends are made and dropped by operations, which are left out where there is nothing to send.
        let (sender, receiver) = match (self.has(Family::Channel), self.capacity) {
            (false, _) => (None, None),
            (true, Some(capacity)) => some_ends(channel::bounded(capacity)),
            (true, None) => some_ends(channel::unbounded()),
        };
        let parked = self.has(Family::Park).then(|| thread::spawn(thread::park));
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
            boxed: AtomicPtr::new(ptr::null_mut()),
            parked: parked.as_ref().map(|parked| parked.thread().clone()),
        });
        let mut counted: Vec<_> = if self.has(Family::Counted) {
            // The last one takes what was made, so that the main thread drops nothing later.
            let value = sync::Arc::new(Plain::new(0));
            let clones: Vec<_> = self.actors[1..].iter().map(|_| value.clone()).collect();
            clones.into_iter().chain([value]).map(Some).collect()
        } else {
            self.actors.iter().map(|_| None).collect()
        };
        let sends = |acts: &Vec<Act>| acts.iter().any(|act| matches!(act, Act::Send(_) | Act::HangUp));
        let senders: Vec<_> = self.actors.iter().map(|acts| sender.clone().filter(|_| sends(acts))).collect();
        drop(sender);
        let actors: Vec<_> = self
            .actors
            .iter()
            .zip(senders)
            .map(|(acts, sender)| {
                let (acts, shared) = (acts.clone(), Arc::clone(&shared));
                let mut own =
                    Own { sender, counted: counted.pop().flatten(), clones: Vec::new(), weak: None };
                thread::spawn(move || acts.iter().map(|act| shared.act(*act, &mut own)).collect::<Vec<_>>())
            })
            .collect();
        let mut seen: Vec<_> = actors.into_iter().map(|actor| actor.join().expect("no panic")).collect();
        parked.into_iter().for_each(|parked| parked.join().expect("no panic"));
        seen.push(vec![shared.atomics[0].load(Relaxed), shared.atomics[1].load(Relaxed)]);
        if self.has(Family::Heap) {
            seen.push(vec![shared.exchange(ptr::null_mut(), true)]);
        }
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
    /// Boxes that are handed over.
    Heap,
    /// A value with a count of those who hold it.
    Counted,
    Park,
}

pub(super) const FAMILIES: [Family; 15] = [
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
    Family::Heap,
    Family::Counted,
    Family::Park,
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
            Act::Publish(..) | Act::TakeAway(_) => &[Family::Heap],
            Act::Count
            | Act::GetMut
            | Act::Clone
            | Act::Weak
            | Act::CountWeak
            | Act::Upgrade
            | Act::Release => &[Family::Counted],
            Act::Unpark => &[Family::Park],
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
        Family::Heap => prop_oneof![
            2 => (1..3_u8, prop::bool::weighted(0.9)).prop_map(|(value, order)| Act::Publish(value, order)),
            2 => prop::bool::weighted(0.9).prop_map(Act::TakeAway),
            1 => atomic,
        ]
        .boxed(),
        Family::Counted => prop_oneof![
            2 => Just(Act::Count),
            3 => Just(Act::GetMut),
            4 => Just(Act::Release),
            1 => Just(Act::Clone),
            2 => Just(Act::Weak),
            1 => Just(Act::CountWeak),
            1 => Just(Act::Upgrade),
        ]
        .boxed(),
        Family::Park => prop_oneof![2 => Just(Act::Unpark), 1 => atomic].boxed(),
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
            2 => Just(Family::Heap),
            2 => Just(Family::Counted),
            2 => Just(Family::Park),
        ]
    };
    let capacity = prop_oneof![2 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(1))];
    let options = (any::<bool>(), any::<bool>()).prop_map(|(spurious_wakeups, past_races)| Options {
        spurious_wakeups,
        past_races,
        ..Options::default()
    });
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

/// Programs of loads, stores and read-modify-writes alone.
pub(super) fn programs_of_atomics() -> impl Strategy<Value = Program> {
    let acts = |size| prop::collection::vec(acts(Family::Atomic), size);
    let actors = prop_oneof![
        2 => prop::collection::vec(acts(2..5), 2),
        3 => prop::collection::vec(acts(1..4), 3),
        1 => prop::collection::vec(acts(1..3), 4),
    ];
    actors.prop_map(|actors| Program { actors, capacity: None, options: Options::default() })
}
