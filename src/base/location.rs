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
        Self { file: shown_path(location.file()), line: location.line() }
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
    let path = parts.join("/");
    // The root is a part, too.
    path.strip_prefix('/').filter(|rest| rest.starts_with('/')).map(str::to_owned).unwrap_or(path)
}

/// The same for a reader: of a file in another package, its path below the folder that this lies in.
pub(crate) fn shown_path(file: &str) -> String {
    let path = source_path(file);
    if !path.starts_with('/') {
        return path;
    }
    let parts: Vec<&str> = path.split('/').collect();
    let code = parts.iter().rposition(|part| matches!(*part, "src" | "tests" | "examples" | "benches"));
    let package = code.unwrap_or(parts.len() - 1).saturating_sub(1).max(1);
    format!("…/{}", parts[package..].join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_below_its_package_or_below_the_folder_of_another() {
        for (file, source, shown) in [
            ("src/./a.rs", "src/a.rs", "src/a.rs"),
            ("tests/it/../hostile/b.rs", "tests/hostile/b.rs", "tests/hostile/b.rs"),
            (
                "/home/me/.cargo/index-1/list-0.3.1/src/a/b.rs",
                "/home/me/.cargo/index-1/list-0.3.1/src/a/b.rs",
                "…/list-0.3.1/src/a/b.rs",
            ),
            (
                "/rustc/1234/library/std/src/thread.rs",
                "/rustc/1234/library/std/src/thread.rs",
                "…/std/src/thread.rs",
            ),
            ("/one/two/three.rs", "/one/two/three.rs", "…/two/three.rs"),
            ("/three.rs", "/three.rs", "…/three.rs"),
        ] {
            assert_eq!((source_path(file).as_str(), shown_path(file).as_str()), (source, shown), "{file}");
        }
    }
}
