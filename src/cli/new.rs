//! `selvedge new`: a first version of a scenario, an object or a litmus test, with comments.

use super::package::Package;
use super::{ALL_AS_EXPECTED, INTERNAL, USAGE, fail, fail_to_print};
use clap::{Args, ValueEnum};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The name, as of a function: `lost_update`, or `locks/lost_update` where `scenarios/` has chapters; of a litmus
    /// test, as of a file: `MP+rel+acq`
    #[arg(value_name = "NAME")]
    name: String,
    /// What to write
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A question, and designs that compete
    #[default]
    Scenario,
    /// Operations, a sequential model, and implementations
    Object,
    /// A small program and its final states, in herd's C dialect
    Litmus,
}

/// Why nothing was written.
enum Refused {
    /// By what was asked for.
    Usage(String),
    /// By the file system.
    Files(String),
}

/// Writes the file, and says what comes next.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let (path, next) = match write(arguments, Path::new(".")) {
        Ok(written) => written,
        Err(Refused::Usage(why)) => return fail(USAGE, &why),
        Err(Refused::Files(why)) => return fail(INTERNAL, &why),
    };
    let text = format!("wrote {}\n{next}", path.display());
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::from(ALL_AS_EXPECTED),
        Err(error) => fail_to_print(&error),
    }
}

fn write(arguments: &Arguments, folder: &Path) -> Result<(PathBuf, String), Refused> {
    let package = Package::around(folder).map_err(Refused::Usage)?;
    let scenarios = package.root.join("scenarios");
    let (chapter, name) = match arguments.name.rsplit_once('/') {
        Some((chapter, name)) => (Some(chapter), name),
        None => (None, arguments.name.as_str()),
    };
    let is_litmus = arguments.kind == Kind::Litmus;
    check_name(name, is_litmus).map_err(Refused::Usage)?;
    let folder = if is_litmus {
        if chapter.is_some_and(|chapter| chapter != "litmus") {
            return Err(Refused::Usage("litmus tests lie in scenarios/litmus".to_owned()));
        }
        scenarios.join("litmus")
    } else {
        let folder = folder_of(&scenarios, chapter).map_err(Refused::Usage)?;
        if let Some(taken) = of_this_name(&scenarios, name) {
            let taken = shown(&package, &taken);
            return Err(Refused::Usage(format!(
                "there is a scenario `{name}` already, in {}",
                taken.display()
            )));
        }
        folder
    };
    let path = folder.join(format!("{name}.{}", if is_litmus { "litmus" } else { "rs" }));
    let text = template(arguments.kind, name);
    create(&folder, &path, &text).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Refused::Usage(format!(
            "{} is there already, and stays as it is",
            shown(&package, &path).display()
        )),
        _ => Refused::Files(format!("cannot write {}: {error}", shown(&package, &path).display())),
    })?;
    let path = shown(&package, &path);
    let next = next(arguments.kind, name, &path, &package);
    Ok((path, next))
}

/// From the package on, which is what an editor is given.
fn shown(package: &Package, path: &Path) -> PathBuf {
    path.strip_prefix(&package.root).unwrap_or(path).to_owned()
}

fn next(kind: Kind, name: &str, path: &Path, package: &Package) -> String {
    if kind == Kind::Litmus {
        return format!("run it: selvedge litmus {}\n", path.display());
    }
    let mut text = String::new();
    if !package.root.join("tests/scenarios.rs").is_file() {
        text += "prepare the package, once: selvedge init\n";
    }
    let _ = writeln!(text, "run it: INSTA_UPDATE=always cargo test --test scenarios {name}");
    let _ =
        writeln!(text, "review its page, which is compared from then on: scenarios/snapshots/{name}.snap");
    text
}

pub(super) fn scenario_template(name: &str) -> String {
    template(Kind::Scenario, name)
}

fn template(kind: Kind, name: &str) -> String {
    let text = match kind {
        Kind::Scenario => include_str!("new/scenario.txt"),
        Kind::Object => include_str!("new/object.txt"),
        Kind::Litmus => include_str!("new/litmus.txt"),
    };
    let mut title = name.replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text.replace("__TITLE__", &title).replace("__NAME__", name)
}

/// Writes a file that is not there yet, whole or not at all.
fn create(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    if path.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    super::file::write(path, text.as_bytes()).map_err(io::Error::other)
}

const MAX_NAME: usize = 60;

fn check_name(name: &str, is_litmus: bool) -> Result<(), String> {
    if name.len() > MAX_NAME {
        return Err(format!("a name has at most {MAX_NAME} letters"));
    }
    if !is_name(name, is_litmus) {
        let what = if is_litmus {
            "letters, digits, `+`, `-`, `_` and `.`"
        } else {
            "small letters, digits and `_`"
        };
        let better = snake_case(name);
        let offered = !is_litmus && is_name(&better, false) && !KEYWORDS.contains(&better.as_str());
        let offer = if offered { format!("; `{better}` would do") } else { String::new() };
        return Err(format!("`{name}` is no name: {what}, beginning with a letter{offer}"));
    }
    if !is_litmus && KEYWORDS.contains(&name) {
        return Err(format!("`{name}` is a word of the language, and no function can have it for a name"));
    }
    Ok(())
}

/// Whether a function can be called so, or a file.
fn is_name(name: &str, is_litmus: bool) -> bool {
    let begins = |letter: char| match is_litmus {
        true => letter.is_ascii_alphanumeric(),
        false => letter.is_ascii_lowercase(),
    };
    let fits = |letter: char| match is_litmus {
        true => letter.is_ascii_alphanumeric() || "+-_.".contains(letter),
        false => letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_',
    };
    name.starts_with(begins) && name.chars().all(fits)
}

/// The same words, as the name of a function.
fn snake_case(name: &str) -> String {
    let mut words = String::new();
    let mut was_small = false;
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() {
            if letter.is_ascii_uppercase() && was_small {
                words.push('_');
            }
            words.push(letter.to_ascii_lowercase());
        } else if !words.is_empty() && !words.ends_with('_') {
            words.push('_');
        }
        was_small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
    }
    words.trim_matches('_').to_owned()
}

/// Those of edition 2024, and those that are kept for later ones.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// Folders of `scenarios/` that hold no chapter.
const NO_CHAPTERS: &[&str] = &["snapshots", "regressions", "litmus"];

/// Where a scenario of this chapter goes.
fn folder_of(scenarios: &Path, chapter: Option<&str>) -> Result<PathBuf, String> {
    let chapters = chapters(scenarios);
    let list = || chapters.iter().map(|chapter| format!("`{chapter}`")).collect::<Vec<_>>().join(", ");
    match chapter {
        Some(chapter) if chapters.iter().any(|known| known == chapter) => Ok(scenarios.join(chapter)),
        Some(chapter) if chapters.is_empty() => Err(format!(
            "there is no chapter `{chapter}`: the files of this package lie in scenarios/ itself"
        )),
        Some(chapter) => Err(format!("there is no chapter `{chapter}`: there are {}", list())),
        None if chapters.is_empty() => Ok(scenarios.to_owned()),
        None => Err(format!("name a chapter, too, as in `{}/NAME`: there are {}", chapters[0], list())),
    }
}

/// The folders in which scenarios lie, where they do not lie side by side.
fn chapters(scenarios: &Path) -> Vec<String> {
    let Ok(entries) = scenarios.read_dir() else { return Vec::new() };
    let folders = entries.filter_map(|entry| entry.ok().filter(|entry| entry.path().is_dir()));
    let holds_scenarios = |folder: &Path| {
        let mut files = folder.read_dir().into_iter().flatten().filter_map(Result::ok);
        files.any(|file| file.path().extension().is_some_and(|end| end == "rs"))
    };
    let named = folders.filter(|entry| holds_scenarios(&entry.path()));
    let mut names: Vec<_> = named.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| !NO_CHAPTERS.contains(&name.as_str()));
    names.sort();
    names
}

/// The file of a scenario that has this name, in whatever chapter.
fn of_this_name(scenarios: &Path, name: &str) -> Option<PathBuf> {
    let folders = chapters(scenarios).into_iter().map(|chapter| scenarios.join(chapter));
    let mut files = folders.chain([scenarios.to_owned()]).map(|folder| folder.join(format!("{name}.rs")));
    files.find(|file| file.symlink_metadata().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_better_ones_offered() {
        for good in ["a", "lost_update", "x86", "mp2"] {
            assert_eq!(check_name(good, false), Ok(()), "{good}");
        }
        let offered = |name: &str| check_name(name, false).expect_err(name);
        assert!(offered("LostUpdate").contains("`lost_update` would do"));
        assert!(offered("lost-update").contains("`lost_update` would do"));
        assert!(offered("lost update!").contains("`lost_update` would do"));
        for wrong in ["", "_", "1st", "é", "match", "self", "a.b", "..", "-", &"a".repeat(61)] {
            assert!(!offered(wrong).contains("`` would do"), "{wrong}");
        }
        assert_eq!(check_name("MP+rel+acq", true), Ok(()));
        for wrong in ["", "+MP", ".hidden", "a b", "a\n"] {
            check_name(wrong, true).expect_err(wrong);
        }
    }

    #[test]
    fn nothing_is_left_to_be_filled_in() {
        for kind in [Kind::Scenario, Kind::Object, Kind::Litmus] {
            let text = template(kind, "lost_update");
            assert!(text.contains("lost_update") && !text.contains("__"), "{text}");
            assert!(text.ends_with("}\n") || text.ends_with(")\n"), "{text}");
        }
    }
}
