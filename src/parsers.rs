//! All that the program reads, read from any bytes: for the fuzz targets, and for their corpus.

use crate::base::failure::{Crash, Failure, Hang, How, ProcessExit, Who};
use crate::base::observation::Observation;
use crate::cli;
use crate::config;
use crate::engine;
use crate::linearizability;
use crate::litmus;
use crate::object::regression;
use crate::race;
use crate::report::html::Sources;
use crate::report::{Report, annotations, html, json, junit, markdown, merge, plain, sarif, saved, terminal};
use crate::runner::worker::Job;
use crate::scenario::{Engine, Expected, Facts};
use crate::verdict::{Expectation, Verdict, judge};
use crate::witness::{naming, token};
use std::path::Path;

/// Takes any bytes; whether they were anything of its kind.
type Door = fn(&[u8]) -> bool;

/// The fuzz targets, but for those of `scenarios/objects`: each has a folder of this name in `fuzz/corpus`.
pub(crate) const DOORS: [(&str, Door); 9] = [
    // The linearizability checker against its oracle, and the race detector against its own.
    ("checker", |bytes| linearizability::oracle::agree(bytes).contains(&true)),
    ("detector", race::oracle::agree),
    ("configuration", |bytes| configuration(&String::from_utf8_lossy(bytes))),
    ("histories", |bytes| linearizability::log::survive(bytes) > 0),
    ("litmus", litmus::survive),
    ("readings", |bytes| survive(bytes).is_some_and(|(_, understood)| understood)),
    ("regressions", |bytes| regression::round_trip(bytes) > 0),
    ("reports", reports),
    ("tokens", |bytes| token::survive(bytes) > 0),
];

/// Everything else that is read, in the order of the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A source file, for the names of what is made in it.
    Source,
    /// The arguments of the program, one in each line.
    CommandLine,
    /// What a worker that died has written down of its last execution.
    LastEvents,
    /// What a worker is told to do.
    Job,
    /// What a worker answers.
    Answer,
}

const READINGS: [Reading; 5] =
    [Reading::Source, Reading::CommandLine, Reading::LastEvents, Reading::Job, Reading::Answer];

/// Characters of the widest line of a report.
const WIDTH: usize = 100;

/// Reads the bytes after the first as what the first one says. Whether they were anything of the kind.
///
/// # Panics
/// If what was read is not treated as it has to be.
pub(crate) fn survive(bytes: &[u8]) -> Option<(Reading, bool)> {
    let (first, bytes) = bytes.split_first()?;
    let reading = READINGS[usize::from(*first) % READINGS.len()];
    let text = String::from_utf8_lossy(bytes);
    let understood = match reading {
        Reading::Source => source(&text),
        Reading::CommandLine => cli::understands(text.lines()),
        Reading::LastEvents => last_events(bytes),
        Reading::Job => serde_json::from_str::<Job>(&text).is_ok(),
        Reading::Answer => answer(bytes),
    };
    Some((reading, understood))
}

/// A report that is read is written as it was, and every renderer takes it.
fn reports(bytes: &[u8]) -> bool {
    let report = match saved::read(&String::from_utf8_lossy(bytes)) {
        Ok(report) => report,
        Err(wrong) => {
            assert!(!wrong.to_string().is_empty());
            return false;
        }
    };
    let again = json::render(&report).expect("plain data");
    assert_eq!(saved::read(&again).as_ref(), Ok(&report));
    html::render(&report, &Sources::new()).expect("plain data");
    let run = junit::Run { timestamp: "2026-11-29T02:30:00".to_owned(), host: "localhost".to_owned() };
    let shown = [60, WIDTH].map(|width| in_a_terminal(&report, width));
    let texts = [junit::render(&report, &run), sarif::render(&report), markdown::render(&report), again];
    let texts = texts.iter().map(|text| plain::json(text)).chain(shown);
    for text in texts.chain([annotations::render(&report)]) {
        let wild = |letter: &char| letter.is_control() && !matches!(letter, '\n' | '\t');
        assert_eq!(text.chars().find(wild), None, "a control character in {text}");
    }
    // A report of no known shard, and one of a shard that is there twice, are refused.
    let joined = merge::reports(vec![("one".to_owned(), report.clone()), ("other".to_owned(), report)]);
    assert!(joined.is_err_and(|why| !why.is_empty()));
    true
}

/// Without styles.
fn in_a_terminal(report: &Report, width: usize) -> String {
    let scenarios: String =
        report.scenarios.iter().map(|scenario| terminal::scenario(scenario, width, true)).collect();
    let text = scenarios + &terminal::summary(report, 1.5, width);
    anstream::adapter::strip_str(&text).to_string()
}

/// What is in force is in force again, and what is wrong is told in one line.
fn configuration(text: &str) -> bool {
    let read = config::read_file(Path::new("selvedge.toml"), text);
    match read.and_then(|entries| config::resolve(entries, None)) {
        Ok(config) => {
            let again = config::resolve(config.entries, None);
            assert_eq!(again.map(|again| again.settings.budget), Ok(config.settings.budget));
            true
        }
        Err(wrong) => {
            assert_eq!(wrong.to_string().lines().count(), 1, "{wrong}");
            false
        }
    }
}

/// Asks for a name at every place of a source file.
fn source(text: &str) -> bool {
    let mut found = false;
    for (line, words) in (1..).zip(text.lines().chain([""])).take(50) {
        for column in (0..).take(words.chars().count().min(200) + 2) {
            let name = naming::name_of(text, line, column);
            assert!(name.as_ref().is_none_or(|name| !name.is_empty()), "a name without letters");
            found |= name.is_some();
        }
    }
    found
}

fn last_events(bytes: &[u8]) -> bool {
    let facts = Facts { actors: vec!["A".to_owned(), "B".to_owned()], ..Facts::default() };
    let crash = Crash::new(Who::Process, How::Ended(ProcessExit::Code(3)));
    for shows in [Failure::Hang(Hang::default()), Failure::DEADLOCK, Failure::Crash(crash)] {
        let Some(witness) = engine::left_behind(Engine::Shuttle, &facts, bytes, shows, false) else {
            return false;
        };
        assert!(!witness.conclusion.is_empty());
        let printed = terminal::plainly_replayed(&witness);
        let widest = printed.lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|widest| widest <= WIDTH), "a line of {widest:?} characters");
    }
    true
}

/// Whatever a worker answers, a design that was never executed is not safe.
fn answer(bytes: &[u8]) -> bool {
    let Ok(observation) = serde_json::from_slice::<Observation>(bytes) else { return false };
    let expectation = Expectation { engine: Engine::Shuttle, expected: Expected::Safe, must_see: false };
    let judgement = judge(expectation, &observation);
    if observation.executions == 0 || observation.stopped.is_some() {
        assert_ne!(judgement.verdict, Verdict::Safe);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::budget::Effort;
    use crate::base::observation::{Bound, Caveat, Exploration};
    use crate::report::sample;
    use crate::runner::worker::Work;
    use proptest::prelude::*;

    fn corpus(target: &str) -> Vec<Vec<u8>> {
        let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("a file").path());
        files.map(|file| std::fs::read(file).expect("a file of the corpus")).collect()
    }

    /// What a worker is told and what it answers, for when that changes.
    fn write_corpus() {
        let job = Job {
            scenario: "a".to_owned(),
            design: "b".to_owned(),
            litmus: None,
            engine: Engine::Shuttle,
            budget: Effort::Quick.budget(7),
            work: Work::Shorten(ProcessExit::Endless),
            supervisor: 1,
            heartbeat: "p".into(),
            answer: "q".into(),
            place: None,
        };
        write("job_right", Reading::Job, &serde_json::to_vec(&job).expect("JSON"));
        let mut answer = Observation::new(Exploration::Bounded { by: vec![Bound::Preemptions(2)] });
        answer.executions = 3;
        answer.fail(Failure::DEADLOCK);
        answer.caveats.push(Caveat::CutOff { executions: 1, steps: 5 });
        write("answer_right", Reading::Answer, &serde_json::to_vec(&answer).expect("JSON"));
        let folder = format!("{}/fuzz/corpus/reports", env!("CARGO_MANIFEST_DIR"));
        for scenario in sample::report().scenarios {
            let file = format!("{folder}/{}", scenario.name);
            let report = Report { scenarios: vec![scenario], ..sample::report() };
            std::fs::write(file, json::render(&report).expect("JSON")).expect("a folder to write to");
        }
        std::fs::write(format!("{folder}/empty"), json::render(&Report::default()).expect("JSON"))
            .expect("it is written");
    }

    fn write(name: &str, what: Reading, text: &[u8]) {
        let kind = READINGS.iter().position(|reading| *reading == what).and_then(|at| u8::try_from(at).ok());
        let mut bytes: Vec<u8> = kind.into_iter().collect();
        bytes.extend(text);
        let file = format!("{}/fuzz/corpus/readings/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(file, bytes).expect("a folder to write to");
    }

    #[test]
    fn the_corpus_has_something_of_every_kind_that_is_understood() {
        if std::env::var_os("SELVEDGE_WRITE_CORPUS").is_some() {
            write_corpus();
        }
        let read: Vec<_> = corpus("readings").iter().filter_map(|bytes| survive(bytes)).collect();
        for reading in READINGS {
            assert!(read.contains(&(reading, true)), "{reading:?} is not in the corpus");
            assert!(read.contains(&(reading, false)) || reading == Reading::LastEvents, "{reading:?}");
        }
    }

    /// What no fuzzer is at hand for, `cargo test` does with what fuzzers have found.
    #[test]
    fn every_file_of_the_corpus_goes_through_its_door() {
        let names = |folder: &str| -> Vec<String> {
            let folder = format!("{}/fuzz/{folder}", env!("CARGO_MANIFEST_DIR"));
            let files =
                std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
            let mut names: Vec<_> =
                files.map(|file| file.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names("corpus"), names("fuzz_targets"));
        let doors = names("corpus").into_iter().filter(|name| !name.starts_with("object_"));
        let mut known: Vec<_> = DOORS.iter().map(|(name, _)| (*name).to_owned()).collect();
        known.sort();
        assert_eq!(doors.collect::<Vec<_>>(), known);
        for (name, door) in DOORS {
            let understood: Vec<_> = corpus(name).iter().map(|bytes| door(bytes)).collect();
            assert!(understood.contains(&true) && understood.contains(&false), "{name}: {understood:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

        /// Close to what is understood, where mistakes are likelier than far from it.
        #[test]
        fn whatever_is_read_is_survived(
            which in any::<prop::sample::Index>(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let corpus = corpus("readings");
            let mut bytes = which.get(&corpus).clone();
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                if place > 0 {
                    bytes[place] = byte;
                }
            }
            survive(&bytes);
            bytes.truncate(cut.index(bytes.len()) + 1);
            survive(&bytes);
        }
    }
}
