//! What the shipped scenarios say: designs that share memory against designs that do not.

use super::{Bench, Finding, Measured, Verdict};

/// Runs scenarios of this program under the checkers.
pub(crate) trait Books {
    /// The designs of a scenario with their verdicts under the checkers, or nothing if there is no such scenario.
    ///
    /// # Errors
    /// If the harness cannot do its work.
    fn verdicts(&self, scenario: &str) -> anyhow::Result<Option<Vec<Judged>>>;
}

/// One design under the checkers.
pub(crate) struct Judged {
    /// Its name.
    pub(crate) design: String,
    /// Whether its actors have memory of their own.
    pub(crate) isolated: bool,
    /// The worst verdict's word.
    pub(crate) verdict: &'static str,
}

/// The scenarios that decide, of those that ship.
const DECIDE: [&str; 2] = ["shared_counter", "message_passing"];

pub(super) fn exposed(bench: &Bench<'_>) -> anyhow::Result<Measured> {
    let mut judged = Vec::new();
    let mut missing = Vec::new();
    for scenario in DECIDE {
        match bench.books.verdicts(scenario)? {
            Some(designs) => judged.extend(designs.into_iter().map(|design| (scenario, design))),
            None => missing.push(scenario),
        }
    }
    if judged.is_empty() {
        let none = format!("this program has no scenario named {}", missing.join(" or "));
        return Ok(measured(Verdict::Undecided(none.clone()), none, Vec::new()));
    }
    let count = |isolated: bool, verdict: Option<&str>| {
        let of = judged.iter().filter(|(_, design)| design.isolated == isolated);
        of.filter(|(_, design)| verdict.is_none_or(|verdict| design.verdict == verdict)).count()
    };
    let (shared, isolated) = (count(false, None), count(true, None));
    let (raced, raced_alone) = (count(false, Some("data race")), count(true, Some("data race")));
    let finding = |(scenario, design): &(&str, super::Judged)| {
        Finding::new(format!("{scenario} / {}: {}", design.design, design.verdict), true)
    };
    let findings = judged.iter().map(finding).collect();
    let by = format!(
        "{}: {raced} of {shared} designs with shared memory have a data race, {raced_alone} of {isolated} with isolated \
         memory",
        DECIDE.join(" and ")
    );
    let verdict = match (raced, raced_alone) {
        (1.., 0) => Verdict::Holds,
        (0, _) => Verdict::DoesNotHold,
        _ => Verdict::Undecided("isolated memory raced".to_owned()),
    };
    Ok(measured(verdict, by, findings))
}

fn measured(verdict: Verdict, decided_by: String, findings: Vec<Finding>) -> Measured {
    Measured { verdict, decided_by, figures: Vec::new(), findings, charts: Vec::new() }
}
