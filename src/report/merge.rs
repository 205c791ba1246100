//! Several reports joined into one: those of the shards of a run, and those of its rounds.
//!
//! What was drawn at random is added up, for no two shards and no two rounds draw from the same seed; what was explored
//! in full is the same on every machine, and the strongest exploration stands. A failure that any of them saw is one;
//! an end that came too early is made good by an exploration in full and by nothing else. Everything is judged again,
//! so that the bound on the rate is that of the sum.
//!
//! Reports are brought into the order of their shards first: it does not matter in which order they are given.
//!
//! Limits: counts of one shard that were edited are believed. Of failures of one kind the first stays.

use super::{Cell, DesignReport, Report, ScenarioReport};
use crate::base::budget::Budget;
use crate::base::failure::Failure;
use crate::base::observation::{Caveat, Exploration, Observation, Programs, Sampling, Stop};
use crate::base::outcome::OutcomeCount;
use crate::scenario::Expected;
use crate::verdict::{Expectation, Verdict, judge};

/// Joins reports, each with a name for messages.
///
/// # Errors
/// If they are not of one run, with the reason in one sentence that names two of them.
pub(crate) fn reports(mut parts: Vec<(String, Report)>) -> Result<Report, String> {
    for (name, report) in &parts {
        if report.drawn.is_empty() {
            return Err(format!("{name} does not say of which shard it is"));
        }
    }
    parts.sort_by(|(_, one), (_, other)| one.drawn.cmp(&other.drawn));
    let Some(((first_name, first), others)) = parts.split_first() else {
        return Err("there is no report to join".to_owned());
    };
    for (name, report) in others {
        same_scenarios(first, report).map_err(|why| format!("{first_name} and {name} differ: {why}"))?;
    }
    for (number, (name, report)) in parts.iter().enumerate() {
        for (other_name, other) in &parts[number + 1..] {
            same_run(report, other).map_err(|why| format!("{name} and {other_name}: {why}"))?;
        }
    }
    let mut joined = first.clone();
    joined.budget = budget(&parts);
    joined.drawn = parts.iter().flat_map(|(_, report)| report.drawn.iter().copied()).collect();
    joined.drawn.sort();
    for (s, scenario) in joined.scenarios.iter_mut().enumerate() {
        for (d, design) in scenario.designs.iter_mut().enumerate() {
            let cells = (0..design.cells.len()).map(|e| {
                let voices = parts.iter().map(|(_, report)| Voice {
                    cell: &report.scenarios[s].designs[d].cells[e],
                    shards: u32::try_from(report.drawn.len()).unwrap_or(u32::MAX),
                });
                cell(&voices.collect::<Vec<_>>())
            });
            let cells = cells.collect();
            *design = DesignReport::of_cells(std::mem::take(&mut design.name), design.expected, cells);
        }
    }
    Ok(joined)
}

/// Whether two reports are parts of one run that have nothing in common.
fn same_run(one: &Report, other: &Report) -> Result<(), String> {
    for a in &one.drawn {
        for b in &other.drawn {
            if a.seed != b.seed {
                return Err(format!(
                    "the seeds are {} and {}, and shards of one run have the same",
                    a.seed, b.seed
                ));
            }
            if a.shard.of() != b.shard.of() {
                return Err(format!("shard {} and shard {} are not of one run", a.shard, b.shard));
            }
            if a.shard == b.shard {
                return Err(format!("both are of shard {}: what it drew counts once", a.shard));
            }
        }
    }
    Ok(())
}

/// Whether all that does not come from a run is the same.
fn same_scenarios(one: &Report, other: &Report) -> Result<(), String> {
    let names =
        |report: &Report| report.scenarios.iter().map(|scenario| scenario.name.clone()).collect::<Vec<_>>();
    let (here, there) = (names(one), names(other));
    if let Some(name) = here.iter().find(|name| !there.contains(name)) {
        return Err(format!("only the first has the scenario `{name}`"));
    }
    if let Some(name) = there.iter().find(|name| !here.contains(name)) {
        return Err(format!("only the second has the scenario `{name}`"));
    }
    if here != there {
        return Err("the scenarios are in another order".to_owned());
    }
    let mut pairs = one.scenarios.iter().zip(&other.scenarios);
    pairs.try_for_each(|(here, there)| same_scenario(here, there))
}

fn same_scenario(one: &ScenarioReport, other: &ScenarioReport) -> Result<(), String> {
    let name = &one.name;
    let said = |scenario: &ScenarioReport| {
        let ScenarioReport { file, question, grades, in_practice, .. } = scenario.clone();
        (file, question, grades, in_practice)
    };
    if said(one) != said(other) {
        return Err(format!("`{name}` is not the same scenario in both"));
    }
    let designs = |scenario: &ScenarioReport| {
        scenario.designs.iter().map(|design| (design.name.clone(), design.expected)).collect::<Vec<_>>()
    };
    if designs(one) != designs(other) {
        return Err(format!("`{name}` has not the same designs in both"));
    }
    for (design, as_well) in one.designs.iter().zip(&other.designs) {
        let engines = |design: &DesignReport| design.cells.iter().map(|cell| cell.engine).collect::<Vec<_>>();
        if engines(design) != engines(as_well) {
            return Err(format!("`{name}` was not run on the same engines"));
        }
        let asked =
            |cell: &Cell| (cell.expected, cell.expected_because.clone(), cell.must_see, cell.actors.clone());
        for (cell, as_well) in design.cells.iter().zip(&as_well.cells) {
            if asked(cell) != asked(as_well) {
                return Err(format!(
                    "`{}` of `{name}` is not expected to do the same on {}",
                    design.name, cell.engine
                ));
            }
            same_grades(&cell.observation, &as_well.observation)
                .map_err(|value| format!("`{name}` does not say the same of the outcome {value}"))?;
        }
    }
    Ok(())
}

/// Whether an outcome that both saw is graded alike; else which is not.
fn same_grades(one: &Observation, other: &Observation) -> Result<(), String> {
    for outcome in &one.outcomes {
        let known = other.outcomes.iter().find(|known| known.value == outcome.value);
        if known.is_some_and(|known| (known.grade, &known.sentence) != (outcome.grade, &outcome.sentence)) {
            return Err(outcome.value.clone());
        }
    }
    Ok(())
}

/// The budget that all had, with the seed of which each made its own.
fn budget(parts: &[(String, Report)]) -> Option<Budget> {
    if let [(_, only)] = parts {
        return only.budget;
    }
    let whole = |report: &Report| {
        let seed = report.drawn.first()?.seed;
        Some(Budget { seed, again: false, ..report.budget? })
    };
    let mut all = parts.iter().map(|(_, report)| whole(report));
    let first = all.next()??;
    all.all(|budget| budget == Some(first)).then_some(first)
}

/// A cell of one report, and of how many shards it is; 0 if it is of a round of the same one.
#[derive(Clone, Copy)]
pub(crate) struct Voice<'a> {
    pub(crate) cell: &'a Cell,
    pub(crate) shards: u32,
}

/// Joins what was seen of one design on one engine.
///
/// # Panics
/// If there is no cell.
pub(crate) fn cell(voices: &[Voice<'_>]) -> Cell {
    if let [only] = voices {
        return only.cell.clone();
    }
    let first = voices[0].cell;
    let is_checker = first.engine.is_checker();
    let seen: Vec<_> = voices.iter().map(|voice| &voice.cell.observation).collect();
    let mut observation = observations(&seen, is_checker);
    let differing = differing(voices);
    observation.caveats.retain(|caveat| !matches!(caveat, Caveat::Differed { .. }));
    observation.caveats.extend(differing);
    let Cell { engine, expected, must_see, .. } = *first;
    let mut logs: Vec<&str> = Vec::new();
    for voice in voices {
        if !voice.cell.log.is_empty() && !logs.contains(&voice.cell.log.as_str()) {
            logs.push(&voice.cell.log);
        }
    }
    Cell {
        judgement: judge(Expectation { engine, expected, must_see }, &observation),
        opinion: None,
        log: logs.concat(),
        milliseconds: voices.iter().fold(0, |sum, voice| voice.cell.milliseconds.saturating_add(sum)),
        broken: matches!(observation.stopped, Some(Stop::HarnessFailed(_))),
        observation,
        ..first.clone()
    }
}

/// The same cell, without what another engine has to say of it.
pub(crate) fn judged_alone(cell: &Cell) -> Cell {
    let Cell { engine, expected, must_see, .. } = *cell;
    let judgement = judge(Expectation { engine, expected, must_see }, &cell.observation);
    Cell { judgement, opinion: None, ..cell.clone() }
}

/// Some shards that saw it fail, among others that did not.
fn differing(voices: &[Voice<'_>]) -> Option<Caveat> {
    let first = voices[0].cell;
    // What a real engine may show or not is no disagreement.
    let may_differ = !first.engine.is_checker() && first.expected != Expected::Safe;
    if may_differ || voices.iter().any(|voice| voice.shards == 0) {
        return None;
    }
    let (mut failed, mut of) = (0, 0);
    for voice in voices {
        let known = voice.cell.observation.caveats.iter().find_map(|caveat| match caveat {
            Caveat::Differed { failed, of } => Some((*failed, *of)),
            _ => None,
        });
        let verdict = voice.cell.judgement.verdict;
        let shards = voice.shards;
        let (bad, all) = known.unwrap_or(match verdict {
            Verdict::NotApplicable | Verdict::Inconclusive => (0, 0),
            verdict if verdict.is_failure() => (shards, shards),
            _ => (0, shards),
        });
        failed += bad;
        of += all;
    }
    (failed > 0 && failed < of).then_some(Caveat::Differed { failed, of })
}

/// How much an exploration says by itself: in full, within bounds, by samples.
fn strength(seen: &Observation) -> u8 {
    match (&seen.stopped, &seen.exploration) {
        (None, Exploration::Exhaustive) => 2,
        (None, Exploration::Bounded { .. }) => 1,
        _ => 0,
    }
}

/// Whether an end came too early for a reason that lies in the machine, the budget, or the moment.
fn is_of_the_machine(stop: &Stop) -> bool {
    matches!(
        stop,
        Stop::Budget { .. }
            | Stop::Killed { .. }
            | Stop::OutOfTime { .. }
            | Stop::HarnessFailed(_)
            | Stop::NotYet
    )
}

fn observations(all: &[&Observation], is_checker: bool) -> Observation {
    if let Some(one) = all.iter().find(|seen| seen.stopped.as_ref().is_some_and(Stop::discredits)) {
        return (*one).clone();
    }
    let ran = |seen: &&&Observation| seen.not_applicable.is_none() && seen.stopped != Some(Stop::NotYet);
    let ran: Vec<&Observation> = all.iter().filter(ran).copied().collect();
    match ran[..] {
        [] => {
            let not_applicable = all.iter().find(|seen| seen.not_applicable.is_some());
            return (*not_applicable.unwrap_or(&all[0])).clone();
        }
        [only] => return only.clone(),
        _ => {}
    }
    let failed = |seen: &&&Observation| {
        if is_checker { seen.failure().is_some() } else { !seen.failures.is_empty() }
    };
    // The fewest executions up to a failure say most of it; of those that found none, the most do.
    let base =
        ran.iter().filter(failed).rev().max_by_key(|seen| (strength(seen), u64::MAX - seen.executions));
    // A fault of the checker or of the design is not made good by another run.
    let fault = ran.iter().find(|seen| seen.stopped.as_ref().is_some_and(|stop| !is_of_the_machine(stop)));
    if let (None, Some(fault), false) = (base, fault, ran.iter().any(|seen| seen.failure().is_some())) {
        return (*fault).clone();
    }
    let full = || ran.iter().rev().max_by_key(|seen| (strength(seen), seen.executions));
    match base.or_else(|| full().filter(|seen| strength(seen) > 0)) {
        Some(base) => extended((*base).clone(), &ran),
        None => sum(&ran),
    }
}

/// One observation, with the failures that others saw and it did not.
fn extended(mut base: Observation, all: &[&Observation]) -> Observation {
    for seen in all {
        for outcome in seen.outcomes.iter().filter(|outcome| outcome.is_violation()) {
            if !base.outcomes.iter().any(|known| known.value == outcome.value) {
                base.outcomes.push(outcome.clone());
            }
        }
        add_failures(&mut base, seen);
        let unsteady = seen.caveats.contains(&Caveat::NotRepeatable);
        if unsteady && !base.caveats.contains(&Caveat::NotRepeatable) {
            base.caveats.push(Caveat::NotRepeatable);
        }
    }
    base
}

fn add_failures(to: &mut Observation, from: &Observation) {
    for failure in &from.failures {
        if !to.failures.iter().any(|known| known.is_like(failure)) {
            to.failures.push(failure.clone());
        }
    }
    for witness in &from.witnesses {
        let is_known = |shows: &Failure| to.witnesses.iter().any(|known| shows.is_shown_by(&known.shows));
        if !is_known(&witness.shows) {
            to.witnesses.push(witness.clone());
        }
    }
}

/// All of them together, each with executions of its own.
fn sum(all: &[&Observation]) -> Observation {
    let mut total = all[0].clone();
    total.exploration = Exploration::Sampled { how: sampling(all[0]) };
    for seen in &all[1..] {
        total.executions = total.executions.saturating_add(seen.executions);
        total.redundant = total.redundant.saturating_add(seen.redundant);
        total.raced = total.raced.saturating_add(seen.raced);
        if let Exploration::Sampled { how } = &mut total.exploration {
            *how = both(how, &sampling(seen));
        }
        total.stopped = total.stopped.or_else(|| seen.stopped.clone());
        add_outcomes(&mut total.outcomes, &seen.outcomes);
        add_failures(&mut total, seen);
        add_caveats(&mut total.caveats, &seen.caveats);
    }
    total
}

fn sampling(seen: &Observation) -> Sampling {
    match &seen.exploration {
        Exploration::Sampled { how } => how.clone(),
        Exploration::Exhaustive | Exploration::Bounded { .. } => Sampling::InterruptedSearch,
    }
}

/// What drew the samples of both.
fn both(one: &Sampling, other: &Sampling) -> Sampling {
    use Sampling::{InterruptedSearch, Nothing, SearchThenRandom, UntilFailure};
    match (one, other) {
        (Sampling::Programs(one), Sampling::Programs(other)) => Sampling::Programs(programs(*one, *other)),
        (
            SearchThenRandom { executions: a, of_about: x },
            SearchThenRandom { executions: b, of_about: y },
        ) => {
            let most = x.iter().chain(y).copied().reduce(f64::max);
            SearchThenRandom { executions: *a.max(b), of_about: most }
        }
        (Nothing, how) | (how, Nothing) => how.clone(),
        (UntilFailure, _) | (_, UntilFailure) => UntilFailure,
        (InterruptedSearch, how) | (how, InterruptedSearch) => how.clone(),
        (how, _) => how.clone(),
    }
}

fn programs(one: Programs, other: Programs) -> Programs {
    match (one, other) {
        (Programs::Sampled(a), Programs::Sampled(b)) => Programs::Sampled(a.saturating_add(b)),
        (Programs::Explored { all: a, in_full: x }, Programs::Explored { all: b, in_full: y }) => {
            Programs::Explored { all: a.saturating_add(b), in_full: x.saturating_add(y) }
        }
        (Programs::Failing, _) | (_, Programs::Failing) => Programs::Failing,
        (one, _) => one,
    }
}

/// Counts of the same outcome are added; one that is new comes after the one that it came after.
fn add_outcomes(to: &mut Vec<OutcomeCount>, from: &[OutcomeCount]) {
    let mut next = 0;
    for outcome in from {
        match to.iter().position(|known| known.value == outcome.value) {
            Some(at) => {
                to[at].count = to[at].count.saturating_add(outcome.count);
                next = at + 1;
            }
            None => {
                to.insert(next.min(to.len()), outcome.clone());
                next += 1;
            }
        }
    }
}

fn add_caveats(to: &mut Vec<Caveat>, from: &[Caveat]) {
    for caveat in from {
        let known = to.iter_mut().find_map(|known| match (known, caveat) {
            (Caveat::CutOff { executions, steps }, Caveat::CutOff { executions: more, steps: limit })
                if steps == limit =>
            {
                *executions = executions.saturating_add(*more);
                Some(())
            }
            (Caveat::GaveUp(known), Caveat::GaveUp(more)) => {
                known.programs = known.programs.saturating_add(more.programs);
                Some(())
            }
            (known, caveat) => (known == caveat).then_some(()),
        });
        if known.is_none() {
            to.push(caveat.clone());
        }
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
