//! The files that a report is written to.

use super::file;
use crate::engine;
use crate::report::html::{self, Sources};
use crate::report::{Report, annotations, junit, markdown, plain, sarif};
use clap::Args;
use std::io::{Read as _, Write as _};
use std::path::{Component, Path, PathBuf};

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Files")]
pub(super) struct Outputs {
    /// Write the report as a page for a browser, one file that loads nothing
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the verdicts as JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write what is not as expected as SARIF 2.1.0
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Write a summary in Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Set to `true` by GitHub Actions: annotations are printed to standard error, where it reads them too.
const ACTIONS: &str = "GITHUB_ACTIONS";

/// The file to which GitHub Actions has summaries added.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

impl Outputs {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.html, &self.junit, &self.sarif, &self.markdown].into_iter().flatten().map(PathBuf::as_path)
    }

    /// Whether all files can be written, as far as that can be told before there is a report.
    ///
    /// # Errors
    /// If one cannot, in a sentence.
    pub(super) fn check(&self) -> Result<(), String> {
        self.paths().try_for_each(file::check_writable)
    }

    /// Writes all files, each whole or not at all.
    ///
    /// # Errors
    /// If one cannot be written, in a sentence. Those before it have been.
    pub(super) fn write(&self, report: &Report) -> Result<(), String> {
        if let Some(path) = &self.html {
            let page =
                html::render(report, &sources(report)).map_err(|error| format!("cannot render: {error}"))?;
            file::write(path, page.as_bytes())?;
        }
        if let Some(path) = &self.junit {
            file::write(path, junit::render(report, &here_and_now()).as_bytes())?;
        }
        if let Some(path) = &self.sarif {
            file::write(path, plain::json(&sarif::render(report)).as_bytes())?;
        }
        if let Some(path) = &self.markdown {
            file::write(path, markdown::render(report).as_bytes())?;
        }
        for_github(report)
    }
}

/// What GitHub Actions wants of a report, where this runs under it.
fn for_github(report: &Report) -> Result<(), String> {
    if std::env::var_os(ACTIONS).is_some_and(|value| value == "true") {
        let annotations = annotations::render(report);
        let written = std::io::stderr().lock().write_all(annotations.as_bytes());
        written.map_err(|error| format!("cannot print: {error}"))?;
    }
    match std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()) {
        Some(path) => file::append(Path::new(&path), markdown::render(report).as_bytes()),
        None => Ok(()),
    }
}

/// For JUnit: this moment, in universal time, and this machine.
fn here_and_now() -> junit::Run {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    junit::Run { timestamp: timestamp(now.as_secs()), host: host.unwrap_or_else(|| "localhost".to_owned()) }
}

/// Seconds since 1970 as `2026-11-29T02:30:00`. The date follows Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`.
fn timestamp(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year_of_era + 400 * era + carry;
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}", second % 60)
}

/// Bytes of the longest source file that is shown.
const MAX_SOURCE: u64 = 4 << 20;

/// The source files of which a report shows lines, where they are at hand: below this folder or one above it, or above
/// this program.
fn sources(report: &Report) -> Sources {
    let bases = engine::bases();
    let text = |file: String| {
        // A report that comes from elsewhere must not make us show what is no source of a scenario.
        if !is_source(Path::new(&file)) {
            return None;
        }
        let text = bases.iter().find_map(|base| read(&base.join(&file)))?;
        Some((file, text))
    };
    html::files(report).into_iter().filter_map(text).collect()
}

/// Whether it is a Rust file below the folder that it is looked for in.
fn is_source(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs" || extension == "litmus")
        && file.components().all(|part| matches!(part, Component::Normal(_)))
}

fn read(path: &Path) -> Option<String> {
    if !path.is_file() {
        return None;
    }
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(MAX_SOURCE).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_a_date() {
        let check = |seconds, text: &str| assert_eq!(timestamp(seconds), text);
        check(0, "1970-01-01T00:00:00");
        check(951_782_399, "2000-02-28T23:59:59");
        check(951_782_400, "2000-02-29T00:00:00");
        check(1_796_000_000, "2026-11-30T00:53:20");
        check(4_107_542_400, "2100-03-01T00:00:00");
    }

    #[test]
    fn nothing_but_sources_below_a_folder_is_shown() {
        let check = |file: &str, shown| assert_eq!(is_source(Path::new(file)), shown, "{file}");
        check("scenarios/basics/shared_counter.rs", true);
        check("/etc/shadow.rs", false);
        check("../../secret.rs", false);
        check("scenarios/../../secret.rs", false);
        check("scenarios/notes.txt", false);
        check("//rustc/59807616/library/core/src/ops/function.rs", false);
    }
}
