//! `selvedge check`: logs in, verdicts, exit codes and pages out.

use crate::browser;
use crate::support::{json, selvedge};

const STALE: &str = r#"{"client": 0, "event": "call", "operation": "write", "value": 3, "time": 10}
{"client": 0, "event": "return", "time": 14}
{"event": "note", "value": "partition begins", "time": 15}
{"client": 1, "event": "call", "operation": "read", "time": 30}
{"client": 1, "event": "return", "value": 2, "time": 31}
"#;

/// Runs the command on a text, and tells its exit code, output and complaints.
fn check(text: &str, arguments: &[&str]) -> (i32, String, String) {
    let output = selvedge().args(["check", "-"]).args(arguments).write_stdin(text).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

#[test]
fn the_exit_code_tells_the_verdict() {
    let (code, out, _) = check(STALE, &["--model", "register"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("read = 2 cannot be explained") && out.contains("line 4 of the log"), "{out}");
    let right = STALE.replace("\"value\": 2,", "\"value\": 3,");
    assert_eq!(check(&right, &["--model", "register"]).0, 0);
    // Many additions at once and a read that no selection of them explains: too much for so little time.
    let mut hard = String::new();
    for client in 0..40 {
        hard += &format!(
            "{{\"client\":{client},\"event\":\"call\",\"operation\":\"add\",\"value\":{}}}\n",
            1_u64 << client
        );
    }
    hard += "{\"client\":99,\"event\":\"call\",\"operation\":\"read\"}\n";
    hard += "{\"client\":99,\"event\":\"return\",\"value\":-1}\n";
    for client in 0..40 {
        hard += &format!("{{\"client\":{client},\"event\":\"return\"}}\n");
    }
    let (code, out, _) = check(&hard, &["--model", "counter", "--timeout", "0.3"]);
    assert!(code == 3 && out.contains("the bound on time"), "{code}: {out}");
}

#[test]
fn a_malformed_log_is_named_by_file_and_line() {
    let (code, out, wrong) = check(&format!("{STALE}{{}}\n"), &["--model", "register"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(wrong.contains("standard input: line 6: an `event` of call"), "{wrong}");
    let (code, _, wrong) = check(STALE, &["--model", "queue"]);
    assert_eq!(code, 2);
    assert!(wrong.contains("line 1: an operation of enqueue, dequeue was expected"), "{wrong}");
    let (code, _, wrong) = check("", &["--model", "queue"]);
    assert!(code == 2 && wrong.contains("a log was expected"), "{wrong}");
}

#[test]
fn json_and_a_page_show_the_violation() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, page) = (folder.path().join("stale.jsonl"), folder.path().join("page.html"));
    std::fs::write(&log, STALE).expect("a folder to write to");
    let mut command = selvedge();
    let report = json(command.arg("check").arg(&log).args(["--model", "register", "--html"]).arg(&page), 1);
    let history = &report["histories"][0];
    assert_eq!((&history["verdict"], &history["operations"]), (&"violation".into(), &2.into()));
    assert_eq!(history["violation"]["window"]["broken"], 4);
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains("\"broken\":1") && page.contains("partition begins"), "{page}");
}

#[test]
fn criteria_differ() {
    let by = |criterion| check(STALE, &["--model", "register", "--initial", "2", "--criterion", criterion]).0;
    let criteria = ["linearizability", "sequential-consistency", "quiescent-consistency", "serializability"];
    assert_eq!(criteria.map(by), [1, 0, 1, 0]);
    let crash = "{\"client\":0,\"event\":\"call\",\"operation\":\"write\",\"value\":3}\n{\"event\":\"crash\"}\n\
                 {\"client\":0,\"event\":\"call\",\"operation\":\"read\"}\n\
                 {\"client\":0,\"event\":\"return\",\"value\":1}\n\
                 {\"client\":0,\"event\":\"call\",\"operation\":\"read\"}\n\
                 {\"client\":0,\"event\":\"return\",\"value\":3}\n";
    let by = |criterion| check(crash, &["--model", "register", "--initial", "1", "--criterion", criterion]).0;
    assert_eq!(["linearizability", "durable-linearizability"].map(by), [0, 1]);
}

/// The page as a browser makes it, at an address with this at its end.
fn in_browser(browser: &std::path::Path, page: &std::path::Path, end: &str) -> String {
    browser::in_browser(browser, page, end, &[]).0
}

#[test]
fn a_browser_draws_the_page() {
    let Some(browser) = browser::browser() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (log, page) = (folder.path().join("log.jsonl"), folder.path().join("page.html"));
    let call = |client, value| {
        format!(
            "{{\"client\": {client}, \"event\": \"call\", \"operation\": \"write\", \"value\": {value}, \"time\": 29}}\n"
        )
    };
    let calls = [call(2, 8), call(3, 9), call(4, 7)].concat();
    let read = "{\"client\": 1, \"event\": \"call\"";
    let text = STALE.replace(read, &(calls + read));
    let ends = "{\"client\": 2, \"event\": \"return\", \"time\": 40}\n\
                {\"client\": 3, \"event\": \"return\", \"time\": 41}\n\
                {\"client\": 4, \"event\": \"info\", \"time\": 42}\n";
    std::fs::write(&log, text + ends).expect("a folder to write to");
    let mut command = selvedge();
    json(command.arg("check").arg(&log).args(["--model", "register", "--html"]).arg(&page), 1);
    let first = in_browser(&browser, &page, "");
    // Five operations: one cannot be placed, one never returned.
    assert_eq!(first.matches("data-place=").count(), 5, "{first}");
    assert_eq!(first.matches("class=\"stuck\"").count(), 1, "{first}");
    assert_eq!(first.matches("pending\"></rect>").count(), 1, "{first}");
    assert!(
        first.contains("violates linearizability</h1>") && first.contains("partition begins<title>"),
        "{first}"
    );
    assert!(first.contains("1. write 3") && first.matches("<option").count() > 1, "{first}");
    let second = in_browser(&browser, &page, "#order=2");
    let numbered =
        |page: &str| page.split("aria-label=").skip(1).map(|rest| rest[..12].to_owned()).collect::<Vec<_>>();
    assert_ne!(numbered(&first), numbered(&second), "another order is another drawing");
    let right = std::fs::read_to_string(&log).expect("the log").replace("\"value\": 2,", "\"value\": 8,");
    std::fs::write(&log, right).expect("a folder to write to");
    let mut command = selvedge();
    json(command.arg("check").arg(&log).args(["--model", "register", "--html"]).arg(&page), 0);
    let twin = in_browser(&browser, &page, "");
    assert!(twin.contains("meets linearizability</h1>") && !twin.contains("class=\"stuck\""), "{twin}");
}
