//! Logs as histories: JSON lines, EDN as Jepsen and Knossos write it, and the text lines of Jepsen's console
//! that other checkers are tried on.
//!
//! # JSON lines
//!
//! One object a line, and empty lines:
//!
//! ```text
//! {"client": 0, "event": "call", "operation": "write", "key": "x", "value": 3, "time": 10}
//! {"client": 0, "event": "return", "time": 14}
//! {"client": 1, "event": "call", "operation": "read", "key": "x", "time": 12}
//! {"client": 1, "event": "return", "value": 3, "time": 20}
//! {"event": "note", "value": "partition begins", "time": 15}
//! ```
//!
//! - `event` is `call`; `return`; `fail` if it is known that the call had no effect; `info` if its end was
//!   never heard of; `note`, which has no client; or `crash`, which
//!   has none either and cuts off all that is in flight.
//! - `client` is a number or a text. A client whose call ended with `info` counts as another client from then on.
//! - `time` is a whole number of at least 0 that grows. Every event has one, or none has, and then the order of the lines counts.
//! - `operation`, `key` and `value` stand at the call; a return gives what was returned as its `value`.
//!
//! # EDN
//!
//! Maps with `:process`, `:type` (`:invoke`, `:ok`, `:fail`, `:info`), `:f`, `:value`, and if there is one `:key`,
//! one after another or in one vector; more fields mean nothing here. Their order is that of time, as Jepsen writes
//! them, and `:time` is not looked at. What the `:nemesis` does is a note, and so is an `:info` of a process that has
//! no number and no call in flight. A name with a namespace, as `:register/read`, is known by the part after the
//! stroke. A compare-and-set that fails without an `:error` found another value than expected.
//!
//! # Console lines
//!
//! `INFO  jepsen.util - 3  :invoke  :cas  [1 2]`, the columns between white space: process, type, function,
//! value; a time and a thread may stand before, as in `… INFO [jepsen worker 3] jepsen.util: 3 :invoke …`. Other lines
//! are refused. A value of `:timed-out` is an error.
//!
//! Limits: a log is read as a whole; what it leaves open at its end never returned.

mod edn;
mod events;
#[cfg(test)]
mod tests;

pub use events::{Log, Note};

use super::models::Function;
use super::value::Value;
use edn::Reader;
use events::{Builder, Event, Kind};

/// A line that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Malformed {
    /// The line, from 1.
    pub line: usize,
    /// What was expected, and what is there.
    pub what: String,
}

impl Malformed {
    fn new(line: usize, what: String) -> Self {
        Self { line, what }
    }
}

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON lines.
    Json,
    /// EDN.
    Edn,
    /// Lines of Jepsen's console.
    Console,
}

impl Format {
    /// What a text seems to be written in, by how it begins.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let begin = text.trim_start_matches('\u{feff}').trim_start();
        let after = begin.get(1..).unwrap_or_default().trim_start();
        match begin.chars().next() {
            Some('{') if after.starts_with(['"', '}']) => Some(Format::Json),
            Some('{' | '[' | '(' | '#' | ';') => Some(Format::Edn),
            _ if begin.lines().next().is_some_and(|line| after_logger(line).is_some()) => {
                Some(Format::Console)
            }
            _ => None,
        }
    }
}

/// How to read a log.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Names of the log for operations, and what they mean.
    pub names: Vec<(String, Function)>,
    /// Whether values are pairs of a key and the value, as those of Jepsen's independent keys are.
    pub keyed_values: bool,
}

/// Reads a log.
///
/// # Errors
/// If a line is not what the format says: which one, and what was expected. Nothing is skipped.
pub fn read(text: &str, format: Format, options: &Options) -> Result<Log, Malformed> {
    let text = text.trim_start_matches('\u{feff}');
    let mut builder = Builder::new(options);
    match format {
        Format::Json => {
            for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
                let event = json_event(line, text)?;
                builder.add(event)?;
            }
        }
        Format::Edn => edn_events(text, &mut builder)?,
        Format::Console => {
            for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
                let event = console_event(line, text)?;
                builder.add(event)?;
            }
        }
    }
    builder.finish()
}

/// For the fuzz target and its test: reads any bytes as every format. Returns how many of them they are.
///
/// # Panics
/// If a complaint names a line that is not there, or says nothing.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn survive(bytes: &[u8]) -> usize {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().count() + 1;
    let of = |format| match read(
        &text,
        format,
        &Options { keyed_values: bytes.len() % 2 == 1, ..Options::default() },
    ) {
        Ok(log) => {
            assert_eq!(log.lines.len(), log.history.operations().len());
            assert!(log.lines.iter().all(|line| (1..=lines).contains(line)));
            assert!(log.history.operations().iter().all(|operation| operation.client < log.clients.len()));
            true
        }
        Err(wrong) => {
            assert!((1..=lines).contains(&wrong.line) && !wrong.what.is_empty(), "{wrong} of {text:?}");
            false
        }
    };
    [Format::Json, Format::Edn, Format::Console].into_iter().filter(|format| of(*format)).count()
}

fn json_event(line: usize, text: &str) -> Result<Event, Malformed> {
    let wrong = |what: String| Malformed::new(line, what);
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|error| wrong(format!("a JSON object was expected: {error}")))?;
    let serde_json::Value::Object(fields) = json else {
        return Err(wrong("a JSON object was expected".to_owned()));
    };
    const FIELDS: [&str; 6] = ["client", "event", "operation", "key", "value", "time"];
    if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(wrong(format!("a field of {} was expected, and there is `{name}`", FIELDS.join(", "))));
    }
    let field = |name: &str| fields.get(name).cloned().map(Value::from_json);
    let kind = match field("event").as_ref().and_then(Value::text) {
        Some("call") => Kind::Call,
        Some("return") => Kind::Return,
        Some("fail") => Kind::Fail,
        Some("info") => Kind::Info,
        Some("note") => Kind::Note,
        Some("crash") => Kind::Crash,
        _ => {
            return Err(wrong(
                "an `event` of call, return, fail, info, note or crash was expected".to_owned(),
            ));
        }
    };
    let time = match field("time") {
        None | Some(Value::Nil) => None,
        Some(Value::Int(time)) if time >= 0 => Some(time.unsigned_abs()),
        Some(_) => return Err(wrong("a `time` of a whole number of at least 0 was expected".to_owned())),
    };
    let operation = match field("operation") {
        None => None,
        Some(Value::Text(name)) => Some(name),
        Some(_) => return Err(wrong("a text was expected as `operation`".to_owned())),
    };
    let value = field("value").unwrap_or_default();
    Ok(Event { line, client: field("client"), kind, operation, key: field("key"), value, time, error: false })
}

fn edn_events(text: &str, builder: &mut Builder<'_>) -> Result<(), Malformed> {
    let mut reader = Reader::new(text, 1);
    loop {
        if let Some(close) = reader.opens()? {
            while !reader.closes(close)? {
                if let Some((line, event)) = reader.next_value()? {
                    builder.add(edn_event(line, &event)?)?;
                }
            }
            continue;
        }
        match reader.next_value()? {
            None => return Ok(()),
            // A vector with a tag.
            Some((line, Value::List(events))) => {
                for event in &events {
                    builder.add(edn_event(line, event)?)?;
                }
            }
            Some((line, event)) => builder.add(edn_event(line, &event)?)?,
        }
    }
}

fn edn_event(line: usize, map: &Value) -> Result<Event, Malformed> {
    let wrong = |what: &str| Malformed::new(line, format!("{what}, and there is {map}"));
    let Value::Map(_) = map else { return Err(wrong("a map was expected")) };
    let process = map.get("process").ok_or_else(|| wrong("a map with :process was expected"))?;
    let kind = kind(process, map.get("type"))
        .ok_or_else(|| wrong("a :type of :invoke, :ok, :fail or :info was expected"))?;
    let operation = map.get("f").and_then(Value::text).map(str::to_owned);
    let mut value = map.get("value").cloned().unwrap_or_default();
    if matches!(kind, Kind::Note | Kind::InfoOrNote) {
        value = Value::Text(format!("{} {value}", operation.as_deref().unwrap_or("")));
    }
    let error = map.get("error").is_some_and(|error| *error != Value::Nil);
    let (client, key) = (Some(process.clone()), map.get("key").cloned());
    Ok(Event { line, client, kind, operation, key, value, time: None, error })
}

/// What an event of a process is. What is not done by a process with a number is a note if it is neither a call nor
/// a return, and what the nemesis does is always one.
fn kind(process: &Value, kind: Option<&Value>) -> Option<Kind> {
    let is_nemesis = process.text() == Some("nemesis");
    let kind = match kind.and_then(Value::text) {
        _ if is_nemesis => Kind::Note,
        Some("invoke") => Kind::Call,
        Some("ok") => Kind::Return,
        Some("fail") => Kind::Fail,
        Some("info") => Kind::Info,
        _ => return None,
    };
    Some(if kind == Kind::Info && process.int().is_none() { Kind::InfoOrNote } else { kind })
}

/// What follows the name of the logger in a line of Jepsen's: `INFO  jepsen.util - …`, or with a time and a thread
/// before it `… INFO [jepsen worker 3] jepsen.util: …`.
fn after_logger(text: &str) -> Option<&str> {
    let (head, rest) = text.split_once("jepsen.util")?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('-').or_else(|| rest.strip_prefix(':'))?;
    head.split_whitespace().any(|word| word == "INFO").then_some(rest)
}

fn console_event(line: usize, text: &str) -> Result<Event, Malformed> {
    let Some(rest) = after_logger(text) else {
        let what = format!("`INFO  jepsen.util - …` was expected, and there is `{text}`");
        return Err(Malformed::new(line, what));
    };
    let mut reader = Reader::new(rest, line);
    let mut next = || Ok(reader.next_value()?.map(|(_, value)| value));
    let (process, kind, function) = (next()?, next()?, next()?);
    let wrong = |what: &str| Malformed::new(line, format!("{what} was expected, and there is `{text}`"));
    let process = process.ok_or_else(|| wrong("a process"))?;
    let kind =
        self::kind(&process, kind.as_ref()).ok_or_else(|| wrong("a type of :invoke, :ok, :fail or :info"))?;
    let operation = function.as_ref().and_then(Value::text).map(str::to_owned);
    let mut value = next()?.unwrap_or_default();
    let error = value.text() == Some("timed-out");
    if matches!(kind, Kind::Note | Kind::InfoOrNote) {
        value = Value::Text(rest.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    Ok(Event { line, client: Some(process), kind, operation, key: None, value, time: None, error })
}
