//! What an atomic tells the journal.

use super::repr::Repr;
use crate::base::event::EventKind;
use crate::rt::journal::{self, Key, What};
use std::fmt::Debug;
use std::sync::atomic::Ordering;

/// Where the names of rc11's locations begin, among those of other objects.
const RC11_ATOMICS: u32 = 0x10_0000;

impl<R, L> Repr<R, L> {
    /// Notes an operation that has taken effect; `values` are what it found and what it left.
    #[inline]
    #[track_caller]
    pub(super) fn note(
        &self,
        operation: &'static str,
        deed: EventKind,
        order: Ordering,
        values: [Option<&dyn Debug>; 2],
    ) {
        if journal::on()
            && let Some(key) = self.key()
        {
            journal::access(What::new(operation, deed, key), Some(order), values);
        }
    }

    /// Notes a compare-exchange.
    #[inline]
    #[track_caller]
    pub(super) fn note_exchange<V: Debug>(&self, found: Result<V, V>, new: V, orders: [Ordering; 2]) {
        match &found {
            Ok(found) => self.note("compare_exchange", EventKind::Rmw, orders[0], [Some(found), Some(&new)]),
            Err(found) => self.note("compare_exchange", EventKind::Load, orders[1], [Some(found), None]),
        }
    }

    /// Notes the making.
    #[inline]
    #[track_caller]
    pub(super) fn note_making(&self, kind: &'static str, value: &dyn Debug) {
        if journal::on()
            && let Some(key) = self.key()
        {
            journal::made(kind, key, Some(value));
        }
    }

    pub(super) fn key(&self) -> Option<Key> {
        match self {
            Repr::Real(_) | Repr::Made { .. } => None,
            Repr::Loom(atom, _) => Some(Key::at(&**atom)),
            Repr::Shuttle(_, object) => Some(Key::id(*object)),
            Repr::Rc11(_, location) => Some(Key::id(RC11_ATOMICS + *location)),
        }
    }
}
