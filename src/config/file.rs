//! `selvedge.toml`: text in, entries out.

use super::{Entry, Knob, Source, Wrong, nearest};
use std::path::Path;
use toml_edit::{Document, Item, TableLike, Value};

/// The table that is ours.
const TABLE: &str = "selvedge";

/// The entries of a file of this name with this text.
///
/// # Errors
/// If it is no TOML, or holds anything but knobs in `[selvedge]`: with the line.
pub(crate) fn read(path: &Path, text: &str) -> Result<Vec<Entry>, Wrong> {
    let line_at = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let wrong = |at: usize, why: &str| Wrong::new(format!("{}:{}: {why}", path.display(), line_at(at)));
    let document = Document::parse(text).map_err(|error| {
        let first = error.message().lines().next().unwrap_or("this is no TOML").to_owned();
        wrong(error.span().map_or(0, |span| span.start), &first)
    })?;
    let mut entries = Vec::new();
    for (name, item) in document.as_table().iter() {
        let at = key_at(document.as_table(), name).or(item.span().map(|span| span.start)).unwrap_or(0);
        let Some(table) = item.as_table_like().filter(|_| name == TABLE) else {
            return Err(wrong(at, &not_ours(name, item)));
        };
        for (name, item) in table.iter() {
            let at = key_at(table, name).unwrap_or(at);
            let knob = knob(name).map_err(|why| wrong(at, &why))?;
            let text = item.as_value().and_then(plain).ok_or_else(|| {
                wrong(at, &format!("`{name}` takes a number, a word, yes or no, or a list of words"))
            })?;
            let source = Source::File { path: path.to_owned(), line: line_at(at) };
            entries.push(Entry { knob, text, source });
        }
    }
    Ok(entries)
}

fn key_at(table: &dyn TableLike, name: &str) -> Option<usize> {
    Some(table.key(name)?.span()?.start)
}

fn not_ours(name: &str, item: &Item) -> String {
    if item.is_table_like() && nearest(name, [TABLE].into_iter()).is_some() && name != TABLE {
        format!("there is no table `[{name}]`; did you mean `[{TABLE}]`?")
    } else if Knob::of_name(name).is_some() {
        format!("`{name}` belongs below a line `[{TABLE}]`")
    } else {
        format!("`{name}` is nothing that this file has: all of it is one table `[{TABLE}]`")
    }
}

fn knob(name: &str) -> Result<Knob, String> {
    let known = || Knob::ALL.into_iter().filter(|knob| !knob.is_variable_only());
    if let Some(knob) = Knob::of_name(name) {
        let elsewhere =
            format!("`{name}` is for one call, and has no place in a file; there is {}", knob.variable());
        return if knob.is_variable_only() { Err(elsewhere) } else { Ok(knob) };
    }
    Err(match nearest(name, known().map(Knob::name)) {
        Some(meant) => format!("there is no key `{name}`; did you mean `{meant}`?"),
        None => {
            let all = known().map(|knob| format!("`{}`", knob.name())).collect::<Vec<_>>();
            format!("there is no key `{name}`; there are {}", all.join(", "))
        }
    })
}

/// A value as a variable would have it.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.value().clone()),
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Boolean(yes) => Some(yes.value().to_string()),
        Value::Array(words) => {
            let words = words.iter().map(|word| word.as_str()).collect::<Option<Vec<_>>>()?;
            Some(words.join(","))
        }
        _ => None,
    }
}
