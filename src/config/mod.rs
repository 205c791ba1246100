//! What is in force, and where each value comes from: the one place in which knobs are read.
//!
//! Three layers, each stronger than the one before: the table `[selvedge]` of the nearest `selvedge.toml`, in this
//! folder or in one above it; environment variables, `SELVEDGE_` and the knob's name; and flags. What no layer sets is
//! as the level of the budget has it, or by default. A key or variable that is no knob is an error.
//!
//! Everything but [`load()`] is pure. Limits: what the variables of loom and shuttle ask for is none of ours
//! ([`crate::model::Builder`] reads loom's, for models only). `claims`, `show` and `replay` heed no knob: what they
//! print is to be the same wherever it is printed.

mod file;
mod knob;
mod load;
mod near;
mod value;

#[cfg(any(test, feature = "testing"))]
pub(crate) use file::read as read_file;
pub(crate) use knob::Knob;
pub(crate) use load::load;
pub(crate) use near::nearest;

use crate::base::budget::{Budget, DEFAULT_SEED, Effort};
use crate::base::engine::Engine;
use crate::base::shard::{self, Drawn, Shard};
use std::fmt;
use std::path::{Path, PathBuf};

/// A knob's name and what it is set to, in the words in which it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) knob: Knob,
    pub(crate) text: String,
    pub(crate) source: Source,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nothing sets it.
    Default,
    /// The level of the budget.
    Effort(Effort),
    /// This line of the file.
    File {
        path: PathBuf,
        line: usize,
    },
    Variable,
    Flag,
}

/// Something that is no knob, or that a knob cannot be set to, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Wrong(String);

impl Wrong {
    /// One line, whatever was written in the file or the variable.
    fn new(text: impl Into<String>) -> Self {
        Self(text.into().replace(char::is_control, " "))
    }
}

/// The memory model that `rc11` checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MemoryModel {
    /// The language's: what Rust has from C++20.
    #[default]
    Rc11,
    /// Sequential consistency: every access sees the latest write.
    Sc,
}

impl MemoryModel {
    /// Both.
    pub(crate) const ALL: [MemoryModel; 2] = [MemoryModel::Rc11, MemoryModel::Sc];

    /// The name, as the command line spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            MemoryModel::Rc11 => "rc11",
            MemoryModel::Sc => "sc",
        }
    }

    /// The engines of a run under this model, where these were asked for; without a preference, if there are none.
    pub(crate) fn engines(self, asked: &[Engine]) -> Vec<Engine> {
        if self == MemoryModel::Rc11 {
            return asked.to_vec();
        }
        let asked = if asked.is_empty() { &Engine::ALL } else { asked };
        asked.iter().map(|engine| if *engine == Engine::Rc11 { Engine::Rc11Sc } else { *engine }).collect()
    }
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// Text for people.
    #[default]
    Terminal,
    /// One document for programs.
    Json,
}

/// What is in force, with types.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// The engines that were asked for; none if any will do.
    pub(crate) engines: Vec<Engine>,
    pub(crate) model: MemoryModel,
    pub(crate) effort: Effort,
    /// The budget of one cell, with the seed of the shard.
    pub(crate) budget: Budget,
    /// The seed that was asked for, of which each shard makes its own.
    pub(crate) seed: u64,
    pub(crate) shard: Shard,
    pub(crate) jobs: Option<u16>,
    pub(crate) replay: Option<String>,
    pub(crate) format: Format,
    pub(crate) verbose: bool,
    set: Vec<Knob>,
}

impl Settings {
    /// Whether a layer sets this knob.
    pub(crate) fn sets(&self, knob: Knob) -> bool {
        self.set.contains(&knob)
    }

    /// The budget of this round of a run, which counts from 0, by its seed; nothing else of it is another.
    pub(crate) fn drawn_in(&self, round: u32, budget: Budget) -> Budget {
        let stream = shard::stream(self.shard, round);
        Budget { seed: shard::seed_of_stream(self.seed, stream), again: stream > 0, ..budget }
    }

    /// Which shard this is of which run.
    pub(crate) fn drawn(&self) -> Drawn {
        Drawn { seed: self.seed, shard: self.shard, rounds: 1 }
    }

    /// The engines that run under the model that was asked for; all that run by default, if none.
    pub(crate) fn engines_of_model(&self) -> Vec<Engine> {
        self.model.engines(&self.engines)
    }

    /// The budget of each cell where so many of real engines share the time; see [`Effort::shared_among`].
    pub(crate) fn shared_among(&self, sampled_cells: usize) -> Budget {
        if self.sets(Knob::SamplingMs) {
            return self.budget;
        }
        self.effort.shared_among(self.budget, sampled_cells)
    }

    /// How many processes work at a time.
    pub(crate) fn jobs(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.jobs.map_or_else(cores, usize::from)
    }

    /// Whether what a run sees is what every other run sees, checkers alone: the pages that are kept show that.
    pub(crate) fn is_of_pages(&self) -> bool {
        let harmless = [Knob::Jobs, Knob::Format, Knob::Verbose, Knob::Replay, Knob::SamplingMs];
        let told = |knob: &Knob| !harmless.contains(knob);
        let usual = Settings { set: self.set.clone(), ..usual() };
        let Budget { sampling_ms, .. } = self.budget;
        let budget = Budget { sampling_ms, ..usual.budget };
        !self.set.iter().any(told)
            || (self.budget == budget && self.engines.is_empty() && self.model == usual.model)
    }
}

/// What is in force where nothing is set.
fn usual() -> Settings {
    Settings {
        engines: Vec::new(),
        model: MemoryModel::default(),
        effort: Effort::default(),
        budget: Effort::default().budget(DEFAULT_SEED),
        seed: DEFAULT_SEED,
        shard: Shard::WHOLE,
        jobs: None,
        replay: None,
        format: Format::default(),
        verbose: false,
        set: Vec::new(),
    }
}

/// Every knob, with what it is set to and by what.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// In the order of [`Knob::ALL`].
    pub(crate) entries: Vec<Entry>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) settings: Settings,
}

/// Puts layers on top of each other, the weakest first.
///
/// # Errors
/// If a knob cannot be what it is set to, in any layer.
pub(crate) fn resolve(layers: Vec<Entry>, file: Option<PathBuf>) -> Result<Config, Wrong> {
    let mut settings = usual();
    // A part of the budget stays what it is set to, whichever level comes from a stronger layer.
    let (level, others): (Vec<_>, Vec<_>) = layers.into_iter().partition(|entry| entry.knob == Knob::Budget);
    let mut given: Vec<Entry> = Vec::new();
    for entry in level.into_iter().chain(others) {
        value::set(&mut settings, &entry)?;
        given.retain(|weaker| weaker.knob != entry.knob);
        given.push(entry);
    }
    settings.set = given.iter().map(|entry| entry.knob).collect();
    settings.budget = settings.drawn_in(0, settings.budget);
    let entry = |knob: Knob| {
        let found = given.iter().find(|entry| entry.knob == knob);
        // As it was understood, and not as it was written.
        let text = value::text(&settings, knob);
        let unset = if knob.is_part_of_budget() { Source::Effort(settings.effort) } else { Source::Default };
        Entry { knob, text, source: found.map_or(unset, |entry| entry.source.clone()) }
    };
    let entries = Knob::ALL.into_iter().map(entry).collect();
    Ok(Config { entries, file, settings })
}

impl Entry {
    /// The source in words.
    pub(crate) fn set_by(&self) -> String {
        match &self.source {
            Source::Default => "default".to_owned(),
            Source::Effort(effort) => format!("budget {}", effort.name()),
            Source::File { path, line } => format!("{}:{line}", shown(path)),
            Source::Variable => self.knob.variable(),
            Source::Flag => self.knob.flag(),
        }
    }

    /// That this knob cannot be what it is set to.
    fn wrong(&self, why: impl fmt::Display) -> Wrong {
        let (name, text) = (self.knob.name(), &self.text);
        Wrong::new(match &self.source {
            Source::Variable => format!("{}={text}: {why}", self.knob.variable()),
            Source::Flag => format!("{} {text}: {why}", self.knob.flag()),
            Source::File { path, line } => format!("{}:{line}: {name} = {text}: {why}", shown(path)),
            Source::Default | Source::Effort(_) => format!("{name} = {text}: {why}"),
        })
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests;
