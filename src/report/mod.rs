//! Reports: everything that was judged, and its renderings.
//!
//! A [`Report`] is complete data; the renderers are pure functions of it, and none of them judges again.

pub(crate) mod annotations;
mod evidence;
mod findings;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod litmus;
pub(crate) mod markdown;
pub(crate) mod matrix;
pub(crate) mod merge;
mod phrase;
pub(crate) mod plain;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod sarif;
pub(crate) mod saved;
#[cfg(test)]
mod schemas_tests;
mod selection;
pub(crate) mod sentence;
pub(crate) mod snapshot;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;

pub(crate) use terminal::wrapped;

use crate::base::budget::Budget;
use crate::base::observation::Observation;
use crate::base::shard::Drawn;
use crate::registry::Found;
use crate::scenario::{Engine, ErasedDesign, Expected, Grade};
use crate::verdict::{Judgement, Opinion, Verdict, second_opinion};

/// All scenarios of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Report {
    /// How much was explored, and the seed of everything random.
    pub(crate) budget: Option<Budget>,
    /// Which shards it is of; none, if that is not known.
    pub(crate) drawn: Vec<Drawn>,
    pub(crate) scenarios: Vec<ScenarioReport>,
}

/// One scenario.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScenarioReport {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) question: String,
    pub(crate) grades: Vec<(Grade, String)>,
    pub(crate) designs: Vec<DesignReport>,
    /// What to use in practice, and why.
    pub(crate) in_practice: Option<String>,
}

/// One design: a row of the matrix.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DesignReport {
    pub(crate) name: String,
    pub(crate) expected: Expected,
    pub(crate) cells: Vec<Cell>,
}

/// One design on one engine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) engine: Engine,
    pub(crate) expected: Expected,
    /// Why something else is expected here than of the design at large, if it is.
    pub(crate) expected_because: Option<String>,
    pub(crate) must_see: bool,
    /// The names of the design's actors, in their order.
    pub(crate) actors: Vec<String>,
    pub(crate) judgement: Judgement,
    /// What our own checker says of it, where the engine is known to be wrong at times.
    pub(crate) opinion: Option<Opinion>,
    pub(crate) observation: Observation,
    /// What the worker wrote to its standard error.
    pub(crate) log: String,
    /// How long it took. A whole number: rounded once, so that it is the same after it was saved and read.
    pub(crate) milliseconds: u64,
    /// Whether the harness failed to do its work here.
    pub(crate) broken: bool,
}

impl Cell {
    #[expect(clippy::cast_precision_loss, reason = "nothing takes so long")]
    pub(crate) fn seconds(&self) -> f64 {
        self.milliseconds as f64 / 1e3
    }
}

impl ScenarioReport {
    pub(crate) fn new(found: &Found) -> Self {
        Self {
            name: found.name.clone(),
            file: found.file.clone(),
            question: found.scenario.question.clone(),
            grades: found.scenario.grades.clone(),
            designs: Vec::new(),
            in_practice: found.scenario.in_practice.clone(),
        }
    }
}

impl DesignReport {
    pub(crate) fn new(design: &ErasedDesign, cells: Vec<Cell>) -> Self {
        Self::of_cells(design.name.clone(), design.facts.expected.unwrap_or(Expected::Safe), cells)
    }

    /// A design with its cells, each with a second opinion where one is called for.
    pub(crate) fn of_cells(name: String, expected: Expected, mut cells: Vec<Cell>) -> Self {
        if let Some(exact) =
            cells.iter().find(|cell| cell.engine == Engine::Rc11).map(|cell| cell.judgement.clone())
        {
            cells.iter_mut().for_each(|cell| cell.hold_against(&exact));
        }
        Self { name, expected, cells }
    }

    /// Whether any engine saw it fail.
    pub(crate) fn failed(&self) -> bool {
        self.cells.iter().any(|cell| cell.judgement.verdict.is_failure())
    }
}

impl Cell {
    /// Takes what our own checker has found out about the same design for a second opinion. A failure that it refutes
    /// is as expected of a design that is safe.
    pub(crate) fn hold_against(&mut self, exact: &Judgement) {
        if !self.engine.is_checker() {
            return;
        }
        self.opinion = second_opinion(&self.judgement, &self.observation, exact);
        let refuted = self.opinion == Some(Opinion::Refuted) && self.judgement.verdict.is_failure();
        if refuted && self.expected == Expected::Safe {
            self.judgement.as_expected = Some(true);
        }
    }
}

/// How many cells turned out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) as_expected: usize,
    pub(crate) unexpected: usize,
    pub(crate) inconclusive: usize,
    pub(crate) not_applicable: usize,
    pub(crate) broken: usize,
}

impl Report {
    /// Every cell with its scenario and design.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&ScenarioReport, &DesignReport, &Cell)> {
        self.scenarios.iter().flat_map(|scenario| {
            scenario
                .designs
                .iter()
                .flat_map(move |design| design.cells.iter().map(move |cell| (scenario, design, cell)))
        })
    }

    /// Counts the cells by how they turned out.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for (.., cell) in self.cells() {
            let slot = match (cell.broken, cell.judgement.verdict, cell.judgement.as_expected) {
                (true, ..) => &mut tally.broken,
                (_, _, Some(false)) => &mut tally.unexpected,
                (_, _, None) => &mut tally.inconclusive,
                (_, Verdict::NotApplicable, _) => &mut tally.not_applicable,
                (_, _, Some(true)) => &mut tally.as_expected,
            };
            *slot += 1;
        }
        tally
    }
}

/// The folder of a file by its last name; `scenarios` of a file that lies there itself.
fn folder(file: &str) -> &str {
    file.rsplit('/').nth(1).filter(|name| !name.is_empty()).unwrap_or("scenarios")
}
