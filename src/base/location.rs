//! Places in source files.

use serde::{Deserialize, Serialize};
use std::panic::Location;
use std::path::Path;

/// A line of the source, the file relative to the package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Site {
    pub(crate) file: String,
    pub(crate) line: u32,
}

impl Site {
    /// The line that the compiler has for a place.
    pub(crate) fn of(location: &Location<'_>) -> Self {
        Self { file: source_path(location.file()), line: location.line() }
    }
}

/// The path of a source file below the package, whatever route the compiler took to it.
pub(crate) fn source_path(file: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in Path::new(file).iter().filter_map(|part| part.to_str()) {
        match part {
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}
