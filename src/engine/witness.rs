//! From the journal of one execution to a witness.
//!
//! Reads source files, for the names of objects, and nothing else; a file that is not where the compiler
//! saw it leaves its objects with their types for names.

use super::failure::Failure;
use crate::arm::journal::{Entry, Journal, Made};
use crate::race::Race;
use crate::scenario::program::Graded;
use crate::scenario::registry::source_path;
use crate::scenario::{Engine, Facts, Grade};
use crate::witness::naming::{self, Known};
use crate::witness::{Event, Mark, Object, Shows, Site, Witness, explain};
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};

/// The most failures of one design for which an engine looks for a witness.
pub(super) const MAX_WITNESSES: usize = 4;

/// How an execution under a checker ended.
#[derive(Debug)]
pub(super) enum Ended {
    Outcome(Graded),
    DataRace(Option<Race>),
    Deadlock,
    Crash {
        actor: Option<usize>,
        words: String,
    },
    /// A limit of the checker, or its own panic: not the design's doing.
    Stopped,
}

impl Ended {
    /// How an execution that failed has ended.
    pub(super) fn of(failure: &Failure, race: Option<Race>) -> Self {
        match (failure, race) {
            (_, Some(race)) => Ended::DataRace(Some(race)),
            (Failure::DataRace { .. }, None) => Ended::DataRace(None),
            (Failure::Deadlock, None) => Ended::Deadlock,
            (Failure::Crash { actor, words }, None) => Ended::Crash { actor: *actor, words: words.clone() },
            (Failure::Stopped(_), None) => Ended::Stopped,
        }
    }
}

/// The failure that a witness is to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// This outcome.
    Forbidden(String),
    DataRace,
    Deadlock,
    /// A panic with these words.
    Crash(String),
}

impl Goal {
    /// The failure that an execution shows, if it shows one.
    pub(super) fn of(ended: &Ended) -> Option<Self> {
        match ended {
            Ended::Outcome(graded) if graded.grade == Grade::Forbidden => {
                Some(Goal::Forbidden(graded.value.clone()))
            }
            Ended::DataRace(_) => Some(Goal::DataRace),
            Ended::Deadlock => Some(Goal::Deadlock),
            Ended::Crash { words, .. } => Some(Goal::Crash(words.clone())),
            Ended::Outcome(_) | Ended::Stopped => None,
        }
    }

    /// Whether an execution shows this failure.
    pub(super) fn reached(&self, ended: &Ended) -> bool {
        Goal::of(ended).as_ref() == Some(self)
    }
}

/// The witness that an execution is, without its token; `None` if it shows no failure.
pub(super) fn witness(
    engine: Engine,
    facts: &Facts,
    journal: &Journal,
    ended: &Ended,
    shortest: bool,
) -> Option<Witness> {
    let shows = match ended {
        Ended::Outcome(graded) if graded.grade == Grade::Forbidden => {
            Shows::Forbidden { outcome: graded.value.clone(), sentence: graded.sentence.clone() }
        }
        Ended::DataRace(_) => Shows::DataRace,
        Ended::Deadlock => Shows::Deadlock,
        Ended::Crash { actor, words } => {
            let who = actor.and_then(|actor| facts.actors.get(actor));
            Shows::Crash {
                words: who.map_or_else(|| words.clone(), |who| format!("{who} panicked: {words}")),
            }
        }
        Ended::Outcome(_) | Ended::Stopped => return None,
    };
    let threads = thread_names(facts, journal);
    let objects = objects(journal, &threads);
    let events: Vec<_> =
        journal.entries.iter().filter(|entry| !of_the_harness(entry, journal)).map(event).collect();
    let mut witness = Witness {
        engine,
        shows,
        actors: facts.actors.len(),
        threads,
        objects,
        switches: switches(events.iter().map(|event| event.thread)),
        events,
        conclusion: String::new(),
        shortest,
        token: String::new(),
    };
    explain::explain(&mut witness);
    Some(witness)
}

/// Starting the actors and waiting for them is nothing that the design does.
fn of_the_harness(entry: &Entry, journal: &Journal) -> bool {
    let object = entry.object.and_then(|object| journal.objects.get(object));
    entry.thread == 0 && object.is_some_and(|made| made.kind == "thread")
}

/// How often the next of these is another than the one before.
pub(super) fn switches(threads: impl Iterator<Item = usize>) -> usize {
    let mut last = None;
    threads.filter(|&thread| last.replace(thread).is_some_and(|last| last != thread)).count()
}

fn event(entry: &Entry) -> Event {
    Event {
        thread: entry.thread,
        operation: entry.operation.to_owned(),
        deed: entry.deed,
        order: entry.order.map(|order| format!("{order:?}")),
        object: entry.object,
        read: entry.read.clone(),
        written: entry.written.clone(),
        site: entry.site.map(|site| Site { file: source_path(site.file()), line: site.line() }),
        blocked: entry.blocked,
        mark: Mark::None,
        stale: None,
    }
}

fn thread_names(facts: &Facts, journal: &Journal) -> Vec<String> {
    let last = journal.entries.iter().map(|entry| entry.thread).max().unwrap_or(0).max(facts.actors.len());
    let name = |thread: usize| match thread.checked_sub(1) {
        None => "main".to_owned(),
        Some(actor) => facts
            .actors
            .get(actor)
            .or_else(|| journal.names.get(&thread))
            .cloned()
            .unwrap_or_else(|| format!("thread {thread}")),
    };
    (0..=last).map(name).collect()
}

fn objects(journal: &Journal, threads: &[String]) -> Vec<Object> {
    let mut sources = Sources::default();
    let mut started = 0;
    let mut name = |made: &Made| {
        if made.kind == "thread" {
            started += 1;
            return Some(threads.get(started).cloned().unwrap_or_else(|| format!("thread {started}")));
        }
        let site = made.site?;
        naming::name_of(sources.text(site.file())?, site.line(), site.column())
    };
    let names: Vec<_> = journal.objects.iter().map(&mut name).collect();
    let known: Vec<_> = names
        .iter()
        .zip(&journal.objects)
        .map(|(name, made)| Known { name: name.as_deref(), kind: made.kind })
        .collect();
    let labels = naming::labels(&known).into_iter();
    labels.zip(known).map(|(name, known)| Object { name, kind: known.kind.to_owned() }).collect()
}

/// Source files that have been read.
#[derive(Default)]
struct Sources(FxHashMap<String, Option<String>>);

impl Sources {
    /// The text of a file by the name that the compiler has for it, which is relative to wherever it ran.
    fn text(&mut self, file: &str) -> Option<&str> {
        if !self.0.contains_key(file) {
            let text = bases().iter().find_map(|base| std::fs::read_to_string(base.join(file)).ok());
            self.0.insert(file.to_owned(), text);
        }
        self.0.get(file)?.as_deref()
    }
}

/// Where the compiler may have run: in a folder above this one, or above this program.
fn bases() -> Vec<PathBuf> {
    let here = std::env::current_dir().ok();
    let program = std::env::current_exe().ok();
    [here, program].iter().flatten().flat_map(|path| path.ancestors().map(Path::to_owned)).collect()
}
