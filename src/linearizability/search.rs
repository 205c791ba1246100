//! The search for an order: depth first, with every situation looked at once.
//!
//! Wing and Gong, "Testing and Verifying Concurrent Objects", JPDC 17, 1993, section 4, search the orders
//! of a history operation by operation; Lowe, "Testing for linearizability", CCPE 29(4), 2017, section 4,
//! adds the memo on (set of placed operations, state of the model) that makes it practical. Here the set is
//! one number per chain ([`super::layout`]), and three things are added:
//!
//! - Operations that never returned are tried where nothing else can be placed, the fewest first, and only
//!   where they change the state. Those that do the same stand in for each other ([`super::pending`]), and a
//!   situation in which fewer were used makes those in which more were superfluous.
//! - An operation that the model says can never change the state is placed as soon as it fits, and nothing
//!   else is tried in its stead.
//! - The order in which operations are tried is a choice ([`Priority`]): neither is better on all histories.
//!
//! A search can be stopped after so many steps and resumed.
//!
//! Limits: the problem is NP-complete (Gibbons and Korach, 1997), so there are bounds on time and on
//! memory, and no answer beyond them.

use super::history::{Operation, Place};
use super::layout::{Interval, Layout, Local, NEVER};
use super::model::{Model, follow};
use super::partial::{NO_LANE, Order};
use super::pending::{Classes, Considered};
use super::table::{Situations, StateId, States, Uses};
use super::watch::{Account, Stop, Watch};

/// Which of the operations that could be next is tried first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priority {
    /// The one that must return soonest.
    Return,
    /// The one that was called earliest.
    Call,
}

/// What a search came to.
pub(super) enum Found {
    /// An order, and the operations in it by their places in the part.
    Order(Vec<Local>),
    NoOrder,
}

/// What a search may use and must respect.
pub(super) struct Context<'a, 'b, 'c, M: Model> {
    pub(super) model: &'a M,
    pub(super) operations: &'a [Operation<M::Op, M::Ret>],
    pub(super) watch: &'b mut Watch<'c>,
}

/// A state that pending operations alone lead to.
struct Element {
    state: StateId,
    used: u32,
    /// The element before, and the pending operation in between.
    from: u32,
    pending: Local,
    /// Whether no pending operation is to be tried from here.
    closed: bool,
}

/// One situation on the way, with what is still to be tried from it.
struct Frame {
    /// How many operations were placed before the one that led here, and up to here.
    entry: u32,
    base: u32,
    /// Where its candidates begin, and the next of them.
    candidates: u32,
    next: u32,
    first_end: u32,
    /// The chain of the candidate in hand, and the states that it may lead to but were not looked at yet.
    chain: u32,
    others: Vec<StateId>,
    /// The element in hand, and how many of them were followed by one pending operation more.
    element: u32,
    followed: u32,
    /// The situation itself, and those that pending operations make of it.
    state: StateId,
    used: u32,
    elements: Vec<Element>,
}

pub(super) struct Search<'a, M: Model> {
    layout: &'a Layout,
    priority: Priority,
    account: Account<'a>,
    states: States<M>,
    uses: States<Uses>,
    been: Situations,
    classes: Classes,
    /// Which operations are read-only by the model's word. Empty if none are.
    read_only: Vec<bool>,
    layout_bytes: usize,
    done: Vec<u32>,
    done_hash: u64,
    state: StateId,
    used: u32,
    returned: usize,
    frames: Vec<Frame>,
    /// Chains, of all frames one after another.
    candidates: Vec<u32>,
    order: Order,
    scratch: Vec<M>,
    begun: bool,
}

impl<'a, M: Model> Search<'a, M> {
    pub(super) fn new(
        layout: &'a Layout,
        operations: &[Operation<M::Op, M::Ret>],
        priority: Priority,
        account: Account<'a>,
    ) -> Self {
        let returned = layout.places.iter().map(|&place| &operations[place]);
        let read_only: Vec<bool> = returned
            .map(|operation| {
                operation.returned.as_ref().is_some_and(|(_, ret)| M::read_only(&operation.op, ret))
            })
            .collect();
        let classes = if layout.nested {
            Classes::alike(
                &layout.pending,
                |local| &operations[layout.places[local as usize]],
                |local| layout.era(local),
            )
        } else {
            Classes::apart(&layout.pending)
        };
        Self {
            layout,
            priority,
            account,
            states: States::new(),
            uses: States::new(),
            been: Situations::new(layout.chains.len() + 1),
            classes,
            // What was cut off by a crash may have to come first, so nothing is placed ahead of its turn.
            read_only: if layout.eras.is_empty() && read_only.contains(&true) {
                read_only
            } else {
                Vec::new()
            },
            layout_bytes: layout.bytes(),
            done: vec![0; layout.chains.len()],
            done_hash: 0,
            state: 0,
            used: 0,
            returned: 0,
            frames: Vec::new(),
            candidates: Vec::new(),
            order: Order::new(),
            scratch: Vec::new(),
            begun: false,
        }
    }

    /// Goes on for so many steps. `None` if that was not enough.
    pub(super) fn run(
        &mut self,
        context: &mut Context<'a, '_, '_, M>,
        steps: u64,
    ) -> Result<Option<Found>, Stop> {
        if !self.begun {
            self.begin(context)?;
        }
        for _ in 0..steps {
            if self.returned == self.layout.returned {
                return Ok(Some(Found::Order(self.order.locals().collect())));
            }
            if self.frames.is_empty() {
                return Ok(Some(Found::NoOrder));
            }
            self.step(context)?;
        }
        Ok(None)
    }

    /// The longest orders that could not be continued.
    pub(super) fn into_order(self) -> Order {
        self.order
    }

    fn begin(&mut self, context: &mut Context<'a, '_, '_, M>) -> Result<(), Stop> {
        self.begun = true;
        self.been = Situations::new(self.layout.chains.len() + 1);
        self.done.fill(0);
        (self.done_hash, self.returned) = (0, 0);
        self.frames.clear();
        self.candidates.clear();
        self.order = Order::new();
        self.used = self.uses.number(Box::new([]), |_| 0);
        self.state = self.states.number(context.model.clone(), M::weight);
        self.descend(context, 0).map(|_| ())
    }

    /// Looks at the bounds, if it is time to.
    fn tick(&mut self, context: &mut Context<'a, '_, '_, M>) -> Result<(), Stop> {
        if context.watch.step()? {
            let bytes = self.bytes();
            self.account.hold(bytes)?;
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
            + self.frames.capacity() * size_of::<Frame>()
            + self.candidates.capacity() * size_of::<u32>()
            + self.read_only.capacity()
            + self.layout_bytes
    }

    /// Tries one thing from the last situation, or leaves it.
    fn step(&mut self, context: &mut Context<'a, '_, '_, M>) -> Result<(), Stop> {
        self.tick(context)?;
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        if let Some(state) = frame.others.pop() {
            let chain = frame.chain;
            return self.enter(context, chain, state);
        }
        if (frame.next as usize) < self.candidates.len() {
            let chain = self.candidates[frame.next as usize];
            frame.next += 1;
            frame.chain = chain;
            let interval = self.layout.chains[chain as usize][self.done[chain as usize] as usize];
            let mut next = self.outcomes(context, interval.local)?;
            let Some(state) = next.pop() else { return Ok(()) };
            if let Some(frame) = self.frames.last_mut() {
                frame.others = next;
            }
            return self.enter(context, chain, state);
        }
        if !self.next_element(context)? {
            self.leave();
        }
        Ok(())
    }

    /// The states that an operation leads to from the current one, if it then returns what it returned.
    fn outcomes(&mut self, context: &mut Context<'a, '_, '_, M>, local: Local) -> Result<Vec<StateId>, Stop> {
        self.tick(context)?;
        let operation = &context.operations[self.layout.places[local as usize]];
        let mut next = std::mem::take(&mut self.scratch);
        next.clear();
        follow(
            self.states.get(self.state),
            &operation.op,
            operation.returned.as_ref().map(|(_, ret)| ret),
            &mut next,
        );
        let ids = self.number(&mut next);
        self.scratch = next;
        ids
    }

    fn number(&mut self, states: &mut Vec<M>) -> Result<Vec<StateId>, Stop> {
        let mut ids = Vec::new();
        for state in states.drain(..) {
            let mut fits = true;
            let account = &self.account;
            let id = self.states.number(state, |state| {
                let weight = state.weight();
                fits = weight < 4096 || account.has_room(weight);
                weight
            });
            if !fits {
                return Err(Stop::OutOfMemory);
            }
            ids.push(id);
        }
        Ok(ids)
    }

    /// Places the first operation of a chain, which leads to this state.
    fn enter(
        &mut self,
        context: &mut Context<'a, '_, '_, M>,
        chain: u32,
        state: StateId,
    ) -> Result<(), Stop> {
        let entry = self.order.len();
        let before = self.state;
        self.put(chain);
        self.state = state;
        if !self.descend(context, entry)? {
            self.take_back(entry);
            self.state = before;
        }
        Ok(())
    }

    fn put(&mut self, chain: u32) {
        let done = &mut self.done[chain as usize];
        self.order.push(self.layout.chains[chain as usize][*done as usize].local, chain);
        *done += 1;
        self.done_hash = self.done_hash.wrapping_add(key_of(chain));
        self.returned += 1;
    }

    /// Takes operations back until so many are left.
    fn take_back(&mut self, left: u32) {
        while self.order.len() > left {
            let chain = self.order.pop();
            if chain != NO_LANE {
                self.done[chain as usize] -= 1;
                self.done_hash = self.done_hash.wrapping_sub(key_of(chain));
                self.returned -= 1;
            }
        }
    }

    /// Makes a frame of the current situation, once what fits and changes nothing is placed. Returns false
    /// if it is not new.
    fn descend(&mut self, context: &mut Context<'a, '_, '_, M>, entry: u32) -> Result<bool, Stop> {
        let mut first_end = self.first_end();
        if !self.read_only.is_empty() {
            while let Some(chain) = self.settled_reader(context, first_end)? {
                self.put(chain);
                first_end = self.first_end();
            }
        }
        if !self.been.insert(&self.done, self.state, self.hash(self.state), self.used, &self.uses) {
            return Ok(false);
        }
        let begin = self.candidates.len();
        for (chain, (intervals, &done)) in (0_u32..).zip(self.layout.chains.iter().zip(&self.done)) {
            if let Some(interval) = intervals.get(done as usize)
                && interval.from < first_end
                && self.layout.is_free(interval.local, &self.done)
            {
                self.candidates.push(chain);
            }
        }
        let (chains, done) = (&self.layout.chains, &self.done);
        let key = |chain: &u32| {
            let interval = &chains[*chain as usize][done[*chain as usize] as usize];
            match self.priority {
                Priority::Return => (interval.to, 0),
                Priority::Call => (interval.from, interval.to),
            }
        };
        self.candidates[begin..].sort_unstable_by_key(key);
        let begin = begin as u32;
        self.frames.push(Frame {
            entry,
            base: self.order.len(),
            candidates: begin,
            next: begin,
            first_end,
            chain: 0,
            others: Vec::new(),
            element: 0,
            followed: 0,
            state: self.state,
            used: self.used,
            elements: Vec::new(),
        });
        Ok(true)
    }

    fn hash(&self, state: StateId) -> u64 {
        let mixed = (self.done_hash ^ u64::from(state).wrapping_mul(0xd6e8_feb8_6659_fd93))
            .wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ (mixed >> 33)
    }

    /// The soonest end of all operations that are left.
    fn first_end(&self) -> u32 {
        let heads = self.layout.chains.iter().zip(&self.done);
        heads
            .filter_map(|(intervals, &done)| intervals.get(done as usize))
            .map(|interval| interval.to)
            .min()
            .unwrap_or(NEVER)
    }

    /// The chain of an operation that fits now and can change nothing.
    fn settled_reader(
        &mut self,
        context: &mut Context<'a, '_, '_, M>,
        first_end: u32,
    ) -> Result<Option<u32>, Stop> {
        for chain in 0..self.done.len() {
            let Some(interval) = self.layout.chains[chain].get(self.done[chain] as usize).copied() else {
                continue;
            };
            if interval.from < first_end
                && self.read_only[interval.local as usize]
                && self.layout.is_free(interval.local, &self.done)
                && self.outcomes(context, interval.local)?.contains(&self.state)
            {
                return Ok(Some(chain as u32));
            }
        }
        Ok(None)
    }

    /// Goes to the next state that pending operations lead to from the last frame's situation.
    fn next_element(&mut self, context: &mut Context<'a, '_, '_, M>) -> Result<bool, Stop> {
        if self.classes.is_empty() {
            return Ok(false);
        }
        let base = self.frames.last().map_or(0, |frame| frame.base);
        self.take_back(base);
        loop {
            let Some(frame) = self.frames.last_mut() else { return Ok(false) };
            if (frame.element as usize) < frame.elements.len() {
                frame.element += 1;
                break;
            }
            if frame.followed as usize > frame.elements.len() {
                return Ok(false);
            }
            let follows = frame.followed;
            frame.followed += 1;
            if follows > 0 && frame.elements[follows as usize - 1].closed {
                continue;
            }
            if !self.follow_pending(context, follows)? {
                // The classes were too coarse: everything begins again with finer ones.
                self.begin(context)?;
                return Ok(true);
            }
        }
        self.start_element(context)?;
        Ok(true)
    }

    /// Adds the states that one pending operation leads to from an element of the last frame; element 0 is
    /// the situation itself. Returns false if pending operations thought alike turn out not to be.
    fn follow_pending(&mut self, context: &mut Context<'a, '_, '_, M>, follows: u32) -> Result<bool, Stop> {
        let Some(frame) = self.frames.last() else { return Ok(true) };
        let first_end = frame.first_end;
        let (state, used) = match follows {
            0 => (frame.state, frame.used),
            element => {
                let element = &frame.elements[element as usize - 1];
                (element.state, element.used)
            }
        };
        let era = self.era(used);
        for class in 0..self.classes.len() {
            let counts = self.uses.get(used);
            let count = counts.iter().find(|(other, _)| *other == class).map_or(0, |(_, count)| *count);
            let Some(member) = self.classes.member(class, count) else { continue };
            let cut_off = self.layout.era(member.local) < era;
            if cut_off || member.from >= first_end || !self.layout.is_free(member.local, &self.done) {
                continue;
            }
            let nexts = loop {
                match self.classes.consider(class, state, first_end) {
                    Considered::Known(states) => break states.to_vec(),
                    Considered::Differ => return Ok(false),
                    Considered::Ask(local) => {
                        self.state = state;
                        let mut states = self.outcomes(context, local)?;
                        states.sort_unstable();
                        states.dedup();
                        self.classes.answer(class, state, states);
                    }
                }
            };
            for next in nexts.into_iter().filter(|next| *next != state) {
                let mut counts = self.uses.get(used).to_vec();
                match counts.binary_search_by_key(&class, |(class, _)| *class) {
                    Ok(at) => counts[at].1 += 1,
                    Err(at) => counts.insert(at, (class, 1)),
                }
                let weight = 32 + counts.len() * size_of::<(u32, u32)>();
                let used = self.uses.number(counts.into(), |_| weight);
                if self.been.insert(&self.done, next, self.hash(next), used, &self.uses)
                    && let Some(frame) = self.frames.last_mut()
                {
                    let element =
                        Element { state: next, used, from: follows, pending: member.local, closed: false };
                    frame.elements.push(element);
                }
            }
        }
        Ok(true)
    }

    /// The latest era of anything placed, if so many pending operations are.
    fn era(&self, used: u32) -> u32 {
        if self.layout.eras.is_empty() {
            return 0;
        }
        let last = |(intervals, &done): (&Vec<Interval>, &u32)| {
            Some(intervals.get(done.checked_sub(1)? as usize)?.local)
        };
        let returned = self.layout.chains.iter().zip(&self.done).filter_map(last);
        let members = self.uses.get(used).iter().filter_map(|(class, _)| self.classes.member(*class, 0));
        returned
            .chain(members.map(|interval| interval.local))
            .map(|local| self.layout.era(local))
            .max()
            .unwrap_or(0)
    }

    /// Puts the pending operations of the frame's element in hand in place, and begins with its candidates.
    fn start_element(&mut self, context: &mut Context<'a, '_, '_, M>) -> Result<(), Stop> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let mut chain = Vec::new();
        let mut at = frame.element;
        while at > 0 {
            let element = &frame.elements[at as usize - 1];
            chain.push(element.pending);
            at = element.from;
        }
        let element = &frame.elements[frame.element as usize - 1];
        (self.state, self.used) = (element.state, element.used);
        let (first_end, element) = (frame.first_end, frame.element as usize - 1);
        frame.next = frame.candidates;
        for local in chain.into_iter().rev() {
            self.order.push(local, NO_LANE);
        }
        if self.read_only.is_empty() {
            return Ok(());
        }
        if let Some(chain) = self.settled_reader(context, first_end)?
            && let Some(frame) = self.frames.last_mut()
        {
            // It fits and changes nothing: nothing else need be tried from here.
            frame.elements[element].closed = true;
            frame.next = self.candidates.len() as u32;
            let state = self.state;
            self.frame_enters(chain);
            return self.enter(context, chain, state);
        }
        Ok(())
    }

    fn frame_enters(&mut self, chain: u32) {
        if let Some(frame) = self.frames.last_mut() {
            frame.chain = chain;
        }
    }

    /// Leaves the last situation, from which there is no way.
    fn leave(&mut self) {
        let base = self.frames.last().map_or(0, |frame| frame.base);
        self.take_back(base);
        self.order.note_end(self.returned);
        let Some(frame) = self.frames.pop() else { return };
        self.candidates.truncate(frame.candidates as usize);
        self.take_back(frame.entry);
        if let Some(frame) = self.frames.last() {
            (self.state, self.used) = match frame.element {
                0 => (frame.state, frame.used),
                element => {
                    let element = &frame.elements[element as usize - 1];
                    (element.state, element.used)
                }
            };
        }
    }
}

/// A number for each chain, such that few sums of few of them are alike.
fn key_of(chain: u32) -> u64 {
    let mixed = (u64::from(chain) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1
}

/// The places in the history of operations of a part.
pub(super) fn places(layout: &Layout, locals: &[Local]) -> Vec<Place> {
    locals.iter().map(|&local| layout.places[local as usize]).collect()
}
