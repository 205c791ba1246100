//! The runtime of `rc11`: threads as coroutines along execution graphs, and the primitives that the facade
//! stands on.

mod atomic;
mod cell;
mod count;
mod explorer;
mod given_up;
mod run;
mod spin;
mod sync;

use super::atomic::Scalar;
use super::model::{Identity, RawHandover, SharedIdentity};
use super::pending::ObjectId;
use super::runtime::Runtime;
use super::statics::ObjectName;
use super::unwinding;
use crate::explore::rc11::{Clock, LocationId};
use atomic::RawLocation;
use cell::GraphCell;
use count::GraphCount;
pub(crate) use explorer::Explorer;
pub(crate) use given_up::give_up_if_over;
pub(crate) use run::{
    Cut, End, OF_ENDS, OF_LAZY, OF_MAKERS, OF_PERMITS, OF_STATICS, ROUNDS, Trouble, alive, announce_spawn,
    choose, is_watched, join, learn, learn_from, leave_at, make_for_thread, me, name_ahead, past, set_slot,
    slot, start, take_down, take_others_down, wait_for_others, watch, yield_now,
};
use std::panic::Location;
use std::sync::atomic::Ordering;

/// The runtime of `rc11`.
pub(crate) struct Rc11;

impl Runtime for Rc11 {
    const NAME: &'static str = "rc11";
    const LEAKS_ARE_LOOKED_FOR: bool = true;

    type Atomic = RawLocation;
    type Mutex = RawMutex;
    type RwLock = RawRwLock;
    type Condvar = RawCondvar;
    type MonitorLock = Monitor;
    type PlainCell = GraphCell;
    type Count = GraphCount;
    /// Where it is seen that the thread has ended.
    type ThreadObject = LocationId;
    type Join = u8;
    /// The chain of the end orders it.
    type Handover = ();
    type Past = Box<Clock>;

    fn alive() -> bool {
        alive()
    }

    fn is_unwinding() -> bool {
        is_unwinding()
    }

    fn atomic(_scalar: Scalar, value: u64) -> RawLocation {
        RawLocation::new(value)
    }

    fn mutex() -> RawMutex {
        RawMutex::new()
    }

    fn rwlock() -> RawRwLock {
        RawRwLock::new()
    }

    fn condvar() -> RawCondvar {
        RawCondvar::new()
    }

    fn give_up_if_over() {
        give_up_if_over();
    }

    fn fence(order: Ordering) -> bool {
        run::fence(order_of(order), Location::caller())
    }

    fn monitor() -> Monitor {
        Monitor::new()
    }

    fn cell(_past_races: bool) -> GraphCell {
        GraphCell::new()
    }

    fn first_cell(_past_races: bool) -> GraphCell {
        GraphCell::first()
    }

    fn count() -> GraphCount {
        GraphCount::new()
    }

    fn wait_for_others() {
        wait_for_others();
    }

    fn take_others_down() -> bool {
        take_others_down()
    }

    fn take_down(thread: u64) {
        take_down(usize::try_from(thread).unwrap_or(usize::MAX));
    }

    fn look<R>(look: impl FnOnce(Option<&SharedIdentity>) -> R) -> R {
        look(slot().as_ref())
    }

    fn set(identity: Option<SharedIdentity>) {
        set_slot(identity);
    }

    fn announce_spawn(alike: Option<u64>) -> Option<u64> {
        announce_spawn(alike, Location::caller()).map(u64::from)
    }

    fn tell_apart() {
        run::tell_apart();
    }

    fn thread(number: u64) -> LocationId {
        make_for_thread(OF_ENDS, number)
    }

    fn spawn(_ended_at: &LocationId, identity: &Identity, body: impl FnOnce() + 'static) -> u8 {
        let child = u8::try_from(identity.number).expect("its number was announced");
        start(child, Box::new(body), Location::caller());
        child
    }

    fn end_thread(ended_at: &LocationId) {
        if is_watched(*ended_at) {
            pass(*ended_at, Ordering::Relaxed);
        }
    }

    fn join(child: u8, _has_ended: impl Fn() -> bool) {
        join(child, Location::caller());
    }

    /// The end is one of the looks of a chain, as the last step of the thread is.
    fn look_at_end(ended_at: &LocationId) {
        watch(*ended_at);
        pass(*ended_at, Ordering::Relaxed);
    }

    fn yield_now(here: Here) {
        yield_now(here, Location::caller());
    }

    fn handover(_has_destructor: bool) {}

    fn choose(options: u32) -> u32 {
        choose(options, Location::caller())
    }

    fn name_ahead(name: ObjectName) {
        name_ahead(match name {
            ObjectName::Static(key) => (OF_STATICS, u32::try_from(key).unwrap_or(u32::MAX)),
            ObjectName::Lazy => (OF_LAZY, 0),
            ObjectName::Maker => (OF_MAKERS, 0),
        });
    }

    fn makes_permits(thread: u64) -> bool {
        name_ahead((OF_PERMITS, u32::try_from(thread).unwrap_or(u32::MAX)));
        true
    }

    fn past() -> Option<Box<Clock>> {
        past()
    }

    fn learn(past: &Box<Clock>) {
        learn(past);
    }

    fn acquire(object: ObjectId) {
        learn_from(object);
    }

    fn release(object: ObjectId) {
        leave_at(object);
    }
}

impl RawHandover for () {
    fn give(&self) {}

    fn take(&self) {}
}

/// Whether the running thread is unwinding. An execution that is over unwinds as a whole.
pub(crate) fn is_unwinding() -> bool {
    std::thread::panicking() && (!alive() || unwinding::is(|| me() as u64))
}

/// A step of a chain, with the edges of `order`.
#[track_caller]
pub(crate) fn pass(location: LocationId, order: Ordering) {
    sync::read_modify_write(
        location,
        [order, Ordering::Relaxed],
        &mut |word| Some(word),
        None,
        Location::caller(),
    );
}

pub(crate) use spin::{Here, here};
pub(crate) use sync::{Monitor, RawCondvar, RawGuard, RawMutex, RawRwGuard, RawRwLock, order_of};

#[cfg(test)]
mod tests;
