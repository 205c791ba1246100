//! The report as a page for a browser: one file that loads nothing.
//!
//! First the matrix, which is plain HTML and can be read without a script; then, by the script, a page for each design:
//! outcomes, evidence, where engines disagree, and of each witness a space-time diagram to step through. All words are
//! made here, and the script lays them out: it holds no sentence about a design of its own.
//!
//! Limits: of a witness the last [`MAX_ROWS`](diagram::MAX_ROWS) events are drawn. Source lines are those of the time
//! of rendering; where a file is not at hand, its name and line stand in their place.

mod data;
mod diagram;
mod matrix;

use super::Report;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Texts of source files, by the paths that the report has for them.
pub(crate) type Sources = BTreeMap<String, String>;

/// The colours, which the page of a history shares.
pub(crate) const PALETTE: &str = include_str!("palette.css");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");

/// The source files of which the page shows lines, as paths below some folder.
pub(crate) fn files(report: &Report) -> BTreeSet<String> {
    let witnesses = report.cells().flat_map(|(.., cell)| &cell.observation.witnesses);
    let sites = witnesses.flat_map(|witness| &witness.events).filter_map(|event| event.site.as_ref());
    let accesses = report.cells().flat_map(|(.., cell)| data::race_sites(cell));
    sites.chain(accesses).map(|site| site.file.clone()).collect()
}

/// The page.
///
/// # Errors
/// None in practice: every part is plain data.
pub(crate) fn render(report: &Report, sources: &Sources) -> serde_json::Result<String> {
    let data = serde_json::to_string(&data::data(report, sources))?;
    // A text of others must not end the script that holds it.
    let data = data.replace('<', "\\u003c");
    let mut page = String::with_capacity(data.len() + 200_000);
    page += "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
    page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    page += "<meta name=\"color-scheme\" content=\"light dark\">\n<title>selvedge: what was found</title>\n";
    let _ = write!(page, "<style>\n{PALETTE}{STYLE}</style>\n</head>\n<body>\n{}", matrix::matrix(report));
    page += "<main id=\"design\" hidden tabindex=\"-1\"></main>\n";
    let _ = write!(
        page,
        "<script type=\"application/json\" id=\"data\">{data}</script>\n<script>\n{SCRIPT}</script>\n"
    );
    page += "</body>\n</html>\n";
    Ok(page)
}

/// A text as HTML, between tags and in attributes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            letter if letter.is_control() && letter != '\n' => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}
