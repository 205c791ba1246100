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
//! Of operations that never returned only the fewest are used: a situation in which more of them took effect,
//! and that is otherwise the same, is left out.
//!
//! Limit: at most [`MAX_SITUATIONS`] situations at once, and in all [`MAX_LOOKED_AT`] and a few more for each
//! operation, beyond which there is no window, but the reason. The walk shares no code with the search but the
//! model's own step and the classes of pending operations, so that each can be held against the other.

use super::history::Place;
use super::layout::{Interval, Layout, Local};
use super::model::{Model, follow};
use super::pending::{Classes, Considered};
use super::pool::Job;
use super::table::{StateId, States, Uses, uses_no_more};
use super::watch::{Account, Stop, Watch};
use rustc_hash::FxHashMap;
use std::fmt;

/// Situations kept at once.
const MAX_SITUATIONS: usize = 50_000;

/// Situations looked at in all, besides four for each operation.
const MAX_LOOKED_AT: usize = 400_000;

/// Situations told in words.
const MAX_TOLD: usize = 8;

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
    /// How many situations there are, of operations that never returned only the fewest used.
    pub situation_count: usize,
}

/// Why a violation has no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoWindow {
    /// It was not asked for, or the criterion knows no moment at which a history breaks.
    NotAsked,
    /// The time ran out.
    TimeOut,
    /// There are too many situations, or their states take too much memory.
    TooMany,
}

impl fmt::Display for NoWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoWindow::NotAsked => "no moment was asked for, or the criterion knows none",
            NoWindow::TimeOut => "the time ran out before the moment at which it breaks was found",
            NoWindow::TooMany => "the operations in flight can be ordered in too many ways to find the moment at which it breaks",
        })
    }
}

impl From<Stop> for NoWindow {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::OutOfMemory => NoWindow::TooMany,
            Stop::TimeOut | Stop::NotNeeded => NoWindow::TimeOut,
        }
    }
}

/// A state, and the chains whose operation in flight has taken effect.
type Effective = (StateId, Box<[u64]>);

/// Situations with what was used of the pending operations, as numbers of [`Uses`].
type Situations = FxHashMap<Effective, Vec<u32>>;

struct Walk<'a, 'b, M: Model> {
    job: &'b Job<'a, M>,
    layout: &'b Layout,
    watch: &'b mut Watch<'static>,
    account: Account<'b>,
    states: States<M>,
    uses: States<Uses>,
    classes: Classes,
    flight: Vec<Option<Interval>>,
    /// What an operation in flight leads to, by its chain and the state.
    effects: FxHashMap<(usize, StateId), Vec<StateId>>,
    /// The rank up to which pending operations were called.
    now: u32,
    looked_at: usize,
}

/// The walk has to begin again with finer classes.
struct Again;

/// Walks a history event by event, to where it breaks.
pub(super) fn walk<'a, M: Model>(
    job: &Job<'a, M>,
    layout: &Layout,
    watch: &mut Watch<'static>,
) -> Result<Window, NoWindow> {
    let operation = |local: Local| &job.operations[layout.places[local as usize]];
    let mut walk = Walk {
        job,
        layout,
        watch,
        account: Account::new(job.memory),
        states: States::new(),
        uses: States::new(),
        classes: Classes::alike(&layout.pending, operation, |_| 0),
        flight: Vec::new(),
        effects: FxHashMap::default(),
        now: 0,
        looked_at: 0,
    };
    loop {
        match walk.once_through()? {
            Ok(Some(window)) => return Ok(window),
            // The search and the walk differ, which tests rule out.
            Ok(None) => return Err(NoWindow::NotAsked),
            Err(Again) => {}
        }
    }
}

impl<M: Model> Walk<'_, '_, M> {
    fn once_through(&mut self) -> Result<Result<Option<Window>, Again>, NoWindow> {
        let mut events: Vec<(u32, bool, usize, Interval)> = Vec::new();
        for (chain, intervals) in self.layout.chains.iter().enumerate() {
            for interval in intervals {
                events.push((interval.from, false, chain, *interval));
                events.push((interval.to, true, chain, *interval));
            }
            self.watch.look()?;
        }
        events.sort_unstable_by_key(|(rank, is_return, chain, _)| (*rank, *is_return, *chain));
        self.watch.look()?;
        self.flight = vec![None; self.layout.chains.len()];
        self.effects.clear();
        let nothing = self.uses.number(Box::new([]), |_| 0);
        let initial = self.states.number(self.job.model.clone(), M::weight);
        let words = self.flight.len().div_ceil(64);
        let mut situations = Situations::default();
        situations.insert((initial, vec![0; words].into()), vec![nothing]);
        let mut settled = 0;
        for (rank, is_return, chain, interval) in events {
            if !is_return {
                self.flight[chain] = Some(interval);
                continue;
            }
            self.now = rank;
            let after = match self.settle(&situations, chain)? {
                Ok(after) => after,
                Err(Again) => return Ok(Err(Again)),
            };
            if after.is_empty() {
                return Ok(Ok(Some(self.describe(&situations, interval, settled))));
            }
            situations = after;
            self.flight[chain] = None;
            self.effects.retain(|(of, _), _| *of != chain);
            settled += 1;
        }
        Ok(Ok(None))
    }

    /// The situations after the operation in flight on `chain` has returned.
    fn settle(&mut self, before: &Situations, chain: usize) -> Result<Result<Situations, Again>, NoWindow> {
        let bit = 1 << (chain % 64);
        let mut after = Situations::default();
        let mut been = before.clone();
        let mut count: usize = been.values().map(Vec::len).sum();
        let in_turn = |situations: &Situations| {
            let each = situations.iter().flat_map(|(at, uses)| uses.iter().map(|used| (at.clone(), *used)));
            let mut each: Vec<_> = each.collect();
            each.sort_unstable();
            each
        };
        let mut open: std::collections::VecDeque<_> = in_turn(before).into();
        while let Some(((state, effective), used)) = open.pop_front() {
            if effective[chain / 64] & bit != 0 {
                let mut rest = effective;
                rest[chain / 64] &= !bit;
                add(&mut after, &self.uses, (state, rest), used);
                continue;
            }
            let mut next = Vec::new();
            for other in 0..self.flight.len() {
                if effective[other / 64] & (1 << (other % 64)) != 0 {
                    continue;
                }
                let Some(interval) = self.flight[other] else { continue };
                for state in self.effect(other, interval.local, state)? {
                    let mut effective = effective.clone();
                    effective[other / 64] |= 1 << (other % 64);
                    next.push(((state, effective), used));
                }
            }
            if self.pending(state, &effective, used, &mut next)?.is_err() {
                return Ok(Err(Again));
            }
            for (situation, used) in next {
                if add(&mut been, &self.uses, situation.clone(), used) {
                    count += 1;
                    open.push_back((situation, used));
                }
            }
            self.looked_at += 1;
            if count > MAX_SITUATIONS || self.looked_at > MAX_LOOKED_AT + 4 * self.layout.returned {
                return Err(NoWindow::TooMany);
            }
        }
        Ok(Ok(after))
    }

    /// Adds what pending operations lead to from a situation.
    fn pending(
        &mut self,
        state: StateId,
        effective: &[u64],
        used: u32,
        next: &mut Vec<(Effective, u32)>,
    ) -> Result<Result<(), Again>, NoWindow> {
        for class in 0..self.classes.len() {
            let counts = self.uses.get(used);
            let at = counts.binary_search_by_key(&class, |(class, _)| *class);
            let count = at.map_or(0, |at| counts[at].1);
            if self.classes.member(class, count).is_none_or(|member| member.from > self.now) {
                continue;
            }
            let states = loop {
                match self.classes.consider(class, state, self.now) {
                    Considered::Known(states) => break states.to_vec(),
                    Considered::Differ => return Ok(Err(Again)),
                    Considered::Ask(local) => {
                        let states = self.outcomes(local, state)?;
                        self.classes.answer(class, state, states);
                    }
                }
            };
            if states.iter().all(|next| *next == state) {
                continue;
            }
            let mut counts = self.uses.get(used).to_vec();
            match at {
                Ok(at) => counts[at].1 += 1,
                Err(at) => counts.insert(at, (class, 1)),
            }
            let used = self.uses.number(counts.into(), |_| 64);
            let changed = states.into_iter().filter(|next| *next != state);
            next.extend(changed.map(|state| ((state, effective.into()), used)));
        }
        Ok(Ok(()))
    }

    fn effect(&mut self, chain: usize, local: Local, state: StateId) -> Result<Vec<StateId>, NoWindow> {
        if let Some(states) = self.effects.get(&(chain, state)) {
            return Ok(states.clone());
        }
        let states = self.outcomes(local, state)?;
        self.effects.insert((chain, state), states.clone());
        Ok(states)
    }

    fn outcomes(&mut self, local: Local, state: StateId) -> Result<Vec<StateId>, NoWindow> {
        if self.watch.step()? {
            self.account.hold(self.states.bytes() + self.uses.bytes())?;
        }
        let operation = &self.job.operations[self.layout.places[local as usize]];
        let mut next = Vec::new();
        follow(
            self.states.get(state),
            &operation.op,
            operation.returned.as_ref().map(|(_, ret)| ret),
            &mut next,
        );
        let mut ids: Vec<_> = next.into_iter().map(|state| self.states.number(state, M::weight)).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    fn describe(&self, situations: &Situations, broken: Interval, settled: usize) -> Window {
        let place = |local: Local| self.layout.places[local as usize];
        let mut intervals: Vec<Interval> = self.flight.iter().flatten().copied().collect();
        intervals.extend(self.layout.pending.iter().filter(|interval| interval.from < self.now));
        intervals.sort_unstable_by_key(|interval| (interval.from, interval.local));
        let in_words = |((state, effective), used): (&Effective, &u32)| {
            let chains =
                (0..self.flight.len()).filter(|chain| effective[chain / 64] & (1 << (chain % 64)) != 0);
            let mut done: Vec<Place> =
                chains.filter_map(|chain| self.flight[chain]).map(|interval| place(interval.local)).collect();
            for &(class, count) in self.uses.get(*used) {
                done.extend(
                    (0..count)
                        .filter_map(|nth| self.classes.member(class, nth))
                        .map(|interval| place(interval.local)),
                );
            }
            let done: Vec<_> =
                done.iter().map(|&place| format!("{:?}", self.job.operations[place].op)).collect();
            match done.as_slice() {
                [] => format!("{:?}", self.states.get(*state)),
                done => format!("{:?} with {} done", self.states.get(*state), done.join(", ")),
            }
        };
        let each = || situations.iter().flat_map(|(at, uses)| uses.iter().map(move |used| (at, used)));
        let situation_count = each().count();
        // In words only as many as are told, since a state's words may be long; those with the fewest done.
        let mut told: Vec<_> = each().collect();
        let done = |(at, used): &(&Effective, &u32)| {
            let placed: u32 = at.1.iter().map(|word| word.count_ones()).sum();
            (placed as usize + self.uses.get(**used).len(), (*at).clone(), **used)
        };
        told.sort_by_cached_key(done);
        told.truncate(MAX_TOLD);
        let mut situations: Vec<_> = told.into_iter().map(in_words).collect();
        situations.sort_unstable();
        Window {
            operations: intervals.iter().map(|interval| place(interval.local)).collect(),
            broken: place(broken.local),
            settled,
            situations,
            situation_count,
        }
    }
}

/// Adds a situation, unless it is known with no more used. Tells whether it did.
fn add(situations: &mut Situations, uses: &States<Uses>, at: Effective, used: u32) -> bool {
    let known = situations.entry(at).or_default();
    if known.iter().any(|&other| other == used || uses_no_more(uses.get(other), uses.get(used))) {
        return false;
    }
    known.retain(|&other| !uses_no_more(uses.get(used), uses.get(other)));
    known.push(used);
    true
}
