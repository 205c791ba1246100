//! The interleaving table: a column per thread, a row per event.
//!
//! One execution of two to four threads fits beside each other, in cells that wrap if they must; more
//! threads, or threads that do much in a line, become a list with the actor's name in front. No line is
//! longer than it may be. Memory orderings are left out only where the rows would else wrap.
//!
//! What the main thread does before the actors and after them is shown only where it is marked.

use super::words::{self, short, short_end};
use super::{CALLS, Event, EventKind, Mark, Witness};
use crate::base::failure::Failure;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Characters of the longest line, by default.
#[cfg(test)]
const WIDTH: usize = 100;
/// Characters of the narrowest column whose cells wrap; below that a list reads better.
const NARROWEST: usize = 16;
/// Characters of the longest actor's name in a list.
const NAME: usize = 20;
/// Characters of the longest place in the source.
const PLACE: usize = 30;
const BAR: &str = " | ";

/// Draws a witness, as for a page.
#[cfg(test)]
pub(crate) fn table(witness: &Witness) -> String {
    within(witness, WIDTH)
}

/// Draws a witness in lines of at most `width` characters, of which there are 60 at least; empty if there is nothing to
/// show.
pub(crate) fn within(witness: &Witness, width: usize) -> String {
    let shown: Vec<&Event> = shown(witness).collect();
    if shown.is_empty() {
        return String::new();
    }
    let places = Places::new(&shown);
    let drawing = Drawing {
        threads: columns(witness, &shown),
        gutter: usize::from(shown.iter().any(|event| event.mark != Mark::None)) * 2,
        place_width: shown.iter().map(|event| places.of(event).chars().count()).max().unwrap_or(0),
        title: places.title(),
        witness,
        width,
    };
    let rows = |with_orders| -> Vec<Row> {
        let row = |event: &&Event| Row {
            thread: event.thread,
            mark: event.mark,
            text: words::cell(witness, event, with_orders),
            place: places.of(event),
        };
        shown.iter().map(row).collect()
    };
    let body = drawing.body(&rows(true), &rows(false));
    format!("{}{body}{}{}", places.head(width), in_the_end(witness, width), legend(&shown))
}

/// The values that the main thread found when the actors had ended, where no row has them, if the outcome is what is
/// wrong.
fn in_the_end(witness: &Witness, width: usize) -> String {
    let generated = witness.events.iter().any(|event| event.operation == CALLS);
    if generated || !matches!(witness.shows, Failure::Forbidden { .. }) {
        return String::new();
    }
    let after =
        witness.events.iter().rposition(|event| event.thread != 0).map_or(usize::MAX, |last| last + 1);
    let mut found: Vec<(String, String)> = Vec::new();
    for event in
        witness.events.iter().skip(after).filter(|event| event.thread == 0 && event.mark == Mark::None)
    {
        let (EventKind::Load | EventKind::Read, Some(value)) =
            (event.kind, words::value(event.read.as_deref()))
        else {
            continue;
        };
        let name = words::object(witness, event.object);
        found.retain(|(other, _)| *other != name);
        found.push((name, value));
    }
    if found.is_empty() {
        return String::new();
    }
    let values: Vec<_> = found.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
    format!("{}\n", short(&format!("in the end: {}", values.join(", ")), width))
}

/// The events worth a row.
pub(super) fn shown(witness: &Witness) -> impl Iterator<Item = &Event> {
    shown_indices(witness).map(|index| &witness.events[index])
}

/// The same, by their place among the events.
pub(crate) fn shown_indices(witness: &Witness) -> impl Iterator<Item = usize> {
    // Without actors, the main thread is the design's own.
    let by_actor = |event: &Event| {
        event.thread != 0
            || (witness.actors == 0 && !matches!(event.kind, EventKind::Create | EventKind::Drop))
    };
    let first = witness.events.iter().position(by_actor).unwrap_or(usize::MAX);
    let last = witness.events.iter().rposition(by_actor).unwrap_or(0);
    let between = move |index| first < index && index < last;
    let events = witness.events.iter().enumerate();
    events
        .filter(move |(index, event)| by_actor(event) || event.mark != Mark::None || between(*index))
        .map(|(index, _)| index)
}

/// The threads that are shown: actors, then what they started, then the main one.
fn columns(witness: &Witness, shown: &[&Event]) -> Vec<(usize, String)> {
    let mut threads: Vec<usize> =
        shown.iter().map(|event| event.thread).collect::<BTreeSet<_>>().into_iter().collect();
    if threads.first() == Some(&0) {
        threads.rotate_left(1);
    }
    threads.into_iter().map(|thread| (thread, words::thread(witness, thread))).collect()
}

/// How the lines of the source are named.
struct Places {
    /// The one file of all, if it is one.
    file: Option<String>,
    /// Whether the last part of a path tells the files apart.
    distinct: bool,
}

impl Places {
    fn new(shown: &[&Event]) -> Self {
        let sites = || shown.iter().filter_map(|event| event.site.as_ref());
        let files: BTreeSet<&str> = sites().map(|site| site.file.as_str()).collect();
        let names: BTreeSet<&str> = files.iter().map(|file| last_part(file)).collect();
        let file = files.first().filter(|_| files.len() == 1).map(|&file| file.to_owned());
        Self { file, distinct: names.len() == files.len() }
    }

    fn of(&self, event: &Event) -> String {
        let Some(site) = &event.site else { return String::new() };
        let file = match &self.file {
            Some(_) => "",
            None if self.distinct => last_part(&site.file),
            None => &site.file,
        };
        short_end(&format!("{file}:{}", site.line), PLACE)
    }

    fn title(&self) -> &'static str {
        if self.file.is_some() { "line" } else { "source" }
    }

    fn head(&self, width: usize) -> String {
        match &self.file {
            Some(file) if !file.is_empty() => format!("{}\n\n", short_end(file, width)),
            _ => String::new(),
        }
    }
}

fn last_part(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

fn sign(mark: Mark) -> &'static str {
    match mark {
        Mark::None => "  ",
        Mark::Decides => "* ",
        Mark::Races => "! ",
    }
}

/// What the marks mean, as far as there are any.
fn legend(shown: &[&Event]) -> String {
    let has = |mark| shown.iter().any(|event| event.mark == mark);
    match (has(Mark::Decides), has(Mark::Races)) {
        (false, false) => String::new(),
        (true, false) => "\n* decides\n".to_owned(),
        (false, true) => "\n! races\n".to_owned(),
        (true, true) => "\n* decides   ! races\n".to_owned(),
    }
}

struct Row {
    thread: usize,
    mark: Mark,
    text: String,
    place: String,
}

/// The measures of one table.
struct Drawing<'a> {
    witness: &'a Witness,
    /// Characters of the longest line.
    width: usize,
    threads: Vec<(usize, String)>,
    /// Characters for the mark before each text: 0 where nothing is marked.
    gutter: usize,
    place_width: usize,
    title: &'static str,
}

impl Drawing<'_> {
    /// The first way that fits: everything on one line each; few rows wrapped; without orderings; without
    /// orderings and wrapped; a list.
    fn body(&self, full: &[Row], terse: &[Row]) -> String {
        let room = self.room();
        let natural = |rows: &[Row]| self.widths(rows);
        let fits = |widths: &[usize]| widths.iter().sum::<usize>() <= room;
        if fits(&natural(full)) {
            return self.columns(full, &natural(full));
        }
        let shared = |rows: &[Row]| shares(&natural(rows), room);
        if let Some(widths) = shared(full)
            && self.wrapping(full, &widths) * 3 <= full.len()
        {
            return self.columns(full, &widths);
        }
        if fits(&natural(terse)) {
            return self.columns(terse, &natural(terse));
        }
        match shared(terse) {
            Some(widths) => self.columns(terse, &widths),
            None => self.list(full),
        }
    }

    /// Characters for all columns of threads together.
    fn room(&self) -> usize {
        let place =
            if self.place_width == 0 { 0 } else { BAR.len() + self.place_width.max(self.title.len()) };
        (self.width - place).saturating_sub(BAR.len() * (self.threads.len() - 1))
    }

    /// The widest cell of every column, with its gutter.
    fn widths(&self, rows: &[Row]) -> Vec<usize> {
        let width = |(thread, name): &(usize, String)| {
            let cells = rows.iter().filter(|row| row.thread == *thread).map(|row| row.text.chars().count());
            self.gutter + cells.max().unwrap_or(0).max(name.chars().count())
        };
        self.threads.iter().map(width).collect()
    }

    /// How many rows would take more than one line.
    fn wrapping(&self, rows: &[Row], widths: &[usize]) -> usize {
        let column = |row: &Row| self.threads.iter().position(|(thread, _)| *thread == row.thread);
        let wraps = |row: &&Row| {
            column(row).is_some_and(|column| row.text.chars().count() + self.gutter > widths[column])
        };
        rows.iter().filter(wraps).count()
    }

    fn columns(&self, rows: &[Row], widths: &[usize]) -> String {
        let line = |cells: Vec<String>, place: &str| {
            let padded = cells.iter().zip(widths).map(|(cell, &width)| format!("{cell:<width$}"));
            let mut line = padded.collect::<Vec<_>>().join(BAR);
            if self.place_width > 0 {
                let _ = write!(line, "{BAR}{place}");
            }
            format!("{}\n", line.trim_end())
        };
        let head = self.threads.iter().zip(widths);
        let head = head.map(|((_, name), &width)| {
            format!("{:gutter$}{}", "", short(name, width - self.gutter), gutter = self.gutter)
        });
        let mut text = line(head.collect(), self.title);
        text += &self.rule(widths);
        for row in rows {
            for (place_in_row, piece) in self.pieces(row, widths).into_iter().enumerate() {
                let place = if place_in_row == 0 { row.place.as_str() } else { "" };
                text += &line(piece, place);
            }
        }
        text
    }

    fn rule(&self, widths: &[usize]) -> String {
        let mut dashes: Vec<_> = widths.iter().map(|&width| "-".repeat(width)).collect();
        if self.place_width > 0 {
            dashes.push("-".repeat(self.place_width.max(self.title.len())));
        }
        format!("{}\n", dashes.join("-|-"))
    }

    /// The lines of one row: in each a text for every column, empty for all but the one that acts.
    fn pieces(&self, row: &Row, widths: &[usize]) -> Vec<Vec<String>> {
        let Some(column) = self.threads.iter().position(|(thread, _)| *thread == row.thread) else {
            return Vec::new();
        };
        let wrapped = wrap(&row.text, widths[column] - self.gutter);
        let lines = wrapped.into_iter().enumerate().map(|(number, text)| {
            let sign = if number == 0 { sign(row.mark) } else { "  " };
            let mut cells = vec![String::new(); widths.len()];
            cells[column] = format!("{}{text}", &sign[..self.gutter]);
            cells
        });
        lines.collect()
    }

    fn list(&self, rows: &[Row]) -> String {
        let names = self.threads.iter().map(|(_, name)| short(name, NAME).chars().count());
        let name_width = names.max().unwrap_or(0);
        let place = if self.place_width == 0 { 0 } else { BAR.len() + self.place_width };
        let room = self.width - place - name_width - 2 - self.gutter;
        let wrapped: Vec<_> = rows.iter().map(|row| wrap(&row.text, room)).collect();
        let text_width = wrapped.iter().flatten().map(|line| line.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for (row, lines) in rows.iter().zip(wrapped) {
            let name = short(&words::thread(self.witness, row.thread), NAME);
            for (number, piece) in lines.iter().enumerate() {
                let (name, sign, place) = if number == 0 {
                    (name.as_str(), sign(row.mark), row.place.as_str())
                } else {
                    ("", "  ", "")
                };
                let sign = &sign[..self.gutter];
                let bar = if place.is_empty() { "" } else { BAR };
                let line = format!("{name:<name_width$}  {sign}{piece:<text_width$}{bar}{place}");
                let _ = writeln!(text, "{}", line.trim_end());
            }
        }
        text
    }
}

/// Divides the room: columns that need less than an equal share get what they need, and the others share
/// the rest. Nothing if a column would become too narrow to read.
fn shares(natural: &[usize], room: usize) -> Option<Vec<usize>> {
    let mut by_need: Vec<usize> = (0..natural.len()).collect();
    by_need.sort_by_key(|&column| natural[column]);
    let mut widths = vec![0; natural.len()];
    let mut left = room;
    for (served, &column) in by_need.iter().enumerate() {
        let share = left / (natural.len() - served);
        widths[column] = natural[column].min(share);
        if widths[column] < natural[column] && widths[column] < NARROWEST {
            return None;
        }
        left -= widths[column];
    }
    Some(widths)
}

/// Breaks a text at spaces into lines of at most `width` characters, the later ones indented by two.
fn wrap(text: &str, width: usize) -> Vec<String> {
    const INDENT: &str = "  ";
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let indent = if lines.is_empty() && line.is_empty() { "" } else { INDENT };
        let word = short(word, width.saturating_sub(indent.len()));
        if line.is_empty() {
            line = word;
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            let _ = write!(line, " {word}");
        } else {
            lines.push(std::mem::replace(&mut line, format!("{indent}{word}")));
        }
    }
    lines.push(line);
    lines
}
