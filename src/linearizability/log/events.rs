//! Events of a log, put together to a history.

use super::super::history::{History, Operation, Place};
use super::super::models::{Call, Function, Ready};
use super::super::value::Value;
use super::{Malformed, Options};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Call,
    Return,
    Fail,
    Info,
    /// Of a client if it has a call in flight, and else a note.
    InfoOrNote,
    Note,
    /// Everything crashed.
    Crash,
}

pub(super) struct Event {
    pub(super) line: usize,
    pub(super) client: Option<Value>,
    pub(super) kind: Kind,
    pub(super) operation: Option<String>,
    pub(super) key: Option<Value>,
    pub(super) value: Value,
    pub(super) time: Option<u64>,
    /// Whether it says that something went wrong.
    pub(super) error: bool,
}

/// Something that happened besides the operations, such as a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// When.
    pub time: u64,
    /// What, in the words of the log.
    pub words: String,
}

/// A log that was read.
#[derive(Clone, Debug)]
pub struct Log {
    /// Its operations.
    pub history: History<Call, Value>,
    /// The line of each operation's call.
    pub lines: Vec<usize>,
    /// The names of the clients, by their numbers.
    pub clients: Vec<String>,
    /// What else happened.
    pub notes: Vec<Note>,
    /// How many operations failed, had no effect, and are not in the history.
    pub failed: usize,
}

impl Log {
    /// Checks that a model knows all operations.
    ///
    /// # Errors
    /// If it does not: the line, and what was expected.
    pub fn suits<R: Ready>(&self) -> Result<(), Malformed> {
        for (operation, line) in self.history.operations().iter().zip(&self.lines) {
            let call = &operation.op;
            if !R::FUNCTIONS.contains(&call.function) {
                let known: Vec<_> = R::FUNCTIONS.iter().map(|function| function.name()).collect();
                let what =
                    format!("an operation of {} was expected, and there is {call:?}", known.join(", "));
                return Err(Malformed::new(*line, what));
            }
            if let Some(fits) = R::refuses(call) {
                return Err(Malformed::new(*line, format!("{fits} was expected as the value of {call:?}")));
            }
        }
        Ok(())
    }

    /// Puts lists that a read of a set returned in order, in which they are compared.
    pub fn order_lists(&mut self) {
        let operations = self.history.operations().to_vec();
        let crashes = self.history.crashes().to_vec();
        self.history = History::new();
        crashes.into_iter().for_each(|time| self.history.record_crash(time));
        for mut operation in operations {
            if let Some((_, Value::List(values))) = &mut operation.returned {
                values.sort();
                values.dedup();
            }
            // It was recorded with these times before.
            let _ = self.history.record(operation);
        }
    }
}

struct Open {
    call: Call,
    client: usize,
    called: u64,
    line: usize,
}

/// An operation, and the line of its call.
type Whole = (Operation<Call, Value>, usize);

pub(super) struct Builder<'a> {
    options: &'a Options,
    /// The number of each client now, and its operation in flight.
    clients: BTreeMap<Value, (usize, Option<Open>)>,
    names: Vec<String>,
    operations: Vec<Whole>,
    notes: Vec<Note>,
    crashes: Vec<u64>,
    failed: usize,
    events: u64,
    timed: Option<bool>,
    latest: u64,
}

impl<'a> Builder<'a> {
    pub(super) fn new(options: &'a Options) -> Self {
        Self {
            options,
            clients: BTreeMap::new(),
            names: Vec::new(),
            operations: Vec::new(),
            notes: Vec::new(),
            crashes: Vec::new(),
            failed: 0,
            events: 0,
            timed: None,
            latest: 0,
        }
    }

    pub(super) fn add(&mut self, event: Event) -> Result<(), Malformed> {
        let line = event.line;
        let time = self.time(&event)?;
        let in_flight = |client: &Value| self.clients.get(client).is_some_and(|(_, open)| open.is_some());
        let is_note = event.kind == Kind::InfoOrNote && !event.client.as_ref().is_some_and(in_flight);
        if event.kind == Kind::Note || is_note {
            let words = event.value.text().map_or_else(|| event.value.to_string(), str::to_owned);
            self.notes.push(Note { time, words });
            return Ok(());
        }
        if event.kind == Kind::Crash {
            self.crash(time);
            return Ok(());
        }
        let Some(name) = event.client.clone().filter(|client| *client != Value::Nil) else {
            return Err(Malformed::new(line, "a `client` was expected".to_owned()));
        };
        let shown = name.text().map_or_else(|| name.to_string(), str::to_owned);
        let next = self.names.len();
        let (number, open) = self.clients.entry(name).or_insert((next, None));
        if *number == next {
            self.names.push(shown.clone());
        }
        if event.kind == Kind::Call {
            if let Some(open) = open {
                let what =
                    format!("a return of client {shown} was expected, which called in line {}", open.line);
                return Err(Malformed::new(line, what));
            }
            let client = *number;
            *open = Some(Open { call: call(self.options, event)?, client, called: time, line });
            return Ok(());
        }
        let Some(Open { call, client, called, line: of_call }) = open.take() else {
            return Err(Malformed::new(
                line,
                format!("a call of client {shown} was expected, which has none in flight"),
            ));
        };
        if let Some(name) = &event.operation
            && function(self.options, name) != Some(call.function)
        {
            let what = format!("the end of {call:?} was expected, and there is `{name}`");
            return Err(Malformed::new(line, what));
        }
        let returned = match event.kind {
            Kind::Fail if call.function == Function::CompareAndSet && !event.error => Value::Bool(false),
            Kind::Fail => {
                self.failed += 1;
                return Ok(());
            }
            Kind::Info | Kind::InfoOrNote => {
                // What goes on under this name is another client.
                *number = self.names.len();
                self.names.push(shown);
                self.operations.push((Operation { client, op: call, called, returned: None }, of_call));
                return Ok(());
            }
            _ => {
                let value = if self.options.keyed_values { keyed(line, event.value)?.1 } else { event.value };
                call.function.returned(value)
            }
        };
        self.operations
            .push((Operation { client, op: call, called, returned: Some((time, returned)) }, of_call));
        Ok(())
    }

    /// Cuts off all that is in flight. Every client counts as another from then on.
    fn crash(&mut self, time: u64) {
        self.crashes.push(time);
        self.notes.push(Note { time, words: "crash".to_owned() });
        for (_, open) in std::mem::take(&mut self.clients).into_values() {
            if let Some(Open { call, client, called, line }) = open {
                self.operations.push((Operation { client, op: call, called, returned: None }, line));
            }
        }
    }

    /// When an event happened: by its time, or by its place.
    fn time(&mut self, event: &Event) -> Result<u64, Malformed> {
        let wrong = |what: String| Err(Malformed::new(event.line, what));
        if event.kind == Kind::Note && event.time.is_none() && self.timed != Some(false) {
            // A note without a time happened at the time of the event before.
            return Ok(self.latest);
        }
        if *self.timed.get_or_insert(event.time.is_some()) != event.time.is_some() {
            return wrong("a time at every event was expected, or at none".to_owned());
        }
        self.events += 1;
        let time = event.time.unwrap_or(self.events);
        if time < self.latest {
            return wrong(format!("a time of at least {} was expected, and there is {time}", self.latest));
        }
        self.latest = time;
        Ok(time)
    }

    pub(super) fn finish(mut self) -> Result<Log, Malformed> {
        for open in self.clients.into_values().filter_map(|(_, open)| open) {
            let Open { call, client, called, line } = open;
            self.operations.push((Operation { client, op: call, called, returned: None }, line));
        }
        self.operations.sort_by_key(|(operation, line)| (operation.called, *line));
        let mut history = History::new();
        let mut lines: Vec<usize> = Vec::new();
        for (operation, line) in self.operations {
            // Times were found to grow.
            let recorded: Result<Place, _> = history.record(operation);
            recorded.map_err(|error| Malformed::new(line, error.to_string()))?;
            lines.push(line);
        }
        self.crashes.iter().for_each(|time| history.record_crash(*time));
        Ok(Log { history, lines, clients: self.names, notes: self.notes, failed: self.failed })
    }
}

fn function(options: &Options, name: &str) -> Option<Function> {
    let mapped = options.names.iter().find(|(theirs, _)| theirs == name).map(|(_, function)| *function);
    let of_no_namespace = || name.rsplit_once('/').and_then(|(_, name)| Function::named(name));
    mapped.or_else(|| Function::named(name)).or_else(of_no_namespace)
}

fn call(options: &Options, event: Event) -> Result<Call, Malformed> {
    let line = event.line;
    let name = event.operation.unwrap_or_default();
    let Some(function) = function(options, &name) else {
        return Err(Malformed::new(line, format!("a known operation was expected, and there is `{name}`")));
    };
    if !options.keyed_values {
        return Ok(Call { function, key: event.key.filter(|key| *key != Value::Nil), value: event.value });
    }
    let (key, value) = keyed(line, event.value)?;
    Ok(Call { function, key: Some(key), value })
}

/// A key and a value.
fn keyed(line: usize, value: Value) -> Result<(Value, Value), Malformed> {
    match value {
        Value::List(pair) if pair.len() == 2 => {
            let mut pair = pair.into_iter();
            Ok((pair.next().unwrap_or_default(), pair.next().unwrap_or_default()))
        }
        other => Err(Malformed::new(line, format!("[key value] was expected, and there is {other}"))),
    }
}
