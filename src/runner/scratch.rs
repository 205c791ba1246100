//! Folders for what workers write to disk, one for each, gone when the worker is.
//!
//! Limit: of a supervisor that is killed they stay, until the next one comes by.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the names of all folders begin with; then comes the process that made it.
const PREFIX: &str = "selvedge-run-";

/// Where they may lie, beside the system's folder for temporary files.
const PLACES: [&str; 2] = ["/dev/shm", "/var/tmp"];

/// The folder of one worker; removed with all that is in it when dropped.
pub(super) struct Scratch {
    folder: Option<PathBuf>,
}

impl Scratch {
    /// A folder in the first place where there can be one; none if there is no such place.
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static SWEPT: OnceLock<()> = OnceLock::new();
        let places: Vec<PathBuf> =
            std::iter::once(std::env::temp_dir()).chain(PLACES.map(PathBuf::from)).collect();
        SWEPT.get_or_init(|| places.iter().for_each(|place| sweep(place)));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        let folder = places.iter().map(|place| place.join(&name)).find(|folder| make(folder));
        Scratch { folder }
    }

    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            remove(folder);
        }
    }
}

/// Makes a folder that no other process may enter.
fn make(folder: &Path) -> bool {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(folder).is_ok()
}

/// Removes a folder, if need be against the rights that a design has left on what is in it.
fn remove(folder: &Path) {
    if std::fs::remove_dir_all(folder).is_ok() {
        return;
    }
    open_up(folder);
    let _stays = std::fs::remove_dir_all(folder);
}

fn open_up(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let _refused = std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700));
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

/// Removes folders of processes that are no more.
fn sweep(place: &Path) {
    let Ok(entries) = std::fs::read_dir(place) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split('-').next());
        let Some(owner) = owner.and_then(|owner| owner.parse::<u32>().ok()) else { continue };
        if !Path::new(&format!("/proc/{owner}")).exists() {
            remove(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_all_that_is_in_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let scratch = Scratch::new();
        let folder = scratch.folder().expect("a folder").to_owned();
        let below = folder.join("below");
        std::fs::create_dir(&below).expect("a folder in it");
        std::fs::write(below.join("file"), "text").expect("a file in that");
        std::fs::set_permissions(&below, std::fs::Permissions::from_mode(0o0)).expect("no rights");
        drop(scratch);
        assert!(!folder.exists());
    }

    #[test]
    fn folders_of_the_dead_are_swept() {
        let place = tempfile::tempdir().expect("a folder");
        let (dead, own) =
            (place.path().join("selvedge-run-4294967295-0"), format!("{PREFIX}{}-0", std::process::id()));
        let other = place.path().join("selvedge-run-of-somebody");
        let own = place.path().join(own);
        for folder in [&dead, &own, &other] {
            std::fs::create_dir(folder).expect("a folder in it");
        }
        sweep(place.path());
        assert_eq!((dead.exists(), own.exists(), other.exists()), (false, true, true));
    }
}
