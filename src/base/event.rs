//! What happens in an execution, operation by operation.

use super::location::Site;
use serde::{Deserialize, Serialize};

/// The operation that a thread does first.
pub(crate) const STARTS: &str = "begin";

/// The kind of object that a thread which polls a future is woken by.
pub(crate) const WAKER: &str = "Waker";

/// The kind of object that keeps wakers for others to find.
pub(crate) const ATOMIC_WAKER: &str = "AtomicWaker";

/// A waker was cloned: another may wake by it.
pub(crate) const CLONE: &str = "clone";

/// A waker wakes, or what keeps one has it wake.
pub(crate) const WAKE: &str = "wake";

/// A thread waits to be woken by its waker.
pub(crate) const SLEEP: &str = "sleep";

/// A waker is left in an object for others to find.
pub(crate) const REGISTER: &str = "register";

/// Told of a generated program: a thread calls an operation of the object.
pub(crate) const CALLS: &str = "calls";

/// The call has returned.
pub(crate) const RETURNS: &str = "returns";

/// Something that threads share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Object {
    /// The name of the field or variable that it was made for, or its type and number, like `AtomicU32 2`.
    pub(crate) name: String,
    /// The type without parameters, like `AtomicU32`.
    pub(crate) kind: String,
}

/// What an event does to its object, as far as an explanation needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EventKind {
    /// The object is made; `written` is its first value.
    Create,
    /// An atomic load, also that of a failed compare-exchange.
    Load,
    Store,
    /// A read-modify-write that has written.
    Rmw,
    /// A plain read.
    Read,
    /// A plain write.
    Write,
    /// The object is dropped.
    Drop,
    /// A lock is taken, by one alone.
    Lock,
    /// A lock is taken, by one reader among others.
    LockShared,
    Unlock,
    UnlockShared,
    /// A try that found the lock taken.
    TryFailed,
    Fence,
    Other,
}

/// One operation of one thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Into [`Witness::threads`](super::witness::Witness::threads).
    pub(crate) thread: usize,
    /// By the name that the source has for it, like `fetch_add`.
    pub(crate) operation: String,
    pub(crate) kind: EventKind,
    /// The memory ordering, like `Relaxed`.
    pub(crate) order: Option<String>,
    /// Into [`Witness::objects`](super::witness::Witness::objects).
    pub(crate) object: Option<usize>,
    /// The value found.
    pub(crate) read: Option<String>,
    /// The value left.
    pub(crate) written: Option<String>,
    pub(crate) site: Option<Site>,
    /// It was begun and never ended: its thread waits.
    pub(crate) blocked: bool,
    /// Set by `explain`.
    pub(crate) mark: Mark,
    /// Set by `explain` for a load of another value than the latest.
    pub(crate) stale: Option<Stale>,
    /// Set by `explain` for what reads a value: the event that wrote it, if it is known; the object's making counts.
    #[serde(default)]
    pub(crate) from: Option<usize>,
    /// Set by `explain`: the events of other threads that this one synchronises with. What came before them has come
    /// before this one too, and is not named.
    #[serde(default)]
    pub(crate) after: Vec<usize>,
}

/// Why an event is worth a look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mark {
    #[default]
    None,
    /// Without it in this place the failure would not be.
    Decides,
    /// One of the two accesses of the data race.
    Races,
}

/// Where a stale value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stale {
    /// The event that wrote what was read, if it is known; the object's making counts.
    pub(crate) from: Option<usize>,
    /// The event that wrote last before the read.
    pub(crate) latest: usize,
}
