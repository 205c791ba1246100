//! Every seeded bug of the shipped objects: who finds it, after how many executions, and how small the
//! program is that shows it.

use crate::support::{cell, json, selvedge};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// Executions within which a checker must find a seeded bug.
const MOST_EXECUTIONS: u64 = 8_000;

/// Operations of one actor that a shrunk program may have.
const MOST_OPERATIONS: usize = 4;

/// The object, the implementation with the bug, and the checkers that must find it.
pub(crate) const PLANTED: [(&str, &str, &[&str]); 19] = [
    ("object_counter", "load, then store", &["loom", "shuttle"]),
    ("object_counter", "plain memory", &["loom", "shuttle"]),
    ("object_register", "compared, then set", &["loom", "shuttle"]),
    ("object_register", "in two halves", &["loom", "shuttle"]),
    ("object_stack", "bare index", &["shuttle"]),
    ("object_queue", "linked blindly", &["shuttle"]),
    ("object_ring", "free too early", &["loom", "shuttle"]),
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

/// The program of a witness, in one line, and how many operations each of its actors does: a line of the
/// test each, between `parts: vec![` and `],`.
fn shrunk(witness: &Value) -> (String, Vec<usize>) {
    let test = witness["program"]["test"].as_str().unwrap_or_else(|| panic!("no program: {witness:#}"));
    let lines: Vec<_> = test.lines().map(str::trim).collect();
    let (begin, end) = ("parts: vec![", "],");
    let parts = lines.iter().skip_while(|line| **line != begin).skip(1).take_while(|line| **line != end);
    let program =
        lines.iter().skip_while(|line| !line.starts_with("prefix")).take_while(|line| **line != "};");
    (program.copied().collect::<Vec<_>>().join(" "), parts.map(|line| operations(line)).collect())
}

/// How many operations there are in `vec![A, B { of: 1, to: 2 }],`.
fn operations(line: &str) -> usize {
    let list = line.strip_prefix("vec![").and_then(|rest| rest.strip_suffix("],")).expect("a list");
    let mut depth = 0_usize;
    let commas = list.chars().filter(|letter| {
        match letter {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth -= 1,
            _ => {}
        }
        *letter == ',' && depth == 0
    });
    commas.count() + usize::from(!list.is_empty())
}

/// What the checkers see of the seeded bugs of an object.
pub(crate) fn of(object: &str) -> &'static Value {
    static SEEN: OnceLock<BTreeMap<&str, Value>> = OnceLock::new();
    let see = |(object, ..): (&'static str, &str, &[&str])| {
        let mut command = selvedge();
        command.args([object, "--engine", "loom", "--engine", "shuttle"]);
        let planted = PLANTED.iter().filter(|(of, ..)| *of == object);
        planted.for_each(|(_, design, _)| {
            command.args(["--design", design]);
        });
        (object, json(&mut command, 0))
    };
    let seen = SEEN.get_or_init(|| {
        let mut objects = PLANTED.to_vec();
        objects.dedup_by_key(|(object, ..)| *object);
        objects.into_iter().map(see).collect()
    });
    seen.get(object).expect("an object with a seeded bug")
}

#[test]
fn every_planted_bug_is_found_and_shown_by_a_small_program() {
    let mut table = String::new();
    let mut found_by = BTreeMap::new();
    for (object, design, finders) in PLANTED {
        assert!(!finders.is_empty(), "{object}, {design}: nobody has to find it");
        for engine in ["loom", "shuttle"] {
            let cell = cell(of(object), design, engine);
            let found =
                ["forbidden", "data-race", "deadlock"].contains(&cell["verdict"].as_str().unwrap_or(""));
            assert_eq!(found, finders.contains(&engine), "{object}, {design} on {engine}: {cell:#}");
            if !found {
                continue;
            }
            *found_by.entry(engine).or_insert(0) += 1;
            let (program, of_each) = shrunk(&cell["witnesses"][0]);
            let small = !of_each.is_empty() && of_each.iter().all(|&number| number <= MOST_OPERATIONS);
            assert!(small, "{object}, {design} on {engine}: {program}");
            let executions = cell["evidence"]["executions"].as_u64().expect("executions are counted");
            assert!((1..=MOST_EXECUTIONS).contains(&executions), "{object}, {design} on {engine}: {cell:#}");
            let _ = writeln!(table, "{object:<18} {design:<26} {engine:<8} {executions:>6}  {program}");
        }
    }
    assert_eq!(found_by, BTreeMap::from([("loom", 14), ("shuttle", 18)]));
    println!("{table}");
}

#[test]
fn operations_are_counted_in_rust() {
    let count = |line: &str, expected: usize| assert_eq!(operations(line), expected, "{line}");
    count("vec![],", 0);
    count("vec![Pop],", 1);
    count("vec![Move { from: 2, to: 1 }, Get(1, 2)],", 2);
}
