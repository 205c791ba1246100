//! Which execution graphs a memory model allows, beyond what the steps see to by themselves.
//!
//! Coherence and atomicity hold by construction: [`step`](super::step) offers no other places. What is left is
//! a condition on the whole graph: for RC11 that [`psc`] is acyclic, for sequential consistency that program order,
//! reads-from, coherence order and from-read together are.
//!
//! Most events come last in everything: in their thread, in happens-before and in coherence order. No edge leads
//! away from these, so that no cycle can be through them, and nothing is computed.

use super::chunked::Chunked;
use super::graph::{EventId, Graph, Kind};
use super::psc;

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
        if changed.iter().all(|id| is_last(graph, *id, changed)) {
            return true;
        }
        match self {
            Model::Sc => sequential(graph),
            Model::Rc11 => psc::allows(graph, changed),
        }
    }
}

/// Whether nothing comes after the event in program order, coherence order, from-read or happens-before, but for
/// the other events that changed.
fn is_last(graph: &Graph, id: EventId, changed: &[EventId]) -> bool {
    if graph.get(id.next()).is_some() {
        return false;
    }
    match graph.event(id).kind {
        Kind::Read { .. } => graph.reads_last(id),
        Kind::Write { location, .. } => {
            let takes = |read: &EventId| {
                matches!(graph.event(*read).kind, Kind::Read { from, .. } if from == id)
                    && !changed.contains(read)
            };
            let accesses = graph.location(location);
            accesses.writes.last() == Some(&id) && !accesses.reads.iter().any(takes)
        }
        _ => true,
    }
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
    let total = graph.threads.iter().map(Chunked::len).sum();
    let mut edges: Vec<Vec<usize>> = vec![Vec::new(); total];
    for (id, event) in graph.events() {
        if graph.get(id.next()).is_some() {
            edges[number(id)].push(number(id) + 1);
        }
        match &event.kind {
            Kind::Begin { by: Some(parent), .. } => edges[number(*parent)].push(number(id)),
            Kind::Join(child) | Kind::After(child) => {
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
pub(super) fn is_acyclic(edges: &[Vec<usize>]) -> bool {
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
