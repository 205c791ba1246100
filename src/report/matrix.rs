//! The matrix in a terminal: a row per design, a column per engine, in any width from [`NARROWEST`] columns on.
//!
//! Names and cells take several lines where they are too long, a cell between its verdict and what that rests on; where
//! the engines do not fit beside each other, they are stacked, as many in each line.
//!
//! Limit: characters are counted and not their widths, so letters that take two columns push the others aside.

use super::{Cell, DesignReport, phrase, plain};
use crate::scenario::Engine;
use anstyle::Style;

/// Columns of the narrowest terminal that is heeded.
pub(crate) const NARROWEST: usize = 60;

/// Columns where there is no terminal.
pub(crate) const USUAL: usize = 100;

/// Columns of the widest terminal that is made use of.
pub(crate) const WIDEST: usize = 160;

const MARGIN: usize = 2;
const GAP: usize = 2;
const NARROWEST_NAME: usize = 12;
const NARROWEST_CELL: usize = 13;
const WIDEST_CELL: usize = 18;

/// How wide everything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Matrix {
    /// Of a design.
    name: usize,
    column: usize,
    /// Engines in one line.
    per_line: usize,
}

/// A text in a style.
type Piece = (Style, String);

impl Matrix {
    /// For a terminal of so many columns, designs with names of up to `widest` characters, and so many engines.
    pub(crate) fn new(width: usize, widest: usize, engines: usize) -> Self {
        let engines = engines.max(1);
        // A cell may have one character more than its column: there is a gap behind it, and room behind the last.
        let taken = |per_line: usize| MARGIN + 1 + per_line * (GAP + NARROWEST_CELL);
        let fits = |per_line: &usize| taken(*per_line) + NARROWEST_NAME <= width;
        let per_line = (1..=engines).map(|lines| engines.div_ceil(lines)).find(fits).unwrap_or(1);
        let widest = widest.clamp(NARROWEST_NAME, plain::LONGEST_NAME);
        let name = widest.min(width.saturating_sub(taken(per_line))).max(NARROWEST_NAME);
        let column = (width.saturating_sub(MARGIN + 1 + name) / per_line).saturating_sub(GAP);
        Self { name, column: column.clamp(NARROWEST_CELL, WIDEST_CELL), per_line }
    }

    /// The line of the engines' names, or lines.
    pub(super) fn head(&self, engines: &[Engine], style: Style) -> String {
        let cells = engines.iter().map(|engine| vec![(style, engine.to_string())]).collect::<Vec<_>>();
        self.lines(&[(style, "design".to_owned())], &cells)
    }

    /// One row, each cell in its style.
    pub(super) fn row(&self, design: &DesignReport, style: fn(&Cell) -> Style) -> String {
        let name = plain::name(&design.name);
        let name = broken(&name, self.name).into_iter().map(|line| (Style::new(), line)).collect::<Vec<_>>();
        let pieces = |cell: &Cell| -> Vec<Piece> {
            let lines = pieces(cell, self.column + 1);
            lines.into_iter().map(|line| (style(cell), line)).collect()
        };
        self.lines(&name, &design.cells.iter().map(pieces).collect::<Vec<_>>())
    }

    fn lines(&self, name: &[Piece], cells: &[Vec<Piece>]) -> String {
        let mut lines: Vec<Vec<Option<&Piece>>> = Vec::new();
        for group in cells.chunks(self.per_line) {
            let height = group.iter().map(Vec::len).max().unwrap_or(0);
            lines.extend((0..height).map(|line| group.iter().map(|cell| cell.get(line)).collect()));
        }
        lines.resize_with(lines.len().max(name.len()), Vec::new);
        let mut text = String::new();
        for (number, line) in lines.iter().enumerate() {
            let mut at = 0;
            let starts = (0..line.len()).map(|cell| MARGIN + self.name + GAP + cell * (self.column + GAP));
            let placed = starts.zip(line).filter_map(|(start, piece)| Some((start, (*piece)?)));
            let named = name.get(number).map(|piece| (MARGIN, piece));
            for (start, (style, piece)) in named.into_iter().chain(placed) {
                text += &" ".repeat(start.saturating_sub(at).max(usize::from(at > 0)));
                text += &format!("{style}{}{style:#}", plain::plain(piece));
                at = start.max(at + usize::from(at > 0)) + piece.chars().count();
            }
            text.push('\n');
        }
        text
    }
}

/// The lines of a cell with at most so many characters each.
fn pieces(cell: &Cell, room: usize) -> Vec<String> {
    let text = phrase::cell(cell, phrase::short);
    if text.chars().count() <= room {
        return vec![text];
    }
    let verdict = format!("{}{}", phrase::mark(cell), cell.judgement.verdict.word());
    match text.strip_prefix(&verdict).map(str::trim_start) {
        Some(rest) if !rest.is_empty() && verdict.chars().count() <= room => {
            let mut lines = vec![verdict];
            lines.extend(broken(rest, room));
            lines
        }
        _ => broken(&text, room),
    }
}

/// A text in lines of at most so many characters: between words, and within those that are longer.
pub(crate) fn broken(text: &str, room: usize) -> Vec<String> {
    let room = room.max(1);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for (number, part) in letters.chunks(room).enumerate() {
            let last = lines.last_mut().filter(|line| !line.is_empty() && number == 0);
            let last = last.filter(|line| line.chars().count() + 1 + part.len() <= room);
            match last {
                Some(line) => {
                    line.push(' ');
                    line.extend(part);
                }
                None => lines.push(part.iter().collect()),
            }
        }
    }
    if lines.len() > 1 {
        lines.remove(0);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_fits_from_sixty_columns_on() {
        for width in NARROWEST..=WIDEST {
            for engines in 1..=6 {
                for widest in [1, 12, 20, 35, 200] {
                    let Matrix { name, column, per_line } = Matrix::new(width, widest, engines);
                    let all = MARGIN + name + per_line * (GAP + column) + 1;
                    assert!(all <= width, "{width} columns, {engines} engines, names of {widest}: {all}");
                    assert!(name >= NARROWEST_NAME && (1..=engines).contains(&per_line));
                }
            }
        }
        let five = |width, widest| Matrix::new(width, widest, 5);
        assert_eq!(five(100, 35), Matrix { name: 22, column: 13, per_line: 5 });
        assert_eq!(five(140, 35), Matrix { name: 35, column: 18, per_line: 5 });
        assert_eq!(five(80, 35), Matrix { name: 32, column: 13, per_line: 3 });
        assert_eq!(five(60, 35), Matrix { name: 12, column: 13, per_line: 3 });
    }

    #[test]
    fn texts_break_between_words_and_within_long_ones() {
        let check = |text, lines: &[&str]| assert_eq!(broken(text, 8), lines, "{text}");
        check("", &[""]);
        check("load", &["load"]);
        check("load, then store", &["load,", "then", "store"]);
        check("a b c d e f", &["a b c d", "e f"]);
        check("unbreakable", &["unbreaka", "ble"]);
    }
}
