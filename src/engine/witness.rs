//! From the trace of one execution to a witness, and from what a worker that died of it has left.
//!
//! Reads source files, for the names of objects, and nothing else; a file that is not where the compiler
//! saw it leaves its objects with their types for names.

use super::failure::race_of_detector;
use crate::base::engine::Engine;
use crate::base::event::{CLONE, SLEEP, WAKER};
use crate::base::failure::{Failure, ProcessExit};
use crate::base::observation::Stop;
use crate::base::outcome::Grade;
use crate::base::outcome::Graded;
use crate::race::Race;
use crate::rt::model;
use crate::rt::trace::{self, Entry, Line, Made, Trace};
use crate::scenario::Facts;
use crate::witness::naming::{self, Known};
use crate::witness::token::Numbered;
use crate::witness::{Event, Mark, Object, Site, Witness, explain};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::panic::Location;
use std::path::{Path, PathBuf};

/// The most failures of one design for which an engine looks for a witness.
pub(super) const MAX_WITNESSES: usize = 4;

/// How an execution under a checker ended.
#[derive(Debug)]
pub(super) enum Ended {
    Outcome(Graded),
    Failed(Failure),
    /// By a limit of the checker, or its own panic: not the design's doing.
    Stopped,
}

impl Ended {
    /// How an execution has ended that was classified; a race that was found counts before all else.
    pub(super) fn of(classified: &Result<Failure, Stop>, race: Option<Race>) -> Self {
        match (classified, race) {
            (_, Some(race)) => Ended::Failed(Failure::DataRace(race_of_detector(&race))),
            (Ok(Failure::Forbidden { .. }) | Err(_), None) => Ended::Stopped,
            (Ok(failure), None) => Ended::Failed(failure.clone()),
        }
    }

    /// How the execution has ended that ended a search: a forbidden outcome may be what it was looking for, whatever
    /// else happened.
    pub(super) fn of_search(classified: &Result<Failure, Stop>, race: Option<Race>) -> Self {
        match classified {
            Ok(forbidden @ Failure::Forbidden { .. }) => Ended::Failed(forbidden.clone()),
            classified => Ended::of(classified, race),
        }
    }

    /// The failure that the execution shows, if it shows one.
    pub(super) fn failure(&self) -> Option<Failure> {
        match self {
            Ended::Outcome(graded) if graded.grade == Grade::Forbidden => {
                Some(Failure::forbidden(graded.clone()))
            }
            Ended::Failed(failure) => Some(failure.clone()),
            Ended::Outcome(_) | Ended::Stopped => None,
        }
    }

    /// Whether the execution shows this failure.
    pub(super) fn shows(&self, goal: &Failure) -> bool {
        self.failure().is_some_and(|failure| goal.is_shown_by(&failure))
    }
}

/// The witness that an execution is, without its token; `None` if it shows no failure.
pub(super) fn witness(
    engine: Engine,
    facts: &Facts,
    trace: &Trace,
    ended: &Ended,
    shortest: bool,
) -> Option<Witness> {
    let shows = ended.failure()?;
    let mut sources = Sources::default();
    let objects = trace.objects.iter().map(|made| sources.found(made)).collect();
    let events = trace.entries.iter().map(event).collect();
    let recorded = Recorded { objects, events, names: trace.names.clone() };
    Some(recorded.told(engine, facts, shows, shortest))
}

/// What an execution was, in words.
#[derive(Default)]
struct Recorded {
    /// Names, where the source has one, and types.
    objects: Vec<(Option<String>, String)>,
    events: Vec<Event>,
    /// Of threads that actors have started.
    names: FxHashMap<usize, String>,
}

impl Recorded {
    fn told(mut self, engine: Engine, facts: &Facts, shows: Failure, shortest: bool) -> Witness {
        let last = self.events.iter().map(|event| event.thread).max().unwrap_or(0).max(facts.actors.len());
        let threads: Vec<_> = (0..=last).map(|thread| self.thread_name(thread, facts)).collect();
        let is_thread = |object: usize| self.objects.get(object).is_some_and(|(_, kind)| kind == THREAD);
        // Without actors, the main thread is the design's own.
        self.events
            .retain(|event| facts.actors.is_empty() || !is_harness(event.thread, event.object, is_thread));
        let mut witness = Witness {
            engine,
            shows,
            actors: facts.actors.len(),
            objects: named(self.objects, &threads, &self.events),
            threads,
            switches: switches(self.events.iter().map(|event| event.thread)),
            events: self.events,
            conclusion: String::new(),
            shortest,
            token: String::new(),
            program: None,
        };
        explain::explain(&mut witness);
        witness
    }

    fn thread_name(&self, thread: usize, facts: &Facts) -> String {
        let known = match thread.checked_sub(1) {
            None => return "main".to_owned(),
            Some(actor) => facts.actors.get(actor).or_else(|| self.names.get(&thread)),
        };
        known.cloned().unwrap_or_else(|| format!("thread {thread}"))
    }
}

/// The kind under which threads are noted as objects, one for each in the order of spawning.
const THREAD: &str = "thread";

fn named(found: Vec<(Option<String>, String)>, threads: &[String], events: &[Event]) -> Vec<Object> {
    let mut started = 0;
    let mut name = |(object, (name, kind)): (usize, &(Option<String>, String))| match kind.as_str() {
        THREAD => {
            started += 1;
            threads.get(started).cloned()
        }
        WAKER => waker_name(object, threads, events),
        _ => name.clone(),
    };
    let names: Vec<_> = found.iter().enumerate().map(&mut name).collect();
    let pairs = names.iter().zip(&found);
    let known: Vec<_> = pairs.map(|(name, (_, kind))| Known { name: name.as_deref(), kind }).collect();
    let labels = naming::labels(&known).into_iter();
    labels.zip(&found).map(|(name, (_, kind))| Object { name, kind: kind.clone() }).collect()
}

/// Whose waker it is: of the thread that waits to be woken, or that is the first to clone it.
fn waker_name(object: usize, threads: &[String], events: &[Event]) -> Option<String> {
    let own = || events.iter().filter(|event| event.object == Some(object));
    let sleeper = own().find(|event| event.operation == SLEEP);
    let owner = sleeper.or_else(|| own().find(|event| event.operation == CLONE))?;
    threads.get(owner.thread).map(|name| format!("waker of {name}"))
}

/// How long the witness of an execution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost {
    /// Context switches. Those who only wait at its end do so in no order, and are not switched to.
    pub(super) switches: usize,
    pub(super) events: usize,
    /// Of these switches, how many may be away from a thread that could have gone on: not the one away from
    /// the main thread, which waits when it has made the state.
    pub(super) preemptions: usize,
}

/// How long the witness of this execution is.
pub(super) fn cost(trace: &Trace) -> Cost {
    let is_thread = |object: usize| trace.objects.get(object).is_some_and(|made| made.kind == THREAD);
    let told = |entry: &&Entry| !is_harness(entry.thread, entry.object, is_thread);
    cost_of(trace.entries.iter().filter(told))
}

/// As [`cost`], of an execution that its process ends with, told as [`left_behind`] tells it.
pub(super) fn deadly_cost(trace: &Trace, exit: ProcessExit) -> Cost {
    let is_thread = |object: usize| trace.objects.get(object).is_some_and(|made| made.kind == THREAD);
    let waiting = exit == ProcessExit::Endless;
    let told =
        |entry: &&Entry| !is_harness(entry.thread, entry.object, is_thread) && (waiting || !entry.blocked);
    cost_of(trace.entries.iter().chain(&trace.starting).filter(told))
}

fn cost_of<'a>(events: impl Iterator<Item = &'a Entry>) -> Cost {
    let events: Vec<_> = events.collect();
    let done = events.iter().filter(|entry| !entry.blocked);
    let switches = switches(done.map(|entry| entry.thread));
    let from_main = events.first().is_some_and(|first| first.thread == 0);
    let preemptions = switches.saturating_sub(usize::from(from_main));
    Cost { switches, events: events.len(), preemptions }
}

/// Whether an event is the starting of an actor or the waiting for one, which is nothing that the design does.
fn is_harness(thread: usize, object: Option<usize>, is_thread: impl Fn(usize) -> bool) -> bool {
    thread == 0 && object.is_some_and(is_thread)
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
        kind: entry.kind,
        order: entry.order.map(|order| format!("{order:?}")),
        object: entry.object,
        read: entry.read.clone(),
        written: entry.written.clone(),
        site: entry.site.map(Site::of),
        blocked: entry.blocked,
        mark: Mark::None,
        stale: None,
        from: None,
        after: Vec::new(),
    }
}

/// Source files that have been read.
#[derive(Default)]
struct Sources(FxHashMap<String, Option<String>>);

impl Sources {
    /// The name that the source has for an object, and its type.
    fn found(&mut self, made: &Made) -> (Option<String>, String) {
        let mut name = |site: &'static Location<'static>| {
            naming::name_of(self.text(site.file())?, site.line(), site.column())
        };
        (made.site.and_then(&mut name), made.kind.to_owned())
    }

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
pub(crate) fn bases() -> Vec<PathBuf> {
    let here = std::env::current_dir().ok();
    let program = std::env::current_exe().ok();
    [here, program].iter().flatten().flat_map(|path| path.ancestors().map(Path::to_owned)).collect()
}

/// A line of what a worker writes down while it may die.
#[derive(Serialize, Deserialize)]
enum Written {
    Object(Option<String>, String),
    Done(Event),
    Begun(Event),
}

/// The way to an execution that ends its process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Shortened {
    pub(crate) way: Way,
    /// Whether no other has fewer switches.
    pub(crate) shortest: bool,
}

/// The execution that is to be written down as it goes, for it ends its process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fatal {
    pub(crate) way: Way,
    /// Where its lines go.
    pub(crate) file: PathBuf,
}

/// How an execution is found that ends its process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    /// By the search: so many executions end before it.
    After(u64),
    /// By the search: it is the last one to begin.
    Last,
    /// By a schedule: which task goes how many steps, and which tasks chose what on the way.
    Schedule { slices: Vec<(u32, u32)>, chosen: Vec<(u32, u32)> },
    /// By its number in loom's search in every order.
    Every(Numbered),
}

impl Fatal {
    /// Begins to write, if so many executions end before the one that is searched for.
    pub(super) fn begin_after(&self, ended: u64) {
        // Executions that are cut off do not count as ended: the last one to begin is the one.
        if self.way == Way::Last || self.way == Way::After(ended) {
            self.begin();
        }
    }

    /// Begins to write.
    pub(super) fn begin(&self) {
        let Ok(mut file) = File::create(&self.file) else { return };
        let mut sources = Sources::default();
        trace::begin_streaming(model::number, move |line| {
            let written = match line {
                Line::Made(made) => {
                    let (name, kind) = sources.found(made);
                    Written::Object(name, kind)
                }
                Line::Done(entry) => Written::Done(event(entry)),
                Line::Begun(entry) => Written::Begun(event(entry)),
            };
            if let Ok(mut text) = serde_json::to_vec(&written) {
                text.push(b'\n');
                // The reader finds as much as could be written.
                let _ = file.write_all(&text);
            }
        });
    }
}

/// The witness that a worker's lines are, without its token; `None` if it wrote nothing.
pub(crate) fn left_behind(
    engine: Engine,
    facts: &Facts,
    lines: &[u8],
    shows: Failure,
    shortest: bool,
) -> Option<Witness> {
    let mut recorded = Recorded::default();
    let mut begun: BTreeMap<usize, Event> = BTreeMap::new();
    let mut last = None;
    for line in lines.split(|&byte| byte == b'\n').take(MAX_LINES) {
        match serde_json::from_slice(line) {
            Ok(Written::Object(name, kind)) => recorded.objects.push((name, kind)),
            // A worker that dies may write anything.
            Ok(Written::Done(event) | Written::Begun(event)) if event.thread >= MAX_THREADS => {}
            Ok(Written::Done(event)) => {
                begun.remove(&event.thread);
                last = None;
                recorded.events.push(event);
            }
            Ok(Written::Begun(event)) => {
                last = Some(event.thread);
                begun.insert(event.thread, event);
            }
            // The last line may be half a line.
            Err(_) => {}
        }
    }
    if recorded.events.is_empty() && begun.is_empty() {
        return None;
    }
    let waiting = matches!(shows, Failure::Deadlock(_) | Failure::Hang(_));
    // Who has only just begun is of interest where it was the last to run.
    let told = |event: &Event| if event.blocked { waiting } else { last == Some(event.thread) };
    recorded.events.extend(begun.into_values().filter(told));
    Some(recorded.told(engine, facts, shows, shortest))
}

/// More threads than any engine runs in one execution.
const MAX_THREADS: usize = 1_000;

/// The most lines that are read of an execution that may never have ended.
const MAX_LINES: usize = 2_000;
