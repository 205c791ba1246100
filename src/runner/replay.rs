//! One execution again: the one that a token has kept.

use super::fatal::write_down;
use super::supervise::{Assignment, Launched};
use super::worker::Work;
use crate::base::budget::Budget;
use crate::base::budget::Effort;
use crate::engine::{self, Heartbeat, Name, Task, Way};
use crate::registry::{self, Found};
use crate::report::{sentence, terminal};
use crate::scenario::ErasedDesign;
use crate::witness::Witness;
use crate::witness::token::{self, Route, Token};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a token leads to no execution.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub enum ReplayError {
    /// It is no token, a damaged one, or one of another version.
    #[error("{0}")]
    Token(String),
    /// This program has no such design.
    #[error("there is no design `{design}` in a scenario `{scenario}` here, to which this token belongs")]
    Unknown {
        /// The scenario's name.
        scenario: String,
        /// The design's name.
        design: String,
    },
    /// The design is another one than that which the token was made for.
    #[error("`{scenario}` / `{design}` has changed since this token was made: {how}")]
    Changed {
        /// The scenario's name.
        scenario: String,
        /// The design's name.
        design: String,
        /// What gave it away.
        how: String,
    },
    /// The harness could not do its work.
    #[error("{0}")]
    Harness(String),
}

/// An execution that was replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed(pub(crate) Witness);

impl Replayed {
    /// What the execution shows, like `forbidden outcome 1: an increment was lost`.
    #[must_use]
    pub fn failure(&self) -> String {
        sentence::shown(&self.0)
    }

    /// Why, in one sentence.
    #[must_use]
    pub fn conclusion(&self) -> &str {
        &self.0.conclusion
    }

    /// How many operations the trace of the execution has, those of the main thread included.
    #[must_use]
    pub fn events(&self) -> usize {
        self.0.events.len()
    }
}

/// The interleaving as a table, at most 100 characters wide, and the conclusion.
impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&terminal::plainly_replayed(&self.0))
    }
}

/// Re-executes exactly the execution that a token has kept, in this thread, and returns it. The scenario
/// must be registered in this program.
///
/// Nothing is printed, however the execution fails.
///
/// Limit: shuttle prints a line about a deadlock of threads that wait for something of shuttle's own.
///
/// # Errors
/// If the token is none, is damaged or was made by another version, or if the scenario is not here or has
/// changed.
///
/// # Panics
/// If the design panics outside of its actors. An execution that ends the whole process does so again.
pub fn replay(token: &str) -> Result<Replayed, ReplayError> {
    let scenario = token::decode(token).map_err(|refused| ReplayError::Token(refused.to_string()))?.scenario;
    let found = registry::find_named(&scenario).map_err(|wrong| ReplayError::Harness(wrong.to_string()))?;
    here(&found, token).map(Replayed)
}

/// Replays in this thread.
pub(crate) fn here(found: &[Found], word: &str) -> Result<Witness, ReplayError> {
    let token = token::decode(word).map_err(|refused| ReplayError::Token(refused.to_string()))?;
    let (scenario, design) = wanted(found, &token)?;
    let heartbeat: &'static Heartbeat = Box::leak(Box::default());
    let name = name(scenario, design, &token);
    let task = Task { name, ..Task::new(design, Effort::Normal.budget(token.seed), heartbeat) };
    crate::rt::panics::install_once();
    let changed = |how: &str| ReplayError::Changed {
        scenario: scenario.name.clone(),
        design: design.name.clone(),
        how: how.to_owned(),
    };
    let witness = match (&token.program, scenario.generated(design)) {
        (Some(recipe), Some(generated)) => generated.replay(&task, &token, recipe),
        (Some(_), None) => Err("its programs are not generated any more"),
        (None, _) => engine::replay(&task, &token).ok_or(engine::OTHER_WAY),
    };
    let witness = witness.map_err(changed)?;
    if token::events_digest(&witness) != token.events_digest {
        return Err(changed("the execution has other events, or another end"));
    }
    Ok(Witness { token: word.to_owned(), ..witness })
}

fn name<'a>(scenario: &'a Found, design: &'a ErasedDesign, token: &'a Token) -> Name<'a> {
    let (scenario, design) = (scenario.name.as_str(), design.name.as_str());
    Name { scenario, design, digest: token.design_digest, program: token.program.as_ref() }
}

fn wanted<'a>(found: &'a [Found], token: &Token) -> Result<(&'a Found, &'a ErasedDesign), ReplayError> {
    let (scenario, design) = (token.scenario.clone(), token.design.clone());
    match registry::design(found, &scenario, &design) {
        None => Err(ReplayError::Unknown { scenario, design }),
        Some((found, one)) if found.digest(one) != token.design_digest => {
            let how = "its question, its grades or its actors are others".to_owned();
            Err(ReplayError::Changed { scenario, design, how })
        }
        Some(both) => Ok(both),
    }
}

/// Replays in a worker process, which may die of it.
///
/// # Errors
/// As [`replay`]; or what killed the worker.
pub(crate) fn in_worker(found: &[Found], word: &str) -> Result<Witness, ReplayError> {
    let harness = |error: anyhow::Error| ReplayError::Harness(format!("{error:#}"));
    let token = token::decode(word).map_err(|refused| ReplayError::Token(refused.to_string()))?;
    let (scenario, design) = wanted(found, &token)?;
    let budget = Effort::Normal.budget(token.seed);
    let name = name(scenario, design, &token);
    let mut assignment =
        Assignment { name, litmus: None, facts: &design.facts, engine: token.engine, budget, until: None };
    match &token.route {
        Route::Fatal { after, executions, random_executions, preemptions } => {
            let (executions, random_executions) = (*executions, *random_executions);
            assignment.budget = Budget { executions, random_executions, preemptions: *preemptions, ..budget };
            return again(&assignment, Way::After(*after), &token, word);
        }
        Route::ProcessExit { slices, chosen } => {
            let way = Way::Schedule { slices: slices.clone(), chosen: chosen.clone() };
            return again(&assignment, way, &token, word);
        }
        Route::Every(numbered) => return again(&assignment, Way::Every(numbered.clone()), &token, word),
        Route::Schedule { .. } | Route::Index { .. } | Route::Graph(_) => {}
    }
    let Launched { answer, log, end, .. } =
        assignment.launch(Work::Replay(word.to_owned()), &|_| ()).map_err(harness)?;
    match end.status() {
        Some(status) if status.success() => {
            serde_json::from_slice::<Result<Witness, ReplayError>>(&answer)
                .map_err(|error| ReplayError::Harness(format!("a worker left no answer: {error}")))?
        }
        Some(status) => {
            let log = log.trim_end();
            Err(ReplayError::Harness(format!("the worker that was to replay it died: {status}\n{log}")))
        }
        None => Err(ReplayError::Harness("the execution does not end".to_owned())),
    }
}

/// Replays an execution that ends its process.
fn again(assignment: &Assignment<'_>, way: Way, token: &Token, word: &str) -> Result<Witness, ReplayError> {
    let harness = |error: anyhow::Error| ReplayError::Harness(format!("{error:#}"));
    let same = |witness: &Witness| token::events_digest(witness) == token.events_digest;
    write_down(assignment, way)
        .map_err(harness)?
        .filter(same)
        .map(|witness| Witness { token: word.to_owned(), ..witness })
        .ok_or_else(|| {
            let how = "the execution has other events, or another end".to_owned();
            let Name { scenario, design, .. } = assignment.name;
            ReplayError::Changed { scenario: scenario.to_owned(), design: design.to_owned(), how }
        })
}
