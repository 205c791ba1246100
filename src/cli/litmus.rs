//! `selvedge litmus FILE…`: litmus tests on every engine.

use super::knobs::Knobs;
use super::progress::Progress;
use super::{ALL_AS_EXPECTED, INCONCLUSIVE, INTERNAL, INTERRUPTED, UNEXPECTED, USAGE, fail, fail_to_print};
use crate::config::Format;
use crate::litmus::{self, Test, finding};
use crate::registry::Found;
use crate::report::Report;
use crate::report::litmus::{Row, json, rows, summary, text};
use crate::runner::plan::{Plan, Selection};
use crate::runner::{interrupt, run};
use anstream::AutoStream;
use clap::Args;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// The arguments of `selvedge litmus`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 every answer as expected, 1 an answer not as expected, 2 wrong usage or a file that \
                  cannot be read, 3 nothing unexpected but something open, 4 the harness failed, 130 interrupted. \
                  Expected is what the file's answers say; without them, that the condition holds and nothing races, \
                  but samples and sequentially consistent engines need not show what exists."
)]
pub(super) struct Arguments {
    /// Litmus tests in herd's C dialect; of a folder, all files in it that end in `.litmus`
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    knobs: Knobs,
}

/// Reads the tests, runs them, prints what was found out, and says with which code to exit.
pub(super) fn start(arguments: &Arguments) -> ExitCode {
    let settings = match arguments.knobs.settings() {
        Ok(settings) => settings,
        Err(wrong) => return fail(USAGE, &wrong),
    };
    let (tests, found) = match read(&arguments.files) {
        Ok(read) => read,
        Err(wrong) => return fail(USAGE, &wrong),
    };
    let usual = finding::engines();
    let asked = if settings.engines.is_empty() { &usual } else { &settings.engines };
    let engines = settings.model.engines(asked);
    let plan = match Plan::new(&found, &Selection { engines, ..Selection::default() }) {
        Ok(plan) => plan,
        Err(unknown) => return fail(USAGE, &unknown),
    };
    if let Err(error) = interrupt::install() {
        return fail(INTERNAL, &format_args!("cannot handle signals: {error}"));
    }
    let begun = Instant::now();
    let progress = Progress::new(plan.cells());
    let report = run(&plan, settings.budget, settings.jobs(), |event| progress.note(&event));
    progress.end();
    let report = match report {
        Ok(report) => report,
        Err(error) if interrupt::interrupted() => return fail(INTERRUPTED, &error),
        Err(error) => return fail(INTERNAL, &error),
    };
    let rows = rows(&tests, &report);
    match print(&rows, settings.format, begun.elapsed().as_secs_f64()) {
        Ok(()) => ExitCode::from(exit_code(&report, &rows)),
        Err(error) => fail_to_print(&error),
    }
}

/// Every test of these files and folders, or what is wrong with all that cannot be read, a line each.
fn read(paths: &[PathBuf]) -> Result<(Vec<Test>, Vec<Found>), String> {
    let (mut tests, mut found, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for path in paths {
        let files = match files(path) {
            Ok(files) => files,
            Err(error) => {
                wrong.push(error);
                continue;
            }
        };
        for file in files {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(&file).map_err(|error| format!("{name}: {error}"));
            match text.and_then(|text| litmus::found(&name, &text).map_err(|error| error.to_string())) {
                Ok((test, one)) => {
                    tests.push(test);
                    found.push(one);
                }
                Err(error) => wrong.push(error),
            }
        }
    }
    if wrong.is_empty() { Ok((tests, found)) } else { Err(wrong.join("\n")) }
}

/// The file itself, or the litmus tests in a folder.
fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|end| end == "litmus")).collect();
    files.sort();
    if files.is_empty() {
        return Err(format!("{}: no file in this folder ends in `.litmus`", path.display()));
    }
    Ok(files)
}

fn print(rows: &[Row<'_>], format: Format, seconds: f64) -> io::Result<()> {
    let mut out = AutoStream::auto(io::stdout()).lock();
    match format {
        Format::Terminal => {
            for row in rows {
                out.write_all(text(row, super::width()).as_bytes())?;
            }
            out.write_all(summary(rows, seconds).as_bytes())?;
        }
        Format::Json => out.write_all(json(rows)?.as_bytes())?,
    }
    out.flush()
}

/// As of `selvedge run`: the worst of all answers decides.
fn exit_code(report: &Report, rows: &[Row<'_>]) -> u8 {
    let answers = || rows.iter().flat_map(|row| &row.cells).map(|(_, finding)| finding.as_expected);
    if report.tally().broken > 0 {
        INTERNAL
    } else if answers().any(|answer| answer == Some(false)) {
        UNEXPECTED
    } else if answers().any(|answer| answer.is_none()) {
        INCONCLUSIVE
    } else {
        ALL_AS_EXPECTED
    }
}
