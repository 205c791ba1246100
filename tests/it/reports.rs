//! Reports that were saved, shown again by the program.

use crate::support::{root, selvedge};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A saved report of scenarios that turn out in many ways, and the folder it lies in.
fn saved() -> &'static Path {
    static SAVED: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, file) = SAVED.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("report.json");
        let scenarios =
            ["shared_counter", "dining_philosophers", "object_counter", "early_wakeup", "message_passing"];
        let mut command = selvedge();
        let command = command.arg("run").args(scenarios).args(["--budget", "quick", "--format", "json"]);
        let output = command.output().expect("the program runs");
        std::fs::write(&file, output.stdout).expect("a folder to write to");
        (folder, file)
    });
    file
}

/// Shows a damaged report: the program refuses it in a sentence that has all of these words.
#[track_caller]
fn refused(text: &str, words: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("damaged.json");
    std::fs::write(&file, text).expect("a folder to write to");
    let mut command = selvedge();
    let assert = command.arg("report").arg(&file).assert().code(2);
    let output = assert.get_output();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.stdout.is_empty() && error.lines().count() == 1, "{error}");
    for word in ["damaged.json", "error: "].iter().chain(words) {
        assert!(error.contains(word), "`{word}` is not in: {error}");
    }
}

#[test]
fn a_report_that_is_read_and_written_again_is_the_same() {
    let text = std::fs::read_to_string(saved()).expect("the report");
    assert!(text.matches("\"token\": \"sv").count() > 10, "witnesses are in it");
    assert!(text.matches("\"after\": [\n").count() > 0, "events synchronise");
    let mut command = selvedge();
    let output =
        command.arg("report").arg(saved()).args(["--format", "json"]).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), text);
    let mut command = selvedge();
    let assert = command.arg("report").arg("-").write_stdin(text).assert().success();
    let shown = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(shown.contains("shared_counter") && shown.contains("as expected"), "{shown}");
}

#[test]
fn a_damaged_report_is_refused_with_the_place_and_what_was_expected() {
    let text = std::fs::read_to_string(saved()).expect("the report");
    let first = |what: &str, instead: &str| {
        assert!(text.contains(what), "`{what}` is not in the report");
        text.replacen(what, instead, 1)
    };
    refused("", &["line 1"]);
    refused("[]", &["line 1"]);
    refused("{}", &["version", "no such field"]);
    refused(&text[..text.len() / 2], &["line ", "ends too early"]);
    refused(&first("\"version\": 3", "\"version\": 2"), &["version: 2", "3 was expected"]);
    refused(&first("\"selvedge\": \"", "\"selvedge\": \"99."), &["selvedge", "written by \"99."]);
    refused(&first("\"count\":", "\"counts\":"), &["line ", "count"]);
    refused(
        &first("\"question\":", "\"colour\": 1, \"question\":"),
        &["line ", "unknown field `colour`", "expected"],
    );
    refused(&first("\"thread\": 0", "\"thread\": 99"), &["witnesses[0].events[0].thread: 99"]);
    refused(
        &first("\"verdict\": \"safe\"", "\"verdict\": \"crash\""),
        &["verdict", "\"safe\" is what follows"],
    );
    refused(&first("\"deed\":", "\"extra\": 1, \"deed\":"), &["events[0].extra", "no field of this name"]);
}

/// The page of the saved report, in a folder of its own.
fn page() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("page.html");
    let mut command = selvedge();
    command.arg("report").arg(saved()).arg("--html").arg(&file).assert().success();
    (folder, file)
}

#[test]
fn the_page_is_one_file_that_loads_nothing() {
    let (folder, file) = page();
    let text = std::fs::read_to_string(&file).expect("the page");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is written");
    for loads in ["src=", "href=\"http", "url(http", "@import", "<link", "fetch(", "import("] {
        assert!(!text.contains(loads), "`{loads}` is in the page");
    }
    assert!(text.contains("shared_counter") && text.contains("scenarios/basics/shared_counter.rs"));
    assert!(text.contains("n.store(n.load(Relaxed) + 1, Relaxed)"), "source lines are in it");
    assert_eq!(text.matches("</script>").count(), 2, "no text of others ends a script");
}

#[test]
fn what_cannot_be_written_is_said_before_anything_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing/page.html");
    for path in [missing.as_path(), folder.path()] {
        let mut command = selvedge();
        let assert = command.args(["run", "shared_counter", "--html"]).arg(path).assert().code(2);
        let error = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(error.contains("cannot write ") && assert.get_output().stdout.is_empty(), "{error}");
    }
    let mut command = selvedge();
    let assert = command.arg("report").arg(saved()).args(["--html", "/dev/full"]).assert().code(4);
    let error = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(error.contains("cannot write /dev/full: No space left"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left behind");
}

/// The report with every kind of verdict that the renderers are tested with.
fn every_kind() -> String {
    let snapshot = root().join("src/report/snapshots/selvedge__report__tests__json.snap");
    let snapshot = std::fs::read_to_string(snapshot).expect("the report of the renderers' tests");
    snapshot.splitn(3, "---\n").nth(2).expect("what comes after the head").to_owned()
}

#[test]
fn ci_systems_get_what_they_ask_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("report.json"), every_kind()).expect("a folder to write to");
    std::fs::write(path("summary"), "what came before\n").expect("a folder to write to");
    let mut command = selvedge();
    command.arg("report").arg(path("report.json")).arg("--junit").arg(path("junit.xml"));
    command.arg("--sarif").arg(path("found.sarif")).arg("--markdown").arg(path("summary.md"));
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", path("summary"));
    // The harness failed in one cell.
    let assert = command.assert().code(4);
    let annotations = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        annotations
            .lines()
            .all(|line| line.starts_with("::error file=") || line.starts_with("::warning file="))
    );
    assert!(
        annotations.contains("::error file=scenarios/basics/counter.rs,line=31,title=Data race"),
        "{annotations}"
    );
    let text = |name: &str| std::fs::read_to_string(path(name)).expect("a file that was written");
    let summary = text("summary");
    assert!(summary.starts_with("what came before\n# selvedge\n"), "{summary}");
    assert_eq!(summary.trim_start_matches("what came before\n"), text("summary.md"));
    let sarif: serde_json::Value = serde_json::from_str(&text("found.sarif")).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(text("junit.xml").matches("<testcase ").count(), 35);
    let mut quiet = selvedge();
    let assert = quiet.arg("report").arg(path("report.json")).assert().code(4);
    assert!(assert.get_output().stderr.is_empty(), "no annotation where none is asked for");
}
