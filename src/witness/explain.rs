//! Which events decide, and in one sentence what went wrong.
//!
//! Stale loads first: they need nothing but the values. Then the failure itself, each kind in a module of
//! its own: it looks for a known pattern among the events and falls back to a plainer sentence.
//!
//! Limits: what is said of the events is true of them, but that just this pattern is to blame for an
//! outcome is a guess; the scenario's grades do not tell why they forbid. Values are compared by their
//! text, so that a stale load of a value equal to the latest one goes unnoticed.

mod arrows;
mod deadlock;
mod ended;
mod forbidden;
mod multi_object;
mod order;
mod race;
mod relations;
#[cfg(test)]
mod tests;
mod waker;

use super::{Event, EventKind, Mark, Stale, Witness};
use crate::base::failure::Failure;
use arrows::Arrows;

/// A sentence, and the events that it is about.
#[derive(Debug, Default)]
struct Finding {
    sentence: String,
    marks: Vec<(usize, Mark)>,
}

impl Finding {
    /// About events without which the failure would not be.
    fn decided(sentence: String, events: &[usize]) -> Self {
        Self { sentence, marks: events.iter().map(|&event| (event, Mark::Decides)).collect() }
    }
}

/// Sets [`Event::mark`], [`Event::stale`], [`Event::from`], [`Event::after`] and [`Witness::conclusion`].
///
/// Takes time in proportion to the square of the number of events at worst.
pub(crate) fn explain(witness: &mut Witness) {
    let stale = stale_loads(&witness.events, witness.objects.len());
    for (event, stale) in witness.events.iter_mut().zip(stale) {
        event.mark = Mark::None;
        event.stale = stale;
    }
    let Arrows { from, after } = Arrows::new(witness);
    for (event, (from, after)) in witness.events.iter_mut().zip(from.into_iter().zip(after)) {
        (event.from, event.after) = (from, after);
    }
    let finding = match &witness.shows {
        Failure::Forbidden { outcome, sentence } => forbidden::find(witness, outcome, sentence),
        Failure::DataRace(_) => race::find(witness),
        Failure::Deadlock(_) => deadlock::find(witness),
        Failure::Crash(crash) => ended::crash(witness, crash),
        Failure::Hang(_) => ended::hang(witness),
    };
    for (event, mark) in finding.marks {
        witness.events[event].mark = mark;
    }
    witness.conclusion = finding.sentence;
}

/// For every event, whether it returned another value than the latest one.
fn stale_loads(events: &[Event], objects: usize) -> Vec<Option<Stale>> {
    let mut latest: Vec<Option<usize>> = vec![None; objects];
    let mut stale = Vec::with_capacity(events.len());
    for (index, event) in events.iter().enumerate() {
        let object = event.object.filter(|&object| !event.blocked && object < objects);
        let before = object.and_then(|object| latest[object]);
        stale.push(before.and_then(|before| stale_load(events, index, before)));
        if let Some(object) = object.filter(|_| writes(event)) {
            latest[object] = Some(index);
        }
    }
    stale
}

fn stale_load(events: &[Event], index: usize, latest: usize) -> Option<Stale> {
    let event = &events[index];
    let read = event.read.as_ref().filter(|_| matches!(event.kind, EventKind::Load | EventKind::Rmw))?;
    if events[latest].written.as_ref().is_none_or(|written| written == read) {
        return None;
    }
    let wrote_it = |&earlier: &usize| {
        let earlier = &events[earlier];
        earlier.object == event.object && writes(earlier) && earlier.written.as_ref() == Some(read)
    };
    Some(Stale { from: (0..latest).rev().find(wrote_it), latest })
}

/// Whether an event leaves a value for later reads.
fn writes(event: &Event) -> bool {
    !event.blocked
        && matches!(event.kind, EventKind::Create | EventKind::Store | EventKind::Rmw | EventKind::Write)
}

/// Whether an event finds a value.
fn reads(event: &Event) -> bool {
    !event.blocked && matches!(event.kind, EventKind::Load | EventKind::Rmw | EventKind::Read)
}
