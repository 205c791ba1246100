//! Logs of every format, and lines that are wrong.

use super::super::models::{Function, Keyed, Ready as _, Register};
use super::super::{Checker, Value};
use super::{Format, Log, Options, read};

#[track_caller]
fn log(text: &str) -> Log {
    let format = Format::of(text).expect("a known format");
    read(text, format, &Options::default()).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn fits(log: &Log) -> bool {
    log.suits::<Register>().expect("a register's operations");
    let model = Keyed::new(Register::start(Value::Nil).expect("any value"));
    Checker::new().check(&model, &log.history).is_linearizable()
}

const JSON: &str = r#"
{"client": "a", "event": "call", "operation": "write", "value": 3, "time": 10}
{"client": 1, "event": "call", "operation": "read", "time": 12}
{"client": "a", "event": "info", "time": 14}
{"event": "note", "value": "partition", "time": 14}
{"client": 1, "event": "return", "value": 3, "time": 20}
{"client": "a", "event": "call", "operation": "cas", "value": [3, 4], "time": 21}
{"client": "a", "event": "fail", "time": 22}
"#;

const EDN: &str = "[{:process 0, :type :invoke, :f :write, :value 3} ; a comment
 #jepsen.history.Op{:process 1, :type :invoke, :f :read, :value nil}
 {:process 0, :type :info, :f :write, :value 3, :error :timeout}
 {:process :nemesis, :type :info, :f :start, :value \"partition\"}
 {:process 1, :type :ok, :f :read, :value 3} #_{:left :out}
 {:process 0, :type :invoke, :f :cas, :value [3 4]} {:process 0, :type :fail, :f :cas, :value [3 4]}]";

const CONSOLE: &str = "INFO  jepsen.util - 0\t:invoke\t:write\t3
INFO  jepsen.util - 1\t:invoke\t:read\tnil
INFO  jepsen.util - 0\t:info\t:write\t:timed-out
INFO  jepsen.util - :nemesis\t:info\t:start\tnil
INFO  jepsen.util - 1\t:ok\t:read\t3
INFO  jepsen.util - 0\t:invoke\t:cas\t[3 4]
INFO  jepsen.util - 0\t:fail\t:cas\t[3 4]
";

#[test]
fn one_history_in_three_formats() {
    for (text, right) in [(JSON, false), (EDN, false), (CONSOLE, false)] {
        let log = log(text);
        assert_eq!((log.history.operations().len(), log.failed), (3, 0), "{text}");
        assert_eq!(log.notes.len(), 1, "{text}");
        assert_eq!(log.clients.len(), 3, "a client that crashed goes on as another: {text}");
        assert_eq!(fits(&log), right, "the compare-and-set found 3, and says that it did not: {text}");
        // The twin in which it expected another value.
        let twin = self::log(&text.replace("[3, 4]", "[5, 4]").replace("[3 4]", "[5 4]"));
        assert!(fits(&twin), "{text}");
    }
}

#[test]
fn what_failed_is_counted_and_what_an_error_says_is_no_return() {
    let failed =
        log("{:process 0 :type :invoke :f :cas :value [3 4]} {:process 0 :type :fail :f :cas :error :down}");
    assert_eq!((failed.failed, failed.history.operations().len()), (1, 0));
}

#[test]
fn names_are_mapped_and_keys_taken_from_values() {
    let options = Options { names: vec![("fetch".to_owned(), Function::Read)], keyed_values: true };
    let text =
        "{:process 0 :type :invoke :f :fetch :value [7 nil]} {:process 0 :type :ok :f :fetch :value [7 2]}";
    let log = read(text, Format::Edn, &options).expect("a log");
    let operation = &log.history.operations()[0];
    assert_eq!((operation.op.key.clone(), operation.op.function), (Some(Value::Int(7)), Function::Read));
    assert_eq!(operation.returned, Some((2, Value::Int(2))));
}

#[track_caller]
fn wrong(text: &str, line: usize, words: &str) {
    let format = Format::of(text).expect("a known format");
    let wrong = read(text, format, &Options::default()).expect_err(text);
    assert!(wrong.line == line && wrong.what.contains(words), "{wrong} of {text}");
}

#[test]
fn a_wrong_line_is_named_with_what_was_expected() {
    let call = "{\"client\":0,\"event\":\"call\",\"operation\":\"read\"}\n";
    wrong(&format!("{call}{call}"), 2, "a return of client 0 was expected, which called in line 1");
    wrong(&format!("{call}nonsense"), 2, "a JSON object was expected");
    wrong(&format!("{call}{{\"client\":0,\"event\":\"ends\"}}"), 2, "an `event` of call, return");
    wrong(&format!("{call}{{\"client\":0,\"event\":\"return\",\"time\":4}}"), 2, "a time at every event");
    wrong(&format!("{call}{{\"client\":0,\"event\":\"return\",\"vaule\":4}}"), 2, "there is `vaule`");
    wrong("{\"client\":0,\"event\":\"return\"}", 1, "a call of client 0 was expected");
    wrong("{\"client\":0,\"event\":\"call\",\"operation\":\"frob\"}", 1, "a known operation was expected");
    wrong("{:process 0 :type :invoke :f :read}\n{:process 0 :type", 2, "`}` was expected");
    wrong("{:process 0 :type :invoke :f :read}\n\n{:process 0 :type :ok :f :write}", 3, "the end of read");
    wrong("INFO  jepsen.util - 0 :invoke :read nil\nWARN other", 2, "`INFO  jepsen.util");
    wrong(&"[".repeat(100_000), 1, "at most 64 nested values");
    let push = log("{\"client\":0,\"event\":\"call\",\"operation\":\"push\",\"value\":1}");
    let unsuited = push.suits::<Register>().expect_err("a register cannot push");
    assert_eq!(
        unsuited.to_string(),
        "line 1: an operation of read, write, cas was expected, and there is push 1"
    );
}

/// Logs with pieces left out, doubled or exchanged.
#[test]
fn damaged_logs_are_read_or_refused() {
    let mut state = 1_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("small") % bound.max(1)
    };
    let mut understood = [0; 2];
    for _ in 0..3_000 {
        let mut bytes = [JSON, EDN, CONSOLE][below(3)].as_bytes().to_vec();
        for _ in 0..below(3) {
            let (from, length) = (below(bytes.len()), below(30));
            let piece: Vec<u8> = bytes[from..(from + length).min(bytes.len())].to_vec();
            let to = below(bytes.len());
            match below(3) {
                0 => drop(bytes.drain(from..from + piece.len())),
                1 => drop(bytes.splice(to..to, piece)),
                _ => bytes[to] = b"{}[]\":\n0 "[below(9)],
            }
        }
        understood[usize::from(super::survive(&bytes) > 0)] += 1;
    }
    assert!(understood.iter().all(|logs| *logs > 300), "{understood:?}");
}
