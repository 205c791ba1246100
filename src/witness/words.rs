//! Words for threads, objects and events, which the table and the explanation share.
//!
//! Texts of others (names, values, files) come out on one line and not longer than a bound, cut with `…`.
//! Widths count characters: a character that a terminal shows two columns wide counts as one.

use super::{CALLS, Event, EventKind, RETURNS, STARTS, Witness};
use crate::base::event::{ATOMIC_WAKER, SLEEP, WAKER};
use crate::base::failure::{Crash, How, ProcessExit, Who};
use crate::base::location::Site;
use nix::sys::signal::Signal;

/// Characters of the longest name or value that is shown in full.
pub(super) const LONGEST: usize = 32;

/// One line of at most `most` characters; what is cut off is replaced by `…`.
pub(super) fn short(text: &str, most: usize) -> String {
    let clean = one_line(text);
    if clean.chars().count() <= most {
        return clean;
    }
    let mut cut: String = clean.chars().take(most.saturating_sub(1)).collect();
    cut.truncate(cut.trim_end().len());
    if most > 0 {
        cut.push('…');
    }
    cut
}

/// Like [`short`], but what is kept is the end: for paths.
pub(super) fn short_end(text: &str, most: usize) -> String {
    let clean = one_line(text);
    let length = clean.chars().count();
    if length <= most {
        return clean;
    }
    std::iter::once('…').chain(clean.chars().skip(length + 1 - most.max(1))).collect()
}

/// Without line breaks and other control characters, with single spaces.
fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|letter| if hidden(letter) { ' ' } else { letter }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Control characters, and those that change the direction of what follows.
fn hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// What a crash was, in words; `actors` by their place in the design.
pub(crate) fn crash(crash: &Crash, actors: &[String]) -> String {
    let name = |actor: usize| actors.get(actor).map_or_else(|| "?".to_owned(), Clone::clone);
    let process = || match crash.who {
        Who::Actor(actor) => format!("actor {}", name(actor)),
        Who::State => "the process that made the state".to_owned(),
        Who::Observation | Who::NoActor | Who::Process => "it".to_owned(),
    };
    match &crash.how {
        How::Panic { message, site } => {
            let who = match crash.who {
                Who::Actor(actor) => format!("actor {} panicked", name(actor)),
                Who::State => "making the state panicked".to_owned(),
                Who::Observation => "observing panicked".to_owned(),
                Who::NoActor => "the design panicked outside of its actors".to_owned(),
                Who::Process => "it panicked".to_owned(),
            };
            format!("{who}: {}", panic(message.as_deref(), site.as_ref()))
        }
        How::Ended(ProcessExit::Signal(signal)) => {
            let memory = *signal == Signal::SIGKILL as i32 && crash.who == Who::Process;
            let perhaps = if memory { ", perhaps for want of memory" } else { "" };
            match Signal::try_from(*signal) {
                Ok(signal) => format!("{} was killed by {signal}{perhaps}", process()),
                Err(_) => format!("{} was killed by signal {signal}", process()),
            }
        }
        How::Ended(ProcessExit::Code(code)) if crash.who == Who::Process => {
            format!("it ended the whole process with exit code {code}")
        }
        How::Ended(ProcessExit::Code(code)) => {
            format!("{} ended its process with exit code {code}", process())
        }
        How::Ended(ProcessExit::Endless) => format!("{} never ended", process()),
        How::PanicThatCannotUnwind { message } => {
            format!("{} panicked where it could not unwind: {message}", process())
        }
        How::StackOverflow => format!("{} overflowed its stack", process()),
        How::OutOfMemory { limit_mib } => {
            format!("{} ran out of memory: the limit is {limit_mib} MiB", process())
        }
        How::Unknown => "the process of an actor ended without a word".to_owned(),
    }
}

/// The message of a panic, and where it came from if that is known.
pub(super) fn panic(message: Option<&str>, site: Option<&Site>) -> String {
    let message = message.unwrap_or("a panic without a message");
    let place = site.map(|site| format!(" ({}:{})", site.file, site.line));
    format!("{message}{}", place.unwrap_or_default())
}

/// A thread's name.
pub(crate) fn thread(witness: &Witness, thread: usize) -> String {
    match witness.threads.get(thread).map(|name| short(name, LONGEST)) {
        Some(name) if !name.is_empty() => name,
        _ => format!("thread {thread}"),
    }
}

/// An event's actor.
pub(super) fn who(witness: &Witness, event: &Event) -> String {
    thread(witness, event.thread)
}

/// An object's name, or nothing for an event that has none.
pub(crate) fn object(witness: &Witness, object: Option<usize>) -> String {
    let Some(number) = object else { return String::new() };
    let Some(object) = witness.objects.get(number) else { return format!("object {number}") };
    let name = short(&object.name, LONGEST);
    if name.is_empty() { short(&object.kind, LONGEST) } else { name }
}

/// A value, if it is known.
pub(crate) fn value(value: Option<&str>) -> Option<String> {
    value.map(|value| short(value, LONGEST))
}

/// ` = 1`, or nothing for a value that is not known.
fn equals(known: Option<&str>) -> String {
    value(known).map_or_else(String::new, |value| format!(" = {value}"))
}

/// Whether a load is one of a compare-exchange or an update that did not write.
pub(super) fn failed_exchange(event: &Event) -> bool {
    event.kind == EventKind::Load && ["compare", "update"].iter().any(|word| event.operation.contains(word))
}

/// A cell of the table, like `fetch_add count 0 -> 1 Relaxed`.
pub(crate) fn cell(witness: &Witness, event: &Event, with_order: bool) -> String {
    let about = object(witness, event.object);
    let about = if about.is_empty() { about } else { format!(" {about}") };
    let operation = short(&event.operation, LONGEST);
    let (read, written) = (event.read.as_deref(), event.written.as_deref());
    let order = match &event.order {
        Some(order) if with_order || event.kind == EventKind::Fence => format!(" {}", short(order, LONGEST)),
        _ => String::new(),
    };
    let text = match event.kind {
        EventKind::Create => format!("new{about}{}", equals(written)),
        EventKind::Load if failed_exchange(event) => {
            let found = value(read).map_or_else(String::new, |value| format!(" found {value}"));
            format!("{operation}{about}{found}{order}, failed")
        }
        EventKind::Load => format!("{operation}{about}{}{order}", equals(read)),
        EventKind::Store => format!("{operation}{about}{}{order}", equals(written)),
        EventKind::Read => format!("read{about}{}", equals(read)),
        EventKind::Write => format!("write{about}{}", equals(written)),
        EventKind::Drop => format!("drop{about}"),
        EventKind::Lock | EventKind::LockShared => format!("{}{about}{}", lock(event), equals(read)),
        EventKind::Other if matches!(event.operation.as_str(), CALLS | RETURNS) => {
            format!("{operation} {}", value(read).unwrap_or_default())
        }
        EventKind::Unlock if event.operation.starts_with("wait") => format!("wait, unlock{about}"),
        EventKind::Unlock | EventKind::UnlockShared => format!("unlock{about}{}", equals(written)),
        EventKind::TryFailed => format!("{operation}{about}, failed"),
        EventKind::Rmw | EventKind::Fence | EventKind::Other => {
            format!("{operation}{about}{}{order}", change(read, written))
        }
    };
    let text = match waker(witness, event, &operation, &about) {
        Some(text) => text,
        None if event.blocked => format!("waits: {text}"),
        None => text,
    };
    format!("{}{}", text.trim(), stale(witness, event))
}

/// What is done to wakers, where it is said in other words than other operations.
fn waker(witness: &Witness, event: &Event, operation: &str, about: &str) -> Option<String> {
    let kind = event.object.and_then(|object| witness.objects.get(object)).map_or("", |object| &object.kind);
    match (kind, operation) {
        (WAKER, SLEEP) if event.blocked => Some("waits to be woken".to_owned()),
        (WAKER, SLEEP) => Some("woken".to_owned()),
        (ATOMIC_WAKER, operation) => match event.read.as_deref() {
            Some("false") => Some(format!("{operation}{about}, which is empty")),
            _ => Some(format!("{operation}{about}")),
        },
        _ => None,
    }
}

/// The same in two parts: what is done to what, and with which values and ordering.
pub(crate) fn parts(witness: &Witness, event: &Event) -> (String, String) {
    let all = cell(witness, event, true);
    let bare = Event { order: None, read: None, written: None, stale: None, ..event.clone() };
    let bare = cell(witness, &bare, true);
    let what = bare.strip_suffix(", failed").filter(|_| failed_exchange(event)).unwrap_or(&bare);
    match all.strip_prefix(what) {
        Some(how) => (what.to_owned(), how.trim().to_owned()),
        None => (all, String::new()),
    }
}

/// The reader's and the writer's way to take a read-write lock are told apart from plain reads and writes.
fn lock(event: &Event) -> String {
    match event.operation.as_str() {
        "read" => "read-lock".to_owned(),
        "write" => "write-lock".to_owned(),
        operation => short(operation, LONGEST),
    }
}

/// ` 0 -> 1`, or as much of it as is known.
fn change(read: Option<&str>, written: Option<&str>) -> String {
    match (value(read), value(written)) {
        (Some(read), Some(written)) => format!(" {read} -> {written}"),
        (one, other) => one.or(other).map_or_else(String::new, |value| format!(" = {value}")),
    }
}

/// Who has written something newer than what a stale load returned.
fn stale(witness: &Witness, event: &Event) -> String {
    let latest = event.stale.and_then(|stale| witness.events.get(stale.latest));
    latest.map_or_else(String::new, |latest| {
        let newer = value(latest.written.as_deref()).unwrap_or_else(|| "something newer".to_owned());
        format!(" (stale: {} has written {newer})", who(witness, latest))
    })
}

/// What an event did to its object's value, as a sentence has it: `read count = 0`, `wrote count = 1`.
pub(super) fn told(witness: &Witness, event: &Event) -> String {
    let about = object(witness, event.object);
    let (read, written) = (event.read.as_deref(), event.written.as_deref());
    match event.kind {
        EventKind::Create => format!("made {about}{}", equals(written)),
        EventKind::Load if failed_exchange(event) => format!("found {about}{}", equals(read)),
        EventKind::Load | EventKind::Read => format!("read {about}{}", equals(read)),
        EventKind::Store | EventKind::Write => format!("wrote {about}{}", equals(written)),
        EventKind::Rmw => match (value(read), value(written)) {
            (Some(read), Some(written)) => format!("took {about} from {read} to {written}"),
            _ => format!("changed {about}{}", equals(written.or(read))),
        },
        EventKind::Drop => format!("dropped {about}"),
        EventKind::Lock | EventKind::LockShared => format!("locked {about}"),
        EventKind::Unlock | EventKind::UnlockShared => format!("unlocked {about}"),
        EventKind::Other if about.is_empty() && event.operation == STARTS => "began".to_owned(),
        _ => format!("did `{}`", cell(witness, event, true)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_odd_texts_become_short_lines() {
        assert_eq!(short("count", 5), "count");
        assert_eq!(short("counter", 5), "coun…");
        assert_eq!(short("ab cdef", 4), "ab…");
        assert_eq!(short("a\n\tb\u{202e}c", 9), "a b c");
        assert_eq!(short("äöüß", 3), "äö…");
        assert_eq!(short("anything", 0), "");
        assert_eq!(short_end("src/sync/queue.rs", 9), "…queue.rs");
        assert_eq!(short_end("queue.rs", 9), "queue.rs");
    }
}
