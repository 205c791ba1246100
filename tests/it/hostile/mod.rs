//! The hostile suite: designs, scenario functions and users that do what none should (`tests/hostile`).
//!
//! `cargo test` runs the short half; with `SELVEDGE_HOSTILE=whole` the repetitions are those of `ci/hostile.sh`.

pub(crate) mod designs;
pub(crate) mod harness;
pub(crate) mod leaks;
pub(crate) mod surroundings;

use crate::support::{built, cell, check};
use assert_cmd::Command;
use serde_json::Value;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const CHECKERS: [&str; 3] = ["rc11", "loom", "shuttle"];
const ALL: [&str; 5] = ["rc11", "loom", "shuttle", "threads", "processes"];

/// No run takes longer, on a machine that does much else: one that does is a failure, and not a test without an end.
const MAX_RUN: Duration = Duration::from_secs(300);

fn hostile(program: &str) -> Command {
    let mut command = built("selvedge-hostile", program);
    command.timeout(MAX_RUN);
    command
}

/// The program with the designs, for what needs more than `Command` has.
fn program() -> std::ffi::OsString {
    hostile("hostile").get_program().to_owned()
}

/// Whether this is the long half: `ci/hostile.sh`.
fn is_whole() -> bool {
    std::env::var("SELVEDGE_HOSTILE").is_ok_and(|half| half == "whole")
}

/// How often something is done: in the short half, and in the whole.
fn times(short: u64, whole: u64) -> u64 {
    if is_whole() { whole } else { short }
}

/// Arguments of the short half alone: limits that are reached sooner.
fn shorter<'a>(arguments: &'a [&'a str]) -> &'a [&'a str] {
    if is_whole() { &[] } else { arguments }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Surroundings of one run: a folder for its temporary files, and a mark that all its processes inherit.
struct Surroundings {
    folder: tempfile::TempDir,
    mark: String,
    in_shared_memory: usize,
}

impl Surroundings {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Surroundings {
            folder: tempfile::tempdir().expect("a folder"),
            mark: format!("hostile-{}-{number}", std::process::id()),
            in_shared_memory: in_shared_memory(),
        }
    }

    fn variables(&self) -> [(&str, &std::ffi::OsStr); 2] {
        [("SELVEDGE_TEST_MARK", self.mark.as_ref()), ("TMPDIR", self.folder.path().as_os_str())]
    }

    /// Nothing is left: no process, no temporary file, nothing in shared memory.
    #[track_caller]
    fn assert_left_alone(&self) {
        assert_eq!(marked(&self.mark), 0, "processes are left");
        assert!(is_empty(self.folder.path()), "files are left");
        assert!(in_shared_memory() <= self.in_shared_memory, "files are left in /dev/shm");
    }
}

/// Processes with this mark in their environment.
fn marked(mark: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("the process table").filter_map(Result::ok);
    // A mark ends where the variable does.
    let mark = format!("SELVEDGE_TEST_MARK={mark}\0");
    let marked = |environment: Vec<u8>| environment.windows(mark.len()).any(|part| part == mark.as_bytes());
    processes.filter(|entry| std::fs::read(entry.path().join("environ")).is_ok_and(marked)).count()
}

fn is_empty(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    // The lock among runs is meant to stay.
    entries.filter(|entry| !entry.file_name().to_string_lossy().ends_with(".lock")).count() == 0
}

/// Files in shared memory that a process of ours has left there which is no more.
fn in_shared_memory() -> usize {
    let files = std::fs::read_dir("/dev/shm").into_iter().flatten().filter_map(Result::ok);
    let is_left = |name: String| {
        let owner = name.strip_prefix("selvedge-run-").and_then(|rest| rest.split('-').next());
        name.contains("selvedge") && owner.is_none_or(|pid| !Path::new("/proc").join(pid).exists())
    };
    files.filter(|file| is_left(file.file_name().to_string_lossy().into_owned())).count()
}

/// Runs scenarios on some engines under the quick budget. The exit code is that of a report: some verdict is always not
/// as expected. Nothing is left of any run.
#[track_caller]
fn run(scenario: &str, engines: &[&str]) -> Value {
    run_designs(scenario, &[], engines, &[])
}

/// The same of some designs, with further arguments.
#[track_caller]
fn run_designs(scenario: &str, designs: &[&str], engines: &[&str], more: &[&str]) -> Value {
    let surroundings = Surroundings::new();
    let mut command = hostile("hostile");
    command.args(["run", scenario, "--budget", "quick", "--format", "json"]).args(more);
    command.args(designs.iter().map(|design| format!("--design={design}")));
    command.args(engines.iter().map(|engine| format!("--engine={engine}")));
    let begun = Instant::now();
    let output = command.envs(surroundings.variables()).output().expect("the program runs");
    println!("{scenario} on {engines:?}: {:?}", begun.elapsed());
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{output:?}");
    surroundings.assert_left_alone();
    serde_json::from_slice(&output.stdout).expect("standard output is one JSON document")
}

fn designs_of(report: &Value) -> Vec<String> {
    let designs = report["scenarios"][0]["designs"].as_array().into_iter().flatten();
    designs.filter_map(|design| design["name"].as_str().map(str::to_owned)).collect()
}

/// Runs a script of the shell; what follows are `$0`, `$1` and so on.
fn shell(script: &str, arguments: &[&std::ffi::OsStr]) -> Output {
    let mut command = std::process::Command::new("timeout");
    command.arg(MAX_RUN.as_secs().to_string()).args(["bash", "-c", script]);
    command.args(arguments).output().expect("a shell")
}

/// Waits until nothing with this mark runs.
#[track_caller]
fn wait_until_gone(mark: &str) {
    let begun = Instant::now();
    while marked(mark) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "{} processes are left", marked(mark));
        std::thread::sleep(Duration::from_millis(10));
    }
}
