//! Which witnesses a design's report shows, and how what real engines saw goes together with them.

use super::matrix::USUAL;
use super::{Cell, DesignReport, phrase};
use crate::base::engine::Engine;
use crate::base::failure::Failure;
use crate::base::observation::Exploration;
use crate::base::outcome::OutcomeCount;
use crate::base::witness::Witness;
use crate::verdict::Verdict;

/// A witness, and the checkers that came to the same failure.
pub(super) struct Shown<'a> {
    pub(super) witness: &'a Witness,
    pub(super) engines: Vec<Engine>,
}

/// One witness for each failure that a checker's verdict is about, and, where executions went on past a data
/// race, one of what came of it. Where both checkers came to it, shuttle's, whose values are always the
/// latest.
pub(super) fn witnesses(design: &DesignReport) -> Vec<Shown<'_>> {
    let mut shown: Vec<Shown<'_>> = Vec::new();
    for engine in Engine::checkers() {
        let cells = design.cells.iter().filter(|cell| cell.engine == engine);
        for witness in cells.flat_map(principal) {
            match shown.iter_mut().find(|shown| same(shown.witness, witness)) {
                // Another program that fails alike is worth no second table.
                Some(known) if known.witness.program != witness.program => {}
                Some(known) => known.engines.push(engine),
                None => shown.push(Shown { witness, engines: vec![engine] }),
            }
        }
    }
    shown
}

fn principal(cell: &Cell) -> impl Iterator<Item = &Witness> {
    let all = &cell.observation.witnesses;
    let races = |witness: &Witness| matches!(witness.shows, Failure::DataRace(_));
    let first = all.first();
    let beyond = all.iter().filter(|_| cell.observation.raced > 0);
    let other = beyond.filter(move |witness| first.is_some_and(|first| races(first) != races(witness)));
    first.into_iter().chain(other.take(1))
}

fn same(one: &Witness, other: &Witness) -> bool {
    let generated = one.program.is_some() && other.program.is_some();
    match (&one.shows, &other.shows) {
        (Failure::Forbidden { sentence, .. }, Failure::Forbidden { sentence: as_well, .. }) if generated => {
            sentence == as_well
        }
        (Failure::Forbidden { .. }, Failure::Forbidden { .. }) => one.shows == other.shows,
        (one, other) => one.is_like(other),
    }
}

impl Shown<'_> {
    /// The table with a head and the conclusion below, at most 100 characters wide.
    pub(super) fn render(&self) -> String {
        self.render_within(USUAL)
    }

    /// The same, at most so wide.
    pub(super) fn render_within(&self, width: usize) -> String {
        let names: Vec<_> = self.engines.iter().map(|engine| engine.name()).collect();
        let how = if self.witness.shortest { "the shortest way" } else { "a way" };
        let execution = super::terminal::execution(self.witness, width);
        format!("{how} to it ({}):\n{execution}", names.join(" and "))
    }
}

fn checkers(design: &DesignReport) -> impl Iterator<Item = &Cell> {
    design.cells.iter().filter(|cell| cell.engine.is_checker() && applies(cell))
}

fn real(design: &DesignReport) -> impl Iterator<Item = &Cell> {
    design.cells.iter().filter(|cell| !cell.engine.is_checker() && applies(cell))
}

fn applies(cell: &Cell) -> bool {
    cell.judgement.verdict != Verdict::NotApplicable && cell.observation.executions > 0
}

fn saw(cell: &Cell, value: &str) -> bool {
    cell.observation.outcomes.iter().any(|outcome| outcome.value == value && outcome.count > 0)
}

/// Whether a checker would have come to every outcome that it can model.
fn saw_all(cell: &Cell) -> bool {
    let seen = &cell.observation;
    seen.exploration == Exploration::Exhaustive
        && seen.stopped.is_none()
        && !(cell.judgement.verdict.is_failure() && cell.judgement.verdict != Verdict::Forbidden)
}

/// For a forbidden outcome that a real engine saw: which witness leads to it.
pub(super) fn explained(design: &DesignReport, value: &str) -> Option<&'static str> {
    let leads =
        |witness: &Witness| matches!(&witness.shows, Failure::Forbidden { outcome, .. } if outcome == value);
    if witnesses(design).iter().any(|shown| leads(shown.witness)) {
        return Some("this interleaving leads to it");
    }
    let races = |shown: &Shown<'_>| matches!(shown.witness.shows, Failure::DataRace(_));
    if witnesses(design).iter().any(races) {
        return Some("the data race below is what lets it happen");
    }
    let elsewhere = checkers(design).flat_map(|cell| &cell.observation.witnesses).any(leads);
    elsewhere.then_some("a checker has a witness of it: see the JSON report")
}

/// Where the checkers' models and the machine differ, a line for each outcome. Nothing of generated programs:
/// the checkers explore other ones than the machine runs.
pub(super) fn differences(design: &DesignReport) -> Vec<String> {
    let mut lines = Vec::new();
    if design.cells.iter().any(|cell| cell.observation.exploration.is_of_generated_programs()) {
        return lines;
    }
    let names =
        |cells: &[&Cell]| cells.iter().map(|cell| cell.engine.name()).collect::<Vec<_>>().join(" and ");
    // A real engine that deadlocked or crashed has hardly sampled.
    let sampled = |cell: &&Cell| matches!(cell.judgement.verdict, Verdict::Safe | Verdict::Forbidden);
    let machine: Vec<_> = real(design).filter(sampled).collect();
    for value in values(checkers(design)) {
        if !machine.is_empty() && !machine.iter().any(|cell| saw(cell, &value)) {
            let allow: Vec<_> = checkers(design).filter(|cell| saw(cell, &value)).collect();
            let verb = if allow.len() == 1 { "allows" } else { "allow" };
            lines.push(format!("{} {verb} {value}, which no real engine showed", names(&allow)));
        }
    }
    for value in values(real(design)) {
        let without: Vec<_> = checkers(design).filter(|cell| saw_all(cell) && !saw(cell, &value)).collect();
        if !without.is_empty() {
            let seen: Vec<_> = real(design).filter(|cell| saw(cell, &value)).collect();
            let verb = if without.len() == 1 { "does" } else { "do" };
            lines.push(format!(
                "{} showed {value}, which {} {verb} not model",
                names(&seen),
                names(&without)
            ));
        }
    }
    lines
}

fn values<'a>(cells: impl Iterator<Item = &'a Cell>) -> Vec<String> {
    let outcomes = cells.flat_map(|cell| &cell.observation.outcomes).filter(|outcome| outcome.count > 0);
    let mut values: Vec<_> = outcomes.map(|outcome| outcome.value.clone()).collect();
    values.sort();
    values.dedup();
    values
}

/// The forbidden outcomes that a real engine saw, how often, and what explains them.
pub(super) fn sightings(design: &DesignReport, cell: &Cell) -> Vec<String> {
    let all: u64 = cell.observation.outcomes.iter().map(|outcome| outcome.count).sum();
    let forbidden = cell.observation.outcomes.iter();
    let forbidden = forbidden.filter(|outcome| outcome.is_violation());
    if cell.observation.exploration.is_of_generated_programs() {
        return histories(&forbidden.collect::<Vec<_>>(), all).into_iter().collect();
    }
    forbidden
        .map(|outcome| {
            let why = explained(design, &outcome.value).map(|why| format!("; {why}")).unwrap_or_default();
            format!(
                "outcome {}: {}, seen {} in {} ({}){why}",
                outcome.value,
                outcome.sentence,
                phrase::times(outcome.count),
                phrase::thousands(all),
                phrase::percent(outcome.count, all)
            )
        })
        .collect()
}

/// The forbidden histories of a generated program in one sentence: one of them stands for all.
fn histories(forbidden: &[&OutcomeCount], all: u64) -> Option<String> {
    let most = forbidden.iter().max_by_key(|outcome| outcome.count)?;
    let count = forbidden.iter().map(|outcome| outcome.count).sum();
    let others = match forbidden.len() - 1 {
        0 => String::new(),
        1 => ", and another history".to_owned(),
        others => format!(", and {others} other histories"),
    };
    let (seen, share) = (phrase::times(count), phrase::percent(count, all));
    Some(format!("{}{others}, seen {seen} in {} ({share})", most.value, phrase::thousands(all)))
}
