//! Annotations for GitHub Actions: a workflow command in a line for each finding, gravest first.
//!
//! Limit: GitHub shows ten errors and ten warnings of a step, and keeps the rest in the log.

use super::findings::{Finding, findings};
use super::{Report, plain};
use std::cmp::Reverse;

/// Renders the findings of a report; nothing if there are none.
pub(crate) fn render(report: &Report) -> String {
    let mut findings = findings(report);
    findings.sort_by_key(|finding| Reverse(finding.kind.is_error()));
    findings.iter().map(command).collect()
}

fn command(finding: &Finding<'_>) -> String {
    let level = if finding.kind.is_error() { "error" } else { "warning" };
    let (file, line) = match finding.places.first() {
        Some(place) => (place.site.file.as_str(), place.site.line),
        None => (finding.scenario.file.as_str(), 1),
    };
    let title = format!("{}: {} / {}", finding.kind.title(), finding.scenario.name, finding.design.name);
    let mut message = format!("{}: {}", finding.engines(), finding.message);
    let others = finding
        .places
        .iter()
        .skip(1)
        .map(|place| format!("\n{}:{}: {}", place.site.file, place.site.line, place.what));
    message.extend(others);
    if let Some(witness) = finding.witness.filter(|witness| !witness.token.is_empty()) {
        message += &format!("\nselvedge replay {}", witness.token);
    }
    format!(
        "::{level} file={},line={line},title={}::{}\n",
        property(file),
        property(&title),
        data(&plain::plain_lines(&message))
    )
}

/// What a command says, in one line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What one of its properties says.
fn property(text: &str) -> String {
    data(&plain::plain(text)).replace(':', "%3A").replace(',', "%2C")
}
