//! The package that the program is called in.

use std::path::{Path, PathBuf};
use toml_edit::DocumentMut;

/// A package, by its manifest.
pub(super) struct Package {
    pub(super) root: PathBuf,
    pub(super) manifest: DocumentMut,
    /// The manifest as it stands in the file.
    pub(super) text: String,
}

impl Package {
    /// The package that this folder lies in.
    ///
    /// # Errors
    /// If there is none, or its manifest cannot be read, in a sentence.
    pub(super) fn around(folder: &Path) -> Result<Self, String> {
        let start = std::path::absolute(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let found = start.ancestors().find(|folder| folder.join("Cargo.toml").is_file());
        let Some(root) = found else {
            return Err(
                "there is no Cargo.toml in this folder or above it: call this in a package".to_owned()
            );
        };
        let path = root.join("Cargo.toml");
        let (text, manifest) = read(&path)?;
        if manifest.get("package").is_none() {
            return Err(format!(
                "{} is of a workspace without a package: call this in one of its packages",
                path.display()
            ));
        }
        Ok(Self { root: root.to_owned(), manifest, text })
    }

    /// Where cargo looks for profiles: the manifest of the workspace, if that is another one.
    ///
    /// # Errors
    /// If it cannot be read, in a sentence.
    pub(super) fn workspace(&self) -> Result<Option<(PathBuf, String, DocumentMut)>, String> {
        if self.manifest.get("workspace").is_some() {
            return Ok(None);
        }
        for folder in self.root.ancestors().skip(1) {
            let path = folder.join("Cargo.toml");
            if !path.is_file() {
                continue;
            }
            let (text, manifest) = read(&path)?;
            if manifest.get("workspace").is_some() {
                return Ok(Some((path, text, manifest)));
            }
        }
        Ok(None)
    }
}

fn read(path: &Path) -> Result<(String, DocumentMut), String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let manifest = text.parse().map_err(|error: toml_edit::TomlError| {
        let line =
            error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        let first = error.message().lines().next().unwrap_or_default().to_owned();
        format!("{}:{line}: {first}", path.display())
    })?;
    Ok((text, manifest))
}
