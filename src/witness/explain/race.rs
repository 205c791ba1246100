//! Which two accesses race, and why nothing orders them.
//!
//! The later one is the last event that conflicts with an earlier one of another thread. The earlier one is
//! the latest such event that locks, fences and atomics do not order before it, or if they order all, which
//! an engine knows better, the latest of all.

use super::super::words;
use super::super::{Event, EventKind, Mark, Witness};
use super::Finding;
use super::order::{Order, not_ordered_by};
use super::relations::Relations;
use crate::base::failure::{Access, AccessKind, Failure};

/// Finds the pair and the reason.
pub(super) fn find(witness: &Witness) -> Finding {
    let relations = Relations::new(witness);
    let order = Order::new(&relations);
    let Some((earlier, later)) = pair(&relations, &order) else {
        return Finding {
            sentence: "two accesses at the same time, one of them a write, are not ordered".to_owned(),
            marks: witness.events.len().checked_sub(1).map(|last| (last, Mark::Races)).into_iter().collect(),
        };
    };
    if let Some(sentence) = unseen(witness).filter(|_| order.ordered(witness, earlier, later)) {
        return Finding { sentence, marks: Vec::new() };
    }
    let mut marks = vec![(earlier, Mark::Races), (later, Mark::Races)];
    let (first, second) = (relations.who(earlier), relations.who(later));
    let (did, then_did) = (relations.told(earlier), relations.told(later));
    let reason = if let Some((write, read, why)) = weak_flag(&relations, earlier, later) {
        marks.extend([(write, Mark::Decides), (read, Mark::Decides)]);
        let saw = if relations.witness.events[read].kind == EventKind::Rmw { "found" } else { "saw" };
        format!("{second} {saw} {} = {}, but {why}", relations.what(read), relations.found(read))
    } else {
        locks(&relations, earlier, later).unwrap_or_else(|| "nothing orders them".to_owned())
    };
    Finding { sentence: format!("{first} {did} and {second} {then_did}: {reason}"), marks }
}

/// The accesses that the checker names, if the trace does not have both.
fn unseen(witness: &Witness) -> Option<String> {
    let Failure::DataRace(race) = &witness.shows else { return None };
    let is_there = |access: &Access| {
        witness.events.iter().any(|event| event.thread == access.thread && event.site == access.site)
    };
    if race.accesses.is_empty() || race.accesses.iter().all(is_there) {
        return None;
    }
    let named = |access: &Access| {
        let kind = match access.kind {
            AccessKind::Read => "read",
            AccessKind::Write => "write",
        };
        let site =
            access.site.as_ref().map_or_else(String::new, |site| format!(" at {}:{}", site.file, site.line));
        format!("{kind} by {}{site}", words::thread(witness, access.thread))
    };
    let accesses: Vec<_> = race.accesses.iter().map(named).collect();
    Some(format!("{} are not ordered", accesses.join(" and ")))
}

/// Whether an event touches its object's memory without being atomic, and if so whether it writes.
fn plain(event: &Event) -> Option<bool> {
    match event.kind {
        EventKind::Read => Some(false),
        EventKind::Write | EventKind::Create | EventKind::Drop => Some(true),
        _ => None,
    }
}

fn conflict(one: &Event, two: &Event) -> bool {
    let atomic_write = |event: &Event| matches!(event.kind, EventKind::Store | EventKind::Rmw);
    let atomic = |event: &Event| atomic_write(event) || event.kind == EventKind::Load;
    let writes = |event: &Event| plain(event) == Some(true) || atomic_write(event);
    let touches = |event: &Event| plain(event).is_some() || atomic(event);
    one.object.is_some()
        && one.object == two.object
        && one.thread != two.thread
        && touches(one)
        && touches(two)
        && !(atomic(one) && atomic(two))
        && (writes(one) || writes(two))
}

fn pair(relations: &Relations, order: &Order) -> Option<(usize, usize)> {
    let events = &relations.witness.events;
    let earlier_than =
        |later: usize| (0..later).rev().filter(move |&earlier| conflict(&events[earlier], &events[later]));
    let latest = |later: usize| {
        let unordered = |earlier: &usize| !order.ordered(relations.witness, *earlier, later);
        // What the main thread did before the actors is ordered by their start.
        let by_actor = |earlier: &usize| events[*earlier].thread != 0;
        let mut candidates = earlier_than(later).filter(unordered);
        let first = candidates.next();
        let best = first.into_iter().chain(candidates).find(by_actor);
        best.or_else(|| earlier_than(later).find(by_actor)).or_else(|| earlier_than(later).next())
    };
    (0..events.len()).rev().find_map(|later| Some((latest(later)?, later)))
}

/// A value that the later thread saw before its access, and the earlier one wrote after its own, with
/// orderings that are too weak.
fn weak_flag(relations: &Relations, earlier: usize, later: usize) -> Option<(usize, usize, String)> {
    let (first, second) = (relations.event(earlier).thread, relations.event(later).thread);
    let seen = (earlier..later).rev().filter_map(|read| {
        let write = relations.from[read]
            .filter(|_| relations.event(read).thread == second && relations.reads(read))?;
        let flag = matches!(relations.event(write).kind, EventKind::Store | EventKind::Rmw);
        (flag && relations.event(write).thread == first && write > earlier).then_some((write, read))
    });
    seen.filter_map(|(write, read)| Some((write, read, not_ordered_by(relations, write, read)?))).next()
}

/// What locks the two held, if any.
fn locks(relations: &Relations, earlier: usize, later: usize) -> Option<String> {
    let held = |index: usize| -> Vec<(usize, String)> {
        let locks = relations.held(relations.event(index).thread, index);
        locks.iter().map(|&(lock, _)| (lock, words::object(relations.witness, Some(lock)))).collect()
    };
    let names = |locks: &[(usize, String)]| {
        locks.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(" and ")
    };
    let (ours, theirs) = (held(earlier), held(later));
    let (first, second) = (relations.who(earlier), relations.who(later));
    if ours.iter().any(|(lock, _)| theirs.iter().any(|(other, _)| lock == other)) {
        return None;
    }
    match (ours.is_empty(), theirs.is_empty()) {
        (true, true) => None,
        (false, true) => Some(format!("{first} held {}, but {second} held no lock", names(&ours))),
        (true, false) => Some(format!("{second} held {}, but {first} held no lock", names(&theirs))),
        (false, false) => Some(format!(
            "{first} held {} and {second} held {}, and different locks order nothing",
            names(&ours),
            names(&theirs)
        )),
    }
}
