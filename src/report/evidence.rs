//! What a verdict rests on, in words for readers who have not seen the tool.

use super::phrase::{self, executions, forbidden, short, thousands};
use super::{Cell, sentence};
use crate::verdict::{EvidenceKind, Verdict};

/// As in `every execution of the model: 36` or `sampled 4.3M: below 7 in 10M at 95 %`.
pub(super) fn words(cell: &Cell) -> String {
    let evidence = &cell.judgement.evidence;
    let by = sentence::explored(&evidence.exploration);
    let number = evidence.executions;
    match (cell.judgement.verdict, evidence.kind) {
        (Verdict::NotApplicable, _) => "did not run".to_owned(),
        (Verdict::Inconclusive, _) => format!("stopped after {}", count(cell, number)),
        (Verdict::Safe, EvidenceKind::Exhaustive) => {
            format!("every execution of the model: {}", thousands(number))
        }
        (Verdict::Safe, EvidenceKind::Bounded) if phrase::may_miss(cell) => {
            format!(
                "every execution that {} has, and the language may have more: {}",
                cell.engine,
                thousands(number)
            )
        }
        (Verdict::Safe, EvidenceKind::Bounded) => {
            let by = by.unwrap_or_else(|| "bounds".to_owned());
            format!("every execution within {by}: {}", thousands(number))
        }
        (Verdict::Safe, EvidenceKind::Sampled) => {
            let rate =
                evidence.rate_below.map_or_else(String::new, |rate| format!(": {} at 95 %", below(rate)));
            let how =
                by.filter(|_| cell.engine.is_checker()).map_or_else(String::new, |by| format!(" ({by})"));
            format!("sampled {}{how}{rate}", short(number))
        }
        (Verdict::Forbidden, _) => {
            let (bad, all) = forbidden(cell);
            let share = phrase::percent(bad, all);
            format!("{} of {} ({share})", thousands(bad), count(cell, all))
        }
        (Verdict::DataRace, _) if cell.observation.raced > 0 => {
            format!("in {} of {}", thousands(cell.observation.raced), count(cell, number))
        }
        (_, EvidenceKind::Exhaustive | EvidenceKind::Bounded | EvidenceKind::Sampled) => {
            format!(
                "found in {} {}",
                if cell.engine.is_checker() { "execution" } else { "sample" },
                thousands(number)
            )
        }
    }
}

/// `1 execution` of a checker, `2 samples` of the machine.
fn count(cell: &Cell, number: u64) -> String {
    if cell.engine.is_checker() {
        return executions(number);
    }
    format!("{} {}", thousands(number), if number == 1 { "sample" } else { "samples" })
}

/// A rate as a small number in a power of ten, rounded up: `below 7 in 10M`.
fn below(rate: f64) -> String {
    if rate.is_nan() || rate >= 1.0 {
        return "too few to say anything".to_owned();
    }
    let (mut whole, mut part) = (1_u64, rate);
    while part < 1.0 && whole < 10_u64.pow(18) {
        (whole, part) = (whole * 10, part * 10.0);
    }
    // 9.5 in 1,000 is below 10 in 1,000, and so is 9.99…: one digit is enough for a bound.
    let whole = if whole >= 1_000_000 { short(whole).replace(".0", "") } else { thousands(whole) };
    format!("below {} in {whole}", part.ceil())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_rounded_up_to_one_digit() {
        let check = |samples: f64, text: &str| assert_eq!(below(3.0 / samples), text);
        check(2.0, "too few to say anything");
        check(4_300_000.0, "below 7 in 10M");
        check(1_000.0, "below 3 in 1,000");
        check(400.0, "below 8 in 1,000");
        check(30.0, "below 1 in 10");
    }
}
