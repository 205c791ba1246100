//! Rust's tokens, as far as names need them: words, numbers, punctuation, without comments; literals as
//! one token each. Never fails: what is not understood becomes a token of one character.

/// A piece of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// From 1 on.
    pub(super) line: u32,
    /// From 1 on, in characters.
    pub(super) column: u32,
}

impl Token<'_> {
    /// Whether it is an identifier or a keyword.
    pub(super) fn is_word(&self) -> bool {
        self.text.starts_with(|first: char| first == '_' || first.is_alphabetic())
            && !self.text.contains(['"', '\''])
    }
}

/// Longer ones first.
const OPERATORS: [&str; 24] = [
    "<<=", ">>=", "..=", "...", "::", "->", "=>", "==", "!=", "<=", ">=", "&&", "||", "+=", "-=", "*=", "/=",
    "%=", "^=", "&=", "|=", "..", "<-", "<<",
];

/// All tokens of a source, in order.
pub(super) fn lex(source: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { rest: source, line: 1, column: 1 };
    let mut tokens = Vec::new();
    while let Some(first) = lexer.rest.chars().next() {
        let length = blank(lexer.rest);
        if length > 0 {
            lexer.advance(length);
            continue;
        }
        let length = token(lexer.rest).max(first.len_utf8());
        tokens.push(Token { text: &lexer.rest[..length], line: lexer.line, column: lexer.column });
        lexer.advance(length);
    }
    tokens
}

struct Lexer<'a> {
    rest: &'a str,
    line: u32,
    column: u32,
}

impl Lexer<'_> {
    fn advance(&mut self, bytes: usize) {
        for letter in self.rest[..bytes].chars() {
            if letter == '\n' {
                (self.line, self.column) = (self.line.saturating_add(1), 1);
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        self.rest = &self.rest[bytes..];
    }
}

/// The bytes of white space or of a comment at the start.
fn blank(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment(text);
    }
    text.len() - text.trim_start().len()
}

/// Comments nest.
fn block_comment(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0usize);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The bytes of the token at the start.
fn token(text: &str) -> usize {
    if let Some(length) = literal(text) {
        return length;
    }
    let word = |letter: char| letter == '_' || letter.is_alphanumeric();
    let words = |text: &str| text.find(|letter| !word(letter)).unwrap_or(text.len());
    // These four are keywords however they are written.
    let is_name = |raw: &&str| {
        raw.starts_with(word) && !["self", "Self", "super", "crate"].contains(&&raw[..words(raw)])
    };
    if let Some(raw) = text.strip_prefix("r#").filter(is_name) {
        return 2 + words(raw);
    }
    match words(text) {
        0 => OPERATORS
            .iter()
            .find(|operator| text.starts_with(**operator))
            .map_or(0, |operator| operator.len()),
        length => length,
    }
}

/// The bytes of a string, a character or a lifetime at the start.
fn literal(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let rest = text.strip_prefix(prefix).unwrap_or_default();
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let quoted = rest[hashes..].starts_with('"') && (hashes == 0 || prefix.ends_with('r'));
        quoted || (rest.starts_with('\'') && matches!(*prefix, "b" | ""))
    })?;
    let rest = &text[prefix.len()..];
    let length = if rest.starts_with('\'') {
        character(rest)
    } else if prefix.ends_with('r') {
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let start = hashes + 1;
        rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
    } else {
        escaped(rest, '"').unwrap_or(rest.len())
    };
    Some(prefix.len() + length)
}

/// The bytes up to and with the closing quote, past escapes.
fn escaped(text: &str, quote: char) -> Option<usize> {
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == quote {
            return Some(at + quote.len_utf8());
        }
    }
    None
}

/// A character like `'a'`, or a lifetime like `'a`.
fn character(text: &str) -> usize {
    let mut letters = text.chars().skip(1);
    let (first, second) = (letters.next(), letters.next());
    match (first, second) {
        (Some('\\'), _) => escaped(text, '\'').unwrap_or(text.len()),
        (Some(letter), Some('\'')) => 2 + letter.len_utf8(),
        _ => {
            let word = |letter: char| letter == '_' || letter.is_alphanumeric();
            1 + text[1..].find(|letter| !word(letter)).unwrap_or(text.len() - 1)
        }
    }
}
