//! What the script shows of each design.

use super::Sources;
use super::diagram::{self, Diagram};
use super::matrix::class;
use crate::base::engine::Engine;
use crate::base::failure::{Access, Failure};
use crate::base::location::Site;
use crate::base::outcome::Grade;
use crate::base::witness::{GeneratedProgram, Steps, Witness};
use crate::report::selection::{self, Shown};
use crate::report::{Cell, DesignReport, Report, ScenarioReport, evidence, phrase, sentence, terminal};
use crate::verdict::{Opinion, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;

/// Lines shown before and after a line of the source.
const AROUND: u32 = 3;

/// Characters of what a worker printed, at most.
const MAX_LOG: usize = 4_000;

/// Outcomes of a design, at most: those that were seen most often.
const MAX_OUTCOMES: usize = 60;

#[derive(Serialize)]
pub(super) struct Data<'a> {
    scenarios: Vec<Scenario<'a>>,
    /// Lines of source files, by path and number.
    sources: BTreeMap<&'a str, BTreeMap<u32, &'a str>>,
}

#[derive(Serialize)]
struct Scenario<'a> {
    name: &'a str,
    file: &'a str,
    question: &'a str,
    practice: Option<&'a str>,
    designs: Vec<Design<'a>>,
}

#[derive(Serialize)]
struct Design<'a> {
    name: &'a str,
    /// What was expected, and whether that is what was found.
    headline: String,
    engines: Vec<OnEngine<'a>>,
    outcomes: Vec<Outcome<'a>>,
    /// Outcomes that are left out.
    more: usize,
    /// Where engines disagree, and why.
    differences: Vec<String>,
    witnesses: Vec<Explained<'a>>,
}

#[derive(Serialize)]
struct OnEngine<'a> {
    engine: Engine,
    class: &'static str,
    /// As the matrix has it.
    cell: String,
    evidence: String,
    /// What else there is to know.
    words: Vec<String>,
    seconds: f64,
    log: &'a str,
    /// The accesses of a data race.
    races: Vec<Place<'a>>,
}

/// A line of the source, and what is done there.
#[derive(Serialize)]
struct Place<'a> {
    words: String,
    file: &'a str,
    line: u32,
}

#[derive(Serialize)]
struct Outcome<'a> {
    value: &'a str,
    grade: Grade,
    sentence: &'a str,
    /// By engine: how often, and of how many; nothing where it was not seen.
    counts: Vec<Option<(u64, String)>>,
}

#[derive(Serialize)]
struct Explained<'a> {
    /// `the shortest way to it`.
    how: &'static str,
    engines: Vec<Engine>,
    shows: String,
    conclusion: &'a str,
    token: &'a str,
    diagram: Diagram<'a>,
    program: Option<Program<'a>>,
}

#[derive(Serialize)]
struct Program<'a> {
    steps: &'a Steps,
    history: Option<&'a str>,
    test: &'a str,
    calls: Option<Bars<'a>>,
}

/// A history: bars over moments counted from 0, where no two events share one.
#[derive(Serialize)]
struct Bars<'a> {
    lanes: Vec<String>,
    moments: usize,
    bars: Vec<Bar<'a>>,
}

#[derive(Serialize)]
struct Bar<'a> {
    lane: usize,
    from: usize,
    to: usize,
    operation: &'a str,
    returns: &'a str,
    /// Its place in the order, from 1 on.
    place: Option<usize>,
    stuck: bool,
}

pub(super) fn data<'a>(report: &'a Report, sources: &'a Sources) -> Data<'a> {
    let scenarios: Vec<_> = report.scenarios.iter().map(scenario).collect();
    let mut lines: BTreeMap<&str, BTreeMap<u32, &str>> = BTreeMap::new();
    let designs = scenarios.iter().flat_map(|scenario| &scenario.designs);
    for (file, line) in designs.flat_map(places) {
        let Some(text) = sources.get(file) else { continue };
        let (first, last) = (line.saturating_sub(AROUND).max(1), line.saturating_add(AROUND));
        let around =
            (1..).zip(text.lines()).skip(first as usize - 1).take_while(|(number, _)| *number <= last);
        lines.entry(file).or_default().extend(around);
    }
    Data { scenarios, sources: lines }
}

/// The lines of the source that a design's page shows.
fn places<'a>(design: &Design<'a>) -> Vec<(&'a str, u32)> {
    let rows = design.witnesses.iter().flat_map(|explained| explained.diagram.sites());
    let races = design.engines.iter().flat_map(|cell| &cell.races).map(|place| (place.file, place.line));
    rows.chain(races).collect()
}

fn scenario(scenario: &ScenarioReport) -> Scenario<'_> {
    let misses = phrase::misses(scenario);
    Scenario {
        name: &scenario.name,
        file: &scenario.file,
        question: &scenario.question,
        practice: scenario.in_practice.as_deref(),
        designs: scenario.designs.iter().map(|one| design(one, &misses)).collect(),
    }
}

fn design<'a>(design: &'a DesignReport, misses: &[String]) -> Design<'a> {
    let mut outcomes = outcomes(design);
    let more = outcomes.len().saturating_sub(MAX_OUTCOMES);
    outcomes.truncate(MAX_OUTCOMES);
    let mut differences = selection::differences(design);
    if design.cells.iter().any(phrase::may_miss) {
        let about = |paragraph: &&String| paragraph.contains(&design.name);
        differences.extend(misses.iter().filter(about).cloned());
    }
    Design {
        name: &design.name,
        headline: terminal::headline(design),
        engines: design.cells.iter().map(|cell| on_engine(design, cell)).collect(),
        outcomes,
        more,
        differences,
        witnesses: selection::witnesses(design).into_iter().map(explained).collect(),
    }
}

fn on_engine<'a>(design: &DesignReport, cell: &'a Cell) -> OnEngine<'a> {
    let mut words: Vec<String> = terminal::words(design, cell).into_iter().collect();
    if cell.judgement.verdict == Verdict::NotApplicable {
        words.extend(sentence::reason(cell));
    }
    if words.is_empty() {
        words.extend(sentence::caveats(cell));
    }
    if cell.judgement.verdict == Verdict::Safe && cell.opinion == Some(Opinion::Confirmed) {
        words.push("rc11, which has every execution of the language, confirms it".to_owned());
    }
    if cell.judgement.verdict == Verdict::Safe && cell.opinion == Some(Opinion::Refuted) {
        words.push("rc11, which has every execution of the language, has one that fails".to_owned());
    }
    let log = cell.log.char_indices().nth(MAX_LOG).map_or(cell.log.as_str(), |(end, _)| &cell.log[..end]);
    OnEngine {
        engine: cell.engine,
        class: class(cell),
        cell: phrase::cell(cell, phrase::short),
        evidence: evidence::words(cell),
        words,
        seconds: (cell.seconds() * 1e2).round() / 1e2,
        log,
        races: races(cell),
    }
}

fn accesses(cell: &Cell) -> impl Iterator<Item = &Access> {
    cell.observation.failures.iter().flat_map(|failure| match failure {
        Failure::DataRace(race) => race.accesses.as_slice(),
        _ => &[],
    })
}

/// Where the accesses of a data race are.
pub(super) fn race_sites(cell: &Cell) -> impl Iterator<Item = &Site> {
    accesses(cell).filter_map(|access| access.site.as_ref())
}

fn races(cell: &Cell) -> Vec<Place<'_>> {
    let words = |access: &Access| {
        format!("{} by {}", sentence::access_kind(access.kind), sentence::thread(access.thread, &cell.actors))
    };
    let places = accesses(cell).filter_map(|access| {
        let Site { file, line } = access.site.as_ref()?;
        Some(Place { words: words(access), file, line: *line })
    });
    places.collect()
}

/// Every outcome that an engine saw, forbidden ones first.
fn outcomes(design: &DesignReport) -> Vec<Outcome<'_>> {
    let mut outcomes: Vec<Outcome<'_>> = Vec::new();
    for (column, cell) in design.cells.iter().enumerate() {
        let all: u64 = cell.observation.outcomes.iter().map(|outcome| outcome.count).sum();
        for seen in cell.observation.outcomes.iter().filter(|outcome| outcome.count > 0) {
            let known = outcomes
                .iter()
                .position(|outcome| outcome.value == seen.value && outcome.grade == seen.grade);
            let place = known.unwrap_or_else(|| {
                let counts = vec![None; design.cells.len()];
                outcomes.push(Outcome {
                    value: &seen.value,
                    grade: seen.grade,
                    sentence: &seen.sentence,
                    counts,
                });
                outcomes.len() - 1
            });
            outcomes[place].counts[column] = Some((seen.count, phrase::percent(seen.count, all)));
        }
    }
    let sum = |outcome: &Outcome<'_>| {
        outcome.counts.iter().flatten().fold(0_u64, |sum, (count, _)| sum.saturating_add(*count))
    };
    outcomes.sort_by(|one, other| {
        other
            .grade
            .cmp(&one.grade)
            .then_with(|| sum(other).cmp(&sum(one)))
            .then_with(|| one.value.cmp(other.value))
    });
    outcomes
}

fn explained<'a>(shown: Shown<'a>) -> Explained<'a> {
    let witness: &'a Witness = shown.witness;
    Explained {
        how: if witness.shortest { "the shortest way to it" } else { "a way to it" },
        engines: shown.engines,
        shows: sentence::shown(witness),
        conclusion: &witness.conclusion,
        token: &witness.token,
        diagram: diagram::diagram(witness),
        program: witness.program.as_ref().map(|program| generated(program, witness)),
    }
}

fn generated<'a>(program: &'a GeneratedProgram, witness: &Witness) -> Program<'a> {
    Program {
        steps: &program.steps,
        history: program.history.as_deref(),
        test: &program.test,
        calls: program.calls.as_ref().map(|calls| bars(calls, witness)),
    }
}

fn bars<'a>(calls: &'a crate::base::witness::Calls, witness: &Witness) -> Bars<'a> {
    let mut lanes: Vec<Option<usize>> = calls.operations.iter().map(|call| call.actor).collect();
    lanes.sort_unstable();
    lanes.dedup();
    // What returns at one moment returns before what is called at the same: nothing else is said of them.
    let mut moments: Vec<(u64, bool, usize)> = Vec::new();
    for (number, call) in calls.operations.iter().enumerate() {
        moments.extend([(call.called, false, number), (call.returned, true, number)]);
    }
    moments.sort_unstable();
    let moment = |wanted: (u64, bool, usize)| moments.iter().position(|one| *one == wanted).unwrap_or(0);
    let bar = |(number, call): (usize, &'a crate::base::witness::Call)| Bar {
        lane: lanes.iter().position(|lane| *lane == call.actor).unwrap_or(0),
        from: moment((call.called, false, number)),
        to: moment((call.returned, true, number)),
        operation: &call.operation,
        returns: &call.returns,
        place: calls.order.iter().position(|operation| *operation == number).map(|place| place + 1),
        stuck: calls.stuck == number,
    };
    let name = |lane: &Option<usize>| match lane {
        None => "before and after".to_owned(),
        Some(actor) => witness.threads.get(actor + 1).cloned().unwrap_or_else(|| format!("actor {actor}")),
    };
    Bars {
        lanes: lanes.iter().map(name).collect(),
        moments: moments.len(),
        bars: calls.operations.iter().enumerate().map(bar).collect(),
    }
}
