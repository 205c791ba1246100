//! One execution in a fixed order: what each thread does next, and what it finds.
//!
//! A graph says which events there are; to show it to a reader they must come in some order. Any order that
//! respects porf will do, so the one with the fewest switches from one thread to another is taken, and among
//! those one that respects coherence order where it can.

use super::graph::{EventId, Graph, Kind};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What an event was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Given {
    /// A read: the write that it takes, by thread and place in it; the making, if `None`.
    Read(Option<(u8, u16)>),
    /// A write: its place among those to the same location that come before it in this order.
    Write(u16),
    Choice(u32),
    Nothing,
}

/// One execution: the thread and what its event was given, in order. Beginnings are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Guide {
    pub(crate) steps: Vec<(u8, Given)>,
}

/// States of the search for an order beyond which it takes the first order that it finds.
const MAX_STATES: usize = 20_000;

/// An order of a graph's events.
pub(crate) struct Ordered {
    pub(crate) events: Vec<EventId>,
    pub(crate) switches: usize,
    /// Whether no order has fewer switches.
    pub(crate) fewest: bool,
}

impl Guide {
    /// The graph's execution, in any order.
    pub(crate) fn of(graph: &Graph) -> Self {
        Guide::new(graph, &in_any_order(graph))
    }

    /// The graph's execution, in this order.
    pub(crate) fn new(graph: &Graph, ordered: &Ordered) -> Self {
        let mut placed: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
        let given = |id: &EventId| match graph.event(*id).kind {
            Kind::Read { from, .. } => Given::Read((!from.is_init()).then_some((from.thread, from.index))),
            Kind::Write { location, .. } => {
                let position = graph.position(*id, location);
                let others = placed.entry(location).or_default();
                let place = others.iter().filter(|other| **other < position).count();
                others.push(position);
                Given::Write(u16::try_from(place).unwrap_or(u16::MAX))
            }
            Kind::Choice { value, .. } => Given::Choice(value),
            _ => Given::Nothing,
        };
        let threads = ordered.events.iter().map(|id| id.thread);
        let given: Vec<_> = ordered.events.iter().map(given).collect();
        Guide { steps: threads.zip(given).collect() }
    }
}

/// How far each thread has come, and which one came there last.
type Place = (Vec<u16>, u8);

/// Puts the events of a graph in an order with few switches of threads.
pub(crate) fn order(graph: &Graph) -> Ordered {
    fewest_switches(graph).unwrap_or_else(|| in_any_order(graph))
}

fn in_any_order(graph: &Graph) -> Ordered {
    let events = any_order(graph);
    let switches = events.windows(2).filter(|pair| pair[0].thread != pair[1].thread).count();
    Ordered { events, switches, fewest: false }
}

/// Whether the next event of a thread can come, when the threads have come so far; and at all, or in coherence order
/// too.
fn is_next(graph: &Graph, at: &[u16], thread: u8, coherent: bool) -> bool {
    let id = EventId { thread, index: at[thread as usize] };
    let Some(event) = graph.get(id) else { return false };
    let came = |other: &EventId| other.index < at[other.thread as usize];
    let past = event.porf.iter().zip(at).zip(0_u8..);
    let past_came = past.filter(|((_, _), other)| *other != thread).all(|((needed, came), _)| needed <= came);
    if !past_came || !coherent {
        return past_came;
    }
    match event.kind {
        Kind::Write { location, .. } => {
            let place = graph.position(id, location) - 1;
            let accesses = graph.location(location);
            let earlier = accesses.writes[..place].iter().all(came);
            let reads = accesses.reads.iter().filter(|read| !came(read) && read.thread != thread);
            let mut overtaken = reads.filter(|read| match graph.event(**read).kind {
                Kind::Read { from, blocked, .. } => !blocked && graph.position(from, location) <= place,
                _ => false,
            });
            earlier && overtaken.next().is_none()
        }
        _ => true,
    }
}

/// A 0-1 search over places: going on costs nothing, another thread costs one.
fn fewest_switches(graph: &Graph) -> Option<Ordered> {
    let coherent = search(graph, true);
    let any = search(graph, false)?;
    match coherent {
        Some(coherent) if coherent.switches == any.switches => Some(coherent),
        _ => Some(any),
    }
}

fn search(graph: &Graph, coherent: bool) -> Option<Ordered> {
    let threads = graph.threads.len();
    let lengths: Vec<u16> =
        (0..threads).map(|thread| u16::try_from(graph.len(thread)).unwrap_or(u16::MAX)).collect();
    // Beginnings are no steps: each thread has begun.
    let start: Place = (lengths.iter().map(|length| 1.min(*length)).collect(), 0);
    let mut best: FxHashMap<Place, (usize, Option<Place>)> = FxHashMap::default();
    best.insert(start.clone(), (0, None));
    let mut queue = VecDeque::from([start]);
    while let Some(place) = queue.pop_front() {
        if place.0 == lengths {
            return Some(retrace(&best, place));
        }
        if best.len() > MAX_STATES {
            return None;
        }
        let cost = best[&place].0;
        for thread in 0..u8::try_from(threads).unwrap_or(u8::MAX) {
            if !begun(graph, &place.0, thread) || !is_next(graph, &place.0, thread, coherent) {
                continue;
            }
            let mut next = place.clone();
            next.0[thread as usize] += 1;
            let switched = usize::from(next.1 != thread);
            next.1 = thread;
            if best.get(&next).is_none_or(|(known, _)| cost + switched < *known) {
                best.insert(next.clone(), (cost + switched, Some(place.clone())));
                if switched == 0 {
                    queue.push_front(next);
                } else {
                    queue.push_back(next);
                }
            }
        }
    }
    None
}

/// Whether the thread's spawn has come.
fn begun(graph: &Graph, at: &[u16], thread: u8) -> bool {
    match graph.get(EventId { thread, index: 0 }).map(|event| &event.kind) {
        Some(Kind::Begin { by: Some(parent), .. }) => parent.index < at[parent.thread as usize],
        Some(_) => true,
        None => false,
    }
}

fn retrace(best: &FxHashMap<Place, (usize, Option<Place>)>, end: Place) -> Ordered {
    let switches = best[&end].0;
    let mut events = Vec::new();
    let mut at = end;
    while let Some((_, Some(before))) = best.get(&at) {
        let thread = at.1;
        events.push(EventId { thread, index: at.0[thread as usize] - 1 });
        at = before.clone();
    }
    events.reverse();
    Ordered { events, switches, fewest: true }
}

/// The thread that goes on goes on for as long as it can.
fn any_order(graph: &Graph) -> Vec<EventId> {
    let mut at: Vec<u16> = (0..graph.threads.len()).map(|thread| u16::from(graph.len(thread) > 0)).collect();
    let mut events = Vec::new();
    let mut current = 0_u8;
    loop {
        let threads = std::iter::once(current).chain(0..u8::try_from(at.len()).unwrap_or(u8::MAX));
        let next = threads
            .into_iter()
            .find(|thread| begun(graph, &at, *thread) && is_next(graph, &at, *thread, false));
        let Some(thread) = next else { return events };
        events.push(EventId { thread, index: at[thread as usize] });
        at[thread as usize] += 1;
        current = thread;
    }
}
