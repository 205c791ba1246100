//! Finding the scenarios of a program, and refusing wrong ones before anything runs.

use crate::base::engine::Engine;
use crate::base::location::source_path;
use crate::base::name::slug;
use crate::linearizability::Model;
use crate::object::{Generated, Object};
use crate::scenario::{ErasedDesign, ErasedScenario, Expected, Outcome, Scenario};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A scenario that a file has registered with [`scenario!`](macro@crate::scenario).
pub struct Registration {
    name: &'static str,
    file: &'static str,
    make: fn() -> Made,
}

/// What a registered function makes.
pub struct Made {
    scenario: ErasedScenario,
    /// Of each design of an object, the programs that it stands for.
    generated: Vec<Arc<dyn Generated>>,
}

impl Made {
    /// What was made, under a name.
    pub(crate) fn named(self, name: &str, file: &str) -> Found {
        let (name, file) = (name.to_owned(), source_path(file));
        Found { name, file, scenario: self.scenario, generated: self.generated, litmus: None }
    }
}

impl Registration {
    /// Used by [`scenario!`](macro@crate::scenario).
    #[doc(hidden)]
    pub const fn new(name: &'static str, file: &'static str, make: fn() -> Made) -> Self {
        Self { name, file, make }
    }

    /// The name of the function, and so of the scenario.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The source file that it stands in.
    pub(crate) fn file(&self) -> String {
        source_path(self.file)
    }

    /// Calls the function, in whatever process this is.
    pub(crate) fn make(&self) -> Found {
        (self.make)().named(self.name, self.file)
    }

    /// What the function has made elsewhere, as far as it can be told.
    pub(crate) fn described(&self, scenario: ErasedScenario) -> Found {
        Made { scenario, generated: Vec::new() }.named(self.name, self.file)
    }
}

inventory::collect!(Registration);

/// Used by [`scenario!`](macro@crate::scenario).
#[doc(hidden)]
pub fn erase(asked: impl Asked) -> Made {
    asked.made()
}

/// What can be registered as a scenario.
pub trait Asked {
    /// Forgets the types.
    #[doc(hidden)]
    fn made(self) -> Made;
}

impl<M: Model> Asked for Object<M> {
    fn made(self) -> Made {
        let (scenario, generated) = self.erase();
        Made { scenario, generated }
    }
}

impl<O: Outcome> Asked for Scenario<O> {
    fn made(self) -> Made {
        Made { scenario: self.erase(), generated: Vec::new() }
    }
}

/// A scenario that was found, by name.
pub(crate) struct Found {
    pub(crate) name: String,
    /// The source file, as the compiler saw it.
    pub(crate) file: String,
    pub(crate) scenario: ErasedScenario,
    pub(crate) generated: Vec<Arc<dyn Generated>>,
    /// The text that it was read from, if it is a litmus test: worker processes read it again.
    pub(crate) litmus: Option<String>,
}

/// The scenario and the design of these names.
pub(crate) fn design<'a>(
    found: &'a [Found],
    scenario: &str,
    design: &str,
) -> Option<(&'a Found, &'a ErasedDesign)> {
    let found = found.iter().find(|found| found.name == scenario)?;
    Some((found, found.scenario.designs.iter().find(|one| one.name == design)?))
}

/// The chapters of the book in reading order. Other folders come between the files that lie in none and these.
const CHAPTERS: [&str; 8] =
    ["basics", "memory_order", "locks", "coordination", "futures", "lock_free", "processes", "objects"];

impl Found {
    /// The programs that a design of an object stands for.
    pub(crate) fn generated(&self, design: &ErasedDesign) -> Option<&dyn Generated> {
        let place = self.scenario.designs.iter().position(|one| one.name == design.name)?;
        self.generated.get(place).map(|generated| &**generated)
    }

    /// The folder below `scenarios/` that the file lies in; empty for one that lies in none.
    pub(crate) fn folder(&self) -> &str {
        let below = self.file.rsplit_once("scenarios/").map_or("", |(_, below)| below);
        below.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Where the scenario stands in the book: chapters in reading order, names in the alphabet's.
    fn place(&self) -> (usize, &str, &str, &str) {
        let chapter = CHAPTERS.iter().position(|chapter| *chapter == self.folder());
        (chapter.map_or(0, |chapter| chapter + 1), self.folder(), &self.name, &self.file)
    }

    /// Of what the scenario says of a design: another one, most likely, once any of it has changed.
    pub(crate) fn digest(&self, design: &ErasedDesign) -> u32 {
        let ErasedScenario { question, grades, .. } = &self.scenario;
        let facts = &design.facts;
        let said = (&self.name, question, grades, &design.name, &facts.actors, facts.isolated, facts.options);
        crc32fast::hash(format!("{said:?}").as_bytes())
    }
}

/// Everything wrong with the registered scenarios, a line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub(crate) struct WrongScenarios(pub(crate) Vec<String>);

/// Every registered function, in the same order each time.
pub(crate) fn registrations() -> Vec<&'static Registration> {
    let mut all: Vec<_> = inventory::iter::<Registration>.into_iter().collect();
    all.sort_by_key(|registration| (registration.name, registration.file));
    all
}

/// The scenario of this name, if one is registered, or all that is wrong with it. No other scenario's function is
/// called.
pub(crate) fn find_named(name: &str) -> Result<Vec<Found>, WrongScenarios> {
    let named = registrations().into_iter().filter(|registration| registration.name == name);
    check(named.map(Registration::make).collect())
}

/// Scenarios in the order of the book, or all that is wrong with them.
pub(crate) fn check(mut found: Vec<Found>) -> Result<Vec<Found>, WrongScenarios> {
    found.sort_by(|a, b| (&a.name, &a.file).cmp(&(&b.name, &b.file)));
    let mut wrong = Vec::new();
    for pair in found.windows(2).filter(|pair| pair[0].name == pair[1].name) {
        wrong.push(format!(
            "{}: scenario `{}` is already registered by {}",
            pair[1].file, pair[1].name, pair[0].file
        ));
    }
    for one in &found {
        let faults = faults(&one.scenario);
        wrong.extend(faults.iter().map(|fault| format!("{}: scenario `{}`: {fault}", one.file, one.name)));
    }
    found.sort_by(|a, b| a.place().cmp(&b.place()));
    if wrong.is_empty() { Ok(found) } else { Err(WrongScenarios(wrong)) }
}

/// What is wrong with one scenario.
fn faults(scenario: &ErasedScenario) -> Vec<String> {
    let mut faults = Vec::new();
    if scenario.question.trim().is_empty() {
        faults.push("it asks no question".to_owned());
    }
    if scenario.grades.is_empty() {
        faults.push("it grades no outcome".to_owned());
    }
    if scenario.designs.is_empty() {
        faults.push("it has no design".to_owned());
    }
    let mut names = BTreeSet::new();
    for design in &scenario.designs {
        if design.name.trim().is_empty() {
            faults.push("a design has no name".to_owned());
        }
        if !names.insert(slug(&design.name)) {
            faults.push(format!("two designs are named `{}`, or differ in punctuation alone", design.name));
        }
        faults.extend(design_faults(design).iter().map(|fault| format!("design `{}`: {fault}", design.name)));
    }
    faults
}

fn design_faults(design: &ErasedDesign) -> Vec<String> {
    let facts = &design.facts;
    let mut faults = Vec::new();
    if facts.actors.is_empty() {
        faults.push("it has no actor".to_owned());
    }
    let mut names = BTreeSet::new();
    for name in &facts.actors {
        if name.trim().is_empty() {
            faults.push("an actor has no name".to_owned());
        } else if !names.insert(name) {
            faults.push(format!("two actors are named `{name}`"));
        }
    }
    if Engine::ALL.iter().all(|engine| facts.excluded_from(*engine).is_some()) {
        faults.push("it is excluded from every engine".to_owned());
    }
    for engine in Engine::ALL {
        let expectations = facts.expected_on.iter().filter(|(on, ..)| *on == engine).count();
        if expectations > 1 {
            faults.push(format!("it has {expectations} expectations for {engine}"));
        }
        let Some(reason) = facts.excluded_from(engine) else {
            continue;
        };
        if expectations > 0 {
            faults.push(format!("it expects a verdict on {engine}, but is excluded from it ({reason})"));
        }
        if facts.must_see.contains(&engine) {
            faults.push(format!("it must see its failure on {engine}, but is excluded from it ({reason})"));
        }
    }
    for engine in &facts.must_see {
        if facts.expected_on(*engine).0 == Expected::Safe {
            faults.push(format!("it must see a failure on {engine}, but expects to be safe there"));
        }
    }
    faults
}
