//! Memory that a supervisor and its workers share: heartbeats, slots, and files for the answer and the last words.
//!
//! Anonymous files (`memfd_create`), which the worker opens through the supervisor's `/proc` entry: no
//! descriptor is inherited by accident, nothing lies in a folder, and nothing is left behind.

use crate::engine::{Heartbeat, Slots};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek};
use std::num::NonZeroUsize;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

/// A new anonymous file.
pub(crate) fn anonymous_file(name: &str) -> nix::Result<File> {
    memfd_create(name, MFdFlags::MFD_CLOEXEC).map(File::from)
}

/// Where another process of this user finds an open file of this one.
pub(crate) fn path_for_others(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()))
}

/// What was written to an anonymous file so far, up to so many bytes.
pub(crate) fn contents(file: &mut File, at_most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(at_most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What can lie in memory that processes share.
///
/// # Safety
/// Zeroed memory is a valid value, and it is made of atomics throughout.
pub(crate) unsafe trait Shareable {}

// SAFETY: atomics, for which zero is a value.
unsafe impl Shareable for Heartbeat {}
// SAFETY: as above.
unsafe impl Shareable for Slots {}

/// A value in shared memory, unmapped when dropped.
pub(crate) struct Shared<T: Shareable> {
    value: NonNull<T>,
}

// SAFETY: it is atomics throughout, and the mapping lives as long as this value.
unsafe impl<T: Shareable> Sync for Shared<T> {}
// SAFETY: as above; nothing is tied to a thread.
unsafe impl<T: Shareable> Send for Shared<T> {}

impl<T: Shareable> Shared<T> {
    const BYTES: NonZeroUsize = NonZeroUsize::new(size_of::<T>()).expect("it is not empty");

    /// Maps a new value, and gives the file behind it for others to map too.
    pub(crate) fn create(name: &str) -> anyhow::Result<(Self, File)> {
        let file = anonymous_file(name)?;
        file.set_len(Self::BYTES.get() as u64)?;
        Ok((Self::map(&file)?, file))
    }

    /// Maps the value that a supervisor has created, for the rest of this process.
    pub(crate) fn open(path: &Path) -> anyhow::Result<&'static T> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let shared = Self::map(&file)?;
        let value = shared.value;
        std::mem::forget(shared);
        // SAFETY: the mapping is never undone in this process, and zeroed memory is a valid value.
        Ok(unsafe { value.as_ref() })
    }

    fn map(file: &File) -> nix::Result<Self> {
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a fresh mapping at an address of the kernel's choice overlaps nothing of ours.
        let address = unsafe { mmap(None, Self::BYTES, access, MapFlags::MAP_SHARED, file, 0) }?;
        Ok(Self { value: address.cast() })
    }

    pub(crate) fn get(&self) -> &T {
        // SAFETY: mapped by `map` for as long as this value lives; zeroed memory is a valid value.
        unsafe { self.value.as_ref() }
    }
}

impl<T: Shareable> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: this value made the mapping, and no reference into it outlives `get`'s borrow.
        // A failure would leave a page mapped, which harms nothing.
        let _ = unsafe { munmap(self.value.cast(), Self::BYTES.get()) };
    }
}
