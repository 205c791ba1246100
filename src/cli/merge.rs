//! `selvedge merge`: the reports of the shards of a run, joined into one.

use super::outputs::Outputs;
use super::{Format, INTERNAL, USAGE, exit_code, fail, fail_to_print, file, report};
use crate::report::{json, merge, plain};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(
    after_help = "What was drawn at random is added up; of what was explored in full the strongest stands; a failure \
                  that one shard saw is a failure, and where others did not see it, that is said. Reports of different \
                  versions, scenarios, seeds, or of the same shard are refused. Exit codes are those of `run`."
)]
pub(super) struct Arguments {
    /// The reports, as `selvedge run --shard K/N --format json` prints them; `-` is the standard input
    #[arg(value_name = "FILE.json", required = true)]
    files: Vec<PathBuf>,
    /// Also write the joined report, as JSON
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
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
    let parts = arguments.files.iter().map(|file| Ok((file.display().to_string(), report::read(file)?)));
    let joined = match parts.collect::<Result<Vec<_>, String>>().and_then(merge::reports) {
        Ok(joined) => joined,
        Err(wrong) => return fail(USAGE, &wrong),
    };
    if let Some(path) = &arguments.out {
        let written = json::render(&joined).map_err(|error| error.to_string());
        if let Err(error) = written.and_then(|text| file::write(path, plain::json(&text).as_bytes())) {
            return fail(INTERNAL, &error);
        }
    }
    if let Err(error) = report::print(&joined, arguments.format, arguments.verbose) {
        return fail_to_print(&error);
    }
    match arguments.outputs.write(&joined) {
        Ok(()) => ExitCode::from(exit_code(&joined)),
        Err(wrong) => fail(INTERNAL, &wrong),
    }
}
