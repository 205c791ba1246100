//! SARIF 2.1.0, for systems that show findings beside the code: a rule for each kind of failure, a result for each
//! design that fails in a way that its scenario does not expect.
//!
//! A data race has both accesses as locations. A witness becomes a code flow: a thread flow for each thread, with the
//! order of execution. Limits: failures that are expected are no results; an inconclusive verdict is a warning; where
//! no line is known the location is the scenario's file.

use super::findings::{Finding, Kind, Place, findings};
use super::{Report, sentence};
use crate::base::location::Site;
use crate::base::name::slug;
use crate::base::witness::Witness;
use crate::witness::{table, words};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Events of a code flow at most.
const MAX_EVENTS: usize = 500;

/// Renders a report as one document, indented, with a line feed at its end.
pub(crate) fn render(report: &Report) -> String {
    let rules: Vec<Value> = Kind::ALL.into_iter().map(rule).collect();
    let results: Vec<Value> = findings(report).iter().map(result).collect();
    let document = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "selvedge",
                "version": super::json::SELVEDGE,
                "semanticVersion": super::json::SELVEDGE,
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn rule(kind: Kind) -> Value {
    json!({
        "id": kind.id(),
        "name": kind.title().split(' ').map(capital).collect::<String>(),
        "shortDescription": { "text": format!("{}.", kind.title()) },
        "fullDescription": { "text": kind.description() },
        "defaultConfiguration": { "level": level(kind) },
    })
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn level(kind: Kind) -> &'static str {
    if kind.is_error() { "error" } else { "warning" }
}

fn result(finding: &Finding<'_>) -> Value {
    let Finding { scenario, design, kind, cells, message, places, witness } = finding;
    let text = format!("{} / {} ({}): {message}", scenario.name, design.name, finding.engines());
    let rule = Kind::ALL.iter().position(|other| other == kind);
    let mut result = json!({
        "ruleId": kind.id(),
        "ruleIndex": rule,
        "kind": "fail",
        "level": level(*kind),
        "message": { "text": text },
        "locations": locations(*kind, places, &scenario.file),
        "partialFingerprints": {
            "design/v1": fingerprint(finding),
        },
        "properties": {
            "engines": cells.iter().map(|cell| cell.engine.name()).collect::<Vec<_>>(),
            "expected": cells.first().map(|cell| cell.expected.to_string()),
            "token": witness.map(|witness| witness.token.as_str()).filter(|token| !token.is_empty()),
        },
    });
    let related: Vec<Value> = places.iter().zip(0..).skip(1).map(|(place, id)| related(place, id)).collect();
    if !related.is_empty() {
        result["relatedLocations"] = Value::Array(related);
    }
    if let Some(flow) = witness.and_then(flow) {
        result["codeFlows"] = json!([flow]);
    }
    result
}

/// The same from run to run: a failure by its design and kind, anything else also by the engine.
fn fingerprint(finding: &Finding<'_>) -> String {
    let Finding { scenario, design, kind, cells, .. } = finding;
    let engine = cells.first().filter(|_| !kind.is_failure()).map(|cell| format!("/{}", cell.engine));
    format!("{}/{}/{}{}", scenario.name, slug(&design.name), kind.id(), engine.unwrap_or_default())
}

/// The first place; both of a data race, which is where either can be mended.
fn locations(kind: Kind, places: &[Place<'_>], file: &str) -> Vec<Value> {
    let shown = if kind == Kind::DataRace { 2 } else { 1 };
    let locations: Vec<Value> =
        places.iter().take(shown).map(|place| location(place.site, &place.what)).collect();
    if !locations.is_empty() {
        return locations;
    }
    vec![json!({ "physicalLocation": { "artifactLocation": artifact(file) } })]
}

fn related(place: &Place<'_>, id: u32) -> Value {
    let mut related = location(place.site, &place.what);
    related["id"] = Value::from(id);
    related
}

fn location(site: &Site, what: &str) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": artifact(&site.file),
            "region": { "startLine": site.line.max(1) },
        },
        "message": { "text": what },
    })
}

/// A file: below the sources' root, or by its whole path.
fn artifact(file: &str) -> Value {
    let uri = percent_encoded(file.trim_start_matches('/'));
    if file.starts_with('/') {
        return json!({ "uri": format!("file:///{uri}") });
    }
    json!({ "uri": uri, "uriBaseId": "%SRCROOT%" })
}

/// A path as a part of a URI (RFC 3986, section 2).
fn percent_encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The events of a witness that have a place, thread by thread.
fn flow(witness: &Witness) -> Option<Value> {
    let mut threads: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
    for (order, index) in (1..).zip(table::shown_indices(witness).take(MAX_EVENTS)) {
        let event = &witness.events[index];
        let Some(site) = &event.site else { continue };
        let what = words::cell(witness, event, true);
        let step = json!({ "location": location(site, &what), "executionOrder": order });
        threads.entry(event.thread).or_default().push(step);
    }
    let flow = |(thread, locations): (usize, Vec<Value>)| {
        json!({
            "id": format!("{thread}"),
            "message": { "text": words::thread(witness, thread) },
            "locations": locations,
        })
    };
    let flows: Vec<Value> = threads.into_iter().map(flow).collect();
    (!flows.is_empty())
        .then(|| json!({ "message": { "text": sentence::shown(witness) }, "threadFlows": flows }))
}
