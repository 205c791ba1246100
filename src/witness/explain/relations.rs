//! What the patterns ask of an execution: who read which write, and which locks were held when.

use super::super::words;
use super::super::{Event, EventKind, Witness};
use super::{reads, writes};

/// A witness with what follows from its events. Indices are those of its events.
pub(super) struct Relations<'a> {
    pub(super) witness: &'a Witness,
    /// For every event that reads, the write that it read, as far as it is known.
    pub(super) from: Vec<Option<usize>>,
    /// The events of every object that read or write its value, in order.
    pub(super) accesses: Vec<Vec<usize>>,
}

impl<'a> Relations<'a> {
    pub(super) fn new(witness: &'a Witness) -> Self {
        let events = &witness.events;
        let objects = witness.objects.len();
        let mut latest = vec![None; objects];
        let mut accesses = vec![Vec::new(); objects];
        let mut from = vec![None; events.len()];
        for (index, event) in events.iter().enumerate() {
            let Some(object) = event.object.filter(|&object| object < objects) else { continue };
            if reads(event) {
                from[index] = event.stale.map_or(latest[object], |stale| stale.from);
            }
            if writes(event) {
                latest[object] = Some(index);
            }
            if reads(event) || writes(event) {
                accesses[object].push(index);
            }
        }
        Self { witness, from, accesses }
    }

    pub(super) fn event(&self, index: usize) -> &'a Event {
        &self.witness.events[index]
    }

    pub(super) fn events(&self) -> impl DoubleEndedIterator<Item = (usize, &'a Event)> + use<'a> {
        self.witness.events.iter().enumerate()
    }

    /// The accesses to the object of this event.
    pub(super) fn same_object(&self, index: usize) -> &[usize] {
        self.event(index).object.and_then(|object| self.accesses.get(object)).map_or(&[], Vec::as_slice)
    }

    /// Whether an actor, or a thread that one started, writes here.
    pub(super) fn actor_writes(&self, index: usize) -> bool {
        let event = self.event(index);
        event.thread != 0 && writes(event)
    }

    pub(super) fn reads(&self, index: usize) -> bool {
        reads(self.event(index))
    }

    /// The name of an event's actor.
    pub(super) fn who(&self, index: usize) -> String {
        words::who(self.witness, self.event(index))
    }

    /// The name of an event's object.
    pub(super) fn what(&self, index: usize) -> String {
        words::object(self.witness, self.event(index).object)
    }

    /// The value that an event found.
    pub(super) fn found(&self, index: usize) -> String {
        words::value(self.event(index).read.as_deref()).unwrap_or_else(|| "a value".to_owned())
    }

    /// The value that an event left.
    pub(super) fn left(&self, index: usize) -> String {
        words::value(self.event(index).written.as_deref()).unwrap_or_else(|| "another value".to_owned())
    }

    /// What an event did, like `read count = 0`.
    pub(super) fn told(&self, index: usize) -> String {
        words::told(self.witness, self.event(index))
    }

    /// The write by another thread that a read did not see: the latest before a stale load, else the first
    /// after it.
    pub(super) fn missed(&self, read: usize, by: impl Fn(usize) -> bool) -> Option<usize> {
        let reader = self.event(read).thread;
        let other = |&&write: &&usize| {
            write != read && self.actor_writes(write) && self.event(write).thread != reader
        };
        let accesses = self.same_object(read);
        let candidates = || accesses.iter().filter(other).copied().filter(|&write| by(write));
        let before = candidates().take_while(|&write| write < read).last();
        before
            .filter(|_| self.event(read).stale.is_some())
            .or_else(|| candidates().find(|&write| write > read))
    }

    /// The locks that a thread holds just before an event, with the event that took each.
    pub(super) fn held(&self, thread: usize, before: usize) -> Vec<(usize, usize)> {
        let mut held: Vec<(usize, usize)> = Vec::new();
        for (index, event) in self.witness.events[..before].iter().enumerate() {
            let (true, false, Some(object)) = (event.thread == thread, event.blocked, event.object) else {
                continue;
            };
            match event.kind {
                EventKind::Lock | EventKind::LockShared => held.push((object, index)),
                EventKind::Unlock | EventKind::UnlockShared => {
                    if let Some(place) = held.iter().rposition(|(lock, _)| *lock == object) {
                        held.remove(place);
                    }
                }
                _ => {}
            }
        }
        held
    }
}
