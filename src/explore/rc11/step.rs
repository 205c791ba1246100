//! How a graph grows: TruSt's steps (POPL 2022, section 4).
//!
//! Forward, a read takes each write that it may, and a write each place in coherence order. Backward, a write
//! is taken by a read that was added before it: what was added after the read and is no part of the write's
//! porf-past is deleted. That is done only if the deleted part was *maximally added* (each read took the last
//! write, each write the last place), so that each graph is reached in one way.
//!
//! A read that waits for a value takes, of the writes that do not please it, only the last: there its thread
//! is blocked, and a later write may be taken instead. One that is blocked on an older write would never be
//! taken further, because it is not maximally added.

use super::consistency::Model;
use super::graph::{EventId, Graph, Kind, LocationId, Order};
use super::symmetry::{Added, Standing, standing};

/// What a read comes to if it takes a certain write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    /// Whether it writes, too.
    pub(crate) rmw: bool,
    pub(crate) order: Order,
    /// Whether its thread cannot go on with this value.
    pub(crate) blocked: bool,
}

/// What other ways there are, for later.
pub(crate) type WorkList = Vec<Graph>;

/// Puts another way on the work list, if it is not one that is explored under other names.
fn push(other: Graph, others: &mut WorkList) -> Standing {
    let standing = standing(&other, Added::Otherwise);
    if standing == Standing::Kept {
        others.push(other);
    }
    standing
}

impl Graph {
    /// Notes what has become of another way: only that the symmetry is broken matters to this one.
    fn note(&mut self, other: Standing) {
        if other == Standing::Broken {
            self.standing = other;
        }
    }

    /// Notes what an event in the last place makes of this graph.
    fn note_last(&mut self) {
        self.standing = self.standing.max(standing(self, Added::Maximally));
    }
}

/// Adds a read, or the reading half of a read-modify-write, that takes the last write; `effect` says what it
/// comes to with each. Returns the write and the effect.
pub(crate) fn read(
    graph: &mut Graph,
    id: EventId,
    location: LocationId,
    model: Model,
    mut effect: impl FnMut(EventId) -> Effect,
    others: &mut WorkList,
) -> (EventId, Effect) {
    let last = graph.location(location).writes.len();
    let taken = graph.write_at(last, location);
    let first = effect(taken);
    // The floor depends on what happens before the read, whatever it takes.
    let known = graph.make(id, Kind::Fence, Order::Relaxed, 0);
    for position in graph.floor(&known, location, id)..last {
        let from = graph.write_at(position, location);
        let Effect { rmw, order, blocked } = effect(from);
        if blocked {
            continue;
        }
        let mut other = graph.clone();
        other.add(id, Kind::Read { location, from, rmw, blocked }, order);
        if !model.allows(&other, &[id]) {
            continue;
        }
        if rmw && graph.rmw_of(from, location, id).is_some() {
            // Not to be executed: all that it is for is its write, whose value does not matter here.
            let stays = write(&mut other, id.next(), location, order, true, model, others);
            debug_assert!(!stays, "two read-modify-writes have taken one write");
            graph.note(other.standing);
        } else {
            other.fresh = Some(id);
            graph.note(push(other, others));
        }
    }
    let Effect { rmw, order, blocked } = first;
    graph.add(id, Kind::Read { location, from: taken, rmw, blocked }, order);
    graph.note_last();
    (taken, first)
}

/// Adds an event that was given this much, as a guide has it.
pub(crate) fn guided(graph: &mut Graph, id: EventId, kind: Kind, order: Order, place: usize) {
    let location = match kind {
        Kind::Write { location, .. } => Some(location),
        _ => None,
    };
    graph.add(id, kind, order);
    if let Some(location) = location {
        let writes = &mut graph.location_mut(location).writes;
        writes.insert(place.min(writes.len()), id);
    }
}

/// Notes what a read has come to that was given its write before it was executed; `fresh` if another way was. False if
/// the model does not allow that.
pub(crate) fn settle_read(graph: &mut Graph, id: EventId, effect: Effect, fresh: bool, model: Model) -> bool {
    let Kind::Read { location, from, .. } = graph.event(id).kind else { return false };
    let Effect { rmw, order, blocked } = effect;
    let reordered = graph.event(id).order != order;
    let kind = Kind::Read { location, from, rmw, blocked };
    if graph.event(id).kind != kind || reordered {
        let added = if fresh { Added::Otherwise } else { Added::Maximally };
        graph.replace(id, kind, order);
        graph.standing = graph.standing.max(standing(graph, added));
    }
    !reordered || model.allows(graph, &[id])
}

/// Adds a write, or the writing half of a read-modify-write, in the last place. False if the graph is not
/// allowed and was made only for its write to be taken by others.
pub(crate) fn write(
    graph: &mut Graph,
    id: EventId,
    location: LocationId,
    order: Order,
    rmw: bool,
    model: Model,
    others: &mut WorkList,
) -> bool {
    graph.add(id, Kind::Write { location, rmw }, order);
    let read = rmw.then(|| EventId { index: id.index - 1, ..id });
    let from = read.map(|read| match graph.event(read).kind {
        Kind::Read { from, .. } => from,
        _ => unreachable!("the writing half of a read-modify-write comes after its read"),
    });
    let rival = from.and_then(|from| graph.rmw_of(from, location, id_of_read(id)));
    let place = match from {
        Some(from) => graph.position(from, location),
        None => graph.location(location).writes.len(),
    };
    graph.location_mut(location).writes.insert(place, id);
    let revisited = revisit(graph, id, location, model, others);
    graph.note(revisited);
    if rival.is_some() {
        return false;
    }
    if !rmw {
        graph.location_mut(location).writes.pop();
        for other in places(graph, id, location, None).into_iter().rev() {
            if other == place {
                continue;
            }
            let mut moved = graph.clone();
            moved.location_mut(location).writes.insert(other, id);
            if model.allows(&moved, &[id]) {
                graph.note(push(moved, others));
            }
        }
        graph.location_mut(location).writes.push(id);
        graph.note_last();
    }
    model.allows(graph, &[id])
}

/// The reading half of a read-modify-write, by its writing half.
fn id_of_read(write: EventId) -> EventId {
    EventId { index: write.index - 1, ..write }
}

/// Adds an event that has no alternative. False if the model does not allow it.
pub(crate) fn other(graph: &mut Graph, id: EventId, kind: Kind, order: Order, model: Model) -> bool {
    graph.add(id, kind, order);
    model == Model::Sc || model.allows(graph, &[id])
}

/// Adds a choice of the first value.
pub(crate) fn choose(graph: &mut Graph, id: EventId, options: u32, others: &mut WorkList) {
    for value in (1..options).rev() {
        let mut other = graph.clone();
        other.add(id, Kind::Choice { options, value }, Order::Relaxed);
        others.push(other);
    }
    graph.add(id, Kind::Choice { options, value: 0 }, Order::Relaxed);
}

/// The places in coherence order for a write, the last first, that `reader`, which is to take it, allows too.
fn places(graph: &Graph, write: EventId, location: LocationId, reader: Option<EventId>) -> Vec<usize> {
    let floor_of = |id: EventId| graph.floor(graph.event(id), location, id);
    let read_floor = reader.map(floor_of);
    if let Kind::Write { rmw: true, .. } = graph.event(write).kind {
        let place = match graph.event(id_of_read(write)).kind {
            Kind::Read { from, .. } => graph.position(from, location),
            _ => unreachable!("the writing half of a read-modify-write comes after its read"),
        };
        return if read_floor.is_some_and(|floor| floor > place) { Vec::new() } else { vec![place] };
    }
    let floor = floor_of(write).max(read_floor.unwrap_or(0));
    let last = graph.location(location).writes.len();
    let splits =
        |place: &usize| graph.rmw_of(graph.write_at(*place, location), location, EventId::INIT).is_some();
    (floor..=last).rev().filter(|place| !splits(place)).collect()
}

/// Pushes the graphs in which a read that was there before takes the new write, which has a place for now.
fn revisit(
    graph: &Graph,
    write: EventId,
    location: LocationId,
    model: Model,
    others: &mut WorkList,
) -> Standing {
    let mut standing = Standing::Kept;
    let porf = &graph.event(write).porf;
    for read in &graph.location(location).reads {
        if read.is_in(porf) {
            continue;
        }
        let (stamp, order) = (graph.event(*read).stamp, graph.event(*read).order);
        let goes = |id: EventId, stamp_of: u32| stamp_of > stamp && !id.is_in(porf);
        let mut gone = graph.events_since(stamp).filter(|(id, event)| goes(*id, event.stamp));
        if !is_maximal(graph, *read, write) || !gone.all(|(id, _)| is_maximal(graph, id, write)) {
            continue;
        }
        let mut revisited = graph.clone();
        revisited.location_mut(location).writes.retain(|other| *other != write);
        revisited.restrict(|id, event| match event.kind {
            // A thread that has been spawned has begun: the two are one step.
            Kind::Begin { by: Some(spawn), .. } => !goes(spawn, graph.event(spawn).stamp),
            _ => !goes(id, event.stamp),
        });
        // Whether it writes turns out when it is executed.
        let kind = Kind::Read { location, from: write, rmw: false, blocked: false };
        revisited.replace(*read, kind, order);
        revisited.fresh = Some(*read);
        if !is_atomic(&revisited, write, location) {
            continue;
        }
        for place in places(&revisited, write, location, Some(*read)) {
            let mut placed = revisited.clone();
            placed.location_mut(location).writes.insert(place, write);
            if model.allows(&placed, &[*read, write]) {
                standing = standing.max(push(placed, others));
            }
        }
    }
    standing
}

/// Whether no other read-modify-write has taken what `write` is the writing half for.
fn is_atomic(graph: &Graph, write: EventId, location: LocationId) -> bool {
    let Kind::Write { rmw: true, .. } = graph.event(write).kind else { return true };
    let read = id_of_read(write);
    match graph.event(read).kind {
        Kind::Read { from, .. } => graph.rmw_of(from, location, read).is_none(),
        _ => true,
    }
}

/// Whether an event that `write` would delete, or have read from elsewhere, was added in the last place among
/// those that were there before it or are in the past of `write`.
fn is_maximal(graph: &Graph, id: EventId, write: EventId) -> bool {
    let event = graph.event(id);
    let porf = &graph.event(write).porf;
    let earlier =
        |other: &EventId| *other != write && (graph.event(*other).stamp <= event.stamp || other.is_in(porf));
    let (location, place) = match event.kind {
        Kind::Read { location, from, .. } => (location, graph.position(from, location)),
        Kind::Write { location, .. } => {
            let takes =
                |read: &EventId| matches!(graph.event(*read).kind, Kind::Read { from, .. } if from == id);
            if graph.location(location).reads.iter().any(|read| takes(read) && earlier(read)) {
                return false;
            }
            (location, graph.position(id, location))
        }
        Kind::Choice { value, .. } => return value == 0,
        _ => return true,
    };
    !graph.location(location).writes[place..].iter().any(earlier)
}
