//! What engines found out about litmus tests, as text and as JSON.

use super::json::{Evidence, evidence};
use super::matrix::broken;
use super::phrase::{short, thousands};
use super::{Cell, Report, sentence, wrapped};
use crate::base::engine::Engine;
use crate::base::failure::Failure;
use crate::litmus::answer::Statement;
use crate::litmus::finding::{FinalState, Finding, Result, model};
use crate::litmus::{Frequency, Test};
use crate::verdict::EvidenceKind;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const WRONG: Style = AnsiColor::Red.on_default().bold();
const OPEN: Style = AnsiColor::Magenta.on_default();
const COLUMN: usize = 10;

/// A test with what each engine found out.
pub(crate) struct Row<'a> {
    pub(crate) test: &'a Test,
    pub(crate) cells: Vec<(&'a Cell, Finding)>,
}

/// The tests of a report, in the order in which they were planned.
pub(crate) fn rows<'a>(tests: &'a [Test], report: &'a Report) -> Vec<Row<'a>> {
    let pairs = tests.iter().zip(&report.scenarios);
    pairs
        .map(|(test, scenario)| {
            let cells = scenario.designs.iter().flat_map(|design| &design.cells);
            let found = |cell: &'a Cell| (cell, Finding::new(test, cell.engine, &cell.observation));
            Row { test, cells: cells.map(found).collect() }
        })
        .collect()
}

/// A test in a terminal of so many columns: what each engine answers, then all final states.
pub(crate) fn text(row: &Row<'_>, width: usize) -> String {
    let test = row.test;
    let mut text = format!("{STRONG}{}{STRONG:#}  {FAINT}{}{FAINT:#}\n", test.name, test.file);
    let _ = writeln!(text, "{}", wrapped(&test.condition_text(), 2, width));
    for (cell, finding) in &row.cells {
        let style = match finding.as_expected {
            Some(true) => Style::new(),
            Some(false) => WRONG,
            None => OPEN,
        };
        let start = format!("{:<COLUMN$} {:<16} ", cell.engine, answer(finding));
        let room = width.saturating_sub(4 + start.chars().count());
        let lines = broken(&explored(cell, finding), room);
        let line = format!("{start}{}", lines.join(&format!("\n{:1$}", "", width - room)));
        let _ = writeln!(text, "  {style}{}{}{style:#}", mark(finding), line.trim_end());
    }
    text += &states(row, width);
    for (cell, finding) in &row.cells {
        if let Some(sentence) = remark(cell, finding) {
            let _ = write!(text, "{}", wrapped(&format!("{}: {sentence}", cell.engine), 2, width));
        }
    }
    text += "\n";
    text
}

fn mark(finding: &Finding) -> &'static str {
    match finding.as_expected {
        Some(true) => "  ",
        Some(false) => "! ",
        None => "? ",
    }
}

/// `Ok Sometimes`, in herd's words.
fn answer(finding: &Finding) -> String {
    match &finding.result {
        Result::Ok => format!("Ok {}", finding.frequency),
        Result::No => format!("No {}", finding.frequency),
        Result::Race => "data race".to_owned(),
        Result::Failed => "failed".to_owned(),
        Result::NotApplicable => "n/a".to_owned(),
        Result::Inconclusive => "inconclusive".to_owned(),
    }
}

fn explored(cell: &Cell, finding: &Finding) -> String {
    let evidence = &cell.judgement.evidence;
    let number = thousands(evidence.executions);
    let how = match (&finding.result, evidence.kind) {
        (Result::NotApplicable, _) => return String::new(),
        (Result::Race, _) => return format!("in execution {number}"),
        (_, EvidenceKind::Exhaustive) => format!("all {number} executions"),
        (_, EvidenceKind::Bounded) => format!("{number} executions, bounded"),
        (_, EvidenceKind::Sampled) => format!("{number} samples"),
    };
    let states = finding.states.len();
    format!("{states} {} in {how}", if states == 1 { "state" } else { "states" })
}

/// Every final state with how often each engine saw it; `*` marks those of which the proposition is true. As many
/// engines beside each other as fit, and the others below.
fn states(row: &Row<'_>, width: usize) -> String {
    let all: BTreeSet<&Vec<i64>> =
        row.cells.iter().flat_map(|(_, f)| f.states.iter().map(|s| &s.values)).collect();
    if all.is_empty() {
        return String::new();
    }
    let names: Vec<_> = all.iter().map(|values| row.test.state(values)).collect();
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max("final state".len());
    let widest = widest.min(width.saturating_sub(4 + 2 * (COLUMN + 2)));
    let beside = (width.saturating_sub(4 + widest) / (COLUMN + 2)).max(1);
    let mut text = String::new();
    for cells in row.cells.chunks(beside) {
        let _ = write!(text, "\n{FAINT}    {:<widest$}", "final state");
        for (cell, _) in cells {
            let _ = write!(text, "  {:>COLUMN$}", cell.engine);
        }
        let _ = writeln!(text, "{FAINT:#}");
        for (values, name) in all.iter().zip(&names) {
            let mark = if row.test.is_true_of(values) { '*' } else { ' ' };
            let mut lines = broken(name, widest);
            let last = lines.pop().unwrap_or_default();
            lines.iter().for_each(|line| text += &format!("    {line}\n"));
            let _ = write!(text, "  {mark} {last:<widest$}");
            for (_, finding) in cells {
                let seen = finding.states.iter().find(|state| state.values == **values);
                let _ = write!(
                    text,
                    "  {:>COLUMN$}",
                    seen.map_or_else(|| "-".to_owned(), |seen| short(seen.count))
                );
            }
            text += "\n";
        }
    }
    text
}

/// What a reader must know about one engine's answer, if there is anything.
fn remark(cell: &Cell, finding: &Finding) -> Option<String> {
    if let Result::Failed | Result::NotApplicable | Result::Inconclusive = finding.result {
        return sentence::reason(cell);
    }
    let expected = finding.expected.as_ref()?;
    if finding.as_expected == Some(false) {
        let states = match expected.statement {
            Statement::Race => "a data race".to_owned(),
            Statement::States { frequency, count } => format!("{frequency}, {count} states"),
            Statement::Remark => return None,
        };
        return Some(format!("the file expects {states} ({})", expected.of));
    }
    if let Result::Race = finding.result {
        return races(cell);
    }
    (expected.of != model(cell.engine) && !expected.reason.is_empty()).then(|| expected.reason.clone())
}

/// Which threads race, if the engine says.
fn races(cell: &Cell) -> Option<String> {
    let race = cell.observation.failures.iter().find_map(|failure| match failure {
        Failure::DataRace(race) => Some(race),
        _ => None,
    });
    let who = |access: &crate::base::failure::Access| {
        format!(
            "a {} by {}",
            sentence::access_kind(access.kind),
            sentence::thread(access.thread, &cell.actors)
        )
    };
    let who: Vec<_> = race?.accesses.iter().map(who).collect();
    (!who.is_empty()).then(|| format!("{} are not ordered", who.join(" and ")))
}

/// How all went: numbers of answers as expected, not as expected, and open.
pub(crate) fn summary(rows: &[Row<'_>], seconds: f64) -> String {
    let count = |what: Option<bool>| {
        rows.iter().flat_map(|row| &row.cells).filter(|(_, finding)| finding.as_expected == what).count()
    };
    let (right, wrong, open) = (count(Some(true)), count(Some(false)), count(None));
    let tests = if rows.len() == 1 { "test" } else { "tests" };
    format!("{} {tests}, {right} answers as expected, {wrong} not, {open} open, {seconds:.1} s\n", rows.len())
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    tests: Vec<TestJson<'a>>,
}

#[derive(Serialize)]
struct TestJson<'a> {
    name: &'a str,
    file: &'a str,
    condition: String,
    engines: Vec<EngineJson<'a>>,
}

#[derive(Serialize)]
struct EngineJson<'a> {
    engine: Engine,
    /// Whose answer the engine is held to.
    model: &'static str,
    /// `ok` or `no` as the condition holds or not; or why there is no such answer.
    result: &'a Result,
    frequency: Frequency,
    positive: usize,
    negative: usize,
    states: Vec<StateJson>,
    /// Whether the engine's model has no other final state.
    complete: bool,
    /// `null` if that is open.
    as_expected: Option<bool>,
    /// Why the file expects something else here than of the model, if it does.
    because: Option<&'a str>,
    data_race: bool,
    reason: Option<String>,
    evidence: Evidence,
    caveats: Vec<String>,
    seconds: f64,
}

#[derive(Serialize)]
struct StateJson {
    values: BTreeMap<String, i64>,
    count: u64,
    positive: bool,
}

/// Renders all tests as one JSON document, indented, with a line feed at its end.
///
/// # Errors
/// None but serde's own.
pub(crate) fn json(rows: &[Row<'_>]) -> serde_json::Result<String> {
    let tests = rows.iter().map(|row| TestJson {
        name: &row.test.name,
        file: &row.test.file,
        condition: row.test.condition_text(),
        engines: row.cells.iter().map(|(cell, finding)| on_engine(row.test, cell, finding)).collect(),
    });
    let text = serde_json::to_string_pretty(&Document { version: 1, tests: tests.collect() })?;
    Ok(text + "\n")
}

fn on_engine<'a>(test: &Test, cell: &'a Cell, finding: &'a Finding) -> EngineJson<'a> {
    let state = |state: &FinalState| {
        let names = test.observed.iter().map(|place| test.place_name(*place));
        let values = names.zip(state.values.iter().copied()).collect();
        StateJson { values, count: state.count, positive: state.positive }
    };
    let differs = finding.expected.as_ref().filter(|answer| answer.of != model(cell.engine));
    EngineJson {
        engine: cell.engine,
        model: model(cell.engine),
        result: &finding.result,
        frequency: finding.frequency,
        positive: finding.positive(),
        negative: finding.states.len() - finding.positive(),
        states: finding.states.iter().map(state).collect(),
        complete: finding.complete,
        as_expected: finding.as_expected,
        because: differs.map(|answer| answer.reason.as_str()),
        data_race: finding.result == Result::Race,
        reason: remark(cell, finding),
        evidence: evidence(cell),
        caveats: cell.observation.caveats.iter().map(|caveat| sentence::caveat(caveat, cell)).collect(),
        seconds: cell.seconds(),
    }
}
