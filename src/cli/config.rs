//! `selvedge config`: what is in force, and what sets it.

use super::knobs::Knobs;
use super::{ALL_AS_EXPECTED, USAGE, fail, fail_to_print};
use crate::config::{Config, Entry, Format};
use crate::report::matrix::broken;
use crate::report::{plain, wrapped};
use clap::Args;
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
        Format::Terminal => text(&config, config.settings.verbose, super::width()),
        Format::Json => json(&config),
    };
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::from(ALL_AS_EXPECTED),
        Err(error) => fail_to_print(&error),
    }
}

/// A table that is no wider than this, if that has 60 columns.
fn text(config: &Config, verbose: bool, width: usize) -> String {
    let rows: Vec<[String; 4]> = config.entries.iter().map(row).collect();
    let heads = ["knob", "value", "unit", "set by"].map(str::to_owned);
    let longest = |column: usize| {
        let cells = std::iter::once(&heads).chain(&rows).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let [knob, value, unit, source] = std::array::from_fn(longest);
    // The values and their sources share what is left.
    let room = width.saturating_sub(knob + unit + 6);
    let value = value.min(room.saturating_sub(source).max(room / 2));
    let widths = [knob, value, unit, source.min(room - value)];
    let mut text = match &config.file {
        Some(file) => format!("file: {}\n\n", plain::plain(&file.display().to_string())),
        None => {
            wrapped("file: none, as there is no selvedge.toml in this folder or above it", 0, width) + "\n"
        }
    };
    text += &lines(&heads, widths);
    for (row, entry) in rows.iter().zip(&config.entries) {
        text += &lines(row, widths);
        if verbose {
            text += &wrapped(entry.knob.about(), 4, width);
        }
    }
    text
}

/// A row, in which each cell takes as many lines as it needs.
fn lines(row: &[String; 4], widths: [usize; 4]) -> String {
    let cells: [Vec<String>; 4] = std::array::from_fn(|column| broken(&row[column], widths[column]));
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let line = |number: usize| {
        let pieces = cells.iter().zip(widths).map(|(cell, width)| {
            let piece = cell.get(number).map_or("", String::as_str);
            format!("{piece:<width$}")
        });
        format!("{}\n", pieces.collect::<Vec<_>>().join("  ").trim_end())
    };
    (0..height).map(line).collect()
}

fn row(entry: &Entry) -> [String; 4] {
    let value = match plain::plain(&entry.text) {
        none if none.is_empty() => "-".to_owned(),
        list => list.replace(',', ", "),
    };
    [entry.knob.name().to_owned(), value, entry.knob.unit().to_owned(), plain::plain(&entry.set_by())]
}

fn json(config: &Config) -> String {
    let knob = |entry: &Entry| {
        serde_json::json!({
            "name": entry.knob.name(),
            "value": entry.text,
            "unit": entry.knob.unit(),
            "about": entry.knob.about(),
            "source": entry.set_by(),
            "variable": entry.knob.variable(),
        })
    };
    let knobs: Vec<_> = config.entries.iter().map(knob).collect();
    let document = serde_json::json!({ "version": 1, "file": config.file, "knobs": knobs });
    plain::json(&format!("{document:#}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Knob, Source, resolve};

    #[test]
    fn the_table_is_no_wider_than_the_terminal() {
        let path = "/home/somewhere/deep/in/a/tree/of/folders/selvedge.toml".into();
        let source = Source::File { path, line: 3 };
        let entries = vec![Entry { knob: Knob::Engine, text: "rc11,loom,shuttle".to_owned(), source }];
        let config = resolve(entries, Some("selvedge.toml".into())).expect("in force");
        for width in [60, 80, 100, 160] {
            let text = text(&config, true, width);
            let wide: Vec<_> = text.lines().filter(|line| line.chars().count() > width).collect();
            assert_eq!(wide, Vec::<&str>::new(), "at {width}");
            for knob in Knob::ALL {
                assert!(text.lines().any(|line| line.starts_with(knob.name())), "{}", knob.name());
            }
        }
    }
}
