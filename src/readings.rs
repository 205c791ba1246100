//! All that the program reads, besides tokens, read from any bytes: for a fuzzer, and for its corpus.

use crate::base::failure::{Crash, Failure, Hang, How, ProcessExit, Who};
use crate::base::observation::Observation;
use crate::cli;
use crate::config;
use crate::engine;
use crate::object::regression;
use crate::report::terminal;
use crate::runner::worker::Job;
use crate::scenario::{Engine, Expected, Facts};
use crate::verdict::{Expectation, Verdict, judge};
use crate::witness::naming;
use std::path::Path;

/// What there is to read, in the order of the first byte.
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
    /// The file of programs that failed once.
    Regressions,
    /// `selvedge.toml`.
    Configuration,
}

const READINGS: [Reading; 7] = [
    Reading::Source,
    Reading::CommandLine,
    Reading::LastEvents,
    Reading::Job,
    Reading::Answer,
    Reading::Regressions,
    Reading::Configuration,
];

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
        Reading::Regressions => regression::round_trip(bytes) > 0,
        Reading::Configuration => configuration(&text),
    };
    Some((reading, understood))
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
    use crate::runner::worker::Work;
    use proptest::prelude::*;

    fn corpus() -> Vec<Vec<u8>> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/readings");
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
            pulse: "p".into(),
            answer: "q".into(),
            place: None,
        };
        write("job_right", Reading::Job, &serde_json::to_vec(&job).expect("JSON"));
        let mut answer = Observation::new(Exploration::Bounded { by: vec![Bound::Preemptions(2)] });
        answer.executions = 3;
        answer.fail(Failure::DEADLOCK);
        answer.caveats.push(Caveat::CutOff { executions: 1, steps: 5 });
        write("answer_right", Reading::Answer, &serde_json::to_vec(&answer).expect("JSON"));
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
        let read: Vec<_> = corpus().iter().filter_map(|bytes| survive(bytes)).collect();
        for reading in READINGS {
            assert!(read.contains(&(reading, true)), "{reading:?} is not in the corpus");
            assert!(read.contains(&(reading, false)) || reading == Reading::LastEvents, "{reading:?}");
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
            let corpus = corpus();
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
