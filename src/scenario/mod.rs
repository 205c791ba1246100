//! What a user writes: a question, its graded outcomes, and the designs that compete.
//!
//! Nothing here knows an engine: a [`Design`] is closures over a state; [`program`] erases its types so
//! that every engine can execute it. Limit: one outcome type per scenario and one return type per design.

mod commands;
mod counts;
mod design;
mod expectation;
pub(crate) mod outcome;
pub(crate) mod program;

pub use crate::base::engine::Engine;
pub use crate::base::outcome::Grade;
pub use commands::{External, Ran, Scratch};
pub use design::{Blank, Design};
pub use expectation::Expected;
pub(crate) use expectation::Memory;
pub use outcome::{Exit, Outcome};

use outcome::Rule;
use program::{Program, Typed};
use std::sync::Arc;

/// Forgets the types of a design, given the rules that grade its outcomes.
type Erase<O> = Box<dyn FnOnce(Arc<Vec<Rule<O>>>) -> ErasedDesign>;

/// A question about concurrency, and several designs that answer it differently.
pub struct Scenario<O> {
    question: String,
    rules: Vec<Rule<O>>,
    designs: Vec<Erase<O>>,
    in_practice: Option<String>,
}

impl<O: Outcome> Scenario<O> {
    /// Starts a scenario with the question that it asks.
    pub fn new(question: &str) -> Self {
        Self { question: question.to_owned(), rules: Vec::new(), designs: Vec::new(), in_practice: None }
    }

    /// Outcomes that every correct design may have. The first rule that matches an outcome grades it; an
    /// outcome that no rule matches is forbidden.
    #[must_use]
    pub fn acceptable(self, sentence: &str, matches: impl Fn(&O) -> bool + Send + Sync + 'static) -> Self {
        self.rule(Grade::Acceptable, sentence, matches)
    }

    /// Outcomes that are correct, but worth a reader's attention.
    #[must_use]
    pub fn interesting(self, sentence: &str, matches: impl Fn(&O) -> bool + Send + Sync + 'static) -> Self {
        self.rule(Grade::Interesting, sentence, matches)
    }

    /// Outcomes that no correct design may have.
    #[must_use]
    pub fn forbidden(self, sentence: &str, matches: impl Fn(&O) -> bool + Send + Sync + 'static) -> Self {
        self.rule(Grade::Forbidden, sentence, matches)
    }

    /// The closing remark, which the page shows last: what to use in practice, and why.
    #[must_use]
    pub fn in_practice(mut self, remark: &str) -> Self {
        self.in_practice = Some(remark.to_owned());
        self
    }

    fn rule(
        mut self,
        grade: Grade,
        sentence: &str,
        matches: impl Fn(&O) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.rules.push(Rule { grade, sentence: sentence.to_owned(), matches: Box::new(matches) });
        self
    }

    /// Adds a design that competes, under a name of its own.
    #[must_use]
    pub fn design<S, R>(mut self, name: &str, design: Design<S, R, O>) -> Self
    where
        S: Send + Sync + 'static,
        R: Send + Sync + 'static,
    {
        let named = name.to_owned();
        let erase = move |rules| {
            let (facts, bodies) = design.split();
            ErasedDesign { name: named, facts, program: Arc::new(Typed::new(bodies, rules)) }
        };
        self.designs.push(Box::new(erase));
        self
    }

    /// Forgets the types, for the runner.
    pub(crate) fn erase(self) -> ErasedScenario {
        let grades = self.rules.iter().map(|rule| (rule.grade, rule.sentence.clone())).collect();
        let rules = Arc::new(self.rules);
        let designs = self.designs.into_iter().map(|erase| erase(Arc::clone(&rules))).collect();
        ErasedScenario { question: self.question, grades, designs, in_practice: self.in_practice }
    }
}

/// A scenario whose types are forgotten.
pub(crate) struct ErasedScenario {
    pub(crate) question: String,
    pub(crate) grades: Vec<(Grade, String)>,
    pub(crate) designs: Vec<ErasedDesign>,
    /// What to use in practice, and why.
    pub(crate) in_practice: Option<String>,
}

/// A design whose types are forgotten.
pub(crate) struct ErasedDesign {
    pub(crate) name: String,
    pub(crate) facts: design::Facts,
    pub(crate) program: Arc<dyn Program>,
}

pub(crate) use design::Facts;

/// Registers the scenario that a function of this name returns, so that dropping the file into the
/// scenario folder is all it takes.
///
/// ```
/// use selvedge::prelude::*;
///
/// selvedge::scenario!(greeting);
///
/// fn greeting() -> Scenario<u32> {
///     Scenario::new("Does the one actor count?")
///         .acceptable("it counts", |&n| n == 1)
///         .design("fetch_add", Design::new(|| AtomicU32::new(0))
///             .actor("counter", |n| { n.fetch_add(1, Relaxed); })
///             .observe(|n, _| n.load(Relaxed))
///             .expect(Safe))
/// }
/// ```
#[macro_export]
macro_rules! scenario {
    ($function:ident) => {
        $crate::__private::inventory::submit! {
            $crate::__private::Registration::new(
                stringify!($function),
                file!(),
                || $crate::__private::erase($function()),
            )
        }
    };
}
