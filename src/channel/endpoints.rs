//! Several isolated copies of one state that share their channels, as forked processes do.
//!
//! [`record`] runs a constructor and remembers the channels that it makes; [`replay`] runs it again and
//! hands out clones of the remembered ends instead of new channels, in the same order. Works in every
//! context but is needed only where there is no fork.
//!
//! Limits: the constructor must make the same channels in the same order every time and must not let
//! another model thread run that makes channels, and it must leave no message behind: what it has sent may refer to
//! what ended with it. [`Endpoints`] keeps both ends of every channel alive:
//! drop it before the actors run, or they will never see a disconnect. `mpsc` is not covered.

use super::{Receiver, Sender};
use crate::erased::type_id;
use std::any::TypeId;
use std::cell::RefCell;
use std::ptr::NonNull;

/// The channels that one run of a constructor made, in order.
#[derive(Default)]
pub(crate) struct Endpoints(Vec<Ends>);

/// Both ends of one channel, their message type forgotten.
struct Ends {
    message: TypeId,
    name: &'static str,
    capacity: Option<usize>,
    ends: NonNull<()>,
    waiting: unsafe fn(NonNull<()>) -> usize,
    drop: unsafe fn(NonNull<()>),
}

impl Ends {
    /// Messages that wait in the channel.
    fn waiting(&self) -> usize {
        // SAFETY: `waiting` was made for `ends` by `remember`, and `self` owns them.
        unsafe { (self.waiting)(self.ends) }
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        // A message that a constructor has left may refer to what ended with it: it is lost, and not dropped.
        if self.waiting() == 0 {
            // SAFETY: `drop` was made for `ends` by `remember`, and this is the only owner.
            unsafe { (self.drop)(self.ends) };
        }
    }
}

impl Endpoints {
    /// The constructor has returned.
    ///
    /// # Panics
    /// If it has left messages: the copies of the state that are made after this one would find them.
    fn check_empty(&self) {
        for (at, ends) in self.0.iter().enumerate() {
            let waiting = ends.waiting();
            assert!(
                waiting == 0,
                "the constructor of an isolated state left {waiting} messages in channel {at}, of {}, which all copies \
                 of the state share: let an actor send them",
                ends.name
            );
        }
    }
}

/// # Safety
/// As for [`drop_ends`], but the ends stay.
unsafe fn waiting_in<T>(ends: NonNull<()>) -> usize {
    // SAFETY: `remember` made this pointer from a box of this type.
    unsafe { ends.cast::<(Sender<T>, Receiver<T>)>().as_ref() }.0.waiting()
}

unsafe fn drop_ends<T>(ends: NonNull<()>) {
    // SAFETY: `remember` made this pointer from a box of this type.
    drop(unsafe { Box::from_raw(ends.cast::<(Sender<T>, Receiver<T>)>().as_ptr()) });
}

enum Mode {
    Record(Endpoints),
    Replay { from: *const Endpoints, next: usize },
}

thread_local! {
    static MODE: RefCell<Option<Mode>> = const { RefCell::new(None) };
}

/// Leaves the mode also when the constructor panics.
struct Left;

impl Drop for Left {
    fn drop(&mut self) {
        let mode = MODE.take();
        drop(mode);
    }
}

/// Runs `state` and remembers the channels it makes.
///
/// # Panics
/// If the constructor leaves messages in them.
pub(crate) fn record<S>(state: impl FnOnce() -> S) -> (S, Endpoints) {
    MODE.set(Some(Mode::Record(Endpoints::default())));
    let left = Left;
    let made = state();
    let endpoints = match MODE.take() {
        Some(Mode::Record(endpoints)) => endpoints,
        _ => Endpoints::default(),
    };
    drop(left);
    endpoints.check_empty();
    (made, endpoints)
}

/// Runs `state` again; the k-th channel it makes is a clone of the k-th in `endpoints`.
///
/// # Panics
/// If the constructor makes other channels than when they were recorded, or leaves messages in them.
pub(crate) fn replay<S>(endpoints: &Endpoints, state: impl FnOnce() -> S) -> S {
    MODE.set(Some(Mode::Replay { from: endpoints, next: 0 }));
    let left = Left;
    let made = state();
    let used = match &MODE.take() {
        Some(Mode::Replay { next, .. }) => *next,
        _ => 0,
    };
    drop(left);
    let recorded = endpoints.0.len();
    endpoints.check_empty();
    assert!(used == recorded, "a state made {recorded} channels at first and {used} when it was made again");
    made
}

/// The ends to hand out for a channel that is about to be made: in a replay those of the recording.
pub(super) fn replayed<T>(capacity: Option<usize>) -> Option<(Sender<T>, Receiver<T>)> {
    let (from, at) = MODE.with_borrow_mut(|mode| match mode {
        Some(Mode::Replay { from, next }) => {
            *next += 1;
            Some((*from, *next - 1))
        }
        _ => None,
    })?;
    // SAFETY: `replay` holds the reference that this pointer was made from while the mode is set.
    let endpoints = unsafe { &*from };
    let name = std::any::type_name::<T>();
    let Some(ends) = endpoints.0.get(at) else {
        panic!("a state made {at} channels at first and one more, of {name}, when it was made again");
    };
    assert!(
        ends.message == type_id::<T>() && ends.capacity == capacity,
        "channel {at} of a state was made for {} with capacity {:?} at first and for {name} with \
         capacity {capacity:?} when it was made again",
        ends.name,
        ends.capacity,
    );
    // SAFETY: the message types are equal, so this is what `remember` boxed.
    let ends = unsafe { ends.ends.cast::<(Sender<T>, Receiver<T>)>().as_ref() };
    Some(ends.clone())
}

/// Remembers a channel that was just made, in a recording.
pub(super) fn remember<T>(capacity: Option<usize>, ends: &(Sender<T>, Receiver<T>)) {
    let recording = MODE.with_borrow(|mode| matches!(mode, Some(Mode::Record(_))));
    if !recording {
        return;
    }
    // Cloning can be a scheduling point, so the mode is not borrowed meanwhile.
    let ends = NonNull::from(Box::leak(Box::new(ends.clone())));
    let ends = Ends {
        message: type_id::<T>(),
        name: std::any::type_name::<T>(),
        capacity,
        ends: ends.cast(),
        waiting: waiting_in::<T>,
        drop: drop_ends::<T>,
    };
    MODE.with_borrow_mut(|mode| {
        if let Some(Mode::Record(endpoints)) = mode {
            endpoints.0.push(ends);
        }
    });
}
