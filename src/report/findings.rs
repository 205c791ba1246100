//! What needs a look: everything that is not as expected, and what is open. SARIF, annotations and the summary show
//! these; a failure that its scenario expects is no finding.

use super::phrase;
use super::{Cell, DesignReport, Report, ScenarioReport, sentence, terminal};
use crate::base::event::Mark;
use crate::base::failure::{Access, Failure, How};
use crate::base::location::Site;
use crate::base::witness::Witness;
use crate::verdict::Verdict;
use crate::witness::words;

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Harness,
    DataRace,
    Forbidden,
    Deadlock,
    Crash,
    Hang,
    /// A failure was expected and not found.
    Missed,
    Inconclusive,
}

impl Kind {
    pub(super) const ALL: [Kind; 8] = [
        Kind::Harness,
        Kind::DataRace,
        Kind::Forbidden,
        Kind::Deadlock,
        Kind::Crash,
        Kind::Hang,
        Kind::Missed,
        Kind::Inconclusive,
    ];

    /// Of a cell; `None` if it needs no look.
    pub(super) fn of(cell: &Cell) -> Option<Self> {
        if cell.broken {
            return Some(Kind::Harness);
        }
        match (cell.judgement.as_expected, cell.judgement.verdict) {
            (Some(true), _) => None,
            (None, _) | (_, Verdict::Inconclusive) => Some(Kind::Inconclusive),
            (_, Verdict::DataRace) => Some(Kind::DataRace),
            (_, Verdict::Forbidden) => Some(Kind::Forbidden),
            (_, Verdict::Deadlock) => Some(Kind::Deadlock),
            (_, Verdict::Crash) => Some(Kind::Crash),
            (_, Verdict::Hang) => Some(Kind::Hang),
            (_, Verdict::Safe | Verdict::NotApplicable) => Some(Kind::Missed),
        }
    }

    pub(super) fn id(self) -> &'static str {
        match self {
            Kind::Harness => "harness-failed",
            Kind::DataRace => "data-race",
            Kind::Forbidden => "forbidden-outcome",
            Kind::Deadlock => "deadlock",
            Kind::Crash => "crash",
            Kind::Hang => "hang",
            Kind::Missed => "missed-failure",
            Kind::Inconclusive => "inconclusive",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Kind::Harness => "The harness failed",
            Kind::DataRace => "Data race",
            Kind::Forbidden => "Forbidden outcome",
            Kind::Deadlock => "Deadlock",
            Kind::Crash => "Crash",
            Kind::Hang => "Hang",
            Kind::Missed => "An expected failure was not found",
            Kind::Inconclusive => "Inconclusive",
        }
    }

    pub(super) fn description(self) -> &'static str {
        match self {
            Kind::Harness => "The harness could not do its work, so that nothing is known of the design.",
            Kind::DataRace => {
                "Two threads access the same memory, at least one of them writes, and nothing orders the accesses."
            }
            Kind::Forbidden => "An execution ends in an outcome that the scenario forbids.",
            Kind::Deadlock => "Every actor that has not ended waits for another.",
            Kind::Crash => "An actor panics, aborts, is killed or exits.",
            Kind::Hang => "An execution makes no progress and does not end.",
            Kind::Missed => "The scenario expects the design to fail in some way, and it was not seen to.",
            Kind::Inconclusive => {
                "A limit, a time-out or a fault ended the exploration: neither safe nor failing."
            }
        }
    }

    /// Whether the design was seen to fail.
    pub(super) fn is_failure(self) -> bool {
        !matches!(self, Kind::Harness | Kind::Missed | Kind::Inconclusive)
    }

    pub(super) fn is_error(self) -> bool {
        self != Kind::Inconclusive
    }
}

/// One thing to look at: what one or more engines say of a design.
pub(super) struct Finding<'a> {
    pub(super) scenario: &'a ScenarioReport,
    pub(super) design: &'a DesignReport,
    pub(super) kind: Kind,
    /// Of the engines that agree; the first is shown.
    pub(super) cells: Vec<&'a Cell>,
    pub(super) message: String,
    /// Where in the source, each with what is done there; the two accesses of a data race come first.
    pub(super) places: Vec<Place<'a>>,
    pub(super) witness: Option<&'a Witness>,
}

/// A line of the source.
pub(super) struct Place<'a> {
    pub(super) site: &'a Site,
    pub(super) what: String,
}

impl Finding<'_> {
    /// `rc11, loom`.
    pub(super) fn engines(&self) -> String {
        let names: Vec<_> = self.cells.iter().map(|cell| cell.engine.name()).collect();
        names.join(", ")
    }
}

/// All findings, in the order of the report; of a design the gravest first.
pub(super) fn findings(report: &Report) -> Vec<Finding<'_>> {
    let designs =
        report.scenarios.iter().flat_map(|scenario| scenario.designs.iter().map(move |one| (scenario, one)));
    designs.flat_map(|(scenario, design)| of_design(scenario, design)).collect()
}

fn of_design<'a>(scenario: &'a ScenarioReport, design: &'a DesignReport) -> Vec<Finding<'a>> {
    // Checkers have witnesses and places, and so come first.
    let mut cells: Vec<&Cell> = design.cells.iter().collect();
    cells.sort_by_key(|cell| (cell.observation.witnesses.is_empty(), !cell.engine.is_checker()));
    let mut findings: Vec<Finding<'_>> = Vec::new();
    for cell in cells {
        let Some(kind) = Kind::of(cell) else { continue };
        let message = message(cell);
        // A failure is one thing however often it was seen; what stopped an engine is its own.
        let same =
            |known: &&mut Finding<'_>| known.kind == kind && (kind.is_failure() || known.message == message);
        if let Some(known) = findings.iter_mut().find(same) {
            known.cells.push(cell);
            continue;
        }
        let witness = cell.observation.witnesses.first().filter(|_| cell.judgement.verdict.is_failure());
        let places = places(cell, witness);
        findings.push(Finding { scenario, design, kind, cells: vec![cell], message, places, witness });
    }
    findings.sort_by_key(|finding| finding.kind);
    findings
}

/// What is wrong, in a sentence or two.
fn message(cell: &Cell) -> String {
    let verdict = cell.judgement.verdict;
    let what = match verdict {
        Verdict::Safe => "no failure was found".to_owned(),
        Verdict::NotApplicable => "it did not run".to_owned(),
        Verdict::Inconclusive => phrase::failure(cell),
        Verdict::Forbidden => {
            let (bad, all) = phrase::forbidden(cell);
            format!("{}, in {} of {}", phrase::failure(cell), phrase::thousands(bad), phrase::executions(all))
        }
        verdict => format!("{}: {}", verdict.word(), phrase::failure(cell)),
    };
    let expected = match cell.judgement.as_expected {
        Some(false) => format!("; {} was expected{}", cell.expected, terminal::perhaps(cell)),
        _ => String::new(),
    };
    what + &expected
}

/// Where a failure is, as far as the engine can tell.
fn places<'a>(cell: &'a Cell, witness: Option<&'a Witness>) -> Vec<Place<'a>> {
    let mut places: Vec<Place<'_>> = Vec::new();
    let raced = race_places(cell) > 1;
    let mut add = |site: &'a Site, what: String| {
        if !places.iter().any(|place| place.site == site && place.what == what) {
            places.push(Place { site, what });
        }
    };
    for failure in &cell.observation.failures {
        match failure {
            Failure::DataRace(race) => {
                for Access { thread, kind, site } in &race.accesses {
                    let who = sentence::thread(*thread, &cell.actors);
                    let what = format!("{} by {who}", sentence::access_kind(*kind));
                    site.iter().for_each(|site| add(site, what.clone()));
                }
            }
            Failure::Crash(crash) => {
                if let How::Panic { site: Some(site), .. } = &crash.how {
                    add(site, "the panic".to_owned());
                }
            }
            _ => {}
        }
    }
    for event in witness.iter().filter(|_| !raced).flat_map(|witness| &witness.events) {
        let (Some(witness), Some(site)) = (witness, &event.site) else { continue };
        if event.mark != Mark::None {
            let (what, how) = words::parts(witness, event);
            add(
                site,
                format!("{}: {}", words::thread(witness, event.thread), format!("{what} {how}").trim()),
            );
        }
    }
    places
}

/// How many accesses of a data race have a known place.
fn race_places(cell: &Cell) -> usize {
    let accesses = cell.observation.failures.iter().map(|failure| match failure {
        Failure::DataRace(race) => race.accesses.iter().filter(|access| access.site.is_some()).count(),
        _ => 0,
    });
    accesses.sum()
}
