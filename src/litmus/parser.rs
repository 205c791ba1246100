//! From text to a [`Test`]: the file's sections in their order. Threads are read in `body`, what they
//! compute in `expression`.

use super::answer;
use super::ast::{Location, Place, Test, Thread};
use super::condition::{Condition, Proposition, Quantifier};
use super::error::{Fault, Position};
use super::lexer::{Lexer, Word};

/// What is read so far, and what comes next.
pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    peeked: Option<(Position, Word)>,
    /// Whether this is in a thread: comments differ.
    in_c: bool,
    pub(super) locations: Vec<Location>,
    /// Registers with initial values: thread, name, value, where.
    registers: Vec<(usize, String, i64, Position)>,
    pub(super) threads: Vec<Thread>,
    /// Operators and parentheses of the statement or of the condition, so far.
    operators: usize,
    /// Statements around this one.
    around: usize,
}

/// Bytes of the longest file that is read.
const MAX_BYTES: usize = 1 << 16;

/// Operators and parentheses of one statement: what is evaluated by recursion has to fit onto an actor's stack.
const MAX_OPERATORS: usize = 200;

/// The same of the condition, which is evaluated elsewhere and names many states in some files.
const MAX_CONDITION: usize = 2_000;

/// Statements within statements.
const MAX_AROUND: usize = 50;

/// The names of C's types that threads may use.
pub(super) fn is_type(name: &str) -> bool {
    let name = name.strip_prefix("atomic_").unwrap_or(name);
    let name = name
        .strip_prefix(['u', 's'])
        .filter(|rest| ["char", "short", "int", "long"].contains(rest))
        .unwrap_or(name);
    matches!(
        name,
        "int"
            | "long"
            | "short"
            | "char"
            | "unsigned"
            | "signed"
            | "bool"
            | "_Bool"
            | "volatile"
            | "const"
            | "_Atomic"
            | "llong"
            | "ullong"
            | "size_t"
            | "intptr_t"
            | "uintptr_t"
            | "int8_t"
            | "int16_t"
            | "int32_t"
            | "int64_t"
            | "uint8_t"
            | "uint16_t"
            | "uint32_t"
            | "uint64_t"
    )
}

/// Reads a whole file.
pub(super) fn parse(file: &str, text: &str) -> Result<Test, Fault> {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        peeked: None,
        in_c: false,
        locations: Vec::new(),
        registers: Vec::new(),
        threads: Vec::new(),
        operators: 0,
        around: 0,
    };
    if text.len() > MAX_BYTES {
        let what = format!("{} bytes, and at most {MAX_BYTES} are read", text.len());
        return Err(Fault::new(Position { line: 1, column: 1 }, what));
    }
    let name = parser.header()?;
    parser.initial_state()?;
    while matches!(parser.peek()?, (_, Word::Name(name)) if name.starts_with('P')) {
        parser.thread()?;
    }
    let (at, word) = parser.peek()?.clone();
    if parser.threads.is_empty() {
        return Err(Fault::new(
            at,
            format!("expected a thread, as in `P0 (atomic_int* x) {{ … }}`, but found {word}"),
        ));
    }
    if let Some((thread, name, _, at)) = parser.registers.iter().find(|(t, ..)| *t >= parser.threads.len()) {
        return Err(Fault::new(
            *at,
            format!("there is no thread P{thread} that could have a register `{name}`"),
        ));
    }
    let mut observed = parser.listed()?;
    let condition = parser.condition()?;
    parser.expect_end()?;
    observed.extend(condition.proposition.places());
    if observed.is_empty() {
        observed = parser.everything();
    }
    let mut seen = Vec::new();
    observed.retain(|place| {
        !seen.contains(place) && {
            seen.push(*place);
            true
        }
    });
    let answers = parser.answers()?;
    let Parser { locations, threads, .. } = parser;
    Ok(Test { name, file: file.to_owned(), locations, threads, condition, observed, answers })
}

impl Parser<'_> {
    pub(super) fn peek(&mut self) -> Result<&(Position, Word), Fault> {
        if self.peeked.is_none() {
            self.peeked = Some(self.lexer.word(self.in_c)?);
        }
        Ok(self.peeked.as_ref().expect("just filled"))
    }

    pub(super) fn take(&mut self) -> Result<(Position, Word), Fault> {
        self.peek()?;
        Ok(self.peeked.take().expect("just filled"))
    }

    /// Takes the sign if it is next.
    pub(super) fn accept(&mut self, sign: &str) -> Result<bool, Fault> {
        let next = matches!(self.peek()?, (_, Word::Sign(found)) if *found == sign);
        if next {
            self.take()?;
        }
        Ok(next)
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<Position, Fault> {
        let (at, word) = self.take()?;
        if matches!(word, Word::Sign(found) if found == sign) {
            return Ok(at);
        }
        Err(Fault::new(at, format!("expected `{sign}`, but found {word}")))
    }

    /// A name, with what it is for an error.
    pub(super) fn name(&mut self, what: &str) -> Result<(Position, String), Fault> {
        match self.take()? {
            (at, Word::Name(name)) => Ok((at, name)),
            (at, word) => Err(Fault::new(at, format!("expected {what}, but found {word}"))),
        }
    }

    /// Counts one more operator or parenthesis.
    pub(super) fn count_operator(&mut self) -> Result<(), Fault> {
        self.operators += 1;
        self.at_most("operators and parentheses in one statement", self.operators, MAX_OPERATORS)
    }

    fn count_in_condition(&mut self) -> Result<(), Fault> {
        self.operators += 1;
        self.at_most("operators and parentheses in the condition", self.operators, MAX_CONDITION)
    }

    /// Reads a statement, or what stands in one.
    pub(super) fn within(&mut self, read: impl FnOnce(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        self.operators = 0;
        self.around += 1;
        self.at_most("statements within each other", self.around, MAX_AROUND)?;
        let read = read(self);
        self.around -= 1;
        read
    }

    fn at_most(&mut self, what: &str, number: usize, most: usize) -> Result<(), Fault> {
        if number <= most {
            return Ok(());
        }
        let (at, _) = *self.peek()?;
        Err(Fault::new(at, format!("more than {most} {what}")))
    }

    fn number(&mut self) -> Result<i64, Fault> {
        let negative = self.accept("-")?;
        match self.take()? {
            (_, Word::Number(number)) => Ok(if negative { -number } else { number }),
            (at, word) => Err(Fault::new(at, format!("expected a number, but found {word}"))),
        }
    }

    fn expect_end(&mut self) -> Result<(), Fault> {
        match self.take()? {
            (_, Word::End) => Ok(()),
            (at, word) => Err(Fault::new(at, format!("expected the end of the file, but found {word}"))),
        }
    }

    /// `C name`, then remarks: texts in quotes and lines like `Cycle=Fre PodWR`.
    fn header(&mut self) -> Result<String, Fault> {
        let (at, word) = self.take()?;
        if word != Word::Name("C".to_owned()) {
            return Err(Fault::new(
                at,
                format!(
                    "expected `C` and the name of the test, but found {word}: only herd's C dialect is read"
                ),
            ));
        }
        let at = self.lexer.position();
        let line = self.lexer.line();
        let name = line.split("(*").next().unwrap_or("").trim().to_owned();
        if name.is_empty() {
            return Err(Fault::new(at, "expected the name of the test after `C`"));
        }
        if let Some((_, comment)) = line.split_once("(*")
            && !comment.trim_end().ends_with("*)")
        {
            return Err(Fault::new(at, "a comment after the name must end on its line"));
        }
        loop {
            self.lexer.blank(false)?;
            let line = self.lexer.peek_line();
            let key = line.split_once('=').map_or("", |(key, _)| key);
            if !key.is_empty() && key.chars().all(|letter| letter.is_alphanumeric() || letter == '_') {
                self.lexer.line();
            } else if line.starts_with('"') {
                self.take()?;
            } else {
                return Ok(name);
            }
        }
    }

    /// `{ x = 1; [y] = 2; int z; 0:r0 = 3; }`
    fn initial_state(&mut self) -> Result<(), Fault> {
        let (at, word) = self.take()?;
        if word != Word::Sign("{") {
            return Err(Fault::new(at, format!("expected `{{` and the initial state, but found {word}")));
        }
        while !self.accept("}")? {
            if self.accept(";")? {
                continue;
            }
            while matches!(self.peek()?, (_, Word::Name(name)) if is_type(name)) {
                self.take()?;
            }
            self.initial_value()?;
            if !matches!(self.peek()?, (_, Word::Sign("}"))) {
                self.expect(";")?;
            }
        }
        Ok(())
    }

    fn initial_value(&mut self) -> Result<(), Fault> {
        if let (_, Word::Number(_)) = self.peek()? {
            let (at, thread) = self.thread_number()?;
            self.expect(":")?;
            let (_, name) = self.name("a register")?;
            self.expect("=")?;
            let value = self.number()?;
            self.registers.push((thread, name, value, at));
            return Ok(());
        }
        let bracket = self.accept("[")?;
        let (at, name) = self.name("a location or a register")?;
        if bracket {
            self.expect("]")?;
        }
        let initial = if self.accept("=")? { self.number()? } else { 0 };
        if self.locations.iter().any(|location| location.name == name) {
            return Err(Fault::new(at, format!("`{name}` is initialised twice")));
        }
        self.add_location(name, initial);
        Ok(())
    }

    fn thread_number(&mut self) -> Result<(Position, usize), Fault> {
        let (at, _) = *self.peek()?;
        let number = self.number()?;
        usize::try_from(number)
            .map(|number| (at, number))
            .map_err(|_| Fault::new(at, "expected the number of a thread"))
    }

    fn add_location(&mut self, name: String, initial: i64) -> usize {
        self.locations.push(Location { name, initial, atomic: false, plain: false, modified: false });
        self.locations.len() - 1
    }

    /// `P0 (atomic_int* x, int* y) { … }`
    fn thread(&mut self) -> Result<(), Fault> {
        let (at, name) = self.name("a thread")?;
        let number = self.threads.len();
        if name != format!("P{number}") {
            return Err(Fault::new(at, format!("expected thread `P{number}`, but found `{name}`")));
        }
        let parameters = self.parameters(number)?;
        let initial: Vec<_> =
            self.registers.iter().filter(|(thread, ..)| *thread == number).cloned().collect();
        self.in_c = true;
        let thread = self.body(number, parameters, &initial)?;
        self.threads.push(thread);
        Ok(())
    }

    /// Called by `body` before what follows the thread's last brace is looked at.
    pub(super) fn leave_c(&mut self) {
        self.in_c = false;
    }

    /// The parameters with the locations that they are.
    fn parameters(&mut self, thread: usize) -> Result<Vec<usize>, Fault> {
        let mut parameters = Vec::new();
        self.expect("(")?;
        while !self.accept(")")? {
            let (at, name) = self.name("the type of a parameter")?;
            if name == "void" && parameters.is_empty() {
                self.expect(")")?;
                break;
            }
            if !is_type(&name) {
                return Err(Fault::new(
                    at,
                    format!(
                        "`{name}` is no type that threads can share: expected one like `atomic_int*` or `int*`"
                    ),
                ));
            }
            while matches!(self.peek()?, (_, Word::Name(name)) if is_type(name)) {
                self.take()?;
            }
            self.expect("*")?;
            let (at, name) = self.name("the name of a parameter")?;
            let known = self.locations.iter().position(|location| location.name == name);
            let location = known.unwrap_or_else(|| self.add_location(name.clone(), 0));
            if parameters.contains(&location) {
                return Err(Fault::new(at, format!("P{thread} has two parameters named `{name}`")));
            }
            parameters.push(location);
            if !matches!(self.peek()?, (_, Word::Sign(")"))) {
                self.expect(",")?;
            }
        }
        Ok(parameters)
    }

    /// `locations [0:r0; x;]`, if it is there.
    fn listed(&mut self) -> Result<Vec<Place>, Fault> {
        let mut places = Vec::new();
        match self.peek()? {
            (_, Word::Name(name)) if name == "locations" => self.take()?,
            _ => return Ok(places),
        };
        self.expect("[")?;
        while !self.accept("]")? {
            places.push(self.place()?);
            if !matches!(self.peek()?, (_, Word::Sign("]"))) {
                self.expect(";")?;
            }
        }
        Ok(places)
    }

    /// `0:r0`, `x` or `[x]`.
    fn place(&mut self) -> Result<Place, Fault> {
        if let (_, Word::Number(_)) = self.peek()? {
            let (at, thread) = self.thread_number()?;
            self.expect(":")?;
            let (_, name) = self.name("a register")?;
            let registers = self
                .threads
                .get(thread)
                .ok_or_else(|| Fault::new(at, format!("there is no thread P{thread}")))?;
            let register = registers.registers.iter().position(|register| register.as_deref() == Some(&name));
            let register =
                register.ok_or_else(|| Fault::new(at, format!("P{thread} has no register `{name}`")))?;
            return Ok(Place::Register(thread, register));
        }
        let bracket = self.accept("[")?;
        let (at, name) = self.name("a register, as in `0:r0`, or a location")?;
        if bracket {
            self.expect("]")?;
        }
        let location = self.locations.iter().position(|location| location.name == name);
        location.map(Place::Location).ok_or_else(|| Fault::new(at, format!("there is no location `{name}`")))
    }

    fn everything(&self) -> Vec<Place> {
        let registers = self.threads.iter().enumerate().flat_map(|(thread, body)| {
            let named = body.registers.iter().enumerate().filter(|(_, name)| name.is_some());
            named.map(move |(register, _)| Place::Register(thread, register))
        });
        registers.chain((0..self.locations.len()).map(Place::Location)).collect()
    }

    /// `exists (…)`, `~exists (…)` or `forall (…)`
    fn condition(&mut self) -> Result<Condition, Fault> {
        let (at, word) = self.take()?;
        let negated = matches!(&word, Word::Sign("~")) || matches!(&word, Word::Name(name) if name == "not");
        let (at, word) = if negated { self.take()? } else { (at, word) };
        let quantifier = match (&word, negated) {
            (Word::Name(name), false) if name == "exists" => Quantifier::Exists,
            (Word::Name(name), true) if name == "exists" => Quantifier::NotExists,
            (Word::Name(name), false) if name == "forall" => Quantifier::Forall,
            _ => {
                let expected = "expected a thread, `locations`, `exists`, `~exists` or `forall`";
                return Err(Fault::new(at, format!("{expected}, but found {word}")));
            }
        };
        self.operators = 0;
        Ok(Condition { quantifier, proposition: self.implication()? })
    }

    fn implication(&mut self) -> Result<Proposition, Fault> {
        let left = self.disjunction()?;
        if self.accept("=>")? {
            self.count_in_condition()?;
            return Ok(Proposition::Implies(Box::new(left), Box::new(self.implication()?)));
        }
        Ok(left)
    }

    fn disjunction(&mut self) -> Result<Proposition, Fault> {
        let mut left = self.conjunction()?;
        while self.accept("\\/")? || self.accept("||")? {
            self.count_in_condition()?;
            left = Proposition::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Proposition, Fault> {
        let mut left = self.atom()?;
        while self.accept("/\\")? || self.accept("&&")? {
            self.count_in_condition()?;
            left = Proposition::And(Box::new(left), Box::new(self.atom()?));
        }
        Ok(left)
    }

    fn atom(&mut self) -> Result<Proposition, Fault> {
        let word = self.peek()?.1.clone();
        match word {
            Word::Sign("(") => {
                self.take()?;
                self.count_in_condition()?;
                let inner = self.implication()?;
                self.expect(")")?;
                Ok(inner)
            }
            Word::Sign("~") => {
                self.take()?;
                self.count_in_condition()?;
                Ok(Proposition::Not(Box::new(self.atom()?)))
            }
            Word::Name(name) if name == "not" => {
                self.take()?;
                self.count_in_condition()?;
                Ok(Proposition::Not(Box::new(self.atom()?)))
            }
            Word::Name(name) if name == "true" || name == "false" => {
                self.take()?;
                Ok(Proposition::Constant(name == "true"))
            }
            _ => {
                let place = self.place()?;
                if self.accept("!=")? {
                    return Ok(Proposition::Differs(place, self.number()?));
                }
                if !self.accept("==")? {
                    self.expect("=")?;
                }
                Ok(Proposition::Equals(place, self.number()?))
            }
        }
    }

    /// What comments say the answers are.
    fn answers(&self) -> Result<Vec<answer::Answer>, Fault> {
        let mut answers = Vec::new();
        for (begin, comment) in &self.lexer.comments {
            match answer::read(comment) {
                Ok(found) => answers.extend(found.unwrap_or_default()),
                Err((line, expected)) => {
                    let at = Position { line: begin.line + line, column: 1 };
                    return Err(Fault::new(at, format!("in the answers: expected {expected}")));
                }
            }
        }
        Ok(answers)
    }
}
