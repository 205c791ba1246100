//! What an order of the operations has to respect, as lanes and spans: the one form that the search knows.
//!
//! A *span* says from when to when an operation may take its place, in ranks that no two events share. A
//! *lane* is a list of operations that must keep their order. What a search has done is then one number per
//! lane, whatever the length of the history, and an operation may be placed next if it is the first of its
//! lane and its span begins before the span of any other that is left has ended.
//!
//! - Linearizability: the span is the time from call to return. Operations that do not overlap share a
//!   lane, so there are as many lanes as operations were ever in flight at once.
//! - Quiescent consistency: the span is stretched to the moments, before and after, when nothing was in
//!   flight (Herlihy and Shavit, "The Art of Multiprocessor Programming", section 3.3, for all parts of the
//!   object at once).
//! - Sequential consistency: every span is all of time, and each client has its lane (Lamport, "How to Make
//!   a Multiprocessor Computer That Correctly Executes Multiprocess Programs", 1979).

use super::history::{Operation, Place};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// What an order of a history's operations has to respect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Criterion {
    /// An operation that returned before another was called comes before it.
    #[default]
    Linearizable,
    /// Each client's operations stay in their order; nothing is said between clients.
    SequentiallyConsistent,
    /// Operations stay in their order if there was a moment between them when none was in flight.
    QuiescentlyConsistent,
}

/// When an operation may take its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) place: Place,
    pub(super) from: usize,
    /// Later than every other rank if it never returned.
    pub(super) to: usize,
    /// Whether it returned, and so must be placed.
    pub(super) returned: bool,
}

/// Operations that keep their order.
pub(super) type Lane = Vec<Span>;

/// A client that SC cannot give a lane: it called again before its call had returned.
pub(super) struct Overlapping {
    pub(super) client: usize,
}

impl Criterion {
    /// The span of each operation, in the order of their calls.
    pub(super) fn spans<Op, Ret>(self, operations: &[Operation<Op, Ret>]) -> Vec<Span> {
        let spans = ranked(operations);
        match self {
            Criterion::Linearizable => spans,
            Criterion::QuiescentlyConsistent => stretched(spans),
            Criterion::SequentiallyConsistent => {
                let all = spans.len();
                let anytime = |(rank, span): (usize, Span)| {
                    let to = if span.returned { all + rank } else { 2 * all + rank };
                    Span { from: 0, to, ..span }
                };
                spans.into_iter().enumerate().map(anytime).collect()
            }
        }
    }

    /// Whether a history may be checked part by part: sequential consistency is not local (Herlihy and
    /// Wing 1990, section 3.3).
    pub(super) fn is_local(self) -> bool {
        self != Criterion::SequentiallyConsistent
    }

    /// Puts spans, in the order of their calls, into lanes.
    pub(super) fn lanes<Op, Ret>(
        self,
        operations: &[Operation<Op, Ret>],
        spans: &[Span],
    ) -> Result<Vec<Lane>, Overlapping> {
        match self {
            Criterion::SequentiallyConsistent => by_client(operations, spans),
            _ => Ok(by_time(spans)),
        }
    }
}

/// Spans from call to return, in the order of the calls. At equal times calls come before returns.
fn ranked<Op, Ret>(operations: &[Operation<Op, Ret>]) -> Vec<Span> {
    let mut events = Vec::with_capacity(2 * operations.len());
    for (place, operation) in operations.iter().enumerate() {
        events.push((operation.called, false, place));
        if let Some((time, _)) = &operation.returned {
            events.push((*time, true, place));
        }
    }
    events.sort_unstable();
    let never = 2 * operations.len();
    let unreturned = |place| Span { place, from: 0, to: never + place, returned: false };
    let mut spans: Vec<_> = (0..operations.len()).map(unreturned).collect();
    for (rank, (_, is_return, place)) in events.into_iter().enumerate() {
        let span = &mut spans[place];
        if is_return {
            span.to = rank;
            span.returned = true;
        } else {
            span.from = rank;
        }
    }
    spans.sort_unstable_by_key(|span| span.from);
    spans
}

/// Stretches each span to the whole of its busy period, between two moments when nothing is in flight.
fn stretched(mut spans: Vec<Span>) -> Vec<Span> {
    let mut begin = 0;
    while begin < spans.len() {
        let mut end = begin + 1;
        let mut until = spans[begin].to;
        while end < spans.len() && spans[end].from < until {
            until = until.max(spans[end].to);
            end += 1;
        }
        let period = &mut spans[begin..end];
        let from = period[0].from;
        // Ranks stay unlike each other: a period of k operations has as many ranks for their returns.
        let width = period.len();
        for (offset, span) in period.iter_mut().enumerate() {
            span.from = from;
            if span.returned {
                span.to = from + width + offset;
            }
        }
        begin = end;
    }
    spans
}

/// As few lanes as operations are ever in flight at once.
fn by_time(spans: &[Span]) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut free_from = BinaryHeap::new();
    for span in spans {
        let lane = match free_from.peek() {
            Some(&Reverse((free, lane))) if free < span.from => {
                free_from.pop();
                lane
            }
            _ => {
                lanes.push(Lane::new());
                lanes.len() - 1
            }
        };
        lanes[lane].push(*span);
        free_from.push(Reverse((span.to, lane)));
    }
    lanes
}

fn by_client<Op, Ret>(operations: &[Operation<Op, Ret>], spans: &[Span]) -> Result<Vec<Lane>, Overlapping> {
    let mut lanes: BTreeMap<usize, Lane> = BTreeMap::new();
    for span in spans {
        let operation = &operations[span.place];
        let lane = lanes.entry(operation.client).or_default();
        if let Some(before) = lane.last() {
            let returned = operations[before.place].returned.as_ref();
            if returned.is_none_or(|(time, _)| *time > operation.called) {
                return Err(Overlapping { client: operation.client });
            }
        }
        lane.push(*span);
    }
    Ok(lanes.into_values().collect())
}
