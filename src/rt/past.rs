//! What threads know of each other: pasts that travel with messages, and edges that objects of the facade promise.
//!
//! A monitor orders no memory. An object that is built on one says here, edge by edge, what it orders.
//!
//! Limit: under loom nothing is told: its locks order all that passes through them.

pub(crate) use super::pending::{ObjectId, Site, new_object};
use super::running;
use super::runtime::Runtime;
use std::cell::RefCell;

one_of! {
    /// All that a thread knows at some moment.
    #[derive(Clone, Debug)]
    Past
}

/// What one message, one spawn or one join carries from the sender's past to the receiver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Token(Option<Past>);

/// The running thread's past, to travel with a message or to a child.
pub(crate) fn token() -> Token {
    let past = |checker| Some(make!(checker, Past, R => R::past()?));
    Token(running().and_then(past))
}

/// As [`token`], into a place where an empty one was.
#[inline]
pub(crate) fn leave_token(place: &RefCell<Token>) {
    let token = token();
    if token.0.is_some() {
        *place.borrow_mut() = token;
    }
}

/// The running thread has received `token`: what its sender had done by then happens before.
pub(crate) fn receive(token: &Token) {
    if let Some(past) = &token.0 {
        with_each!(Past, past, R, past => R::learn(past));
    }
}

/// The running thread now knows all that was [`release`]d into `object`.
pub(crate) fn acquire(object: ObjectId) {
    if let Some(checker) = running() {
        with_runtime!(checker, R => R::acquire(object));
    }
}

/// All that the running thread has done is now known to the thread that [`acquire`]s `object` later.
pub(crate) fn release(object: ObjectId) {
    if let Some(checker) = running() {
        with_runtime!(checker, R => R::release(object));
    }
}
