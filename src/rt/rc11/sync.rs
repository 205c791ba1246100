//! Atomics, locks, condition variables and monitors on execution graphs.
//!
//! A mutex is a word that is taken by a read-modify-write which waits, and given back by a release store. All
//! else is a monitor: what a thread does inside is one read-modify-write of a chain, and what it learns there is
//! said by those who build on it.
//!
//! A reader-writer lock leaves open, as std does, whether a writer that waits keeps new readers out. Here it does; but
//! that it waits is a step of its own, and nothing but the readers that it keeps out tells whether it was made: so
//! one that comes before a writer that waits is one that comes before it does.

use super::give_up_if_over;
use super::run::{self, Manner, ReadValue, Update};
use super::spin::Here;
use super::{alive, choose};
use crate::explore::rc11::{Clock, LocationId, Order, join};
use crate::rt::lock::{self, RawMutex as _};
use crate::rt::monitor::RawMonitor;
use crate::rt::pending::Site;
use std::cell::RefCell;
use std::panic::Location;
use std::sync::atomic::Ordering;

/// An ordering of the language.
pub(crate) fn order_of(order: Ordering) -> Order {
    match order {
        Ordering::Relaxed => Order::Relaxed,
        Ordering::Acquire => Order::Acquire,
        Ordering::Release => Order::Release,
        Ordering::AcqRel => Order::AcqRel,
        _ => Order::SeqCst,
    }
}

/// Reads a location. `None` if the execution is over.
pub(crate) fn load(location: LocationId, order: Ordering, here: Here, site: Site) -> Option<u64> {
    let order = order_of(order);
    let manner = Manner { success: order, failure: order, waits: false };
    run::read(location, manner, &mut |_| None, Some(here), site).map(|read| read.value)
}

/// Reads a location and writes what `update` makes of it, unless that is `None`. `here` is given where that may
/// be. `None` if the execution is over.
pub(crate) fn read_modify_write(
    location: LocationId,
    [success, failure]: [Ordering; 2],
    update: Update<'_>,
    here: Option<Here>,
    site: Site,
) -> Option<ReadValue> {
    let manner = Manner { success: order_of(success), failure: order_of(failure), waits: false };
    run::read(location, manner, update, here, site)
}

/// A mutex without data or poison.
pub(crate) struct RawMutex {
    location: LocationId,
}

/// Holds a [`RawMutex`].
pub(crate) struct RawGuard<'a> {
    lock: &'a RawMutex,
    held: bool,
}

/// From free to taken.
fn take(word: u64) -> Option<u64> {
    (word == 0).then_some(1)
}

impl RawMutex {
    #[track_caller]
    pub(crate) fn new() -> Self {
        RawMutex { location: run::make(0, false, Location::caller()) }
    }
}

impl lock::RawMutex for RawMutex {
    type Guard<'a> = RawGuard<'a>;

    fn lock(&self) -> RawGuard<'_> {
        let manner = Manner { success: Order::Acquire, failure: Order::Relaxed, waits: true };
        let taken = run::read(self.location, manner, &mut take, None, Location::caller());
        RawGuard { lock: self, held: taken.is_some() }
    }

    fn try_lock(&self, here: Here) -> Option<RawGuard<'_>> {
        let manner = Manner { success: Order::Acquire, failure: Order::Relaxed, waits: false };
        match run::read(self.location, manner, &mut take, Some(here), Location::caller()) {
            Some(ReadValue { written: None, .. }) => None,
            Some(_) => Some(RawGuard { lock: self, held: true }),
            None => Some(RawGuard { lock: self, held: false }),
        }
    }

    fn locked<'a>(guard: &RawGuard<'a>) -> &'a Self
    where
        Self: 'a,
    {
        guard.lock
    }
}

impl RawGuard<'_> {
    fn unlock(&mut self, site: Site) {
        if std::mem::take(&mut self.held) {
            run::write(self.lock.location, Order::Release, 0, site);
        }
    }
}

impl Drop for RawGuard<'_> {
    fn drop(&mut self) {
        self.unlock(Location::caller());
    }
}

/// The lock and condition of a monitor in one. It orders no memory.
pub(crate) struct Monitor {
    location: LocationId,
}

impl Monitor {
    #[track_caller]
    pub(crate) fn new() -> Self {
        Monitor { location: run::make(0, true, Location::caller()) }
    }

    /// Does not block: what comes between this and [`Monitor::leave`] is one step.
    fn enter(&self) -> bool {
        run::enter(self.location, None, Location::caller())
    }

    fn leave(&self) {
        run::leave();
    }

    /// Leaves, waits until another thread has changed something, and enters again.
    ///
    /// # Panics
    ///
    /// If the execution is over: nothing will change.
    fn wait(&self, changed: bool) {
        give_up_if_over();
        let entered = alive() && run::wait(self.location, changed, Location::caller());
        assert!(entered, "waiting in a monitor while the execution is taken apart");
    }
}

impl RawMonitor for Monitor {
    type Guard<'a> = ();

    fn enter(&self) {
        Monitor::enter(self);
    }

    fn leave((): (), _changed: bool) {
        run::leave();
    }

    fn wait(&self, (): (), changed: bool) {
        Monitor::wait(self, changed);
    }

    /// Nothing to do: a waiter waits for a change.
    fn notify_all(&self) {}

    /// As [`RawMonitor::notify_all`].
    fn notify_one(&self) {}
}

/// State inside of a monitor, of the execution that made it.
struct Inside<T> {
    monitor: Monitor,
    owner: u64,
    state: RefCell<T>,
}

impl<T> Inside<T> {
    #[track_caller]
    fn new(state: T) -> Self {
        Inside { monitor: Monitor::new(), owner: run::execution(), state: RefCell::new(state) }
    }

    fn is_here(&self) -> bool {
        alive() && run::execution() == self.owner
    }

    /// One step: `act` on the state. `None` if the execution is over.
    fn step<R>(&self, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        if !self.is_here() || !self.monitor.enter() {
            return None;
        }
        let result = act(&mut self.state.borrow_mut());
        self.monitor.leave();
        Some(result)
    }

    /// Takes steps until `act` is done. It gets what was chosen last, if anything was.
    fn wait_until<R>(&self, mut act: impl FnMut(&mut T, Option<u32>) -> Step<R>) -> Option<R> {
        if !self.is_here() || !self.monitor.enter() {
            return None;
        }
        let mut chosen = None;
        loop {
            let step = act(&mut self.state.borrow_mut(), chosen);
            match step {
                Step::Done(result) => {
                    self.monitor.leave();
                    return Some(result);
                }
                Step::Wait { changed } => self.monitor.wait(changed),
                Step::Choose(options) => {
                    self.monitor.leave();
                    chosen = Some(choose(options, Location::caller()));
                    if !self.monitor.enter() {
                        return None;
                    }
                }
            }
        }
    }
}

/// What a step inside of a monitor comes to.
enum Step<R> {
    Done(R),
    /// Others must do something first. Whether this step has changed anything.
    Wait {
        changed: bool,
    },
    /// One of so many is to be chosen first, outside: a choice is no part of the write that others read, so that what
    /// they do would depend on something that is not in their past.
    Choose(u32),
}

/// A past that is left for others: part of the state inside of a monitor.
#[derive(Default)]
struct Left(Option<Box<Clock>>);

impl Left {
    fn leave(&mut self) {
        if let Some(past) = run::past() {
            match &mut self.0 {
                Some(left) => join(left, &past),
                empty => *empty = Some(past),
            }
        }
    }

    fn learn(&self) {
        if let Some(left) = &self.0 {
            run::learn(left);
        }
    }
}

#[derive(Default)]
struct Holders {
    readers: usize,
    writer: bool,
    waiting_writers: usize,
    /// What writers have done: known to the next holder.
    written: Left,
    /// What readers have done: known to the next writer only.
    read: Left,
}

impl Holders {
    fn learn(&self, mode: Mode) {
        self.written.learn();
        if mode == Mode::Write {
            self.read.learn();
        }
    }
}

/// A reader-writer lock without data or poison.
pub(crate) struct RawRwLock {
    holders: Inside<Holders>,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Read,
    Write,
}

/// Holds a [`RawRwLock`], for reading or for writing.
pub(crate) struct RawRwGuard<'a> {
    lock: &'a RawRwLock,
    held: Option<Mode>,
}

impl RawRwLock {
    #[track_caller]
    pub(crate) fn new() -> Self {
        RawRwLock { holders: Inside::new(Holders::default()) }
    }

    fn guard(&self, mode: Mode) -> RawRwGuard<'_> {
        RawRwGuard { lock: self, held: Some(mode) }
    }

    fn try_lock(&self, mode: Mode) -> Option<RawRwGuard<'_>> {
        let taken = self.holders.step(|holders| {
            let free = !holders.writer && (mode == Mode::Read || holders.readers == 0);
            if free {
                match mode {
                    Mode::Read => holders.readers += 1,
                    Mode::Write => holders.writer = true,
                }
                holders.learn(mode);
            }
            free
        });
        match taken {
            Some(taken) => taken.then(|| self.guard(mode)),
            None => Some(RawRwGuard { lock: self, held: None }),
        }
    }
}

impl lock::RawRwLock for RawRwLock {
    type Guard<'a> = RawRwGuard<'a>;

    fn read(&self) -> RawRwGuard<'_> {
        let taken = self.holders.wait_until(|holders, _| {
            if holders.writer || holders.waiting_writers > 0 {
                return Step::Wait { changed: false };
            }
            holders.readers += 1;
            holders.learn(Mode::Read);
            Step::Done(())
        });
        taken.map_or(RawRwGuard { lock: self, held: None }, |()| self.guard(Mode::Read))
    }

    fn write(&self) -> RawRwGuard<'_> {
        let mut waits = false;
        let taken = self.holders.wait_until(|holders, _| {
            if holders.writer || holders.readers > 0 {
                let changed = !std::mem::replace(&mut waits, true);
                holders.waiting_writers += usize::from(changed);
                return Step::Wait { changed };
            }
            holders.waiting_writers -= usize::from(waits);
            holders.writer = true;
            holders.learn(Mode::Write);
            Step::Done(())
        });
        taken.map_or(RawRwGuard { lock: self, held: None }, |()| self.guard(Mode::Write))
    }

    fn try_read(&self) -> Option<RawRwGuard<'_>> {
        self.try_lock(Mode::Read)
    }

    fn try_write(&self) -> Option<RawRwGuard<'_>> {
        self.try_lock(Mode::Write)
    }
}

impl Drop for RawRwGuard<'_> {
    fn drop(&mut self) {
        let Some(mode) = self.held else { return };
        self.lock.holders.step(|holders| match mode {
            Mode::Read => {
                holders.readers -= 1;
                holders.read.leave();
            }
            Mode::Write => {
                holders.writer = false;
                holders.written.leave();
            }
        });
    }
}

#[derive(Default)]
struct Waiters {
    /// Those who wait, by ticket.
    asleep: Vec<u64>,
    /// Those who were notified and have not gone on.
    notified: Vec<u64>,
    tickets: u64,
}

/// A condition variable. It orders nothing: the mutex does.
pub(crate) struct RawCondvar {
    waiters: Inside<Waiters>,
}

impl RawCondvar {
    #[track_caller]
    pub(crate) fn new() -> Self {
        RawCondvar { waiters: Inside::new(Waiters::default()) }
    }

    /// # Panics
    /// If the execution is over: nothing will notify.
    fn begin(&self) -> u64 {
        give_up_if_over();
        let ticket = self.waiters.step(|waiters| {
            waiters.tickets += 1;
            waiters.asleep.push(waiters.tickets);
            waiters.tickets
        });
        ticket.expect("a Condvar is waited on while the execution is taken apart")
    }

    fn wait_for_notification(&self, ticket: u64) {
        let woken = self.waiters.wait_until(|waiters, _| {
            let Some(at) = waiters.notified.iter().position(|other| *other == ticket) else {
                return Step::Wait { changed: false };
            };
            waiters.notified.remove(at);
            Step::Done(())
        });
        if woken.is_none() {
            give_up_if_over();
        }
        assert!(woken.is_some(), "a Condvar is waited on while the execution is taken apart");
    }
}

impl lock::RawCondvar<RawMutex> for RawCondvar {
    fn wait<'a>(&self, guard: RawGuard<'a>) -> RawGuard<'a>
    where
        RawMutex: 'a,
    {
        let lock = guard.lock;
        let ticket = self.begin();
        drop(guard);
        self.wait_for_notification(ticket);
        lock.lock()
    }

    fn wait_timeout<'a>(&self, guard: RawGuard<'a>) -> (RawGuard<'a>, bool)
    where
        RawMutex: 'a,
    {
        let is_notified = choose(2, Location::caller()) == 0;
        let lock = guard.lock;
        let ticket = self.begin();
        drop(guard);
        if is_notified {
            // If that never comes, the time is over: that is the other choice.
            run::set_in_vain(true);
            self.wait_for_notification(ticket);
            run::set_in_vain(false);
            return (lock.lock(), false);
        }
        let timed_out = self.waiters.step(|waiters| {
            let asleep = waiters.asleep.iter().position(|other| *other == ticket);
            match asleep {
                Some(at) => {
                    waiters.asleep.remove(at);
                }
                None => waiters.notified.retain(|other| *other != ticket),
            }
            asleep.is_some()
        });
        (lock.lock(), timed_out == Some(true))
    }

    fn notify_one(&self) {
        self.waiters.wait_until(|waiters, chosen| {
            let chosen = match (waiters.asleep.len(), chosen) {
                (0, _) => return Step::Done(()),
                (1, _) => 0,
                (options, None) => return Step::Choose(u32::try_from(options).unwrap_or(u32::MAX)),
                // Others may have been notified since.
                (options, Some(chosen)) => (chosen as usize).min(options - 1),
            };
            let woken = waiters.asleep.remove(chosen);
            waiters.notified.push(woken);
            Step::Done(())
        });
    }

    fn notify_all(&self) {
        self.waiters.step(|waiters| {
            let asleep = std::mem::take(&mut waiters.asleep);
            waiters.notified.extend(asleep);
        });
    }
}
