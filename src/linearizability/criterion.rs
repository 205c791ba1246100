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
    /// Operations, as a rule transactions on several keys, are in any order at all (Papadimitriou, "The
    /// Serializability of Concurrent Database Updates", JACM 26(4), 1979; strict serializability is
    /// [`Linearizable`](Criterion::Linearizable) of transactions).
    Serializable,
    /// As linearizable, and an operation that a crash cut off took effect before the crash or never
    /// (Izraelevitz, Mendes and Scott, "Linearizability of Persistent Memory Objects Under a
    /// Full-System-Crash Failure Model", DISC 2016): see [`History::crash`](super::History::crash).
    DurablyLinearizable,
}

impl Criterion {
    /// Whether a history may be checked part by part: sequential consistency and serializability are not
    /// local (Herlihy and Wing 1990, section 3.3).
    pub(super) fn is_local(self) -> bool {
        !matches!(self, Criterion::SequentiallyConsistent | Criterion::Serializable)
    }
}
