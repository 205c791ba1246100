//! Every planted bug of the shipped objects: who finds it, after how many executions, and how small the
//! program is that shows it.

use crate::support::{cell, json, selvedge};
use serde_json::Value;
use std::fmt::Write as _;

/// Operations of one actor that a shrunk program may have.
const MOST_OPERATIONS: usize = 4;

/// The object, the implementation with the bug, and the checkers that must find it.
const PLANTED: [(&str, &str, &[&str]); 19] = [
    ("object_counter", "load, then store", &["loom", "shuttle"]),
    ("object_counter", "plain memory", &["loom", "shuttle"]),
    ("object_register", "compared, then set", &["loom", "shuttle"]),
    ("object_register", "in two halves", &["loom", "shuttle"]),
    ("object_stack", "bare index", &["shuttle"]),
    ("object_queue", "linked blindly", &["shuttle"]),
    ("object_ring", "free too early", &["shuttle"]),
    ("object_spsc", "no release", &["loom", "shuttle"]),
    ("object_map", "look, then insert", &["loom", "shuttle"]),
    ("object_set", "one lock at a time", &["shuttle"]),
    ("object_semaphore", "looks once", &["shuttle"]),
    ("object_semaphore", "wakes once", &["shuttle"]),
    ("object_cache", "stale", &["loom", "shuttle"]),
    ("object_oneshot", "flag, then message", &["loom", "shuttle"]),
    ("object_lazy", "look, then fill", &["loom", "shuttle"]),
    ("object_deque", "no contest", &["loom", "shuttle"]),
    ("object_deque", "no release", &["loom"]),
    ("object_bank", "one lock after the other", &["loom", "shuttle"]),
    ("object_bank", "load, then store", &["loom", "shuttle"]),
];

/// How many operations each list between `parts: vec![` and `], suffix` has, in Rust as the report shows it.
fn operations_of_each(program: &str) -> Vec<usize> {
    let parts = program.split_once("parts: vec![").and_then(|(_, rest)| rest.split_once("], suffix"));
    let (parts, _) = parts.expect("a program with parts");
    let mut lists = Vec::new();
    let mut depth = 0;
    for letter in parts.chars() {
        match letter {
            '[' | '(' | '{' => {
                depth += 1;
                if depth == 1 {
                    lists.push(0);
                }
            }
            ']' | ')' | '}' => depth -= 1,
            ',' if depth == 1 => *lists.last_mut().expect("a list") += 1,
            letter if depth == 1 && letter.is_alphanumeric() && lists.last() == Some(&0) => {
                *lists.last_mut().expect("a list") = 1;
            }
            _ => {}
        }
    }
    lists
}

/// The caveat of a cell that shows the shrunk program.
fn shrunk(cell: &Value) -> String {
    let caveats = cell["caveats"].as_array().into_iter().flatten().filter_map(Value::as_str);
    caveats.filter(|caveat| caveat.contains("shrunk to")).collect()
}

#[test]
fn every_planted_bug_is_found_and_shown_by_a_small_program() {
    let mut objects: Vec<_> = PLANTED.iter().map(|(object, ..)| *object).collect();
    objects.dedup();
    let mut table = String::new();
    for object in objects {
        let planted = || PLANTED.iter().filter(|(of, ..)| *of == object);
        let mut command = selvedge();
        command.args([object, "--engine", "loom", "--engine", "shuttle"]);
        planted().for_each(|(_, design, _)| {
            command.args(["--design", design]);
        });
        let report = json(&mut command, 0);
        for (_, design, finders) in planted() {
            assert!(!finders.is_empty(), "{object}, {design}: nobody has to find it");
            for engine in ["loom", "shuttle"] {
                let cell = cell(&report, design, engine);
                let found =
                    ["forbidden", "data-race", "deadlock"].contains(&cell["verdict"].as_str().unwrap_or(""));
                assert_eq!(found, finders.contains(&engine), "{object}, {design} on {engine}: {cell:#}");
                if !found {
                    continue;
                }
                let words = shrunk(cell);
                let lists = operations_of_each(&words);
                assert!(!lists.is_empty() && lists.iter().all(|&list| list <= MOST_OPERATIONS), "{words}");
                let executions = cell["evidence"]["executions"].as_u64().expect("executions are counted");
                assert!((1..=60_000).contains(&executions), "{object}, {design} on {engine}: {cell:#}");
                let program = words.split_once("others: ").map_or("", |(_, program)| program);
                let _ = writeln!(table, "{object:<18} {design:<26} {engine:<8} {executions:>6}  {program}");
            }
        }
    }
    println!("{table}");
}

#[test]
fn operations_are_counted_in_rust() {
    let program = "Program { prefix: vec![Total], parts: vec![vec![Move { from: 2, to: 1 }, Get(1, 2)], vec![Pop], vec![]], suffix: vec![Pop] }";
    assert_eq!(operations_of_each(program), [2, 1, 0]);
}
