//! A program that fails an implementation which should be safe is kept beside the scenario, and tried first
//! from then on.

use crate::support::{cell, consumer, json, root};
use std::fs;

const SOURCE: &str = "tests/consumer/broken/shifting_object.rs";
const DESIGN: &str = "loses, unexpectedly";

#[test]
fn a_program_that_failed_is_kept_and_tried_first() {
    // The scenario's file is looked for from the current folder on.
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join(SOURCE);
    fs::create_dir_all(source.parent().expect("it lies in a folder")).expect("folders can be made");
    fs::copy(root().join(SOURCE), &source).expect("the scenario can be copied");
    let kept = source.with_file_name("regressions").join("shifting_object.txt");
    let run = |seed: &str, design: &str, code: i32| {
        let mut command = consumer("broken-scenarios");
        command.current_dir(&folder).args(["shifting_object", "--design", design, "--seed", seed]);
        let report = json(command.args(["--engine", "shuttle", "--budget", "quick"]), code);
        cell(&report, design, "shuttle")["caveats"].to_string()
    };
    assert!(run("2", "loses", 0).contains("failed, "));
    assert!(!kept.exists(), "it was expected to fail");

    // With this seed the first program does not fail.
    let said = run("1", DESIGN, 1);
    assert!(said.contains("failed, ") && !said.contains("program 0 failed"), "{said}");
    let text = fs::read_to_string(&kept).expect("the program is kept");
    let lines = |text: &str| text.lines().filter(|line| line.starts_with("loses")).count();
    assert_eq!(lines(&text), 1, "{text}");

    // With no seed is there another one from now on.
    for seed in ["1", "2"] {
        let said = run(seed, DESIGN, 1);
        assert!(said.contains("program 0 failed"), "seed {seed}: {said}");
    }
    assert_eq!(fs::read_to_string(&kept).expect("it is still there"), text);
    // It is that design's own.
    assert!(!run("1", "loses", 0).contains("program 0 failed"));
}
