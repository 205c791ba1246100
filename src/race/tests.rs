//! The detector against an oracle that is slow and obvious: the happens-before graph of a whole recorded
//! execution, closed transitively, with synchronises-with read off the standard's own definitions.

use super::{Access, Detector};
use proptest::prelude::*;
use std::panic::Location;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

const TASKS: usize = 3;
const OBJECTS: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Load(u32, Ordering),
    Store(u32, Ordering),
    Rmw(u32, Ordering),
    Fence(Ordering),
    Read(u32),
    Write(u32),
    /// Sends a message, which nobody has to receive.
    Send,
    /// Receives the latest message sent by anybody, if there is one.
    Receive,
}

type Event = (usize, Op);

fn ops() -> impl Strategy<Value = Op> {
    let load = prop::sample::select(vec![Relaxed, Acquire, SeqCst]);
    let store = prop::sample::select(vec![Relaxed, Release, SeqCst]);
    let rmw = prop::sample::select(vec![Relaxed, Acquire, Release, AcqRel, SeqCst]);
    let fence = prop::sample::select(vec![Acquire, Release, AcqRel, SeqCst]);
    let object = 0..OBJECTS;
    prop_oneof![
        3 => (object.clone(), load).prop_map(|(object, order)| Op::Load(object, order)),
        3 => (object.clone(), store).prop_map(|(object, order)| Op::Store(object, order)),
        2 => (object.clone(), rmw).prop_map(|(object, order)| Op::Rmw(object, order)),
        2 => fence.prop_map(Op::Fence),
        2 => object.clone().prop_map(Op::Read),
        2 => object.prop_map(Op::Write),
        1 => Just(Op::Send),
        1 => Just(Op::Receive),
    ]
}

fn executions() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((0..TASKS, ops()), 2..28)
}

/// Where the detector finds the first race: the event that completes it, and the task of the other access.
fn detected(events: &[Event]) -> Option<(usize, usize)> {
    let mut detector = Detector::default();
    let mut message = None;
    for (index, &(task, op)) in events.iter().enumerate() {
        let here = Location::caller();
        // Cells are objects of their own.
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
fn first_race(events: &[Event]) -> Option<(usize, Vec<usize>)> {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn the_detector_and_the_graph_find_the_same_first_race(events in executions()) {
        match (detected(&events), first_race(&events)) {
            (None, None) => {}
            (Some((found, with)), Some((event, tasks))) => {
                prop_assert_eq!(found, event);
                prop_assert!(tasks.contains(&with), "{with} is none of {tasks:?}");
            }
            (found, oracle) => prop_assert!(false, "the detector says {found:?}, the graph {oracle:?}"),
        }
    }
}

/// A publication of cell 0 by task 0 to task 1, and whether it races.
#[track_caller]
fn check(events: &[Event], races: bool) {
    assert_eq!(first_race(events).is_some(), races, "the oracle is wrong");
    assert_eq!(detected(events).is_some(), races);
}

#[test]
fn the_textbook_pairs() {
    use Op::{Fence, Load, Read, Receive, Rmw, Send, Store, Write};
    let publish = |writer: &[Op], reader: &[Op], races: bool| {
        let mut events = vec![(0, Write(0))];
        events.extend(writer.iter().map(|&op| (0, op)));
        events.extend(reader.iter().map(|&op| (1, op)));
        events.push((1, Read(0)));
        check(&events, races);
    };
    publish(&[Store(0, Release)], &[Load(0, Acquire)], false);
    publish(&[Store(0, Relaxed)], &[Load(0, Acquire)], true);
    publish(&[Store(0, Release)], &[Load(0, Relaxed)], true);
    publish(&[Store(0, Release)], &[Load(1, Acquire)], true);
    publish(&[Fence(Release), Store(0, Relaxed)], &[Load(0, Relaxed), Fence(Acquire)], false);
    publish(&[Store(0, Relaxed), Fence(Release)], &[Load(0, Relaxed), Fence(Acquire)], true);
    publish(&[Fence(Release), Store(0, Relaxed)], &[Fence(Acquire), Load(0, Relaxed)], true);
    publish(&[Fence(SeqCst)], &[Fence(SeqCst)], true);
    publish(&[Rmw(0, Release)], &[Rmw(0, Acquire)], false);
    publish(&[Rmw(0, Relaxed)], &[Rmw(0, Acquire)], true);
    publish(&[Send], &[Receive], false);
    publish(&[], &[Receive], true);
    // A relaxed read-modify-write by a third task continues the release sequence; a store ends it.
    let through = |middle: Op| {
        vec![(0, Write(0)), (0, Store(0, Release)), (2, middle), (1, Load(0, Acquire)), (1, Read(0))]
    };
    check(&through(Rmw(0, Relaxed)), false);
    check(&through(Store(0, Relaxed)), true);
    // Since C++20 a relaxed store by the same task ends it too.
    check(
        &[(0, Write(0)), (0, Store(0, Release)), (0, Store(0, Relaxed)), (1, Load(0, Acquire)), (1, Read(0))],
        true,
    );
}
