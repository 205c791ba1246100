//! An oracle for the detector, slow and obvious: the happens-before graph of a whole recorded execution,
//! closed transitively, with synchronises-with read off the standard's own definitions. For tests and for
//! fuzzing, which draw the execution from random choices or from bytes.

use super::{Access, Detector};
use std::panic::Location;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

pub(super) const TASKS: usize = 3;
pub(super) const OBJECTS: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Load(u32, Ordering),
    Store(u32, Ordering),
    Rmw(u32, Ordering),
    Fence(Ordering),
    Read(u32),
    Write(u32),
    /// Sends a message, which no thread has to receive.
    Send,
    /// Receives the latest message sent by any thread, if there is one.
    Receive,
    /// Adds to what this lock makes known.
    Release(u32),
    /// Learns all that this lock makes known.
    Acquire(u32),
}

/// A task, and what it does.
pub(super) type Event = (usize, Op);

/// Where the detector finds the first race: the event that completes it, and the task of the other access.
pub(super) fn detected(events: &[Event]) -> Option<(usize, usize)> {
    let mut detector = Detector::default();
    let mut message = None;
    for (index, &(task, op)) in events.iter().enumerate() {
        let here = Location::caller();
        // Cells and locks are objects of their own.
        let race = match op {
            Op::Load(object, order) => {
                detector.load(task, object, order);
                None
            }
            Op::Store(object, order) => {
                detector.store(task, object, order);
                None
            }
            Op::Rmw(object, order) => {
                detector.rmw(task, object, order);
                None
            }
            Op::Fence(order) => {
                detector.fence(task, order);
                None
            }
            Op::Read(cell) => detector.access(task, 100 + cell, Access::Read, here),
            Op::Write(cell) => detector.access(task, 100 + cell, Access::Write, here),
            Op::Send => {
                message = Some(detector.publish(task));
                None
            }
            Op::Release(lock) => {
                detector.release(task, 200 + lock);
                None
            }
            Op::Acquire(lock) => {
                detector.acquire(task, 200 + lock);
                None
            }
            Op::Receive => {
                if let Some(clock) = &message {
                    detector.join(task, clock);
                }
                None
            }
        };
        if let Some(race) = race {
            assert_eq!(race.later.task, task);
            return Some((index, race.earlier.task));
        }
    }
    None
}

fn acquires(order: Ordering) -> bool {
    [Acquire, AcqRel, SeqCst].contains(&order)
}

fn releases(order: Ordering) -> bool {
    [Release, AcqRel, SeqCst].contains(&order)
}

fn written(op: Op) -> Option<(u32, Ordering)> {
    match op {
        Op::Store(object, order) | Op::Rmw(object, order) => Some((object, order)),
        _ => None,
    }
}

fn read(op: Op) -> Option<(u32, Ordering)> {
    match op {
        Op::Load(object, order) | Op::Rmw(object, order) => Some((object, order)),
        _ => None,
    }
}

/// The write that a reading event reads: the latest before it.
fn read_from(events: &[Event], reader: usize) -> Option<usize> {
    let (object, _) = read(events[reader].1)?;
    (0..reader).rev().find(|&index| written(events[index].1).is_some_and(|(written, _)| written == object))
}

/// Every write whose release sequence, real or hypothetical, this write belongs to: itself, and, while it is
/// a read-modify-write, what it read from, and so on. C++20, 6.9.2.1, paragraph 5.
fn heads(events: &[Event], write: usize) -> Vec<usize> {
    let mut heads = vec![write];
    while let Op::Rmw(..) = events[heads[heads.len() - 1]].1
        && let Some(previous) = read_from(events, heads[heads.len() - 1])
    {
        heads.push(previous);
    }
    heads
}

/// The closed happens-before relation: `[a][b]` says that `a` happens before `b`.
fn happens_before(events: &[Event]) -> Vec<Vec<bool>> {
    let count = events.len();
    let mut before = vec![vec![false; count]; count];
    for b in 0..count {
        for a in 0..b {
            before[a][b] = events[a].0 == events[b].0;
        }
        if events[b].1 == Op::Receive
            && let Some(a) = (0..b).rev().find(|&a| events[a].1 == Op::Send)
        {
            before[a][b] = true;
        }
    }
    let program_order = before.clone();
    for (b, &(_, op)) in events.iter().enumerate() {
        let Op::Acquire(lock) = op else { continue };
        (0..b).filter(|&a| events[a].1 == Op::Release(lock)).for_each(|a| before[a][b] = true);
    }
    for reader in 0..count {
        let Some((_, read_order)) = read(events[reader].1) else { continue };
        let Some(source) = read_from(events, reader) else { continue };
        // Releasing: the head itself, or a release fence before it. Acquiring: the read itself, or an
        // acquire fence after it. C++20, 31.4 and 31.11.
        let mut releasing = Vec::new();
        for head in heads(events, source) {
            if written(events[head].1).is_some_and(|(_, order)| releases(order)) {
                releasing.push(head);
            }
            let fences = (0..head).filter(|&fence| {
                matches!(events[fence].1, Op::Fence(order) if releases(order)) && program_order[fence][head]
            });
            releasing.extend(fences);
        }
        let mut acquiring = Vec::new();
        if acquires(read_order) {
            acquiring.push(reader);
        }
        acquiring.extend((reader..count).filter(|&fence| {
            matches!(events[fence].1, Op::Fence(order) if acquires(order)) && program_order[reader][fence]
        }));
        for &a in &releasing {
            for &b in &acquiring {
                before[a][b] |= a != b;
            }
        }
    }
    for middle in 0..count {
        for a in 0..count {
            for b in 0..count {
                before[a][b] |= before[a][middle] && before[middle][b];
            }
        }
    }
    before
}

fn accessed(op: Op) -> Option<(u32, bool)> {
    match op {
        Op::Read(cell) => Some((cell, false)),
        Op::Write(cell) => Some((cell, true)),
        _ => None,
    }
}

/// The first event that races with an earlier one, and the tasks that it races with.
pub(super) fn first_race(events: &[Event]) -> Option<(usize, Vec<usize>)> {
    let before = happens_before(events);
    (0..events.len()).find_map(|later| {
        let (cell, writes) = accessed(events[later].1)?;
        let races = |&earlier: &usize| {
            accessed(events[earlier].1).is_some_and(|(other, wrote)| other == cell && (wrote || writes))
                && !before[earlier][later]
        };
        let tasks: Vec<_> = (0..later).filter(races).map(|earlier| events[earlier].0).collect();
        (!tasks.is_empty()).then_some((later, tasks))
    })
}

/// The execution that these bytes stand for, two a step: the task, the kind and the object in the first, the
/// ordering in the second. Every sequence of bytes stands for one; what is beyond 48 steps is left out.
fn decode(bytes: &[u8]) -> Vec<Event> {
    let step = |pair: &[u8; 2]| {
        let [first, second] = *pair;
        let (task, object) = (usize::from(first >> 6) % TASKS, u32::from(first >> 5 & 1) % OBJECTS);
        let one_of = |orders: &[Ordering]| orders[usize::from(second) % orders.len()];
        let op = match first & 7 {
            0 => Op::Load(object, one_of(&[Relaxed, Acquire, SeqCst])),
            1 => Op::Store(object, one_of(&[Relaxed, Release, SeqCst])),
            2 => Op::Rmw(object, one_of(&[Relaxed, Acquire, Release, AcqRel, SeqCst])),
            3 => Op::Fence(one_of(&[Acquire, Release, AcqRel, SeqCst])),
            4 => Op::Read(object),
            5 => Op::Write(object),
            6 => Op::Send,
            _ => Op::Receive,
        };
        (task, op)
    };
    bytes.as_chunks::<2>().0.iter().take(48).map(step).collect()
}

/// Whether the execution that these bytes stand for has a race, on which detector and oracle must agree.
///
/// # Panics
/// If they do not.
pub(crate) fn agree(bytes: &[u8]) -> bool {
    let events = decode(bytes);
    match (detected(&events), first_race(&events)) {
        (None, None) => false,
        (Some((found, with)), Some((event, tasks))) => {
            assert!(found == event && tasks.contains(&with), "{found} with {with} or {event} with {tasks:?}");
            true
        }
        (found, oracle) => panic!("the detector says {found:?}, the graph {oracle:?}: {events:?}"),
    }
}
