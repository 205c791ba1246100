//! The knobs as flags.

use crate::base::budget::Effort;
use crate::base::engine::Engine;
use crate::base::shard::Shard;
use crate::config::{self, Config, Format, Knob, MemoryModel, Settings, Wrong};
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use std::path::Path;

/// The flags that outdo `selvedge.toml` and the variables.
#[derive(Debug, Default, Args)]
pub(super) struct Knobs {
    /// Run on this engine only; can be given several times [default: all]
    #[arg(long = "engine", value_name = "ENGINE", value_parser = engine_from_name)]
    engines: Vec<Engine>,
    /// The memory model of our own checker [default: rc11]
    #[arg(long, value_enum)]
    model: Option<MemoryModel>,
    /// How much to explore in each cell of the matrix [default: normal]
    #[arg(long, value_enum)]
    budget: Option<Effort>,
    /// Let loom and shuttle preempt an actor at most this often in one execution [default: any number of times]
    #[arg(long, value_name = "N")]
    preemptions: Option<u32>,
    /// What everything random starts from
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Draw what no other shard draws: `2/3` is the second of three machines that share a run
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Processes that work at a time, helpers of long explorations included; real engines always have the machine to themselves [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// How to print the report [default: terminal]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Also show every outcome with its count, and what the workers printed
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    parts: Parts,
}

/// Parts of the budget, each of which takes the place of what the level has.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Parts of the budget, in place of what its level has")]
struct Parts {
    /// Executions of one exploration of a checker
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    executions: Option<u64>,
    /// Executions of each way to draw them at random
    #[arg(long, value_name = "N")]
    random_executions: Option<u64>,
    /// Milliseconds that a real engine samples
    #[arg(long, value_name = "MS")]
    sampling_ms: Option<u64>,
    /// Milliseconds that a failing program is shrunk, at most
    #[arg(long, value_name = "MS")]
    shrinking_ms: Option<u64>,
    /// Milliseconds without progress, of computing or sleeping, that count as never ending
    #[arg(long, value_name = "MS")]
    stall_ms: Option<u64>,
    /// Milliseconds that a cell may take on the clock
    #[arg(long, value_name = "MS")]
    wall_ms: Option<u64>,
    /// Mebibytes of a worker's address space
    #[arg(long, value_name = "MIB")]
    memory_mib: Option<u64>,
}

impl Knobs {
    /// What is in force here.
    ///
    /// # Errors
    /// If something cannot be.
    pub(super) fn settings(&self) -> Result<Settings, Wrong> {
        self.config().map(|config| config.settings)
    }

    /// The same, with what sets each knob.
    ///
    /// # Errors
    /// If something cannot be.
    pub(super) fn config(&self) -> Result<Config, Wrong> {
        config::load(Path::new("."), self.given())
    }

    /// The flags that were given.
    fn given(&self) -> Vec<(Knob, String)> {
        fn word<T: ToString>(value: Option<T>) -> Option<String> {
            value.map(|value| value.to_string())
        }
        let names =
            |engines: &[Engine]| engines.iter().map(|engine| engine.name()).collect::<Vec<_>>().join(",");
        let format = self.format.and_then(|format| format.to_possible_value());
        let parts = &self.parts;
        let flags = [
            (Knob::Engine, (!self.engines.is_empty()).then(|| names(&self.engines))),
            (Knob::Model, word(self.model.map(MemoryModel::name))),
            (Knob::Budget, word(self.budget.map(Effort::name))),
            (Knob::Preemptions, word(self.preemptions)),
            (Knob::Seed, word(self.seed)),
            (Knob::Shard, word(self.shard)),
            (Knob::Jobs, word(self.jobs)),
            (Knob::Executions, word(parts.executions)),
            (Knob::RandomExecutions, word(parts.random_executions)),
            (Knob::SamplingMs, word(parts.sampling_ms)),
            (Knob::ShrinkingMs, word(parts.shrinking_ms)),
            (Knob::StallMs, word(parts.stall_ms)),
            (Knob::WallMs, word(parts.wall_ms)),
            (Knob::MemoryMib, word(parts.memory_mib)),
            (Knob::Format, word(format.as_ref().map(PossibleValue::get_name))),
            (Knob::Verbose, word(self.verbose.then_some(true))),
        ];
        flags.into_iter().filter_map(|(knob, text)| Some((knob, text?))).collect()
    }
}

impl ValueEnum for Effort {
    fn value_variants<'a>() -> &'a [Self] {
        &Effort::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Effort::Quick => "A first look: a second or two for a scenario",
            Effort::Normal => "What continuous integration runs",
            Effort::Thorough => "Before a release, or overnight",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

impl ValueEnum for MemoryModel {
    fn value_variants<'a>() -> &'a [Self] {
        &MemoryModel::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            MemoryModel::Rc11 => "The language's: what Rust has from C++20",
            MemoryModel::Sc => "Sequential consistency: every access sees the latest write",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Format::Terminal, Format::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Format::Terminal => PossibleValue::new("terminal").help("Text for people"),
            Format::Json => PossibleValue::new("json").help("One document for programs"),
        })
    }
}

fn engine_from_name(name: &str) -> Result<Engine, String> {
    Engine::EVERY.into_iter().find(|engine| engine.name() == name).ok_or_else(|| {
        let known = Engine::EVERY.map(Engine::name).join(", ");
        match config::nearest(name, Engine::EVERY.into_iter().map(Engine::name)) {
            Some(meant) => format!("did you mean {meant}? there are: {known}"),
            None => format!("there are: {known}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, Parser};

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        knobs: Knobs,
    }

    /// But for those that are for one call of a test, which has no flags.
    #[test]
    fn every_knob_has_a_flag() {
        let command = Alone::command();
        let flags: Vec<_> = command.get_arguments().filter_map(|argument| argument.get_long()).collect();
        for knob in Knob::ALL.into_iter().filter(|knob| *knob != Knob::Replay) {
            assert!(flags.contains(&knob.name()), "{}", knob.flag());
        }
    }

    #[test]
    fn flags_reach_what_they_set() {
        let line = "x --engine loom --engine rc11 --model sc --budget quick --preemptions 1 --seed 2 --shard 2/3 --jobs 4 \
                    --format json --verbose --executions 5 --random-executions 6 --sampling-ms 7 --shrinking-ms 8 \
                    --stall-ms 900 --wall-ms 1000 --memory-mib 1100";
        let knobs = Alone::try_parse_from(line.split_whitespace()).expect("flags").knobs;
        let given: Vec<_> =
            knobs.given().into_iter().map(|(knob, text)| format!("--{} {text}", knob.name())).collect();
        let expected = "--engine loom,rc11 --model sc --budget quick --preemptions 1 --seed 2 --shard 2/3 --jobs 4 \
                        --executions 5 --random-executions 6 --sampling-ms 7 --shrinking-ms 8 --stall-ms 900 --wall-ms 1000 \
                        --memory-mib 1100 --format json --verbose true";
        assert_eq!(given.join(" "), expected);
        let none = Alone::try_parse_from(["x"]).expect("no flags").knobs;
        assert_eq!(none.given(), []);
    }
}
