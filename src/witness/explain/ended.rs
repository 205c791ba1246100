//! Executions that were broken off: by a panic or a signal, or because they did not end.

use super::super::words::{self, short};
use super::super::{Event, Witness};
use super::Finding;
use super::relations::Relations;
use crate::base::failure::{Crash, Failure, How, Who};

/// Characters of the longest words of a panic.
const WORDS: usize = 200;

/// Which thread crashed, how, and what it did last. Where it is not known which, it is the thread of the last
/// event: under a checker the thread that panics is the one that runs.
pub(super) fn crash(witness: &Witness, crash: &Crash) -> Finding {
    let relations = Relations::new(witness);
    let reason = short(&words::crash(crash, witness.threads.get(1..).unwrap_or_default()), WORDS);
    let named = match crash.who {
        Who::Actor(actor) => Some(actor + 1),
        _ => None,
    };
    let last = relations.events().rfind(|(_, event)| named.is_none_or(|thread| event.thread == thread));
    let Some((last, event)) = last else { return Finding { sentence: reason, marks: Vec::new() } };
    let who = words::who(witness, event);
    let start = match (&crash.how, named) {
        (_, Some(_)) => reason,
        (How::Panic { message, site }, None) => {
            format!("{who} panicked: {}", short(&words::panic(message.as_deref(), site.as_ref()), WORDS))
        }
        (_, None) => format!("{who} crashed: {reason}"),
    };
    let mut marks = vec![last];
    let source = relations.from[last]
        .filter(|&write| relations.actor_writes(write) && relations.event(write).thread != event.thread);
    let by = source.map_or_else(String::new, |write| format!(", as {} had left it", relations.who(write)));
    marks.extend(source);
    Finding::decided(format!("{start}, after {who} {}{by}", relations.told(last)), &marks)
}

/// Which threads go round in a circle, or what happened last.
pub(super) fn hang(witness: &Witness) -> Finding {
    let relations = Relations::new(witness);
    let spinning = match &witness.shows {
        Failure::Hang(hang) => &hang.spinning[..],
        _ => &[],
    };
    let mut marks = Vec::new();
    let mut parts = Vec::new();
    for thread in 1..witness.threads.len() {
        let own: Vec<_> = relations.events().filter(|(_, event)| event.thread == thread).collect();
        let Some(&(last, event)) = own.last() else { continue };
        let who = words::who(witness, event);
        let part = if event.blocked {
            format!("{who} {}", words::cell(witness, event, true).replacen("waits: ", "waits in ", 1))
        } else if spinning.contains(&thread)
            || own.iter().rev().filter(|(_, earlier)| same(earlier, event)).count() > 1
        {
            let overwritten = overwritten(&relations, last).filter(|_| spinning.contains(&thread));
            marks.extend(overwritten);
            let before = overwritten.map_or_else(String::new, |write| {
                let write = format!("{} {}", relations.who(write), relations.told(write));
                format!("; {write} later in time, but before that in modification order")
            });
            format!(
                "{who} goes round and round, and has last `{}`{before}",
                words::cell(witness, event, true)
            )
        } else {
            continue;
        };
        marks.push(last);
        parts.push(part);
    }
    let last = witness.events.len().checked_sub(1).filter(|_| parts.is_empty());
    if let Some(last) = last {
        marks.push(last);
        parts.push(format!(
            "the last that happened is that {} {}",
            relations.who(last),
            relations.told(last)
        ));
    }
    let sentence = if parts.is_empty() {
        "it does not end".to_owned()
    } else {
        format!("it does not end: {}", parts.join("; "))
    };
    Finding::decided(sentence, &marks)
}

/// The last write of another thread that comes later in time than the one that a loop sees for ever, and earlier in
/// modification order.
fn overwritten(relations: &Relations, look: usize) -> Option<usize> {
    let seen = relations.from[look]?;
    let thread = relations.event(look).thread;
    let others = |write: &&usize| **write > seen && relations.event(**write).thread != thread;
    relations
        .same_object(look)
        .iter()
        .rev()
        .filter(others)
        .find(|write| relations.actor_writes(**write))
        .copied()
}

/// Whether an event is the same step of a loop.
fn same(one: &Event, two: &Event) -> bool {
    (&one.operation, one.object, &one.read) == (&two.operation, two.object, &two.read)
}
