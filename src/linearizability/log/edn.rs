//! The part of EDN that histories are written in: one value after another, each with the line it begins in.
//!
//! Keywords become their names, sets lists in order, and characters, fractions and symbolic values such as `##Inf`
//! their text. Tags and metadata are left out, what `#_` marks and comments too.

use super::super::value::Value;
use super::Malformed;

/// Lists within lists, at most.
const MAX_DEPTH: usize = 64;

pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, line: usize) -> Self {
        Self { text, at: 0, line }
    }

    /// The next value and its line. `None` at the end.
    pub(super) fn next_value(&mut self) -> Result<Option<(usize, Value)>, Malformed> {
        self.skip(0)?;
        let line = self.line;
        match self.peek() {
            None => Ok(None),
            Some(_) => self.value(0).map(|value| Some((line, value))),
        }
    }

    /// The closing bracket of a list or vector, if one begins here; its elements are next, then
    /// [`closes`](Reader::closes).
    pub(super) fn opens(&mut self) -> Result<Option<char>, Malformed> {
        self.skip(0)?;
        let close = match self.peek() {
            Some('[') => ']',
            Some('(') => ')',
            _ => return Ok(None),
        };
        self.take();
        Ok(Some(close))
    }

    /// Whether a list ends here.
    pub(super) fn closes(&mut self, close: char) -> Result<bool, Malformed> {
        self.skip(0)?;
        match self.peek() {
            None => Err(self.wrong(&format!("`{close}`"))),
            Some(next) if next == close => {
                self.take();
                Ok(true)
            }
            Some(_) => Ok(false),
        }
    }

    fn wrong(&self, expected: &str) -> Malformed {
        let found = self.peek().map_or_else(|| "the end".to_owned(), |found| format!("`{found}`"));
        Malformed::new(self.line, format!("{expected} was expected, and there is {found}"))
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        self.line += usize::from(next == '\n');
        Some(next)
    }

    /// Skips white space, commas, comments, and what `#_` marks.
    fn skip(&mut self, depth: usize) -> Result<(), Malformed> {
        while let Some(next) = self.peek() {
            if next == ';' || self.text[self.at..].starts_with("#!") {
                while self.peek().is_some_and(|next| next != '\n') {
                    self.take();
                }
            } else if self.text[self.at..].starts_with("#_") {
                self.at += 2;
                self.value(depth + 1)?;
            } else if next.is_whitespace() || next == ',' {
                self.take();
            } else {
                break;
            }
        }
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value, Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed::new(
                self.line,
                format!("at most {MAX_DEPTH} nested values were expected"),
            ));
        }
        self.skip(depth)?;
        match self.peek() {
            Some('{') => {
                self.take();
                let values = self.until('}', depth)?;
                self.pairs(values)
            }
            Some(open @ ('[' | '(')) => {
                self.take();
                Ok(Value::List(self.until(if open == '[' { ']' } else { ')' }, depth)?))
            }
            Some('"') => self.string(),
            Some('#') => self.dispatch(depth),
            Some('\\') => Ok(Value::Text(self.character().to_owned())),
            Some('^') => {
                self.take();
                self.value(depth + 1)?;
                self.value(depth + 1)
            }
            Some(_) => self.atom(),
            None => Err(self.wrong("a value")),
        }
    }

    fn until(&mut self, close: char, depth: usize) -> Result<Vec<Value>, Malformed> {
        let mut values = Vec::new();
        loop {
            self.skip(depth)?;
            match self.peek() {
                Some(next) if next == close => {
                    self.take();
                    return Ok(values);
                }
                Some(_) => values.push(self.value(depth + 1)?),
                None => return Err(self.wrong(&format!("`{close}`"))),
            }
        }
    }

    fn pairs(&self, values: Vec<Value>) -> Result<Value, Malformed> {
        if values.len() % 2 == 1 {
            return Err(Malformed::new(self.line, "a map of as many values as keys was expected".to_owned()));
        }
        let mut values = values.into_iter();
        let mut entries = Vec::new();
        while let (Some(key), Some(value)) = (values.next(), values.next()) {
            entries.push((key, value));
        }
        Ok(Value::map(entries))
    }

    /// What begins with `#`: a set, a symbolic value, or a tag, which is left out.
    fn dispatch(&mut self, depth: usize) -> Result<Value, Malformed> {
        self.take();
        match self.peek() {
            Some('{') => {
                self.take();
                let mut values = self.until('}', depth)?;
                values.sort();
                Ok(Value::List(values))
            }
            Some('#') => {
                self.take();
                Ok(Value::Text(self.word().to_owned()))
            }
            _ => {
                self.word();
                self.value(depth + 1)
            }
        }
    }

    fn string(&mut self) -> Result<Value, Malformed> {
        self.take();
        let mut text = String::new();
        loop {
            match self.take() {
                None => return Err(self.wrong("the end of a text, `\"`,")),
                Some('"') => return Ok(Value::Text(text)),
                Some('\\') => match self.take() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some('b') => text.push('\u{8}'),
                    Some('f') => text.push('\u{c}'),
                    Some('u') => text.push(self.escaped()?),
                    Some(other) => text.push(other),
                    None => return Err(self.wrong("a character after `\\`")),
                },
                Some(other) => text.push(other),
            }
        }
    }

    /// The character of four hexadecimal digits; half of one that needs two is the replacement character.
    fn escaped(&mut self) -> Result<char, Malformed> {
        let digits = self.text.get(self.at..self.at + 4);
        let Some(number) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return Err(self.wrong("four hexadecimal digits after `\\u`"));
        };
        self.at += 4;
        Ok(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// A character such as `\a`, `\newline` or `\(`, as it is written.
    fn character(&mut self) -> &'a str {
        let begin = self.at;
        self.take();
        self.take();
        self.word();
        &self.text[begin..self.at]
    }

    fn word(&mut self) -> &'a str {
        let begin = self.at;
        let ends = |next: char| next.is_whitespace() || "{}[]()\",;".contains(next);
        while self.peek().is_some_and(|next| !ends(next)) {
            self.take();
        }
        &self.text[begin..self.at]
    }

    fn atom(&mut self) -> Result<Value, Malformed> {
        let word = self.word();
        match word {
            "" => Err(self.wrong("a value")),
            "nil" => Ok(Value::Nil),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Ok(word
                .trim_end_matches('N')
                .parse()
                .map_or_else(|_| Value::Text(word.strip_prefix(':').unwrap_or(word).to_owned()), Value::Int)),
        }
    }
}
