//! Which event read which write, and which events synchronise: the arrows of a space-time diagram.
//!
//! Reads-from is that of the explanation, by value. Synchronisation follows the language's rules as far as the events
//! tell: a release store (or a release fence and a store after it) and the acquire load (or a load and an acquire fence
//! after it) that reads it or a read-modify-write that continues it (C++20, "release sequence"); the unlocking of a lock
//! and its next locking; spawning and joining; a message and its receipt; unparking and parking; the end of an
//! initialisation and those who find it.
//!
//! Limits: what a barrier orders, and what follows from the single order of SeqCst operations, is not shown. Messages
//! are taken to arrive in the order in which they are sent. The main thread's making of the state comes before all
//! actors and its observation after them, which needs no arrow.

use super::super::{Event, EventKind, Witness};
use super::order::{acquires, releases};
use super::relations::Relations;
use super::{reads, writes};
use crate::base::event::{ATOMIC_WAKER, REGISTER, SLEEP, WAKE};
use std::collections::{BTreeMap, VecDeque};

/// The latest known event of each thread.
type Known = BTreeMap<usize, usize>;

/// Of every event, which event it read from and which it synchronises with.
pub(super) struct Arrows {
    pub(super) from: Vec<Option<usize>>,
    pub(super) after: Vec<Vec<usize>>,
}

impl Arrows {
    pub(super) fn new(witness: &Witness) -> Self {
        let relations = Relations::new(witness);
        let mut search = Search::new(witness);
        let mut after = Vec::with_capacity(witness.events.len());
        // By event: the latest event of each thread that comes before it, itself included.
        let mut before: Vec<Known> = Vec::with_capacity(witness.events.len());
        let mut last: BTreeMap<usize, usize> = BTreeMap::new();
        for (index, event) in witness.events.iter().enumerate() {
            let learned =
                if event.blocked { Known::new() } else { search.learn(index, event, relations.from[index]) };
            let mut known = last.get(&event.thread).map(|&last| before[last].clone()).unwrap_or_default();
            let mut sources: Vec<usize> = learned.into_values().collect();
            sources.sort_unstable();
            // The latest first: what came before it is no news.
            sources.reverse();
            sources.retain(|&source| {
                let thread = witness.events[source].thread;
                let is_news = known.get(&thread).is_none_or(|&latest| latest < source);
                join(&mut known, Some(&before[source]));
                is_news && thread != event.thread
            });
            sources.reverse();
            after.push(sources);
            known.insert(event.thread, index);
            before.push(known);
            last.insert(event.thread, index);
        }
        Self { from: relations.from, after }
    }
}

struct Search<'a> {
    witness: &'a Witness,
    /// By write: what an acquire load that reads it learns.
    published: Vec<Known>,
    /// By thread: its last release fence.
    fenced: BTreeMap<usize, usize>,
    /// By thread: what an acquire fence learns.
    pending: BTreeMap<usize, Known>,
    /// By object: what the next to take it learns.
    left: BTreeMap<usize, Known>,
    /// By lock: what the next writer learns from readers.
    read: BTreeMap<usize, Known>,
    /// By object: what was sent and not yet received.
    sent: BTreeMap<usize, VecDeque<usize>>,
    /// By thread that has not begun yet: the event that started it.
    starts: BTreeMap<usize, usize>,
    /// By thread: its last event.
    last: BTreeMap<usize, usize>,
    /// By object that is a thread: its number.
    threads: BTreeMap<usize, usize>,
}

impl<'a> Search<'a> {
    fn new(witness: &'a Witness) -> Self {
        let threads = witness.objects.iter().enumerate().filter(|(_, object)| object.kind == THREAD);
        let threads = threads.zip(1..).map(|((object, _), thread)| (object, thread)).collect();
        Self {
            witness,
            published: vec![Known::new(); witness.events.len()],
            fenced: BTreeMap::new(),
            pending: BTreeMap::new(),
            left: BTreeMap::new(),
            read: BTreeMap::new(),
            sent: BTreeMap::new(),
            starts: BTreeMap::new(),
            last: BTreeMap::new(),
            threads,
        }
    }

    /// What an event synchronises with.
    fn learn(&mut self, index: usize, event: &Event, from: Option<usize>) -> Known {
        let mut learned: Known =
            self.starts.remove(&event.thread).map(|start| self.entry(start)).into_iter().collect();
        self.value(index, event, from, &mut learned);
        if let Some(object) = event.object {
            self.object(index, event, object, &mut learned);
        }
        if event.kind == EventKind::Fence && acquires(event) {
            join(&mut learned, self.pending.get(&event.thread));
        }
        if event.kind == EventKind::Fence && releases(event) {
            self.fenced.insert(event.thread, index);
        }
        self.last.insert(event.thread, index);
        learned
    }

    /// What is done to one comes one after the other, as under a lock.
    fn is_atomic_waker(&self, object: usize) -> bool {
        self.witness.objects.get(object).is_some_and(|object| object.kind == ATOMIC_WAKER)
    }

    fn entry(&self, index: usize) -> (usize, usize) {
        (self.witness.events[index].thread, index)
    }

    /// Of atomics.
    fn value(&mut self, index: usize, event: &Event, from: Option<usize>, learned: &mut Known) {
        let atomic = matches!(event.kind, EventKind::Load | EventKind::Store | EventKind::Rmw);
        let mut published = Known::new();
        if let Some(from) = from.filter(|_| atomic && reads(event)) {
            let found = self.published[from].clone();
            if acquires(event) {
                join(learned, Some(&found));
            } else {
                join(self.pending.entry(event.thread).or_default(), Some(&found));
            }
            if writes(event) {
                published = found;
            }
        }
        if atomic && writes(event) {
            let source = if releases(event) { Some(index) } else { self.fenced.get(&event.thread).copied() };
            published.extend(source.map(|source| self.entry(source)));
            self.published[index] = published;
        }
    }

    /// Of locks, channels, threads and what is initialised once.
    fn object(&mut self, index: usize, event: &Event, object: usize, learned: &mut Known) {
        let own = self.entry(index);
        match event.kind {
            EventKind::LockShared => return join(learned, self.left.get(&object)),
            EventKind::Lock => {
                join(learned, self.left.get(&object));
                return join(learned, self.read.get(&object));
            }
            EventKind::Unlock => return self.left.entry(object).or_default().extend([own]),
            // Readers order nothing among themselves.
            EventKind::UnlockShared => return self.read.entry(object).or_default().extend([own]),
            EventKind::Other => {}
            _ => return,
        }
        match event.operation.as_str() {
            "send" | "try_send" | "send_timeout" => self.sent.entry(object).or_default().push_back(index),
            "recv" | "try_recv" | "recv_timeout" => {
                let message = self.sent.get_mut(&object).and_then(VecDeque::pop_front);
                learned.extend(message.map(|message| self.entry(message)));
            }
            REGISTER | WAKE if self.is_atomic_waker(object) => {
                join(learned, self.left.get(&object));
                self.left.entry(object).or_default().extend([own]);
            }
            "initialised" | "notify" | "unpark" | WAKE => self.left.entry(object).or_default().extend([own]),
            "find initialised" | "wait" | "park" | SLEEP => join(learned, self.left.get(&object)),
            "spawn" => drop(self.threads.get(&object).map(|&thread| self.starts.insert(thread, index))),
            "join" => {
                let last = self.threads.get(&object).and_then(|thread| self.last.get(thread)).copied();
                learned.extend(last.map(|last| self.entry(last)));
            }
            _ => {}
        }
    }
}

/// The kind under which threads are objects.
const THREAD: &str = "thread";

/// Takes what the other knows; of each thread the later event.
fn join(known: &mut Known, other: Option<&Known>) {
    for (&thread, &index) in other.into_iter().flatten() {
        let latest = known.entry(thread).or_insert(index);
        *latest = index.max(*latest);
    }
}

#[cfg(test)]
mod tests {
    use crate::witness::sample::{explained, forbidden};

    /// By number of the event: which it read from, and which it synchronises with.
    #[track_caller]
    fn check(lines: &str, expected: &[(usize, Option<usize>, &[usize])]) {
        let witness = explained(forbidden("0", "wrong"), &["A", "B", "C"], lines);
        for (index, from, after) in expected {
            let event = &witness.events[*index];
            assert_eq!((event.from, event.after.as_slice()), (*from, *after), "event {index}: {event:?}");
        }
    }

    #[test]
    fn a_release_store_and_the_acquire_load_of_it_synchronise() {
        let relaxed =
            "main new flag w=0\nA set data w=1\nA store flag w=1 @Relaxed\nB load flag r=1 @Acquire";
        check(relaxed, &[(3, Some(2), &[])]);
        check(&relaxed.replace("Relaxed", "Release"), &[(3, Some(2), &[2])]);
        let fenced = "main new flag w=0\nA fence - @Release\nA store flag w=1 @Relaxed\n\
                      B load flag r=1 @Relaxed\nB fence - @Acquire";
        check(fenced, &[(3, Some(2), &[]), (4, None, &[1])]);
    }

    #[test]
    fn a_read_modify_write_continues_what_it_reads() {
        let lines =
            "main new n w=0\nA store n w=1 @Release\nB fetch_add n r=1 w=2 @Relaxed\nC load n r=2 @Acquire";
        check(lines, &[(2, Some(1), &[]), (3, Some(2), &[1])]);
        let stored = lines.replace("B fetch_add n r=1 w=2", "B store n w=2");
        check(&stored, &[(3, Some(2), &[])]);
    }

    #[test]
    fn a_stale_load_reads_from_what_it_read_and_not_from_the_latest() {
        let lines = "main new n w=0\nA store n w=1 @Release\nB load n r=0 @Acquire";
        check(lines, &[(2, Some(0), &[])]);
    }

    #[test]
    fn what_follows_from_other_arrows_has_none() {
        let lines = "main new m\nA lock m\nA unlock m\nB lock m\nB unlock m\nC lock m\nC unlock m\nB lock m";
        // C knows of A by B, and B in the end of A by itself.
        check(lines, &[(3, None, &[2]), (5, None, &[4]), (7, None, &[6])]);
    }

    #[test]
    fn a_lock_comes_after_its_unlocking() {
        let lines = "main new m\nA lock m\nA unlock m\nB lock m\nB unlock m\nC lock m waits";
        check(lines, &[(1, None, &[]), (3, None, &[2]), (5, None, &[])]);
    }
}
