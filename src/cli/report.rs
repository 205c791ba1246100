//! `selvedge report`: a report that was saved, shown again.

use super::outputs::Outputs;
use super::{Format, INTERNAL, USAGE, exit_code, fail, fail_to_print, finish};
use crate::report::{Report, saved, terminal};
use anstream::AutoStream;
use clap::Args;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The report, as `selvedge run --format json` prints it; `-` is the standard input
    #[arg(value_name = "FILE.json")]
    file: PathBuf,
    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Also show every outcome with its count, and what the workers printed
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    outputs: Outputs,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    if let Err(wrong) = arguments.outputs.check() {
        return fail(USAGE, &wrong);
    }
    let report = match read(&arguments.file) {
        Ok(report) => report,
        Err(wrong) => return fail(USAGE, &wrong),
    };
    if let Err(error) = print(&report, arguments.format, arguments.verbose) {
        return fail_to_print(&error);
    }
    match arguments.outputs.write(&report) {
        Ok(()) => ExitCode::from(exit_code(&report)),
        Err(wrong) => fail(INTERNAL, &wrong),
    }
}

/// Reads a saved report.
///
/// # Errors
/// If there is none, in a sentence that begins with the file.
pub(super) fn read(file: &Path) -> Result<Report, String> {
    let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|error| format!("cannot read {name}: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("{name}: line {line}: text in UTF-8 was expected, and there are bytes that are none")
    })?;
    saved::read(&text).map_err(|wrong| format!("{name}: {wrong}"))
}

/// Prints a whole report.
pub(super) fn print(report: &Report, format: Format, verbose: bool) -> io::Result<()> {
    if format == Format::Terminal {
        let width = super::width();
        let mut out = AutoStream::auto(io::stdout()).lock();
        for scenario in &report.scenarios {
            writeln!(out, "{}", terminal::scenario(scenario, width, verbose))?;
        }
    }
    let seconds = report.cells().map(|(.., cell)| cell.seconds()).sum();
    finish(report, format, seconds)
}
