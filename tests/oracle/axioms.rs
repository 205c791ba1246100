//! The axioms of RC11 as the paper writes them (Lahav, Vafeiadis, Kang, Hur, Dreyer: *Repairing sequential
//! consistency in C/C++11*, PLDI 2017, section 3), in relation algebra.
//!
//! One departure: a release sequence is that of C++20 (and so of Rust): the release write and the
//! read-modify-writes that continue it, without the later stores of its thread.

use super::candidates::{Op, Prefix, Source};
use super::program::Order;
use super::relation::{Relation, Set};

/// Each axiom and each part of one, so that a test can leave one out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Coherence,
    Atomicity,
    /// Accesses and fences that are sequentially consistent: `psc_base`.
    PscBase,
    /// Two fences that are sequentially consistent: `psc_F`.
    PscFence,
    /// `hb` within a location as a part of `scb`.
    ScbSameLocation,
    /// `sb≠loc ; hb ; sb≠loc` as a part of `scb`.
    ScbHappensBefore,
    /// Synchronisation of a release with an acquire.
    Synchronises,
    /// Fences as ends of synchronisation.
    SynchronisingFence,
    /// Read-modify-writes that continue a release sequence.
    ReleaseSequence,
}

/// The memory models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// RC11 with the release sequences of C++20.
    Rc11,
    /// Sequential consistency: `sb ∪ rf ∪ mo ∪ rb` is acyclic. Data races still by `hb` of RC11.
    Sc,
    /// RC11 without one part: wrong, to see that a test notices.
    Without(Part),
}

impl Model {
    /// Whether two read-modify-writes may take the same write.
    pub(super) fn splits(self) -> bool {
        !self.has(Part::Atomicity)
    }

    fn has(self, part: Part) -> bool {
        self != Model::Without(part)
    }
}

/// An event. A read-modify-write is two.
#[derive(Clone, Copy, Debug)]
struct Event {
    /// None of an initial write.
    op: Source,
    location: Option<usize>,
    order: Order,
    read: Option<Source>,
    writes: bool,
}

/// The events of a candidate and what does not depend on coherence order.
pub(super) struct Graph {
    events: Vec<Event>,
    sequenced: Relation,
    reads_from: Relation,
    rmw: Relation,
    happens_before: Relation,
    model: Model,
}

impl Graph {
    pub(super) fn new(locations: usize, prefix: &Prefix, model: Model) -> Self {
        let events = events(locations, prefix);
        let size = events.len();
        let write_of = |source: Source, location: Option<usize>| {
            let is = |e: &Event| e.writes && e.op == source && e.location == location;
            events.iter().position(is).expect("a write that is read exists")
        };
        let mut reads_from = Relation::empty(size);
        for (read, event) in events.iter().enumerate() {
            if let Some(source) = event.read {
                reads_from.add(write_of(source, event.location), read);
            }
        }
        // Initial writes come before everything; the events are listed in program order.
        let sequenced = Relation::where_(size, |a, b| match (events[a].op, events[b].op) {
            (None, Some(_)) => true,
            (Some(first), Some(second)) => first.thread == second.thread && a < b,
            (_, None) => false,
        });
        let same_op = |a: usize, b: usize| events[a].op.is_some() && events[a].op == events[b].op;
        let rmw = Relation::where_(size, |a, b| a < b && same_op(a, b));
        let happens_before = Relation::empty(size);
        let mut graph = Graph { events, sequenced, reads_from, rmw, happens_before, model };
        graph.happens_before = graph.sequenced.or(&graph.synchronises_with()).plus();
        graph
    }

    fn set(&self, is: impl Fn(&Event) -> bool) -> Set {
        self.events.iter().enumerate().fold(0, |set, (e, event)| set | u64::from(is(event)) << e)
    }

    fn id(&self, is: impl Fn(&Event) -> bool) -> Relation {
        Relation::identity(self.events.len(), self.set(is))
    }

    /// `sw = [E⊒rel] ; ([F] ; sb)? ; rs ; rf ; [R⊒rlx] ; (sb ; [F])? ; [E⊒acq]`
    /// with `rs = [W⊒rlx] ; (rf ; rmw)*`.
    fn synchronises_with(&self) -> Relation {
        let (rf, sb) = (&self.reads_from, &self.sequenced);
        if !self.model.has(Part::Synchronises) {
            return Relation::empty(self.events.len());
        }
        let atomic_writes = self.id(|e| e.writes && e.order != Order::Plain);
        let mut sequence = atomic_writes.clone();
        if self.model.has(Part::ReleaseSequence) {
            sequence = atomic_writes.then(&rf.then(&self.rmw).plus().maybe());
        }
        let fences = self.id(|e| e.location.is_none());
        let (mut before, mut after) = (fences.then(sb).maybe(), sb.then(&fences).maybe());
        if !self.model.has(Part::SynchronisingFence) {
            (before, after) = (self.id(|_| true), self.id(|_| true));
        }
        let atomic_reads = self.id(|e| e.read.is_some() && e.order != Order::Plain);
        (self.id(|e| e.order.releases()))
            .then(&before)
            .then(&sequence)
            .then(rf)
            .then(&atomic_reads)
            .then(&after)
            .then(&self.id(|e| e.order.acquires()))
    }

    /// The writes to a location but for the initial one.
    pub(super) fn writes(&self, location: usize) -> Vec<Op> {
        let writes = self.events.iter().filter(|e| e.writes && e.location == Some(location));
        writes.filter_map(|e| e.op).collect()
    }

    /// Whether each order that has the other way round is known to be inconsistent: writes in happens-before
    /// (a cycle of `hb ; mo`), and what a read-modify-write takes, with its write. It only saves time.
    pub(super) fn must_precede(&self, location: usize, a: Op, b: Op) -> bool {
        let write = |op| {
            let is = |e: &Event| e.writes && e.op == Some(op) && e.location == Some(location);
            self.events.iter().position(is).expect("an operation that writes")
        };
        let (a, b) = (write(a), write(b));
        let takes = self.reads_from.then(&self.rmw);
        self.model.has(Part::Coherence) && (self.happens_before.has(a, b) || takes.has(a, b))
    }

    /// `mo` of the orders of some locations, the initial write of each before all others.
    fn modification(&self, orders: &[(usize, &[Op])]) -> Relation {
        let mut mo = Relation::empty(self.events.len());
        for (location, order) in orders {
            let place = |op: Source| {
                let is = |e: &Event| e.writes && e.op == op && e.location == Some(*location);
                self.events.iter().position(is).expect("coherence orders writes")
            };
            let mut before = vec![place(None)];
            for op in *order {
                let write = place(Some(*op));
                before.iter().for_each(|earlier| mo.add(*earlier, write));
                before.push(write);
            }
        }
        mo
    }

    /// `rb = (rf⁻¹ ; mo) \ [E]`
    fn reads_before(&self, modification: &Relation) -> Relation {
        self.reads_from.inverse().then(modification).minus(&self.id(|_| true))
    }

    /// What concerns one location only: coherence and atomicity; under SC the cycles of one location, too.
    ///
    /// A cycle of `hb ; eco` has one step of `eco`, which stays within a location, so looking at each
    /// location alone loses nothing.
    pub(super) fn location_allows(&self, location: usize, order: &[Op]) -> bool {
        let mo = self.modification(&[(location, order)]);
        let rb = self.reads_before(&mo);
        let here = self.set(|e| e.location == Some(location));
        let rf = self.reads_from.between(here, here);
        if self.model.has(Part::Atomicity) && !self.rmw.and(&rb.then(&mo)).is_empty() {
            return false;
        }
        if self.model == Model::Sc {
            return self.sequenced.or(&rf).or(&mo).or(&rb).is_acyclic();
        }
        let eco = rf.or(&mo).or(&rb).plus();
        !self.model.has(Part::Coherence) || self.happens_before.then(&eco.maybe()).is_irreflexive()
    }

    /// What concerns all locations together, each with its order: `psc`, or the SC axiom.
    pub(super) fn whole_allows(&self, orders: &[Vec<Op>]) -> bool {
        let orders: Vec<_> = orders.iter().map(Vec::as_slice).enumerate().collect();
        let mo = self.modification(&orders);
        let rb = self.reads_before(&mo);
        if self.model == Model::Sc {
            return self.sequenced.or(&self.reads_from).or(&mo).or(&rb).is_acyclic();
        }
        self.partial_sc(&mo, &rb).is_acyclic()
    }

    /// `psc = psc_base ∪ psc_F`
    fn partial_sc(&self, mo: &Relation, rb: &Relation) -> Relation {
        let (hb, sb) = (&self.happens_before, &self.sequenced);
        let size = self.events.len();
        let same = |a: usize, b: usize| {
            self.events[a].location.is_some() && self.events[a].location == self.events[b].location
        };
        let same_location = Relation::where_(size, same);
        let elsewhere = sb.minus(&same_location);
        let mut scb = sb.or(mo).or(rb);
        if self.model.has(Part::ScbHappensBefore) {
            scb = scb.or(&elsewhere.then(hb).then(&elsewhere));
        }
        if self.model.has(Part::ScbSameLocation) {
            scb = scb.or(&hb.and(&same_location));
        }
        let events = self.id(|e| e.order == Order::SeqCst);
        let fences = self.id(|e| e.order == Order::SeqCst && e.location.is_none());
        let (from, to) = (events.or(&fences.then(&hb.maybe())), events.or(&hb.maybe().then(&fences)));
        let eco = self.reads_from.or(mo).or(rb).plus();
        let mut psc = Relation::empty(size);
        if self.model.has(Part::PscBase) {
            psc = psc.or(&from.then(&scb).then(&to));
        }
        if self.model.has(Part::PscFence) {
            psc = psc.or(&fences.then(&hb.or(&hb.then(&eco).then(hb))).then(&fences));
        }
        psc
    }

    /// The pairs of conflicting accesses, one of them plain, that happens-before does not order.
    pub(super) fn races(&self) -> Vec<(Op, Op)> {
        let mut races = Vec::new();
        for (a, first) in self.events.iter().enumerate() {
            for (b, second) in self.events.iter().enumerate().skip(a + 1) {
                let conflict = first.location.is_some()
                    && first.location == second.location
                    && (first.writes || second.writes);
                let plain = first.order == Order::Plain || second.order == Order::Plain;
                let ordered = self.happens_before.has(a, b) || self.happens_before.has(b, a);
                if let (Some(one), Some(other)) = (first.op, second.op)
                    && (conflict && plain && !ordered)
                {
                    races.push((one.min(other), one.max(other)));
                }
            }
        }
        races
    }
}

/// The initial writes, then the events of each thread in program order.
fn events(locations: usize, prefix: &Prefix) -> Vec<Event> {
    let initial = |location| Event {
        op: None,
        location: Some(location),
        order: Order::Plain,
        read: None,
        writes: true,
    };
    let mut events: Vec<_> = (0..locations).map(initial).collect();
    for (thread, done) in prefix.iter().enumerate() {
        for (index, done) in done.iter().enumerate() {
            let op = Some(Op { thread, index });
            let event = Event { op, location: done.location, order: done.order, read: None, writes: false };
            if let Some((source, _)) = done.read {
                events.push(Event { read: Some(source), ..event });
            }
            if done.written.is_some() {
                events.push(Event { writes: true, ..event });
            }
            if done.location.is_none() {
                events.push(event);
            }
        }
    }
    events
}
