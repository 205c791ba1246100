//! The sequential model of an object: what each operation does and returns, if operations happen one at a
//! time.
//!
//! Limit: a model that is wrong makes every answer wrong; nothing here can check it.

use super::weight;
use std::fmt::Debug;
use std::hash::Hash;

/// A state of the object, and what operations make of it.
///
/// ```
/// use selvedge::linearizability::Model;
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// struct Counter(u32);
///
/// impl Model for Counter {
///     type Op = u32;
///     type Ret = u32;
///
///     fn apply(&mut self, add: &u32) -> u32 {
///         self.0 += add;
///         self.0
///     }
/// }
/// ```
///
/// A nondeterministic model lists what may happen, as of a coin that may fall either way:
/// ```
/// # use selvedge::linearizability::{Answer, History, Model, check};
/// # use std::time::Duration;
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// struct Coin { thrown: u32 }
///
/// impl Model for Coin {
///     type Op = ();
///     type Ret = bool;
///
///     fn apply(&mut self, (): &()) -> bool {
///         self.thrown += 1;
///         true
///     }
///
///     fn choices(&self, (): &()) -> Option<Vec<(Self, bool)>> {
///         let thrown = Coin { thrown: self.thrown + 1 };
///         Some(vec![(thrown.clone(), true), (thrown, false)])
///     }
/// }
///
/// let mut history = History::new();
/// let throw = history.call(0, ());
/// history.returns(throw, false);
/// assert!(check(&Coin { thrown: 0 }, &history, Duration::from_secs(1)).is_linearizable());
/// ```
///
/// A relational model says of what was returned whether it may be, where too much may be to list it, as of a
/// service that gives out any number that it has not given out yet:
/// ```
/// # use selvedge::linearizability::{Answer, History, Model, check};
/// # use std::{collections::BTreeSet, time::Duration};
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// struct Ids(BTreeSet<u64>);
///
/// impl Model for Ids {
///     type Op = ();
///     type Ret = u64;
///
///     fn apply(&mut self, (): &()) -> u64 {
///         let id = self.0.last().map_or(0, |last| last + 1);
///         self.0.insert(id);
///         id
///     }
///
///     fn relation(&self, (): &(), returned: Option<&u64>) -> Option<Vec<Self>> {
///         let mut after = self.clone();
///         match returned {
///             Some(id) if !after.0.insert(*id) => Some(vec![]),
///             // A call that never returned got an id that no other call got.
///             Some(_) | None => Some(vec![after]),
///         }
///     }
/// }
///
/// let mut history = History::new();
/// for (client, id) in [(0, 7), (1, 1 << 40)] {
///     let call = history.call(client, ());
///     history.returns(call, id);
/// }
/// let second = |time| Duration::from_secs(time);
/// assert!(check(&Ids(BTreeSet::new()), &history, second(1)).is_linearizable());
/// let again = history.call(2, ());
/// history.returns(again, 7);
/// assert!(check(&Ids(BTreeSet::new()), &history, second(1)).is_violation());
/// ```
pub trait Model: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    /// An operation with its arguments.
    type Op: Clone + Debug + Send + Sync + 'static;
    /// What an operation returns.
    type Ret: Clone + Eq + Ord + Hash + Debug + Send + Sync + 'static;

    /// Does the operation, and returns what it returns. Not called while [`ready`](Model::ready) says no.
    fn apply(&mut self, op: &Self::Op) -> Self::Ret;

    /// For a nondeterministic model: every state that the operation may lead to, and what it then returns.
    /// `None`, the default, means what [`apply`](Model::apply) does and nothing else; where this gives an
    /// answer, `apply` may do any one of the things it lists, and is used to generate programs alone. An
    /// empty list means that the operation cannot happen now.
    fn choices(&self, _op: &Self::Op) -> Option<Vec<(Self, Self::Ret)>> {
        None
    }

    /// For a relational model: every state that the operation may lead to if it returned this, and none if
    /// it may not; if it never returned, every state that it may have led to. `None`, the default, means what
    /// [`choices`](Model::choices) and [`apply`](Model::apply) say; where this gives an answer, they are used
    /// to generate programs alone.
    fn relation(&self, _op: &Self::Op, _returned: Option<&Self::Ret>) -> Option<Vec<Self>> {
        None
    }

    /// Whether the operation can happen now. An operation that blocks says no until it can.
    fn ready(&self, _op: &Self::Op) -> bool {
        true
    }

    /// The part of the object that the operation is about, such as the hash of its key. `None`, the
    /// default, means all of it, and one such operation in a history keeps it whole.
    ///
    /// What an operation does and returns must depend on the earlier operations of its own part alone: then
    /// a history is linearizable if the history of each part is (Herlihy and Wing, "Linearizability: A
    /// Correctness Condition for Concurrent Objects", TOPLAS 12(3), 1990, section 3.1). Two parts under one
    /// number cost time and are never wrong.
    fn part(_op: &Self::Op) -> Option<u64> {
        None
    }

    /// Whether the operation, if it returns this, leaves the state as it was, whatever the state is: a read
    /// does, and so does a compare-and-set that fails. An operation of which this is said is placed as soon
    /// as it fits, and no other order is tried for it. `false`, the default, is always right; to say `true`
    /// of an operation that changes any state makes answers wrong.
    fn read_only(_op: &Self::Op, _returned: &Self::Ret) -> bool {
        false
    }

    /// Bytes that one copy of this state takes, whatever it owns included, for the bound on memory.
    ///
    /// The default is the size of the type, and for a type that owns anything an estimate of that, from
    /// above as a rule: twice the bytes that its [`Hash`] reads, and eight more for each time that it reads.
    /// What `Hash` does not read is not counted, so a model that leaves much out of its hash has to tell.
    fn weight(&self) -> usize {
        weight::estimated(self)
    }

    /// Whether a generated program may do the operation in this state; what the object promises nothing
    /// about is not generated.
    fn precondition(&self, _op: &Self::Op) -> bool {
        true
    }

    /// The only actor that may do the operation, counted from 0, if there is but one. Generated programs
    /// keep to it in their parallel parts.
    fn only_actor(_op: &Self::Op) -> Option<usize> {
        None
    }
}

/// Adds to `next` every state that `op` may lead to from `state` when it returns `returned`, or returns
/// anything if that is `None`.
pub(crate) fn follow<M: Model>(state: &M, op: &M::Op, returned: Option<&M::Ret>, next: &mut Vec<M>) {
    if !state.ready(op) {
        return;
    }
    if let Some(states) = state.relation(op, returned) {
        next.extend(states);
        return;
    }
    let fits = |ret: &M::Ret| returned.is_none_or(|returned| returned == ret);
    if let Some(choices) = state.choices(op) {
        next.extend(choices.into_iter().filter(|(_, ret)| fits(ret)).map(|(state, _)| state));
    } else {
        let mut changed = state.clone();
        if fits(&changed.apply(op)) {
            next.push(changed);
        }
    }
}
