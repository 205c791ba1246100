//! Why a thread that polls a future is not woken.
//!
//! Read off the operations of its waker and of the objects that it was registered in.
//!
//! Limits: only an [`AtomicWaker`](crate::future::AtomicWaker) tells that it was asked to wake and was empty. Of a waker
//! that is kept elsewhere (in a lock, in another crate's list) only its clones and its wakes are known.

use super::super::Event;
use super::relations::Relations;
use crate::base::event::{ATOMIC_WAKER, CLONE, REGISTER, WAKE};

/// What a thread waits for that waits to be woken, and events that explain why in vain.
pub(super) fn waits_to_be_woken(relations: &Relations, wait: usize) -> (String, Vec<usize>) {
    let thread = relations.event(wait).thread;
    let events = &relations.witness.events[..wait];
    let is = |event: &Event, operation: &str, object: Option<usize>| {
        event.operation == operation && event.object == object
    };
    let waker = relations.event(wait).object;
    let last = |operation: &str, object| events.iter().rposition(|event| is(event, operation, object));
    let in_atomic = |event: &Event| {
        let kind = event.object.and_then(|object| relations.witness.objects.get(object));
        event.operation == REGISTER && kind.is_some_and(|object| object.kind == ATOMIC_WAKER)
    };
    let registered = events.iter().rposition(|event| event.thread == thread && in_atomic(event));
    if let Some(registered) = registered {
        let (place, what) = (relations.event(registered).object, relations.what(registered));
        let others = |event: &Event, operation| is(event, operation, place) && event.thread != thread;
        let after = &events[registered + 1..];
        if let Some(later) = after.iter().position(|event| others(event, REGISTER)) {
            let later = registered + 1 + later;
            let words = format!(
                "waits to be woken: {} has registered its waker in {what}, in the place of that of {}",
                relations.who(later),
                relations.who(wait)
            );
            return (words, vec![registered, later]);
        }
        let in_vain = |event: &Event| others(event, WAKE) && event.read.as_deref() == Some("false");
        let woken_since = after.iter().any(|event| others(event, WAKE));
        if let (false, Some(early)) = (woken_since, events[..registered].iter().rposition(in_vain)) {
            let words = format!(
                "waits to be woken: {}'s wake of {what} came before {} registered",
                relations.who(early),
                relations.who(wait)
            );
            return (words, vec![early, registered]);
        }
    }
    match (last(WAKE, waker), last(CLONE, waker)) {
        (Some(woken), _) => {
            let words = format!("waits to be woken once more: {} woke it last", relations.who(woken));
            (words, vec![woken])
        }
        (None, Some(cloned)) => ("waits to be woken, and no thread wakes it".to_owned(), vec![cloned]),
        (None, None) => ("waits to be woken, and its waker was never cloned".to_owned(), Vec::new()),
    }
}
