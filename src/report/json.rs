//! The report as one JSON document, for other programs and to be read again.
//!
//! [`Document`] says what there is. Its version changes when a field is added, goes or changes its meaning. Beside the
//! data (`observed`, `outcomes`, `witnesses` and what was expected) stands what follows from them, in words and
//! figures, for programs that only show it: `verdict`, `evidence`, `races`, `reason`, `caveats`. The reader,
//! [`saved`](super::saved), takes the data and holds the rest to what follows.

use super::{Cell, DesignReport, Report, ScenarioReport, sentence};
use crate::base::budget::Budget;
use crate::base::engine::Engine;
use crate::base::failure::{Access, DataRace, Failure};
use crate::base::observation::{Caveat, Exploration, NotApplicable, Observation, Stop};
use crate::base::outcome::{Grade, OutcomeCount};
use crate::base::shard::Drawn;
use crate::base::witness::Witness;
use crate::scenario::Expected;
use crate::verdict::{EvidenceKind, Opinion, Verdict};
use serde::{Deserialize, Serialize};

/// Of the document.
pub(crate) const VERSION: u32 = 4;

/// Of the program that writes it.
pub(super) const SELVEDGE: &str = env!("CARGO_PKG_VERSION");

/// A report.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) version: u32,
    /// The version of the program that wrote it.
    pub(super) selvedge: String,
    /// How much was explored at the most, and the seed; `null` where that is not known.
    pub(super) budget: Option<Budget>,
    /// The shards that it is of, in how many rounds, with the seed from which each made its own.
    pub(super) drawn: Vec<Drawn>,
    pub(super) scenarios: Vec<Scenario>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) question: String,
    pub(super) grades: Vec<Graded>,
    pub(super) designs: Vec<Design>,
    /// The closing remark; `null` where there is none.
    pub(super) in_practice: Option<String>,
}

/// What the scenario says of some outcomes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Graded {
    pub(super) grade: Grade,
    pub(super) sentence: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Design {
    pub(super) name: String,
    pub(super) expect: Expected,
    pub(super) engines: Vec<OnEngine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OnEngine {
    pub(super) engine: Engine,
    pub(super) verdict: Verdict,
    /// `null` while the verdict is inconclusive.
    pub(super) as_expected: Option<bool>,
    pub(super) expect: Expected,
    /// Why something else is expected here than of the design at large, if it is.
    pub(super) expected_because: Option<String>,
    /// Whether the expected failure must be seen, also on an engine that need not show it.
    pub(super) must_see: bool,
    /// The names of the design's actors, in their order.
    pub(super) actors: Vec<String>,
    pub(super) evidence: Evidence,
    /// What rc11 says of a verdict of loom's that may be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rc11: Option<Opinion>,
    pub(super) outcomes: Vec<OutcomeCount>,
    pub(super) races: Vec<Race>,
    pub(super) reason: Option<String>,
    pub(super) caveats: Vec<String>,
    pub(super) witnesses: Vec<Witness>,
    pub(super) observed: Observed,
    /// To the millisecond.
    pub(super) seconds: f64,
    /// What the worker wrote to its standard error.
    pub(super) log: String,
    /// Whether the harness failed to do its work here.
    pub(super) broken: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evidence {
    kind: EvidenceKind,
    executions: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redundant: Option<u64>,
    /// The bounds, or what drew the samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// The rate per execution below which any failure lies at 95 % confidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate_below: Option<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Race {
    what: String,
    accesses: Vec<AccessOfRace>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessOfRace {
    actor: String,
    access: String,
    file: Option<String>,
    line: Option<u32>,
}

/// What an engine saw, without outcomes and witnesses: see [`Observation`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Observed {
    executions: u64,
    redundant: u64,
    exploration: Exploration,
    failures: Vec<Failure>,
    raced: u64,
    not_applicable: Option<NotApplicable>,
    stopped: Option<Stop>,
    caveats: Vec<Caveat>,
}

/// Renders a report as one JSON document, indented, with a line feed at its end.
///
/// # Errors
/// None in practice: every field is plain data.
pub(crate) fn render(report: &Report) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(&document(report))?;
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

/// The report as a document.
pub(super) fn document(report: &Report) -> Document {
    Document {
        version: VERSION,
        selvedge: SELVEDGE.to_owned(),
        budget: report.budget,
        drawn: report.drawn.clone(),
        scenarios: report.scenarios.iter().map(scenario).collect(),
    }
}

fn scenario(scenario: &ScenarioReport) -> Scenario {
    let graded = |(grade, sentence): &(Grade, String)| Graded { grade: *grade, sentence: sentence.clone() };
    Scenario {
        name: scenario.name.clone(),
        file: scenario.file.clone(),
        question: scenario.question.clone(),
        grades: scenario.grades.iter().map(graded).collect(),
        designs: scenario.designs.iter().map(design).collect(),
        in_practice: scenario.in_practice.clone(),
    }
}

fn design(design: &DesignReport) -> Design {
    Design {
        name: design.name.clone(),
        expect: design.expected,
        engines: design.cells.iter().map(on_engine).collect(),
    }
}

fn on_engine(cell: &Cell) -> OnEngine {
    let seen = &cell.observation;
    OnEngine {
        engine: cell.engine,
        verdict: cell.judgement.verdict,
        as_expected: cell.judgement.as_expected,
        expect: cell.expected,
        expected_because: cell.expected_because.clone(),
        must_see: cell.must_see,
        actors: cell.actors.clone(),
        evidence: evidence(cell),
        rc11: cell.opinion,
        outcomes: seen.outcomes.clone(),
        races: races(cell),
        reason: sentence::reason(cell),
        caveats: seen.caveats.iter().map(|caveat| sentence::caveat(caveat, cell)).collect(),
        witnesses: seen.witnesses.clone(),
        observed: observed(seen),
        seconds: cell.seconds(),
        log: cell.log.clone(),
        broken: cell.broken,
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

fn observed(seen: &Observation) -> Observed {
    Observed {
        executions: seen.executions,
        redundant: seen.redundant,
        exploration: seen.exploration.clone(),
        failures: seen.failures.clone(),
        raced: seen.raced,
        not_applicable: seen.not_applicable.clone(),
        stopped: seen.stopped.clone(),
        caveats: seen.caveats.clone(),
    }
}

impl Observed {
    /// The observation that this is with these.
    pub(super) fn with(self, outcomes: Vec<OutcomeCount>, witnesses: Vec<Witness>) -> Observation {
        let Self { executions, redundant, exploration, failures, raced, not_applicable, stopped, caveats } =
            self;
        Observation {
            executions,
            redundant,
            exploration,
            outcomes,
            failures,
            raced,
            not_applicable,
            stopped,
            caveats,
            witnesses,
        }
    }
}

fn races(cell: &Cell) -> Vec<Race> {
    let access = |access: &Access| AccessOfRace {
        actor: sentence::thread(access.thread, &cell.actors),
        access: sentence::access_kind(access.kind).to_owned(),
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
