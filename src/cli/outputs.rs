//! The files that a report is written to.

use super::file;
use crate::engine;
use crate::report::Report;
use crate::report::html::{self, Sources};
use clap::Args;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Files")]
pub(super) struct Outputs {
    /// Write the report as a page for a browser, one file that loads nothing
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Outputs {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.html].into_iter().flatten().map(PathBuf::as_path)
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
        Ok(())
    }
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
