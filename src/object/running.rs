//! One execution of a generated program: prefix, actors, suffix, and what is recorded of them.

use super::judge::{Judge, Judged, Part, Sequence, Stamped};
use super::property::Implements;
use crate::linearizability::Model;
use crate::rt::context;
use crate::rt::trace;
use crate::scenario::Grade;
use crate::scenario::outcome::Rule;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::witness::{CALLS, RETURNS};
use std::array::from_fn;

/// What the actors share.
pub(super) struct Shared<I, Ret> {
    object: I,
    /// Counts the returns; see the judge.
    gate: AtomicU32,
    prefix: Sequence<Ret>,
}

/// Makes the object and does the prefix.
///
/// What is shared is made before anything is done: bytes between its fields keep what the stack held, and
/// an address of this process there would be taken for memory that processes do not share.
pub(super) fn begin<M: Model, I: Implements<M>>(make: impl Fn() -> I, judge: &Judge<M>) -> Shared<I, M::Ret> {
    let gate = AtomicU32::made_here(0).hidden();
    let object = make();
    let operations = &judge.program.prefix;
    let prefix = from_fn(|index| operations.get(index).map(|op| object.apply(op)));
    Shared { object, gate, prefix }
}

/// Does the operations of one actor.
pub(super) fn act<M: Model, I: Implements<M>>(
    shared: &Shared<I, M::Ret>,
    judge: &Judge<M>,
    part: usize,
) -> Part<M::Ret> {
    let operations = &judge.program.parts[part];
    let alone = judge.program.parts.len() == 1;
    from_fn(|index| {
        let op = operations.get(index)?;
        let seen = shared.gate.load(Ordering::Acquire);
        trace::call(CALLS, op);
        let before = context::operations();
        let ret = shared.object.apply(op);
        if alone && context::operations() != before {
            judge.touched();
        }
        let turn = shared.gate.fetch_add(1, Ordering::Release);
        trace::call(RETURNS, &ret);
        Some(Stamped { seen, turn, ret })
    })
}

/// Does the suffix and judges the execution.
pub(super) fn finish<M: Model, I: Implements<M>>(
    shared: &Shared<I, M::Ret>,
    judge: &Judge<M>,
    parts: &[Part<M::Ret>],
) -> Judged {
    let operations = &judge.program.suffix;
    let suffix = from_fn(|index| operations.get(index).map(|op| shared.object.apply(op)));
    let judged = judge.judge(&shared.prefix, parts, suffix);
    if judged != Judged::Fits {
        return judged;
    }
    match shared.object.invariant() {
        Ok(()) => Judged::Fits,
        Err(words) => Judged::Broken(words),
    }
}

/// What a scenario says of these outcomes.
pub(super) fn rules() -> Vec<Rule<Judged>> {
    let rule = |grade, sentence: &str, matches: fn(&Judged) -> bool| Rule {
        grade,
        sentence: sentence.to_owned(),
        matches: Box::new(matches),
    };
    vec![
        rule(Grade::Acceptable, "an order of the operations explains every return", |judged| {
            *judged == Judged::Fits
        }),
        rule(Grade::Forbidden, "the history is not linearizable", |judged| {
            matches!(judged, Judged::Misfits(_))
        }),
        rule(Grade::Forbidden, "an invariant does not hold at the end", |judged| {
            matches!(judged, Judged::Broken(_))
        }),
        rule(Grade::Acceptable, "the history was not checked to the end", |judged| {
            matches!(judged, Judged::Unknown(_))
        }),
    ]
}
