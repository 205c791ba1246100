//! Where a history breaks: the smallest window of operations that cannot be ordered.
//!
//! Walks the events in the order of time and keeps every situation that some order of the operations so far
//! leads to: the model's state, and which of the operations in flight have taken effect. An operation is
//! placed only when its return forces it, with whatever must come before (just-in-time linearization: Lowe,
//! "Testing for linearizability", 2017, section 5). The first return that no situation survives is where
//! the history breaks. The window is what was in flight there, and it is the smallest: without the last
//! return the history can be ordered, and everything that returned earlier is settled in every order. What
//! was in flight is taken to return what it returned later.
//!
//! Limits: at most [`MOST_SITUATIONS`] situations and 64 lanes, beyond which there is no window; the walk
//! shares no code with the search but the model's own step, so that each can be held against the other.

use super::criterion::{Lane, Span};
use super::history::{Operation, Place};
use super::model::{Model, follow};
use rustc_hash::FxHashSet;
use std::time::Instant;

/// Situations kept at once.
const MOST_SITUATIONS: usize = 20_000;

/// A model's state, and the lanes whose operation in flight has taken effect.
type Situation<M> = (M, u64);

/// Where a history breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The operations in flight when it breaks, in the order of their calls.
    pub operations: Vec<Place>,
    /// The one among them whose return cannot be explained.
    pub broken: Place,
    /// How many operations had returned before, and are settled.
    pub settled: usize,
    /// Every situation that the settled operations can lead to, in words: the model's state, and what of
    /// the window has taken effect already. At most eight of them.
    pub situations: Vec<String>,
    /// How many situations there are.
    pub situation_count: usize,
}

/// What a walk came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Walked {
    ToTheEnd,
    Broken(Window),
    TooMuch,
}

/// One lane's head while walking: the operation in flight, if any.
type InFlight = Vec<Option<Span>>;

/// Walks a history event by event.
pub(super) fn walk<M: Model>(
    model: &M,
    operations: &[Operation<M::Op, M::Ret>],
    lanes: &[Lane],
    until: Option<Instant>,
) -> Walked {
    if lanes.len() > 64 {
        return Walked::TooMuch;
    }
    let mut events: Vec<(usize, usize, Span)> = Vec::new();
    for (lane, spans) in lanes.iter().enumerate() {
        for span in spans {
            events.push((span.from, lane, *span));
            if span.returned {
                events.push((span.to, lane, *span));
            }
        }
    }
    // Spans may begin together, but a call is before every return of its own rank or later.
    events.sort_unstable_by_key(|(rank, lane, span)| (*rank, *rank == span.to, *lane));
    let mut flight: InFlight = vec![None; lanes.len()];
    let mut situations: FxHashSet<Situation<M>> = FxHashSet::default();
    situations.insert((model.clone(), 0));
    let mut settled = 0;
    for (rank, lane, span) in events {
        if rank != span.to {
            flight[lane] = Some(span);
            continue;
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Walked::TooMuch;
        }
        let Some(after) = settle(operations, &flight, &situations, lane) else {
            return Walked::TooMuch;
        };
        if after.is_empty() {
            return Walked::Broken(describe(operations, &flight, situations, span.place, settled));
        }
        situations = after;
        flight[lane] = None;
        settled += 1;
    }
    Walked::ToTheEnd
}

/// The situations after the operation in flight on `lane` has returned. `None` if there are too many.
fn settle<M: Model>(
    operations: &[Operation<M::Op, M::Ret>],
    flight: &InFlight,
    before: &FxHashSet<Situation<M>>,
    lane: usize,
) -> Option<FxHashSet<Situation<M>>> {
    let mut after = FxHashSet::default();
    let mut been: FxHashSet<Situation<M>> = before.clone();
    let mut open: Vec<Situation<M>> = before.iter().cloned().collect();
    let mut next = Vec::new();
    while let Some((state, effective)) = open.pop() {
        if effective & (1 << lane) != 0 {
            after.insert((state, effective & !(1 << lane)));
            continue;
        }
        for (other, span) in flight.iter().enumerate() {
            let Some(span) = span else { continue };
            if effective & (1 << other) != 0 {
                continue;
            }
            let operation = &operations[span.place];
            follow(&state, &operation.op, operation.returned.as_ref().map(|(_, ret)| ret), &mut next);
            for state in next.drain(..) {
                let situation = (state, effective | 1 << other);
                if been.insert(situation.clone()) {
                    open.push(situation);
                }
            }
        }
        if been.len() > MOST_SITUATIONS {
            return None;
        }
    }
    Some(after)
}

fn describe<M: Model>(
    operations: &[Operation<M::Op, M::Ret>],
    flight: &InFlight,
    situations: FxHashSet<Situation<M>>,
    broken: Place,
    settled: usize,
) -> Window {
    let mut spans: Vec<_> = flight.iter().flatten().collect();
    spans.sort_unstable_by_key(|span| (span.from, span.place));
    let in_words = |(state, effective): &Situation<M>| {
        let done = flight.iter().enumerate().filter(|(lane, _)| effective & (1 << lane) != 0);
        let done: Vec<_> = done.filter_map(|(_, span)| *span).map(|span| span.place).collect();
        match done.as_slice() {
            [] => format!("{state:?}"),
            done => {
                let done: Vec<_> = done.iter().map(|&place| format!("{:?}", operations[place].op)).collect();
                format!("{state:?} with {} done", done.join(", "))
            }
        }
    };
    let mut words: Vec<_> = situations.iter().map(in_words).collect();
    words.sort_unstable();
    words.truncate(8);
    Window {
        operations: spans.iter().map(|span| span.place).collect(),
        broken,
        settled,
        situations: words,
        situation_count: situations.len(),
    }
}
