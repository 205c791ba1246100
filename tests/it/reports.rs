//! Reports that were saved, shown again by the program.

use crate::browser;
use crate::support::{root, selvedge};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The report with every kind of verdict that the renderers are tested with.
fn every_kind() -> String {
    let snapshot = root().join("src/report/snapshots/selvedge__report__tests__json.snap");
    let snapshot = std::fs::read_to_string(snapshot).expect("the report of the renderers' tests");
    snapshot.splitn(3, "---\n").nth(2).expect("what comes after the head").to_owned()
}

/// The same in a file, and the folder that this lies in.
fn saved() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.json");
    std::fs::write(&file, every_kind()).expect("a folder to write to");
    (folder, file)
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

/// The program runs scenarios, saves what it found, and shows it again. Checkers alone are asked: what the machine does
/// is different every time.
#[test]
fn a_report_that_is_read_and_written_again_is_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, page) = (folder.path().join("report.json"), folder.path().join("page.html"));
    let mut command = selvedge();
    command.args(["run", "shared_counter", "message_passing", "--engine", "rc11", "--engine", "shuttle"]);
    command.args([
        "--design",
        "load, then store",
        "--design",
        "release and acquire",
        "--design",
        "relaxed flag",
    ]);
    let output = command.args(["--format", "json", "--html"]).arg(&page).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("JSON");
    std::fs::write(&file, &text).expect("a folder to write to");
    assert!(text.contains("\"token\": \"sv"), "a witness is in it");
    let mut command = selvedge();
    let assert = command.arg("report").arg(&file).args(["--format", "json"]).assert().success();
    assert_eq!(String::from_utf8_lossy(&assert.get_output().stdout), text);
    let mut command = selvedge();
    let assert = command.arg("report").arg("-").write_stdin(text).arg("--html").arg(&file).assert().success();
    let shown = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(shown.contains("shared_counter") && shown.contains("as expected"), "{shown}");
    let page = std::fs::read_to_string(page).expect("the page");
    assert_eq!(std::fs::read_to_string(&file).expect("the same page"), page, "saved or not, it is one page");
    assert!(page.contains("n.store(n.load(Relaxed) + 1, Relaxed)"), "source lines are in it");
    let mut command = selvedge();
    let assert =
        command.arg("report").arg("-").write_stdin(every_kind()).args(["--format", "json"]).assert().code(4);
    assert_eq!(String::from_utf8_lossy(&assert.get_output().stdout), every_kind());
}

#[test]
fn a_damaged_report_is_refused_with_the_place_and_what_was_expected() {
    let text = every_kind();
    let first = |what: &str, instead: &str| {
        assert!(text.contains(what), "`{what}` is not in the report");
        text.replacen(what, instead, 1)
    };
    refused("", &["line 1"]);
    refused("[]", &["line 1"]);
    refused("{}", &["version", "no such field"]);
    refused(&text[..text.len() / 2], &["line ", "ends too early"]);
    refused(&first("\"version\": 4", "\"version\": 2"), &["version: 2", "4 was expected"]);
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
    refused(
        &first("\"operation\":", "\"extra\": 1, \"operation\":"),
        &["events[0].extra", "no field of this name"],
    );
}

#[test]
fn the_page_is_one_file_that_loads_nothing() {
    let (folder, report) = saved();
    let file = folder.path().join("page.html");
    let mut command = selvedge();
    command.arg("report").arg(&report).arg("--html").arg(&file).assert().code(4);
    let text = std::fs::read_to_string(&file).expect("the page");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2, "nothing else is written");
    for loads in ["src=", "href=\"http", "url(http", "@import", "<link", "fetch(", "import("] {
        assert!(!text.contains(loads), "`{loads}` is in the page");
    }
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
    let (_folder, report) = saved();
    let mut command = selvedge();
    let assert = command.arg("report").arg(report).args(["--html", "/dev/full"]).assert().code(4);
    let error = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(error.contains("cannot write /dev/full: No space left"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left behind");
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

/// The page of the report with every kind of verdict, with a script at its end, in a folder of its own.
fn scripted(script: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let (report, page) = (folder.path().join("report.json"), folder.path().join("page.html"));
    std::fs::write(&report, every_kind()).expect("a folder to write to");
    let sources = folder.path().join("scenarios/basics");
    std::fs::create_dir_all(&sources).expect("a folder to write to");
    let lines: String = (1..=60).map(|line| format!("let line = {line}; // & <b>\n")).collect();
    std::fs::write(sources.join("counter.rs"), &lines).expect("a folder to write to");
    std::fs::write(sources.join("../sample.rs"), &lines).expect("a folder to write to");
    let mut command = selvedge();
    command.current_dir(folder.path()).arg("report").arg(&report).arg("--html").arg(&page).assert().code(4);
    let text = std::fs::read_to_string(&page).expect("the page");
    let text = text.replace("</body>", &format!("<script>{script}</script></body>"));
    std::fs::write(&page, text).expect("a folder to write to");
    (folder, page)
}

/// What a script has written down.
fn result(dom: &str) -> serde_json::Value {
    let result = dom.split_once("<pre id=\"result\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (result, _) = result.unwrap_or_else(|| panic!("no result: {dom}"));
    serde_json::from_str(result).unwrap_or_else(|error| panic!("{error}: {result}"))
}

/// What is found in a page by a script that uses it as a reader does.
fn driven(browser: &Path, page: &Path, arguments: &[&str]) -> serde_json::Value {
    let arguments: Vec<&str> = arguments.iter().chain(&["--virtual-time-budget=60000"]).copied().collect();
    let (dom, console) = browser::in_browser(browser, page, "", &arguments);
    assert_eq!(console, "", "nothing goes to the console");
    let found = result(&dom);
    assert_eq!(found["faults"], serde_json::json!([]), "{found:#}");
    assert_eq!(found["broken"], serde_json::Value::Null, "{found:#}");
    found
}

#[test]
fn a_browser_opens_filters_and_steps() {
    let Some(browser) = browser::browser() else { return };
    let (_folder, page) = scripted(include_str!("drive.js"));
    let found = driven(&browser, &page, &["--window-size=1280,900"]);
    let expected = serde_json::json!({
        "rows": 7, "designs": 7,
        "filters": {
            "failing": 6, "safe": 1, "unexpected": 4, "inconclusive": 4, "search": 1, "nothing": [0, false], "again": 7,
        },
        "opened": ["counter / load, then store", "rc11 forbidden 2/4", true],
        "steps": [
            ["Before the first of 4 events: step with the arrow keys.", "n0", 0, 0],
            ["1 of 4: A: load n = 0 Relaxed", "n0", 1, 3],
            ["2 of 4: A: store n = 1 Release", "n1", 1, 2],
            ["3 of 4: B: load n = 0 Acquire (stale: A has written 1)", "n1", 1, 1],
            ["4 of 4: B: store n = 1 Relaxed", "n1", 1, 0],
            ["4 of 4: B: store n = 1 Relaxed", "n1", 1, 0],
            ["3 of 4: B: load n = 0 Acquire (stale: A has written 1)", "n1", 1, 1],
            ["Before the first of 4 events: step with the arrow keys.", "n0", 0, 0],
            ["4 of 4: B: store n = 1 Relaxed", "n1", 1, 0],
        ],
        "arrows": ["arrow missed", "arrow reads", "arrow reads"],
        "toggled": [2, 0],
        "replay": "selvedge replay sv5_rc11",
        "back": [true, true],
        "waits": 2, "locks": 2, "race": 1, "stuck": 1, "placed": 2, "unnamed": 0,
    });
    for (field, expected) in expected.as_object().expect("an object") {
        assert_eq!(&found[field], expected, "{field}: {found:#}");
    }
    assert!(found["bars"].as_u64() >= Some(8), "outcomes have bars: {found:#}");
    assert!(found["sources"].to_string().contains("let line = 12; // & <b>"), "{found:#}");
}

#[test]
fn a_cell_opens_at_once() {
    let Some(browser) = browser::browser() else { return };
    let measure = "let slowest = 0, count = 0;
        for (const link of document.querySelectorAll('#matrix .row a')) {
          // Other processes want the machine, too: the best of five is what opening takes.
          let best = Infinity;
          for (let again = 0; again < 5; again += 1) {
            route('');
            const before = performance.now();
            route(link.getAttribute('href'));
            void document.body.offsetHeight;
            best = Math.min(best, performance.now() - before);
          }
          slowest = Math.max(slowest, best);
          count += 1;
        }
        const result = document.createElement('pre');
        result.id = 'result';
        result.textContent = JSON.stringify({ slowest, count });
        document.body.append(result);";
    let (_folder, page) = scripted(measure);
    let found = result(&browser::in_browser(&browser, &page, "", &["--window-size=1280,900"]).0);
    assert_eq!(found["count"], 35, "{found}");
    let slowest = found["slowest"].as_f64().expect("milliseconds");
    assert!(0.0 < slowest && slowest < 100.0, "{found}");
}

#[test]
fn a_narrow_window_shows_no_page_wider_than_itself() {
    let Some(browser) = browser::browser() else { return };
    let (folder, _page) = scripted(include_str!("drive.js"));
    // A window of the browser is never narrower than 500 pixels; a frame is.
    let frame = folder.path().join("frame.html");
    let text =
        "<!doctype html><iframe src=\"page.html\" style=\"width:375px;height:812px;border:0\"></iframe>
        <script>onmessage = event => {
          const result = document.createElement('pre');
          result.id = 'result';
          result.textContent = event.data;
          document.body.append(result);
        }</script>";
    std::fs::write(&frame, text).expect("a folder to write to");
    let light = driven(&browser, &frame, &[]);
    let dark = driven(&browser, &frame, &["--blink-settings=preferredColorScheme=0"]);
    assert_eq!((&light["width"], &dark["width"]), (&375.into(), &375.into()));
    assert_ne!(light["dark"], dark["dark"], "dark is another colour");
    for found in [light, dark] {
        let overflow = found["overflow"].as_array().expect("pages");
        assert_eq!(overflow.len(), 8, "the matrix and every design");
        assert!(overflow.iter().all(|page| page[1] == 0), "{overflow:?}");
    }
}
