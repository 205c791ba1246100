//! Litmus tests through the program, on the engines whose answers can be foretold: their final states are the
//! oracle's, or the file says in which line and why they are not.

use crate::litmus_oracle::{folder, program, shipped, states};
use crate::oracle::{self, Model, Shape};
use crate::support::{json, selvedge};
use selvedge::litmus::{Test, parse};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An engine that a test here holds to a model. A new one is a line.
struct Held {
    engine: &'static str,
    model: Model,
    /// The model's name in the files.
    name: &'static str,
    /// Whether it comes to its end on every test of this size.
    always_complete: bool,
    /// Of the shipped tests, at least how many must have come to their end and have the oracle's states.
    exact: usize,
    /// Files with a line of its own.
    differs: usize,
}

const ENGINES: [Held; 4] = [
    Held { engine: "rc11", model: Model::Rc11, name: "rc11", always_complete: true, exact: 140, differs: 0 },
    Held { engine: "rc11-sc", model: Model::Sc, name: "sc", always_complete: true, exact: 140, differs: 0 },
    Held { engine: "loom", model: Model::Rc11, name: "rc11", always_complete: false, exact: 85, differs: 21 },
    Held { engine: "shuttle", model: Model::Sc, name: "sc", always_complete: true, exact: 125, differs: 1 },
];

/// What an engine has found out about a test.
struct Seen<'a> {
    json: &'a Value,
    states: BTreeSet<Vec<i64>>,
    complete: bool,
    raced: bool,
}

/// The answer of `engine` to the test of this number.
fn seen<'a>(report: &'a Value, number: usize, test: &Test, engine: &str) -> Seen<'a> {
    let engines = report["tests"][number]["engines"].as_array().expect("engines");
    let json = engines.iter().find(|found| found["engine"] == engine).expect("this engine");
    let value = |state: &Value| {
        let value = |place| state["values"][test.place_name(place)].as_i64().expect("a value");
        test.observed.iter().map(|place| value(*place)).collect()
    };
    Seen {
        json,
        states: json["states"].as_array().expect("states").iter().map(value).collect(),
        complete: json["complete"].as_bool().expect("complete"),
        raced: json["data_race"].as_bool().expect("data_race"),
    }
}

/// Whether this is what the oracle says; `None` if the engine did not come to its end and has seen nothing else.
fn agrees(seen: &Seen<'_>, oracle: Option<&BTreeSet<Vec<i64>>>) -> Option<bool> {
    match oracle {
        None if seen.raced => Some(true),
        None => seen.complete.then_some(false),
        Some(_) if seen.raced => Some(false),
        Some(states) if seen.complete => Some(seen.states == *states),
        Some(states) => (!seen.states.is_subset(states)).then_some(false),
    }
}

#[test]
fn engines_answer_the_shipped_tests_as_the_files_say() {
    let mut command = selvedge();
    command.arg("litmus").arg(folder()).args(["--budget", "quick"]);
    command.args(ENGINES.map(|held| format!("--engine={}", held.engine)));
    // Open, as loom does not come to its end on all of them.
    let report = json(&mut command, 3);
    let tests = shipped();
    assert_eq!(report["tests"].as_array().map(Vec::len), Some(tests.len()));
    for held in ENGINES {
        let (mut exact, mut differing, mut wrong) = (0, 0, Vec::new());
        for (number, test) in tests.iter().enumerate() {
            let seen = seen(&report, number, test, held.engine);
            if seen.json["as_expected"] == false || (held.always_complete && seen.json["as_expected"] != true)
            {
                wrong.push(format!("{}: {:#}", test.name, seen.json));
            }
            let agreed = agrees(&seen, states(test, held.model).as_ref());
            if let Some(own) =
                test.answers.iter().find(|answer| answer.of == held.engine && held.engine != held.name)
            {
                let of_model =
                    test.answers.iter().find(|answer| answer.of == held.name).expect("the model's");
                differing += 1;
                if own.reason.is_empty() || own.statement == of_model.statement {
                    wrong.push(format!("{}: no difference, or no reason for it", test.name));
                }
            } else if agreed == Some(false) {
                wrong.push(format!("{}: not the oracle's states: {:#}", test.name, seen.json));
            } else {
                exact += usize::from(agreed == Some(true));
            }
        }
        assert!(wrong.is_empty(), "{}:\n{}", held.engine, wrong.join("\n"));
        assert!(exact >= held.exact, "{}: {exact} tests were exact", held.engine);
        assert_eq!(differing, held.differs, "{}", held.engine);
    }
}

/// Random programs as litmus files under shuttle: parser, design, search and oracle agree on all final states and
/// races; and where nothing races, on the number of executions, as both count the same classes.
#[test]
fn shuttle_and_the_oracle_agree_on_random_programs() {
    let programs = std::env::var("SELVEDGE_LITMUS_PROGRAMS").ok().and_then(|number| number.parse().ok());
    let programs: u64 = programs.unwrap_or(200);
    let shape = Shape { events: 8, ..Shape::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let mut tests = Vec::new();
    for seed in 0..programs {
        let program = oracle::random(seed, &shape);
        let file = folder.path().join(format!("{seed:06}.litmus"));
        std::fs::write(&file, program.to_string()).expect("a file");
        tests.push((parse(&file.display().to_string(), &program.to_string()).expect("a test"), program));
    }
    let mut command = selvedge();
    command.arg("litmus").arg(folder.path()).args(["--engine", "shuttle", "--format", "json"]);
    let output = command.output().expect("the program runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut results = BTreeMap::new();
    for (number, (test, printed)) in tests.iter().enumerate() {
        assert_eq!(program(test).initial, printed.initial);
        let seen = seen(&report, number, test, "shuttle");
        let result = seen.json["result"].as_str().expect("a result");
        *results.entry(result.to_owned()).or_insert(0) += 1;
        let oracle = states(test, Model::Sc);
        if result == "not-applicable" {
            continue;
        }
        assert_eq!(agrees(&seen, oracle.as_ref()), Some(true), "{printed}\n{:#}\n{oracle:?}", seen.json);
        if oracle.is_some() {
            let classes = oracle::executions(printed, Model::Sc).executions.len();
            assert_eq!(seen.json["evidence"]["executions"], classes, "{printed}");
        }
    }
    println!("{results:?}");
    assert!(results["ok"] * 2 > programs, "{results:?}");
    assert!(results["race"] > 0, "{results:?}");
}

#[test]
fn litmus_prints_states_and_exits_by_the_worst_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("t.litmus");
    let run = |condition: &str, code: i32| {
        let text = format!(
            "C t\n{{}}\nP0 (atomic_int* x) {{ int r0 = atomic_fetch_add(x, 1); }}\n\
             P1 (atomic_int* x) {{ int r0 = atomic_fetch_add(x, 1); }}\n{condition}\n"
        );
        std::fs::write(&file, text).expect("a file");
        let output = selvedge().arg("litmus").arg(&file).args(["--engine", "shuttle"]).assert().code(code);
        let output = output.get_output();
        String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
    };
    let printed = run("exists (0:r0=1 /\\ 1:r0=0)", 0);
    for words in
        ["exists (0:r0=1 /\\ 1:r0=0)", "Ok Sometimes", "2 states in all 2 executions", "* 0:r0=1; 1:r0=0;"]
    {
        assert!(printed.contains(words), "`{words}` is not in\n{printed}");
    }
    assert!(run("forall (x=2)", 0).contains("Ok Always"));
    assert!(run("~exists (x=2)", 1).contains("No Always"));
    assert!(run("exists (x=)", 2).contains("t.litmus:5:11: expected a number, but found `)`"));
    let missing = selvedge().args(["litmus", "no/such.litmus"]).assert().code(2).get_output().stderr.clone();
    assert!(String::from_utf8_lossy(&missing).contains("no/such.litmus"));
}
