//! A violation in words: the operations in the order of time, one line per event, a column per client, and
//! where it breaks.

use super::check::Violation;
use super::history::{History, Operation};
use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};

/// Events shown at most: of a longer history, those of the window and what came just before it.
const MOST_EVENTS: usize = 60;

impl Violation {
    /// The violation in words, for a reader: where the history breaks, what came just before, and what the
    /// settled operations can have led to.
    #[must_use]
    pub fn explain<Op: Debug, Ret: Debug>(&self, history: &History<Op, Ret>) -> String {
        explain(history, self, |client| format!("client {client}"))
    }
}

/// The violation in words, with clients named.
pub(crate) fn explain<Op: Debug, Ret: Debug>(
    history: &History<Op, Ret>,
    violation: &Violation,
    name: impl Fn(usize) -> String,
) -> String {
    let operations = history.operations();
    let mut text = timeline(operations, violation, &name);
    let in_words = |place: usize| {
        let operation = &operations[place];
        let ret = operation.returned.as_ref().map_or("nothing yet".to_owned(), |(_, ret)| format!("{ret:?}"));
        format!("{}'s {:?} = {ret}", name(operation.client), operation.op)
    };
    // Writing to a String cannot fail.
    if let Some(window) = &violation.window {
        let _ = writeln!(text, "{} cannot be explained.", in_words(window.broken));
        let _ = writeln!(
            text,
            "The {} operations that had returned before can have led to {}{}.",
            window.settled,
            window.situations.join(", or "),
            if window.situation_count > window.situations.len() { ", and more" } else { "" }
        );
    } else {
        for (order, stuck) in &violation.longest {
            let _ = writeln!(
                text,
                "After {} operations in an order that fits, {} does not.",
                order.len(),
                in_words(*stuck)
            );
        }
    }
    text
}

fn timeline<Op: Debug, Ret: Debug>(
    operations: &[Operation<Op, Ret>],
    violation: &Violation,
    name: &impl Fn(usize) -> String,
) -> String {
    let mut events = Vec::new();
    for operation in operations {
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
    let mut rows: Vec<(u64, usize, String)> = Vec::new();
    for (time, is_return, client, words) in events {
        match rows.last_mut() {
            Some((_, last, shown)) if is_return && *last == client && shown.ends_with(" …") => {
                words.trim_start_matches("… ").clone_into(shown);
            }
            _ => rows.push((time, client, words)),
        }
    }
    if rows.len() > MOST_EVENTS {
        let broken = violation.window.as_ref().map(|window| window.broken);
        let broken = broken.or_else(|| violation.longest.first().map(|(_, stuck)| *stuck));
        let end = broken.and_then(|place| operations[place].returned.as_ref().map(|(time, _)| *time));
        rows.retain(|(time, ..)| end.is_none_or(|end| *time <= end));
        rows.drain(..rows.len().saturating_sub(MOST_EVENTS));
    }
    let clients: BTreeSet<usize> = rows.iter().map(|(_, client, _)| *client).collect();
    let widths: Vec<usize> = clients
        .iter()
        .map(|client| {
            let of_client =
                rows.iter().filter(|(_, by, _)| by == client).map(|(.., words)| words.chars().count());
            of_client.max().unwrap_or(0).max(name(*client).chars().count())
        })
        .collect();
    let mut text = String::new();
    let mut line = |cells: &dyn Fn(usize) -> String| {
        let padded =
            clients.iter().zip(&widths).map(|(client, width)| format!("  {:<width$}", cells(*client)));
        let _ = writeln!(text, "{}", padded.collect::<String>().trim_end());
    };
    line(name);
    for (_, by, words) in &rows {
        line(&|client| if client == *by { words.clone() } else { String::new() });
    }
    text
}
