//! Arguments, exit codes and formats.

use crate::support::{cell, consumer, json, selvedge};
use std::collections::BTreeSet;

#[test]
fn the_list_names_every_scenario_file_in_the_folder() {
    let list = json(selvedge().arg("list"), 0);
    let listed: BTreeSet<_> = list["scenarios"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|scenario| scenario["file"].as_str().map(str::to_owned))
        .collect();
    let files = |folder: &str| -> Vec<String> {
        std::fs::read_dir(crate::support::root().join(folder))
            .expect("the scenario folder")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".rs"))
            .map(|name| format!("{folder}/{name}"))
            .collect()
    };
    let folders =
        ["basics", "memory_order", "locks", "coordination", "futures", "lock_free", "processes", "objects"];
    let folders = folders.map(|folder| format!("scenarios/{folder}"));
    let on_disk: BTreeSet<_> =
        folders.iter().flat_map(|folder| files(folder)).chain(files("scenarios")).collect();
    assert!(on_disk.len() >= 21, "{on_disk:?}");
    assert_eq!(listed, on_disk);
}

#[test]
fn json_has_every_field_that_it_promises() {
    let report = json(selvedge().args(["run", "store_buffering", "--budget", "quick"]), 0);
    assert_eq!(report["version"], 4);
    let scenario = &report["scenarios"][0];
    for field in ["name", "file", "question", "designs"] {
        assert!(!scenario[field].is_null(), "{field}");
    }
    let relaxed = cell(&report, "relaxed", "loom");
    assert_eq!((&relaxed["verdict"], &relaxed["as_expected"]), (&"forbidden".into(), &true.into()));
    assert_eq!(relaxed["evidence"]["kind"], "exhaustive");
    assert!(relaxed["evidence"]["executions"].as_u64() >= Some(4));
    let values: Vec<_> = relaxed["outcomes"].as_array().into_iter().flatten().collect();
    assert_eq!(values.len(), 4, "relaxed store buffering has four outcomes: {values:?}");
    let counted: u64 = values.iter().filter_map(|outcome| outcome["count"].as_u64()).sum();
    assert_eq!(Some(counted), relaxed["evidence"]["executions"].as_u64());
    assert_eq!(values[0]["grade"], "forbidden");
    for field in ["races", "reason", "seconds"] {
        assert!(relaxed.get(field).is_some(), "{field}");
    }
    assert_eq!(cell(&report, "relaxed", "shuttle")["verdict"], "safe");
    let threads = cell(&report, "mutex", "threads");
    assert_eq!(threads["evidence"]["kind"], "sampled");
    assert!(threads["evidence"]["executions"].as_u64() >= Some(1000), "{threads}");
}

#[test]
fn a_pipe_gets_plain_text_and_no_progress() {
    let run = selvedge()
        .args(["shared_counter", "--design", "fetch_add", "--budget", "quick"])
        .assert()
        .code(0)
        .get_output()
        .clone();
    let printed = String::from_utf8(run.stdout).expect("text");
    assert!(!printed.contains('\u{1b}'), "{printed:?}");
    assert!(run.stderr.is_empty(), "{}", String::from_utf8_lossy(&run.stderr));
    for words in ["shared_counter", "Is an increment ever lost?", "fetch_add", "safe all", "4 as expected"] {
        assert!(printed.contains(words), "`{words}` is not in\n{printed}");
    }
}

#[test]
fn what_does_not_exist_is_a_usage_error_that_says_what_does() {
    let check = |arguments: &[&str], words: &[&str]| {
        let output = selvedge().args(arguments).assert().code(2).get_output().clone();
        assert!(output.stdout.is_empty());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        for words in words {
            assert!(error.contains(words), "{arguments:?}: `{words}` is not in\n{error}");
        }
    };
    check(&["run", "no_such"], &["no scenario is named `no_such`", "shared_counter"]);
    check(&["--design", "no such"], &["no design of the chosen scenarios is named `no such`", "fetch_add"]);
    check(&["--engine", "gpu"], &["gpu", "loom, shuttle, threads, processes"]);
    check(&["--budget", "huge"], &["huge", "thorough"]);
    check(&["--jobs", "0"], &["0"]);
    check(&["--seed", "x"], &["x"]);
    check(&["--frobnicate"], &["--frobnicate"]);
}

#[test]
fn help_says_what_the_exit_codes_mean() {
    let output = selvedge().arg("--help").assert().code(0).get_output().stdout.clone();
    let help = String::from_utf8(output).expect("text");
    for words in ["Exit codes", "--budget", "--engine", "--seed", "list"] {
        assert!(help.contains(words), "`{words}` is not in\n{help}");
    }
}

#[test]
fn wrong_scenarios_are_refused_by_file_and_name_before_anything_runs() {
    let output = consumer("wrong-scenarios").assert().code(2).get_output().clone();
    assert!(output.stdout.is_empty());
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let file = "tests/consumer/wrong/faults.rs: scenario";
    for fault in [
        "`no_design`: it has no design",
        "`no_actor`: design `nobody`: it has no actor",
        "`no_grade`: it grades no outcome",
        "`same_names`: two designs are named `the same`",
        "`excluded`: design `out and in`: it expects a verdict on loom, but is excluded from it (it is too large)",
        "`excluded`: design `out and in`: it must see its failure on loom, but is excluded from it",
    ] {
        assert!(errors.contains(&format!("{file} {fault}")), "`{fault}` is not in\n{errors}");
    }
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let run = || {
        let mut report = json(
            selvedge().args([
                "message_passing",
                "--engine",
                "loom",
                "--engine",
                "shuttle",
                "--budget",
                "quick",
            ]),
            0,
        );
        strip_times(&mut report);
        report
    };
    assert_eq!(run(), run());
}

fn strip_times(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.remove("seconds");
            fields.values_mut().for_each(strip_times);
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(strip_times),
        _ => {}
    }
}
