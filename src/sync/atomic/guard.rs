//! Exclusive access to the value of an atomic.

use super::repr::FromBits;
use crate::explore::rc11::LocationId;
use crate::rt::{loom, rc11};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::atomic::Ordering;

/// Exclusive access to the value of an atomic that is borrowed mutably; made by `get_mut`.
///
/// Where std returns a plain `&mut`, the facade has to write the value back to loom when the access
/// ends. Use it as `*atomic.get_mut()`.
pub struct AtomicMut<'a, V: Copy> {
    value: &'a mut V,
    /// Where loom keeps the value, if it does.
    model: Option<&'a mut dyn WriteBack<V>>,
}

/// An atomic of loom's that a value can be put back into.
pub(super) trait WriteBack<V> {
    fn write_back(&mut self, value: V);
}

/// loom's integers keep integers as they are; `AtomicBool` and `AtomicPtr` are kept as integers.
macro_rules! write_back {
    ($($atomic:ident: $kept:ty),* $(,)?) => {$(
        impl WriteBack<$kept> for loom::$atomic {
            fn write_back(&mut self, value: $kept) {
                self.with_mut(|kept| *kept = value);
            }
        }
    )*};
}

write_back! {
    AtomicU8: u8, AtomicU16: u16, AtomicU32: u32, AtomicU64: u64, AtomicUsize: usize,
    AtomicI8: i8, AtomicI16: i16, AtomicI32: i32, AtomicI64: i64, AtomicIsize: isize,
}

impl<V: Copy + FromBits> WriteBack<V> for LocationId {
    #[track_caller]
    fn write_back(&mut self, value: V) {
        rc11::write(*self, rc11::order_of(Ordering::Relaxed), value.to_bits(), Location::caller());
    }
}

impl WriteBack<bool> for loom::AtomicU8 {
    fn write_back(&mut self, value: bool) {
        self.with_mut(|kept| *kept = u8::from(value));
    }
}

impl<T> WriteBack<*mut T> for loom::AtomicUsize {
    fn write_back(&mut self, value: *mut T) {
        self.with_mut(|kept| *kept = value.expose_provenance());
    }
}

impl<'a, V: Copy> AtomicMut<'a, V> {
    #[inline]
    pub(super) fn direct(value: &'a mut V) -> Self {
        AtomicMut { value, model: None }
    }

    pub(super) fn copied(value: &'a mut V, model: &'a mut dyn WriteBack<V>) -> Self {
        AtomicMut { value, model: Some(model) }
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
        if let Some(model) = &mut self.model
            && loom::alive()
        {
            model.write_back(*self.value);
        }
    }
}

impl<V: Copy + fmt::Debug> fmt::Debug for AtomicMut<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
