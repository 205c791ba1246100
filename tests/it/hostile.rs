//! The hostile suite: designs, scenario functions and users that do what none should (`tests/hostile`).
//!
//! The short half runs with all tests; with `SELVEDGE_HOSTILE=whole` the repetitions are those of `ci/hostile.sh`.

use crate::support::{built, cell, check, json};
use assert_cmd::Command;
use serde_json::Value;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const CHECKERS: [&str; 3] = ["rc11", "loom", "shuttle"];
const ALL: [&str; 5] = ["rc11", "loom", "shuttle", "threads", "processes"];

fn hostile(program: &str) -> Command {
    built("selvedge-hostile", program)
}

/// How often something is done: in the short half, and in the whole.
fn times(short: u64, whole: u64) -> u64 {
    let is_whole = std::env::var("SELVEDGE_HOSTILE").is_ok_and(|half| half == "whole");
    if is_whole { whole } else { short }
}

/// Runs scenarios on some engines under the quick budget. The exit code is looked at by nobody: some verdict is always
/// not as expected.
#[track_caller]
fn run(scenario: &str, engines: &[&str]) -> Value {
    run_designs(scenario, &[], engines)
}

#[track_caller]
fn run_designs(scenario: &str, designs: &[&str], engines: &[&str]) -> Value {
    let mut command = hostile("hostile");
    command.args(["run", scenario, "--budget", "quick", "--format", "json"]);
    command.args(designs.iter().map(|design| format!("--design={design}")));
    let output = command.args(engines.iter().map(|engine| format!("--engine={engine}"))).output();
    let output = output.expect("the program runs");
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("standard output is one JSON document")
}

fn designs(report: &Value) -> Vec<String> {
    let designs = report["scenarios"][0]["designs"].as_array().into_iter().flatten();
    designs.filter_map(|design| design["name"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_design_that_does_not_do_the_same_twice_is_never_safe() {
    let report = run("nondeterminism", &CHECKERS);
    let designs = designs(&report);
    assert_eq!(designs.len(), 9);
    for engine in CHECKERS {
        for design in &designs[..8] {
            check(&report, design, engine, "inconclusive", "deterministic but for `choose`");
        }
        check(&report, "chooses as it should", engine, "safe", "");
        let stored = cell(&report, "a counter chooses what is stored", engine);
        let reason = stored["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("`store` at tests/hostile/designs/nondeterminism.rs:"), "{reason}");
    }
}

#[test]
fn threads_and_objects_that_no_checker_knows_are_never_safe() {
    let report = run("foreign", &CHECKERS);
    let designs = designs(&report);
    assert_eq!(designs.len(), 10);
    for engine in CHECKERS {
        for design in &designs[..7] {
            check(&report, design, engine, "inconclusive", "start it with `selvedge::thread`");
        }
        // rc11 may notice first that no other execution makes the object again.
        let remedy = if engine == "rc11" { "" } else { "selvedge's `LazyLock`" };
        for design in &designs[7..] {
            check(&report, design, engine, "inconclusive", remedy);
        }
    }
}

#[test]
fn every_end_is_told_by_what_it_is() {
    let report = run("ends", &ALL);
    for engine in ALL {
        check(&report, "exit code 70", engine, "crash", "70");
        check(&report, "says that memory is short and aborts", engine, "crash", "SIGABRT");
        check(&report, "panics with a deadlock that was avoided", engine, "crash", "deadlock was avoided");
        check(&report, "panics twice", engine, "crash", "the first panic");
        check(&report, "a destructor of a thread local panics", engine, "crash", "");
        check(&report, "overflows its stack", engine, "crash", "");
        check(&report, "exits while the state is made", engine, "crash", "exit code 0");
        for design in ["aborts", "exits", "panics", "dies"] {
            let reason = cell(&report, &format!("{design} in the observation"), engine);
            assert_eq!(reason["verdict"], "crash", "{reason:#}");
            let reason = reason["reason"].as_str().unwrap_or_default();
            assert!(!reason.contains("actor A") && !reason.contains("actor B"), "{engine}: {reason}");
        }
        check(&report, "eats memory", engine, "crash", "ran out of memory");
        // On real engines, whose actors die by a signal, nothing may be left to say why.
        let why = if CHECKERS.contains(&engine) { "ran out of memory" } else { "" };
        check(&report, "eats memory in small bites", engine, "crash", why);
    }
    for engine in ["rc11", "loom", "shuttle", "threads"] {
        check(&report, "kills its process", engine, "inconclusive", "killed from outside by SIGKILL");
    }
}

#[test]
fn nothing_that_a_worker_writes_is_trusted() {
    let report = run("writings", &ALL);
    let designs = designs(&report);
    assert_eq!(designs.len(), 7);
    for engine in ALL {
        for design in &designs {
            assert!(cell(&report, design, engine)["verdict"].is_string(), "{design} on {engine}");
        }
        check(&report, "prints and is safe", engine, "safe", "");
        assert_ne!(cell(&report, "prints without end", engine)["verdict"], "safe");
    }
}

#[test]
fn closures_beside_the_actors_take_nothing_down() {
    for (scenario, engines, word) in [
        ("panicking_grade", &ALL[..], "a grade gave up"),
        ("panicking_debug", &ALL[..], "Debug gave up"),
        // Real engines may see a single outcome, which is compared with none.
        ("panicking_order", &CHECKERS[..], "Ord gave up"),
    ] {
        let report = run(scenario, engines);
        for engine in engines.iter().copied() {
            let cell = cell(&report, "two", engine);
            assert_ne!(cell["verdict"], "safe", "{scenario} on {engine}");
            let reason = cell["reason"].as_str().unwrap_or_default();
            assert!(reason.contains(word), "{scenario} on {engine}: {reason}");
        }
    }
}

#[test]
fn what_takes_long_is_out_of_time_and_no_hang() {
    let long = ["sleeps ten seconds", "three operations of 400 ms"];
    let begun = Instant::now();
    let report = run_designs("slow", &long, &["shuttle"]);
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
    for design in long {
        check(&report, design, "shuttle", "inconclusive", "out of time");
    }
    let held = ["a lock of std across an operation"];
    let report = run_designs("slow", &held, &CHECKERS);
    for engine in CHECKERS {
        check(&report, held[0], engine, "hang", "`std::sync`");
    }
    let loops = ["waits and yields", "yields for ever"];
    let report = run_designs("slow", &loops, &["loom"]);
    check(&report, loops[0], "loom", "safe", "");
    check(&report, loops[1], "loom", "inconclusive", "its loops yield");
}

/// What the functions of a program's scenarios do, and what the program says of it.
#[track_caller]
fn functions(what: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = hostile("hostile-functions");
    let output = command.env("HOSTILE_FUNCTION", what).args(arguments).output().expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_scenario_function_takes_no_other_scenario_down() {
    const RUN: [&str; 7] = ["run", "--engine", "shuttle", "--budget", "quick", "--format", "json"];
    let why = [
        ("panic", "its function panicked: the function gave up"),
        ("exit", "its function ended its process with exit code 0"),
        ("abort", "its function ended its process by SIGABRT"),
        ("hang", "its function did not return within 10 s"),
    ];
    for (what, why) in why {
        let (code, out, err) = functions(what, &RUN);
        assert_eq!(code, 2, "{what}: {err}");
        let report: Value = serde_json::from_str(&out).expect("standard output is one JSON document");
        check(&report, "fetch_add", "shuttle", "safe", "");
        let named = format!("tests/hostile/odd/functions.rs: scenario `odd`: {why}");
        assert!(err.contains(&named), "{what}: {err}");
        if what == "panic" {
            let (code, out, err) = functions(what, &["list"]);
            assert!(code == 2 && out.contains("good") && err.contains(&named), "{code} {out} {err}");
        }
    }
    let (code, out, _) = functions("print", &RUN);
    assert_eq!(code, 0);
    serde_json::from_str::<Value>(&out).expect("what a function prints is nowhere in it");
}

#[test]
fn no_control_character_of_a_name_reaches_a_terminal() {
    for arguments in
        [&["list"][..], &["run", "odd", "--engine", "shuttle"], &["run", "odd", "--format", "json"]]
    {
        let (_, out, err) = functions("control", arguments);
        let wild = |letter: &char| letter.is_control() && *letter != '\n';
        assert_eq!(out.chars().chain(err.chars()).find(wild), None, "{arguments:?}: {out} {err}");
        assert!(!out.is_empty());
    }
    let (_, out, _) = functions("long", &["run", "odd", "--engine", "shuttle"]);
    let longest = out.lines().filter(|line| line.contains("safe")).map(|line| line.chars().count()).max();
    assert!(longest.is_some_and(|longest| longest <= 100), "{out}");
}

#[test]
fn a_result_that_was_not_written_is_no_success() {
    let program = hostile("hostile-functions").get_program().to_owned();
    for arguments in [&["list"][..], &["run", "--engine", "shuttle", "--budget", "quick"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = std::process::Command::new(&program);
        let output = command.args(arguments).stdout(writer).stderr(Stdio::piped()).output().expect("it runs");
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("cannot print"), "{output:?}");
    }
}

#[test]
fn arguments_limits_and_environments_are_one_sentence_or_nothing_at_all() {
    use std::os::unix::ffi::OsStrExt as _;
    let no_text = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    let output = hostile("hostile").arg(no_text).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{output:?}");
    let run = ["run", "nondeterminism", "--design", "chooses as it should", "--budget", "quick"];
    let with = |variables: &[(&str, &str)]| {
        let mut command = hostile("hostile");
        let output = command.args(run).envs(variables.iter().copied()).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for variables in [
        &[("SHUTTLE_RANDOM_SEED", "no number")][..],
        &[("LOOM_MAX_THREADS", "no number"), ("LOOM_MAX_BRANCHES", "1"), ("LOOM_MAX_DURATION", "0")],
        &[("TMPDIR", "/nowhere/at/all")],
    ] {
        assert_eq!(with(variables).0, Some(0), "{variables:?}: {}", with(variables).1);
    }
    let shell = |limit: &str| {
        let program = hostile("hostile").get_program().to_owned();
        let script = format!(
            "{limit}; exec \"$0\" run nondeterminism --design 'chooses as it should' --budget quick --jobs 1000"
        );
        let output =
            std::process::Command::new("bash").arg("-c").arg(script).arg(program).output().expect("a shell");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!err.contains("panicked"), "{limit}: {err}");
        assert!(matches!(output.status.code(), Some(0 | 2 | 4)), "{limit}: {output:?}");
    };
    for limit in ["true", "ulimit -n 20", "ulimit -f 0", "ulimit -v 1000000"] {
        shell(limit);
    }
}

/// Processes with this mark in their environment.
fn marked(mark: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("the process table").filter_map(Result::ok);
    let marked = |environment: Vec<u8>| environment.windows(mark.len()).any(|part| part == mark.as_bytes());
    processes.filter(|entry| std::fs::read(entry.path().join("environ")).is_ok_and(marked)).count()
}

#[track_caller]
fn wait_until_gone(mark: &str) {
    let begun = Instant::now();
    while marked(mark) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "{} processes are left", marked(mark));
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_empty(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    // The lock among runs is meant to stay.
    entries.filter(|entry| !entry.file_name().to_string_lossy().ends_with(".lock")).count() == 0
}

#[test]
fn nothing_outlives_a_run() {
    let mark = format!("hostile-leaks-{}", std::process::id());
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = hostile("hostile");
    command.args(["run", "leaks", "--budget", "quick", "--format", "json"]);
    command.env("SELVEDGE_TEST_MARK", &mark).env("TMPDIR", folder.path());
    let output = command.output().expect("it runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("standard output is one JSON document");
    assert_eq!(marked(&mark), 0, "processes are left");
    assert!(is_empty(folder.path()), "files are left");
    for engine in ALL {
        check(&report, "finds a process as it should be", engine, "safe", "");
    }
}

#[test]
fn signals_leave_nothing_behind() {
    let mark = format!("hostile-signals-{}", std::process::id());
    let program = hostile("hostile").get_program().to_owned();
    let folder = tempfile::tempdir().expect("a folder");
    let mut moment = 0x9e37_79b9_u64;
    for round in 0..times(6, 50) {
        for signal in ["-INT", "-TERM", "-HUP", "-KILL"] {
            let mut run = std::process::Command::new(&program)
                .args(["run", "--budget", "quick"])
                .env("SELVEDGE_TEST_MARK", &mark)
                .env("TMPDIR", folder.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the program starts");
            moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round | 1);
            std::thread::sleep(Duration::from_millis(moment >> 33 & 0xff));
            std::process::Command::new("kill")
                .args([signal, &run.id().to_string()])
                .status()
                .expect("kill runs");
            let begun = Instant::now();
            run.wait().expect("the program ends");
            assert!(begun.elapsed() < Duration::from_secs(2), "{signal} is obeyed at once");
            wait_until_gone(&mark);
        }
    }
}

#[test]
fn mutated_tokens_take_no_memory_and_nothing_down() {
    let report = json(hostile("hostile").args(["run", "writings", "--design", "prints and is safe"]), 0);
    assert_eq!(report["scenarios"][0]["name"], "writings");
    let failing = run_designs("ends", &["panics with a deadlock that was avoided"], &["shuttle"]);
    let token =
        cell(&failing, "panics with a deadlock that was avoided", "shuttle")["witnesses"][0]["token"].clone();
    let token = token.as_str().expect("a witness has a token").to_owned();
    let mut random = 0x5e1_ed6e_u64;
    for _ in 0..times(20, 2_000) {
        let mut bytes = token.clone().into_bytes();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let place = (random >> 33) as usize % bytes.len();
        bytes[place] = b"AZaz09_-"[(random >> 20) as usize % 8];
        let mutated = String::from_utf8(bytes).expect("letters and digits");
        let output = hostile("hostile").args(["replay", &mutated]).output().expect("it runs");
        assert!(matches!(output.status.code(), Some(0 | 2)), "{mutated}: {output:?}");
    }
}

#[test]
fn run_after_run_is_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = hostile("hostile").get_program().to_owned();
    for _ in 0..times(5, 1_000) {
        let mut command = std::process::Command::new(&program);
        command.args(["run", "nondeterminism", "--design", "chooses as it should", "--engine", "shuttle"]);
        let mut run = command.env("TMPDIR", folder.path()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut text = String::new();
        run.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
        assert_eq!(run.wait().expect("it ends").code(), Some(0), "{text}");
        assert!(is_empty(folder.path()), "files are left");
    }
}

#[test]
fn safe_code_breaks_no_memory() {
    let report = run("destructors", &CHECKERS);
    for engine in CHECKERS {
        check(&report, "deadlocked, and locks while it unwinds", engine, "deadlock", "");
        check(&report, "locks in a destructor", engine, "safe", "");
        check(&report, "panics among holders", engine, "crash", "the third has it");
        check(&report, "returns among holders", engine, "safe", "");
    }
    let report = run("kept_references", &CHECKERS);
    for engine in CHECKERS {
        check(&report, "keeps what a static gave it", engine, "safe", "");
    }
    let report = run("growing", &["processes"]);
    for design in ["at once", "late"] {
        check(&report, design, "processes", "not-applicable", "owns heap memory");
    }
    check(&report, "never", "processes", "safe", "");
    let report = run("threaded", &["shuttle", "processes"]);
    check(
        &report,
        "starts a thread",
        "processes",
        "not-applicable",
        "only a process without others can be forked",
    );
    for engine in ["shuttle", "processes"] {
        check(&report, "starts none", engine, "safe", "");
    }
    check(&report, "starts a thread", "shuttle", "safe", "");
}
