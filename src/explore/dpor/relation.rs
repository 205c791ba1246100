//! Which operations depend on each other.
//!
//! Two operations of different tasks are independent if, wherever both can be done, each can be done after
//! the other and the order cannot be told afterwards. Everything else conflicts. The relation decides what
//! is explored: a conflict too many costs executions, a conflict too few loses outcomes. So whatever is not
//! listed as independent conflicts.

use crate::base::operation::{Kind, ObjectId, Operation};

/// Whether the kind is about an object at all, or about nothing that others can see.
pub(super) fn has_object(kind: Kind) -> bool {
    !matches!(kind, Kind::Fence | Kind::Spawn | Kind::Join | Kind::Look | Kind::Yield)
}

/// Whether it is about the value of an atomic or a cell: never blocks.
pub(super) fn is_atomic(kind: Kind) -> bool {
    matches!(kind, Kind::Load | Kind::Store | Kind::Rmw)
}

/// Whether it changes such a value, and so conflicts with everything else about it.
pub(super) fn changes_atomic(kind: Kind) -> bool {
    matches!(kind, Kind::Store | Kind::Rmw)
}

/// Takes a lock, in either mode.
fn acquires(kind: Kind) -> bool {
    matches!(kind, Kind::Lock | Kind::TryLock | Kind::ReadLock | Kind::TryReadLock)
}

/// Waits for a lock, in either mode.
fn waits_for_lock(kind: Kind) -> bool {
    matches!(kind, Kind::Lock | Kind::ReadLock)
}

/// Whether two kinds of operations on one object conflict.
pub(super) fn conflict(a: Kind, b: Kind) -> bool {
    use Kind::{
        Arrive, Load, Lock, ReadLock, ReadRefused, ReadUnlock, Refused, TimedWake, TryLock, TryReadLock,
        Wait, Wake,
    };
    if !has_object(a) || !has_object(b) {
        return false;
    }
    let independent = |a: Kind, b: Kind| match a {
        Load => b == Load,
        // Only readers that block are kept out.
        Arrive => b != ReadLock,
        // Readers do not see each other, neither come nor go; and who is refused learns that a writer is in.
        ReadLock | TryReadLock | ReadUnlock | ReadRefused => {
            matches!(b, ReadLock | TryReadLock | ReadUnlock | ReadRefused)
        }
        // Those who are refused change nothing.
        Refused => matches!(b, Refused | ReadRefused),
        // Who waits is a set, not a queue.
        Wait => matches!(b, Wait | Wake | TimedWake),
        Lock | TryLock => false,
        _ => false,
    };
    !independent(a, b) && !independent(b, a)
}

/// How an earlier operation bears on a later one of another task that conflicts with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RaceKind {
    /// They could have come in the other order, if the later could be done at all before the earlier.
    Race,
    /// They could have, although the later could not be done right then: what stood in its way might have
    /// gone first.
    RaceEvenIfBlocked,
    /// The earlier had to come first.
    Order,
}

/// How `earlier` bears on `later`, two conflicting kinds of operations on one object.
pub(super) fn bearing(earlier: Kind, later: Kind) -> RaceKind {
    if !waits_for_lock(later) {
        return RaceKind::Race;
    }
    match earlier {
        // A writer arrives before it locks, and a reader comes before its arrival or after it has written.
        Kind::Lock if later == Kind::ReadLock => RaceKind::Order,
        Kind::ReadLock if later == Kind::Lock => RaceKind::Order,
        Kind::Arrive => RaceKind::RaceEvenIfBlocked,
        // The task that waits for a lock comes after the unlocking, and might have come before the locking.
        Kind::Unlock | Kind::ReadUnlock => RaceKind::Order,
        kind if acquires(kind) => RaceKind::RaceEvenIfBlocked,
        // The lock was taken then, and had to be given back first: that is where the order comes from.
        Kind::Refused if later == Kind::Lock => RaceKind::Order,
        Kind::ReadRefused => RaceKind::Order,
        _ => RaceKind::Race,
    }
}

/// The objects of an operation with what it does to each.
pub(super) fn accesses(operation: &Operation) -> impl Iterator<Item = (ObjectId, Kind)> {
    std::iter::once((operation.object, operation.kind))
        .chain(operation.also)
        .filter(|(_, kind)| has_object(*kind))
}

/// Whether the operations of two tasks conflict.
pub(super) fn dependent(a: (usize, &Operation), b: (usize, &Operation)) -> bool {
    let looks = |(_, operation): (usize, &Operation), other: usize| {
        operation.kind == Kind::Look && operation.object as usize == other
    };
    looks(a, b.0)
        || looks(b, a.0)
        || accesses(a.1).any(|(object, kind)| {
            accesses(b.1).any(|(other, other_kind)| object == other && conflict(kind, other_kind))
        })
}

/// Whether an operation has, as far as others can see, done no more than look.
pub(super) fn only_looks(operation: &Operation) -> bool {
    kinds(operation).all(|kind| {
        matches!(
            kind,
            Kind::Load | Kind::Refused | Kind::ReadRefused | Kind::Look | Kind::Yield | Kind::Fence
        )
    })
}

/// Whether an operation may be part of a loop that does no more than look, if need be under a lock.
pub(super) fn may_only_look(operation: &Operation) -> bool {
    only_looks(operation)
        || kinds(operation).all(|kind| {
            acquires(kind)
                || matches!(
                    kind,
                    Kind::Arrive
                        | Kind::Unlock
                        | Kind::ReadUnlock
                        | Kind::Wait
                        | Kind::TimedWake
                        | Kind::Load
                )
        })
}

fn kinds(operation: &Operation) -> impl Iterator<Item = Kind> {
    std::iter::once(operation.kind).chain(operation.also.map(|(_, kind)| kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Kind::*;

    #[test]
    fn the_relation_is_symmetric_and_writes_conflict_with_all() {
        let all = [
            Load,
            Store,
            Rmw,
            Lock,
            TryLock,
            Unlock,
            ReadLock,
            TryReadLock,
            ReadUnlock,
            Arrive,
            Wait,
            Wake,
            TimedWake,
            Notify,
            Enter,
            Refused,
            ReadRefused,
        ];
        let mut independent = 0;
        for a in all {
            for b in all {
                assert_eq!(conflict(a, b), conflict(b, a), "{a:?} and {b:?}");
                independent += usize::from(!conflict(a, b));
            }
            for write in [Store, Rmw, Enter, Lock, TryLock, Unlock] {
                assert!(conflict(a, write) || a == Arrive, "{a:?} and {write:?}");
            }
            assert_eq!(conflict(a, Arrive), a == ReadLock, "{a:?}");
        }
        // Load with itself; the four of readers with each other; Refused with itself and ReadRefused;
        // Wait with itself and both wakes; Arrive with all but ReadLock.
        assert_eq!(independent, 1 + 16 + 3 + 5 + 31);
    }

    #[test]
    fn only_unlocking_must_come_first() {
        assert_eq!(bearing(Unlock, Lock), RaceKind::Order);
        assert_eq!(bearing(ReadUnlock, Lock), RaceKind::Order);
        assert_eq!(bearing(Unlock, TryLock), RaceKind::Race);
        assert_eq!(bearing(Lock, Lock), RaceKind::RaceEvenIfBlocked);
        assert_eq!(bearing(Lock, ReadLock), RaceKind::Order);
        assert_eq!(bearing(Arrive, ReadLock), RaceKind::RaceEvenIfBlocked);
        assert_eq!(bearing(ReadLock, Arrive), RaceKind::Race);
        assert_eq!(bearing(Refused, ReadLock), RaceKind::Race);
        assert_eq!(bearing(Store, Load), RaceKind::Race);
    }
}
