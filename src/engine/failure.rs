//! What ended a checker's exploration: a panic, told apart by its payload and its words.
//!
//! Limit: loom and shuttle say what they found in the text of a panic, and nowhere else; the texts are
//! those of the versions that this package pins, and each is held to by a test.

use super::{AccessSite, Observation, RaceReport};
use crate::arm::trace::RaceFound;
use crate::panics;
use crate::race::{Access, Race, RaceSite};
use crate::scenario::program::{ActorPanicked, Enough};
use crate::scenario::registry::source_path;
use std::any::Any;

/// A deadlock of which no more is known.
pub(crate) const ALL_WAIT: &str = "every actor that has not ended waits for another";

/// A failure of a design under a checker, or of the checker itself.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The checker's words, if it has any, about a race.
    DataRace(String),
    Deadlock,
    /// What panicked, and where.
    Crash {
        actor: Option<usize>,
        words: String,
    },
    /// A limit of the checker, or a panic inside it.
    Stopped(String),
    /// No failure of its own: an outcome was forbidden, and the first was enough.
    Enough,
}

impl Failure {
    /// Enters the failure into an observation.
    pub(crate) fn enter_into(self, seen: &mut Observation, actors: &[String]) {
        match self {
            Failure::DataRace(what) => seen.races.push(RaceReport { what, accesses: Vec::new() }),
            Failure::Deadlock => seen.deadlock = Some(ALL_WAIT.to_owned()),
            Failure::Crash { actor, words } => {
                let who = actor.and_then(|actor| actors.get(actor)).map_or_else(
                    || "the design panicked outside of its actors".to_owned(),
                    |name| format!("actor {name} panicked"),
                );
                seen.crash = Some(format!("{who}: {words}"));
            }
            Failure::Stopped(why) => seen.stopped = Some(why),
            Failure::Enough => {}
        }
    }
}

/// Tells apart what a panic that came out of a checker means.
pub(crate) fn classify(payload: &(dyn Any + Send)) -> Failure {
    let last = panics::last_panic();
    if payload.is::<RaceFound>() {
        return Failure::DataRace(String::new());
    }
    if payload.is::<Enough>() {
        return Failure::Enough;
    }
    if let Some(panicked) = payload.downcast_ref::<ActorPanicked>() {
        let words = last.map_or_else(|| NO_WORDS.to_owned(), |panic| in_words(&panic));
        return Failure::Crash { actor: Some(panicked.actor), words };
    }
    let words = panics::text(payload).unwrap_or(NO_WORDS);
    if let Some(race) = words.trim_start().strip_prefix("Causality violation: ") {
        return Failure::DataRace(race.lines().next().unwrap_or_default().trim_end_matches('.').to_owned());
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
        // Task 0 is the main one, which makes the state and observes; the actors follow in order.
        actor: site
            .task
            .checked_sub(1)
            .map_or_else(|| Some("the main thread".to_owned()), |actor| actors.get(actor).cloned()),
        access: match site.access {
            Access::Read => "read".to_owned(),
            Access::Write => "write".to_owned(),
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
