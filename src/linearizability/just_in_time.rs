//! The search along time: operations take effect when a return forces them, and those that can take effect
//! without a trace are never chosen at all.
//!
//! Lowe, "Testing for linearizability", CCPE 29(4), 2017, section 5, walks the events in the order of time and
//! places operations only when a return forces one. Here it is done depth first, and a return forces as little
//! as can be:
//!
//! - An operation in flight that fits the state and leaves it as it is *settles*: it could be placed right
//!   here, so its return forces nothing any more. It may still be placed elsewhere, where it changes the state.
//!   So nothing need be known of which operations only read.
//! - If an operation changes the state, those in flight settle that could stand right before it in any
//!   selection and any order, and would be overwritten: each leads from the state, and from what each other
//!   leads to, to one and the same state, and the operation leads from there to the same state as without it.
//!   These are the writes of a register. The conditions are looked up for the states at hand, and nothing is
//!   assumed of others.
//! - An operation that settled has a last chance to change the state at its return, and needs none before:
//!   what it does earlier could be done later.
//!
//! What was done is then few bits: which operations in flight changed the state, and which did not settle.
//! With fewer of either all can be done that could be done with more, so a configuration that another one
//! covers is left out ([`super::antichain`]). An operation that never returned owes nothing from its call on.
//!
//! Limits: at most 128 operations that returned in flight at once ([`fits`]); chains must follow from time alone.

use super::antichain::{Antichains, Debts};
use super::history::Operation;
use super::layout::{Interval, Layout, Local, NEVER, sorted};
use super::model::{Model, follow};
use super::outcomes::Table;
use super::partial::{NO_LANE, Order};
use super::pending::{Classes, Considered};
use super::search::{Context, Found};
use super::table::{StateId, States, Uses};
use super::watch::{Account, Stop};
use std::sync::Arc;

/// A set of chains.
pub(super) type Chains = u128;

/// No outcome, and more than one.
pub(super) const NONE: StateId = StateId::MAX;
pub(super) const SEVERAL: StateId = StateId::MAX - 1;

/// Outcomes that are remembered, at most.
const MAX_REMEMBERED: usize = 1 << 17;

/// Whether a layout can be searched like this.
pub(super) fn fits(layout: &Layout) -> bool {
    layout.chains.len() <= Chains::BITS as usize && layout.along_time && layout.eras.is_empty()
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    rank: u32,
    is_return: bool,
    chain: u32,
    /// Which operation of its chain.
    nth: u32,
}

#[derive(Clone, Copy)]
struct Configuration {
    state: StateId,
    debts: Debts,
    /// How many operations that returned were placed.
    settled: u32,
}

/// A configuration before a return, and how it came about.
#[derive(Clone, Copy)]
struct Node {
    configuration: Configuration,
    /// The node before, or [`NONE`].
    from: u32,
    /// The operation that changed the state, and its chain or [`NO_LANE`].
    by: Local,
    chain: u32,
    /// When that operation returns.
    end: u32,
    /// Operations that settled right before it, since it overwrites them.
    overwritten: Chains,
    /// Whether to go on past the return from here; from others it would be too early.
    goes_on: bool,
}

/// A return that may need something, with the configurations before it.
struct Frame {
    event: u32,
    order: u32,
    nodes: u32,
    /// The next node to go on from, and the next to be extended.
    next: u32,
    extend: u32,
}

pub(super) struct JustInTime<'a, M: Model> {
    layout: &'a Layout,
    account: Account<'a>,
    states: States<M>,
    uses: States<Uses>,
    been: Antichains,
    classes: Classes,
    remembered: Remembered,
    /// By operation, whether it is read-only by the model's word.
    read_only: Vec<bool>,
    /// By operation, the one state that it led to wherever it was tried, or [`SEVERAL`]; [`NONE`] if it was not.
    images: Vec<StateId>,
    events: Vec<Event>,
    /// How many events have passed.
    at: u32,
    flight: Vec<Interval>,
    /// Chains with an operation in flight that may change the state.
    active: Chains,
    now: Configuration,
    frames: Vec<Frame>,
    nodes: Vec<Node>,
    order: Order,
    scratch: Vec<M>,
    /// What every operation does in every state, if that is known, and the row of each operation.
    known: Option<(Arc<Table<M>>, Vec<u32>)>,
    /// The states to begin in, of which an order from any will do, and how many were begun in.
    starts: Vec<M>,
    started: usize,
    /// The furthest event that was reached.
    furthest: u32,
    steps: u64,
}

/// Outcomes of single operations, the latest of those that fall on one slot.
struct Remembered {
    slots: Vec<(u64, StateId)>,
}

impl Remembered {
    fn new(operations: usize) -> Self {
        let slots = (operations * 4).clamp(64, MAX_REMEMBERED).next_power_of_two();
        Self { slots: vec![(u64::MAX, NONE); slots] }
    }

    fn slot(&self, key: u64) -> usize {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (self.slots.len() - 1)
    }
}

fn key(local: Local, state: StateId) -> u64 {
    (u64::from(local) << 32) | u64::from(state)
}

/// The chains of a set.
fn each(mut chains: Chains) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        (chains != 0).then(|| {
            let chain = chains.trailing_zeros();
            chains &= chains - 1;
            chain
        })
    })
}

const NO_SPAN: Interval = Interval { local: Local::MAX, from: NEVER, to: NEVER };

impl<'a, M: Model> JustInTime<'a, M> {
    pub(super) fn new(
        layout: &'a Layout,
        operations: &[Operation<M::Op, M::Ret>],
        account: Account<'a>,
        model: &M,
    ) -> Self {
        Self::from_any(layout, operations, account, std::slice::from_ref(model))
    }

    /// A search for an order from any of these states.
    pub(super) fn from_any(
        layout: &'a Layout,
        operations: &[Operation<M::Op, M::Ret>],
        account: Account<'a>,
        starts: &[M],
    ) -> Self {
        let read_only = |&place: &usize| {
            let operation = &operations[place];
            operation.returned.as_ref().is_some_and(|(_, ret)| M::read_only(&operation.op, ret))
        };
        let operation = |local: Local| &operations[layout.places[local as usize]];
        let nothing = Configuration { state: 0, debts: Debts { used: 0, owed: 0, pending: 0 }, settled: 0 };
        Self {
            layout,
            account,
            states: States::new(),
            uses: States::new(),
            been: Antichains::new(),
            classes: Classes::alike(&layout.pending, operation, |_| 0),
            remembered: Remembered::new(layout.places.len()),
            read_only: layout.places.iter().map(read_only).collect(),
            images: vec![NONE; layout.places.len()],
            events: Vec::new(),
            at: 0,
            flight: vec![NO_SPAN; layout.chains.len()],
            active: 0,
            now: nothing,
            frames: Vec::new(),
            nodes: Vec::new(),
            order: Order::with_repeats(),
            scratch: Vec::new(),
            known: None,
            starts: starts.to_vec(),
            started: 0,
            furthest: 0,
            steps: 0,
        }
    }

    /// Goes on for so many steps. `None` if that was not enough.
    pub(super) fn run(
        &mut self,
        context: &mut Context<'a, '_, '_, M>,
        steps: u64,
    ) -> Result<Option<Found>, Stop> {
        if self.events.is_empty() {
            self.events = events(self.layout, context)?;
        }
        let until = self.steps + steps;
        while self.steps < until {
            self.steps += 1;
            if self.frames.is_empty() {
                let Some(start) = self.starts.get(self.started).cloned() else {
                    return Ok(Some(Found::NoOrder));
                };
                self.started += 1;
                self.begin(context, start)?;
            } else {
                self.step(context)?;
            }
            self.furthest = self.furthest.max(self.at);
            if self.at as usize == self.events.len() {
                return Ok(Some(Found::Order(self.order.distinct_locals())));
            }
        }
        Ok(None)
    }

    /// Begins again, with what is known of all states: their numbers are those of the table.
    pub(super) fn use_table(&mut self, table: Arc<Table<M>>, rows: Vec<u32>) {
        self.begin_again();
        self.states = States::new();
        for state in &table.states {
            self.states.number(state.clone(), M::weight);
        }
        for (read_only, row) in self.read_only.iter_mut().zip(&rows) {
            *read_only |= table.is_read_only(*row);
        }
        self.remembered = Remembered::new(0);
        self.known = Some((table, rows));
    }

    /// How many steps it took so far.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// The ranks of the returns up to the furthest event that was reached, that one included.
    pub(super) fn returns(&self) -> Vec<u32> {
        let reached = self.events.iter().take(self.furthest as usize + 1);
        reached.filter(|event| event.is_return).map(|event| event.rank).collect()
    }

    /// The longest orders that could not be continued.
    pub(super) fn into_order(self) -> Order {
        self.order
    }

    fn begin(&mut self, context: &mut Context<'a, '_, '_, M>, start: M) -> Result<(), Stop> {
        self.back_to(0);
        self.take_back(0);
        let pending = self.uses.number(Box::new([]), |_| 0);
        let state = self.states.number(start, M::weight);
        self.now = Configuration { state, debts: Debts { used: 0, owed: 0, pending }, settled: 0 };
        self.advance(context)
    }

    /// Forgets everything but the states.
    fn begin_again(&mut self) {
        self.back_to(0);
        self.been = Antichains::new();
        self.frames.clear();
        self.nodes.clear();
        self.order = Order::with_repeats();
        self.started = 0;
    }

    fn tick(&mut self, context: &mut Context<'a, '_, '_, M>) -> Result<(), Stop> {
        if context.watch.step()? {
            self.account.hold(self.bytes())?;
            if self.states.is_full() || self.been.is_full() || self.uses.is_full() {
                return Err(Stop::OutOfMemory);
            }
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.states.bytes()
            + self.uses.bytes()
            + self.been.bytes()
            + self.order.bytes()
            + self.classes.bytes()
            + self.remembered.slots.len() * size_of::<(u64, StateId)>()
            + self.read_only.capacity()
            + self.images.capacity() * size_of::<StateId>()
            + self.events.capacity() * size_of::<Event>()
            + self.frames.capacity() * size_of::<Frame>()
            + self.nodes.capacity() * size_of::<Node>()
            + self.layout.bytes()
            + self.known.as_ref().map_or(0, |(table, rows)| table.bytes() + rows.len() * size_of::<u32>())
    }

    /// Goes on from a configuration before the last return that was not passed, or extends one, or gives it up.
    fn step(&mut self, context: &mut Context<'a, '_, '_, M>) -> Result<(), Stop> {
        self.tick(context)?;
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let event = frame.event;
        let end = self.nodes.len() as u32;
        while frame.next < end {
            let node = frame.next;
            frame.next += 1;
            if self.nodes[node as usize].goes_on {
                self.go_on(node);
                return self.advance(context);
            }
        }
        if frame.extend < end {
            let node = frame.extend;
            frame.extend += 1;
            self.back_to(event);
            return self.extend(context, node);
        }
        let (order, nodes) = (frame.order, frame.nodes);
        self.take_back(order);
        self.frames.pop();
        self.nodes.truncate(nodes as usize);
        Ok(())
    }

    fn take_back(&mut self, left: u32) {
        while self.order.len() > left {
            self.order.pop();
        }
    }

    /// Takes events back until so many are left.
    fn back_to(&mut self, event: u32) {
        while self.at > event {
            self.at -= 1;
            let Event { is_return, chain, nth, .. } = self.events[self.at as usize];
            if is_return {
                self.take_off(chain, nth);
            } else {
                self.land(chain);
            }
        }
    }

    /// From now on the operation is in flight.
    fn take_off(&mut self, chain: u32, nth: u32) {
        let interval = self.layout.chains[chain as usize][nth as usize];
        self.flight[chain as usize] = interval;
        if !self.read_only[interval.local as usize] {
            self.active |= 1 << chain;
        }
    }

    fn land(&mut self, chain: u32) {
        self.flight[chain as usize] = NO_SPAN;
        self.active &= !(1 << chain);
    }

    /// Passes the return of the last frame from one of its nodes.
    fn go_on(&mut self, node: u32) {
        self.put_order(node);
        let Some(frame) = self.frames.last() else { return };
        let Event { chain, .. } = self.events[frame.event as usize];
        self.now = self.nodes[node as usize].configuration;
        self.now.debts.used &= !(1 << chain);
        self.land(chain);
        self.at += 1;
    }

    /// Makes the order that of a node of the last frame.
    fn put_order(&mut self, node: u32) {
        let Some(&Frame { event, order, nodes, .. }) = self.frames.last() else { return };
        self.back_to(event);
        self.take_back(order);
        let mut chain = Vec::new();
        let mut at = node;
        while at != nodes {
            chain.push(at);
            at = self.nodes[at as usize].from;
        }
        for at in chain.into_iter().rev() {
            let Node { configuration, from, by, chain, overwritten, .. } = self.nodes[at as usize];
            let owed = self.nodes[from as usize].configuration.debts.owed & !configuration.debts.owed;
            let by_lane = if chain == NO_LANE { 0 } else { 1 << chain };
            each(overwritten).for_each(|chain| self.order.push(self.flight[chain as usize].local, chain));
            self.order.push(by, chain);
            each(owed & !overwritten & !by_lane)
                .for_each(|chain| self.order.push(self.flight[chain as usize].local, chain));
        }
    }

    /// Lets events pass until a return may need something, and makes a frame of it if it is not known already.
    fn advance(&mut self, context: &mut Context<'a, '_, '_, M>) -> Result<(), Stop> {
        while let Some(&Event { is_return, chain, nth, .. }) = self.events.get(self.at as usize) {
            let bit = 1 << chain;
            if is_return {
                let debts = &mut self.now.debts;
                let local = self.flight[chain as usize].local;
                if debts.owed & bit != 0 || (debts.used & bit == 0 && !self.read_only[local as usize]) {
                    break;
                }
                debts.used &= !bit;
                self.land(chain);
            } else {
                self.tick(context)?;
                self.take_off(chain, nth);
                self.now.debts.used &= !bit;
                let local = self.flight[chain as usize].local;
                if self.keeps(context, local, self.now.state)? {
                    self.order.push(local, chain);
                    self.now.settled += 1;
                } else {
                    self.now.debts.owed |= bit;
                }
            }
            self.at += 1;
        }
        if self.at as usize == self.events.len() {
            return Ok(());
        }
        let Configuration { state, debts, .. } = self.now;
        if !self.been.insert(self.at, state, debts, &self.uses) {
            return Ok(());
        }
        let Event { chain, .. } = self.events[self.at as usize];
        let nodes = self.nodes.len() as u32;
        self.frames.push(Frame {
            event: self.at,
            order: self.order.len(),
            nodes,
            next: nodes,
            extend: nodes,
        });
        self.nodes.push(Node {
            configuration: self.now,
            from: NONE,
            by: 0,
            chain: NO_LANE,
            end: 0,
            overwritten: 0,
            goes_on: debts.owed & (1 << chain) == 0,
        });
        Ok(())
    }

    /// Adds the configurations that one more operation makes of a node.
    fn extend(&mut self, context: &mut Context<'a, '_, '_, M>, node: u32) -> Result<(), Stop> {
        let Configuration { state, debts, settled } = self.nodes[node as usize].configuration;
        let Event { chain: returns, rank, .. } = self.events[self.at as usize];
        self.put_order(node);
        self.order.note_end(settled as usize);
        if debts.used & (1 << returns) != 0 {
            return Ok(());
        }
        let begin = self.nodes.len();
        for chain in each(self.active & !debts.used) {
            let interval = self.flight[chain as usize];
            match self.outcome(context, interval.local, state)? {
                SEVERAL => {
                    for next in self.outcomes(context, interval.local, state)? {
                        self.child(context, node, interval, chain, next, debts.pending)?;
                    }
                }
                NONE => {}
                next => self.child(context, node, interval, chain, next, debts.pending)?,
            }
        }
        if !self.classes.is_empty() && !self.extend_by_pending(context, node, rank)? {
            // The classes were too coarse: everything begins again with finer ones.
            self.begin_again();
            return Ok(());
        }
        let mut children = self.nodes.split_off(begin);
        children.sort_by_key(|node| (node.configuration.debts.owed.count_ones(), node.end));
        for index in 0..children.len() {
            let node = &children[index];
            let Configuration { state, debts, .. } = node.configuration;
            let known = self.known.as_ref();
            if !known.is_some_and(|known| children[..index].iter().any(|other| is_better(known, other, node)))
                && self.been.insert(self.at, state, debts, &self.uses)
            {
                self.nodes.push(children[index]);
            }
        }
        Ok(())
    }

    /// Returns false if pending operations thought alike turn out not to be.
    fn extend_by_pending(
        &mut self,
        context: &mut Context<'a, '_, '_, M>,
        node: u32,
        rank: u32,
    ) -> Result<bool, Stop> {
        let Configuration { state, debts, .. } = self.nodes[node as usize].configuration;
        for class in 0..self.classes.len() {
            let counts = self.uses.get(debts.pending);
            let at = counts.binary_search_by_key(&class, |(class, _)| *class);
            let count = at.map_or(0, |at| counts[at].1);
            let Some(member) = self.classes.member(class, count).filter(|member| member.from < rank) else {
                continue;
            };
            let nexts = loop {
                match self.classes.consider(class, state, rank) {
                    Considered::Known(states) => break states.to_vec(),
                    Considered::Differ => return Ok(false),
                    Considered::Ask(local) => {
                        let states = self.outcomes(context, local, state)?;
                        self.classes.answer(class, state, states);
                    }
                }
            };
            if nexts.iter().all(|next| *next == state) {
                continue;
            }
            let mut counts = self.uses.get(debts.pending).to_vec();
            match at {
                Ok(at) => counts[at].1 += 1,
                Err(at) => counts.insert(at, (class, 1)),
            }
            let weight = 32 + counts.len() * size_of::<(u32, u32)>();
            let used = self.uses.number(counts.into(), |_| weight);
            for next in nexts {
                self.child(context, node, member, NO_LANE, next, used)?;
            }
        }
        Ok(true)
    }

    /// Adds the configuration that an operation leads to from a node, if it is a new one.
    fn child(
        &mut self,
        context: &mut Context<'a, '_, '_, M>,
        node: u32,
        by: Interval,
        chain: u32,
        next: StateId,
        pending: u32,
    ) -> Result<(), Stop> {
        let Configuration { state, debts, mut settled } = self.nodes[node as usize].configuration;
        if next == state {
            return Ok(());
        }
        self.steps += 1;
        let bit = if chain == NO_LANE { 0 } else { 1 << chain };
        let mut owed = debts.owed & !bit;
        let overwritten = self.overwritten(context, owed, by.local, state, next)?;
        owed &= !overwritten;
        for chain in each(owed) {
            let local = self.flight[chain as usize].local;
            if self.keeps(context, local, next)? {
                owed &= !(1 << chain);
            }
        }
        settled += (debts.owed & !owed).count_ones();
        let changed = Debts { used: debts.used | bit, owed, pending };
        let Event { chain: returns, .. } = self.events[self.at as usize];
        let goes_on = chain == returns || (debts.owed & !owed) & (1 << returns) != 0;
        self.nodes.push(Node {
            configuration: Configuration { state: next, debts: changed, settled },
            from: node,
            by: by.local,
            chain,
            end: by.to,
            overwritten,
            goes_on,
        });
        Ok(())
    }

    /// Those of the chains whose operations can stand right before `by`, in any selection and any order, and be
    /// overwritten by it.
    fn overwritten(
        &mut self,
        context: &mut Context<'a, '_, '_, M>,
        chains: Chains,
        by: Local,
        state: StateId,
        next: StateId,
    ) -> Result<Chains, Stop> {
        let mut found: Chains = 0;
        if chains == 0 || self.outcome(context, by, state)? != next {
            return Ok(0);
        }
        'chains: for chain in each(chains & self.active) {
            let local = self.flight[chain as usize].local;
            if self.images[local as usize] == SEVERAL {
                continue;
            }
            let image = self.outcome(context, local, state)?;
            if image >= SEVERAL || self.outcome(context, by, image)? != next {
                continue;
            }
            for other in each(found) {
                let other = self.flight[other as usize].local;
                let of_other = self.outcome(context, other, state)?;
                if self.outcome(context, local, of_other)? != image
                    || self.outcome(context, other, image)? != of_other
                {
                    continue 'chains;
                }
            }
            found |= 1 << chain;
        }
        Ok(found)
    }

    /// Whether the operation fits a state and may leave it as it is.
    fn keeps(
        &mut self,
        context: &mut Context<'a, '_, '_, M>,
        local: Local,
        state: StateId,
    ) -> Result<bool, Stop> {
        Ok(match self.outcome(context, local, state)? {
            SEVERAL => self.outcomes(context, local, state)?.contains(&state),
            outcome => outcome == state,
        })
    }

    /// The state that an operation leads to from another, or [`NONE`], or [`SEVERAL`].
    fn outcome(
        &mut self,
        context: &mut Context<'a, '_, '_, M>,
        local: Local,
        state: StateId,
    ) -> Result<StateId, Stop> {
        if let Some((table, rows)) = &self.known {
            return Ok(table.outcome(rows[local as usize], state));
        }
        let key = key(local, state);
        let slot = self.remembered.slot(key);
        if self.remembered.slots[slot].0 == key {
            return Ok(self.remembered.slots[slot].1);
        }
        let outcome = match self.outcomes(context, local, state)?.as_slice() {
            [] => NONE,
            [state] => *state,
            _ => SEVERAL,
        };
        self.remembered.slots[slot] = (key, outcome);
        let image = &mut self.images[local as usize];
        *image = if *image == NONE || *image == outcome { outcome.min(SEVERAL) } else { SEVERAL };
        Ok(outcome)
    }

    /// The states that an operation may lead to, in order.
    fn outcomes(
        &mut self,
        context: &mut Context<'a, '_, '_, M>,
        local: Local,
        state: StateId,
    ) -> Result<Vec<StateId>, Stop> {
        self.tick(context)?;
        let operation = &context.operations[self.layout.places[local as usize]];
        let mut next = std::mem::take(&mut self.scratch);
        next.clear();
        let returned = operation.returned.as_ref().map(|(_, ret)| ret);
        follow(self.states.get(state), &operation.op, returned, &mut next);
        let mut ids = Vec::new();
        for state in next.drain(..) {
            let mut room = true;
            let account = &self.account;
            ids.push(self.states.number(state, |state| {
                let weight = state.weight();
                room = weight < 4096 || account.has_room(weight);
                weight
            }));
            if !room {
                return Err(Stop::OutOfMemory);
            }
        }
        self.scratch = next;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}

/// Whether all that can be done from `other` can be done from `one`, of two nodes that come of one node: because the
/// operation that is left to do from `one` can stand in for the one that is left from `other`.
fn is_better<M>((table, rows): &(Arc<Table<M>>, Vec<u32>), one: &Node, other: &Node) -> bool {
    let (debts, theirs) = (one.configuration.debts, other.configuration.debts);
    if one.configuration.state != other.configuration.state
        || one.chain == NO_LANE
        || other.chain == NO_LANE
        || one.chain == other.chain
        || other.end < one.end
    {
        return false;
    }
    // What `one` did is left from `other`, and the other way round.
    let (mine, left) = (1 << one.chain, 1 << other.chain);
    let owes = debts.owed & left != 0;
    debts.owed & !left & !theirs.owed == 0
        && (!owes || theirs.owed & mine != 0)
        && table.stands_in(rows[other.by as usize], rows[one.by as usize])
}

/// Calls and returns in the order of time.
fn events<M: Model>(layout: &Layout, context: &mut Context<'_, '_, '_, M>) -> Result<Vec<Event>, Stop> {
    let mut events = Vec::with_capacity(2 * layout.returned);
    for (chain, intervals) in (0..).zip(&layout.chains) {
        context.watch.look()?;
        for (nth, interval) in (0..).zip(intervals) {
            events.push(Event { rank: interval.from, is_return: false, chain, nth });
            events.push(Event { rank: interval.to, is_return: true, chain, nth });
        }
    }
    sorted(events, context.watch)
}
