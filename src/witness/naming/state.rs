//! What the actors of a scenario call the state, where the expression that makes it gives no name:
//! `Design::new(|| AtomicU32::new(0)).actors(2, |n| …)` makes an `n`.
//!
//! The first actor or observation counts that has a name for it, through tuples and arrays taken apart.

use super::View;

/// The methods of a design that are given the state.
const SEE_THE_STATE: [&str; 4] = ["actor", "actors", "observe", "observe_exits"];

impl View<'_> {
    /// The name of what is made by the function whose body is a block that begins here, if a design uses it.
    pub(super) fn made_by_function(&self, block: usize, end: usize, path: &str) -> Option<String> {
        let head = (0..block).rev().take_while(|&at| !matches!(self.text(at), "{" | "}"));
        let function =
            head.into_iter().find(|&at| self.text(at) == "fn").filter(|_| self.text(end) == "}")?;
        let call = ["Design", "::", "new", "(", self.text(function + 1), ")"];
        let calls = (0..self.tokens.len())
            .filter(|&at| (0..call.len()).all(|part| self.text(at + part) == call[part]));
        calls.filter_map(|at| self.state(at + call.len(), path)).next()
    }

    /// The name that the methods called from here on have for the part of the state at `path`.
    pub(super) fn state(&self, mut dot: usize, path: &str) -> Option<String> {
        while self.text(dot) == "." && self.text(dot + 2) == "(" {
            let (method, open) = (self.text(dot + 1), dot + 2);
            let close = self.closing(open)?;
            if SEE_THE_STATE.contains(&method)
                && let Some(bar) = self.first_bar(open, close)
                && let Some(name) = self.pattern(bar + 1, path)
            {
                return Some(name);
            }
            dot = close + 1;
        }
        None
    }

    /// Where the parameters of the first closure among a call's arguments begin.
    fn first_bar(&self, open: usize, close: usize) -> Option<usize> {
        let mut at = open + 1;
        while at < close {
            match self.text(at) {
                "|" => return Some(at),
                "||" => return None,
                "(" | "[" | "{" => at = self.closing(at)? + 1,
                _ => at += 1,
            }
        }
        None
    }

    /// The name that a pattern has for the part at `path`, like `.1` or `[0]`.
    fn pattern(&self, mut at: usize, path: &str) -> Option<String> {
        while matches!(self.text(at), "&" | "mut" | "ref") {
            at += 1;
        }
        let kind = match self.text(at) {
            "(" => '.',
            "[" => '[',
            _ => {
                let ends = matches!(self.text(at + 1), "," | ":" | "|" | ")" | "]");
                return self.name(at).filter(|_| ends).map(|name| name + path);
            }
        };
        let inner = path.strip_prefix(kind)?;
        let digits = inner.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(inner.len());
        let place: usize = inner[..digits].parse().ok()?;
        let rest = inner[digits..].trim_start_matches(']');
        let (mut element, close) = (at + 1, self.closing(at)?);
        for _ in 0..place {
            element = self.after_comma(element, close)?;
        }
        (element < close).then_some(())?;
        self.pattern(element, rest)
    }

    /// What follows the next comma on this level; nothing where elements are left out.
    fn after_comma(&self, mut at: usize, close: usize) -> Option<usize> {
        while at < close {
            match self.text(at) {
                "," => return Some(at + 1),
                ".." => return None,
                "(" | "[" | "{" => at = self.closing(at)? + 1,
                _ => at += 1,
            }
        }
        None
    }
}
