//! Every renderer, held to its snapshot of one report made by hand.

use super::findings::{Kind, findings};
use super::html::Sources;
use super::{
    Report, annotations, html, json, junit, markdown, sample, sarif, saved, schemas_tests, snapshot, terminal,
};
use crate::base::outcome::Grade;
use crate::verdict::{EvidenceKind, Opinion, Verdict};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};

/// The report renders, wherever it is rendered, for the same moment and machine.
fn run() -> junit::Run {
    junit::Run { timestamp: "2026-11-29T02:30:00".to_owned(), host: "localhost".to_owned() }
}

/// Lines for the sites of the report; one of its files is not at hand.
fn sources() -> Sources {
    let lines =
        |number: usize| (1..=number).map(|line| format!("line {line} of <counter>\n")).collect::<String>();
    Sources::from([("scenarios/basics/counter.rs".to_owned(), lines(60))])
}

#[test]
fn the_report_has_every_kind_of_verdict_evidence_and_finding() {
    let report = sample::report();
    let cells: Vec<_> = report.cells().map(|(.., cell)| cell).collect();
    let verdicts: HashSet<Verdict> = cells.iter().map(|cell| cell.judgement.verdict).collect();
    assert_eq!(verdicts.len(), 8, "{verdicts:?}");
    let kinds: HashSet<EvidenceKind> = cells.iter().map(|cell| cell.judgement.evidence.kind).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    let expected: HashSet<Option<bool>> = cells.iter().map(|cell| cell.judgement.as_expected).collect();
    assert_eq!(expected.len(), 3);
    for opinion in [Opinion::Confirmed, Opinion::Refuted] {
        assert!(cells.iter().any(|cell| cell.opinion == Some(opinion)), "{opinion:?}");
    }
    let grades: BTreeSet<Grade> =
        cells.iter().flat_map(|cell| &cell.observation.outcomes).map(|outcome| outcome.grade).collect();
    assert_eq!(grades.len(), 3);
    let kinds: BTreeSet<Kind> = findings(&report).iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, Kind::ALL.into_iter().collect());
    let witnesses: Vec<_> = cells.iter().flat_map(|cell| &cell.observation.witnesses).collect();
    assert!(witnesses.iter().flat_map(|witness| &witness.events).any(|event| event.stale.is_some()));
    assert!(witnesses.iter().any(|witness| witness.program.is_some()));
}

#[test]
fn a_report_that_is_saved_and_read_is_the_same() {
    let report = sample::report();
    let text = json::render(&report).expect("plain data");
    assert_eq!(saved::read(&text), Ok(report));
    let empty = json::render(&Report::default()).expect("plain data");
    assert_eq!(saved::read(&empty), Ok(Report::default()));
}

#[test]
fn json_is_as_it_was() {
    insta::assert_snapshot!("json", json::render(&sample::report()).expect("plain data"));
}

#[test]
fn the_page_is_as_it_was() {
    let page = html::render(&sample::report(), &sources()).expect("plain data");
    // Style and script are reviewed where they are written.
    let parts: Vec<&str> = page.split("<style>").collect();
    let [head, rest] = parts[..] else { panic!("{} parts", parts.len()) };
    let (_, body) = rest.split_once("</style>").expect("an end of the style");
    let (body, _) = body.split_once("<script>\n").expect("a script");
    assert_eq!(body.matches("</script>").count(), 1, "a text of others ends the data");
    insta::assert_snapshot!("page", format!("{head}{}", body.replace("},{", "},\n{")));
}

#[test]
fn the_page_says_where_the_source_is_not_at_hand() {
    let page = html::render(&sample::report(), &Sources::default()).expect("plain data");
    assert!(page.contains("\"sources\":{}"), "no line is invented");
}

#[test]
fn junit_is_as_it_was_and_meets_its_schema() {
    let xml = junit::render(&sample::report(), &run());
    schemas_tests::assert_junit(&xml);
    schemas_tests::assert_junit(&junit::render(&Report::default(), &run()));
    insta::assert_snapshot!("junit", xml);
}

#[test]
fn sarif_is_as_it_was_and_meets_its_schema() {
    let text = sarif::render(&sample::report());
    schemas_tests::assert_sarif(&text);
    schemas_tests::assert_sarif(&sarif::render(&Report::default()));
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let results = document["runs"][0]["results"].as_array().expect("results");
    let race = results.iter().find(|result| result["ruleId"] == "data-race").expect("the data race");
    let lines: Vec<_> = race["locations"].as_array().expect("locations").iter().collect();
    let lines: Vec<_> =
        lines.iter().map(|one| one["physicalLocation"]["region"]["startLine"].as_u64()).collect();
    assert_eq!(lines, [Some(31), Some(33)], "both source lines of the race");
    insta::assert_snapshot!("sarif", text);
}

#[test]
fn markdown_is_as_it_was() {
    insta::assert_snapshot!("markdown", markdown::render(&sample::report()));
}

#[test]
fn annotations_are_as_they_were() {
    insta::assert_snapshot!("annotations", annotations::render(&sample::report()));
    assert_eq!(annotations::render(&Report::default()), "");
}

/// The report in a terminal of so many columns, without styles.
fn in_a_terminal(report: &Report, width: usize) -> String {
    let mut text = String::new();
    for scenario in &report.scenarios {
        text += &terminal::scenario(scenario, width, true);
    }
    text += &terminal::legend(width);
    text += &terminal::summary(report, 1.5, width);
    anstream::adapter::strip_str(&text).to_string()
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let report = sample::report();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().concat();
    for width in [60, 80, 100, 140] {
        let text = in_a_terminal(&report, width);
        // A token is pasted as it is, a program is Rust, and a worker may print what it likes.
        let exempt = |line: &str| line.starts_with("selvedge replay ") || line.trim_start().starts_with("| ");
        let wide: Vec<_> =
            text.lines().filter(|line| line.chars().count() > width && !exempt(line)).collect();
        assert_eq!(wide, Vec::<&str>::new(), "at {width} columns");
        assert!(
            text.lines().any(|line| line.chars().count() > width - 15),
            "{width} columns are made use of"
        );
        for word in ["forbidden", "may miss", "inconclusive", "as expected"] {
            assert!(words(&text).contains(&words(word)), "{word} at {width}");
        }
    }
}

#[test]
fn the_terminal_is_as_it_was() {
    let report = sample::report();
    insta::assert_snapshot!("terminal", in_a_terminal(&report, 100));
    insta::assert_snapshot!("narrow_terminal", in_a_terminal(&report, 60));
    let pages: Vec<_> = report.scenarios.iter().map(snapshot::render).collect();
    insta::assert_snapshot!("pages", pages.join("\n"));
}

/// Every place in a document that holds no list and no object.
fn leaves(value: &Value, place: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                leaves(value, format!("{place}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| leaves(value, format!("{place}/{index}"), found));
        }
        _ => found.push(place),
    }
}

fn odd() -> impl Strategy<Value = Value> {
    let numbers = [0, 1, 2, 7, u64::from(u32::MAX), u64::MAX / 2, u64::MAX - 1, u64::MAX];
    prop_oneof![
        4 => prop::sample::select(numbers.to_vec()).prop_map(Value::from),
        1 => prop::sample::select(vec![-1.0, 0.5, 1e308, 5e-324]).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => "[</script>&\"|\\PC]{0,12}".prop_map(Value::from),
        1 => Just(Value::Array(Vec::new())),
        1 => Just(serde_json::json!({})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Whatever stands in a saved report, it is refused, or every renderer makes something of it.
    #[test]
    fn no_saved_report_brings_a_renderer_down(changes in prop::collection::vec((any::<prop::sample::Index>(), odd()), 1..3)) {
        let mut document = serde_json::to_value(json::document(&sample::report())).expect("plain data");
        let mut places = Vec::new();
        leaves(&document, String::new(), &mut places);
        prop_assert!(places.len() > 1_000);
        for (place, value) in changes {
            let place: &String = place.get(places.as_slice());
            if let Some(there) = document.pointer_mut(place) {
                *there = value;
            }
        }
        match saved::read(&document.to_string()) {
            Err(unreadable) => prop_assert!(!unreadable.place.is_empty() && !unreadable.what.is_empty()),
            Ok(report) => {
                let page = html::render(&report, &sources()).expect("plain data");
                prop_assert_eq!(page.matches("</script>").count(), 2);
                schemas_tests::assert_junit(&junit::render(&report, &run()));
                schemas_tests::assert_sarif(&sarif::render(&report));
                prop_assert!(!markdown::render(&report).is_empty());
                prop_assert_eq!(annotations::render(&report).lines().count(), findings(&report).len());
                for scenario in &report.scenarios {
                    let bells = terminal::foot(scenario, 100).matches('\u{7}').count();
                    prop_assert_eq!(bells, 0);
                }
            }
        }
    }
}
