//! A witness as a space-time diagram: what is drawn, without coordinates.
//!
//! A lane for each thread, downward in the order in which events took effect; arrows between rows; locks as bars on
//! their holder's lane. The script turns rows into positions.

use crate::base::event::{Event, EventKind, Mark};
use crate::base::failure::Failure;
use crate::base::witness::Witness;
use crate::witness::{table, words};
use serde::Serialize;
use std::collections::BTreeMap;

/// Events drawn at most; of a longer witness the last.
pub(crate) const MAX_ROWS: usize = 400;

#[derive(Serialize)]
pub(super) struct Diagram<'a> {
    /// Names of the threads that have a lane.
    lanes: Vec<String>,
    rows: Vec<Row<'a>>,
    arrows: Vec<Arrow>,
    bars: Vec<Bar>,
    /// What holds values, in the order of their making, each with its first value, if that is known.
    values: Vec<(String, Option<String>)>,
    /// What there is in the end, as far as it is known: by number in `values`.
    finally: Vec<(usize, String)>,
    /// What the execution ends with.
    ends: String,
    /// Files of the rows.
    files: Vec<&'a str>,
    /// Events before the first row that are not drawn.
    omitted: usize,
}

#[derive(Serialize)]
struct Row<'a> {
    lane: usize,
    /// Like `fetch_add count`.
    what: String,
    /// Like `0 -> 1 Relaxed`.
    how: String,
    #[serde(skip_serializing_if = "is_none")]
    mark: Mark,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    blocked: bool,
    /// What it leaves where: by number in `values`.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaves: Option<(usize, String)>,
    /// File, by number in `files`, and line.
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<(usize, u32)>,
    #[serde(skip)]
    place: Option<(&'a str, u32)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_none(mark: &Mark) -> bool {
    *mark == Mark::None
}

/// An arrow between rows. `None` is before the first row.
#[derive(Serialize)]
struct Arrow {
    kind: Kind,
    from: Option<usize>,
    to: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// From a write to what read it.
    Reads,
    /// From an event to one that synchronises with it.
    Before,
    /// From a load to the newer write that it did not see.
    Missed,
    /// Between the two accesses of a data race.
    Race,
    /// From what waits to what it waits for.
    Waits,
}

/// A lock, held from one row to another; `to` is `None` where it is not given back.
#[derive(Serialize)]
struct Bar {
    lane: usize,
    name: String,
    shared: bool,
    from: usize,
    to: Option<usize>,
    /// Bars on the lane that begin before and lie below it.
    depth: usize,
}

impl<'a> Diagram<'a> {
    /// The lines of the source that rows are at.
    pub(super) fn sites(&self) -> impl Iterator<Item = (&'a str, u32)> + '_ {
        self.rows.iter().filter_map(|row| row.place)
    }
}

pub(super) fn diagram(witness: &Witness) -> Diagram<'_> {
    let all: Vec<usize> = table::shown_indices(witness).collect();
    let omitted = all.len().saturating_sub(MAX_ROWS);
    let shown = &all[omitted..];
    let place: BTreeMap<usize, usize> = shown.iter().enumerate().map(|(row, index)| (*index, row)).collect();
    let threads = lanes(witness, shown);
    let lane: BTreeMap<usize, usize> =
        threads.iter().enumerate().map(|(lane, thread)| (*thread, lane)).collect();
    let drawing = Drawing { witness, shown, place, lane, values: values(witness) };
    let mut files: Vec<&str> = Vec::new();
    let rows = shown.iter().map(|&index| drawing.row(index, &mut files)).collect();
    Diagram {
        lanes: threads.iter().map(|&thread| words::thread(witness, thread)).collect(),
        rows,
        arrows: drawing.arrows(),
        bars: drawing.bars(),
        values: drawing.first_values(),
        finally: drawing.finally(),
        ends: ends(witness),
        files,
        omitted,
    }
}

/// The threads with a lane: actors, then what they started, then the main one.
fn lanes(witness: &Witness, shown: &[usize]) -> Vec<usize> {
    let mut threads: Vec<usize> = shown.iter().map(|&index| witness.events[index].thread).collect();
    // An actor that did nothing is still there.
    threads.extend(1..=witness.actors);
    threads.sort_unstable();
    threads.dedup();
    if threads.first() == Some(&0) {
        threads.rotate_left(1);
    }
    threads
}

/// The objects that hold values, by their number in the witness.
fn values(witness: &Witness) -> Vec<usize> {
    let holds = |event: &&Event| event.read.is_some() || event.written.is_some();
    let of = |event: &Event| event.object.filter(|_| has_value(event.kind));
    let mut objects: Vec<usize> = witness.events.iter().filter(holds).filter_map(of).collect();
    objects.sort_unstable();
    objects.dedup();
    objects
}

fn has_value(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Create
            | EventKind::Load
            | EventKind::Store
            | EventKind::Rmw
            | EventKind::Read
            | EventKind::Write
            | EventKind::Unlock
            | EventKind::Lock
    )
}

fn ends(witness: &Witness) -> String {
    match &witness.shows {
        Failure::Forbidden { outcome, sentence } => format!("outcome {outcome}: {sentence}"),
        Failure::DataRace(_) => "data race".to_owned(),
        Failure::Deadlock(_) => "deadlock: none of those who wait can go on".to_owned(),
        Failure::Crash(crash) => words::crash(crash, witness.threads.get(1..).unwrap_or_default()),
        Failure::Hang(_) => "it never ends".to_owned(),
    }
}

struct Drawing<'a, 'b> {
    witness: &'a Witness,
    /// The events that are drawn, in order.
    shown: &'b [usize],
    /// From an event to its row.
    place: BTreeMap<usize, usize>,
    lane: BTreeMap<usize, usize>,
    /// The objects that hold values.
    values: Vec<usize>,
}

impl<'a> Drawing<'a, '_> {
    fn row(&self, index: usize, files: &mut Vec<&'a str>) -> Row<'a> {
        let event = &self.witness.events[index];
        let (what, how) = words::parts(self.witness, event);
        let site = event.site.as_ref().map(|site| {
            let file = files.iter().position(|file| *file == site.file).unwrap_or_else(|| {
                files.push(&site.file);
                files.len() - 1
            });
            (file, site.line)
        });
        Row {
            lane: self.lane.get(&event.thread).copied().unwrap_or(0),
            what,
            how,
            mark: event.mark,
            blocked: event.blocked,
            leaves: self.leaves(event),
            site,
            place: event.site.as_ref().map(|site| (site.file.as_str(), site.line)),
        }
    }

    fn value_of(&self, object: usize) -> Option<usize> {
        self.values.binary_search(&object).ok()
    }

    fn leaves(&self, event: &Event) -> Option<(usize, String)> {
        let value = words::value(event.written.as_deref()).filter(|_| !event.blocked)?;
        Some((self.value_of(event.object?)?, value))
    }

    /// The values that there are before the first row.
    fn first_values(&self) -> Vec<(String, Option<String>)> {
        let first = self.shown.first().copied().unwrap_or(self.witness.events.len());
        let value = |&object: &usize| {
            let before = self.witness.events[..first].iter().rfind(|event| {
                event.object == Some(object) && event.written.is_some() && has_value(event.kind)
            });
            let value = before.and_then(|event| words::value(event.written.as_deref()));
            (words::object(self.witness, Some(object)), value)
        };
        self.values.iter().map(value).collect()
    }

    /// What was found after the last row, or else was written last.
    fn finally(&self) -> Vec<(usize, String)> {
        let last = self.shown.last().map_or(0, |last| last + 1);
        let mut finally = BTreeMap::new();
        for event in &self.witness.events {
            if let Some((value, text)) = self.leaves(event) {
                finally.insert(value, text);
            }
        }
        for event in self.witness.events.iter().skip(last).filter(|event| event.thread == 0 && !event.blocked)
        {
            if let (Some(value), Some(text)) =
                (event.object.and_then(|object| self.value_of(object)), words::value(event.read.as_deref()))
            {
                finally.insert(value, text);
            }
        }
        finally.into_iter().collect()
    }

    fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = Vec::new();
        for (row, &index) in self.shown.iter().enumerate() {
            let event = &self.witness.events[index];
            let elsewhere = |other: usize| self.witness.events[other].thread != event.thread;
            let of =
                |kind, other: usize| {
                    let from = self.place.get(&other).copied();
                    // What lies before the first row is of one kind: first values. Others have left the drawing.
                    (from.is_some() || self.witness.events[other].kind == EventKind::Create)
                        .then_some(Arrow { kind, from, to: row })
                };
            arrows.extend(event.from.filter(|&from| elsewhere(from)).and_then(|from| of(Kind::Reads, from)));
            let after = event.after.iter().filter(|&&after| self.place.contains_key(&after));
            arrows.extend(after.filter_map(|&after| of(Kind::Before, after)));
            let missed = event.stale.filter(|stale| self.place.contains_key(&stale.latest));
            let missed = missed.map(|stale| self.place[&stale.latest]);
            arrows.extend(missed.map(|to| Arrow { kind: Kind::Missed, from: Some(row), to }));
        }
        arrows.extend(self.race());
        arrows.extend(self.waits());
        arrows
    }

    fn race(&self) -> Option<Arrow> {
        let races = |index: &usize| self.witness.events[*index].mark == Mark::Races;
        let marked: Vec<usize> =
            self.shown.iter().filter(|index| races(index)).map(|index| self.place[index]).collect();
        let [from, to] = marked[..] else { return None };
        Some(Arrow { kind: Kind::Race, from: Some(from), to })
    }

    /// From everything that waits for a lock to where its holder took it.
    fn waits(&self) -> Vec<Arrow> {
        let mut arrows = Vec::new();
        for (row, &index) in self.shown.iter().enumerate() {
            let event = &self.witness.events[index];
            let locks = matches!(event.kind, EventKind::Lock | EventKind::LockShared);
            if !(event.blocked && locks) {
                continue;
            }
            for (taken, given_back) in self.holdings() {
                let holder = &self.witness.events[taken];
                let waits = holder.object == event.object && given_back.is_none();
                let alone = event.kind == EventKind::Lock || holder.kind == EventKind::Lock;
                if waits
                    && alone
                    && let Some(&to) = self.place.get(&taken)
                {
                    arrows.push(Arrow { kind: Kind::Waits, from: Some(row), to });
                }
            }
        }
        arrows
    }

    /// Every taking of a lock with where it is given back, by event.
    fn holdings(&self) -> Vec<(usize, Option<usize>)> {
        let mut holdings: Vec<(usize, Option<usize>)> = Vec::new();
        for (index, event) in self.witness.events.iter().enumerate().filter(|(_, event)| !event.blocked) {
            match event.kind {
                EventKind::Lock | EventKind::LockShared if event.object.is_some() => {
                    holdings.push((index, None))
                }
                EventKind::Unlock | EventKind::UnlockShared => {
                    let mine = holdings.iter_mut().rfind(|(taken, given_back)| {
                        let taken = &self.witness.events[*taken];
                        given_back.is_none() && taken.thread == event.thread && taken.object == event.object
                    });
                    if let Some((_, given_back)) = mine {
                        *given_back = Some(index);
                    }
                }
                _ => {}
            }
        }
        holdings
    }

    fn bars(&self) -> Vec<Bar> {
        let mut bars: Vec<Bar> = Vec::new();
        for (taken, given_back) in self.holdings() {
            let event = &self.witness.events[taken];
            let (Some(&from), Some(&lane)) = (self.place.get(&taken), self.lane.get(&event.thread)) else {
                continue;
            };
            let to = given_back.and_then(|event| self.place.get(&event)).copied();
            let open = |bar: &&Bar| bar.lane == lane && bar.to.is_none_or(|to| to > from);
            let depth =
                (0..).find(|depth| !bars.iter().filter(open).any(|bar| bar.depth == *depth)).unwrap_or(0);
            let name = words::object(self.witness, event.object);
            bars.push(Bar { lane, name, shared: event.kind == EventKind::LockShared, from, to, depth });
        }
        bars
    }
}
