//! Execution graphs: the events of each thread, what each read reads from, and coherence order.
//!
//! Each event has vector clocks over threads, which depend on its porf-past (program order and reads-from)
//! only, so that they are fixed once the event is added. The values of writes are no part of a graph: they
//! belong to the run that executes it.

use super::chunked::Chunked;
use super::symmetry::Standing;
use std::sync::Arc;

/// Threads of one execution, the main one included.
pub(crate) const MAX_THREADS: usize = 16;

/// Events of one thread.
pub(crate) const MAX_EVENTS: usize = 60_000;

/// A set of threads, a bit each.
type Threads = u16;

/// How many events of each thread come before something.
pub(crate) type Clock = [u16; MAX_THREADS];

/// One location of memory: an atomic, or the state of a lock or monitor.
///
/// The odd ones are *chains*: only entered by read-modify-writes, one after the other, as a lock is, so that
/// an access that is later in program order and reads-from is later in coherence order.
pub(crate) type LocationId = u32;

/// Whether the location is a chain.
pub(crate) fn is_chain(location: LocationId) -> bool {
    location % 2 == 1
}

/// `a` joined with `b`.
pub(crate) fn join(a: &mut Clock, b: &Clock) {
    for (a, b) in a.iter_mut().zip(b) {
        *a = (*a).max(*b);
    }
}

/// One event: the thread, and the place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct EventId {
    pub(crate) thread: u8,
    pub(crate) index: u16,
}

impl EventId {
    /// The making of a location: its first write, by the thread that made it.
    pub(crate) const INIT: EventId = EventId { thread: u8::MAX, index: 0 };

    /// Whether this is the making of a location.
    pub(crate) fn is_init(self) -> bool {
        self == EventId::INIT
    }

    /// Whether the clock covers the event.
    #[inline]
    pub(crate) fn is_in(self, clock: &Clock) -> bool {
        self.index < clock[self.thread as usize]
    }

    #[inline]
    pub(super) fn before(self) -> Option<EventId> {
        self.index.checked_sub(1).map(|index| EventId { index, ..self })
    }

    #[inline]
    pub(crate) fn next(self) -> EventId {
        EventId { index: self.index + 1, ..self }
    }
}

/// A memory ordering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Relaxed,
    Acquire,
    Release,
    AcqRel,
    SeqCst,
}

impl Order {
    pub(crate) fn acquires(self) -> bool {
        matches!(self, Order::Acquire | Order::AcqRel | Order::SeqCst)
    }

    pub(crate) fn releases(self) -> bool {
        matches!(self, Order::Release | Order::AcqRel | Order::SeqCst)
    }
}

/// What an event is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A thread begins, spawned by an event of another; the main one by none.
    Begin {
        by: Option<EventId>,
        /// The thread alike that was spawned last before it.
        alike: Option<u8>,
    },
    /// A read, or the reading half of a read-modify-write.
    Read {
        location: LocationId,
        from: EventId,
        /// Whether the next event of the thread is the writing half.
        rmw: bool,
        /// Whether the thread waits for another value.
        blocked: bool,
    },
    /// A write, or the writing half of the read-modify-write whose read is the event before.
    Write {
        location: LocationId,
        rmw: bool,
    },
    Fence,
    /// The thread of this number begins.
    Spawn(u8),
    /// The thread of this number has ended.
    Join(u8),
    /// The thread of this number has ended, of which nothing is learnt: what follows comes after it in time.
    After(u8),
    /// What the thread learns by other means than a read: the past that came with a message, say.
    Learn(Box<Clock>),
    /// A value that was free to choose.
    Choice {
        options: u32,
        value: u32,
    },
}

/// An event with its clocks.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    pub(crate) order: Order,
    /// When it was added.
    pub(crate) stamp: u32,
    /// What happens before it, itself included.
    pub(crate) hb: Clock,
    /// What comes before it in program order and reads-from, itself included.
    pub(crate) porf: Clock,
    /// What an acquire read of this write learns.
    pub(crate) released: Clock,
    /// What an acquire fence after it learns.
    pending: Clock,
    /// What the last release fence has released.
    fenced: Clock,
}

impl Event {
    /// The location that it accesses.
    #[inline]
    pub(crate) fn location(&self) -> Option<LocationId> {
        match self.kind {
            Kind::Read { location, .. } | Kind::Write { location, .. } => Some(location),
            _ => None,
        }
    }

    pub(crate) fn is_sc(&self) -> bool {
        self.order == Order::SeqCst
    }

    pub(crate) fn is_sc_fence(&self) -> bool {
        self.is_sc() && matches!(self.kind, Kind::Fence)
    }
}

/// The accesses of one location.
#[derive(Clone, Debug, Default)]
pub(crate) struct Location {
    /// Its writes in coherence order, after the making.
    pub(crate) writes: Vec<EventId>,
    /// Its reads, in the order in which they were added.
    pub(crate) reads: Vec<EventId>,
    /// The threads that they are in, and perhaps others: a bit each.
    readers: Threads,
}

/// An execution so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    pub(crate) threads: Vec<Chunked<Arc<Event>>>,
    locations: Chunked<Location>,
    stamp: u32,
    /// SeqCst events, fences among them.
    sc_events: Vec<EventId>,
    sc_fences: u32,
    /// The read that this graph was made for, which has not been executed since.
    pub(crate) fresh: Option<EventId>,
    /// Whether any threads are alike.
    pub(crate) has_alike: bool,
    /// What the last step has made of this graph, or of others, as to symmetry.
    pub(crate) standing: Standing,
}

static NOWHERE: Location = Location { writes: Vec::new(), reads: Vec::new(), readers: 0 };

impl Graph {
    /// The event of this name.
    #[inline]
    pub(crate) fn event(&self, id: EventId) -> &Event {
        &self.threads[id.thread as usize][id.index as usize]
    }

    #[inline]
    pub(crate) fn get(&self, id: EventId) -> Option<&Event> {
        self.threads.get(id.thread as usize)?.get(id.index as usize).map(|event| &**event)
    }

    /// How many events a thread has.
    #[inline]
    pub(crate) fn len(&self, thread: usize) -> usize {
        self.threads.get(thread).map_or(0, Chunked::len)
    }

    #[inline]
    pub(crate) fn location(&self, location: LocationId) -> &Location {
        self.locations.get(location as usize).unwrap_or(&NOWHERE)
    }

    pub(crate) fn locations(&self) -> impl Iterator<Item = &Location> {
        self.locations.iter()
    }

    pub(super) fn location_mut(&mut self, location: LocationId) -> &mut Location {
        let at = location as usize;
        while self.locations.len() <= at {
            self.locations.push(Location::default());
        }
        self.locations.get_mut(at)
    }

    pub(super) fn sc_events(&self) -> &[EventId] {
        &self.sc_events
    }

    pub(super) fn has_sc_fences(&self) -> bool {
        self.sc_fences > 0
    }

    /// All events, thread by thread.
    pub(crate) fn events(&self) -> impl Iterator<Item = (EventId, &Event)> {
        self.threads.iter().zip(0_u8..).flat_map(|(events, thread)| {
            events.iter().zip(0_u16..).map(move |(event, index)| (EventId { thread, index }, &**event))
        })
    }

    /// All events with a stamp later than this one, and some earlier ones of the same threads.
    pub(super) fn events_since(&self, stamp: u32) -> impl Iterator<Item = (EventId, &Event)> {
        self.threads.iter().zip(0_u8..).flat_map(move |(events, thread)| {
            let first = events.partition_point(|_, event| event.stamp <= stamp);
            let index = (0_u16..).skip(first);
            events
                .iter_from(first)
                .zip(index)
                .map(move |(event, index)| (EventId { thread, index }, &**event))
        })
    }

    /// What an event would be as the next of its thread. Its porf-past must be there.
    pub(super) fn make(&self, id: EventId, kind: Kind, order: Order, stamp: u32) -> Event {
        let blank = [0; MAX_THREADS];
        let (mut hb, mut porf, mut pending, mut fenced) = match id.before() {
            None => (blank, blank, blank, blank),
            Some(before) => {
                let before = self.event(before);
                (before.hb, before.porf, before.pending, before.fenced)
            }
        };
        let thread = id.thread as usize;
        hb[thread] = id.index + 1;
        porf[thread] = id.index + 1;
        let mut released = blank;
        match &kind {
            Kind::Begin { by: Some(parent), .. } => {
                let parent = self.event(*parent);
                join(&mut hb, &parent.hb);
                join(&mut porf, &parent.porf);
            }
            Kind::Read { from, .. } if !from.is_init() => {
                let write = self.event(*from);
                join(&mut porf, &write.porf);
                join(&mut pending, &write.released);
                if order.acquires() {
                    join(&mut hb, &write.released);
                }
            }
            Kind::Write { rmw, .. } => {
                released = if order.releases() { hb } else { fenced };
                if *rmw && let Some(from) = self.source_of_rmw(id) {
                    join(&mut released, &self.event(from).released);
                }
            }
            Kind::Fence => {
                if order.acquires() {
                    join(&mut hb, &pending);
                }
                if order.releases() {
                    fenced = hb;
                }
            }
            Kind::Join(other) | Kind::After(other) => {
                if let Some(last) = self.threads[*other as usize].last() {
                    join(&mut porf, &last.porf);
                    if matches!(kind, Kind::Join(_)) {
                        join(&mut hb, &last.hb);
                    }
                }
            }
            Kind::Learn(past) => join(&mut hb, past),
            Kind::Begin { by: None, .. } | Kind::Read { .. } | Kind::Spawn(_) | Kind::Choice { .. } => {}
        }
        Event { kind, order, stamp, hb, porf, released, pending, fenced }
    }

    /// The write, other than the making, that the read-modify-write with this writing half has read.
    pub(super) fn source_of_rmw(&self, write: EventId) -> Option<EventId> {
        match self.event(write.before()?).kind {
            Kind::Read { from, .. } if !from.is_init() => Some(from),
            _ => None,
        }
    }

    /// Adds an event as the last of its thread. A write gets no place in coherence order by this.
    pub(crate) fn add(&mut self, id: EventId, kind: Kind, order: Order) {
        self.has_alike |= matches!(kind, Kind::Begin { alike: Some(_), .. });
        let event = self.make(id, kind, order, self.stamp);
        self.stamp += 1;
        self.push(id, event);
    }

    pub(super) fn push(&mut self, id: EventId, event: Event) {
        if event.is_sc() {
            self.sc_events.push(id);
        }
        self.sc_fences += u32::from(event.is_sc_fence());
        if let Kind::Read { location, .. } = event.kind {
            let accesses = self.location_mut(location);
            accesses.reads.push(id);
            accesses.readers |= 1 << id.thread;
        }
        let thread = id.thread as usize;
        if self.threads.len() <= thread {
            self.threads.resize_with(thread + 1, Chunked::default);
        }
        debug_assert_eq!(self.threads[thread].len(), id.index as usize, "events are added in program order");
        self.threads[thread].push(Arc::new(event));
    }

    /// Makes the event another of the same kind: a read from elsewhere, or one whose success has been found out.
    /// It must be the last of its thread, or have the same effect on the clocks of those after it.
    pub(super) fn replace(&mut self, id: EventId, kind: Kind, order: Order) {
        let old = self.event(id);
        let (was_sc, stamp) = (old.is_sc(), old.stamp);
        let event = self.make(id, kind, order, stamp);
        match (was_sc, event.is_sc()) {
            (true, false) => self.sc_events.retain(|other| *other != id),
            (false, true) => self.sc_events.push(id),
            _ => {}
        }
        *self.threads[id.thread as usize].get_mut(id.index as usize) = Arc::new(event);
    }

    /// The place of a write in coherence order; the making has place 0.
    ///
    /// # Panics
    /// If the write has no place.
    #[inline]
    pub(crate) fn position(&self, write: EventId, location: LocationId) -> usize {
        if write.is_init() {
            return 0;
        }
        let writes = &self.location(location).writes;
        1 + writes.iter().rposition(|other| *other == write).expect("a write that is read has a place")
    }

    /// The write at a place in coherence order.
    #[inline]
    pub(crate) fn write_at(&self, position: usize, location: LocationId) -> EventId {
        match position.checked_sub(1) {
            None => EventId::INIT,
            Some(at) => self.location(location).writes[at],
        }
    }

    /// The first place in coherence order that this event may read from or follow: that of the last write that
    /// is known to it, because the write, or a read of it, happens before. What `except` has read does not
    /// count.
    pub(super) fn floor(&self, event: &Event, location: LocationId, except: EventId) -> usize {
        let known = if is_chain(location) { &event.porf } else { &event.hb };
        let accesses = self.location(location);
        let last = accesses.writes.iter().rposition(|write| *write != except && write.is_in(known));
        let mut floor = last.map_or(0, |at| at + 1);
        // Of each thread the last read that is known: those before it have read from no later places.
        let mut left = accesses.readers;
        for read in accesses.reads.iter().rev() {
            if left == 0 {
                break;
            }
            let thread = 1 << read.thread;
            if left & thread == 0 || *read == except || !read.is_in(known) {
                continue;
            }
            left &= !thread;
            if let Kind::Read { from, .. } = self.event(*read).kind {
                floor = floor.max(self.position(from, location));
            }
        }
        floor
    }

    /// The reading half of the read-modify-write that took this write, other than `except`.
    pub(crate) fn rmw_of(&self, write: EventId, location: LocationId, except: EventId) -> Option<EventId> {
        let reads = &self.location(location).reads;
        reads.iter().copied().find(|read| {
            *read != except
                && matches!(self.event(*read).kind, Kind::Read { from, rmw: true, .. } if from == write)
                && self.get(read.next()).is_some()
        })
    }

    /// Whether this is a write to the location, or its making.
    pub(crate) fn can_read(&self, from: EventId, location: LocationId) -> bool {
        let writes =
            |event: &Event| matches!(event.kind, Kind::Write { location: held, .. } if held == location);
        from.is_init() || self.get(from).is_some_and(writes)
    }

    /// Whether a thread that has done nothing but read from `first` up to `next`, its next event, may read the same
    /// writes again.
    pub(crate) fn can_repeat(&self, first: EventId, next: EventId) -> bool {
        let last = self.make(next, Kind::Fence, Order::Relaxed, 0);
        (first.index..next.index).all(|index| match self.event(EventId { index, ..first }).kind {
            Kind::Read { location, from, .. } => {
                self.position(from, location) >= self.floor(&last, location, EventId::INIT)
            }
            _ => true,
        })
    }

    /// Whether the event is a read that waits for another value.
    pub(crate) fn is_blocked(&self, id: EventId) -> bool {
        matches!(self.event(id).kind, Kind::Read { blocked: true, .. })
    }

    /// Whether the event is a read of the last write to its location.
    pub(crate) fn reads_last(&self, id: EventId) -> bool {
        match self.event(id).kind {
            Kind::Read { location, from, .. } => {
                self.position(from, location) == self.location(location).writes.len()
            }
            _ => true,
        }
    }

    /// Leaves the events that `keep` admits, which must be closed under porf: of each thread the first few.
    pub(super) fn restrict(&mut self, keep: impl Fn(EventId, &Event) -> bool) {
        let mut accessed = Vec::new();
        for (events, thread) in self.threads.iter_mut().zip(0_u8..) {
            let index = |at| u16::try_from(at).unwrap_or(u16::MAX);
            let kept = events.partition_point(|at, event| keep(EventId { thread, index: index(at) }, event));
            for gone in events.iter_from(kept) {
                self.sc_fences -= u32::from(gone.is_sc_fence());
                accessed.extend(gone.location());
            }
            events.truncate(kept);
        }
        accessed.sort_unstable();
        accessed.dedup();
        let threads = &self.threads;
        let there = |id: &EventId| (id.index as usize) < threads[id.thread as usize].len();
        for location in accessed {
            // What has been made and never accessed has no place here.
            if (location as usize) < self.locations.len() {
                let location = self.locations.get_mut(location as usize);
                location.writes.retain(there);
                location.reads.retain(there);
            }
        }
        self.sc_events.retain(there);
    }
}
