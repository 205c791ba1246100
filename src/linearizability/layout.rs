//! What an order of the operations has to respect, as chains, intervals and pending operations: the one form
//! that the search knows.
//!
//! An *interval* says from when to when an operation may take its place, in ranks that no two events share. A
//! *chain* is a list of operations that returned and must keep their order. What a search has done is then
//! one number per chain, whatever the length of the history, and an operation may be placed next if it is the
//! first of its chain, its interval begins before the interval of any other that is left has ended, and what it
//! *needs* of other chains is done. Operations that never returned are in no chain: they are a list apart, of
//! which a search places few.
//!
//! - Linearizability: the interval is the time from call to return. Operations that do not overlap share a
//!   chain, so there are as many chains as operations that returned were ever in flight at once.
//! - Quiescent consistency: the interval is stretched to the moments, before and after, when nothing was in
//!   flight (Herlihy and Shavit, "The Art of Multiprocessor Programming", section 3.3, for all parts of the
//!   object at once).
//! - Serializability: every interval begins at the beginning, so each operation has a chain of its own.
//! - Durable linearizability: as linearizability, but each crash begins an *era*, and what never returned can
//!   only be placed before anything of a later era than its own.
//! - Sequential consistency: every interval is all of time, and each client has its chain (Lamport, "How to Make
//!   a Multiprocessor Computer That Correctly Executes Multiprocess Programs", 1979). Operations of a client
//!   that begin and end at one instant lie side by side in chains of their own.

use super::criterion::Criterion;
use super::history::{Operation, Place};
use super::watch::{Stop, Watch};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// An operation of a part, from 0.
pub(super) type Local = u32;

/// When an operation may take its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) local: Local,
    pub(super) from: u32,
    /// [`NEVER`] if it never returned.
    pub(super) to: u32,
}

/// The end of an interval without end.
pub(super) const NEVER: u32 = u32::MAX;

/// What has to be placed first: so many operations of a chain.
pub(super) type Need = (u32, u32);

/// Why operations have no layout.
pub(super) enum NoLayout {
    Stopped(Stop),
    /// This client called again before its call had returned.
    Overlapping(usize),
}

impl From<Stop> for NoLayout {
    fn from(stop: Stop) -> Self {
        NoLayout::Stopped(stop)
    }
}

/// The operations of one part, ready to be searched.
pub(super) struct Layout {
    /// Which operation of the history each one is.
    pub(super) places: Vec<Place>,
    pub(super) chains: Vec<Vec<Interval>>,
    /// Operations that never returned, in the order of their calls.
    pub(super) pending: Vec<Interval>,
    /// Of the operations that need anything, what.
    pub(super) needs: FxHashMap<Local, Vec<Need>>,
    /// Whether pending operations that do the same can stand in for each other: one that is called earlier
    /// can be placed wherever one that is called later can.
    pub(super) nested: bool,
    /// Whether chains follow from the times of operations alone.
    pub(super) along_time: bool,
    /// How many operations returned.
    pub(super) returned: usize,
    /// How many crashes came before the call of each operation. Empty if there was none, or none counts.
    pub(super) eras: Vec<u32>,
}

impl Layout {
    pub(super) fn new<Op, Ret>(
        criterion: Criterion,
        operations: &[Operation<Op, Ret>],
        crashes: &[u64],
        part: Part,
        watch: &mut Watch<'_>,
    ) -> Result<Self, NoLayout> {
        let Part { places, intervals, .. } = part;
        let returned = places.iter().filter(|&&place| operations[place].returned.is_some()).count();
        let empty = |nested| Layout {
            places: Vec::new(),
            chains: Vec::new(),
            pending: Vec::new(),
            needs: FxHashMap::default(),
            nested,
            along_time: nested,
            returned,
            eras: Vec::new(),
        };
        let mut layout = if criterion == Criterion::SequentiallyConsistent {
            let mut layout = empty(false);
            by_client(operations, &places, &mut layout, watch)?;
            layout
        } else {
            let mut intervals = match intervals {
                Some(intervals) => intervals,
                None => ranked(operations, &places, watch)?,
            };
            if criterion == Criterion::Serializable {
                intervals.iter_mut().for_each(|interval| interval.from = 0);
            }
            let mut layout = empty(true);
            by_time(&intervals, &mut layout);
            if criterion == Criterion::DurablyLinearizable && !crashes.is_empty() {
                let era = |&place: &Place| crashes.partition_point(|crash| *crash < operations[place].called);
                layout.eras = places.iter().map(|place| u32::try_from(era(place)).unwrap_or(NEVER)).collect();
            }
            layout
        };
        layout.places = places;
        Ok(layout)
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        let intervals = self.chains.iter().map(Vec::capacity).sum::<usize>() + self.pending.capacity();
        intervals * size_of::<Interval>()
            + self.places.capacity() * size_of::<Place>()
            + self.needs.capacity() * 64
    }

    /// The era of an operation.
    pub(super) fn era(&self, local: Local) -> u32 {
        self.eras.get(local as usize).copied().unwrap_or(0)
    }

    /// Whether an interval stands for an operation that needs nothing, or nothing that is not done.
    pub(super) fn is_free(&self, local: Local, done: &[u32]) -> bool {
        self.needs.is_empty()
            || self
                .needs
                .get(&local)
                .is_none_or(|needs| needs.iter().all(|(chain, count)| done[*chain as usize] >= *count))
    }
}

/// Operations that are checked together.
pub(super) struct Part {
    pub(super) key: Option<u64>,
    pub(super) places: Vec<Place>,
    /// Their intervals in the order of their calls, where those depend on more than the part.
    pub(super) intervals: Option<Vec<Interval>>,
}

/// Spans from call to return, in the order of the calls. At equal times calls come before returns.
pub(super) fn ranked<Op, Ret>(
    operations: &[Operation<Op, Ret>],
    places: &[Place],
    watch: &mut Watch<'_>,
) -> Result<Vec<Interval>, Stop> {
    let mut events: Vec<(u64, bool, Local)> = Vec::with_capacity(2 * places.len());
    for (local, &place) in (0..).zip(places) {
        if local % 4096 == 0 {
            watch.look()?;
        }
        let operation = &operations[place];
        events.push((operation.called, false, local));
        if let Some((time, _)) = &operation.returned {
            events.push((*time, true, local));
        }
    }
    let events = sorted(events, watch)?;
    let mut intervals: Vec<Interval> = Vec::with_capacity(places.len());
    let mut index_of = vec![0_u32; places.len()];
    for (rank, (_, is_return, local)) in (0..).zip(events) {
        if rank % 65536 == 0 {
            watch.look()?;
        }
        if is_return {
            intervals[index_of[local as usize] as usize].to = rank;
        } else {
            index_of[local as usize] = u32::try_from(intervals.len()).unwrap_or(NEVER);
            intervals.push(Interval { local, from: rank, to: NEVER });
        }
    }
    Ok(intervals)
}

/// Sorts in runs, with a look at the clock after each.
pub(super) fn sorted<T: Ord + Copy>(mut items: Vec<T>, watch: &mut Watch<'_>) -> Result<Vec<T>, Stop> {
    const RUN: usize = 1 << 15;
    if items.is_sorted() {
        return Ok(items);
    }
    for run in items.chunks_mut(RUN) {
        watch.look()?;
        run.sort_unstable();
    }
    let mut width = RUN;
    while width < items.len() {
        let mut merged = Vec::with_capacity(items.len());
        for pair in items.chunks(2 * width) {
            let (left, right) = pair.split_at(width.min(pair.len()));
            let (mut l, mut r) = (0, 0);
            while l < left.len() && r < right.len() {
                if merged.len() % RUN == 0 {
                    watch.look()?;
                }
                if left[l] <= right[r] {
                    merged.push(left[l]);
                    l += 1;
                } else {
                    merged.push(right[r]);
                    r += 1;
                }
            }
            merged.extend_from_slice(&left[l..]);
            merged.extend_from_slice(&right[r..]);
        }
        items = merged;
        width *= 2;
    }
    Ok(items)
}

/// Stretches each interval to the whole of its busy period, between two moments when nothing is in flight.
pub(super) fn stretched(mut intervals: Vec<Interval>) -> Vec<Interval> {
    let mut begin = 0;
    while begin < intervals.len() {
        let mut end = begin + 1;
        let mut until = intervals[begin].to;
        while end < intervals.len() && intervals[end].from < until {
            until = until.max(intervals[end].to);
            end += 1;
        }
        let period = &mut intervals[begin..end];
        let from = period[0].from;
        // Ranks stay unlike each other: a period of k operations has as many ranks for their returns.
        let width = u32::try_from(period.len()).unwrap_or(NEVER);
        for (offset, interval) in (0..).zip(period) {
            interval.from = from;
            if interval.to != NEVER {
                interval.to = from + width + offset;
            }
        }
        begin = end;
    }
    intervals
}

/// As few chains as operations that returned are ever in flight at once.
fn by_time(intervals: &[Interval], layout: &mut Layout) {
    let mut free_from = BinaryHeap::new();
    for interval in intervals {
        if interval.to == NEVER {
            layout.pending.push(*interval);
            continue;
        }
        let chain = match free_from.peek() {
            Some(&Reverse((free, chain))) if free < interval.from => {
                free_from.pop();
                chain
            }
            _ => {
                layout.chains.push(Vec::new());
                layout.chains.len() - 1
            }
        };
        layout.chains[chain].push(*interval);
        free_from.push(Reverse((interval.to, chain)));
    }
}

/// A chain for each client, and more for what it did at one instant.
fn by_client<Op, Ret>(
    operations: &[Operation<Op, Ret>],
    places: &[Place],
    layout: &mut Layout,
    watch: &mut Watch<'_>,
) -> Result<(), NoLayout> {
    let mut clients: BTreeMap<usize, Vec<(u64, u64, bool, Local)>> = BTreeMap::new();
    for (local, &place) in (0..).zip(places) {
        if local % 4096 == 0 {
            watch.look()?;
        }
        let operation = &operations[place];
        let returned = operation.returned.as_ref().map(|(time, _)| *time);
        let times = (operation.called, returned.unwrap_or(u64::MAX), returned.is_none(), local);
        clients.entry(operation.client).or_default().push(times);
    }
    let mut rank = 0;
    for (client, events) in clients {
        let events = sorted(events, watch)?;
        let alike = |a: &(u64, u64, bool, Local), b: &(u64, u64, bool, Local)| {
            (a.0, a.1, a.2) == (b.0, b.1, b.2) && a.0 == a.1 && !a.2
        };
        // The chains of this client: the first has one operation of every instant.
        let mut chains: Vec<Need> = Vec::new();
        let mut before: Option<(u64, bool)> = None;
        for instant in events.chunk_by(alike) {
            let (called, returned, pending, _) = instant[0];
            if before.is_some_and(|(time, never)| never || time > called) {
                return Err(NoLayout::Overlapping(client));
            }
            before = Some((returned, pending));
            let needs: Vec<Need> = chains.iter().copied().filter(|(_, count)| *count > 0).collect();
            for (index, (.., local)) in instant.iter().enumerate() {
                rank += 1;
                if needs.len() > usize::from(!pending && index == 0) {
                    layout.needs.insert(*local, needs.clone());
                }
                let interval = Interval { local: *local, from: 0, to: if pending { NEVER } else { rank } };
                if pending {
                    layout.pending.push(interval);
                    continue;
                }
                if chains.len() <= index {
                    chains.push((u32::try_from(layout.chains.len()).unwrap_or(NEVER), 0));
                    layout.chains.push(Vec::new());
                }
                let (chain, count) = &mut chains[index];
                *count += 1;
                layout.chains[*chain as usize].push(interval);
            }
        }
    }
    Ok(())
}
