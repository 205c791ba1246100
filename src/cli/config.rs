//! `selvedge config`: what is in force, and what sets it.

use super::knobs::Knobs;
use super::{ALL_AS_EXPECTED, USAGE, fail, fail_to_print};
use crate::config::{Config, Entry, Format};
use crate::report::plain;
use clap::Args;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(
    after_help = "A knob is set by a line of the table `[selvedge]` in `selvedge.toml` (in this folder, or else in the \
                  nearest above it), by a variable, which is stronger (`SELVEDGE_WALL_MS` for `wall-ms`), or by a \
                  flag, which is stronger still. `run`, `litmus`, tests and models heed them. What is no knob is an \
                  error. `--verbose` also says what each is for; `--format json` is for programs."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    knobs: Knobs,
}

/// Prints every knob.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let config = match arguments.knobs.config() {
        Ok(config) => config,
        Err(wrong) => return fail(USAGE, &wrong),
    };
    let text = match config.settings.format {
        Format::Terminal => text(&config, config.settings.verbose),
        Format::Json => json(&config),
    };
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::from(ALL_AS_EXPECTED),
        Err(error) => fail_to_print(&error),
    }
}

fn text(config: &Config, verbose: bool) -> String {
    let rows: Vec<[String; 4]> = config.entries.iter().map(row).collect();
    let heads = ["knob", "value", "unit", "set by"].map(str::to_owned);
    let width = |column: usize| {
        let cells = std::iter::once(&heads).chain(&rows).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: [usize; 4] = std::array::from_fn(width);
    let line = |row: &[String; 4]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut text = match &config.file {
        Some(file) => format!("file: {}\n\n", plain::plain(&file.display().to_string())),
        None => "file: none, as there is no selvedge.toml in this folder or above it\n\n".to_owned(),
    };
    text += &line(&heads);
    for (row, entry) in rows.iter().zip(&config.entries) {
        text += &line(row);
        if verbose {
            let _ = writeln!(text, "    {}", entry.knob.about());
        }
    }
    text
}

fn row(entry: &Entry) -> [String; 4] {
    let value = if entry.text.is_empty() { "-".to_owned() } else { plain::name(&entry.text) };
    [entry.knob.name().to_owned(), value, entry.knob.unit().to_owned(), plain::plain(&entry.from_where())]
}

fn json(config: &Config) -> String {
    let knob = |entry: &Entry| {
        serde_json::json!({
            "name": entry.knob.name(),
            "value": entry.text,
            "unit": entry.knob.unit(),
            "about": entry.knob.about(),
            "source": entry.from_where(),
            "variable": entry.knob.variable(),
        })
    };
    let knobs: Vec<_> = config.entries.iter().map(knob).collect();
    let document = serde_json::json!({ "version": 1, "file": config.file, "knobs": knobs });
    plain::json(&format!("{document:#}\n"))
}
