//! A violation in words: the operations of the part that breaks, in the order of time, and where it breaks.
//!
//! Few clients get a column each, with a line per event; more, or longer words, a line per operation with its
//! times. No line is longer than [`MAX_COLUMNS`].

use super::check::Violation;
use super::history::{History, Operation, Place};
use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};

/// Events shown at most: of a longer history, those of the window and what came just before it.
const MAX_EVENTS: usize = 60;

/// Characters of a line, at most.
const MAX_COLUMNS: usize = 100;

/// Partial orders told, at most.
const MAX_TOLD: usize = 4;

impl Violation {
    /// The violation in words, for a reader: where the history breaks, what came just before, and what the
    /// settled operations can have led to. Lines have at most 100 characters.
    #[must_use]
    pub fn explain<Op: Debug, Ret: Debug>(&self, history: &History<Op, Ret>) -> String {
        self.explain_with_names(history, |client| format!("client {client}"))
    }

    /// The same, with clients called as `name` says.
    #[must_use]
    pub fn explain_with_names<Op: Debug, Ret: Debug>(
        &self,
        history: &History<Op, Ret>,
        name: impl Fn(usize) -> String,
    ) -> String {
        explain(history, self, name, true)
    }
}

/// The violation in words, with clients named, and with times if those mean anything to the reader.
pub(crate) fn explain<Op: Debug, Ret: Debug>(
    history: &History<Op, Ret>,
    violation: &Violation,
    name: impl Fn(usize) -> String,
    times: bool,
) -> String {
    let operations = history.operations();
    let shown = shown(operations, violation);
    let mut text = match columns(operations, &shown, &name, times) {
        Some(text) => text,
        None => lines(operations, &shown, violation, &name),
    };
    let in_words = |place: usize| {
        let operation = &operations[place];
        let ret = operation.returned.as_ref().map_or("nothing yet".to_owned(), |(_, ret)| format!("{ret:?}"));
        format!("{}'s {:?} = {ret}", name(operation.client), operation.op)
    };
    if let Some(window) = &violation.window {
        wrap(&mut text, &format!("{} cannot be explained.", in_words(window.broken)));
        wrap(
            &mut text,
            &format!(
                "The {} operations that had returned before can have led to {}{}.",
                window.settled,
                window.situations.join(", or "),
                if window.situation_count > window.situations.len() { ", and more" } else { "" }
            ),
        );
        return text;
    }
    for (order, stuck) in violation.longest.iter().take(MAX_TOLD) {
        let told =
            format!("After {} operations in an order that fits, {} does not.", order.len(), in_words(*stuck));
        wrap(&mut text, &told);
    }
    let left = violation.left_out + violation.longest.len().saturating_sub(MAX_TOLD);
    if left > 0 {
        wrap(&mut text, &format!("{left} more such orders were found."));
    }
    if let Some(reason) = violation.no_window {
        wrap(&mut text, &format!("Where it breaks is not shown: {reason}."));
    }
    text
}

/// The operations to be shown, in the order of their calls: those of the violating part that were in flight
/// or had returned not long before it breaks.
fn shown<Op, Ret>(operations: &[Operation<Op, Ret>], violation: &Violation) -> Vec<Place> {
    let broken = violation.window.as_ref().map(|window| window.broken);
    let broken = broken.or_else(|| violation.longest.first().map(|(_, stuck)| *stuck));
    let end = broken.and_then(|place| operations[place].returned.as_ref().map(|(time, _)| *time));
    let mut shown: Vec<Place> = violation.operations.clone();
    shown.retain(|&place| end.is_none_or(|end| operations[place].called <= end));
    // The latest are kept, and of those that never returned as many as fit beside the others.
    let until = |place: Place| operations[place].returned.as_ref().map(|(time, _)| *time);
    shown.sort_by_key(|&place| (until(place).unwrap_or(operations[place].called), place));
    shown.drain(..shown.len().saturating_sub(MAX_EVENTS / 2));
    if let Some(broken) = broken
        && !shown.contains(&broken)
    {
        shown.push(broken);
    }
    shown.sort_by_key(|&place| (operations[place].called, place));
    shown
}

/// A column per client and a line per event. `None` if that does not fit.
fn columns<Op: Debug, Ret: Debug>(
    operations: &[Operation<Op, Ret>],
    shown: &[Place],
    name: &impl Fn(usize) -> String,
    times: bool,
) -> Option<String> {
    let mut events = Vec::new();
    for &place in shown {
        let operation = &operations[place];
        let op = &operation.op;
        match &operation.returned {
            Some((time, ret)) => {
                events.push((operation.called, false, operation.client, format!("{op:?} …")));
                events.push((*time, true, operation.client, format!("… {op:?} = {ret:?}")));
            }
            None => events.push((operation.called, false, operation.client, format!("{op:?} … for ever"))),
        }
    }
    events.sort_by_key(|(time, is_return, client, _)| (*time, *is_return, *client));
    // A call whose return follows at once is one line.
    let mut rows: Vec<(String, usize, String)> = Vec::new();
    for (time, is_return, client, words) in events {
        match rows.last_mut() {
            Some((at, last, shown)) if is_return && *last == client && shown.ends_with(" …") => {
                words.trim_start_matches("… ").clone_into(shown);
                let _ = write!(at, "-{time}");
            }
            _ => rows.push((time.to_string(), client, words)),
        }
    }
    let clients: BTreeSet<usize> = rows.iter().map(|(_, client, _)| *client).collect();
    let width = |client: &usize| {
        let of_client =
            rows.iter().filter(|(_, by, _)| by == client).map(|(.., words)| words.chars().count());
        of_client.max().unwrap_or(0).max(name(*client).chars().count())
    };
    let widths: Vec<usize> = clients.iter().map(width).collect();
    let at_width = if times { rows.iter().map(|(at, ..)| at.len()).max().unwrap_or(0).max(4) } else { 0 };
    let whole = widths.iter().map(|width| width + 2).sum::<usize>() + if times { at_width + 2 } else { 0 };
    if whole > MAX_COLUMNS {
        return None;
    }
    let mut text = String::new();
    let mut line = |at: &str, cells: &dyn Fn(usize) -> String| {
        let padded =
            clients.iter().zip(&widths).map(|(client, width)| format!("  {:<width$}", cells(*client)));
        let at = if times { format!("  {at:>at_width$}") } else { String::new() };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", (at + &padded.collect::<String>()).trim_end());
    };
    line("time", &|client| name(client));
    for (at, by, words) in &rows {
        line(at, &|client| if client == *by { words.clone() } else { String::new() });
    }
    Some(text)
}

/// A line per operation, for many clients: its times, its client and what it did.
fn lines<Op: Debug, Ret: Debug>(
    operations: &[Operation<Op, Ret>],
    shown: &[Place],
    violation: &Violation,
    name: &impl Fn(usize) -> String,
) -> String {
    let broken = violation.window.as_ref().map(|window| window.broken);
    let rows: Vec<(String, String, String)> = shown
        .iter()
        .map(|&place| {
            let Operation { client, op, called, returned } = &operations[place];
            let mark = if broken == Some(place) { "* " } else { "  " };
            match returned {
                Some((time, ret)) => {
                    (format!("{mark}{called}-{time}"), name(*client), format!("{op:?} = {ret:?}"))
                }
                None => (format!("{mark}{called}-"), name(*client), format!("{op:?} … for ever")),
            }
        })
        .collect();
    let widest = |of: fn(&(String, String, String)) -> &String| {
        rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0).min(30)
    };
    let (times, clients) = (widest(|row| &row.0), widest(|row| &row.1));
    let mut text = String::new();
    for (time, client, words) in &rows {
        let line = format!("{time:<times$}  {client:<clients$}  {words}");
        let cut: String = line.chars().take(MAX_COLUMNS - 1).collect();
        let more = if cut.len() < line.len() { "…" } else { "" };
        let _ = writeln!(text, "{cut}{more}");
    }
    text
}

/// Adds a sentence, with line breaks between words, and within those that are longer than a line.
fn wrap(text: &mut String, sentence: &str) {
    let mut width = 0;
    for word in sentence.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        if width > 0 && width + 1 + letters.len() > MAX_COLUMNS {
            text.push('\n');
            width = 0;
        }
        if width > 0 {
            text.push(' ');
            width += 1;
        }
        for letter in letters {
            if width == MAX_COLUMNS {
                text.push('\n');
                width = 0;
            }
            text.push(letter);
            width += 1;
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::models::{Call, Function, Keyed, Register};
    use super::super::{Answer, Checker, History, Value};
    use super::MAX_COLUMNS;

    fn call(function: Function, value: i64) -> Call {
        Call { function, key: None, value: if value < 0 { Value::Nil } else { Value::Int(value) } }
    }

    /// So many clients write at once, then one reads what none wrote.
    fn explained(writers: usize, pending: usize) -> String {
        let mut history = History::new();
        for client in 0..pending {
            history.call(1000 + client, call(Function::Write, 100 + client as i64));
        }
        let writes: Vec<_> = (0..writers).map(|n| history.call(n, call(Function::Write, n as i64))).collect();
        writes.into_iter().for_each(|write| history.returns(write, Value::Nil));
        let read = history.call(writers, call(Function::Read, -1));
        history.returns(read, Value::Int(99));
        let Answer::NotLinearizable(violation) =
            Checker::new().check(&Keyed::new(Register(Value::Nil)), &history)
        else {
            panic!("nothing wrote 99");
        };
        assert!(violation.window.is_some(), "{:?}", violation.no_window);
        let text = violation.explain(&history);
        assert!(text.lines().all(|line| line.chars().count() <= MAX_COLUMNS), "{text}");
        assert!(text.contains("read = 99 cannot be explained"), "{text}");
        text
    }

    #[test]
    fn few_clients_have_columns_and_many_have_lines() {
        let few = explained(2, 0);
        assert!(few.contains("  time  client 0") && few.contains("5-6"), "{few}");
        let many = explained(8, 0);
        assert!(many.contains("* 17-18") && !many.contains("time"), "{many}");
    }

    #[test]
    fn many_pending_writes_still_leave_a_window() {
        let text = explained(2, 14);
        assert!(text.contains("for ever") && text.contains("can have led to"), "{text}");
    }
}
