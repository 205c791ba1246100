//! The same through the harness of `cargo test`.

use super::text;
use crate::support::{cargo, root};

/// What the harness of the hostile designs says of the tests that these filters choose.
fn tests(variables: &[(&str, &str)], filters: &[&str]) -> (Option<i32>, String) {
    let test = ["test", "--package", "selvedge-hostile", "--test", "scenarios"];
    let mut command = cargo(&test);
    let output =
        command.arg("--").args(filters).envs(variables.iter().copied()).output().expect("cargo runs");
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

pub(crate) fn the_harness_says_the_same() {
    const ANY: [&str; 4] = ["rc11", "loom", "shuttle", "threads"];
    const MODELS: [&str; 3] = ["rc11", "loom", "shuttle"];
    let expected: [(&str, &[&str], &str, &str); 9] = [
        ("nondeterminism::the_clock_skips", &MODELS, "FAILED", "deterministic but for `choose`"),
        ("nondeterminism::chooses_as_it_should", &ANY, "ok", ""),
        ("foreign::a_mutex", &MODELS, "FAILED", "start it with `selvedge::thread`"),
        ("ends::exit_code_70", &ANY, "FAILED", "exit code 70"),
        ("ends::panics_twice", &ANY, "FAILED", "the first panic"),
        ("ends::exits_while_the_state_is_made", &ANY, "FAILED", "exit code 0"),
        ("writings::prints_and_is_safe", &ANY, "ok", ""),
        ("writings::ones_into_everything_shared_and_aborts", &ANY, "FAILED", ""),
        ("panicking_grade::two", &ANY, "FAILED", "a grade gave up"),
    ];
    let names: Vec<String> = expected
        .iter()
        .flat_map(|(name, engines, ..)| engines.iter().map(move |engine| format!("{name}::{engine}")))
        .collect();
    let mut filters: Vec<&str> = vec!["--exact"];
    filters.extend(names.iter().map(String::as_str));
    let (code, said) = tests(&[("SELVEDGE_BUDGET", "quick")], &filters);
    assert_eq!(code, Some(101), "{said}");
    let mut failed = 0;
    for (name, engines, end, words) in expected {
        for engine in engines {
            let name = format!("{name}::{engine}");
            let line = said.lines().find(|line| line.starts_with(&format!("test {name} ")));
            assert!(line.is_some_and(|line| line.ends_with(end)), "{name} is not {end}:\n{said}");
            if end == "FAILED" {
                failed += 1;
                let why =
                    said.split(&format!("---- {name} ----")).nth(1).and_then(|why| why.split("---- ").next());
                let why = why.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(why.contains(words), "{name}: `{words}` is not in `{why}`");
            }
        }
    }
    assert!(said.contains(&format!("{} passed; {failed} failed", names.len() - failed)), "{said}");
}

/// A page that is no text is named and left as it is, even where pages are to be replaced.
pub(crate) fn a_damaged_page_is_named_and_left_alone() {
    let page = root().join("tests/hostile/scenarios/snapshots/damaged.snap");
    let bytes = || std::fs::read(&page).expect("the page");
    let before = bytes();
    assert!(std::str::from_utf8(&before).is_err(), "it is no text");
    for update in ["no", "always"] {
        let (code, said) = tests(&[("INSTA_UPDATE", update)], &["--exact", "damaged::snapshot"]);
        assert_eq!(code, Some(101), "{update}: {said}");
        let why = "damaged.snap: text in UTF-8 was expected, and there are bytes that are none";
        assert!(said.contains(why), "{update}: {said}");
        assert_eq!(bytes(), before, "{update}");
        assert!(!page.with_extension("snap.new").exists(), "{update}");
    }
}
