//! A failing program under a checker has a token that carries the program too.

use crate::planted::{PLANTED, of};
use crate::support::{cell, check, consumer, json, selvedge};
use serde_json::Value;

#[path = "../../scenarios/objects"]
mod objects {
    automod::dir!("scenarios/objects");
}

const CHECKERS: [&str; 4] = ["--engine", "loom", "--engine", "shuttle"];

/// What of a witness must be the same in a replay: everything but what only a search can know.
fn replayable(witness: &Value) -> Value {
    let mut witness = witness.clone();
    witness.as_object_mut().expect("a witness is an object").remove("shortest");
    witness
}

#[track_caller]
fn token(cell: &Value) -> &str {
    cell["witnesses"][0]["token"].as_str().unwrap_or_else(|| panic!("no token: {cell:#}"))
}

#[test]
fn every_planted_bug_replays_to_the_same_program_and_the_same_events() {
    let mut replayed = 0;
    for (object, design, finders) in PLANTED {
        for engine in finders {
            let seen = cell(of(object), design, engine);
            let witness = &seen["witnesses"][0];
            assert!(
                witness["program"]["table"].as_str().is_some_and(|table| table.contains('A')),
                "{seen:#}"
            );
            let history = witness["program"]["history"].as_str();
            let fits_no_order = witness["shows"]["sentence"] == "the history is not linearizable";
            assert_eq!(history.is_some_and(|history| history.contains("cannot be explained")), fits_no_order);
            let again = json(selvedge().args(["replay", token(seen)]), 0);
            assert_eq!(replayable(&again["witness"]), replayable(witness), "{object}, {design} on {engine}");
            // In this very process too.
            let here = selvedge::replay(token(seen)).expect("the same in a test");
            assert_eq!(here.conclusion(), witness["conclusion"].as_str().unwrap_or_default());
            assert_eq!(here.events(), witness["events"].as_array().map_or(0, Vec::len));
            let printed = here.to_string();
            for part in ["table", "history", "test"] {
                let part = witness["program"][part].as_str().unwrap_or_default();
                assert!(printed.contains(part), "`{part}` is not in\n{printed}");
            }
            assert!(printed.lines().all(|line| line.chars().count() <= 100), "{printed}");
            replayed += 1;
        }
    }
    assert!(replayed >= 28, "only {replayed} were replayed");
}

#[test]
fn the_token_of_a_program_is_refused_when_it_is_damaged() {
    let token = token(cell(of("object_counter"), "load, then store", "shuttle"));
    let refused = |token: &str, words: &str| {
        let output = selvedge().args(["replay", token]).assert().code(2).get_output().clone();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(words), "`{words}` is not in `{said}`");
        assert!(selvedge::replay(token).is_err());
    };
    refused(&token[..token.len() - 1], "cut short");
    let middle = token.len() / 2;
    let other = if &token[middle..=middle] == "A" { "B" } else { "A" };
    refused(&format!("{}{other}{}", &token[..middle], &token[middle + 1..]), "damaged");
    let (format, rest) = token.split_once('_').expect("a token has a version");
    let (_, payload) = rest.split_once('_').expect("a token has a payload");
    refused(&format!("{}9_0.0.1_{payload}", &format[..2]), "made by selvedge 0.0.1");
}

#[test]
fn an_object_that_has_changed_refuses_its_old_tokens() {
    let mut command = consumer("broken-scenarios");
    command.args(["shifting_object", "--design", "loses", "--budget", "quick"]).args(CHECKERS);
    let report = json(&mut command, 0);
    let again = |token: &str, changed: &str| {
        let mut command = consumer("broken-scenarios");
        command.args(["replay", token]).env("SHIFTING", changed).assert().get_output().clone()
    };
    for engine in ["loom", "shuttle"] {
        let token = token(cell(&report, "loses", engine));
        let same = again(token, "");
        assert!(same.status.success(), "{engine}: {}", String::from_utf8_lossy(&same.stderr));
        for (changed, words) in [
            ("operations", "its operations are others, or its model is"),
            ("model", "its operations are others, or its model is"),
            // Seen on the way or only at its end.
            ("steps", "has changed since"),
        ] {
            let refused = again(token, changed);
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(2), "{engine}, {changed}: {said}");
            assert!(
                said.contains("has changed since") && said.contains(words),
                "{engine}, {changed}: {said}"
            );
        }
    }
}

#[test]
fn a_program_that_ends_its_process_has_a_witness_too() {
    let mut command = consumer("broken-scenarios");
    command.args(["shifting_object", "--design", "aborts", "--budget", "quick"]).args(CHECKERS);
    let report = json(&mut command, 0);
    for engine in ["loom", "shuttle"] {
        check(&report, "aborts", engine, "crash", "killed by SIGABRT");
        let seen = cell(&report, "aborts", engine);
        assert_eq!(seen["witnesses"][0]["shows"]["failure"], "crash", "{engine}: {seen:#}");
        let again = json(consumer("broken-scenarios").args(["replay", token(seen)]), 0);
        assert_eq!(replayable(&again["witness"]), replayable(&seen["witnesses"][0]), "{engine}");
    }
}
