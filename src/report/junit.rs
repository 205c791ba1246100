//! JUnit's XML, for systems that list tests: a suite for each scenario, a test for each design on each engine.
//!
//! The form is that of Ant's JUnit task, which the schema of Windy Road describes and the common readers take. A verdict
//! that is not as expected is a failure, an inconclusive one and a harness that failed are errors, and what does not
//! apply is skipped. Limits: XML has no way to write most control characters, which become U+FFFD; `timestamp` is
//! what the caller says, at best when the run ended.

use super::findings::Kind;
use super::{Cell, DesignReport, Report, ScenarioReport, phrase, sentence, terminal};
use crate::base::name::slug;
use crate::verdict::Verdict;
use std::fmt::Write as _;

/// Characters of what the workers of a scenario printed, at most.
const MAX_LOG: usize = 20_000;

/// When and where the tests ran, which a report does not say.
pub(crate) struct Run {
    /// As in `2026-11-29T02:30:00`.
    pub(crate) timestamp: String,
    pub(crate) host: String,
}

/// Renders a report.
pub(crate) fn render(report: &Report, run: &Run) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (number, scenario) in report.scenarios.iter().enumerate() {
        suite(&mut xml, number, scenario, report, run);
    }
    xml += "</testsuites>\n";
    xml
}

#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    seconds: f64,
}

/// What JUnit knows a verdict as.
enum Result {
    Passed,
    Skipped,
    Failure(Kind),
    Error(Kind),
}

fn result(cell: &Cell) -> Result {
    match Kind::of(cell) {
        Some(kind @ (Kind::Inconclusive | Kind::Harness)) => Result::Error(kind),
        Some(kind) => Result::Failure(kind),
        None if cell.judgement.verdict == Verdict::NotApplicable => Result::Skipped,
        None => Result::Passed,
    }
}

fn count(scenario: &ScenarioReport) -> Counts {
    let mut counts = Counts::default();
    for cell in scenario.designs.iter().flat_map(|design| &design.cells) {
        counts.tests += 1;
        counts.seconds += cell.seconds();
        match result(cell) {
            Result::Passed => {}
            Result::Skipped => counts.skipped += 1,
            Result::Failure(_) => counts.failures += 1,
            Result::Error(_) => counts.errors += 1,
        }
    }
    counts
}

fn suite(xml: &mut String, number: usize, scenario: &ScenarioReport, report: &Report, run: &Run) {
    let Counts { tests, failures, errors, skipped, seconds } = count(scenario);
    let package = package(scenario);
    let _ = writeln!(
        xml,
        "<testsuite package=\"{}\" id=\"{number}\" name=\"{}\" timestamp=\"{}\" hostname=\"{}\" tests=\"{tests}\" \
         failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds:.3}\">",
        token(&package),
        token(&scenario.name),
        token(&run.timestamp),
        token(&run.host)
    );
    xml.push_str("<properties>\n");
    let mut property = |name: &str, value: &str| {
        let _ = writeln!(xml, "<property name=\"{name}\" value=\"{}\"/>", escaped(value));
    };
    property("question", &scenario.question);
    property("file", &scenario.file);
    property("selvedge", super::json::SELVEDGE);
    if let Some(budget) = report.budget {
        property("seed", &budget.seed.to_string());
    }
    xml.push_str("</properties>\n");
    for design in &scenario.designs {
        for cell in &design.cells {
            case(xml, &package, scenario, design, cell);
        }
    }
    let logs = scenario.designs.iter().flat_map(|design| design.cells.iter().map(move |cell| (design, cell)));
    let logs = logs.filter(|(_, cell)| !cell.log.is_empty());
    let logs: String =
        logs.map(|(design, cell)| format!("{} on {}:\n{}\n", design.name, cell.engine, cell.log)).collect();
    let logs: String = logs.chars().take(MAX_LOG).collect();
    let _ =
        writeln!(xml, "<system-out></system-out>\n<system-err>{}</system-err>\n</testsuite>", escaped(&logs));
}

/// The folders of the scenario's file, as a package.
fn package(scenario: &ScenarioReport) -> String {
    let folders = scenario.file.rsplit_once('/').map_or("scenarios", |(folders, _)| folders);
    folders.trim_matches('/').replace('/', ".")
}

fn case(xml: &mut String, package: &str, scenario: &ScenarioReport, design: &DesignReport, cell: &Cell) {
    let _ = write!(
        xml,
        "<testcase name=\"{}::{}\" classname=\"{}.{}\" time=\"{:.3}\"",
        token(&slug(&design.name)),
        cell.engine,
        token(package),
        token(&scenario.name),
        cell.seconds()
    );
    let (element, kind) = match result(cell) {
        Result::Passed => {
            xml.push_str("/>\n");
            return;
        }
        Result::Skipped => {
            let why = sentence::reason(cell).unwrap_or_default();
            let _ = writeln!(xml, "><skipped message=\"{}\"/></testcase>", escaped(&why));
            return;
        }
        Result::Failure(kind) => ("failure", kind),
        Result::Error(kind) => ("error", kind),
    };
    let message = format!("{}; {} was expected", phrase::cell(cell, phrase::thousands), cell.expected);
    let _ = writeln!(
        xml,
        "><{element} type=\"{}\" message=\"{}\">{}</{element}></testcase>",
        kind.id(),
        escaped(&message),
        escaped(&terminal::cell_in_words(design, cell))
    );
}

/// A text as a token of XML Schema: one line without spaces at its ends or next to each other.
fn token(text: &str) -> String {
    let token = escaped(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if token.is_empty() { "-".to_owned() } else { token }
}

/// A text as XML, between tags and in attributes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\n' | '\t' => escaped.push(letter),
            // XML 1.0, section 2.2: what is no character of a document.
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}
