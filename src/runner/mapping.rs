//! Memory that a supervisor and its worker share: a pulse, and files for the answer and the last words.
//!
//! Anonymous files (`memfd_create`), which the worker opens through the supervisor's `/proc` entry: no
//! descriptor is inherited by accident, nothing lies in a folder, and nothing is left behind.

use crate::engine::Pulse;
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

/// All that was written to an anonymous file so far.
pub(crate) fn contents(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A pulse in shared memory, unmapped when dropped.
pub(crate) struct SharedPulse {
    pulse: NonNull<Pulse>,
}

// SAFETY: a pulse is atomics throughout, and the mapping lives as long as this value.
unsafe impl Sync for SharedPulse {}
// SAFETY: as above; nothing is tied to a thread.
unsafe impl Send for SharedPulse {}

const PULSE_BYTES: NonZeroUsize = NonZeroUsize::new(size_of::<Pulse>()).expect("a pulse is not empty");

impl SharedPulse {
    /// Maps a new pulse, and gives the file behind it for a worker to map too.
    pub(crate) fn create() -> anyhow::Result<(Self, File)> {
        let file = anonymous_file("selvedge-pulse")?;
        file.set_len(PULSE_BYTES.get() as u64)?;
        Ok((Self::map(&file)?, file))
    }

    /// Maps the pulse that a supervisor has created, for the rest of this process.
    pub(crate) fn open(path: &Path) -> anyhow::Result<&'static Pulse> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let shared = Self::map(&file)?;
        let pulse = shared.pulse;
        std::mem::forget(shared);
        // SAFETY: the mapping is never undone in this process, and zeroed memory is a valid pulse.
        Ok(unsafe { pulse.as_ref() })
    }

    fn map(file: &File) -> nix::Result<Self> {
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a fresh mapping at an address of the kernel's choice overlaps nothing of ours.
        let address = unsafe { mmap(None, PULSE_BYTES, access, MapFlags::MAP_SHARED, file, 0) }?;
        Ok(Self { pulse: address.cast() })
    }

    pub(crate) fn get(&self) -> &Pulse {
        // SAFETY: mapped by `map` for as long as this value lives; zeroed memory is a valid pulse.
        unsafe { self.pulse.as_ref() }
    }
}

impl Drop for SharedPulse {
    fn drop(&mut self) {
        // SAFETY: this value made the mapping, and no reference into it outlives `get`'s borrow.
        // A failure would leave a page mapped, which harms nobody.
        let _ = unsafe { munmap(self.pulse.cast(), PULSE_BYTES.get()) };
    }
}
