//! What a task can be about to do, in the words in which the facade tells a scheduler.
//!
//! Plain data, known to the facade's runtime (which announces) and to the scheduler that chooses by it.

use serde::{Deserialize, Serialize};

/// Names one facade object within one execution, in the order of creation. Two executions that were
/// scheduled alike up to some point have made the same objects, and named them alike, up to that point.
pub(crate) type ObjectId = u32;

/// What a task is about to do to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Kind {
    Load,
    Store,
    Rmw,
    /// Orders nothing between tasks by itself: values are sequentially consistent anyway.
    Fence,
    /// Blocks until the lock is free, then takes it.
    Lock,
    TryLock,
    Unlock,
    /// Blocks until no task writes, then takes a share.
    ReadLock,
    TryReadLock,
    ReadUnlock,
    /// Begins to wait for a lock to write: no reader that blocks is admitted from now on until it has written. Comes
    /// before the [`Kind::Lock`].
    Arrive,
    /// Begins to wait for a notification. Comes with the [`Kind::Unlock`] of the mutex.
    Wait,
    /// Blocks until notified, and uses the notification up.
    Wake,
    /// As [`Kind::Wake`], but never blocks: the time is over if there is no notification.
    TimedWake,
    Notify,
    /// Enters a monitor, does something to its value, leaves and notifies, all in one step. Blocks if the
    /// task waits in the monitor and no task has notified it.
    Enter,
    Spawn,
    /// Blocks until the task that `object` counts has ended.
    Join,
    /// Looks whether the task that `object` counts has ended its main function.
    Look,
    /// Lets others run: the task can go on only if they do something, or has nothing else to do.
    Yield,
    /// Not announced, but found out: a [`Kind::TryLock`] that did not get the lock.
    Refused,
    /// Not announced, but found out: a [`Kind::TryReadLock`] that did not get the lock.
    ReadRefused,
}

/// What a task is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) object: ObjectId,
    pub(crate) kind: Kind,
    /// A second object that the same step touches.
    pub(crate) also: Option<(ObjectId, Kind)>,
}

impl Operation {
    /// An operation on one object.
    pub(crate) fn on(object: ObjectId, kind: Kind) -> Self {
        Operation { object, kind, also: None }
    }
}

/// What an operation came to, where that is less than its kind says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Effect {
    /// What its kind says.
    #[default]
    Full,
    /// It has changed nothing: a compare-exchange that failed, an entry to a monitor that only looked.
    Read,
    /// A try-operation that did not get the lock.
    Refused,
    /// A timed wait whose time was over.
    TimedOut,
}
