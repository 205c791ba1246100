//! The algorithm that is known from the porcupine checker, for comparison: Wing and Gong's search over a linked
//! list of calls and returns in call order, with Lowe's memo on (set of placed operations, state), one part after
//! another.
//!
//! Written anew from its description; no line is taken from it. Limits: not the program itself, which is in Go
//! and searches parts in parallel; operations that never returned return at the end, whatever they return, as is
//! the custom with it; it explains nothing.

use selvedge::linearizability::{History, Model};
use std::collections::{HashMap, hash_map::DefaultHasher};
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

const NONE: usize = usize::MAX;

/// A call or a return, linked to those before and after that are left.
struct Node {
    operation: usize,
    /// Of a call, its return.
    match_at: usize,
    before: usize,
    after: usize,
}

/// Calls and returns of one part. Node 0 stands before the first.
struct List {
    nodes: Vec<Node>,
}

impl List {
    fn new<Op, Ret>(history: &History<Op, Ret>, part: &[usize]) -> Self {
        let mut events: Vec<(u64, bool, usize)> = Vec::new();
        for (local, &place) in part.iter().enumerate() {
            let operation = &history.operations()[place];
            events.push((operation.called, false, local));
            let end = operation.returned.as_ref().map_or(u64::MAX, |(time, _)| *time);
            events.push((end, true, local));
        }
        events.sort_unstable();
        let mut nodes = vec![Node { operation: NONE, match_at: NONE, before: NONE, after: NONE }];
        let mut call_of = vec![0; part.len()];
        for (_, is_return, operation) in events {
            let at = nodes.len();
            nodes[at - 1].after = at;
            nodes.push(Node { operation, match_at: NONE, before: at - 1, after: NONE });
            if is_return {
                nodes[call_of[operation]].match_at = at;
            } else {
                call_of[operation] = at;
            }
        }
        Self { nodes }
    }

    fn unlink(&mut self, at: usize) {
        let (before, after) = (self.nodes[at].before, self.nodes[at].after);
        self.nodes[before].after = after;
        if after != NONE {
            self.nodes[after].before = before;
        }
    }

    fn relink(&mut self, at: usize) {
        let (before, after) = (self.nodes[at].before, self.nodes[at].after);
        self.nodes[before].after = at;
        if after != NONE {
            self.nodes[after].before = at;
        }
    }

    fn lift(&mut self, call: usize) {
        self.unlink(call);
        self.unlink(self.nodes[call].match_at);
    }

    fn unlift(&mut self, call: usize) {
        self.relink(self.nodes[call].match_at);
        self.relink(call);
    }
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Whether one part has an order. `None` if the time ran out.
fn part_fits<M: Model>(
    model: &M,
    history: &History<M::Op, M::Ret>,
    part: &[usize],
    until: Instant,
) -> Option<bool> {
    let mut list = List::new(history, part);
    let mut placed = vec![0_u64; part.len().div_ceil(64)];
    let mut been: HashMap<u64, Vec<(Vec<u64>, M)>> = HashMap::new();
    let mut calls: Vec<(usize, M)> = Vec::new();
    let mut state = model.clone();
    let mut at = list.nodes[0].after;
    for step in 0_u64.. {
        if step % 1024 == 0 && Instant::now() > until {
            return None;
        }
        if list.nodes[0].after == NONE {
            return Some(true);
        }
        let Node { operation, match_at, after, .. } = list.nodes[at];
        if match_at != NONE {
            let called = &history.operations()[part[operation]];
            let mut next = state.clone();
            let ret = next.apply(&called.op);
            if called.returned.as_ref().is_none_or(|(_, returned)| *returned == ret) {
                let mut with = placed.clone();
                with[operation / 64] |= 1 << (operation % 64);
                let known = been.entry(hash_of(&(&with, &next))).or_default();
                if !known.iter().any(|(set, state)| *set == with && *state == next) {
                    known.push((with.clone(), next.clone()));
                    calls.push((at, std::mem::replace(&mut state, next)));
                    placed = with;
                    list.lift(at);
                    at = list.nodes[0].after;
                    continue;
                }
            }
            at = after;
        } else {
            let Some((call, before)) = calls.pop() else { return Some(false) };
            state = before;
            let operation = list.nodes[call].operation;
            placed[operation / 64] &= !(1 << (operation % 64));
            list.unlift(call);
            at = list.nodes[call].after;
        }
    }
    None
}

/// Whether every part of a history has an order. `None` if the time ran out.
pub(crate) fn fits<M: Model>(
    model: &M,
    history: &History<M::Op, M::Ret>,
    patience: Duration,
) -> Option<bool> {
    let until = Instant::now() + patience;
    let mut parts: HashMap<Option<u64>, Vec<usize>> = HashMap::new();
    for (place, operation) in history.operations().iter().enumerate() {
        parts.entry(M::part(&operation.op)).or_default().push(place);
    }
    for part in parts.values() {
        if !part_fits(model, history, part, until)? {
            return Some(false);
        }
    }
    Some(true)
}
