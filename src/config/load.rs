//! Reading the file and the environment.

use super::knob::{PREFIX, is_of_our_tests};
use super::{Config, Entry, Knob, Source, Wrong, file, nearest, resolve};
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The file's name.
const FILE: &str = "selvedge.toml";

/// No such file has more bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What is in force for a program in this folder that was given these flags.
///
/// # Errors
/// If the file cannot be read, or any layer holds what it should not.
pub(crate) fn load(folder: &Path, flags: Vec<(Knob, String)>) -> Result<Config, Wrong> {
    let path = find(folder);
    let mut layers = match &path {
        Some(path) => file::read(path, &read(path)?)?,
        None => Vec::new(),
    };
    layers.extend(variables(std::env::vars_os())?);
    layers.extend(flags.into_iter().map(|(knob, text)| Entry { knob, text, source: Source::Flag }));
    resolve(layers, path)
}

/// The nearest file, in this folder or in one above it: by a short name, if it lies in the current one.
fn find(folder: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(folder).ok()?;
    let found = folder.ancestors().map(|folder| folder.join(FILE)).find(|path| path.exists())?;
    let here = std::env::current_dir().is_ok_and(|here| found.parent() == Some(&here));
    Some(if here { PathBuf::from(FILE) } else { found })
}

fn read(path: &Path) -> Result<String, Wrong> {
    let wrong = |why: String| Wrong::new(format!("cannot read {}: {why}", path.display()));
    let metadata = path.metadata().map_err(|error| wrong(error.to_string()))?;
    if !metadata.is_file() {
        return Err(wrong("it is no file".to_owned()));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(wrong("it has more than a mebibyte".to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| wrong("it is no text in UTF-8".to_owned()))
}

/// The entries of those variables that are ours. One that is empty sets nothing.
pub(super) fn variables(all: impl Iterator<Item = (OsString, OsString)>) -> Result<Vec<Entry>, Wrong> {
    let mut entries = Vec::new();
    for (name, value) in all {
        let name = name.to_string_lossy().into_owned();
        if !name.starts_with(PREFIX) || is_of_our_tests(&name) {
            continue;
        }
        let Some(knob) = Knob::ALL.into_iter().find(|knob| knob.variable() == name) else {
            let known: Vec<_> = Knob::ALL.into_iter().map(Knob::variable).collect();
            return Err(Wrong::new(match nearest(&name, known.iter().map(String::as_str)) {
                Some(meant) => format!("{name}: there is no such variable; did you mean {meant}?"),
                None => format!("{name}: there is no such variable; there are {}", known.join(", ")),
            }));
        };
        let Ok(text) = value.into_string() else {
            return Err(Wrong::new(format!("{name}: its value is no text in UTF-8")));
        };
        if !text.is_empty() {
            entries.push(Entry { knob, text, source: Source::Variable });
        }
    }
    entries.sort_by_key(|entry| entry.knob.name());
    Ok(entries)
}
