//! The consistency criteria that a history can be held to.

/// What an order of a history's operations has to respect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Criterion {
    /// An operation that returned before another was called comes before it.
    #[default]
    Linearizable,
    /// Each client's operations stay in their order; nothing is said between clients. Two operations of one
    /// client that begin and end at one and the same instant may go either way.
    SequentiallyConsistent,
    /// Operations stay in their order if there was a moment between them when none was in flight.
    QuiescentlyConsistent,
}

impl Criterion {
    /// Whether a history may be checked part by part: sequential consistency is not local (Herlihy and
    /// Wing 1990, section 3.3).
    pub(super) fn is_local(self) -> bool {
        self != Criterion::SequentiallyConsistent
    }
}
