//! A scenario as a page that is reviewed like code: the same on every machine and in every run.
//!
//! What the checkers saw is shown in full, for it is deterministic. Of the real engines only the verdict
//! is shown, and where a failure is expected but need not be seen, that it may be.

use super::phrase;
use super::terminal::wrapped;
use super::{Cell, DesignReport, ScenarioReport, selection, sentence};
use crate::scenario::{Expected, Grade};
use crate::verdict::Verdict;
use std::fmt::Write as _;

/// Renders one scenario.
pub(crate) fn render(scenario: &ScenarioReport) -> String {
    let mut page = format!("{} ({})\n\n", scenario.name, scenario.file);
    page += &wrapped(&scenario.question, 0, 100);
    page.push('\n');
    for (grade, sentence) in &scenario.grades {
        let _ = writeln!(page, "  {:<11} {sentence}", grade_word(*grade));
    }
    page.push('\n');
    page += &matrix(scenario);
    for design in
        scenario.designs.iter().filter(|design| design.expected != Expected::Safe || design.failed())
    {
        page += &paragraph(design);
    }
    let asides = phrase::not_applicable(scenario).into_iter().chain(phrase::misses(scenario));
    for (place, reason) in asides.enumerate() {
        page += if place == 0 { "\n" } else { "" };
        page += &wrapped(&reason, 2, 100);
    }
    page += &phrase::in_practice(scenario, 100);
    page
}

fn grade_word(grade: Grade) -> &'static str {
    match grade {
        Grade::Acceptable => "acceptable",
        Grade::Interesting => "interesting",
        Grade::Forbidden => "forbidden",
    }
}

/// The matrix, each column as wide as its widest cell.
fn matrix(scenario: &ScenarioReport) -> String {
    let Some(first) = scenario.designs.first() else { return String::new() };
    let mut rows = vec![
        std::iter::once("design".to_owned())
            .chain(first.cells.iter().map(|cell| cell.engine.to_string()))
            .collect::<Vec<_>>(),
    ];
    for design in &scenario.designs {
        rows.push(std::iter::once(design.name.clone()).chain(design.cells.iter().map(entry)).collect());
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..rows[0].len()).map(width).collect();
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join(" | ").trim_end())
    };
    let rule = widths.iter().map(|&width| "-".repeat(width)).collect::<Vec<_>>().join("-|-");
    let mut text = line(&rows[0]);
    let _ = writeln!(text, "{rule}");
    rows[1..].iter().for_each(|row| text += &line(row));
    text
}

/// A verdict with as much of its evidence as never changes.
fn entry(cell: &Cell) -> String {
    if cell.engine.is_checker() {
        return phrase::cell(cell, phrase::thousands);
    }
    if !settled(cell) && cell.judgement.as_expected == Some(true) {
        return format!("may be {}", consequence(cell.expected));
    }
    format!("{}{}", phrase::mark(cell), cell.judgement.verdict.word())
}

/// Whether a real engine's verdict is the same in every run.
fn settled(cell: &Cell) -> bool {
    cell.expected == Expected::Safe || cell.must_see || cell.judgement.verdict == Verdict::NotApplicable
}

/// What an expected failure looks like on real hardware.
fn consequence(expected: Expected) -> &'static str {
    match expected {
        Expected::Safe => "safe",
        Expected::DataRace | Expected::Forbidden => "forbidden",
        Expected::Deadlock => "deadlock",
        Expected::Crash => "crash",
        Expected::Hang => "hang",
    }
}

fn paragraph(design: &DesignReport) -> String {
    let mut text = format!("\n{}: expected {}\n", design.name, design.expected);
    for cell in &design.cells {
        let failed = cell.judgement.verdict.is_failure() && (cell.engine.is_checker() || settled(cell));
        let reason = match &cell.expected_because {
            Some(reason) => format!(" (expected here: {reason})"),
            None => String::new(),
        };
        if failed {
            text += &wrapped(&format!("{}: {}{reason}", cell.engine, phrase::failure(cell)), 2, 100);
            if cell.engine.is_checker() {
                text += &outcomes(cell);
            }
        } else if !reason.is_empty() {
            text += &wrapped(&format!("{}: {}{reason}", cell.engine, cell.judgement.verdict.word()), 2, 100);
        }
        if cell.engine.is_checker() && cell.expected_because.is_none() {
            for caveat in sentence::caveats(cell) {
                text += &wrapped(&format!("{}: note that {caveat}", cell.engine), 2, 100);
            }
        }
    }
    for witness in selection::witnesses(design) {
        let _ = write!(text, "\n{}", witness.render());
    }
    text
}

fn outcomes(cell: &Cell) -> String {
    let mut text = String::new();
    for outcome in &cell.observation.outcomes {
        let _ = writeln!(
            text,
            "    {:<12} {:<11} in {}",
            outcome.value,
            grade_word(outcome.grade),
            phrase::executions(outcome.count)
        );
    }
    text
}
