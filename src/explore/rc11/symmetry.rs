//! Symmetry: of executions that differ in nothing but which of several threads alike is which, one.
//!
//! Threads are *alike* if their spawning marks them so: they run the same closure, one is spawned right after the other,
//! and no value tells them apart. Where the first events of threads alike are read-modify-writes of one location (they
//! take a lock, or count), one of these comes before the other in program order and reads-from, and executions are
//! explored in which they come in the order of the threads: n! times fewer. The idea is that of SPORE (Kokologiannakis,
//! Marmanis, Vafeiadis: "SPORE: Combining Symmetry and Partial Order Reduction", PLDI 2024), which goes on to later
//! events and to reads; here is the part that leaves TruSt's search as it is:
//!
//! A graph is *kept* if, for the first event of a thread that is a read-modify-write, those of all threads alike before
//! it are in its porf-past. Then a graph's porf-prefixes are kept; what is maximally added to a kept graph gives a kept
//! one, as threads with lower numbers go first and the location's last write is after all others; and so the way by
//! which TruSt reaches a kept graph leads through kept graphs. A *mirrored* one, in which the order is another, need not
//! be explored: no kept graph is reached through it, since what was revisited or not maximally added is never deleted.
//!
//! That needs the writes to the location to follow each other in porf. Where they do not, or where threads alike do
//! different things, the symmetry is *broken*, and the exploration begins anew without.

use super::graph::{Event, EventId, Graph, Kind, LocationId};

/// What a graph is, as to the symmetry of its threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    #[default]
    Kept,
    Mirrored,
    Broken,
}

/// How a graph came about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// By an event in the last place.
    Maximally,
    Otherwise,
}

/// The location of the read-modify-write that this is.
fn updated(event: &Event) -> Option<LocationId> {
    match event.kind {
        Kind::Read { location, rmw: true, .. } => Some(location),
        _ => None,
    }
}

/// The first event of a thread after its beginning.
fn first(graph: &Graph, thread: u8) -> Option<(EventId, &Event)> {
    let id = EventId { thread, index: 1 };
    Some((id, graph.get(id)?))
}

impl Graph {
    /// The thread alike that was spawned last before this one.
    fn alike(&self, thread: u8) -> Option<u8> {
        match self.get(EventId { thread, index: 0 })?.kind {
            Kind::Begin { alike, .. } => alike,
            _ => None,
        }
    }
}

/// What this graph is.
pub(super) fn standing(graph: &Graph, added: Added) -> Standing {
    if !graph.has_alike {
        return Standing::Kept;
    }
    let threads = 0..u8::try_from(graph.threads.len()).unwrap_or(u8::MAX);
    let of_all = threads.filter_map(|thread| {
        graph.alike(thread)?;
        let (_, event) = first(graph, thread)?;
        Some(of_thread(graph, thread, event, updated(event)?, added))
    });
    of_all.max().unwrap_or_default()
}

/// What the first event of a thread, an update of this location, makes of the graph.
fn of_thread(graph: &Graph, thread: u8, event: &Event, location: LocationId, added: Added) -> Standing {
    let before = std::iter::successors(graph.alike(thread), |thread| graph.alike(*thread));
    let of_pairs = before.map(|other| of_pair(graph, other, (thread, event), location, added));
    let of_pairs = of_pairs.max().unwrap_or_default();
    if of_pairs == Standing::Kept && !follow_each_other(graph, location) {
        Standing::Broken
    } else {
        of_pairs
    }
}

/// What the first events of two threads alike make of the graph, of which that of the later one is an update.
fn of_pair(graph: &Graph, thread: u8, later: (u8, &Event), location: LocationId, added: Added) -> Standing {
    let Some((id, event)) = first(graph, thread) else {
        return if added == Added::Maximally { Standing::Broken } else { Standing::Mirrored };
    };
    let later_id = EventId { thread: later.0, index: 1 };
    if later_id.is_in(&event.porf) {
        // An event in the last place never comes to this, or the threads did not run in their order.
        return if added == Added::Maximally { Standing::Broken } else { Standing::Mirrored };
    }
    match (&event.kind, &later.1.kind) {
        (Kind::Read { location: held, rmw: true, .. }, _) if *held == location && id.is_in(&later.1.porf) => {
            Standing::Kept
        }
        // It waits for what the other has got.
        (Kind::Read { location: held, from, blocked: true, .. }, Kind::Read { from: taken, .. })
            if *held == location && graph.position(*from, location) < graph.position(*taken, location) =>
        {
            Standing::Mirrored
        }
        _ => Standing::Broken,
    }
}

/// Whether each write to the location has the one before it in its porf-past.
fn follow_each_other(graph: &Graph, location: LocationId) -> bool {
    let writes = &graph.location(location).writes;
    writes.windows(2).all(|pair| pair[0].is_in(&graph.event(pair[1]).porf))
}
