//! Numbers and sentences that several renderers share.

use super::terminal::wrapped;
use super::{Cell, ScenarioReport, sentence};
use crate::scenario::{Engine, Grade};
use crate::verdict::{EvidenceKind, Opinion, Verdict, missing};
use std::collections::BTreeMap;

/// 1234567 as `1,234,567`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number in at most five characters: `999`, `1.2k`, `34M`.
pub(super) fn short(number: u64) -> String {
    let units = [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    match units.into_iter().find(|(unit, _)| number >= *unit) {
        None => number.to_string(),
        Some((unit, letter)) if number >= 10 * unit => format!("{}{letter}", number / unit),
        Some((unit, letter)) => format!("{}.{}{letter}", number / unit, number % unit * 10 / unit),
    }
}

/// A share as a percentage with two significant digits or so.
pub(super) fn percent(part: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a percentage needs no more than 52 bits")]
    let share = part as f64 * 100.0 / whole.max(1) as f64;
    match share {
        share if share >= 10.0 => format!("{share:.0}%"),
        share if share >= 0.1 => format!("{share:.1}%"),
        share if share >= 0.001 => format!("{share:.3}%"),
        _ => "<0.001%".to_owned(),
    }
}

/// `1 execution`, `2 executions`.
pub(super) fn executions(number: u64) -> String {
    format!("{} {}", thousands(number), if number == 1 { "execution" } else { "executions" })
}

/// Clean samples of a real engine below which nothing is shown as safe in the matrix.
const FEW: u64 = 100;

/// `1 sample`, `2 samples`.
fn samples(number: u64) -> String {
    format!("{number} {}", if number == 1 { "sample" } else { "samples" })
}

/// `once`, `2 times`.
pub(super) fn times(number: u64) -> String {
    if number == 1 { "once".to_owned() } else { format!("{} times", thousands(number)) }
}

/// How many executions ended in a forbidden outcome, and how many came to an outcome at all.
pub(super) fn forbidden(cell: &Cell) -> (u64, u64) {
    let outcomes = &cell.observation.outcomes;
    let bad = outcomes.iter().filter(|outcome| outcome.grade == Grade::Forbidden);
    (bad.map(|outcome| outcome.count).sum(), outcomes.iter().map(|outcome| outcome.count).sum())
}

/// How an unexpected or inconclusive verdict is marked, also where there is no colour.
pub(super) fn mark(cell: &Cell) -> &'static str {
    match cell.judgement.as_expected {
        Some(false) => "! ",
        None => "? ",
        Some(true) => "",
    }
}

/// A verdict with its evidence, as a cell of the matrix has it; `number` writes the numbers.
pub(super) fn cell(cell: &Cell, number: fn(u64) -> String) -> String {
    let (verdict, evidence) = (cell.judgement.verdict, &cell.judgement.evidence);
    let executions = number(evidence.executions);
    let weight = match (verdict, evidence.kind, cell.engine.is_checker()) {
        (Verdict::NotApplicable | Verdict::Inconclusive, ..) => String::new(),
        (Verdict::Forbidden, _, false) => {
            let (bad, all) = forbidden(cell);
            format!(" {}", percent(bad, all))
        }
        (Verdict::Forbidden, _, true) => {
            let (bad, all) = forbidden(cell);
            format!(" {}/{}", number(bad), number(all))
        }
        (Verdict::DataRace, ..) if cell.observation.raced > 0 => {
            format!(" {}/{executions}", number(cell.observation.raced))
        }
        (Verdict::Safe, EvidenceKind::Exhaustive, _) => format!(" all {executions}"),
        (Verdict::Safe, EvidenceKind::Bounded, _) if may_miss(cell) => format!(" may miss {executions}"),
        (Verdict::Safe, EvidenceKind::Bounded, _) => format!(" bound {executions}"),
        (Verdict::Safe, EvidenceKind::Sampled, true) => format!(" {executions} runs"),
        (Verdict::Safe, EvidenceKind::Sampled, false) if evidence.executions < FEW => {
            return format!("{}{}, says little", mark(cell), samples(evidence.executions));
        }
        (Verdict::Safe, EvidenceKind::Sampled, false) => format!(" {executions}"),
        _ => format!(" run {executions}"),
    };
    format!("{}{}{weight}", mark(cell), verdict.word())
}

/// What did not run and why: a paragraph per reason, without a line feed at its end.
pub(super) fn not_applicable(scenario: &ScenarioReport) -> Vec<String> {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for design in &scenario.designs {
        let mut engines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for cell in design.cells.iter().filter(|cell| cell.judgement.verdict == Verdict::NotApplicable) {
            let reason = sentence::reason(cell).unwrap_or_else(|| "no reason given".to_owned());
            engines.entry(reason).or_default().push(cell.engine.name());
        }
        for (reason, engines) in engines {
            reasons.entry(reason).or_default().push(format!("{} on {}", design.name, engines.join(", ")));
        }
    }
    reasons.into_iter().map(|(reason, cells)| format!("n/a, {reason}: {}", cells.join("; "))).collect()
}

/// Whether the checker has not all executions of the design.
pub(super) fn may_miss(cell: &Cell) -> bool {
    cell.judgement.verdict == Verdict::Safe && missing(&cell.observation).next().is_some()
}

/// Where checkers may miss executions and why, and what rc11 says: a paragraph per reason, without a line feed at its
/// end.
pub(super) fn misses(scenario: &ScenarioReport) -> Vec<String> {
    type Says<'a> = BTreeMap<&'static str, Vec<&'a str>>;
    let mut reasons: BTreeMap<(Engine, String), Says<'_>> = BTreeMap::new();
    for design in &scenario.designs {
        for cell in design.cells.iter().filter(|cell| may_miss(cell)) {
            let why: Vec<_> = missing(&cell.observation).map(sentence::misses).collect();
            let says = match cell.opinion {
                Some(Opinion::Confirmed) => "rc11 confirms",
                Some(Opinion::Refuted) => "rc11 refutes",
                None => "open for",
            };
            let reason = (cell.engine, why.join("; "));
            reasons.entry(reason).or_default().entry(says).or_default().push(&design.name);
        }
    }
    let all = |says: Says<'_>| {
        let all = says.into_iter().map(|(says, designs)| format!("{says} {}", designs.join(", ")));
        all.collect::<Vec<_>>().join("; ")
    };
    let paragraph = |((engine, why), says)| format!("{engine} may miss executions, {why}: {}", all(says));
    reasons.into_iter().map(paragraph).collect()
}

/// The closing remark of a scenario, a paragraph of its own; nothing where there is none.
pub(super) fn in_practice(scenario: &ScenarioReport, width: usize) -> String {
    let words = |remark: &String| format!("\n{}", wrapped(&format!("in practice: {remark}"), 2, width));
    scenario.in_practice.as_ref().map(words).unwrap_or_default()
}

/// What is wrong, in a sentence without counts that differ from run to run.
pub(super) fn failure(cell: &Cell) -> String {
    sentence::reason(cell).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_shortened() {
        let check = |number, grouped: &str, shortened: &str| {
            assert_eq!((thousands(number).as_str(), short(number).as_str()), (grouped, shortened));
        };
        check(0, "0", "0");
        check(999, "999", "999");
        check(1_000, "1,000", "1.0k");
        check(12_345, "12,345", "12k");
        check(9_990_000, "9,990,000", "9.9M");
        check(40_123_456, "40,123,456", "40M");
        check(7_800_000_000, "7,800,000,000", "7.8G");
    }

    #[test]
    fn small_shares_stay_visible() {
        assert_eq!(percent(1, 2), "50%");
        assert_eq!(percent(1, 100), "1.0%");
        assert_eq!(percent(1, 50_000), "0.002%");
        assert_eq!(percent(1, 1_000_000_000), "<0.001%");
    }
}
