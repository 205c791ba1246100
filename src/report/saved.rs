//! A report that was saved as JSON, read again.
//!
//! Damaged, foreign and older documents are refused in one sentence that says where, and what was expected there. What
//! is read is written once more and held against what was read: so nothing is taken that [`json`] would
//! not write, and every verdict is what follows from what was observed.
//!
//! Limits: a document is read by the version that wrote it and by no other. Nothing vouches for the observations
//! themselves: who edits a count consistently gets another report.

use super::json::{self, Document, OnEngine, SELVEDGE, VERSION};
use super::{Cell, DesignReport, Report, ScenarioReport};
use crate::base::witness::{Calls, Witness};
use crate::verdict::{Expectation, judge};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Why a document is no report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Where: a line, or a field.
    pub(crate) place: String,
    /// What is there, and what was expected.
    pub(crate) what: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

fn unreadable(place: impl Into<String>, what: impl Into<String>) -> Unreadable {
    Unreadable { place: place.into(), what: what.into() }
}

/// Bytes of the longest document that is read.
const MAX_BYTES: usize = 1 << 30;

/// Executions that an engine counts, at most: no machine has done so many, and sums of them have room.
const MAX_COUNT: u64 = 1 << 56;

/// What says whether the rest can be understood.
#[derive(Deserialize)]
struct Head {
    version: Option<Value>,
    selvedge: Option<String>,
    #[serde(flatten)]
    _rest: BTreeMap<String, IgnoredAny>,
}

/// Reads a report.
///
/// # Errors
/// If the text is not what [`json::render`] writes: the first thing that is wrong.
pub(crate) fn read(text: &str) -> Result<Report, Unreadable> {
    if text.len() > MAX_BYTES {
        return Err(unreadable("line 1", format!("{} bytes, and at most {MAX_BYTES} are read", text.len())));
    }
    check_versions(text)?;
    let document: Document = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    check(&document)?;
    let report = report(document);
    let again = serde_json::to_value(json::document(&report));
    let (again, given) = (again.map_err(|error| malformed(&error))?, serde_json::from_str::<Value>(text));
    same(&given.map_err(|error| malformed(&error))?, &again, &mut String::new())?;
    Ok(report)
}

/// What serde says, without its repetition of the place.
fn malformed(error: &serde_json::Error) -> Unreadable {
    let words = error.to_string();
    let (line, column) = (error.line(), error.column());
    let words = words.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&words);
    let what = if error.is_eof() { format!("it ends too early ({words})") } else { words.to_owned() };
    unreadable(format!("line {line}, column {column}"), what)
}

fn check_versions(text: &str) -> Result<(), Unreadable> {
    if !text.trim_start().starts_with('{') {
        return Err(unreadable("line 1", "a JSON object was expected"));
    }
    let head: Head = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    let version = head.version.ok_or_else(|| {
        unreadable(
            "version",
            "there is no such field, and a report of `selvedge run --format json` was expected",
        )
    })?;
    if version != VERSION {
        return Err(unreadable("version", format!("{version}, and {VERSION} was expected: run it again")));
    }
    match head.selvedge {
        Some(selvedge) if selvedge == SELVEDGE => Ok(()),
        Some(selvedge) => Err(unreadable(
            "selvedge",
            format!("written by {selvedge:?}, and this is {SELVEDGE}: use that version, or run it again"),
        )),
        None => {
            Err(unreadable("selvedge", "there is no such field, and the version that wrote it was expected"))
        }
    }
}

/// What the renderers rely on.
fn check(document: &Document) -> Result<(), Unreadable> {
    let mut scenarios = BTreeSet::new();
    for (number, scenario) in document.scenarios.iter().enumerate() {
        let place = format!("scenarios[{number}]");
        if !scenarios.insert(&scenario.name) {
            return Err(unreadable(place + ".name", "another scenario has this name"));
        }
        let mut designs = BTreeSet::new();
        let engines = |number: usize| scenario.designs[number].engines.iter().map(|one| one.engine);
        for (number, design) in scenario.designs.iter().enumerate() {
            let place = format!("{place}.designs[{number}]");
            if !designs.insert(&design.name) {
                return Err(unreadable(place + ".name", "another design of the scenario has this name"));
            }
            if engines(number).collect::<BTreeSet<_>>().len() != design.engines.len() {
                return Err(unreadable(place + ".engines", "an engine is there more than once"));
            }
            if !engines(number).eq(engines(0)) {
                return Err(unreadable(
                    place + ".engines",
                    "the engines of the scenario's first design were expected",
                ));
            }
            for (number, cell) in design.engines.iter().enumerate() {
                check_cell(cell, &format!("{place}.engines[{number}]"))?;
            }
        }
    }
    Ok(())
}

fn check_cell(cell: &OnEngine, place: &str) -> Result<(), Unreadable> {
    for (number, witness) in cell.witnesses.iter().enumerate() {
        check_witness(witness, &format!("{place}.witnesses[{number}]"))?;
    }
    let counts = cell.outcomes.iter().map(|outcome| outcome.count);
    if counts.fold(0, u64::saturating_add) > MAX_COUNT {
        return Err(unreadable(
            format!("{place}.outcomes"),
            format!("at most {MAX_COUNT} were expected, all together"),
        ));
    }
    if !(cell.seconds.is_finite() && cell.seconds >= 0.0) {
        return Err(unreadable(format!("{place}.seconds"), "a number of seconds was expected"));
    }
    Ok(())
}

fn check_witness(witness: &Witness, place: &str) -> Result<(), Unreadable> {
    let (threads, objects, events) = (witness.threads.len(), witness.objects.len(), witness.events.len());
    let within = |number: usize, all: usize, place: String, what: &str| {
        let wrong = format!("{number}, and there are {all} {what}, counted from 0");
        if number < all { Ok(()) } else { Err(unreadable(place, wrong)) }
    };
    if witness.actors >= threads.max(1) {
        return Err(unreadable(format!("{place}.actors"), "more than there are threads beside the main one"));
    }
    for (number, event) in witness.events.iter().enumerate() {
        let place = format!("{place}.events[{number}]");
        within(event.thread, threads, format!("{place}.thread"), "threads")?;
        let object = event.object.into_iter().map(|object| (object, objects, "object", "objects"));
        let stale = event.stale.into_iter().flat_map(|stale| stale.from.into_iter().chain([stale.latest]));
        let stale = stale.map(|earlier| (earlier, events, "stale", "events"));
        let from = event.from.into_iter().map(|from| (from, events, "from", "events"));
        let after = event.after.iter().map(|after| (*after, events, "after", "events"));
        for (number, all, field, what) in object.chain(stale).chain(from).chain(after) {
            within(number, all, format!("{place}.{field}"), what)?;
        }
    }
    let Some(program) = &witness.program else { return Ok(()) };
    let place = format!("{place}.program");
    program.calls.as_ref().map_or(Ok(()), |calls| check_calls(calls, program.steps.parts.len(), &place))
}

fn check_calls(calls: &Calls, actors: usize, place: &str) -> Result<(), Unreadable> {
    let all = calls.operations.len();
    let place = format!("{place}.calls");
    if let Some(call) =
        calls.operations.iter().position(|call| call.actor.is_some_and(|actor| actor >= actors))
    {
        let what = format!("there are {actors} actors, counted from 0");
        return Err(unreadable(format!("{place}.operations[{call}].actor"), what));
    }
    if let Some(call) = calls.operations.iter().position(|call| call.returned < call.called) {
        return Err(unreadable(
            format!("{place}.operations[{call}].returned"),
            "it returned before it was called",
        ));
    }
    match calls.order.iter().chain([&calls.stuck]).find(|operation| **operation >= all) {
        Some(operation) => Err(unreadable(
            place + ".order",
            format!("{operation}, and there are {all} operations, counted from 0"),
        )),
        None => Ok(()),
    }
}

fn report(document: Document) -> Report {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: see `check_cell`")]
    let cell = |cell: OnEngine| {
        let OnEngine { engine, expect: expected, expected_because, must_see, actors, .. } = cell;
        let observation = cell.observed.with(cell.outcomes, cell.witnesses);
        Cell {
            engine,
            expected,
            expected_because,
            must_see,
            actors,
            judgement: judge(Expectation { engine, expected, must_see }, &observation),
            opinion: None,
            observation,
            log: cell.log,
            milliseconds: (cell.seconds * 1e3).round() as u64,
            broken: cell.broken,
        }
    };
    let design = |design: json::Design| {
        DesignReport::of_cells(design.name, design.expect, design.engines.into_iter().map(cell).collect())
    };
    let scenario = |scenario: json::Scenario| ScenarioReport {
        name: scenario.name,
        file: scenario.file,
        question: scenario.question,
        grades: scenario.grades.into_iter().map(|graded| (graded.grade, graded.sentence)).collect(),
        designs: scenario.designs.into_iter().map(design).collect(),
        in_practice: scenario.in_practice,
    };
    let Document { budget, drawn, .. } = document;
    Report { budget, drawn, scenarios: document.scenarios.into_iter().map(scenario).collect() }
}

/// Holds what was read against what is written of it. Fractions may differ in their last digits.
fn same(given: &Value, written: &Value, place: &mut String) -> Result<(), Unreadable> {
    let length = place.len();
    match (given, written) {
        (Value::Object(one), Value::Object(other)) => {
            if let Some(field) = one.keys().find(|field| !other.contains_key(*field)) {
                return Err(unreadable(
                    format!("{}{field}", dotted(place)),
                    "no field of this name was expected",
                ));
            }
            for (field, written) in other {
                let Some(given) = one.get(field) else {
                    return Err(unreadable(format!("{}{field}", dotted(place)), "there is no such field"));
                };
                *place = dotted(place) + field;
                same(given, written, place)?;
                place.truncate(length);
            }
            Ok(())
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (number, (one, other)) in one.iter().zip(other).enumerate() {
                *place += &format!("[{number}]");
                same(one, other, place)?;
                place.truncate(length);
            }
            Ok(())
        }
        (Value::Number(one), Value::Number(other))
            if one.is_f64() && other.is_f64() && one.as_f64().zip(other.as_f64()).is_some_and(close) =>
        {
            Ok(())
        }
        (one, other) if one == other => Ok(()),
        (one, other) => {
            let what = format!("{}, and {} is what follows from the rest", brief(one), brief(other));
            Err(unreadable(if place.is_empty() { "the document" } else { place.as_str() }, what))
        }
    }
}

fn dotted(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!("{place}.") }
}

fn close((one, other): (f64, f64)) -> bool {
    (one - other).abs() <= 1e-12 * one.abs().max(other.abs())
}

/// A value in a sentence.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain(['…']).collect() }
}
