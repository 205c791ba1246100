//! Files that are written whole or not at all.
//!
//! What is written goes to a temporary file in the same folder, which then takes the place of the old one. Limits:
//! pipes and devices are written to as they are; a link keeps pointing to the file that is replaced; a hard link to the
//! old file keeps the old text.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What the names of temporary files begin with.
pub(super) const HALF: &str = ".selvedge-";

/// Whether a file can be written here, as far as that can be told before there is anything to write.
///
/// # Errors
/// If it cannot, in a sentence.
pub(crate) fn check_writable(path: &Path) -> Result<(), String> {
    let attempt = || -> io::Result<()> {
        let path = &target(path)?;
        if is_special(path) {
            return fs::OpenOptions::new().write(true).open(path).map(drop);
        }
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        tempfile::Builder::new().tempfile_in(folder(path)).map(drop)
    };
    attempt().map_err(|error| cannot_write(path, &error))
}

/// Writes a file, or leaves the old one as it is.
///
/// # Errors
/// If it cannot be written, in a sentence.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    whole(path, bytes).map_err(|error| cannot_write(path, &error))
}

/// Adds to the end of a file, which is made if there is none.
///
/// # Errors
/// If it cannot be written, in a sentence.
pub(crate) fn append(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let file = fs::OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(bytes)).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}

fn whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = &target(path)?;
    if is_special(path) {
        return File::options().write(true).open(path)?.write_all(bytes);
    }
    let mut temporary = tempfile::Builder::new().prefix(HALF).tempfile_in(folder(path))?;
    temporary.write_all(bytes)?;
    let permissions = match fs::metadata(path) {
        Ok(old) => old.permissions(),
        // As `File::create` does: the temporary file was made for its owner alone.
        Err(_) => std::os::unix::fs::PermissionsExt::from_mode(0o666 & !umask()?),
    };
    temporary.as_file().set_permissions(permissions)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map(drop).map_err(|error| error.error)
}

/// The bits that new files do not get.
fn umask() -> io::Result<u32> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    Ok(line.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok()).unwrap_or(0o022))
}

/// The file that a link points to, or the path itself.
fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => fs::canonicalize(path),
        Ok(_) => Ok(path.to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => Err(error),
    }
}

/// Whether it is there, and neither a file nor a folder.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn files(folder: &Path) -> usize {
        fs::read_dir(folder).expect("a folder").count()
    }

    #[test]
    fn a_file_is_replaced_whole_and_keeps_its_permissions() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.html");
        check_writable(&path).expect("it can be written");
        assert_eq!(files(folder.path()), 0, "a check leaves nothing");
        write(&path, b"first").expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("a file of ours");
        write(&path, b"second").expect("it can be written");
        assert_eq!(fs::read(&path).expect("the file"), b"second");
        assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o640);
        assert_eq!(files(folder.path()), 1);
    }

    #[test]
    fn what_a_link_points_to_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        write(&file, b"first").expect("it can be written");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        write(&link, b"second").expect("it can be written");
        assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
        assert_eq!(fs::read(&file).expect("the file"), b"second");
    }

    #[test]
    fn what_cannot_be_written_is_said_in_a_sentence() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("missing").join("file");
        for path in [missing.as_path(), folder.path()] {
            let (checked, written) = (check_writable(path), write(path, b"text"));
            assert!(checked.is_err_and(|error| error.starts_with("cannot write ")), "{}", path.display());
            assert!(written.is_err(), "{}", path.display());
        }
        let full = Path::new("/dev/full");
        assert!(write(full, b"text").is_err_and(|error| error.contains("No space")));
        assert_eq!(files(folder.path()), 0, "nothing is left behind");
    }
}
