//! What ended a checker's exploration: a panic, told apart by its payload and by where it came from.
//!
//! Limit: loom and shuttle say what they found in the text of a panic, and nowhere else; [`panics`] knows their
//! texts, and takes none for theirs that did not come from their sources.

use crate::base::failure::{Access, AccessKind, Crash, DataRace, Failure, How, Who};
use crate::base::location::{Site, shown_path};
use crate::base::observation::Stop;
use crate::race::{Access as CellAccess, Race, RaceSite};
use crate::rt::context;
use crate::rt::panics::{self, Deadlocked, Said};
use crate::rt::pending::RaceFound;
use crate::scenario::program::{ActorPanicked, Enough};
use std::any::Any;
use std::cell::Cell;

/// loom's limit on the branches of one execution.
const MAX_BRANCHES: usize = 1000;

thread_local! {
    static MOST_BRANCHES: Cell<usize> = const { Cell::new(MAX_BRANCHES) };
}

/// The most branches of an execution of loom's, of the exploration at hand.
pub(super) fn most_branches() -> usize {
    MOST_BRANCHES.get()
}

/// What is explored next may have so many branches in an execution, if that was asked for.
pub(super) fn allow_branches(most: Option<usize>) {
    MOST_BRANCHES.set(most.unwrap_or(MAX_BRANCHES));
}

/// Tells apart what a panic that came out of a checker means: a failure of the design (which may be that an
/// outcome was forbidden, and the first was enough), or of the checker.
pub(crate) fn classify(payload: &(dyn Any + Send)) -> Result<Failure, Stop> {
    if payload.is::<RaceFound>() {
        return Ok(Failure::DATA_RACE);
    }
    if payload.is::<Deadlocked>() {
        return Ok(Failure::DEADLOCK);
    }
    if let Some(Enough { outcome }) = payload.downcast_ref::<Enough>() {
        return Ok(Failure::forbidden(outcome.clone()));
    }
    if let Some(ActorPanicked { actor }) = payload.downcast_ref::<ActorPanicked>() {
        let how = panics::last_panic().map_or_else(|| How::panicked(None), panicked);
        return Ok(Failure::Crash(Crash::new(Who::Actor(*actor), how)));
    }
    match (panics::said(payload), panics::text(payload)) {
        (Some(Said::DataRace), words) => Ok(Failure::DataRace(race_of_loom(words.unwrap_or_default()))),
        (Some(Said::Deadlock), _) => Ok(Failure::DEADLOCK),
        (Some(Said::TooManyBranches), _) => {
            Err(Stop::Branches { limit: most_branches(), yielded: context::has_yielded() })
        }
        (Some(Said::Other), words) => {
            Err(Stop::CheckerPanicked(words.unwrap_or("a panic without a message").to_owned()))
        }
        (None, words) => {
            let how = panics::last_panic().map_or_else(|| How::panicked(words), panicked);
            Ok(Failure::Crash(Crash::new(Who::NoActor, how)))
        }
    }
}

fn panicked(panic: panics::Panic) -> How {
    How::Panic {
        message: panic.message,
        site: Some(Site { file: shown_path(&panic.file), line: panic.line }),
    }
}

/// The race that loom tells of, with its two accesses if it located them.
fn race_of_loom(words: &str) -> DataRace {
    DataRace { accesses: words.lines().filter_map(access_of_loom).collect() }
}

/// From a line like `  read: thread #1 @ src/lib.rs:12:34`.
fn access_of_loom(line: &str) -> Option<Access> {
    let (what, place) = line.trim().split_once(": thread #")?;
    let (thread, place) = place.split_once(" @ ")?;
    let mut place = place.rsplitn(3, ':');
    let (_column, line, file) = (place.next()?, place.next()?, place.next()?);
    Some(Access {
        thread: thread.parse().ok()?,
        kind: if what.starts_with("write") { AccessKind::Write } else { AccessKind::Read },
        site: Some(Site { file: shown_path(file), line: line.parse().ok()? }),
    })
}

/// What the detector found, as a failure tells it.
pub(crate) fn race_of_detector(race: &Race) -> DataRace {
    let access = |site: &RaceSite| Access {
        thread: site.task,
        kind: match site.access {
            CellAccess::Read => AccessKind::Read,
            CellAccess::Write => AccessKind::Write,
        },
        site: Some(Site::of(site.location)),
    };
    DataRace { accesses: vec![access(&race.earlier), access(&race.later)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_located_race_of_looms_names_both_accesses() {
        let words = "\nCausality violation: Concurrent read and write accesses.\n    created: src/a.rs:1:2\n       \
                     read: thread #2 @ src/a.rs:7:9\n      write: thread #1 @ src/b.rs:5:3\n";
        let access = |thread, kind, file: &str, line| Access {
            thread,
            kind,
            site: Some(Site { file: file.to_owned(), line }),
        };
        assert_eq!(
            race_of_loom(words).accesses,
            [access(2, AccessKind::Read, "src/a.rs", 7), access(1, AccessKind::Write, "src/b.rs", 5)]
        );
    }
}
