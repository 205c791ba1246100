//! The report as JSON, for other programs. The version changes when a field changes its meaning or goes.

use super::{Cell, DesignReport, Report, ScenarioReport, sentence};
use crate::base::engine::Engine;
use crate::base::failure::{Access, DataRace, Failure};
use crate::base::outcome::{Grade, OutcomeCount};
use crate::base::witness::Witness;
use crate::scenario::Expected;
use crate::verdict::{EvidenceKind, Opinion, Verdict};
use serde::Serialize;

const VERSION: u32 = 2;

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
    evidence: Evidence,
    /// What rc11 says of a verdict of loom's that may be wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    rc11: Option<Opinion>,
    outcomes: Vec<Outcome>,
    races: Vec<Race>,
    reason: Option<String>,
    caveats: Vec<String>,
    witnesses: &'a [Witness],
    seconds: f64,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    kind: EvidenceKind,
    executions: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    redundant: Option<u64>,
    /// The bounds, or what drew the samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// The rate per execution below which any failure lies at 95 % confidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_below: Option<f64>,
}

#[derive(Serialize)]
struct Race {
    what: String,
    accesses: Vec<AccessOfRace>,
}

#[derive(Serialize)]
struct AccessOfRace {
    actor: String,
    access: &'static str,
    file: Option<String>,
    line: Option<u32>,
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
    let seen = &cell.observation;
    let outcome =
        |seen: &OutcomeCount| Outcome { value: seen.value.clone(), grade: seen.grade, count: seen.count };
    OnEngine {
        engine: cell.engine,
        verdict: cell.judgement.verdict,
        as_expected: cell.judgement.as_expected,
        expect: cell.expected,
        evidence: evidence(cell),
        rc11: cell.opinion,
        outcomes: seen.outcomes.iter().map(outcome).collect(),
        races: races(cell),
        reason: sentence::reason(cell),
        caveats: seen.caveats.iter().map(|caveat| sentence::caveat(caveat, cell)).collect(),
        witnesses: &seen.witnesses,
        seconds: cell.seconds,
    }
}

pub(super) fn evidence(cell: &Cell) -> Evidence {
    let evidence = &cell.judgement.evidence;
    Evidence {
        kind: evidence.kind,
        executions: evidence.executions,
        redundant: Some(evidence.redundant).filter(|redundant| *redundant > 0),
        by: sentence::explored(&evidence.exploration),
        rate_below: evidence.rate_below,
    }
}

fn races(cell: &Cell) -> Vec<Race> {
    let access = |access: &Access| AccessOfRace {
        actor: sentence::thread(access.thread, &cell.actors),
        access: sentence::access_kind(access.kind),
        file: access.site.as_ref().map(|site| site.file.clone()),
        line: access.site.as_ref().map(|site| site.line),
    };
    let race = |race: &DataRace| Race {
        what: sentence::data_race(race, &cell.actors),
        accesses: race.accesses.iter().map(access).collect(),
    };
    let races = cell.observation.failures.iter().filter_map(|failure| match failure {
        Failure::DataRace(found) => Some(race(found)),
        _ => None,
    });
    races.collect()
}
