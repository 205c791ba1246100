//! The rules of the house, held to by reading the source.

use crate::support::{cargo, root};
use std::path::{Path, PathBuf};

/// Every Rust file below a folder of `src`, with its path from there and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let start = root().join("src").join(folder);
    let mut folders = vec![start.clone()];
    let mut files: Vec<PathBuf> = Vec::new();
    if start.is_file() {
        files.push(folders.remove(0));
    }
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of src").filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root().join("src")).expect("below src").display().to_string();
        (name, std::fs::read_to_string(&path).expect("a source file"))
    };
    files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")).map(read).collect()
}

/// The lines of code that contain any of these words, as `file:line: text`. Comments are not code.
fn lines_with(sources: &[(String, String)], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in sources {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    found
}

/// One place knows which runtime serves an object: the facade asks for one, and names none.
#[test]
fn the_facade_names_no_checker() {
    let rooms = ["sync", "thread", "cell", "channel", "future"].iter().flat_map(|room| sources(room));
    let files = ["cell.rs", "choice.rs", "hint.rs", "future.rs", "alloc.rs", "lazy_static.rs"];
    let facade: Vec<_> = rooms
        .chain(files.iter().flat_map(|file| sources(file)))
        // Tests may look a checker in the eye.
        .filter(|(file, _)| !file.ends_with("tests.rs"))
        .collect();
    assert!(facade.len() > 30, "the sources were not found");
    let named = lines_with(&facade, &["loom::", "shuttle::", "rc11::", "Checker::", "Engine::"]);
    assert_eq!(named, Vec::<String>::new());
}

/// The checkers' own crates are named by their runtimes and engines alone.
#[test]
fn only_runtimes_and_engines_name_a_checkers_crate() {
    let outside: Vec<_> = sources("")
        .into_iter()
        .filter(|(file, _)| !file.starts_with("rt/") && !file.starts_with("engine/"))
        .filter(|(file, _)| !file.ends_with("tests.rs") && file != "testing.rs")
        .collect();
    assert!(outside.len() > 20, "the sources were not found");
    // With what goes before it: `rt::loom` is the runtime and not the crate.
    let crates = [
        " loom::",
        "(loom::",
        "<loom::",
        " ::loom::",
        " shuttle::",
        "(shuttle::",
        "<shuttle::",
        "::shuttle::{",
    ];
    assert_eq!(lines_with(&outside, &crates), Vec::<String>::new());
}

#[test]
fn verdicts_and_reports_do_nothing_but_compute() {
    let mut pure = sources("report");
    pure.extend(sources("verdict.rs"));
    assert!(pure.len() >= 5, "the sources were not found");
    let effects =
        ["std::fs", "std::env", "std::io", "std::net", "std::time", "Instant", "println!", "eprintln!"];
    assert_eq!(lines_with(&pure, &effects), Vec::<String>::new());
}

#[test]
fn the_detector_knows_no_engine_and_no_scenario() {
    let detector = sources("race");
    assert!(detector.len() >= 3, "the sources were not found");
    assert_eq!(
        lines_with(&detector, &["crate::engine", "crate::scenario", "crate::rt"]),
        Vec::<String>::new()
    );
}

/// The checker of histories can be used alone: it names no other module of the crate.
#[test]
fn the_checker_of_histories_stands_on_its_own() {
    let checker = sources("linearizability");
    assert!(checker.len() >= 9, "the sources were not found");
    let named = lines_with(&checker, &["crate::"]).into_iter().filter(|line| !line.contains("$crate::"));
    let above: Vec<_> = named.filter(|line| !line.contains("crate::linearizability")).collect();
    assert_eq!(above, Vec::<String>::new());
}

/// The rooms. Each may import those before it, and no others.
const FLOORS: &[&str] = &[
    "base",
    "config",
    "linearizability",
    "erased",
    "heartbeat",
    "race",
    "explore",
    "rt",
    "thread",
    "cell",
    "channel",
    "choice",
    "hint",
    "sync",
    "alloc",
    "lazy_static",
    "future",
    "scenario",
    "witness",
    "engine",
    "object",
    "registry",
    "litmus",
    "verdict",
    "report",
    "model",
    "compat",
    "runner",
    "claims",
    "cli",
];

/// Where the code of a file stands; nothing for tests, their oracles, and what only puts the rooms together.
fn floor_of_file(file: &str) -> Option<(&str, usize)> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let of_tests = [
        "tests.rs",
        "seeded_bugs.rs",
        "oracle.rs",
        "sample.rs",
        "testing.rs",
        "parallel_testing.rs",
        "parsers.rs",
        "facade.rs",
    ];
    let apart =
        of_tests.contains(&name) || name.ends_with("_tests.rs") || ["lib.rs", "main.rs"].contains(&file);
    if apart || ["/differential/", "/tests/", "race/pairs/"].iter().any(|folder| file.contains(folder)) {
        return None;
    }
    let room = file.split('/').next().unwrap_or(file).trim_end_matches(".rs");
    let floor = FLOORS.iter().position(|known| *known == room);
    Some((room, floor.unwrap_or_else(|| panic!("{file} lies in a room without a floor"))))
}

/// The rooms that a line of code names.
fn rooms_named(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    let named = code.match_indices("crate::").filter(|(at, _)| !code[..*at].ends_with('$'));
    named.filter_map(|(at, found)| {
        let rest = &code[at + found.len()..];
        let room = rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()?;
        FLOORS.contains(&room).then_some(room)
    })
}

#[test]
fn imports_run_downward_only() {
    let floor = |room: &str| FLOORS.iter().position(|known| *known == room).expect("a room");
    let (mut up, mut seen) = (Vec::new(), 0);
    for (file, text) in sources("") {
        let Some((room, here)) = floor_of_file(&file) else { continue };
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for line in code.lines() {
            for named in rooms_named(line).filter(|named| *named != room) {
                seen += 1;
                if floor(named) > here {
                    up.push(format!("{file} imports {named}: {}", line.trim()));
                }
            }
        }
    }
    assert!(seen > 300, "only {seen} imports were found");
    assert_eq!(up, Vec::<String>::new());
}

/// What counts is one subject in a file, and no type's `impl` over several that import each other: that may take long
/// files, within reason.
#[test]
fn no_source_file_is_too_long_to_read() {
    let long: Vec<_> = sources("")
        .into_iter()
        .map(|(file, text)| (text.lines().count(), file))
        .filter(|(lines, _)| *lines > 2_000)
        .collect();
    assert_eq!(long, []);
}

#[test]
fn the_readme_shows_the_example_that_is_compiled() {
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md").is_file());
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the readme");
    for words in ["cargo run --release", "cargo test", "selvedge::scenario!", "selvedge::harness!"] {
        assert!(readme.contains(words), "`{words}` is not in the readme");
    }
}

/// The oldest compiler is as old as the dependencies allow.
#[test]
fn the_minimum_rust_version_is_that_of_the_dependencies() {
    let mut metadata =
        cargo(&["metadata", "--format-version=1", "--filter-platform=x86_64-unknown-linux-gnu"]);
    let output = metadata.assert().success().get_output().stdout.clone();
    let metadata: serde_json::Value = serde_json::from_slice(&output).expect("JSON");
    let version = |package: &serde_json::Value| -> Option<Vec<u32>> {
        let text = package["rust_version"].as_str()?;
        Some(text.split('.').map(|number| number.parse().expect("a number")).take(2).collect())
    };
    let packages = metadata["packages"].as_array().expect("packages");
    let (ours, others): (Vec<_>, Vec<_>) = packages.iter().partition(|package| package["name"] == "selvedge");
    let oldest = others.into_iter().filter_map(version).max();
    assert!(oldest.is_some() && oldest == version(ours[0]), "{oldest:?} is what the dependencies need");
}

/// The witness in the readme is that of the page which is checked on every run.
#[test]
fn the_readme_shows_the_witness_that_is_found() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the readme");
    let page = root().join("scenarios/snapshots/shared_counter.snap");
    let page = std::fs::read_to_string(page).expect("the page of the shared counter");
    let begin = readme.find("the shortest way to it (shuttle and rc11 and loom)").expect("a witness");
    let end = begin + readme[begin..].find("selvedge replay").expect("the token after it");
    let witness = &readme[begin..end];
    assert_eq!(witness.lines().count(), 14, "{witness}");
    assert!(page.contains(witness), "not in the page:\n{witness}");
}

/// The book's table of contents in the readme has every scenario, and the pages in it are those that are checked.
#[test]
fn the_readme_has_the_book_as_it_is() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the readme");
    let mut scenarios = 0;
    let entries = |folder: &Path| std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    let folders = entries(&root().join("scenarios")).map(|entry| entry.path()).filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| entries(&folder).map(|entry| entry.path()).collect::<Vec<_>>());
    for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        let name = file.file_stem().expect("a name").display().to_string();
        let folder = file.parent().and_then(Path::file_name).expect("a folder").display().to_string();
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{folder}` |")));
        let row = row.unwrap_or_else(|| panic!("the readme has no chapter {folder}"));
        assert!(row.split([' ', ',']).any(|word| word == name), "the readme has no {folder}/{name}");
        scenarios += 1;
    }
    assert!(scenarios > 60, "{scenarios}");
    let mut pages = 0;
    for shown in readme.split("<details><summary>`").skip(1) {
        let (name, rest) = shown.split_once('`').expect("a name");
        let shown =
            rest.split("```text\n").nth(1).and_then(|page| page.split("\n```").next()).expect("a page");
        let page = root().join(format!("scenarios/snapshots/{name}.snap"));
        let page = std::fs::read_to_string(page).expect("the page as it is checked");
        assert!(
            page.trim_end().ends_with(shown),
            "the page {name} in the readme is not the one that is checked"
        );
        pages += 1;
    }
    assert_eq!(pages, 3);
}
