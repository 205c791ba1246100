//! Histories: who called what when, and what came back.
//!
//! Times are any numbers that grow: a counter, or the nanoseconds of one clock. One operation comes before
//! another if it returned *before* the other was called; at equal times they overlap.
//!
//! Limit: times of clocks that disagree make a history that never happened, and its answer with it.

use std::fmt;
/// An operation of a history.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Operation<Op, Ret> {
    /// Who called. A number of the caller's choice.
    pub client: usize,
    /// What was called.
    pub op: Op,
    /// When it was called.
    pub called: u64,
    /// When it returned and what, or `None` if it never did: it may have taken effect, or not.
    pub returned: Option<(u64, Ret)>,
}

/// The place of an operation in its history, from 0.
pub type Place = usize;

/// Calls and returns of any number of clients.
///
/// Built event by event, where the order of the calls is the order of time:
/// ```
/// # use selvedge::linearizability::History;
/// let mut history = History::new();
/// let push = history.call(0, "push 1");
/// let pop = history.call(1, "pop");
/// history.returns(pop, Some(1));
/// // `push` never returned.
/// # let _ = push;
/// assert_eq!(history.operations().len(), 2);
/// ```
/// or from a log of whole operations, in any order, with [`record`](History::record). With `serde` a history is
/// kept as its operations, the latest time, and the times of crashes; what is read back is not checked again, so
/// that an operation may then have returned before it was called, and counts as if it were called and returned
/// at the time of its call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct History<Op, Ret> {
    operations: Vec<Operation<Op, Ret>>,
    now: u64,
    /// In order.
    #[serde(default)]
    crashes: Vec<u64>,
}

/// An operation that returned before it was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnedBeforeCalled {
    /// Its place among the operations of the history.
    pub place: Place,
    /// Who called.
    pub client: usize,
    /// When it was called.
    pub called: u64,
    /// When it returned.
    pub returned: u64,
}

impl fmt::Display for ReturnedBeforeCalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, client, called, returned } = self;
        write!(
            f,
            "operation {place} of client {client} was called at {called} and returned earlier, at {returned}"
        )
    }
}

impl std::error::Error for ReturnedBeforeCalled {}

impl<Op, Ret> Default for History<Op, Ret> {
    fn default() -> Self {
        Self { operations: Vec::new(), now: 0, crashes: Vec::new() }
    }
}

impl<Op, Ret> History<Op, Ret> {
    /// A history of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a call, later than everything so far.
    pub fn call(&mut self, client: usize, op: Op) -> Place {
        self.now += 1;
        self.operations.push(Operation { client, op, called: self.now, returned: None });
        self.operations.len() - 1
    }

    /// Adds the return of a call, later than everything so far.
    ///
    /// # Panics
    /// If there is no such call, or it has returned already.
    pub fn returns(&mut self, place: Place, ret: Ret) {
        let operation = self.operations.get_mut(place).expect("only what was called can return");
        assert!(operation.returned.is_none(), "operation {place} has returned already");
        self.now += 1;
        operation.returned = Some((self.now, ret));
    }

    /// Adds an operation with its times.
    ///
    /// # Errors
    /// If it returned before it was called. The history is then as it was.
    pub fn record(&mut self, operation: Operation<Op, Ret>) -> Result<Place, ReturnedBeforeCalled> {
        let (client, called) = (operation.client, operation.called);
        let returned = operation.returned.as_ref().map_or(called, |(time, _)| *time);
        if returned < called {
            return Err(ReturnedBeforeCalled { place: self.operations.len(), client, called, returned });
        }
        self.now = self.now.max(returned);
        self.operations.push(operation);
        Ok(self.operations.len() - 1)
    }

    /// Adds a crash of everything, later than everything so far. What is in flight has been cut off: under
    /// [`Criterion::DurablyLinearizable`](super::Criterion::DurablyLinearizable) it took effect before this
    /// moment or never. The other criteria take no notice.
    pub fn crash(&mut self) {
        self.now += 1;
        self.crashes.push(self.now);
    }

    /// Adds a crash at a time: what was called at that time or before, and never returned, was cut off.
    pub fn record_crash(&mut self, time: u64) {
        self.now = self.now.max(time);
        let at = self.crashes.partition_point(|crash| *crash <= time);
        self.crashes.insert(at, time);
    }

    /// The times of the crashes, in order.
    #[must_use]
    pub fn crashes(&self) -> &[u64] {
        &self.crashes
    }

    /// The operations, in the order in which they were added; a [`Place`] is an index into them.
    #[must_use]
    pub fn operations(&self) -> &[Operation<Op, Ret>] {
        &self.operations
    }
}
