//! What a litmus test says: locations, threads, and what is asked of its final states.

use super::answer::Answer;
use super::condition::Condition;
use std::sync::atomic::Ordering;

/// A litmus test, checked: every name that it uses exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// As the first line has it.
    pub name: String,
    /// The file that it was read from, for messages.
    pub file: String,
    /// What the threads share, in the order in which the test first names it.
    pub locations: Vec<Location>,
    /// P0, P1, ….
    pub threads: Vec<Thread>,
    /// What is asked of the final states.
    pub condition: Condition,
    /// What a final state shows: what `locations` and the condition name, or everything if they name nothing.
    pub observed: Vec<Place>,
    /// What the file's own comment says the answers are.
    pub answers: Vec<Answer>,
}

impl Test {
    /// How a place is written: `0:r1` or `x`.
    #[must_use]
    pub fn place_name(&self, place: Place) -> String {
        match place {
            Place::Location(location) => self.locations[location].name.clone(),
            Place::Register(thread, register) => {
                format!("{thread}:{}", self.threads[thread].registers[register].as_deref().unwrap_or("?"))
            }
        }
    }

    /// How a final state is written, as in `0:r0=1; x=2;`.
    ///
    /// # Panics
    /// If there is not a value for each observed place.
    #[must_use]
    pub fn state(&self, values: &[i64]) -> String {
        assert_eq!(values.len(), self.observed.len(), "a value for each place that is observed");
        let pairs = self.observed.iter().zip(values);
        let words: Vec<_> =
            pairs.map(|(place, value)| format!("{}={value};", self.place_name(*place))).collect();
        words.join(" ")
    }
}

/// Something that a final state has a value of, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A shared location.
    Location(usize),
    /// A thread's register.
    Register(usize, usize),
}

/// A shared variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Its name.
    pub name: String,
    /// What it holds before the threads start.
    pub initial: i64,
    /// Whether some access is atomic.
    pub atomic: bool,
    /// Whether some access is plain.
    pub plain: bool,
    /// Whether some access is a read-modify-write or a compare-exchange.
    pub modified: bool,
}

/// One of the threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The names of its local variables; intermediate values have none.
    pub registers: Vec<Option<String>>,
    /// What it does.
    pub body: Vec<Stmt>,
}

/// A statement. Registers and locations are numbers; a register holds 0 until it is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stmt {
    /// `register = location`
    Load {
        /// Gets the value.
        register: usize,
        /// What is read.
        location: usize,
        /// None for a plain access.
        order: Option<Ordering>,
    },
    /// `location = value`
    Store {
        /// What is written.
        location: usize,
        /// The value to be written.
        value: Expr,
        /// None for a plain access.
        order: Option<Ordering>,
    },
    /// `register = modify(location, operand)`
    Modify {
        /// Gets the old value.
        register: usize,
        /// What is modified.
        location: usize,
        /// How.
        modify: Modify,
        /// With what.
        operand: Expr,
        /// The ordering.
        order: Ordering,
    },
    /// A compare-exchange.
    CompareExchange {
        /// Gets the old value, also on success: that is what was expected.
        old: usize,
        /// Gets 1 or 0.
        success: usize,
        /// What is modified.
        location: usize,
        /// What it must hold.
        expected: Expr,
        /// What it then gets.
        new: Expr,
        /// The orderings on success and on failure.
        orders: [Ordering; 2],
        /// Whether it may fail where it could succeed.
        weak: bool,
    },
    /// A fence.
    Fence(Ordering),
    /// `register = value`
    Assign(usize, Expr),
    /// The first block if the value is not 0, otherwise the second.
    If(Expr, Vec<Stmt>, Vec<Stmt>),
}

/// What a read-modify-write writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modify {
    /// The operand.
    Swap,
    /// The sum, wrapping.
    Add,
    /// The difference, wrapping.
    Sub,
    /// Bitwise "or".
    Or,
    /// Bitwise "and".
    And,
    /// Bitwise "exclusive or".
    Xor,
}

/// A value that a thread computes from what it has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// A number.
    Const(i64),
    /// What a register holds.
    Register(usize),
    /// An operator before its operand.
    Unary(Unary, Box<Expr>),
    /// An operator between its operands.
    Binary(Binary, Box<Expr>, Box<Expr>),
}

impl Expr {
    /// The value.
    #[must_use]
    pub fn value(&self, registers: &[i64]) -> i64 {
        match self {
            Expr::Const(value) => *value,
            Expr::Register(register) => registers[*register],
            Expr::Unary(operator, operand) => operator.apply(operand.value(registers)),
            Expr::Binary(operator, a, b) => operator.apply(a.value(registers), b.value(registers)),
        }
    }
}

/// Operators before an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// `-`
    Minus,
    /// `!`
    Not,
    /// `~`
    Complement,
}

impl Unary {
    fn apply(self, value: i64) -> i64 {
        match self {
            Unary::Minus => value.wrapping_neg(),
            Unary::Not => i64::from(value == 0),
            Unary::Complement => !value,
        }
    }
}

/// Operators between two operands. Arithmetic wraps at 64 bits; comparisons and `&&` and `||` give 1 or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `&`
    BitAnd,
    /// `|`
    BitOr,
    /// `^`
    BitXor,
    /// `==`
    Equal,
    /// `!=`
    Differ,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `&&`
    And,
    /// `||`
    Or,
}

impl Binary {
    fn apply(self, a: i64, b: i64) -> i64 {
        match self {
            Binary::Add => a.wrapping_add(b),
            Binary::Sub => a.wrapping_sub(b),
            Binary::Mul => a.wrapping_mul(b),
            Binary::BitAnd => a & b,
            Binary::BitOr => a | b,
            Binary::BitXor => a ^ b,
            Binary::Equal => i64::from(a == b),
            Binary::Differ => i64::from(a != b),
            Binary::Less => i64::from(a < b),
            Binary::AtMost => i64::from(a <= b),
            Binary::Greater => i64::from(a > b),
            Binary::AtLeast => i64::from(a >= b),
            Binary::And => i64::from(a != 0 && b != 0),
            Binary::Or => i64::from(a != 0 || b != 0),
        }
    }
}
