//! Exclusive access to the value of an atomic.

use crate::rt::atomic::BoundAtomic;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// Exclusive access to the value of an atomic that is borrowed mutably; made by `get_mut`.
///
/// Where std returns a plain `&mut`, the facade has to write the value back to the checker when the access
/// ends. Use it as `*atomic.get_mut()`.
pub struct AtomicMut<'a, V: Copy> {
    value: &'a mut V,
    /// Where a runtime keeps the value, if it does.
    model: Option<&'a mut BoundAtomic>,
    bits: fn(V) -> u64,
}

impl<'a, V: Copy> AtomicMut<'a, V> {
    #[inline]
    pub(super) fn new(value: &'a mut V, model: Option<&'a mut BoundAtomic>, bits: fn(V) -> u64) -> Self {
        AtomicMut { value, model, bits }
    }
}

impl<V: Copy> Deref for AtomicMut<'_, V> {
    type Target = V;

    #[inline]
    fn deref(&self) -> &V {
        self.value
    }
}

impl<V: Copy> DerefMut for AtomicMut<'_, V> {
    #[inline]
    fn deref_mut(&mut self) -> &mut V {
        self.value
    }
}

impl<V: Copy> Drop for AtomicMut<'_, V> {
    #[inline]
    fn drop(&mut self) {
        if let Some(model) = self.model.as_mut().filter(|model| model.is_here()) {
            model.replace((self.bits)(*self.value));
        }
    }
}

impl<V: Copy + fmt::Debug> fmt::Debug for AtomicMut<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
