//! What a test asks of its final states.

use super::ast::{Place, Test};
use std::fmt;

/// A proposition and how many final states it is asked of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Of how many.
    pub quantifier: Quantifier,
    /// What is asked.
    pub proposition: Proposition,
}

/// Of how many final states a proposition must be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// `exists`: of one or more.
    Exists,
    /// `~exists`: of none.
    NotExists,
    /// `forall`: of all.
    Forall,
}

impl fmt::Display for Quantifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Quantifier::Exists => "exists",
            Quantifier::NotExists => "~exists",
            Quantifier::Forall => "forall",
        })
    }
}

/// Of how many of the final states a proposition was true, in herd's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Frequency {
    /// Of none.
    Never,
    /// Of some, but not of all.
    Sometimes,
    /// Of all.
    Always,
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Frequency::Never => "Never",
            Frequency::Sometimes => "Sometimes",
            Frequency::Always => "Always",
        })
    }
}

impl Frequency {
    /// From the numbers of states of which it was true and false.
    #[must_use]
    pub fn of(positive: usize, negative: usize) -> Self {
        match (positive, negative) {
            (0, _) => Frequency::Never,
            (_, 0) => Frequency::Always,
            _ => Frequency::Sometimes,
        }
    }
}

impl Quantifier {
    /// Whether it holds of states of which the proposition was true so often. Of no states at all, `exists`
    /// does not hold and the others do.
    #[must_use]
    pub fn holds(self, frequency: Frequency) -> bool {
        match self {
            Quantifier::Exists => frequency != Frequency::Never,
            Quantifier::NotExists => frequency == Frequency::Never,
            Quantifier::Forall => frequency == Frequency::Always,
        }
    }
}

/// Something that is true or false of a final state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposition {
    /// `true` or `false`.
    Constant(bool),
    /// `place = value`
    Equals(Place, i64),
    /// `place != value`
    Differs(Place, i64),
    /// `~a`
    Not(Box<Proposition>),
    /// `a /\ b`
    And(Box<Proposition>, Box<Proposition>),
    /// `a \/ b`
    Or(Box<Proposition>, Box<Proposition>),
    /// `a => b`
    Implies(Box<Proposition>, Box<Proposition>),
}

impl Proposition {
    /// Whether it is true, if `value` gives what each place holds.
    pub fn is_true(&self, value: &impl Fn(Place) -> i64) -> bool {
        match self {
            Proposition::Constant(constant) => *constant,
            Proposition::Equals(place, expected) => value(*place) == *expected,
            Proposition::Differs(place, expected) => value(*place) != *expected,
            Proposition::Not(a) => !a.is_true(value),
            Proposition::And(a, b) => a.is_true(value) && b.is_true(value),
            Proposition::Or(a, b) => a.is_true(value) || b.is_true(value),
            Proposition::Implies(a, b) => !a.is_true(value) || b.is_true(value),
        }
    }

    /// The places that it names, in their order, each once more for every time.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        match self {
            Proposition::Constant(_) => Vec::new(),
            Proposition::Equals(place, _) | Proposition::Differs(place, _) => vec![*place],
            Proposition::Not(a) => a.places(),
            Proposition::And(a, b) | Proposition::Or(a, b) | Proposition::Implies(a, b) => {
                [a.places(), b.places()].concat()
            }
        }
    }

    fn print(&self, test: &Test) -> String {
        let nested = |inner: &Proposition| match inner {
            Proposition::Constant(_) | Proposition::Equals(..) | Proposition::Differs(..) => {
                inner.print(test)
            }
            _ => format!("({})", inner.print(test)),
        };
        match self {
            Proposition::Constant(constant) => constant.to_string(),
            Proposition::Equals(place, value) => format!("{}={value}", test.place_name(*place)),
            Proposition::Differs(place, value) => format!("{}!={value}", test.place_name(*place)),
            Proposition::Not(a) => format!("~{}", nested(a)),
            Proposition::And(a, b) => format!("{} /\\ {}", and(a, &nested, test), and(b, &nested, test)),
            Proposition::Or(a, b) => format!("{} \\/ {}", nested(a), nested(b)),
            Proposition::Implies(a, b) => format!("{} => {}", nested(a), nested(b)),
        }
    }
}

/// An operand of a conjunction: another one needs no parentheses.
fn and(inner: &Proposition, nested: &impl Fn(&Proposition) -> String, test: &Test) -> String {
    if let Proposition::And(..) = inner { inner.print(test) } else { nested(inner) }
}

impl Test {
    /// The condition, as herd writes it.
    #[must_use]
    pub fn condition_text(&self) -> String {
        format!("{} ({})", self.condition.quantifier, self.condition.proposition.print(self))
    }

    /// Whether the condition's proposition is true of a final state.
    ///
    /// # Panics
    /// If there is not a value for each observed place.
    #[must_use]
    pub fn is_true_of(&self, values: &[i64]) -> bool {
        self.condition.proposition.is_true(&|place| {
            let index = self.observed.iter().position(|observed| *observed == place);
            values[index.expect("what a condition names is observed")]
        })
    }
}
