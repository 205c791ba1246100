//! What a user writes: an object, with a model, operations, and implementations that compete.

use super::explore::{Build, Generated, Subject};
use super::generate::Generator;
use super::judge::Judged;
use super::program::{MOST_OPERATIONS, MOST_PARTS, actor_name};
use super::running;
use crate::base::recipe::Size;
use crate::linearizability::Model;
use crate::scenario::outcome::Rule;
use crate::scenario::program::Typed;
use crate::scenario::{Design, Engine, ErasedDesign, ErasedScenario, Expected, Facts};
use proptest::strategy::Strategy;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Something concurrent that claims to behave like a model.
pub trait Implements<M: Model>: Send + Sync + 'static {
    /// Does the operation. Called by several actors at once.
    fn apply(&self, op: &M::Op) -> M::Ret;

    /// What must hold when nothing is in flight: asked at the end of every execution.
    ///
    /// # Errors
    /// What does not hold, in words.
    fn invariant(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A scenario whose designs are implementations of one object, and whose programs are generated.
///
/// ```
/// use selvedge::object::{Implementation, Implements, Model, Object};
/// use selvedge::prelude::*;
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// struct Count(u32);
///
/// #[derive(Clone, Debug)]
/// struct Next;
///
/// impl Model for Count {
///     type Op = Next;
///     type Ret = u32;
///
///     fn apply(&mut self, _: &Next) -> u32 {
///         self.0 += 1;
///         self.0
///     }
/// }
///
/// struct Tickets(AtomicU32);
///
/// impl Implements<Count> for Tickets {
///     fn apply(&self, _: &Next) -> u32 {
///         self.0.fetch_add(1, Relaxed) + 1
///     }
/// }
///
/// selvedge::scenario!(tickets);
///
/// fn tickets() -> Object<Count> {
///     Object::new("Does everybody get a number of their own?", Count(0), proptest::strategy::Just(Next))
///         .implementation("fetch_add", Implementation::new(|| Tickets(AtomicU32::new(0))))
/// }
/// ```
pub struct Object<M: Model> {
    question: String,
    generator: Generator<M>,
    implementations: Vec<(String, Implementation<M>)>,
}

/// One way to build the object, and what is expected of it.
pub struct Implementation<M: Model> {
    build: Build<M>,
    facts: Facts,
}

impl<M: Model> Object<M> {
    /// Starts with a question, the model's first state, and what operations there are.
    pub fn new(
        question: &str,
        model: M,
        operations: impl Strategy<Value = M::Op> + Send + Sync + 'static,
    ) -> Self {
        let size = Size { parts: 2..=3, operations: 3, prefix: 3, suffix: 2 };
        let generator = Generator { model, operations: operations.sboxed(), size };
        Self { question: question.to_owned(), generator, implementations: Vec::new() }
    }

    /// How many actors the programs have: 2 to 3 unless told otherwise, and 4 at the most.
    ///
    /// # Panics
    /// If that is none, or too many.
    #[must_use]
    pub fn actors(mut self, actors: RangeInclusive<usize>) -> Self {
        let possible = *actors.start() >= 1 && actors.start() <= actors.end() && *actors.end() <= MOST_PARTS;
        assert!(possible, "1 to {MOST_PARTS} actors, not {actors:?}");
        self.generator.size.parts = actors;
        self
    }

    /// How many operations there are at most before the actors start, of each actor, and after them: 3, 3
    /// and 2 unless told otherwise, and 8 at the most. Programs grow up to that.
    ///
    /// # Panics
    /// If an actor is to do nothing, or that is too many.
    #[must_use]
    pub fn operations(mut self, before: usize, of_each: usize, after: usize) -> Self {
        let possible = of_each >= 1 && before.max(of_each).max(after) <= MOST_OPERATIONS;
        assert!(possible, "at most {MOST_OPERATIONS} operations, and one or more of each actor");
        let size = &mut self.generator.size;
        (size.prefix, size.operations, size.suffix) = (before, of_each, after);
        self
    }

    /// Adds an implementation, under a name of its own.
    #[must_use]
    pub fn implementation(mut self, name: &str, implementation: Implementation<M>) -> Self {
        self.implementations.push((name.to_owned(), implementation));
        self
    }

    /// The implementations by name, each ready to be explored.
    pub(super) fn subjects(self) -> Vec<(String, Facts, Subject<M>)> {
        let generator = Arc::new(self.generator);
        let subject = |(name, implementation): (String, Implementation<M>)| {
            let subject = Subject::new(Arc::clone(&generator), implementation.build);
            (name, implementation.facts, subject)
        };
        self.implementations.into_iter().map(subject).collect()
    }
}

impl<M: Model> Object<M> {
    /// Forgets the types: a scenario of the first programs, and of each design all that it stands for.
    pub(crate) fn erase(self) -> (ErasedScenario, Vec<Arc<dyn Generated>>) {
        let question = self.question.clone();
        let grades = running::rules().iter().map(|rule| (rule.grade, rule.sentence.clone())).collect();
        let (mut designs, mut generated) = (Vec::new(), Vec::<Arc<dyn Generated>>::new());
        for (name, facts, subject) in self.subjects() {
            designs.push(ErasedDesign { name, facts, program: Arc::clone(subject.first()) });
            generated.push(Arc::new(subject));
        }
        (ErasedScenario { question, grades, designs, in_practice: None }, generated)
    }
}

impl<M: Model> Implementation<M> {
    /// An implementation, made anew for every execution, of this crate's `sync`, `cell` and so on.
    pub fn new<I: Implements<M>>(make: impl Fn() -> I + Send + Sync + 'static) -> Self {
        let make = Arc::new(make);
        let build: Build<M> = Arc::new(move |judge| {
            let first = {
                let (make, judge) = (Arc::clone(&make), Arc::clone(&judge));
                Design::new(move || running::begin(&*make, &judge))
            };
            let act = |part: usize| {
                let judge = Arc::clone(&judge);
                move |shared: &running::Shared<I, M::Ret>| running::act(shared, &judge, part)
            };
            let mut design = first.actor(&actor_name(0), act(0));
            for part in 1..judge.program.parts.len() {
                design = design.actor(&actor_name(part), act(part));
            }
            let finish = Arc::clone(&judge);
            let design = design.observe(move |shared, parts| running::finish(shared, &finish, parts));
            let rules: Vec<Rule<Judged>> = running::rules();
            Arc::new(Typed::new(design.split().1, Arc::new(rules)).until_forbidden())
        });
        // Each program has as many actors as it has parts; these are the names of all there can be.
        let facts = Facts { actors: (0..MOST_PARTS).map(actor_name).collect(), ..Facts::default() };
        Self { build, facts }
    }

    /// The verdict that is expected on every engine that can show it. Safe if never called.
    #[must_use]
    pub fn expect(mut self, expected: Expected) -> Self {
        self.facts.expected = Some(expected);
        self
    }

    /// The verdict that is expected on one engine, where it differs, and the reason.
    #[must_use]
    pub fn expect_on(self, engine: Engine, expected: Expected, reason: &str) -> Self {
        Self { facts: self.facts.expecting_on(engine, expected, reason), ..self }
    }

    /// Keeps the implementation from an engine, for a reason that the reports show.
    #[must_use]
    pub fn not_on(self, engine: Engine, reason: &str) -> Self {
        Self { facts: self.facts.without(engine, reason), ..self }
    }

    /// Keeps the implementation from all engines but these, for a reason that the reports show.
    #[must_use]
    pub fn only_on(self, engines: &[Engine], reason: &str) -> Self {
        Self { facts: self.facts.without_all_but(engines, reason), ..self }
    }
}
