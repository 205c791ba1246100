//! Which cells of the matrix to run.

use crate::registry::Found;
use crate::scenario::{Engine, ErasedDesign};
use std::collections::BTreeSet;

/// What the user asked for; empty lists mean everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub(crate) scenarios: Vec<String>,
    pub(crate) designs: Vec<String>,
    pub(crate) engines: Vec<Engine>,
}

/// A selection that names something that does not exist.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Unknown {
    #[error("no scenario is named `{name}`; there are: {known}")]
    Scenario { name: String, known: String },
    #[error("no design of the chosen scenarios is named `{name}`; there are: {known}")]
    Design { name: String, known: String },
    #[error("no scenario is registered: is there a file in the scenario folder?")]
    Nothing,
}

/// The designs to run, scenario by scenario, and the engines to run them on.
pub(crate) struct Plan<'a> {
    pub(crate) scenarios: Vec<(&'a Found, Vec<&'a ErasedDesign>)>,
    pub(crate) engines: Vec<Engine>,
}

impl<'a> Plan<'a> {
    /// Selects from what was found.
    pub(crate) fn new(found: &'a [Found], selection: &Selection) -> Result<Self, Unknown> {
        if found.is_empty() {
            return Err(Unknown::Nothing);
        }
        let quoted = |name: &str| format!("`{name}`");
        let list = |names: BTreeSet<&str>| names.into_iter().map(quoted).collect::<Vec<_>>().join(", ");
        for name in &selection.scenarios {
            if !found.iter().any(|found| found.name == *name) {
                let known = list(found.iter().map(|found| found.name.as_str()).collect());
                return Err(Unknown::Scenario { name: name.clone(), known });
            }
        }
        let chosen =
            |found: &&Found| selection.scenarios.is_empty() || selection.scenarios.contains(&found.name);
        let chosen: Vec<_> = found.iter().filter(chosen).collect();
        for name in &selection.designs {
            let mut all = chosen.iter().flat_map(|found| &found.scenario.designs);
            if !all.any(|design| design.name == *name) {
                let all = chosen.iter().flat_map(|found| &found.scenario.designs);
                let known = list(all.map(|design| design.name.as_str()).collect());
                return Err(Unknown::Design { name: name.clone(), known });
            }
        }
        let wanted =
            |design: &&ErasedDesign| selection.designs.is_empty() || selection.designs.contains(&design.name);
        let scenarios = chosen
            .into_iter()
            .map(|found| (found, found.scenario.designs.iter().filter(wanted).collect::<Vec<_>>()))
            .filter(|(_, designs)| !designs.is_empty())
            .collect();
        let wanted = |engine: &Engine| selection.engines.contains(engine);
        let engines = match &selection.engines[..] {
            [] => Engine::ALL.to_vec(),
            _ => Engine::EVERY.into_iter().filter(wanted).collect(),
        };
        Ok(Self { scenarios, engines })
    }

    /// How many cells of real engines there are, but for those that a design is kept from.
    pub(crate) fn sampled_cells(&self) -> usize {
        let designs = self.scenarios.iter().flat_map(|(_, designs)| designs);
        let sampled = |design: &ErasedDesign| {
            let real = self.engines.iter().filter(|engine| !engine.is_checker());
            real.filter(|engine| design.facts.excluded_from(**engine).is_none()).count()
        };
        designs.map(|design| sampled(design)).sum()
    }

    /// How many cells there are.
    pub(crate) fn cells(&self) -> usize {
        self.scenarios.iter().map(|(_, designs)| designs.len()).sum::<usize>() * self.engines.len()
    }
}
