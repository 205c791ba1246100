//! Primitives that work across processes, in memory mapped by all of them.

use std::marker::PhantomData;

/// A stand-in, until there are locks to be made in an arena.
pub(crate) struct Arena;

impl Arena {
    pub(crate) fn map(_: usize) -> nix::Result<Arena> {
        Ok(Arena)
    }

    pub(crate) fn mark(&self) -> usize {
        0
    }

    /// # Safety
    /// Nothing that was made since the mark is used any more.
    pub(crate) unsafe fn reset_to(&self, _: usize) {}
}

/// # Safety
/// Every object made there must be dropped or forgotten before the arena is dropped.
pub(crate) unsafe fn install(_: &Arena) -> Installed<'_> {
    Installed(PhantomData)
}

/// Uninstalls when dropped.
#[must_use]
pub(crate) struct Installed<'a>(PhantomData<&'a Arena>);
