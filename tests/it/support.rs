//! Building and running programs, and reading their JSON.

use assert_cmd::Command;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The shipped program.
pub(crate) fn selvedge() -> Command {
    let mut command = Command::cargo_bin("selvedge").expect("cargo builds the program before its tests");
    // What a run of these tests is told by its own surroundings is not for the program.
    command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY");
    command
}

/// What the program says of designs that end their process, or never end. These take their time, so the tests
/// share it, and checkers and real engines wait for them side by side.
pub(crate) fn deaths() -> &'static Value {
    static REPORT: OnceLock<Value> = OnceLock::new();
    let on = |engines: [&str; 2]| {
        let mut command = consumer("broken-scenarios");
        command.args(["deaths", "--budget", "quick"]);
        json(command.args(engines.map(|engine| format!("--engine={engine}"))), 0)
    };
    REPORT.get_or_init(|| {
        std::thread::scope(|scope| {
            let really = scope.spawn(|| on(["threads", "processes"]));
            let mut report = on(["loom", "shuttle"]);
            let really = really.join().expect("a report");
            let designs = |report: &Value| report["scenarios"][0]["designs"].as_array().map_or(0, Vec::len);
            assert_eq!(designs(&report), designs(&really));
            for design in 0..designs(&report) {
                let more = really["scenarios"][0]["designs"][design]["engines"].clone();
                let all = report["scenarios"][0]["designs"][design]["engines"].as_array_mut();
                all.expect("engines").extend(more.as_array().into_iter().flatten().cloned());
            }
            report
        })
    })
}

/// The root of this package.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program of the consumer package, built on first use with the profile of this test.
pub(crate) fn consumer(program: &str) -> Command {
    built("selvedge-consumer", program)
}

/// A program of another package of this workspace, built on first use with the profile of this test.
pub(crate) fn built(package: &str, program: &str) -> Command {
    static BUILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if built.insert(package.to_owned()) {
        cargo(&["build", "--package", package, "--bins"]).assert().success();
    }
    let this = assert_cmd::cargo::cargo_bin!("selvedge");
    Command::new(this.parent().expect("a program lies in a folder").join(program))
}

/// cargo, in this workspace, offline, into the folder that this test was built in.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = assert_cmd::cargo::cargo_bin!("selvedge");
    let target = program.ancestors().nth(2).expect("target/profile/program");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments).arg("--offline").env("CARGO_TARGET_DIR", target);
    if program.parent().is_some_and(|folder| folder.ends_with("release")) {
        command.arg("--release");
    }
    command
}

/// Runs a command that prints JSON, and checks its exit code.
#[track_caller]
pub(crate) fn json(command: &mut Command, code: i32) -> Value {
    let output = command.args(["--format", "json"]).assert().code(code).get_output().stdout.clone();
    serde_json::from_slice(&output).expect("standard output is one JSON document")
}

/// One cell of a JSON report.
#[track_caller]
pub(crate) fn cell<'a>(report: &'a Value, design: &str, engine: &str) -> &'a Value {
    let designs = report["scenarios"].as_array().into_iter().flatten();
    let mut designs = designs.flat_map(|scenario| scenario["designs"].as_array().into_iter().flatten());
    let design =
        designs.find(|found| found["name"] == design).unwrap_or_else(|| panic!("no design {design}"));
    let mut engines = design["engines"].as_array().into_iter().flatten();
    engines.find(|found| found["engine"] == engine).unwrap_or_else(|| panic!("not on {engine}"))
}

/// Asserts a cell's verdict, and that its reason contains these words.
#[track_caller]
pub(crate) fn check(report: &Value, design: &str, engine: &str, verdict: &str, words: &str) {
    let cell = cell(report, design, engine);
    assert_eq!(cell["verdict"], verdict, "{design} on {engine}: {cell:#}");
    let reason = cell["reason"].as_str().unwrap_or_default();
    assert!(reason.contains(words), "{design} on {engine}: `{words}` is not in `{reason}`");
}
