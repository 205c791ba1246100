//! What ended a checker's exploration: a panic, told apart by its payload and its words.
//!
//! Limit: loom and shuttle say what they found in the text of a panic, and nowhere else; the texts are
//! those of the versions that this package pins, and each is held to by a test.

use super::{AccessSite, Observation, RaceReport};
use crate::arm::trace::RaceFound;
use crate::panics;
use crate::race::{Access as CellAccess, Race, RaceSite};
use crate::scenario::program::{ActorPanicked, Enough};
use crate::scenario::registry::source_path;
use std::any::Any;

/// A deadlock of which no more is known.
pub(crate) const ALL_WAIT: &str = "every actor that has not ended waits for another";

/// A failure of a design under a checker, or of the checker itself.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The checker's words, if it has any, about a race; and the two accesses, if it knows them.
    DataRace {
        words: String,
        accesses: Vec<Access>,
    },
    Deadlock,
    /// What panicked, and where.
    Crash {
        actor: Option<usize>,
        words: String,
    },
    /// A limit of the checker, or a panic inside it.
    Stopped(String),
    /// No failure of its own: an outcome was forbidden, and the first was enough.
    Enough {
        outcome: String,
    },
}

/// One of the two accesses of a race, as loom tells of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Access {
    thread: usize,
    access: &'static str,
    file: String,
    line: u32,
}

impl Access {
    /// From a line like `  read: thread #1 @ src/lib.rs:12:34`.
    fn parse(line: &str) -> Option<Self> {
        let (what, place) = line.trim().split_once(": thread #")?;
        let (thread, place) = place.split_once(" @ ")?;
        let mut place = place.rsplitn(3, ':');
        let (_column, line, file) = (place.next()?, place.next()?, place.next()?);
        Some(Self {
            thread: thread.parse().ok()?,
            access: if what.starts_with("write") { "write" } else { "read" },
            file: source_path(file),
            line: line.parse().ok()?,
        })
    }

    fn site(self, actors: &[String]) -> AccessSite {
        AccessSite {
            actor: actor_name(self.thread, actors),
            access: self.access.to_owned(),
            file: Some(self.file),
            line: Some(self.line),
        }
    }
}

/// Thread 0 is the main one, which makes the state and observes; the actors follow in order.
fn actor_name(thread: usize, actors: &[String]) -> Option<String> {
    thread
        .checked_sub(1)
        .map_or_else(|| Some("the main thread".to_owned()), |actor| actors.get(actor).cloned())
}

impl Failure {
    /// Enters the failure into an observation.
    pub(crate) fn enter_into(self, seen: &mut Observation, actors: &[String]) {
        match self {
            Failure::DataRace { words, accesses } => {
                let accesses = accesses.into_iter().map(|access| access.site(actors)).collect();
                seen.races.push(RaceReport { what: words, accesses });
            }
            Failure::Deadlock => seen.deadlock = Some(ALL_WAIT.to_owned()),
            Failure::Crash { actor, words } => {
                let who = actor.and_then(|actor| actors.get(actor)).map_or_else(
                    || "the design panicked outside of its actors".to_owned(),
                    |name| format!("actor {name} panicked"),
                );
                seen.crash = Some(format!("{who}: {words}"));
            }
            Failure::Stopped(why) => seen.stopped = Some(why),
            Failure::Enough { .. } => {}
        }
    }
}

/// Tells apart what a panic that came out of a checker means.
pub(crate) fn classify(payload: &(dyn Any + Send)) -> Failure {
    let last = panics::last_panic();
    if payload.is::<RaceFound>() {
        return Failure::DataRace { words: String::new(), accesses: Vec::new() };
    }
    if let Some(Enough { outcome }) = payload.downcast_ref::<Enough>() {
        return Failure::Enough { outcome: outcome.clone() };
    }
    if let Some(panicked) = payload.downcast_ref::<ActorPanicked>() {
        let words = last.map_or_else(|| NO_WORDS.to_owned(), |panic| in_words(&panic));
        return Failure::Crash { actor: Some(panicked.actor), words };
    }
    let words = panics::text(payload).unwrap_or(NO_WORDS);
    if let Some(race) = words.trim_start().strip_prefix("Causality violation: ") {
        let mut lines = race.lines();
        let words = lines.next().unwrap_or_default().trim_end_matches('.').to_owned();
        return Failure::DataRace { words, accesses: lines.filter_map(Access::parse).collect() };
    }
    if words.starts_with("deadlock") {
        return Failure::Deadlock;
    }
    if words.starts_with("Model exceeded maximum number of branches") {
        return Failure::Stopped(
            "an execution took more than loom's limit of 1000 branches: does a loop wait without yielding?"
                .to_owned(),
        );
    }
    if panics::is_checkers(payload) {
        return Failure::Stopped(format!("the checker itself panicked: {words}"));
    }
    Failure::Crash { actor: None, words: last.map_or_else(|| words.to_owned(), |panic| in_words(&panic)) }
}

/// The message of a panic, and where it came from.
fn in_words(panic: &panics::Panic) -> String {
    let message = panic.message.as_deref().unwrap_or(NO_WORDS);
    format!("{message} ({}:{})", source_path(&panic.file), panic.line)
}

const NO_WORDS: &str = "a panic without a message";

/// A race with its two sites, for the report.
pub(crate) fn race_report(race: &Race, actors: &[String]) -> RaceReport {
    let site = |site: &RaceSite| AccessSite {
        actor: actor_name(site.task, actors),
        access: match site.access {
            CellAccess::Read => "read".to_owned(),
            CellAccess::Write => "write".to_owned(),
        },
        file: Some(source_path(site.location.file())),
        line: Some(site.location.line()),
    };
    let (earlier, later) = (site(&race.earlier), site(&race.later));
    let name = |site: &AccessSite| site.actor.clone().unwrap_or_else(|| "a spawned thread".to_owned());
    let what = format!(
        "the {} by {} and the {} by {} are not ordered",
        earlier.access,
        name(&earlier),
        later.access,
        name(&later)
    );
    RaceReport { what, accesses: vec![earlier, later] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_located_race_of_looms_names_both_accesses() {
        let words = "\nCausality violation: Concurrent read and write accesses.\n    created: src/a.rs:1:2\n       \
                     read: thread #2 @ src/a.rs:7:9\n      write: thread #1 @ src/b.rs:5:3\n";
        let Failure::DataRace { words, accesses } = classify(&words.to_owned()) else { panic!("a race") };
        assert_eq!(words, "Concurrent read and write accesses");
        let access =
            |thread, access, file: &str, line| Access { thread, access, file: file.to_owned(), line };
        assert_eq!(accesses, [access(2, "read", "src/a.rs", 7), access(1, "write", "src/b.rs", 5)]);
    }
}
