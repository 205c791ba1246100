//! One run on several machines, and one that takes hours: tests that are partitioned, shards that are merged, rounds
//! that go on after a kill.

use crate::support::{cargo, cell, json, selvedge};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CONSUMER: [&str; 6] =
    ["--package", "selvedge-consumer", "--features", "checked", "--test", "scenarios"];

/// The program that cargo has made of the consumer's tests.
fn consumers_tests() -> PathBuf {
    let output = cargo(&[&["test", "--no-run", "--message-format", "json"], &CONSUMER[..]].concat());
    let output = { output }.assert().success().get_output().stdout.clone();
    let messages = String::from_utf8(output).expect("text");
    let made = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let made = made.filter(|message| message["target"]["name"] == "scenarios");
    made.filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .expect("a program")
}

/// What a runner of tests does that starts a process for each: it lists them, takes every third, and asks for each by
/// its whole name.
#[test]
fn three_slices_run_each_test_once() {
    let program = consumers_tests();
    let folder = crate::support::root().join("tests/consumer");
    let asked = |arguments: &[&str]| {
        let output = Command::new(&program).current_dir(&folder).args(arguments).output().expect("it runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).expect("text")
    };
    let listed = asked(&["--list", "--format", "terse"]);
    let tests: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    assert_eq!((tests.len(), listed.lines().count()), (12, 12), "{listed}");
    assert_eq!(asked(&["--list", "--format", "terse", "--ignored"]), "");
    let mut ran: BTreeMap<&str, usize> = BTreeMap::new();
    for slice in 0..3 {
        for test in tests.iter().skip(slice).step_by(3) {
            let told = asked(&["--exact", test, "--nocapture"]);
            assert!(told.contains("1 passed; 0 failed"), "{test}: {told}");
            *ran.entry(test).or_default() += 1;
        }
    }
    assert_eq!(ran.len(), 12, "{ran:?}");
    assert!(ran.values().all(|times| *times == 1), "{ran:?}");
}

#[test]
fn nextest_partitions_the_same_tests() {
    if Command::new("cargo-nextest").args(["nextest", "--version"]).output().is_err() {
        eprintln!("cargo-nextest is not installed; its protocol is tested without it");
        return;
    }
    let mut passed: BTreeMap<String, usize> = BTreeMap::new();
    for slice in 1..=3 {
        let partition = format!("slice:{slice}/3");
        let arguments =
            [&["nextest", "run", "--partition", &partition, "--color", "never"], &CONSUMER[..]].concat();
        let output = cargo(&arguments).assert().success().get_output().stderr.clone();
        for line in
            String::from_utf8_lossy(&output).lines().filter(|line| line.trim_start().starts_with("PASS "))
        {
            *passed.entry(line.rsplit(' ').next().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    assert_eq!(passed.len(), 12, "{passed:?}");
    assert!(passed.values().all(|times| *times == 1), "{passed:?}");
}

fn shard(folder: &Path, shard: &str, scenarios: &[&str]) -> PathBuf {
    let path = folder.join(format!("{}.json", shard.replace('/', "_of_")));
    let arguments = ["--budget", "quick", "--shard", shard, "--format", "json"];
    let output =
        selvedge().arg("run").args(scenarios).args(arguments).assert().code(0).get_output().stdout.clone();
    fs::write(&path, output).expect("a file");
    path
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

fn executions(report: &Value, design: &str, engine: &str) -> u64 {
    cell(report, design, engine)["evidence"]["executions"].as_u64().expect("a number")
}

#[test]
fn shards_add_up_in_whatever_order_they_come() {
    let folder = tempfile::tempdir().expect("a folder");
    let all = ["1/3", "2/3", "3/3"].map(|of| shard(folder.path(), of, &["object_counter"]));
    let parts = all.each_ref().map(|path| read(path));
    let merged = json(selvedge().arg("merge").args(&all), 0);
    for engine in ["shuttle", "rc11", "threads"] {
        let each = parts.each_ref().map(|part| executions(part, "mutex", engine));
        assert_eq!(executions(&merged, "mutex", engine), each.iter().sum::<u64>(), "{engine}: {each:?}");
        let rate = cell(&merged, "mutex", engine)["evidence"]["rate_below"].as_f64().expect("a rate");
        let of_one = cell(&parts[0], "mutex", engine)["evidence"]["rate_below"].as_f64().expect("a rate");
        assert!(rate < of_one / 2.0, "{engine}: {rate}, and {of_one} of one shard");
    }
    // They drew programs of their own.
    let each = parts.each_ref().map(|part| executions(part, "mutex", "shuttle"));
    assert!(each[0] != each[1] || each[1] != each[2], "{each:?}");
    assert_eq!(merged["drawn"].as_array().map(Vec::len), Some(3));
    let turned = json(selvedge().arg("merge").args([&all[2], &all[0], &all[1]]), 0);
    assert_eq!(turned, merged);
    let two = folder.path().join("two.json");
    json(selvedge().arg("merge").args(&all[..2]).arg("--out").arg(&two), 0);
    assert_eq!(json(selvedge().arg("merge").args([&two, &all[2]]), 0), merged);
    assert_eq!(json(selvedge().arg("merge").arg(&all[1]), 0), parts[1]);
}

#[test]
fn what_is_not_of_one_run_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = shard(folder.path(), "1/2", &["check_then_act"]);
    let other = shard(folder.path(), "2/2", &["message_passing"]);
    let refused = |files: [&Path; 2], words: &str| {
        let output = selvedge().arg("merge").args(files).assert().code(2).get_output().clone();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.stdout.is_empty() && said.lines().count() == 1, "{said}");
        assert!(said.contains(words), "`{words}` is not in {said}");
    };
    refused([&one, &other], "only the first has the scenario `check_then_act`");
    refused([&one, &one], "both are of shard 1/2: what it drew counts once");
    refused([&one, &folder.path().join("none.json")], "cannot read");
    let text = fs::read_to_string(&one).expect("a file");
    let damaged = folder.path().join("damaged.json");
    fs::write(&damaged, &text[..text.len() / 2]).expect("a file");
    refused([&one, &damaged], "damaged.json: line ");
    fs::write(&damaged, text.replacen("\"selvedge\": \"", "\"selvedge\": \"9.", 1)).expect("a file");
    refused([&one, &damaged], "damaged.json: selvedge: written by \"9.");
    fs::write(&damaged, text.replacen("\"1/2\"", "\"2/3\"", 1)).expect("a file");
    refused([&one, &damaged], "are not of one run");
    selvedge().args(["run", "check_then_act", "--shard", "3/2"]).assert().code(2);
}

/// Begins a long run that lasts until it is ended, and waits until so many cells are done.
fn begun(folder: &Path, cells: usize) -> Child {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("selvedge"))
        .args(LONG)
        .args(["--for", "300s"])
        .arg("--out")
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let begun = Instant::now();
    while done(folder) < cells && begun.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(20));
    }
    if done(folder) < cells {
        child.kill().expect("it runs");
        child.wait().expect("it has ended");
        panic!("nothing is written");
    }
    child
}

const LONG: [&str; 9] = [
    "run",
    "shared_counter",
    "--design",
    "fetch_add",
    "--design",
    "rwlock",
    "--budget",
    "quick",
    "--verbose",
];

/// Cells that have been run, of all rounds.
fn done(folder: &Path) -> usize {
    let Ok(text) = fs::read(folder.join("report.json")) else { return 0 };
    let report: Value = serde_json::from_slice(&text).expect("never half a file");
    let seconds = cells(&report).into_iter().filter(|(.., cell)| cell["seconds"].as_f64() > Some(0.0));
    seconds.count()
}

fn cells(report: &Value) -> Vec<(String, Value)> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut all = Vec::new();
    for scenario in list(&report["scenarios"]) {
        for design in list(&scenario["designs"]) {
            for cell in list(&design["engines"]) {
                let name = format!("{} / {} on {}", scenario["name"], design["name"], cell["engine"]);
                all.push((name, cell));
            }
        }
    }
    all
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[test]
fn a_long_run_goes_on_after_a_kill_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("a/b");
    let mut child = begun(&out, 5);
    // Only one at a time.
    let second =
        selvedge().args(LONG).args(["--for", "9s", "--out"]).arg(&out).assert().code(2).get_output().clone();
    assert!(String::from_utf8_lossy(&second.stderr).contains("another run is writing into"));
    child.kill().expect("it runs");
    child.wait().expect("it has ended");
    let before = read(&out.join("report.json"));
    let known = cells(&before).into_iter().filter(|(.., cell)| cell["seconds"].as_f64() > Some(0.0));
    let known: Vec<_> = known.collect();
    assert!((5..10).contains(&known.len()), "{} of 10", known.len());
    let state = read(&out.join("state.json"));
    let spent = state["spent_ms"].as_u64().expect("a number");
    // Of an unfinished run, too, there is a report.
    let shown =
        selvedge().arg("report").arg(out.join("report.json")).assert().code(3).get_output().stdout.clone();
    assert!(String::from_utf8_lossy(&shown).contains("shared_counter"));
    fs::write(out.join(".selvedge-left"), "half a file of the one that was killed").expect("a file");

    let until = format!("{}s", spent / 1_000 + 15);
    let went_on =
        selvedge().args(LONG).args(["--for", &until, "--format", "json", "--out"]).arg(&out).output();
    let went_on = went_on.expect("it runs");
    let told = String::from_utf8_lossy(&went_on.stderr).into_owned();
    assert_eq!(went_on.status.code(), Some(0), "{told}");
    let after: Value = serde_json::from_slice(&went_on.stdout).expect("a report");
    assert_eq!(after, read(&out.join("report.json")));
    let all: BTreeMap<_, _> = cells(&after).into_iter().collect();
    for (name, cell) in &known {
        let (now, then) = (&all[name]["evidence"]["executions"], &cell["evidence"]["executions"]);
        assert!(now.as_u64() >= then.as_u64(), "{name}: {now}, and {then} before");
        assert!(all[name]["seconds"].as_f64() >= cell["seconds"].as_f64(), "{name}");
    }
    assert!(all.values().all(|cell| cell["verdict"] != "inconclusive"), "{told}");
    assert!(after["drawn"][0]["rounds"].as_u64() > Some(1), "{told}");
    // What was drawn in rounds of their own is added up.
    assert!(executions(&after, "rwlock", "threads") > 0);
    assert!(told.contains("round 2: "), "{told}");
    assert_eq!(files(&out), ["lock", "report.json", "state.json"]);

    let other =
        selvedge().args(LONG).args(["--seed", "5", "--for", "9s", "--out"]).arg(&out).assert().code(2);
    let said = String::from_utf8_lossy(&other.get_output().stderr).into_owned();
    assert!(said.contains("a run of other scenarios, engines or knobs"), "{said}");
    let mut state = fs::read_to_string(out.join("state.json")).expect("a file");
    state.truncate(state.len() / 2);
    fs::write(out.join("state.json"), state).expect("a file");
    selvedge().args(LONG).args(["--for", "9s", "--out"]).arg(&out).assert().code(2);
}

#[test]
fn an_interrupted_long_run_says_how_to_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let child = begun(folder.path(), 2);
    kill(Pid::from_raw(i32::try_from(child.id()).expect("a number")), Signal::SIGINT).expect("it runs");
    let ended = Instant::now();
    let output = child.wait_with_output().expect("it ends");
    assert!(ended.elapsed() < Duration::from_secs(10));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(told.contains("interrupted in round ") && told.contains("the same command goes on"), "{told}");
    assert!(done(folder.path()) >= 2);
    assert_eq!(files(folder.path()), ["lock", "report.json", "state.json"]);
}

#[test]
fn what_a_long_run_needs_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |arguments: &[&str], words: &str| {
        let output = selvedge().arg("run").args(arguments).assert().code(2).get_output().clone();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(words), "{arguments:?}: `{words}` is not in {said}");
    };
    refused(&["--for", "8h"], "--out");
    refused(&["--out", "x"], "--for");
    refused(&["--for", "soon", "--out", "x"], "`soon` is no time: 90s, 30m, 8h, 2d");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    refused(&["check_then_act", "--for", "9s", "--out", &file.display().to_string()], "cannot make");
}

/// The commands of the workflow that the readme shows, with less to explore.
#[test]
fn the_workflow_of_the_readme_does_what_it_says() {
    let readme = fs::read_to_string(crate::support::root().join("README.md")).expect("the readme");
    let (_, after) = readme.split_once("```yaml\n").expect("a workflow");
    let (workflow, _) = after.split_once("```").expect("its end");
    let commands: Vec<_> = workflow.lines().filter_map(|line| line.trim().strip_prefix("- run: ")).collect();
    let [shard, merge] = commands[..] else { panic!("{commands:?}") };
    assert!(workflow.contains("shard: [1, 2, 3, 4]") && shard.contains("thorough"), "{workflow}");
    let folder = tempfile::tempdir().expect("a folder");
    let program = assert_cmd::cargo::cargo_bin!("selvedge").display().to_string();
    let run = |command: &str| {
        let command = command.replace("cargo run --release --", &program);
        let output = Command::new("bash")
            .args(["-c", &command])
            .current_dir(folder.path())
            .output()
            .expect("bash runs");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    for number in 1..=4 {
        let shard = shard.replace("${{ matrix.shard }}", &number.to_string());
        run(&shard.replace("thorough", "quick torn_read"));
    }
    assert!(run(merge).contains("torn_read"));
    assert_eq!(files(folder.path()).len(), 5);
    assert!(fs::metadata(folder.path().join("report.html")).is_ok_and(|page| page.len() > 1_000));
}
