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
    wrong("[{:process 0 :type :invoke :f :read}\n\n{:process 0 :type :oops}]", 3, "a :type of :invoke");
    wrong("[{:process 0 :type :invoke :f :read}\n{:process 0 :type :ok}", 2, "`]` was expected");
    wrong("{:process 0 :type :invoke :f :read}\n]", 2, "a value was expected");
    wrong("{:process 0 :type :invoke :f :frob/nicate}", 1, "there is `frob/nicate`");
    wrong("{:type :invoke :f :read}", 1, "a map with :process");
    wrong("{:process 0 :type :invoke :f :read :value \"open}", 1, "the end of a text");
    wrong("INFO  jepsen.util - 0 :invoke :read nil\nWARN other", 2, "`INFO  jepsen.util");
    wrong(&"[".repeat(100_000), 1, "at most 64 nested values");
    let push = log("{\"client\":0,\"event\":\"call\",\"operation\":\"push\",\"value\":1}");
    let unsuited = push.suits::<Register>().expect_err("a register cannot push");
    assert_eq!(
        unsuited.to_string(),
        "line 1: an operation of read, write, cas was expected, and there is push 1"
    );
}

/// As Jepsen and Knossos print histories: records, tags, sets, nested vectors, errors, a nemesis, and what Clojure
/// allows besides.
const JEPSEN: &str = r##"; a history
#jepsen.history.Op{:index 0, :time 3291485317, :type :invoke, :process 0, :f :write, :value 3}
#jepsen.history.Op{:index 1, :time 3291485311, :type :invoke, :process 4, :f :read, :value nil}
#jepsen.history.Op{:index 2, :time 3291485320, :type :info, :process :nemesis, :f :start, :value nil}
#jepsen.history.Op{:index 3, :time 3291485399, :type :info, :process :nemesis, :f :start,
                   :value [:isolated {"n1" #{"n2" "n3"}, "n2" #{"n1"}}]}
{:type :info, :f :write, :value 3, :process 0, :time 3291485400, :error [:timeout "Read timed out\n\u00e9"], :index 4,
 :exception {:via [{:type java.net.SocketTimeoutException, :at [java.net.X <init> "X.java" 12]}] :trace (), :c \( :d \newline}}
{:type :ok :f :read :value 3 :process 4, :limit ##Inf, :uuid #uuid "00000000-0000-0000-0000-000000000000"} #_ #_ {:a 1} {:b 2}
^{:meta true} {:process 5, :type :invoke, :f :register/cas, :value [3 4]},,,{:process 5, :type :ok, :f :register/cas, :value (3 4)}
{:process 6, :type :invoke, :f :read} {:process 6, :type :fail, :f :read, :error :unavailable}
{:process 7 :type :invoke :f :read :value nil :x 1.5e3 :y 1/3 :z +7 :big 123456789012345678901234567890N}
{:process 7 :type :ok :f :read :value 4N}
{:type :info, :process "watcher", :f :log, :value "leader moved"}
#_the-end"##;

#[test]
fn histories_are_read_as_jepsen_prints_them() {
    let log = log(JEPSEN);
    let calls: Vec<_> =
        log.history.operations().iter().map(|operation| format!("{:?}", operation.op)).collect();
    assert_eq!(calls, ["write 3", "read", "cas [3 4]", "read"]);
    let returned: Vec<_> = log
        .history
        .operations()
        .iter()
        .map(|operation| operation.returned.clone().map(|(_, ret)| ret))
        .collect();
    assert_eq!(returned, [None, Some(Value::Int(3)), Some(Value::Bool(true)), Some(Value::Int(4))]);
    assert_eq!((log.failed, log.notes.len(), &log.lines[..]), (1, 3, &[2, 3, 10, 12][..]));
    assert_eq!(log.notes[1].words, r#"start ["isolated" {"n1": ["n2" "n3"], "n2": ["n1"]}]"#);
    assert!(fits(&log));
    // The twin in which the compare-and-set found nothing to set.
    assert!(!fits(&self::log(&JEPSEN.replace(":value 4N", ":value 5"))));
    // In a vector, where each event still has the line of its own.
    let vector = self::log(&JEPSEN.replacen("#jepsen", "[#jepsen", 1).replace("#_the-end", "]"));
    assert_eq!((vector.history, vector.lines), (log.history, log.lines));
}

#[test]
fn a_process_without_a_number_calls_like_any_other() {
    let log = log(r#"{:process "a" :type :invoke :f :write :value 1} {:process :b :type :invoke :f :read}
        {:process "a" :type :info :f :write :error :timeout} {:process :b :type :ok :f :read :value 1}
        {:process "a" :type :info :f :observed}"#);
    assert_eq!((log.history.operations().len(), log.notes.len(), log.clients.len()), (2, 1, 3));
    assert!(log.history.operations()[0].returned.is_none() && fits(&log));
}

#[test]
fn key_value_logs_with_appends_and_lines_with_a_time_before_them() {
    use super::super::models::Pairs;
    let text = r#"{:process 0, :type :invoke, :f :get, :key "2", :value nil}
{:process 1, :type :invoke, :f :append, :key "2", :value "x 1 0 y"}
{:process 1, :type :ok, :f :append, :key "2", :value "x 1 0 y"}
{:process 2, :type :invoke, :f :put, :key "0", :value ""}
{:process 0, :type :ok, :f :get, :key "2", :value "x 1 0 y"}"#;
    let pairs = |text: &str| {
        let log = log(text);
        log.suits::<Pairs>().expect("operations of pairs");
        Checker::new()
            .check(&Keyed::new(Pairs::start(Value::Nil).expect("any")), &log.history)
            .is_linearizable()
    };
    assert!(
        pairs(text)
            && !pairs(&text.replace(
                r#"0, :type :ok, :f :get, :key "2", :value "x 1 0 y""#,
                r#"0, :type :ok, :f :get, :key "2", :value "y""#
            ))
    );
    let timed = CONSOLE
        .replace("INFO  jepsen.util - ", "2015-07-02 13:27:36,203 INFO [jepsen worker 3] jepsen.util: ");
    assert_eq!(self::log(&timed).history, self::log(CONSOLE).history);
}

#[test]
fn transactions_append_and_bank_accounts_have_numbers() {
    use super::super::models::{Bank, Registers};
    let check = |text: &str| {
        let log = log(text);
        log.suits::<Registers>().expect("transactions");
        let model = Keyed::new(Registers::start(Value::Nil).expect("nothing"));
        Checker::new().check(&model, &log.history).is_linearizable()
    };
    let text = "{:process 0 :type :invoke :f :txn :value [[:append 8 1] [:append 8 2] [:w :x 1]]}
        {:process 0 :type :ok :f :txn :value [[:append 8 1] [:append 8 2] [:w :x 1]]}
        {:process 0 :type :invoke :f :txn :value [[:r 8 nil] [:r :x nil]]}
        {:process 0 :type :ok :f :txn :value [[:r 8 [1 2]] [:r :x 1]]}";
    assert!(check(text) && !check(&text.replace("[1 2]", "[2 1]")));
    let text = r#"{"client":0,"event":"call","operation":"transfer","value":{"from":0,"to":1,"amount":3}}
{"client":0,"event":"return"}
{"client":0,"event":"call","operation":"read"}
{"client":0,"event":"return","value":{"0":7,"1":13}}"#;
    let bank = |text| {
        let model = Bank::start(r#"{"0":10,"1":10}"#.parse().expect("JSON")).expect("balances");
        Checker::new().check(&Keyed::new(model), &log(text).history).is_linearizable()
    };
    assert!(bank(text) && !bank(&text.replace("13", "12")));
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
        let mut bytes = [JSON, EDN, CONSOLE, JEPSEN][below(4)].as_bytes().to_vec();
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
