//! Who holds what and waits for what.
//!
//! Read off the locks taken and given back and the events that were begun and never ended. A wait at a
//! condition variable counts as holding its mutex unless an unlock before it says otherwise.

use super::super::words;
use super::super::{Event, EventKind, Witness};
use super::Finding;
use super::relations::Relations;
use crate::base::event::SLEEP;

/// More threads than this are only counted.
const MOST_TOLD: usize = 4;

/// Tells of every thread that waits; of the main one only if no other does.
pub(super) fn find(witness: &Witness) -> Finding {
    let relations = Relations::new(witness);
    let waits = |main: bool| {
        let last = |thread: usize| relations.events().rfind(|(_, event)| event.thread == thread);
        let threads = (0..witness.threads.len()).filter(move |thread| (*thread == 0) == main);
        threads
            .filter_map(last)
            .filter(|(_, event)| event.blocked)
            .map(|(index, _)| index)
            .collect::<Vec<_>>()
    };
    let mut waiting = waits(false);
    if waiting.is_empty() {
        waiting = waits(true);
    }
    if waiting.is_empty() {
        return Finding {
            sentence: "every thread that is left waits for another one".to_owned(),
            marks: Vec::new(),
        };
    }
    let mut marks = waiting.clone();
    let wanted: Vec<_> = waiting.iter().filter_map(|&index| relations.event(index).object).collect();
    let mut parts = Vec::new();
    for (place, &wait) in waiting.iter().enumerate() {
        let held = relations.held(relations.event(wait).thread, wait);
        let needed = held.iter().filter(|(lock, _)| wanted.contains(lock)).map(|&(_, taken)| taken);
        marks.extend(needed);
        if place >= MOST_TOLD {
            continue;
        }
        let names: Vec<_> = held.iter().map(|&(lock, _)| words::object(witness, Some(lock))).collect();
        let holds =
            if names.is_empty() { String::new() } else { format!("holds {} and ", names.join(" and ")) };
        let (waits_for, also) = waits_for(&relations, wait);
        marks.extend(also);
        parts.push(format!("{} {holds}{waits_for}", relations.who(wait)));
    }
    match waiting.len() - parts.len() {
        0 => {}
        1 => parts.push("one more thread waits".to_owned()),
        more => parts.push(format!("{more} more threads wait")),
    }
    Finding::decided(parts.join("; "), &marks)
}

/// What a thread waits for, and events that explain why in vain.
fn waits_for(relations: &Relations, wait: usize) -> (String, Vec<usize>) {
    let event = relations.event(wait);
    let what = relations.what(wait);
    if matches!(event.kind, EventKind::Lock | EventKind::LockShared) {
        return waits_for_lock(relations, wait, &what);
    }
    let kind = event
        .object
        .and_then(|object| relations.witness.objects.get(object))
        .map_or("", |object| &object.kind);
    let channel = if what.is_empty() { "a channel" } else { &what };
    let words = match (event.operation.as_str(), kind) {
        (operation, "Condvar") if operation.starts_with("wait") => {
            return waits_for_notice(relations, wait, &what);
        }
        (SLEEP, _) => return super::waker::waits_to_be_woken(relations, wait),
        ("wait", "Barrier") => format!("waits for others to come to {what}"),
        (operation, _) if operation.starts_with("recv") => format!("waits for a message from {channel}"),
        (operation, _) if operation.starts_with("send") => format!("waits for room in {channel}"),
        (operation, _) if operation.starts_with("join") => "waits for another thread to end".to_owned(),
        (operation, _) if operation.starts_with("park") => "is parked and nobody unparks it".to_owned(),
        ("wait" | "wait_force" | "call_once" | "call_once_force" | "get_or_init" | "force", _) => {
            format!("waits until {what} is made")
        }
        _ => format!(
            "waits in `{}`",
            words::cell(relations.witness, event, true).trim_start_matches("waits: ")
        ),
    };
    (words, Vec::new())
}

/// A lock that its holder does not give back.
fn waits_for_lock(relations: &Relations, wait: usize, what: &str) -> (String, Vec<usize>) {
    let thread = relations.event(wait).thread;
    let end = relations.witness.events.len();
    let holder = (0..relations.witness.threads.len()).find_map(|other| {
        let held = relations.held(other, end);
        held.iter()
            .find(|(lock, _)| Some(*lock) == relations.event(wait).object)
            .map(|&(_, taken)| (other, taken))
    });
    let gone = |other: usize| {
        !relations.events().rfind(|(_, event)| event.thread == other).is_some_and(|(_, event)| event.blocked)
    };
    match holder {
        Some((other, taken)) if other == thread => {
            (format!("waits for {what}, which it holds itself"), vec![taken])
        }
        Some((other, taken)) if gone(other) => {
            let name = words::thread(relations.witness, other);
            (format!("waits for {what}, which {name} took and never gave back"), vec![taken])
        }
        _ => (format!("waits for {what}"), Vec::new()),
    }
}

/// A notification that came before the thread waited for it, or that woke another one, or never came.
fn waits_for_notice(relations: &Relations, wait: usize, what: &str) -> (String, Vec<usize>) {
    let events = &relations.witness.events[..wait];
    let notifies =
        |event: &Event| event.operation.starts_with("notify") && event.object == relations.event(wait).object;
    // What has begun and not ended comes last; it began after what its thread had done last.
    let begun = events.iter().rposition(|event| event.thread == relations.event(wait).thread).unwrap_or(0);
    let Some(last) = events.iter().rposition(notifies) else {
        return (format!("waits for a notification of {what}"), Vec::new());
    };
    let who = relations.who(last);
    let words = if last < begun {
        format!("waits for a notification of {what}, which {who} gave before that")
    } else {
        format!("waits for a notification of {what}, the last of which, by {who}, woke another thread")
    };
    (words, vec![last])
}
