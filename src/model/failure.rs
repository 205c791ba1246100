//! What is said of a model that fails, or that was not explored in full.

use super::run::{Identity, REPLAY};
use crate::base::engine::Engine;
use crate::base::failure::{Failure, How};
use crate::base::observation::{Observation, Stop};
use crate::report::{sentence, terminal};
use crate::witness::Witness;
use std::fmt::Write as _;

/// The failure that was seen, with its witness and how to come back to it.
pub(super) fn told(identity: &Identity, engine: Engine, seen: &Observation) -> Option<String> {
    let failure = seen.failure()?;
    let mut text = format!(
        "{} fails on {engine}, in execution {}: {}\n",
        identity.name,
        seen.executions,
        words(&failure)
    );
    let shows = |witness: &&Witness| failure.is_shown_by(&witness.shows);
    if let Some(witness) = seen.witnesses.iter().find(shows) {
        let _ = write!(text, "\n{}", terminal::plainly_replayed(witness));
        let test = if identity.is_test { format!(" {}", identity.name) } else { String::new() };
        let _ = write!(text, "\nreplay: {REPLAY}={} cargo test{test}\n", witness.token);
    }
    Some(text)
}

/// The kind of a failure, in loom's words as well as ours where a test may look for those.
fn words(failure: &Failure) -> String {
    match failure {
        Failure::DataRace(race) => {
            format!("data race (causality violation): {}", sentence::data_race(race, &[]))
        }
        Failure::Deadlock(_) => "deadlock".to_owned(),
        Failure::Hang(_) => "a loop waits for what never comes".to_owned(),
        Failure::Crash(crash) => match &crash.how {
            How::Panic { message, site } => {
                let message = message.as_deref().unwrap_or("a panic without a message");
                let at = site.as_ref().map(|site| format!(" at {}:{}", site.file, site.line));
                format!("panicked{}: {message}", at.unwrap_or_default())
            }
            _ => "it crashed".to_owned(),
        },
        Failure::Forbidden { outcome, .. } => format!("outcome {outcome}"),
    }
}

/// That nothing is known, and why.
pub(super) fn inconclusive(identity: &Identity, engine: Engine, stop: &Stop) -> String {
    format!("{} is inconclusive on {engine}: {}", identity.name, sentence::stopped(stop, engine))
}

/// That nothing is known, as no execution came to its end.
pub(super) fn nothing_seen(identity: &Identity, engine: Engine) -> String {
    format!("{} is inconclusive on {engine}: no execution came to its end", identity.name)
}

/// What was not explored of a model in which no failure was found.
pub(super) fn left_out(identity: &Identity, engine: Engine, seen: &Observation) -> Option<String> {
    let how = match &seen.stopped {
        Some(stop) => sentence::stopped(stop, engine),
        None => sentence::explored(&seen.exploration)?,
    };
    Some(format!(
        "selvedge: {} on {engine}: no failure in {} executions, but not all: {how}",
        identity.name, seen.executions
    ))
}

/// An execution that was replayed.
pub(super) fn replayed(identity: &Identity, witness: &Witness) -> String {
    format!("{}, replayed on {}: {}", identity.name, witness.engine, terminal::plainly_replayed(witness))
}

/// That the closure does not do the same when it is scheduled the same.
pub(super) fn not_repeatable(identity: &Identity, engine: Engine) -> String {
    format!("{} on {engine}: executions that were scheduled alike went differently", identity.name)
}
