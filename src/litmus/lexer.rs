//! A litmus file as words with their places.
//!
//! Comments are `(* … *)`, which nest, `/* … */` and `// …`. In C, `(*x)` is an expression: there `(*` begins
//! a comment only before white space or another `*`.

use super::error::{Fault, Position};

/// A word of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Name(String),
    Number(i64),
    /// Punctuation, as long as it can be.
    Sign(&'static str),
    Text(String),
    End,
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Word::Name(name) => write!(f, "`{name}`"),
            Word::Number(number) => write!(f, "`{number}`"),
            Word::Sign(sign) => write!(f, "`{sign}`"),
            Word::Text(text) => write!(f, "\"{text}\""),
            Word::End => f.write_str("the end of the file"),
        }
    }
}

/// Longer ones before those that they begin with.
const SIGNS: [&str; 39] = [
    "/\\", "\\/", "=>", "<<", ">>", "==", "!=", "<=", ">=", "&&", "||", "++", "--", "+=", "-=", "*=", "&=",
    "|=", "^=", "{", "}", "(", ")", "[", "]", ";", ",", ":", "=", "<", ">", "+", "-", "*", "&", "|", "^",
    "~", "!",
];

/// A comment with its place.
pub(super) type Comment = (Position, String);

/// The words of a file from some place on.
pub(super) struct Lexer<'a> {
    rest: &'a str,
    at: Position,
    pub(super) comments: Vec<Comment>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Lexer { rest: text, at: Position { line: 1, column: 1 }, comments: Vec::new() }
    }

    pub(super) fn position(&self) -> Position {
        self.at
    }

    /// Goes on by so many bytes and returns these.
    fn skip(&mut self, bytes: usize) -> &'a str {
        let (skipped, rest) = self.rest.split_at(bytes);
        for letter in skipped.chars() {
            if letter == '\n' {
                self.at = Position { line: self.at.line + 1, column: 1 };
            } else {
                self.at.column += 1;
            }
        }
        self.rest = rest;
        skipped
    }

    /// What is left of this line, the line's end not included.
    pub(super) fn line(&mut self) -> &'a str {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        self.skip(end)
    }

    /// The line that comes next, not taken.
    pub(super) fn peek_line(&self) -> &'a str {
        self.rest.lines().next().unwrap_or("")
    }

    /// Skips white space and comments.
    pub(super) fn blank(&mut self, in_c: bool) -> Result<(), Fault> {
        loop {
            let white = self.rest.len() - self.rest.trim_start().len();
            self.skip(white);
            let begin = self.at;
            let text = if self.rest.starts_with("//") {
                self.line().trim_start_matches('/').to_owned()
            } else if self.rest.starts_with("/*") {
                let end = self.rest[2..].find("*/").ok_or_else(|| unclosed(begin, "*/"))?;
                self.skip(end + 4).to_owned()
            } else if self.begins_comment(in_c) {
                let end = nested_end(self.rest).ok_or_else(|| unclosed(begin, "*)"))?;
                let text = self.skip(end);
                text[2..text.len() - 2].trim_start_matches([' ', '\t']).to_owned()
            } else {
                return Ok(());
            };
            self.comments.push((begin, text));
        }
    }

    fn begins_comment(&self, in_c: bool) -> bool {
        let Some(after) = self.rest.strip_prefix("(*") else { return false };
        !in_c || after.starts_with(|letter: char| letter.is_whitespace() || letter == '*')
    }

    /// The next word and where it begins.
    pub(super) fn word(&mut self, in_c: bool) -> Result<(Position, Word), Fault> {
        self.blank(in_c)?;
        let begin = self.at;
        let Some(first) = self.rest.chars().next() else { return Ok((begin, Word::End)) };
        let length = |is: fn(char) -> bool| self.rest.find(|letter| !is(letter)).unwrap_or(self.rest.len());
        if first.is_alphabetic() || first == '_' {
            let name = self.skip(length(|letter| letter.is_alphanumeric() || letter == '_'));
            return Ok((begin, Word::Name(name.to_owned())));
        }
        if first.is_ascii_digit() {
            let digits = self.skip(length(|letter| letter.is_ascii_alphanumeric()));
            return number(digits).map_or_else(
                || Err(Fault::new(begin, format!("`{digits}` is no whole number that fits into 64 bits"))),
                |number| Ok((begin, Word::Number(number))),
            );
        }
        if first == '"' {
            let end = self.rest[1..].find('"').ok_or_else(|| unclosed(begin, "\""))?;
            let text = self.skip(end + 2);
            return Ok((begin, Word::Text(text.trim_matches('"').to_owned())));
        }
        let Some(sign) = SIGNS.iter().find(|sign| self.rest.starts_with(**sign)) else {
            return Err(Fault::new(begin, format!("`{first}` means nothing here")));
        };
        self.skip(sign.len());
        Ok((begin, Word::Sign(sign)))
    }
}

fn unclosed(begin: Position, end: &str) -> Fault {
    Fault::new(begin, format!("what begins here has no end: expected `{end}`"))
}

fn number(digits: &str) -> Option<i64> {
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => i64::from_str_radix(hexadecimal, 16).ok(),
        None => digits.parse().ok(),
    }
}

/// Where a comment ends that may hold others, in bytes.
fn nested_end(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("(*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*)") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next()?.len_utf8();
        }
    }
    None
}
