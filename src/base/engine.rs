//! The engines, by name. How to add one: see `engine/adapter.rs`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Makes [`Engine`] and all that is known of each engine by its name alone.
macro_rules! engines {
    ($(
        $(#[doc = $doc:literal])* $(#[cfg($condition:meta)])? $engine:ident = $name:literal,
        checker: $checker:literal, column: $column:literal;
    )*) => {
        /// Something that executes designs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Engine {
            $($(#[doc = $doc])* $(#[cfg($condition)])? $engine,)*
        }

        /// How many of them run where none is asked for.
        const COLUMNS: usize = {
            let mut columns = 0;
            $($(#[cfg($condition)])? { columns += $column as usize; })*
            columns
        };

        impl Engine {
            /// Every engine, in the order of a report's columns: also those that run only where they are asked for.
            pub const EVERY: [Engine; [$($(#[cfg($condition)])? $name),*].len()] =
                [$($(#[cfg($condition)])? Engine::$engine),*];

            /// The engines that run where none is asked for, in the order of the matrix's columns.
            pub const ALL: [Engine; COLUMNS] = columns();

            /// The name, as the command line and the reports spell it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $($(#[cfg($condition)])? Engine::$engine => $name,)*
                }
            }

            /// Whether it runs where no engine is asked for.
            const fn is_column(self) -> bool {
                match self {
                    $($(#[cfg($condition)])? Engine::$engine => $column,)*
                }
            }

            /// Whether it decides itself what happens next, rather than the operating system.
            #[must_use]
            pub fn is_checker(self) -> bool {
                match self {
                    $($(#[cfg($condition)])? Engine::$engine => $checker,)*
                }
            }
        }
    };
}

engines! {
    /// Our own model checker: every execution that the memory model of the language (RC11) allows, once.
    Rc11 = "rc11", checker: true, column: true;
    /// The same search under sequential consistency: every access sees the latest write.
    Rc11Sc = "rc11-sc", checker: true, column: false;
    /// The model checker loom: every interleaving and stale read of the C11 model, up to bounds.
    Loom = "loom", checker: true, column: true;
    /// The model checker shuttle: sequentially consistent values, races by our own vector clocks.
    Shuttle = "shuttle", checker: true, column: true;
    /// Threads of the operating system, on the real hardware.
    Threads = "threads", checker: false, column: true;
    /// Processes of the operating system: shared mappings, or isolated memory joined by pipes.
    Processes = "processes", checker: false, column: true;
    /// One fixed schedule: see `engine/round_robin_tests.rs`.
    #[cfg(test)]
    RoundRobin = "round-robin", checker: true, column: false;
}

const fn columns() -> [Engine; COLUMNS] {
    let (mut columns, mut every, mut column) = ([Engine::Rc11; COLUMNS], 0, 0);
    while every < Engine::EVERY.len() {
        if Engine::EVERY[every].is_column() {
            columns[column] = Engine::EVERY[every];
            column += 1;
        }
        every += 1;
    }
    columns
}

impl Engine {
    /// The engine whose expectations hold here too, where a scenario states none: that of the same model.
    pub(crate) fn of_the_same_model(self) -> Option<Engine> {
        (self == Engine::Rc11Sc).then_some(Engine::Shuttle)
    }

    /// The checkers, those first whose executions are the plainest to read: shuttle's values are always the latest.
    pub(crate) fn checkers() -> impl Iterator<Item = Engine> {
        let others =
            Engine::ALL.into_iter().filter(|engine| engine.is_checker() && *engine != Engine::Shuttle);
        std::iter::once(Engine::Shuttle).chain(others)
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
