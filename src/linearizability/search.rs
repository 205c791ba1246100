//! The search for an order: depth first, with every situation looked at once.
//!
//! Wing and Gong, "Testing and Verifying Concurrent Objects", JPDC 17, 1993, section 4, search the orders
//! of a history operation by operation; Lowe, "Testing for linearizability", CCPE 29(4), 2017, section 4,
//! adds the memo on (set of placed operations, state of the model) that makes it practical. Here the set is
//! one number per lane ([`super::criterion`]), operations that must return soonest are tried first, and an
//! operation that never returned is tried last, and only where it changes the state.
//!
//! Limits: the problem is NP-complete (Gibbons and Korach, 1997), so there are bounds on time and on
//! memory, and no answer beyond them.

use super::criterion::Lane;
use super::history::{Operation, Place};
use super::model::{Model, follow};
use super::table::{Situations, StateId, States};
use std::time::Instant;

/// Steps between two looks at the clock.
const STEPS_PER_LOOK: u32 = 1024;

/// How many of the longest partial orders are kept.
pub(super) const MOST_LONGEST: usize = 4;

/// Up to where a search may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) until: Option<Instant>,
    pub(super) bytes: usize,
}

/// What a search came to.
pub(super) enum Found {
    Order(Vec<Place>),
    NoOrder(Vec<Partial>),
    TimeOut,
    OutOfMemory,
}

/// Operations in an order that cannot be continued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partial {
    pub(super) order: Vec<Place>,
    /// The operation that had to be next, or soon.
    pub(super) stuck: Place,
}

/// One operation placed.
struct Step {
    lane: usize,
    place: Place,
    /// The state before, and the span's end of this operation: what was tried first is tried no more.
    before: StateId,
    tried: usize,
    /// Other states that it may lead to, not looked at yet.
    others: Vec<StateId>,
}

/// The longest partial orders, with as little copying as one at a time.
#[derive(Default)]
struct Longest {
    returned: usize,
    first: Vec<Place>,
    first_stuck: Place,
    /// Orders as long: how much they share with the first, the rest, and the operation that is stuck.
    more: Vec<(usize, Vec<Place>, Place)>,
    /// Up to here the first and the current order are known to be the same.
    common: usize,
}

pub(super) struct Search<'a, M: Model> {
    operations: &'a [Operation<M::Op, M::Ret>],
    lanes: &'a [Lane],
    states: States<M>,
    been: Situations,
    /// How many operations of each lane are placed, and at the end the state.
    situation: Vec<u32>,
    steps: Vec<Step>,
    returned: usize,
    longest: Longest,
    scratch: Vec<M>,
}

impl<'a, M: Model> Search<'a, M> {
    pub(super) fn new(operations: &'a [Operation<M::Op, M::Ret>], lanes: &'a [Lane]) -> Self {
        Self {
            operations,
            lanes,
            states: States::new(),
            been: Situations::new(lanes.len() + 1),
            situation: vec![0; lanes.len() + 1],
            steps: Vec::new(),
            returned: 0,
            longest: Longest::default(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn run(mut self, model: &M, bounds: Bounds) -> Found {
        let to_return = self.lanes.iter().flatten().filter(|span| span.returned).count();
        let initial = self.states.number(model.clone(), M::weight);
        self.set_state(initial);
        let mut tried = None;
        let mut looks_in = STEPS_PER_LOOK;
        while self.returned < to_return {
            looks_in -= 1;
            if looks_in == 0 {
                looks_in = STEPS_PER_LOOK;
                if bounds.until.is_some_and(|until| Instant::now() >= until) {
                    return Found::TimeOut;
                }
            }
            if let Some((lane, to)) = self.candidate(tried) {
                tried = if self.place(lane, to, bounds.bytes) { None } else { Some(to) };
            } else {
                self.note_partial();
                match self.back() {
                    None => return Found::NoOrder(self.partials()),
                    Some(next) => tried = next,
                }
            }
            if self.bytes() > bounds.bytes || self.states.is_full() {
                return Found::OutOfMemory;
            }
        }
        Found::Order(self.steps.iter().map(|step| step.place).collect())
    }

    fn bytes(&self) -> usize {
        self.states.bytes() + self.been.bytes() + self.steps.capacity() * size_of::<Step>()
    }

    fn state(&self) -> StateId {
        self.situation[self.lanes.len()]
    }

    fn set_state(&mut self, state: StateId) {
        let last = self.lanes.len();
        self.situation[last] = state;
    }

    /// The lane whose first operation may be next and ends soonest after `tried`, and that end.
    fn candidate(&self, tried: Option<usize>) -> Option<(usize, usize)> {
        let heads = || {
            let head = |(lane, &done): (&Lane, &u32)| lane.get(done as usize).copied();
            self.lanes.iter().zip(&self.situation).map(head).enumerate()
        };
        let ends = heads().filter_map(|(_, head)| head.filter(|span| span.returned).map(|span| span.to));
        let first_end = ends.min().unwrap_or(usize::MAX);
        heads()
            .filter_map(|(lane, head)| head.map(|span| (lane, span)))
            .filter(|(_, span)| span.from < first_end && tried.is_none_or(|tried| span.to > tried))
            .map(|(lane, span)| (lane, span.to))
            .min_by_key(|(_, to)| *to)
    }

    /// Places the first operation of a lane next, if that leads to a situation that is new.
    fn place(&mut self, lane: usize, to: usize, bytes: usize) -> bool {
        let span = self.lanes[lane][self.situation[lane] as usize];
        let operation = &self.operations[span.place];
        let before = self.state();
        let mut next = std::mem::take(&mut self.scratch);
        let returned = operation.returned.as_ref().map(|(_, ret)| ret);
        follow(self.states.get(before), &operation.op, returned, &mut next);
        let mut others = Vec::new();
        for state in next.drain(..) {
            if self.states.bytes() > bytes {
                break;
            }
            let state = self.states.number(state, M::weight);
            // Whether an operation that never returned and changes nothing took effect makes no
            // difference: every order with it is one without it.
            if span.returned || state != before {
                others.push(state);
            }
        }
        self.scratch = next;
        self.situation[lane] += 1;
        if self.enter_one_of(&mut others) {
            self.returned += usize::from(span.returned);
            self.steps.push(Step { lane, place: span.place, before, tried: to, others });
            return true;
        }
        self.situation[lane] -= 1;
        self.set_state(before);
        false
    }

    /// Goes to the first of these states in which the situation is new.
    fn enter_one_of(&mut self, states: &mut Vec<StateId>) -> bool {
        while let Some(state) = states.pop() {
            self.set_state(state);
            if self.been.insert(&self.situation) {
                return true;
            }
        }
        false
    }

    /// Takes operations back until there is something else to try: after which end, if any.
    /// `None` if there is nothing.
    fn back(&mut self) -> Option<Option<usize>> {
        let mut step = self.steps.pop()?;
        self.longest.common = self.longest.common.min(self.steps.len());
        if self.enter_one_of(&mut step.others) {
            self.steps.push(step);
            return Some(None);
        }
        let span = self.lanes[step.lane][self.situation[step.lane] as usize - 1];
        self.situation[step.lane] -= 1;
        self.set_state(step.before);
        self.returned -= usize::from(span.returned);
        Some(Some(step.tried))
    }

    /// Remembers the current order if it is one of the longest.
    fn note_partial(&mut self) {
        let first = self.longest.first.is_empty() && self.longest.more.is_empty();
        let longer = self.returned > self.longest.returned || (first && self.returned == 0);
        if longer {
            let stuck = self.stuck();
            let longest = &mut self.longest;
            longest.returned = self.returned;
            longest.more.clear();
            longest.first.truncate(longest.common);
            longest.first.extend(self.steps[longest.first.len()..].iter().map(|step| step.place));
            longest.common = longest.first.len();
            longest.first_stuck = stuck;
        } else if self.returned == self.longest.returned && self.longest.more.len() + 1 < MOST_LONGEST {
            let (stuck, common) = (self.stuck(), self.longest.common);
            let rest: Vec<_> = self.steps[common..].iter().map(|step| step.place).collect();
            // The same order with nothing else tried after it, or without operations that never returned.
            if !rest.is_empty() {
                self.longest.more.push((common, rest, stuck));
            }
        }
    }

    /// The operation that has to be placed before any other may return.
    fn stuck(&self) -> Place {
        let heads = self.lanes.iter().zip(&self.situation);
        let left = heads.filter_map(|(lane, &done)| lane.get(done as usize));
        left.filter(|span| span.returned).min_by_key(|span| span.to).map_or(0, |span| span.place)
    }

    fn partials(&self) -> Vec<Partial> {
        let longest = &self.longest;
        let first = Partial { order: longest.first.clone(), stuck: longest.first_stuck };
        let more = longest.more.iter().map(|(common, rest, stuck)| Partial {
            order: longest.first[..*common].iter().chain(rest).copied().collect(),
            stuck: *stuck,
        });
        std::iter::once(first).chain(more).collect()
    }
}
