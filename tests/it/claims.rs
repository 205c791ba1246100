//! The thirteen statements, measured on the machine of the test.

use crate::support::{json, selvedge};
use serde_json::Value;
use std::time::Instant;

const VERDICTS: [&str; 4] = ["holds", "holds-if", "does-not-hold", "undecided"];

fn number(spread: &Value, field: &str) -> f64 {
    spread[field].as_f64().unwrap_or_else(|| panic!("no {field} in {spread}"))
}

/// Whether anything was measured, or observed, and what was is sound.
fn check_row(row: &Value) {
    for field in ["statement", "decided_by", "explained", "more"] {
        assert!(row[field].as_str().is_some_and(|words| words.len() > 10), "{field} of {row:#}");
    }
    let word = row["verdict"]["word"].as_str().unwrap_or_default();
    assert!(VERDICTS.contains(&word), "{row:#}");
    let figures = row["figures"].as_array().expect("figures");
    let observed = row["observed"].as_array().expect("observations");
    assert!(figures.len() + observed.len() >= 3, "little was measured: {row:#}");
    for figure in figures {
        if figure["not-run"].is_string() {
            assert!(figure["what"].as_str().is_some_and(|what| what.starts_with("CPython")), "{figure:#}");
            continue;
        }
        let spread = &figure["measured"];
        let [low, median, high] =
            ["lower_quartile", "median", "upper_quartile"].map(|field| number(spread, field));
        assert!(0.0 <= low && low <= median && median <= high && high.is_finite(), "{figure:#}");
        assert!(spread["repetitions"].as_u64() >= Some(3), "{figure:#}");
    }
}

#[test]
fn thirteen_statements_are_measured_within_a_minute_and_no_row_is_empty() {
    let begun = Instant::now();
    let report = json(selvedge().arg("claims"), 0);
    let rows = report["claims"].as_array().expect("claims");
    assert!(begun.elapsed().as_secs() < 60, "it took {:?}", begun.elapsed());
    let numbers: Vec<_> = rows.iter().filter_map(|row| row["number"].as_u64()).collect();
    assert_eq!(numbers, (1..=13).collect::<Vec<_>>());
    rows.iter().for_each(check_row);
    // What no load of the machine changes.
    let word = |number: usize| rows[number - 1]["verdict"]["word"].as_str().unwrap_or_default();
    for (number, verdict) in [
        (1, "holds"),
        (2, "holds"),
        (3, "does-not-hold"),
        (6, "holds"),
        (7, "holds"),
        (8, "holds"),
        (11, "holds"),
    ] {
        assert_eq!(word(number), verdict, "{:#}", rows[number - 1]);
    }
}

#[test]
fn without_an_interpreter_its_rows_say_so_and_nothing_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    // All that the statement needs of the PATH.
    std::os::unix::fs::symlink("/bin/true", folder.path().join("true")).expect("a link");
    let report = json(selvedge().args(["claims", "10"]).env("PATH", folder.path()), 0);
    let row = &report["claims"][0];
    check_row(row);
    let not_run =
        row["figures"].as_array().into_iter().flatten().filter(|figure| figure["not-run"] == "no python3");
    assert_eq!(not_run.count(), 5, "{row:#}");
}

#[test]
fn one_statement_is_explained_and_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let plot = folder.path().join("charts");
    let run = selvedge().args(["claims", "5", "--plot"]).arg(&plot).assert().code(0).get_output().clone();
    let text = String::from_utf8(run.stdout).expect("text");
    for words in ["Threads suit work that waits", "measured (median", "256 waits by threads", "repetitions"] {
        assert!(text.contains(words), "`{words}` is not in\n{text}");
    }
    let svg = std::fs::read_to_string(plot.join("waits.svg")).expect("a chart");
    assert!(svg.starts_with("<svg") && svg.contains("polyline") && svg.contains("processes"), "{svg}");
    selvedge().args(["claims", "14"]).assert().code(2);
}
