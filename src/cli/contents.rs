//! The book's table of contents: every scenario by folder, its question, and the verdicts at a glance.
//!
//! Nothing is run: the verdicts are those that the scenarios state and that every run checks.

use crate::registry::Found;
use crate::report::{plain, wrapped};
use crate::scenario::{Engine, ErasedDesign, Expected};
use std::fmt::Write as _;

/// The table of contents as text, in lines of at most `width` characters.
pub(super) fn text(found: &[Found], width: usize) -> String {
    let mut text = String::new();
    let mut folder = None;
    for one in found {
        if folder != Some(one.folder()) {
            let gap = if folder.is_some() { "\n" } else { "" };
            let name = if one.folder().is_empty() { "scenarios" } else { one.folder() };
            let _ = writeln!(text, "{gap}{name}");
            folder = Some(one.folder());
        }
        let line = format!("  {}  [{}]", plain::name(&one.name), glance(one));
        let fits = line.chars().count() <= width;
        text += &if fits { format!("{line}\n") } else { wrapped(&line, 2, width) };
        text += &wrapped(&one.scenario.question, 4, width);
    }
    let designs: usize = found.iter().map(|one| one.scenario.designs.len()).sum();
    let _ = writeln!(text, "\n{} scenarios, {designs} designs", found.len());
    text
}

/// The table of contents for programs.
pub(super) fn json(found: &[Found]) -> serde_json::Value {
    let scenarios: Vec<_> = found
        .iter()
        .map(|found| {
            let designs: Vec<_> = found.scenario.designs.iter().map(|design| &design.name).collect();
            let expected: Vec<_> = found.scenario.designs.iter().map(expected).collect();
            serde_json::json!({ "name": found.name, "file": found.file, "folder": found.folder(),
                "question": found.scenario.question, "designs": designs, "expect": expected,
                "in_practice": found.scenario.in_practice })
        })
        .collect();
    serde_json::json!({ "version": 1, "scenarios": scenarios })
}

/// The verdict that is true of a design: what holds on every engine that can show it.
fn expected(design: &ErasedDesign) -> Expected {
    design.facts.expected.unwrap_or_else(|| {
        let shown = Engine::ALL.into_iter().find(|engine| design.facts.excluded_from(*engine).is_none());
        design.facts.expected_on(shown.unwrap_or(Engine::Loom)).0
    })
}

/// How many designs hold, and how the others fail.
fn glance(found: &Found) -> String {
    let kinds = [
        Expected::Safe,
        Expected::DataRace,
        Expected::Forbidden,
        Expected::Deadlock,
        Expected::Crash,
        Expected::Hang,
    ];
    let designs: Vec<_> = found.scenario.designs.iter().map(expected).collect();
    let count = |kind: Expected| designs.iter().filter(|design| **design == kind).count();
    let counted = kinds.into_iter().map(|kind| (kind, count(kind))).filter(|(_, count)| *count > 0);
    counted.map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
}
