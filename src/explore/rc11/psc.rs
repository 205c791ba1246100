//! RC11's condition on SeqCst events: the relation `psc` is acyclic (Lahav et al., PLDI 2017, section 3.3).
//!
//! ```text
//! scb      = po ∪ po|≠loc ; hb ; po|≠loc ∪ hb|loc ∪ co ∪ fr
//! psc_base = ([SC] ∪ [F_SC] ; hb?) ; scb ; ([SC] ∪ hb? ; [F_SC])
//! psc_F    = [F_SC] ; (hb ∪ hb ; eco ; hb) ; [F_SC]
//! ```
//!
//! Numbered differences from the paper: 1. happens-before comes from the clocks of the events, whose release
//! sequences are those of C++20. 2. `psc` is tested edge by edge between SeqCst events, not by composing relations,
//! because most graphs have few of these. What composes with coherence order or from-read needs only the first and
//! the last place per location that happens-before leads to and from: [`Reach`].

use super::consistency::is_acyclic;
use super::graph::{Event, EventId, Graph, Kind};

/// Whether `psc` is acyclic in a graph where it was before these events changed.
pub(super) fn allows(graph: &Graph, changed: &[EventId]) -> bool {
    if graph.sc_events().len() < 2 {
        return true;
    }
    if graph.has_sc_fences() {
        let matters = |id: &EventId| graph.event(*id).is_sc() || graph.event(*id).location().is_some();
        return !changed.iter().any(matters) || is_acyclic_with_fences(graph);
    }
    // Without SeqCst fences, `psc` has no edge between two events that was not there before.
    let nodes: Vec<Node> = graph.sc_events().iter().map(|id| Node::new(graph, *id)).collect();
    !nodes.iter().any(|node| changed.contains(&node.id) && reaches_itself(graph, &nodes, node))
}

/// An access and its place in coherence order.
#[derive(Clone, Copy)]
struct Access {
    location: u32,
    /// The place of the write, or of the write that is read.
    position: usize,
    write: bool,
}

impl Access {
    fn of(graph: &Graph, id: EventId) -> Option<Self> {
        match graph.event(id).kind {
            Kind::Read { location, from, .. } => {
                Some(Access { location, position: graph.position(from, location), write: false })
            }
            Kind::Write { location, .. } => {
                Some(Access { location, position: graph.position(id, location), write: true })
            }
            _ => None,
        }
    }
}

/// A SeqCst event.
struct Node {
    id: EventId,
    /// None of a fence.
    access: Option<Access>,
}

impl Node {
    fn new(graph: &Graph, id: EventId) -> Self {
        Node { id, access: Access::of(graph, id) }
    }

    /// Coherence order or from-read.
    fn precedes(&self, later: &Node) -> bool {
        match (&self.access, &later.access) {
            (Some(a), Some(b)) => b.write && a.location == b.location && a.position < b.position,
            _ => false,
        }
    }
}

/// Whether a chain of edges leads from an access back to it, where there are no fences.
fn reaches_itself(graph: &Graph, nodes: &[Node], start: &Node) -> bool {
    let mut seen = vec![false; nodes.len()];
    let mut ready = vec![start];
    while let Some(from) = ready.pop() {
        for (at, to) in nodes.iter().enumerate() {
            let is_edge =
                |to: &Node| to.id != from.id && (from.precedes(to) || scb_by_hb(graph, from.id, to.id));
            if seen[at] || !is_edge(to) {
                continue;
            }
            if to.id == start.id {
                return true;
            }
            seen[at] = true;
            ready.push(to);
        }
    }
    false
}

/// Happens-before, irreflexive.
fn hb(graph: &Graph, a: EventId, b: EventId) -> bool {
    a != b && a.is_in(&graph.event(b).hb)
}

fn po(a: EventId, b: EventId) -> bool {
    a.thread == b.thread && a.index < b.index
}

/// `scb` without coherence order and from-read: `po ∪ po|≠loc ; hb ; po|≠loc ∪ hb|loc`.
fn scb_by_hb(graph: &Graph, a: EventId, b: EventId) -> bool {
    if a.thread == b.thread {
        return po(a, b);
    }
    let (at_a, at_b) = (graph.event(a).location(), graph.event(b).location());
    if at_a.is_some() && at_a == at_b && hb(graph, a, b) {
        return true;
    }
    // What does not happen after `a` does not happen after what comes later in its thread.
    if !hb(graph, a, b) {
        return false;
    }
    let elsewhere = |of: Option<u32>, other: &Event| of.is_none() || other.location() != of;
    // The first event after `a` and the last before `b` reach everything that others do.
    let after = &graph.threads[a.thread as usize];
    let mut after = (a.index as usize + 1..after.len()).filter(|at| elsewhere(at_a, &after[*at]));
    let Some(first) = after.next() else { return false };
    let before = &graph.threads[b.thread as usize];
    let mut last = (0..b.index as usize).rev().filter(|at| elsewhere(at_b, &before[*at]));
    let Some(last) = last.next() else { return false };
    first < before[last].hb[a.thread as usize] as usize
}

/// Of each location, the places in coherence order that happens-before leads to from a fence, and from which it
/// leads to it.
struct Reach {
    /// The first place among the accesses after the fence, and among the writes.
    first: Vec<[usize; 2]>,
    /// The place after the last among the reads before the fence, and among the writes.
    last: Vec<[usize; 2]>,
}

impl Reach {
    fn new(graph: &Graph, fence: EventId, accesses: &[(EventId, Access)]) -> Self {
        let locations = graph.locations().count();
        let mut reach = Reach { first: vec![[usize::MAX; 2]; locations], last: vec![[0; 2]; locations] };
        let past = &graph.event(fence).hb;
        for (id, access) in accesses {
            let at = access.location as usize;
            if fence.is_in(&graph.event(*id).hb) {
                let [any, write] = &mut reach.first[at];
                *any = (*any).min(access.position);
                if access.write {
                    *write = (*write).min(access.position);
                }
            }
            if id.is_in(past) {
                let last = &mut reach.last[at][usize::from(access.write)];
                *last = (*last).max(access.position + 1);
            }
        }
        reach
    }

    /// `hb ; eco ; hb` from this fence to another, or to itself.
    fn eco(&self, to: &Reach) -> bool {
        self.first.iter().zip(&to.last).any(|([any, write], [read, written])| {
            // A read may read from the write that comes first; for everything else the places differ.
            let last = (*read).max(*written);
            any.saturating_add(1) < last || write.saturating_add(1) <= *read
        })
    }

    /// `hb ; (co ∪ fr)` from this fence to an access.
    fn precedes(&self, to: &Access) -> bool {
        to.write && self.first[to.location as usize][0] < to.position
    }

    /// `(co ∪ fr) ; hb` from an access to this fence.
    fn follows(&self, from: &Access) -> bool {
        from.position + 1 < self.last[from.location as usize][1]
    }
}

fn is_acyclic_with_fences(graph: &Graph) -> bool {
    let mut accesses = Vec::new();
    for location in graph.locations() {
        for id in location.writes.iter().chain(&location.reads) {
            accesses.extend(Access::of(graph, *id).map(|access| (*id, access)));
        }
    }
    let nodes: Vec<(Node, Option<Reach>)> = graph
        .sc_events()
        .iter()
        .map(|id| {
            let reach = graph.event(*id).is_sc_fence().then(|| Reach::new(graph, *id, &accesses));
            (Node::new(graph, *id), reach)
        })
        .collect();
    if nodes.iter().any(|(_, reach)| reach.as_ref().is_some_and(|reach| reach.eco(reach))) {
        return false;
    }
    let edges: Vec<Vec<usize>> = nodes
        .iter()
        .map(|a| {
            (0..nodes.len()).filter(|b| nodes[*b].0.id != a.0.id && is_edge(graph, a, &nodes[*b])).collect()
        })
        .collect();
    is_acyclic(&edges)
}

/// Whether `psc` orders one SeqCst event before another.
fn is_edge(graph: &Graph, a: &(Node, Option<Reach>), b: &(Node, Option<Reach>)) -> bool {
    let ((a, from), (b, to)) = (a, b);
    match (from, to) {
        (None, None) => a.precedes(b) || scb_by_hb(graph, a.id, b.id),
        (Some(from), Some(to)) => hb(graph, a.id, b.id) || from.eco(to),
        (Some(from), None) => {
            b.access.as_ref().is_some_and(|access| from.precedes(access))
                || scb_by_hb(graph, a.id, b.id)
                || fence_reaches(graph, a.id, b)
        }
        (None, Some(to)) => {
            a.access.as_ref().is_some_and(|access| to.follows(access))
                || scb_by_hb(graph, a.id, b.id)
                || reaches_fence(graph, a, b.id)
        }
    }
}

/// `[F_SC] ; hb ; scb` to the access `b`, by happens-before alone: some event after the fence comes before `b` in
/// program order, or happens before it and accesses its location.
fn fence_reaches(graph: &Graph, fence: EventId, b: &Node) -> bool {
    let before = b.id.before().and_then(|before| graph.get(before));
    before.is_some_and(|event| fence.is_in(&event.hb))
        || same_location(graph, b).any(|x| fence.is_in(&graph.event(x).hb) && hb(graph, x, b.id))
}

/// `scb ; hb ; [F_SC]` from the access `a`, by happens-before alone.
fn reaches_fence(graph: &Graph, a: &Node, fence: EventId) -> bool {
    hb(graph, a.id.next(), fence)
        || same_location(graph, a).any(|y| hb(graph, a.id, y) && hb(graph, y, fence))
}

/// The accesses to the node's location.
fn same_location<'a>(graph: &'a Graph, node: &Node) -> impl Iterator<Item = EventId> + 'a {
    let location = node.access.map(|access| graph.location(access.location));
    location.into_iter().flat_map(|accesses| accesses.writes.iter().chain(&accesses.reads).copied())
}
