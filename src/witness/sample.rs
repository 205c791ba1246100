//! Witnesses for the tests, written down in a line per event:
//!
//! ```text
//! A load count r=0 @Relaxed :31
//! B lock m waits src/queue.rs:7
//! ```
//!
//! The thread, the operation (what it does follows from its name), the object or `-`, then in any order
//! the value read, the value written, the memory ordering, `waits`, the place in the source.

use super::{Event, EventKind, Mark, Object, Site, Stale, Witness};
use crate::base::engine::Engine;
use crate::base::failure::{Crash, Failure, Hang, How, Who};
use proptest::prelude::*;

/// A witness of `shows`, by actors of these names and perhaps threads that they started.
pub(crate) fn witness(shows: Failure, actors: &[&str], started: &[&str], lines: &str) -> Witness {
    let threads = ["main"].iter().chain(actors).chain(started).map(|&name| name.to_owned());
    let mut witness = Witness {
        engine: Engine::Loom,
        shows,
        threads: threads.collect(),
        actors: actors.len(),
        objects: Vec::new(),
        events: Vec::new(),
        conclusion: String::new(),
        switches: 0,
        shortest: true,
        token: String::new(),
        program: None,
    };
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let event = event(&mut witness, line);
        witness.events.push(event);
    }
    witness
}

/// An outcome that is forbidden, and what the scenario says of it.
pub(crate) fn forbidden(outcome: &str, sentence: &str) -> Failure {
    Failure::Forbidden { outcome: outcome.to_owned(), sentence: sentence.to_owned() }
}

/// A panic with this message.
pub(crate) fn crash(who: Who, message: &str) -> Failure {
    Failure::Crash(Crash::new(who, How::panicked(Some(message))))
}

/// An execution that does not end.
pub(crate) fn hang() -> Failure {
    Failure::Hang(Hang::default())
}

/// The same, explained.
pub(crate) fn explained(shows: Failure, actors: &[&str], lines: &str) -> Witness {
    let mut witness = witness(shows, actors, &[], lines);
    super::explain::explain(&mut witness);
    witness
}

fn event(witness: &mut Witness, line: &str) -> Event {
    let mut words = line.split_whitespace();
    let mut next = || words.next().unwrap_or_else(|| panic!("too few words in `{line}`"));
    let (thread, operation, object) = (next(), next(), next());
    let mut event = Event {
        thread: witness.threads.iter().position(|name| name == thread).expect("a thread of this name"),
        operation: operation.to_owned(),
        kind: kind_of(operation),
        order: None,
        object: (object != "-").then(|| number(witness, object, operation)),
        read: None,
        written: None,
        site: None,
        blocked: false,
        mark: Mark::None,
        stale: None,
        from: None,
        after: Vec::new(),
    };
    for word in words {
        if word == "waits" {
            event.blocked = true;
        } else if word == "failed" {
            event.kind = if operation.starts_with("try") { EventKind::TryFailed } else { EventKind::Load };
        } else if let Some(value) = word.strip_prefix("r=") {
            event.read = Some(value.to_owned());
        } else if let Some(value) = word.strip_prefix("w=") {
            event.written = Some(value.to_owned());
        } else if let Some(order) = word.strip_prefix('@') {
            event.order = Some(order.to_owned());
        } else {
            let (file, line) = word.rsplit_once(':').expect("a file and a line");
            let file = if file.is_empty() { "scenarios/sample.rs" } else { file };
            event.site = Some(Site { file: file.to_owned(), line: line.parse().expect("a line's number") });
        }
    }
    event
}

fn kind_of(operation: &str) -> EventKind {
    match operation {
        "new" => EventKind::Create,
        "load" => EventKind::Load,
        "store" => EventKind::Store,
        "get" => EventKind::Read,
        "set" => EventKind::Write,
        "drop" => EventKind::Drop,
        "lock" | "try_lock" | "write" => EventKind::Lock,
        "read" => EventKind::LockShared,
        "unlock" => EventKind::Unlock,
        "unlock_shared" => EventKind::UnlockShared,
        "fence" => EventKind::Fence,
        "swap" => EventKind::Rmw,
        operation if operation.starts_with("fetch_") || operation.starts_with("compare_") => EventKind::Rmw,
        _ => EventKind::Other,
    }
}

fn number(witness: &mut Witness, name: &str, operation: &str) -> usize {
    if let Some(known) = witness.objects.iter().position(|object| object.name == name) {
        return known;
    }
    let kind = match operation {
        "get" | "set" => "Plain",
        "lock" | "unlock" | "try_lock" => "Mutex",
        "read" | "write" => "RwLock",
        "sleep" | "clone" => "Waker",
        "wake" if name.starts_with("waker") => "Waker",
        "register" | "wake" => "AtomicWaker",
        "wait" if name.contains("barrier") => "Barrier",
        "wait" | "notify_one" | "notify_all" => "Condvar",
        _ => "AtomicU32",
    };
    witness.objects.push(Object { name: name.to_owned(), kind: kind.to_owned() });
    witness.objects.len() - 1
}

/// Any witnesses of up to so many events, sensible or not, with odd and long names and values.
/// Event `i` is at line `i + 1`.
pub(super) fn witnesses(most: usize) -> impl Strategy<Value = Witness> {
    let names = || prop_oneof![4 => "[a-z]{1,8}", 1 => "[^:]{0,50}"];
    let objects = prop::collection::vec((names(), "[A-Z][a-z0-9]{0,9}"), 0..4)
        .prop_map(|all| all.into_iter().map(|(name, kind)| Object { name, kind }).collect::<Vec<_>>());
    let files = prop_oneof![4 => Just(0usize), 1 => 0..3usize].prop_map(|most| most + 1);
    let threads = (prop::collection::vec(names(), 1..12), 0..4usize);
    (shows(), threads, objects, files).prop_flat_map(move |(shows, (threads, started), objects, files)| {
        let events = prop::collection::vec(events(threads.len() + 1, objects.len() + 1, files), 0..most);
        events.prop_map(move |mut events| {
            for (index, event) in events.iter_mut().enumerate() {
                if let Some(site) = &mut event.site {
                    site.line = u32::try_from(index).unwrap() + 1;
                }
                event.stale = event.stale.filter(|stale| stale.latest < index);
            }
            let mut witness = witness(shows.clone(), &[], &[], "");
            witness.threads.extend(threads.iter().cloned());
            witness.actors = threads.len().saturating_sub(started).max(1);
            (witness.objects, witness.events) = (objects.clone(), events);
            witness
        })
    })
}

fn shows() -> impl Strategy<Value = Failure> {
    prop_oneof![
        Just(forbidden("1", "an increment was lost")),
        Just(Failure::DATA_RACE),
        Just(Failure::DEADLOCK),
        ("\\PC{0,300}", any::<bool>())
            .prop_map(|(words, named)| { crash(if named { Who::Actor(0) } else { Who::NoActor }, &words) }),
        Just(hang()),
    ]
}

fn events(threads: usize, objects: usize, files: usize) -> impl Strategy<Value = Event> {
    let kinds = [
        EventKind::Create,
        EventKind::Load,
        EventKind::Store,
        EventKind::Rmw,
        EventKind::Read,
        EventKind::Write,
        EventKind::Drop,
        EventKind::Lock,
        EventKind::LockShared,
        EventKind::Unlock,
        EventKind::UnlockShared,
        EventKind::TryFailed,
        EventKind::Fence,
        EventKind::Other,
    ];
    let names =
        ["load", "compare_exchange", "fetch_add", "lock", "wait", "notify_one", "recv", "send", "join", "x"];
    let orders =
        prop::option::of(prop::sample::select(vec!["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"]));
    let values = || prop::option::of(prop_oneof![6 => "[0-3]", 1 => "[^:]{0,60}"]);
    let marks = prop::sample::select(vec![Mark::None, Mark::Decides, Mark::Races]);
    let stale = prop::option::of((0..40usize).prop_map(|latest| Stale { from: None, latest }));
    let what = (prop::sample::select(names.to_vec()), prop::sample::select(kinds.to_vec()), orders);
    let which = (0..threads, prop::option::of(0..objects), 0..files);
    (what, which, values(), values(), prop::bool::weighted(0.1), marks, stale).prop_map(
        |((operation, kind, order), (thread, object, file), read, written, blocked, mark, stale)| Event {
            thread,
            operation: operation.to_owned(),
            kind,
            order: order.map(ToOwned::to_owned),
            object,
            read,
            written,
            site: Some(Site { file: format!("src/{file}/a_file_with_quite_a_long_name.rs"), line: 0 }),
            blocked,
            mark,
            stale,
            from: None,
            after: Vec::new(),
        },
    )
}
