//! Anonymous mappings: where states and returns lie.
//!
//! Limit: a mapping knows nothing of what is in it and drops none of it.

use anyhow::Context as _;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::num::NonZeroUsize;
use std::ptr::NonNull;

const PAGE_BYTES: usize = 4096;

/// Who sees what is written to a mapping after a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Every process that was forked since, and this one.
    Shared,
    /// Only the process that writes.
    Private,
}

/// Zeroed memory of our own, unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    base: NonNull<u8>,
    mapped_bytes: usize,
}

// SAFETY: a mapping is an address range of the process and belongs to no thread; it gives out raw
// pointers only, and their users answer for races.
unsafe impl Send for Mapping {}
// SAFETY: as above; no method changes the mapping itself.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps at least `bytes`, aligned to `align` (a power of two).
    pub(crate) fn new(bytes: usize, align: usize, sharing: Sharing) -> anyhow::Result<Self> {
        let slack = if align > PAGE_BYTES { align } else { 0 };
        let mapped_bytes = bytes.max(1).saturating_add(slack);
        let length = NonZeroUsize::new(mapped_bytes).expect("at least one byte");
        let sharing = match sharing {
            Sharing::Shared => MapFlags::MAP_SHARED,
            Sharing::Private => MapFlags::MAP_PRIVATE,
        };
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice replaces no other.
        let start = unsafe { mmap_anonymous(None, length, access, sharing | MapFlags::MAP_NORESERVE) }
            .with_context(|| format!("cannot map {mapped_bytes} bytes for states"))?
            .cast::<u8>();
        let skip = start.as_ptr().align_offset(align);
        // SAFETY: at most `slack` bytes are skipped, and those were mapped on top of `bytes`.
        let base = unsafe { start.add(skip) };
        Ok(Self { start, base, mapped_bytes })
    }

    /// Its first aligned byte.
    pub(crate) fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length, and the owner of a pointer keeps the mapping alive.
        // Failure would leave an unused range behind, which harms nothing.
        let _leaked = unsafe { munmap(self.start.cast(), self.mapped_bytes) };
    }
}
