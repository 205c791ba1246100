//! The engines, by name.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Something that executes designs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Our own model checker: every execution that the memory model of the language allows, once.
    Rc11,
    /// The model checker loom: every interleaving and stale read of the C11 model, up to bounds.
    Loom,
    /// The model checker shuttle: sequentially consistent values, races by our own vector clocks.
    Shuttle,
    /// Threads of the operating system, on the real hardware.
    Threads,
    /// Processes of the operating system: shared mappings, or isolated memory joined by pipes.
    Processes,
}

impl Engine {
    /// Every engine, in the order of the matrix's columns.
    pub const ALL: [Engine; 5] =
        [Engine::Rc11, Engine::Loom, Engine::Shuttle, Engine::Threads, Engine::Processes];

    /// The name, as the command line and the reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Rc11 => "rc11",
            Engine::Loom => "loom",
            Engine::Shuttle => "shuttle",
            Engine::Threads => "threads",
            Engine::Processes => "processes",
        }
    }

    /// Whether it decides itself what happens next, rather than the operating system.
    pub fn is_checker(self) -> bool {
        matches!(self, Engine::Rc11 | Engine::Loom | Engine::Shuttle)
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
