//! A summary in Markdown, for the page of a run: how many verdicts turned out how, each finding with its witness, and
//! the matrix.
//!
//! Limits: GitHub takes a summary of at most a mebibyte, so what comes after [`MAX_BYTES`] is left out, which is said.

use super::findings::{Finding, findings};
use super::{Report, ScenarioReport, phrase, plain};
use crate::report::selection::Shown;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Bytes of a summary, about.
const MAX_BYTES: usize = 900_000;

/// Renders a report.
pub(crate) fn render(report: &Report) -> String {
    let mut text = format!("# selvedge\n\n{}\n", tally(report));
    let findings = findings(report);
    if !findings.is_empty() {
        text += "\n## To look at\n";
    }
    for (number, finding) in findings.iter().enumerate() {
        if text.len() > MAX_BYTES / 2 {
            let _ = writeln!(text, "\n… and {} more.", findings.len() - number);
            break;
        }
        text += &look_at(finding);
    }
    text += "\n## The matrix\n";
    let mut folders: BTreeMap<&str, Vec<&ScenarioReport>> = BTreeMap::new();
    for scenario in &report.scenarios {
        folders.entry(super::folder(&scenario.file)).or_default().push(scenario);
    }
    for (folder, scenarios) in folders {
        let number = scenarios.len();
        let plural = if number == 1 { "" } else { "s" };
        let matrix: String = scenarios.into_iter().map(matrix).collect();
        if text.len() + matrix.len() > MAX_BYTES {
            let _ = writeln!(text, "\n{} ({number} scenario{plural}) is left out.", inline(folder));
            continue;
        }
        let _ = write!(
            text,
            "\n<details><summary>{} ({number} scenario{plural})</summary>\n{matrix}\n</details>\n",
            inline(folder)
        );
    }
    text
}

fn tally(report: &Report) -> String {
    let tally = report.tally();
    let counts = [
        (tally.as_expected, "as expected"),
        (tally.unexpected, "**not as expected**"),
        (tally.inconclusive, "**inconclusive**"),
        (tally.broken, "**where the harness failed**"),
        (tally.not_applicable, "not applicable"),
    ];
    let shown = counts.into_iter().enumerate().filter(|(place, (count, _))| *place == 0 || *count > 0);
    shown.map(|(_, (count, what))| format!("{count} {what}")).collect::<Vec<_>>().join(" · ")
}

fn look_at(finding: &Finding<'_>) -> String {
    let Finding { scenario, design, kind, cells, message, places, witness } = finding;
    let mut text = format!(
        "\n### {}: {} / {}\n\n{}: {}\n",
        kind.title(),
        inline(&scenario.name),
        inline(&design.name),
        finding.engines(),
        inline(message)
    );
    if !places.is_empty() {
        text.push('\n');
    }
    for place in places {
        let _ = writeln!(text, "- `{}:{}` {}", code(&place.site.file), place.site.line, inline(&place.what));
    }
    if let Some(witness) = witness {
        let engines = cells.iter().map(|cell| cell.engine).filter(|engine| engine.is_checker()).collect();
        text += &block(&Shown { witness, engines }.render());
        if !witness.token.is_empty() {
            text += &block(&format!("selvedge replay {}", witness.token));
        }
    }
    text
}

fn matrix(scenario: &ScenarioReport) -> String {
    let mut text = format!("\n**{}**: {}\n\n| design |", inline(&scenario.name), inline(&scenario.question));
    let engines: Vec<_> = scenario
        .designs
        .first()
        .into_iter()
        .flat_map(|design| &design.cells)
        .map(|cell| cell.engine)
        .collect();
    engines.iter().for_each(|engine| text += &format!(" {engine} |"));
    text += "\n|---|";
    engines.iter().for_each(|_| text += "---|");
    for design in &scenario.designs {
        let _ = write!(text, "\n| {} |", inline(&design.name));
        for cell in &design.cells {
            let _ = write!(text, " {} |", inline(&phrase::cell(cell, phrase::short)));
        }
    }
    text + "\n"
}

/// A text of others in a line: nothing in it is Markdown or HTML.
fn inline(text: &str) -> String {
    let mut inline = String::with_capacity(text.len());
    for letter in plain::plain(text).chars() {
        match letter {
            '<' => inline += "&lt;",
            '>' => inline += "&gt;",
            '&' => inline += "&amp;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '@' => inline.extend(['\\', letter]),
            letter => inline.push(letter),
        }
    }
    inline
}

/// A text in a code span, where nothing can be escaped.
fn code(text: &str) -> String {
    plain::plain(text).replace('`', "'")
}

/// Lines of code, between fences that are longer than any in them.
fn block(text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("\n{fence}text\n{}\n{fence}\n", plain::plain_lines(text).trim_end())
}
