//! Every witness has a token, and a token finds its execution again.

use crate::support::{cell, consumer, deaths, json, selvedge};
use serde_json::Value;

#[path = "../../scenarios"]
mod scenarios {
    mod basics {
        automod::dir!("scenarios/basics");
    }
    mod memory_order {
        automod::dir!("scenarios/memory_order");
    }
    mod locks {
        automod::dir!("scenarios/locks");
    }
    mod coordination {
        automod::dir!("scenarios/coordination");
    }
    mod processes {
        automod::dir!("scenarios/processes");
    }
}

#[path = "../consumer/broken/waiting.rs"]
mod waiting;

/// The witnesses in a report.
fn witnesses(report: &Value) -> Vec<Value> {
    let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
    array(&report["scenarios"])
        .iter()
        .flat_map(|scenario| array(&scenario["designs"]))
        .flat_map(|design| array(&design["engines"]))
        .flat_map(|engine| array(&engine["witnesses"]))
        .collect()
}

/// What of a witness must be the same in a replay: everything but what only a search can know.
fn replayable(witness: &Value) -> Value {
    let mut witness = witness.clone();
    witness.as_object_mut().expect("a witness is an object").remove("shortest");
    witness
}

fn token(witness: &Value) -> &str {
    witness["token"].as_str().expect("a witness has a token")
}

const CHECKERS: [&str; 4] = ["--engine", "loom", "--engine", "shuttle"];

#[test]
fn every_shipped_failing_design_replays_to_the_same_events() {
    // The objects replay in a test of their own.
    let scenarios = [
        "early_wakeup",
        "lock_order",
        "message_passing",
        "process_isolation",
        "random_seat",
        "shared_counter",
        "store_buffering",
    ];
    let report = json(selvedge().arg("run").args(scenarios).args(CHECKERS), 0);
    let witnesses = witnesses(&report);
    assert!(witnesses.len() >= 15, "only {} witnesses", witnesses.len());
    let mut failing = 0;
    for scenario in report["scenarios"].as_array().into_iter().flatten() {
        for engine in scenario["designs"].as_array().into_iter().flatten() {
            for cell in engine["engines"].as_array().into_iter().flatten() {
                let fails =
                    !["safe", "not-applicable"].contains(&cell["verdict"].as_str().unwrap_or_default());
                failing += usize::from(fails);
                let shown = cell["witnesses"].as_array().is_some_and(|witnesses| !witnesses.is_empty());
                assert_eq!(fails, shown, "a failure has a witness, and nothing else: {cell:#}");
            }
        }
    }
    assert!(failing >= 12, "only {failing} cells fail");
    for witness in witnesses {
        let again = json(selvedge().args(["replay", token(&witness)]), 0);
        assert_eq!(replayable(&again["witness"]), replayable(&witness));
        // In this very process too.
        let here = selvedge::replay(token(&witness)).expect("the same in a test");
        assert_eq!(here.conclusion(), witness["conclusion"].as_str().unwrap_or_default());
        assert_eq!(here.events(), witness["events"].as_array().map_or(0, Vec::len));
        assert!(here.to_string().lines().all(|line| line.chars().count() <= 100), "{here}");
    }
}

#[test]
fn a_witness_of_a_lost_update_can_be_read() {
    let report =
        json(selvedge().args(["run", "shared_counter", "--design", "load, then store"]).args(CHECKERS), 0);
    let shuttles = &cell(&report, "load, then store", "shuttle")["witnesses"][0];
    assert_eq!(shuttles["shortest"], true, "{shuttles:#}");
    let printed = selvedge().args(["replay", token(shuttles)]).assert().code(0).get_output().stdout.clone();
    let printed = String::from_utf8(printed).expect("text");
    let rows: Vec<_> = printed.lines().filter(|line| line.contains(" n = ")).collect();
    assert_eq!(rows.len(), 6, "four events, what was left and a conclusion:\n{printed}");
    assert!(
        printed.contains("both wrote 1, and the outcome 1 is forbidden: an\nincrement was lost"),
        "{printed}"
    );
}

/// The threads of a witness's events, without those of the main thread.
fn actors(witness: &Value) -> Vec<u64> {
    let events = witness["events"].as_array().into_iter().flatten();
    events.filter_map(|event| event["thread"].as_u64()).filter(|&thread| thread > 0).collect()
}

/// Checks that the token leads to the same events once more, with the same end.
#[track_caller]
fn replays(witness: &Value) {
    let again = json(consumer("broken-scenarios").args(["replay", token(witness)]), 0);
    assert_eq!(replayable(&again["witness"]), replayable(witness));
}

/// By hand: whoever ends the process needs nobody else for it.
#[test]
fn an_execution_that_ends_its_process_has_a_witness_too() {
    // Until an execution is taken for one that never ends, others may be replayed.
    std::thread::scope(|scope| {
        for (design, failure) in [("segmentation fault", "crash"), ("never ends", "hang")] {
            for engine in ["loom", "shuttle"] {
                let witness = &cell(deaths(), design, engine)["witnesses"][0];
                assert_eq!(witness["shows"]["failure"], failure, "{design} on {engine}: {witness:#}");
                assert_eq!(witness["shortest"], true, "{design} on {engine}: {witness:#}");
                assert_eq!(actors(witness), [2], "{design} on {engine}: {witness:#}");
                scope.spawn(move || replays(witness));
            }
        }
    });
}

/// By hand, for each design: A does so much of its part, then comes B, and everything else is spared.
#[test]
fn of_the_executions_that_end_their_process_the_shortest_is_shown() {
    let fatal = json(consumer("broken-scenarios").args(["fatal", "--budget", "quick"]).args(CHECKERS), 0);
    let both: &[&str] = &["loom", "shuttle"];
    let shortest: [(&Value, &str, &[&str], &[u64]); 7] = [
        (deaths(), "aborts in the middle", both, &[1, 1, 2]),
        (&fatal, "another end lies before", both, &[1, 1, 2]),
        (&fatal, "dies of a choice", both, &[1, 1, 2, 2]),
        (&fatal, "fewer switches or fewer events", both, &[1, 1, 1, 1, 1, 2, 2]),
        (&fatal, "as few switches and fewer events", both, &[1, 1, 2]),
        (&fatal, "dies with a lock in its hands", both, &[1, 1, 2]),
        (&fatal, "dies of a stale value", &["loom"], &[1, 1, 2, 2]),
    ];
    for (report, design, engines, threads) in shortest {
        for engine in engines {
            let witness = &cell(report, design, engine)["witnesses"][0];
            assert_eq!(witness["shortest"], true, "{design} on {engine}: {witness:#}");
            assert_eq!(actors(witness), threads, "{design} on {engine}: {witness:#}");
            replays(witness);
        }
    }
    // Who computes for too long is taken for endless, and might have come to the same end with one event less.
    for engine in both {
        let witness = &cell(&fatal, "takes long over the shorter way", engine)["witnesses"][0];
        assert_eq!(witness["shortest"], false, "{engine}: {witness:#}");
    }
    // The search dies of a thread that must not be cut.
    let witness = &cell(&fatal, "must not unwind", "loom")["witnesses"][0];
    assert_eq!((&witness["shortest"], actors(witness)), (&Value::Bool(false), vec![1, 2]), "{witness:#}");
    replays(witness);
}

#[test]
fn an_execution_that_ends_its_process_is_not_called_the_shortest_without_a_proof() {
    // By itself, and not within the quick budget, whose time is over on a machine that does much else.
    let design = ["deaths", "--budget", "quick", "--design", "aborts after six turns"];
    let report =
        json(consumer("broken-scenarios").args(design).args(["--engine=loom", "--engine=shuttle"]), 0);
    for engine in ["loom", "shuttle"] {
        let witness = &cell(&report, "aborts after six turns", engine)["witnesses"][0];
        assert_eq!(witness["shows"]["failure"], "crash", "{engine}: {witness:#}");
        // There are far more ways with fewer switches than can be tried.
        assert_eq!(witness["shortest"], false, "{engine}: {witness:#}");
    }
}

#[test]
fn a_token_that_leads_nowhere_is_refused_in_a_sentence() {
    let report =
        json(selvedge().args(["run", "lock_order", "--design", "in opposite order"]).args(CHECKERS), 0);
    let token = token(&cell(&report, "in opposite order", "shuttle")["witnesses"][0]).to_owned();
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{token}");
    let refused = |token: &str, words: &str| {
        let output = selvedge().args(["replay", token]).assert().code(2).get_output().clone();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(words), "`{words}` is not in `{said}`");
        assert!(output.stdout.is_empty());
        assert!(selvedge::replay(token).is_err());
    };
    refused("counter", "not a token");
    refused(&token[..token.len() - 1], "cut short");
    let last = if token.ends_with('A') { 'B' } else { 'A' };
    refused(&format!("{}{last}", &token[..token.len() - 1]), "damaged");
    // A scenario of the same name that is not here, or says something else.
    let other = consumer("broken-scenarios").args(["replay", &token]).assert().code(2).get_output().clone();
    assert!(String::from_utf8_lossy(&other.stderr).contains("there is no design"), "{other:?}");
}

#[test]
fn a_scenario_that_has_changed_refuses_its_old_tokens() {
    let report = json(consumer("broken-scenarios").arg("shifting").args(CHECKERS), 0);
    let again = |token: &str, key: &str, value: &str| {
        consumer("broken-scenarios").args(["replay", token]).env(key, value).assert().get_output().clone()
    };
    for (design, engine) in
        ["lossy", "deadly"].into_iter().flat_map(|design| [(design, "loom"), (design, "shuttle")])
    {
        let token = token(&cell(&report, design, engine)["witnesses"][0]).to_owned();
        assert!(again(&token, "SHIFTING", "").status.success(), "{design} on {engine}");
        for (value, words) in
            [("question", "its question, its grades or its actors"), ("operations", "changed since")]
        {
            let refused = again(&token, "SHIFTING", value);
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(2), "{design} on {engine}, {value}: {said}");
            let fits = said.contains("has changed since") && said.contains(words);
            assert!(fits, "{design} on {engine}, {value}: {said}");
        }
    }
}

/// Who waits for ever where it is easy to lose sight of them: each failure has its events, which a token finds
/// again.
#[test]
fn whoever_is_left_waiting_is_in_the_witness() {
    let report = json(consumer("broken-scenarios").arg("waiting").args(CHECKERS), 0);
    let mut failing = 0;
    for design in report["scenarios"][0]["designs"].as_array().into_iter().flatten() {
        for cell in design["engines"].as_array().into_iter().flatten() {
            let fails = !["safe", "not-applicable"].contains(&cell["verdict"].as_str().unwrap_or_default());
            let witnesses = cell["witnesses"].as_array().map_or(&[][..], Vec::as_slice);
            failing += usize::from(fails);
            // A destructor that can never have its lock ends the process, and with it the search.
            let name = design["name"].as_str().unwrap_or_default();
            if cell["engine"] == "shuttle" && name.starts_with("in a destructor") {
                assert!(fails && witnesses.len() <= 1, "{name}: {cell:#}");
                continue;
            }
            assert_eq!(witnesses.len(), usize::from(fails), "{name}: {cell:#}");
            for witness in witnesses {
                let events = witness["events"].as_array().map_or(0, Vec::len);
                assert!(events >= 3, "{name}: {cell:#}");
                replays(witness);
            }
        }
    }
    assert_eq!(failing, 11);
    let left = cell(&report, "left by the main thread", "shuttle");
    assert_eq!(left["reason"], "thread 2 waits for a message from channel");
}

/// Replays the tokens in the environment, if there are any, and panics outside of every model: for
/// [`shuttles_log_is_kept_off_the_terminal`], which runs this in a process of its own.
#[test]
fn in_a_process_of_its_own() {
    let Ok(tokens) = std::env::var("REPLAY_HERE") else { return };
    for token in tokens.split(' ') {
        selvedge::replay(token).expect("the same in a test");
    }
    assert!(!std::thread::panicking());
    assert!(std::panic::catch_unwind(|| panic!("a panic of its own")).is_err());
}

#[test]
fn shuttles_log_is_kept_off_the_terminal() {
    let shipped = json(selvedge().args(["run", "lock_order", "shared_counter"]).args(CHECKERS), 0);
    let designs = ["left by the main thread", "for itself", "for one that has ended", "the main thread"];
    let designs = designs.map(|design| format!("--design={design}"));
    let broken = json(consumer("broken-scenarios").arg("waiting").args(designs).args(CHECKERS), 0);
    let failing = [witnesses(&shipped), witnesses(&broken)].concat();
    assert!(failing.len() >= 12, "{}", failing.len());
    let tokens: Vec<_> = failing.iter().map(token).collect();
    let this = std::env::current_exe().expect("this program has a file");
    let output = std::process::Command::new(this)
        .args(["replay::in_a_process_of_its_own", "--exact", "--nocapture"])
        .env("REPLAY_HERE", tokens.join(" "))
        .output()
        .expect("this program can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("a panic of its own"), "{said}");
    assert!(said.trim_start().starts_with("thread 'replay::in_a_process_of_its_own'"), "{said}");
    assert_eq!(said.matches("panicked").count(), 1, "{said}");
}
