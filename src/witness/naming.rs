//! What an object is called, by the source that makes it.
//!
//! An object's type and the place of its `new` are all that is known when it is made. The name is the one
//! that a reader would use: of the field, variable or static that it becomes. Found by looking at the
//! tokens around the call, not by parsing the language; where they do not clearly give a name, there is none.
//!
//! Limits: nothing is looked up, so a name must stand in the same expression as the call. Objects made in
//! a closure, by a function that is passed on, or in a macro's own tokens have no name; but a scenario's
//! state has the one that its actors have for it.

mod lexer;
mod state;

use lexer::{Token, lex};
use std::collections::HashSet;

/// The types that stand around another object and are not what a reader means by its name.
const WRAPPERS: [&str; 8] =
    ["Arc", "Rc", "Box", "CachePadded", "Pin", "ManuallyDrop", "LazyLock", "OnceLock"];
/// Calls that hand on what they are given, besides the `new` of wrappers and locks.
const HANDS_ON: [&str; 2] = ["Some", "Ok"];
/// Types whose `new` makes something of its only argument that is known by the same name.
const HOLDERS: [&str; 6] = ["Mutex", "RwLock", "UnsafeCell", "Cell", "RefCell", "Plain"];
const MOST_STEPS: usize = 64;

/// The name of what is made by a call at a position: line and column from 1 on as in
/// [`std::panic::Location`], the column in characters.
pub(crate) fn name_of(source: &str, line: u32, column: u32) -> Option<String> {
    let tokens = lex(source);
    let at = tokens.binary_search_by_key(&(line, column), |token| (token.line, token.column)).ok()?;
    if !(tokens[at].is_word() || tokens[at].text == "<") {
        return None;
    }
    let view = View { tokens: &tokens };
    let mut place =
        Place { start: view.start_of_path(at)?, end: view.end_of_call(at)?, suffix: String::new() };
    for _ in 0..MOST_STEPS {
        match view.before(place.start)?.text {
            "=" => return view.assigned(place.start - 1).map(|name| name + &place.suffix),
            ":" => return view.field(place.start - 1).map(|name| name + &place.suffix),
            "&" => place.start -= 1,
            "mut" if view.before(place.start - 1)?.text == "&" => place.start -= 2,
            "||" => match view.closure(place)? {
                Closure::Lazy(around) => place = around,
                Closure::State { after, path } => return view.state(after, &path),
            },
            "{" => return view.made_by_function(place.start - 1, place.end, &place.suffix),
            "(" | "[" | "," => place = view.around(place)?,
            _ => return None,
        }
    }
    None
}

/// What a closure without parameters is for.
enum Closure {
    /// It makes the value of this expression when it is needed.
    Lazy(Place),
    /// It makes a design's state, to which the methods called from `after` on give a name.
    State { after: usize, path: String },
}

/// An expression: the numbers of its first token and of the one after its last.
struct Place {
    start: usize,
    end: usize,
    /// Where in the named thing the object is, like `[1]`.
    suffix: String,
}

struct View<'a> {
    tokens: &'a [Token<'a>],
}

impl<'a> View<'a> {
    fn before(&self, at: usize) -> Option<&Token<'a>> {
        self.tokens.get(at.checked_sub(1)?)
    }

    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    /// The first token of the path that one of its parts belongs to.
    fn start_of_path(&self, mut at: usize) -> Option<usize> {
        while at >= 2 && self.text(at - 1) == "::" {
            if !self.tokens[at - 2].is_word() {
                return None;
            }
            at -= 2;
        }
        // `::std::…` begins with the colons; after `.` comes a method.
        (at == 0 || !matches!(self.text(at - 1), "." | "::")).then_some(at)
    }

    /// The token after the call that a path begins: `AtomicPtr::<Node>::new(null)`.
    fn end_of_call(&self, at: usize) -> Option<usize> {
        let open = (at..self.tokens.len().min(at + MOST_STEPS))
            .find(|&at| matches!(self.text(at), "(" | ";" | "{" | "}"))?;
        if self.text(open) == "(" { Some(self.closing(open)? + 1) } else { None }
    }

    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in open..self.tokens.len() {
            match self.text(at) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The bracket that is open at a token, and how many commas of its own level stand between.
    fn opening(&self, from: usize) -> Option<(usize, usize)> {
        let (mut depth, mut commas) = (0usize, 0);
        for at in (0..from).rev() {
            match self.text(at) {
                ")" | "]" | "}" => depth += 1,
                "(" | "[" | "{" if depth == 0 => return Some((at, commas)),
                "(" | "[" | "{" => depth -= 1,
                "," if depth == 0 => commas += 1,
                _ => {}
            }
        }
        None
    }

    /// The name left of a `=`.
    fn assigned(&self, equals: usize) -> Option<String> {
        let mut depth = 0usize;
        for at in (0..equals).rev() {
            match self.text(at) {
                ")" | "]" => depth += 1,
                "(" | "[" if depth > 0 => depth -= 1,
                ";" | "{" | "}" | "(" | "[" if depth == 0 => break,
                "let" | "static" | "const" if depth == 0 => return self.declared(at + 1),
                _ => {}
            }
        }
        // `self.x = …`, `x = …`, `*x = …`; after anything else it is no plain assignment.
        let name = equals.checked_sub(1)?;
        let mut start = name;
        while start >= 2 && self.text(start - 1) == "." && self.tokens[start - 2].is_word() {
            start -= 2;
        }
        let begins = start == 0 || matches!(self.text(start - 1), ";" | "{" | "}" | "*" | "=>" | "|" | "||");
        if begins { self.name(name) } else { None }
    }

    /// The name after `let`, `static` or `const`.
    fn declared(&self, mut at: usize) -> Option<String> {
        while matches!(self.text(at), "mut" | "ref") {
            at += 1;
        }
        if matches!(self.text(at + 1), ":" | "=") { self.name(at) } else { None }
    }

    /// The name of the field left of a `:` in a struct expression.
    fn field(&self, colon: usize) -> Option<String> {
        let name = colon.checked_sub(1)?;
        let (open, _) = self.opening(name)?;
        let listed = matches!(self.text(name.checked_sub(1)?), "{" | "," | "]");
        if listed && self.text(open) == "{" { self.name(name) } else { None }
    }

    /// The name that a token is, if it is one that a variable, field or static can have.
    fn name(&self, at: usize) -> Option<String> {
        let token = self.tokens.get(at).filter(|token| token.is_word())?;
        let name = token.text.strip_prefix("r#").unwrap_or(token.text);
        let screams = !name.chars().any(char::is_lowercase);
        let typelike = name.starts_with(char::is_uppercase) && !screams;
        (name != "_" && !typelike && !KEYWORDS.contains(&token.text)).then(|| name.to_owned())
    }

    /// What the closure is for whose body ends with this expression.
    fn closure(&self, place: Place) -> Option<Closure> {
        let open = (place.start - 1).checked_sub(1).filter(|&open| self.text(open) == "(")?;
        let (kind, start) = self.callee(open).filter(|_| self.ends_argument(place.end, open))?;
        let end = self.closing(open)? + 1;
        match kind {
            "LazyLock" => Some(Closure::Lazy(Place { start, end, suffix: place.suffix })),
            "Design" => Some(Closure::State { after: end, path: place.suffix }),
            _ => None,
        }
    }

    /// The expression around this one, if the name of the one is the name of the other.
    fn around(&self, mut place: Place) -> Option<Place> {
        let (open, commas) = self.opening(place.start)?;
        let end = self.closing(open)? + 1;
        if self.text(open) == "[" {
            // Not an index, nor a macro's list, of which `vec!` is one that can be told.
            let list = if self.text(open.checked_sub(1)?) == "!" && self.text(open.checked_sub(2)?) == "vec" {
                open - 2
            } else {
                open
            };
            let plain =
                list == open && matches!(self.text(open - 1), "=" | ":" | "(" | "[" | "," | "&" | "||" | "{");
            let repeated = self.text(place.end) == ";";
            let suffix = if repeated { place.suffix } else { format!("[{commas}]{}", place.suffix) };
            return (plain || list != open).then_some(Place { start: list, end, suffix });
        }
        if self.text(open) != "(" {
            return None;
        }
        if let Some((kind, start)) = self.callee(open) {
            let known = WRAPPERS.contains(&kind) || HOLDERS.contains(&kind) || HANDS_ON.contains(&kind);
            let alone = commas == 0 && self.ends_argument(place.end, open);
            return (known && alone).then_some(Place { start, end, suffix: place.suffix });
        }
        if !matches!(self.text(open.checked_sub(1)?), "=" | ":" | "(" | "[" | "," | "&" | "||" | "{") {
            return None;
        }
        if commas > 0 || self.text(place.end) == "," {
            place.suffix = format!(".{commas}{}", place.suffix);
        }
        Some(Place { start: open, end, suffix: place.suffix })
    }

    /// Whether the only argument of a call ends here.
    fn ends_argument(&self, end: usize, open: usize) -> bool {
        let end = if self.text(end) == "," { end + 1 } else { end };
        self.closing(open) == Some(end)
    }

    /// The type whose `new` is called, or the variant that is made, and the first token of its path.
    fn callee(&self, open: usize) -> Option<(&'a str, usize)> {
        let last = open.checked_sub(1)?;
        let token = self.tokens.get(last)?;
        if !token.is_word() || KEYWORDS.contains(&token.text) {
            return None;
        }
        if matches!(token.text, "new" | "pin") && self.text(last.checked_sub(1)?) == "::" {
            let mut kind = last.checked_sub(2)?;
            if self.text(kind) == ">" {
                // `Arc::<T>::new`: back to before the matching `<` and the colons.
                let close = kind;
                let open =
                    (close.saturating_sub(MOST_STEPS)..close).rev().find(|&at| self.text(at) == "<")?;
                let nested = (open + 1..close).any(|at| matches!(self.text(at), ">" | "<"));
                kind = open.checked_sub(2).filter(|_| !nested && self.text(open - 1) == "::")?;
            }
            return Some((self.text(kind), self.start_of_path(kind)?));
        }
        Some((token.text, self.start_of_path(last).unwrap_or(last)))
    }
}

/// The words of the language that are never names (the Rust reference, "Keywords").
const KEYWORDS: [&str; 42] = [
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "pub", "ref", "return", "self", "static", "struct",
    "super", "trait", "true", "type", "unsafe",
];

/// What distinguishes an object from others of its execution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) name: Option<&'a str>,
    /// The type without parameters.
    pub(crate) kind: &'a str,
}

/// A name for every object, no two the same.
///
/// An object without a name is called by its type, with a number if there are several such: `AtomicU32`,
/// or `AtomicU32 1` and `AtomicU32 2`. Of several with one name the first keeps it and the others are
/// numbered from 2 on: `slot`, `slot 2`. An `Arc` or the like has the name of what it holds, and so leaves
/// it to that: `Arc of flag`.
pub(crate) fn labels(objects: &[Known]) -> Vec<String> {
    let holds_another = |own: usize| {
        let Known { name, kind } = objects[own];
        let other = |other: &Known| other.name == name && !WRAPPERS.contains(&other.kind);
        WRAPPERS.contains(&kind) && objects.iter().any(other)
    };
    let base = |(index, known): (usize, &Known)| match known.name.filter(|name| !name.is_empty()) {
        Some(name) if holds_another(index) => (format!("{} of {name}", known.kind), true),
        Some(name) => (name.to_owned(), true),
        None => (known.kind.to_owned(), false),
    };
    let bases: Vec<(String, bool)> = objects.iter().enumerate().map(base).collect();
    let several = |base: &(String, bool)| bases.iter().filter(|other| *other == base).count() > 1;
    let mut taken: HashSet<String> = HashSet::new();
    let mut labels = Vec::with_capacity(bases.len());
    for base in &bases {
        let (text, named) = base;
        let mut label = if *named || !several(base) { text.clone() } else { format!("{text} 1") };
        let mut number = 1;
        while !taken.insert(label.clone()) {
            number += 1;
            label = format!("{text} {number}");
        }
        labels.push(label);
    }
    labels
}
