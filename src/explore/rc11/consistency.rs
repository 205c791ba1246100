//! Which execution graphs a memory model allows, beyond what the steps see to by themselves.
//!
//! Coherence and atomicity hold by construction: [`step`](super::step) offers no other places. What is left is
//! a condition on the whole graph: for RC11 that `psc` is acyclic (Lahav et al., PLDI 2017, section 3.3), for
//! sequential consistency that program order, reads-from, coherence order and from-read together are.
//!
//! Numbered differences from the paper: 1. happens-before comes from the clocks of the events, whose release
//! sequences are those of C++20. 2. `psc` is tested edge by edge between SeqCst events, not by composing
//! relations, because most graphs have few of these.

use super::graph::{Event, EventId, Graph, Kind};

/// A memory model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Model {
    /// RC11.
    #[default]
    Rc11,
    /// Sequential consistency of all accesses, whatever their orderings; data races by the orderings.
    Sc,
}

impl Model {
    /// Whether the graph is allowed. `changed` are the events that were added, or read from elsewhere, since it
    /// was known to be.
    pub(super) fn allows(self, graph: &Graph, changed: &[EventId]) -> bool {
        match self {
            Model::Sc => sequential(graph),
            Model::Rc11 => {
                // Without SeqCst fences, `psc` has no edge between two events that was not there before.
                let matters = |id: &EventId| {
                    let event = graph.event(*id);
                    event.is_sc() || (graph.has_sc_fences() && event.location().is_some())
                };
                graph.sc_events() < 2 || !changed.iter().any(matters) || psc_is_acyclic(graph)
            }
        }
    }
}

/// Two accesses of one location and their places in coherence order.
struct Access {
    id: EventId,
    location: u32,
    /// The place of the write, or of the write that is read.
    position: usize,
    write: bool,
}

impl Access {
    /// Coherence order or from-read.
    fn precedes(&self, later: &Access) -> bool {
        self.location == later.location && later.write && self.position < later.position
    }

    /// Extended coherence order: coherence order, from-read and reads-from, composed.
    fn extended(&self, later: &Access) -> bool {
        if self.location != later.location || self.id == later.id {
            return false;
        }
        if later.write {
            self.position < later.position
        } else if self.write {
            self.position <= later.position
        } else {
            self.position < later.position
        }
    }
}

fn accesses(graph: &Graph) -> Vec<Access> {
    let mut all = Vec::new();
    for (location, accesses) in (0_u32..).zip(graph.locations()) {
        for (at, write) in accesses.writes.iter().enumerate() {
            all.push(Access { id: *write, location, position: at + 1, write: true });
        }
        for read in &accesses.reads {
            if let Kind::Read { from, .. } = graph.event(*read).kind {
                let position = graph.position(from, location);
                all.push(Access { id: *read, location, position, write: false });
            }
        }
    }
    all
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
    if po(a, b) {
        return true;
    }
    let (at_a, at_b) = (graph.event(a).location(), graph.event(b).location());
    if at_a.is_some() && at_a == at_b && hb(graph, a, b) {
        return true;
    }
    let elsewhere = |of: Option<u32>, other: &Event| of.is_none() || other.location() != of;
    // The first event after `a` and the last before `b` reach everything that others do.
    let after = &graph.threads[a.thread as usize][a.index as usize + 1..];
    let Some(after) = after.iter().position(|event| elsewhere(at_a, event)) else { return false };
    let before = &graph.threads[b.thread as usize][..b.index as usize];
    let Some(before) = before.iter().rposition(|event| elsewhere(at_b, event)) else { return false };
    let first = a.index as usize + 1 + after;
    first < graph.threads[b.thread as usize][before].hb[a.thread as usize] as usize
}

/// `psc = psc_base ∪ psc_F` is acyclic.
fn psc_is_acyclic(graph: &Graph) -> bool {
    let accesses = accesses(graph);
    let nodes: Vec<EventId> = graph.events().filter(|(_, event)| event.is_sc()).map(|(id, _)| id).collect();
    let own: Vec<Option<&Access>> =
        nodes.iter().map(|node| accesses.iter().find(|access| access.id == *node)).collect();
    let edge = |a: usize, b: usize| match (own[a], own[b]) {
        // Without a fence at either end, what begins and ends the way is the event itself.
        (Some(x), Some(y)) => x.precedes(y) || scb_by_hb(graph, nodes[a], nodes[b]),
        _ => psc(graph, &accesses, nodes[a], nodes[b]),
    };
    let edges: Vec<Vec<usize>> =
        (0..nodes.len()).map(|a| (0..nodes.len()).filter(|b| *b != a && edge(a, *b)).collect()).collect();
    // An event that reaches itself through others only is found as a cycle; one with an edge to itself here.
    !nodes.iter().any(|a| graph.event(*a).is_sc_fence() && psc(graph, &accesses, *a, *a))
        && is_acyclic(&edges)
}

/// Whether `psc` orders the SeqCst event `a` before the SeqCst event `b`.
fn psc(graph: &Graph, accesses: &[Access], a: EventId, b: EventId) -> bool {
    let from_fence = graph.event(a).is_sc_fence();
    let to_fence = graph.event(b).is_sc_fence();
    if from_fence && to_fence && (hb(graph, a, b) || eco_between(graph, accesses, a, b)) {
        return true;
    }
    let starts = |x: EventId| x == a || (from_fence && hb(graph, a, x));
    let ends = |y: EventId| y == b || (to_fence && hb(graph, y, b));
    let by_communication =
        accesses.iter().any(|x| starts(x.id) && accesses.iter().any(|y| x.precedes(y) && ends(y.id)));
    by_communication || by_happens_before(graph, accesses, a, b, from_fence, to_fence)
}

/// `hb ; eco ; hb` between two fences.
fn eco_between(graph: &Graph, accesses: &[Access], a: EventId, b: EventId) -> bool {
    accesses
        .iter()
        .any(|x| hb(graph, a, x.id) && accesses.iter().any(|y| x.extended(y) && hb(graph, y.id, b)))
}

/// The part of `psc_base` that has no coherence order and no from-read in it.
fn by_happens_before(
    graph: &Graph,
    accesses: &[Access],
    a: EventId,
    b: EventId,
    from_fence: bool,
    to_fence: bool,
) -> bool {
    if a != b && scb_by_hb(graph, a, b) {
        return true;
    }
    // From a fence on, or up to one, one more step of happens-before may come first or last.
    if from_fence && to_fence {
        // Covered by `hb` between fences, and by a fence that is between itself.
        return false;
    }
    if from_fence {
        return accesses.iter().any(|x| x.id != b && hb(graph, a, x.id) && scb_by_hb(graph, x.id, b))
            || graph.event(b).location().is_some() && fence_reaches(graph, a, b);
    }
    if to_fence {
        return accesses.iter().any(|y| y.id != a && hb(graph, y.id, b) && scb_by_hb(graph, a, y.id))
            || reaches_fence(graph, a, b);
    }
    false
}

/// Some event after the fence `a` in happens-before comes before `b` in program order.
fn fence_reaches(graph: &Graph, a: EventId, b: EventId) -> bool {
    let before = &graph.threads[b.thread as usize][..b.index as usize];
    before.last().is_some_and(|event| a.is_in(&event.hb))
}

/// Some event after `a` in program order comes before the fence `b` in happens-before.
fn reaches_fence(graph: &Graph, a: EventId, b: EventId) -> bool {
    hb(graph, a.next(), b)
}

/// Program order, reads-from, coherence order and from-read together are acyclic.
fn sequential(graph: &Graph) -> bool {
    let first: Vec<usize> = graph
        .threads
        .iter()
        .scan(0, |total, events| {
            let first = *total;
            *total += events.len();
            Some(first)
        })
        .collect();
    let number = |id: EventId| first[id.thread as usize] + id.index as usize;
    let total = graph.threads.iter().map(Vec::len).sum();
    let mut edges: Vec<Vec<usize>> = vec![Vec::new(); total];
    for (id, event) in graph.events() {
        if graph.get(id.next()).is_some() {
            edges[number(id)].push(number(id) + 1);
        }
        match &event.kind {
            Kind::Begin(Some(parent)) => edges[number(*parent)].push(number(id)),
            Kind::Join(child) => {
                let last = graph.len(*child as usize);
                if last > 0 {
                    edges[first[*child as usize] + last - 1].push(number(id));
                }
            }
            _ => {}
        }
    }
    for (location, accesses) in (0_u32..).zip(graph.locations()) {
        for pair in accesses.writes.windows(2) {
            edges[number(pair[0])].push(number(pair[1]));
        }
        for read in &accesses.reads {
            let Kind::Read { from, .. } = graph.event(*read).kind else { continue };
            if !from.is_init() {
                edges[number(from)].push(number(*read));
            }
            if let Some(next) = accesses.writes.get(graph.position(from, location))
                && *next != read.next()
            {
                edges[number(*read)].push(number(*next));
            }
        }
    }
    is_acyclic(&edges)
}

/// Kahn's algorithm.
fn is_acyclic(edges: &[Vec<usize>]) -> bool {
    let mut incoming = vec![0_u32; edges.len()];
    edges.iter().flatten().for_each(|to| incoming[*to] += 1);
    let mut ready: Vec<usize> = (0..edges.len()).filter(|node| incoming[*node] == 0).collect();
    let mut seen = 0;
    while let Some(node) = ready.pop() {
        seen += 1;
        for to in &edges[node] {
            incoming[*to] -= 1;
            if incoming[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    seen == edges.len()
}
