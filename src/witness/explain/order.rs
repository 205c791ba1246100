//! What orders two events, as far as the events tell.
//!
//! Vector clocks over the execution: a release store and the acquire load that reads it, fences, locks. A
//! read-modify-write continues the release sequence that it reads. Not known from the events alone, and so
//! missing: spawn and join, channels, barriers. To be used where a wrong "not ordered" costs little.

use super::super::{Event, EventKind, Witness};
use super::relations::Relations;
use super::{reads, writes};
use crate::race::Clock;

pub(super) fn acquires(event: &Event) -> bool {
    event.order.as_deref().is_some_and(|order| ["Acq", "SeqCst"].iter().any(|word| order.contains(word)))
}

pub(super) fn releases(event: &Event) -> bool {
    event
        .order
        .as_deref()
        .is_some_and(|order| ["Rel", "SeqCst"].iter().any(|word| order.contains(word)) && order != "Relaxed")
}

/// For every event the clock of its thread after it: event `i` of thread `t` comes before event `j` if the
/// clock of `j` knows `t` up to the number that `i` has in its thread.
pub(super) struct Order {
    clocks: Vec<Clock>,
}

#[derive(Clone, Default)]
struct Thread {
    clock: Clock,
    /// The clock at the last release fence.
    fenced: Clock,
    /// What an acquire fence would learn.
    pending: Clock,
}

impl Order {
    pub(super) fn new(relations: &Relations) -> Self {
        let events = &relations.witness.events;
        let most = events.iter().map(|event| event.thread).max().map_or(0, |most| most + 1);
        let mut threads = vec![Thread::default(); most];
        let mut locks: Vec<Clock> = vec![Clock::default(); relations.accesses.len()];
        // By event: what reading its value teaches.
        let mut published: Vec<Clock> = vec![Clock::default(); events.len()];
        let mut clocks = Vec::with_capacity(events.len());
        for (index, event) in events.iter().enumerate() {
            let thread = &mut threads[event.thread];
            thread.clock.tick(event.thread);
            if let Some(from) = relations.from[index].filter(|_| reads(event)) {
                let learned = if acquires(event) { &mut thread.clock } else { &mut thread.pending };
                learned.join(&published[from]);
                if writes(event) {
                    published[index] = published[from].clone();
                }
            }
            if matches!(event.kind, EventKind::Store | EventKind::Rmw) {
                published[index].join(if releases(event) { &thread.clock } else { &thread.fenced });
            }
            match (event.kind, event.object.filter(|&object| !event.blocked && object < locks.len())) {
                (EventKind::Fence, _) => fence(thread, event),
                (EventKind::Lock | EventKind::LockShared, Some(lock)) => thread.clock.join(&locks[lock]),
                (EventKind::Unlock | EventKind::UnlockShared, Some(lock)) => locks[lock].join(&thread.clock),
                _ => {}
            }
            clocks.push(thread.clock.clone());
        }
        Self { clocks }
    }

    /// Whether one event is known to come before a later one.
    pub(super) fn ordered(&self, witness: &Witness, earlier: usize, later: usize) -> bool {
        let thread = witness.events[earlier].thread;
        thread == witness.events[later].thread
            || self.clocks[later].get(thread) >= self.clocks[earlier].get(thread)
    }
}

fn fence(thread: &mut Thread, event: &Event) {
    if acquires(event) {
        let Thread { clock, pending, .. } = thread;
        clock.join(pending);
    }
    if releases(event) {
        thread.fenced = thread.clock.clone();
    }
}

/// Why a write and the read that saw it order nothing, in the words of their memory orderings; nothing
/// where they do order.
pub(super) fn not_ordered_by(relations: &Relations, write: usize, read: usize) -> Option<String> {
    if (relations.releases_at(write) && relations.acquires_at(read)) || relations.event(write).thread == 0 {
        return None;
    }
    let phrase = |index: usize| {
        let event = relations.event(index);
        let order = event.order.as_deref().map_or_else(|| "plain".to_owned(), ToOwned::to_owned);
        (relations.who(index), super::super::words::short(&order, 16))
    };
    let ((writer, stored), (reader, loaded)) = (phrase(write), phrase(read));
    let write_word = match relations.event(write).kind {
        EventKind::Rmw => &relations.event(write).operation,
        EventKind::Write => "write",
        _ => "store",
    };
    let read_word = match relations.event(read).kind {
        EventKind::Rmw => &relations.event(read).operation,
        EventKind::Read => "read",
        _ => "load",
    };
    Some(format!("{writer}'s {stored} {write_word} and {reader}'s {loaded} {read_word} order nothing"))
}

impl Relations<'_> {
    /// Whether a write publishes what its thread did before, by its own ordering or a fence before it.
    fn releases_at(&self, write: usize) -> bool {
        let thread = self.event(write).thread;
        let fence =
            |event: &Event| event.kind == EventKind::Fence && event.thread == thread && releases(event);
        releases(self.event(write)) || self.witness.events[..write].iter().any(fence)
    }

    /// Whether a read learns what was published, by its own ordering or a fence after it.
    fn acquires_at(&self, read: usize) -> bool {
        let thread = self.event(read).thread;
        let fence =
            |event: &Event| event.kind == EventKind::Fence && event.thread == thread && acquires(event);
        acquires(self.event(read)) || self.witness.events[read..].iter().any(fence)
    }
}
