//! The report as JSON, for other programs. The version changes when a field changes its meaning or goes.

use super::{Cell, DesignReport, Report, ScenarioReport};
use crate::engine::RaceReport;
use crate::scenario::program::OutcomeCount;
use crate::scenario::{Engine, Expected, Grade};
use crate::verdict::{Evidence, Verdict};
use crate::witness::Witness;
use serde::Serialize;

const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    scenarios: Vec<Scenario<'a>>,
}

#[derive(Serialize)]
struct Scenario<'a> {
    name: &'a str,
    file: &'a str,
    question: &'a str,
    designs: Vec<Design<'a>>,
    /// The closing remark; `null` where there is none.
    in_practice: Option<&'a str>,
}

#[derive(Serialize)]
struct Design<'a> {
    name: &'a str,
    expect: Expected,
    engines: Vec<OnEngine<'a>>,
}

#[derive(Serialize)]
struct OnEngine<'a> {
    engine: Engine,
    verdict: Verdict,
    /// `null` while the verdict is inconclusive.
    as_expected: Option<bool>,
    expect: Expected,
    evidence: &'a Evidence,
    outcomes: Vec<Outcome>,
    races: &'a [RaceReport],
    reason: Option<&'a str>,
    caveats: &'a [String],
    witnesses: &'a [Witness],
    seconds: f64,
}

#[derive(Serialize)]
struct Outcome {
    value: String,
    grade: Grade,
    count: u64,
}

/// Renders a report as one JSON document, indented, with a line feed at its end.
///
/// # Errors
/// None in practice: every field is plain data.
pub(crate) fn render(report: &Report) -> serde_json::Result<String> {
    let scenarios = report.scenarios.iter().map(scenario).collect();
    let mut text = serde_json::to_string_pretty(&Document { version: VERSION, scenarios })?;
    text.push('\n');
    Ok(text)
}

/// Renders a witness as one JSON document, as [`render`] does.
///
/// # Errors
/// As [`render`].
pub(crate) fn witness(witness: &Witness) -> serde_json::Result<String> {
    let document = serde_json::json!({ "version": VERSION, "witness": witness });
    Ok(format!("{document:#}\n"))
}

fn scenario(scenario: &ScenarioReport) -> Scenario<'_> {
    Scenario {
        name: &scenario.name,
        file: &scenario.file,
        question: &scenario.question,
        designs: scenario.designs.iter().map(design).collect(),
        in_practice: scenario.in_practice.as_deref(),
    }
}

fn design(design: &DesignReport) -> Design<'_> {
    Design {
        name: &design.name,
        expect: design.expected,
        engines: design.cells.iter().map(on_engine).collect(),
    }
}

fn on_engine(cell: &Cell) -> OnEngine<'_> {
    let outcome =
        |seen: &OutcomeCount| Outcome { value: seen.value.clone(), grade: seen.grade, count: seen.count };
    OnEngine {
        engine: cell.engine,
        verdict: cell.judgement.verdict,
        as_expected: cell.judgement.as_expected,
        expect: cell.expected,
        evidence: &cell.judgement.evidence,
        outcomes: cell.observation.outcomes.iter().map(outcome).collect(),
        races: &cell.observation.races,
        reason: cell.judgement.reason.as_deref(),
        caveats: &cell.observation.caveats,
        witnesses: &cell.observation.witnesses,
        seconds: cell.seconds,
    }
}
