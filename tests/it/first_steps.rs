//! The first steps of a user: `init`, `new`, `config`, completions and the manual page.

use crate::support::{cargo, json, root, selvedge};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// What the commands that leave scenario files behind have left in `tests/newcomer`.
const COMMANDS: &[&[&str]] = &[
    &["init", "--path", "../.."],
    &["new", "lost_update"],
    &["new", "counter", "--kind", "object"],
    &["new", "MP+mine", "--kind", "litmus"],
];

/// Files below a folder by their paths, but for what tests write.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder").filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                if !["snapshots", "regressions", "target"].iter().any(|name| path.ends_with(name)) {
                    folders.push(path);
                }
            } else {
                let name = path.strip_prefix(folder).expect("below it").display().to_string();
                files.insert(name, fs::read_to_string(&path).expect("text"));
            }
        }
    }
    files
}

/// A package as `cargo new` makes it, two folders below one that stands for selvedge.
fn newcomer(folder: &Path) -> std::path::PathBuf {
    let package = folder.join("tests/newcomer");
    fs::create_dir_all(package.join("src")).expect("a folder");
    fs::write(folder.join("Cargo.toml"), "[profile.dev.package.\"*\"]\nopt-level = 3\n[workspace]\n")
        .expect("a file");
    let theirs = fs::read_to_string(root().join("tests/newcomer/Cargo.toml")).expect("the manifest");
    let (before, _) = theirs.split_once("\n[dev-dependencies]").expect("what init adds");
    fs::write(package.join("Cargo.toml"), before).expect("a file");
    fs::copy(root().join("tests/newcomer/src/lib.rs"), package.join("src/lib.rs")).expect("a file");
    package
}

/// Runs the program in a folder: its exit code, and what it printed.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = selvedge().current_dir(folder).args(arguments).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

#[test]
fn what_is_written_is_the_package_that_is_tested() {
    let folder = tempfile::tempdir().expect("a folder");
    let package = newcomer(folder.path());
    for arguments in COMMANDS {
        let (code, told, wrong) = run(&package, arguments);
        assert_eq!((code, wrong.as_str()), (0, ""), "{arguments:?}: {told}");
        assert!(told.contains("run it: "), "{told}");
    }
    let (written, tested) = (files(&package), files(&root().join("tests/newcomer")));
    assert_eq!(written.len(), 8, "{:?}", written.keys());
    for (name, text) in &tested {
        assert_eq!(written.get(name), Some(text), "{name} is another one in tests/newcomer");
    }
    assert_eq!(written.len(), tested.len());
    let stamps = || -> Vec<SystemTime> {
        let stamp = |name: &String| {
            fs::metadata(package.join(name)).and_then(|found| found.modified()).expect("a time")
        };
        written.keys().map(stamp).collect()
    };
    let before = stamps();
    let (code, told, _) = run(&package, &["init"]);
    assert_eq!((code, told.as_str()), (0, "everything is there already: nothing was changed\n"));
    assert_eq!((files(&package), stamps()), (written.clone(), before));
}

#[test]
fn what_is_written_compiles_and_passes() {
    let arguments = ["test", "--package", "selvedge-newcomer", "--test", "scenarios"];
    let output = cargo(&arguments).assert().success().get_output().stdout.clone();
    let printed = String::from_utf8_lossy(&output);
    for line in [
        "test lost_update::in_two_steps::rc11 ",
        "test counter::in_one_step::loom ",
        "test first_visitors::in_one_step::threads ",
        "test counter::snapshot ",
        "34 passed; 0 failed",
    ] {
        assert!(printed.contains(line), "`{line}` is not in\n{printed}");
    }
    let litmus = root().join("tests/newcomer/scenarios/litmus/MP+mine.litmus");
    let told = selvedge().arg("litmus").arg(litmus).assert().code(0).get_output().stdout.clone();
    assert!(String::from_utf8_lossy(&told).contains("5 answers as expected, 0 not, 0 open"));
}

#[test]
fn nothing_is_overwritten_and_names_are_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, _, wrong) = run(folder.path(), &["new", "a"]);
    assert!(code == 2 && wrong.contains("there is no Cargo.toml"), "{code} {wrong}");
    let package = newcomer(folder.path());
    let refused = |arguments: &[&str], words: &str| {
        let before = files(&package);
        let (code, told, wrong) = run(&package, arguments);
        assert_eq!((code, told.as_str(), wrong.lines().count()), (2, "", 1), "{arguments:?}: {wrong}");
        assert!(wrong.contains(words), "{arguments:?}: `{words}` is not in {wrong}");
        assert_eq!(files(&package), before);
    };
    refused(&["new", "LostUpdate"], "`lost_update` would do");
    refused(&["new", "../lost"], "there is no chapter `..`");
    refused(&["new", "match"], "a word of the language");
    refused(&["new", "+x", "--kind", "litmus"], "`+x` is no name");
    refused(&["init", "--path", "nowhere"], "--path nowhere: there is no Cargo.toml in that folder");
    assert_eq!(run(&package, &["new", "lost_update"]).0, 0);
    refused(
        &["new", "lost_update"],
        "there is a scenario `lost_update` already, in scenarios/lost_update.rs",
    );
    refused(&["new", "lost_update", "--kind", "object"], "there is a scenario `lost_update` already");
    fs::create_dir_all(package.join("tests")).expect("a folder");
    fs::write(package.join("tests/scenarios.rs"), "#[test]\nfn other() {}\n").expect("a file");
    refused(&["init"], "tests/scenarios.rs is there, and does not call `selvedge::harness!()`");
    fs::remove_file(package.join("tests/scenarios.rs")).expect("a file");
    fs::write(package.join("Cargo.toml"), "[package]\nname = \"x\"\nversion = 1 2\n").expect("a file");
    refused(&["init"], "Cargo.toml:3: ");
    // In this repository scenarios lie in chapters.
    let (code, _, wrong) = run(root(), &["new", "another"]);
    assert!(code == 2 && wrong.contains("`basics/NAME`") && wrong.contains("`lock_free`"), "{wrong}");
}

#[test]
fn flags_outdo_variables_and_those_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path().join("a/b");
    fs::create_dir_all(&below).expect("a folder");
    fs::write(folder.path().join("selvedge.toml"), "[selvedge]\nseed = 1\njobs = 1\nbudget = \"quick\"\n")
        .expect("a file");
    let config = |flags: &[&str]| {
        let mut command = selvedge();
        command
            .current_dir(&below)
            .env("SELVEDGE_JOBS", "2")
            .env("SELVEDGE_SEED", "2")
            .arg("config")
            .args(flags);
        json(&mut command, 0)
    };
    let check = |report: &serde_json::Value, name: &str, value: &str, source: &str| {
        let knobs = report["knobs"].as_array().expect("knobs");
        assert_eq!(knobs.len(), 17);
        let knob = knobs.iter().find(|knob| knob["name"] == name).expect("a knob");
        assert_eq!(knob["value"], value, "{name}");
        assert!(knob["source"].as_str().is_some_and(|found| found.ends_with(source)), "{name}: {knob}");
        assert!(!knob["unit"].as_str().unwrap_or_default().is_empty());
    };
    let report = config(&["--jobs", "3", "--engine", "loom", "--engine", "rc11"]);
    check(&report, "jobs", "3", "--jobs");
    check(&report, "seed", "2", "SELVEDGE_SEED");
    check(&report, "budget", "quick", "/selvedge.toml:4");
    check(&report, "executions", "2000", "budget quick");
    check(&report, "engine", "loom,rc11", "--engine");
    check(&report, "model", "rc11", "default");
    let (code, text, _) = run(folder.path(), &["config", "--verbose"]);
    assert!(code == 0 && text.starts_with("file: selvedge.toml\n"), "{text}");
    assert!(
        text.lines().any(|line| line.starts_with("seed ") && line.ends_with("selvedge.toml:2")),
        "{text}"
    );
}

#[test]
fn what_is_no_knob_is_an_error_everywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("selvedge.toml"), "[selvedge]\n\nbuget = \"quick\"\n").expect("a file");
    for arguments in [&["config"][..], &["run", "shared_counter"], &["shared_counter"], &["litmus", "x"]] {
        let (code, told, wrong) = run(folder.path(), arguments);
        assert_eq!((code, told.as_str(), wrong.lines().count()), (2, "", 1), "{arguments:?}: {wrong}");
        assert!(
            wrong.contains("selvedge.toml:3: there is no key `buget`; did you mean `budget`?"),
            "{wrong}"
        );
    }
    let arguments =
        ["test", "--package", "selvedge-consumer", "--features", "checked", "--test", "scenarios"];
    for (name, value, words) in [
        (
            "SELVEDGE_BUGET",
            "quick",
            "SELVEDGE_BUGET: there is no such variable; did you mean SELVEDGE_BUDGET?",
        ),
        ("SELVEDGE_BUDGET", "huge", "SELVEDGE_BUDGET=huge: it can be quick, normal or thorough"),
    ] {
        selvedge()
            .env(name, value)
            .arg("shared_counter")
            .assert()
            .code(2)
            .stderr(format!("error: {words}\n"));
        let output = cargo(&arguments).env(name, value).assert().failure().get_output().clone();
        assert!(String::from_utf8_lossy(&output.stderr).contains(words), "{name}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("test result"));
    }
    let fifo = folder.path().join("selvedge.toml");
    fs::remove_file(&fifo).expect("a file");
    fs::create_dir(&fifo).expect("a folder");
    let (code, _, wrong) = run(folder.path(), &["config"]);
    assert!(code == 2 && wrong.contains("cannot read selvedge.toml: it is no file"), "{wrong}");
}

#[test]
fn shells_and_man_understand_what_they_get() {
    let (code, bash, _) = run(root(), &["completions", "bash"]);
    assert_eq!(code, 0);
    let script = tempfile::NamedTempFile::new().expect("a file");
    fs::write(script.path(), &bash).expect("a file");
    let completed = "source \"$1\"; COMP_WORDS=(selvedge run --bu); COMP_CWORD=2; _selvedge selvedge --bu run; echo \"${COMPREPLY[@]}\"";
    let asked =
        Command::new("bash").args(["-c", completed, "bash"]).arg(script.path()).output().expect("bash runs");
    assert_eq!(
        String::from_utf8_lossy(&asked.stdout).trim(),
        "--budget",
        "{}",
        String::from_utf8_lossy(&asked.stderr)
    );
    for (shell, check) in [("zsh", "-n"), ("fish", "--no-execute")] {
        let (code, text, _) = run(root(), &["completions", shell]);
        assert_eq!(code, 0);
        for word in ["litmus", "shard", "thorough"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
        fs::write(script.path(), &text).expect("a file");
        match Command::new(shell).arg(check).arg(script.path()).status() {
            Ok(status) => assert!(status.success(), "{shell}"),
            Err(_) => eprintln!("{shell} is not installed: its script was not parsed"),
        }
    }
    assert_eq!(run(root(), &["completions", "tcsh"]).0, 2);
    let (code, page, _) = run(root(), &["man"]);
    assert_eq!(code, 0);
    for words in [".TH selvedge 1", ".SH LITMUS", ".SH CONFIG", "Exit codes", "\\-\\-shard"] {
        assert!(page.contains(words), "{words}");
    }
    fs::write(script.path(), &page).expect("a file");
    match Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(script.path()).output() {
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stderr), ""),
        Err(_) => eprintln!("groff is not installed: the manual page was not set"),
    }
}

/// In a terminal of 60 columns and of 100, no line of any help is longer.
#[test]
fn help_fits_the_terminal() {
    let commands = [
        "",
        "run",
        "claims",
        "show",
        "list",
        "litmus",
        "check",
        "report",
        "new",
        "init",
        "config",
        "completions",
        "man",
        "replay",
    ];
    for command in commands {
        for columns in [60, 100] {
            let mut program = selvedge();
            program
                .env("COLUMNS", columns.to_string())
                .args(Some(command).filter(|name| !name.is_empty()))
                .arg("--help");
            let help = program.assert().code(0).get_output().stdout.clone();
            let help = String::from_utf8(help).expect("text");
            assert!(help.contains("Usage: selvedge"), "{command}: {help}");
            for line in help.lines() {
                assert!(line.chars().count() <= columns, "{command} at {columns}: {line}");
            }
        }
    }
}
