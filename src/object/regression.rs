//! Programs that failed once, and are tried first from then on.
//!
//! A text file beside the scenarios, `regressions/<scenario>.txt`: one program a line, as the seed and the
//! size it was drawn with, after the design's name. Only failures of implementations that are expected to
//! be safe are kept. Meant to be checked in.
//!
//! Limits: a line that cannot be read is left alone and not tried; at most [`MOST_KNOWN`] programs a design.
//! A file that cannot be written is mentioned in the worker's log, and nothing else comes of it.

use super::program::Program;
use crate::base::name::slug;
use crate::base::recipe::Size;
use crate::engine::Name;
use crate::scenario::Engine;
use anyhow::{Context as _, bail};
use std::fmt::Debug;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Programs tried of one design.
const MOST_KNOWN: usize = 32;

/// How a program was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) seed: u64,
    pub(super) size: Size,
}

/// Where the programs of the design that this process explores are kept.
struct Place {
    file: PathBuf,
    design: String,
}

static PLACE: OnceLock<Place> = OnceLock::new();

/// Tells which design this process explores. The scenario's source file is looked for from the current
/// folder on; where it is not found, nothing is kept or tried.
pub(crate) fn explores(source: &str, scenario: &str, design: &str) {
    let source = Path::new(source);
    let (true, Some(folder)) = (source.is_file(), source.parent()) else { return };
    let file = folder.join("regressions").join(format!("{scenario}.txt"));
    PLACE.get_or_init(|| Place { file, design: slug(design) });
}

/// The programs that failed before.
///
/// # Errors
/// If there is a file that cannot be read as text.
pub(super) fn known() -> anyhow::Result<Vec<Known>> {
    let Some(place) = PLACE.get() else { return Ok(Vec::new()) };
    Ok(parse(&read(&place.file)?.unwrap_or_default(), &place.design))
}

/// The text of a file, if there is one. What is no plain file, a pipe for instance, is never opened: it may have no end.
fn read(file: &Path) -> anyhow::Result<Option<String>> {
    match fs::metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Ok(found) if !found.is_file() => bail!("{} is no plain file", file.display()),
        Ok(_) | Err(_) => {}
    }
    fs::read_to_string(file).map(Some).with_context(|| format!("cannot read {}", file.display()))
}

/// Keeps a program that failed, if it is not kept already.
pub(super) fn keep<Op: Debug>(known: &Known, shrunk: &Program<Op>) {
    let Some(place) = PLACE.get() else { return };
    let text = match read(&place.file) {
        Ok(text) => text.unwrap_or_else(|| HEADER.to_owned()),
        Err(error) => {
            eprintln!("cannot keep the program: {error:#}");
            return;
        }
    };
    if parse(&text, &place.design).contains(known) {
        return;
    }
    let text = format!("{text}{} # {}\n", line(&place.design, known), shrunk.as_code());
    let folder = place.file.parent().unwrap_or(Path::new("."));
    if let Err(error) = fs::create_dir_all(folder).and_then(|()| fs::write(&place.file, text)) {
        eprintln!("cannot keep the program in {}: {error}", place.file.display());
    }
}

/// A test that fails for as long as the program does, to be pasted behind the scenario's function.
pub(super) fn as_test<Op: Debug>(name: Name<'_>, engine: Engine, program: &Program<Op>) -> String {
    let Name { scenario, design, .. } = name;
    let list = |operations: &[Op]| {
        let all: Vec<_> = operations.iter().map(|op| format!("{op:?}")).collect();
        format!("vec![{}]", all.join(", "))
    };
    let parts: String = program.parts.iter().map(|part| format!("            {},\n", list(part))).collect();
    // Real engines may miss it; the checker that has shrunk it does not.
    let engine = if engine.is_checker() { engine } else { Engine::Shuttle };
    format!(
        "#[test]\nfn {scenario}_{}_holds() {{\n    let program = Program {{\n        prefix: {},\n        parts: \
         vec![\n{parts}        ],\n        suffix: {},\n    }};\n    {scenario}().check({design:?}, {engine:?}, \
         &program);\n}}\n",
        slug(design),
        list(&program.prefix),
        list(&program.suffix)
    )
}

const HEADER: &str = "\
# Programs that failed once: design, seed, and the most there can be of actors, operations of each, before
# and after. They are tried first. What they shrank to is behind them. Keep this file in version control.
";

fn line(design: &str, known: &Known) -> String {
    let Size { parts, operations, prefix, suffix } = &known.size;
    format!("{design} {:#x} {} {} {operations} {prefix} {suffix}", known.seed, parts.start(), parts.end())
}

/// The programs of one design in the text of a file.
fn parse(text: &str, design: &str) -> Vec<Known> {
    text.lines().filter_map(|line| parse_line(line, design)).take(MOST_KNOWN).collect()
}

fn parse_line(line: &str, design: &str) -> Option<Known> {
    let mut words = line.split('#').next()?.split_whitespace();
    if words.next()? != design {
        return None;
    }
    let seed = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    let numbers: Vec<usize> = words.map(str::parse).collect::<Result<_, _>>().ok()?;
    let [fewest, most, operations, prefix, suffix] = numbers[..] else { return None };
    let possible = (1..=most).contains(&fewest) && most <= super::MOST_PARTS;
    let possible = possible && operations.max(prefix).max(suffix) <= super::MOST_OPERATIONS;
    possible.then_some(Known { seed, size: Size { parts: fewest..=most, operations, prefix, suffix } })
}

/// Reads any bytes as such a file, and writes what was read as another: for tests and for fuzzing.
///
/// # Panics
/// If what is written is not read as what it was.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn round_trip(bytes: &[u8]) -> usize {
    let text = String::from_utf8_lossy(bytes);
    let known = parse(&text, "design");
    let lines: Vec<_> = known.iter().map(|known| line("design", known)).collect();
    assert_eq!(parse(&lines.join("\n"), "design"), known);
    known.len()
}

#[cfg(test)]
mod tests {
    use super::{parse, read, round_trip};

    #[test]
    fn what_is_no_text_is_named_and_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("known.txt");
        assert!(read(&file).expect("it need not be there").is_none());
        std::fs::write(&file, b"design \xff").expect("it is written");
        let error = read(&file).expect_err("it is no text").to_string();
        assert!(error.contains("known.txt"), "{error}");
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        assert!(read(&pipe).expect_err("it has no end").to_string().contains("no plain file"));
    }

    #[test]
    fn lines_are_read_and_written_and_wrong_ones_left_alone() {
        let text = "# a comment\ndesign 0xff 2 3 3 3 2 # Program { }\nother 0x1 1 1 1 1 1\ndesign ff 1 1 1 1 1\n\
                    design 0x1 0 1 1 1 1\ndesign 0x1 1 9 1 1 1\ndesign 0x2 1 4 8 8 8\ndesign 0x2 1 4 8 8\n";
        let seeds: Vec<_> = parse(text, "design").iter().map(|known| known.seed).collect();
        assert_eq!(seeds, [0xff, 2]);
        assert_eq!(round_trip(text.as_bytes()), 2);
    }
}
