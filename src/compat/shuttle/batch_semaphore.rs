//! shuttle's `BatchSemaphore`: permits, any number of which are taken at once, awaited or by blocking.
//!
//! What was done before a release is known to those who acquire after it. Every waiter leaves a waker; a release wakes
//! those who may go on.
//!
//! Limit: an acquirer synchronises with all releases before it, and not only with those of its own permits.

use crate::base::event::EventKind;
use crate::rt::context;
use crate::rt::monitor::Monitor;
use crate::rt::past::{self, ObjectId};
use crate::rt::trace::{self, Key};
use crate::sync::OnceLock;
use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Who goes on when permits come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fairness {
    /// In the order of waiting; permits are given to the first as soon as there are enough for it.
    StrictlyFair,
    /// Any for whom there are enough.
    Unfair,
}

/// Why no permits were taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore is closed.
    Closed,
    /// There are not enough, or others come first.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryAcquireError::Closed => "semaphore closed",
            TryAcquireError::NoPermits => "no permits available",
        })
    }
}

impl std::error::Error for TryAcquireError {}

/// The semaphore was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcquireError;

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("semaphore closed")
    }
}

impl std::error::Error for AcquireError {}

/// A number of permits.
///
/// ```
/// use selvedge::compat::shuttle::future::batch_semaphore::{BatchSemaphore, Fairness, TryAcquireError};
///
/// let semaphore = BatchSemaphore::new(3, Fairness::StrictlyFair);
/// semaphore.acquire_blocking(2).expect("it is open");
/// assert_eq!(semaphore.try_acquire(2), Err(TryAcquireError::NoPermits));
/// semaphore.release(1);
/// assert_eq!(semaphore.try_acquire(2), Ok(()));
/// ```
pub struct BatchSemaphore {
    core: Place,
    fairness: Fairness,
}

/// A `static` is made when it is first used, in every execution anew.
enum Place {
    Made(Core),
    Static(OnceLock<Core>, usize),
}

struct Core {
    id: ObjectId,
    /// Carries what was done before releases.
    edges: ObjectId,
    state: Monitor<State>,
}

#[derive(Default)]
struct State {
    permits: usize,
    closed: bool,
    waiting: VecDeque<Waiter>,
    /// For whom what is there is kept, until it is enough.
    reserved: Option<Waiter>,
    /// Those who have been given their permits and do not know it yet.
    given: Vec<u64>,
    next: u64,
}

struct Waiter {
    key: u64,
    permits: usize,
    /// With how many it can get on.
    least: usize,
    bypassable: bool,
    /// Taken when it is woken.
    waker: Option<Waker>,
}

/// Where a request stands among those who wait; of meaning if the semaphore is fair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    Back,
    /// At the back, and others may go past for as long as there is not enough for it.
    Bypassable,
    Front,
}

impl Core {
    #[track_caller]
    fn new(permits: usize) -> Self {
        let model = context::current().is_model();
        let (id, edges) = if model { (past::new_object(), past::new_object()) } else { (0, 0) };
        trace::made("BatchSemaphore", Key::id(id), None);
        let state = State { permits, ..State::default() };
        Core { id, edges, state: Monitor::new(state) }
    }
}

impl State {
    /// What a request can take that is not the one for whom permits are kept.
    fn available(&self) -> usize {
        if self.reserved.is_some() { 0 } else { self.permits }
    }

    fn try_take(&mut self, permits: usize, fairness: Fairness, rank: Rank) -> Result<(), TryAcquireError> {
        if self.closed {
            return Err(TryAcquireError::Closed);
        }
        let in_turn = fairness == Fairness::Unfair
            || rank == Rank::Front
            || self.waiting.iter().all(|waiter| waiter.bypassable);
        if !in_turn || permits > self.available() {
            return Err(TryAcquireError::NoPermits);
        }
        self.permits -= permits;
        Ok(())
    }

    /// After permits have come back, or one who waited has left: the wakers of those who can go on.
    fn hand_out(&mut self, fairness: Fairness) -> Vec<Waker> {
        match fairness {
            Fairness::StrictlyFair => self.give_in_order(),
            Fairness::Unfair => self.let_race(),
        }
    }

    fn give_in_order(&mut self) -> Vec<Waker> {
        let (mut wakers, mut at) = (Vec::new(), 0);
        while let Some(waiter) = self.waiting.get(at) {
            if waiter.permits <= self.permits {
                self.permits -= waiter.permits;
                self.given.push(waiter.key);
                wakers.extend(self.waiting.remove(at).and_then(|waiter| waiter.waker));
            } else if waiter.bypassable {
                at += 1;
            } else {
                break;
            }
        }
        wakers
    }

    fn let_race(&mut self) -> Vec<Waker> {
        let permits = self.permits;
        if let Some(holder) = &mut self.reserved {
            let enough = holder.permits <= permits;
            return if enough { holder.waker.take().into_iter().collect() } else { Vec::new() };
        }
        let enough = self.waiting.iter_mut().filter(|waiter| waiter.least <= permits);
        enough.filter_map(|waiter| waiter.waker.take()).collect()
    }

    fn place_of(&self, key: Option<u64>) -> Option<usize> {
        self.waiting.iter().position(|waiter| Some(waiter.key) == key)
    }

    fn is_reserved_by(&self, key: Option<u64>) -> bool {
        self.reserved.as_ref().is_some_and(|holder| Some(holder.key) == key)
    }
}

impl BatchSemaphore {
    /// With so many permits.
    #[must_use]
    #[track_caller]
    pub fn new(num_permits: usize, fairness: Fairness) -> Self {
        BatchSemaphore { core: Place::Made(Core::new(num_permits)), fairness }
    }

    /// With so many permits, for a `static`.
    #[must_use]
    pub const fn const_new(num_permits: usize, fairness: Fairness) -> Self {
        BatchSemaphore { core: Place::Static(OnceLock::new(), num_permits), fairness }
    }

    fn core(&self) -> &Core {
        match &self.core {
            Place::Made(core) => core,
            Place::Static(core, permits) => core.get_or_init(|| Core::new(*permits)),
        }
    }

    /// Changes the state, and wakes who then can go on. Wakers run no code inside.
    fn change<R>(&self, f: impl FnOnce(&mut State) -> (R, Vec<Waker>)) -> R {
        let core = self.core();
        let mut state = core.state.enter();
        // A waker comes with what its thread did before it left it.
        past::acquire(core.edges);
        let (result, wakers) = f(&mut state);
        past::release(core.edges);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        result
    }

    /// Permits that could be taken now.
    #[must_use]
    pub fn available_permits(&self) -> usize {
        let state = self.core().state.enter();
        state.available()
    }

    /// Whether it is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let state = self.core().state.enter();
        state.closed
    }

    /// No permits can be taken any more: those who wait are told so.
    #[track_caller]
    pub fn close(&self) {
        let core = self.core();
        trace::note("close", EventKind::Other, Key::id(core.id));
        self.change(|state| {
            past::release(core.edges);
            state.closed = true;
            let waiting = state.waiting.drain(..).chain(state.reserved.take());
            ((), waiting.filter_map(|waiter| waiter.waker).collect())
        });
    }

    /// Takes so many permits, if there are enough and no earlier waiter comes first.
    ///
    /// # Errors
    /// Otherwise, and if it is closed.
    #[track_caller]
    pub fn try_acquire(&self, num_permits: usize) -> Result<(), TryAcquireError> {
        self.try_as(num_permits, Rank::Back)
    }

    #[track_caller]
    fn try_as(&self, permits: usize, rank: Rank) -> Result<(), TryAcquireError> {
        let core = self.core();
        let taken = self.change(|state| {
            let taken = state.try_take(permits, self.fairness, rank);
            if taken.is_ok() {
                past::acquire(core.edges);
            }
            (taken, Vec::new())
        });
        let kind = if taken.is_ok() { EventKind::Other } else { EventKind::TryFailed };
        trace::note("try_acquire", kind, Key::id(core.id));
        taken
    }

    /// Waits for so many permits, and takes them.
    #[track_caller]
    pub fn acquire(&self, num_permits: usize) -> Acquire<'_> {
        Acquire::new(self, num_permits, Rank::Back, None)
    }

    /// As [`acquire`](BatchSemaphore::acquire); if the semaphore is fair, others may go past for as long as there are not
    /// enough.
    #[track_caller]
    pub fn acquire_bypassable(&self, num_permits: usize) -> Acquire<'_> {
        Acquire::new(self, num_permits, Rank::Bypassable, None)
    }

    /// As [`acquire`](BatchSemaphore::acquire), and once there are `min_permits`, all that is there and comes is kept for
    /// this request.
    ///
    /// # Panics
    /// If the semaphore is fair, no permits are asked for, or fewer than are to be kept.
    #[track_caller]
    pub fn acquire_reserving(&self, min_permits: usize, num_permits: usize) -> Acquire<'_> {
        assert_eq!(self.fairness, Fairness::Unfair, "only an unfair semaphore supports reservations");
        assert!(num_permits > 0 && min_permits <= num_permits, "more permits than are kept, and any at all");
        Acquire::new(self, num_permits, Rank::Back, Some(min_permits))
    }

    /// As [`acquire`](BatchSemaphore::acquire), for a thread that waits.
    ///
    /// # Errors
    /// If it is closed, or is while the thread waits.
    #[track_caller]
    pub fn acquire_blocking(&self, num_permits: usize) -> Result<(), AcquireError> {
        crate::future::block_on(self.acquire(num_permits))
    }

    /// Gives back, or adds, so many permits.
    #[track_caller]
    pub fn release(&self, num_permits: usize) {
        if num_permits > 0 {
            trace::note("release", EventKind::Other, Key::id(self.core().id));
            self.put_back(num_permits);
        }
    }

    fn put_back(&self, permits: usize) {
        let core = self.core();
        self.change(|state| {
            past::release(core.edges);
            state.permits += permits;
            ((), state.hand_out(self.fairness))
        });
    }

    /// Waits, before all who wait, for as many permits as are missing, while those that are held stay held.
    ///
    /// # Panics
    /// If none are held, or not more are asked for.
    #[track_caller]
    pub fn upgrade(&self, permits_currently_held: usize, permits_to_be_held: usize) -> Acquire<'_> {
        let missing = missing(permits_currently_held, permits_to_be_held);
        match self.fairness {
            Fairness::StrictlyFair => Acquire::new(self, missing, Rank::Front, None),
            Fairness::Unfair => Acquire::new(self, missing, Rank::Back, Some(0)),
        }
    }

    /// As [`upgrade`](BatchSemaphore::upgrade), without waiting.
    ///
    /// # Errors
    /// If the missing permits are not there, or the semaphore is closed.
    ///
    /// # Panics
    /// As [`upgrade`](BatchSemaphore::upgrade).
    #[track_caller]
    pub fn try_upgrade(
        &self,
        permits_currently_held: usize,
        permits_to_be_held: usize,
    ) -> Result<(), TryAcquireError> {
        self.try_as(missing(permits_currently_held, permits_to_be_held), Rank::Front)
    }
}

fn missing(held: usize, wanted: usize) -> usize {
    assert!(held > 0 && wanted > held, "some permits are held, and more are wanted");
    wanted - held
}

impl Default for BatchSemaphore {
    #[track_caller]
    fn default() -> Self {
        Self::new(0, Fairness::StrictlyFair)
    }
}

impl fmt::Debug for BatchSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchSemaphore").field("fairness", &self.fairness).finish_non_exhaustive()
    }
}

/// Is ready when the permits are taken. Dropped before, it takes none.
#[must_use = "no permits are taken before it is awaited"]
pub struct Acquire<'a> {
    semaphore: &'a BatchSemaphore,
    permits: usize,
    rank: Rank,
    /// From how many on all are kept for it.
    reserves_at: Option<usize>,
    /// Once it waits.
    key: Option<u64>,
    completed: bool,
    site: &'static Location<'static>,
}

impl<'a> Acquire<'a> {
    #[track_caller]
    fn new(semaphore: &'a BatchSemaphore, permits: usize, rank: Rank, reserves_at: Option<usize>) -> Self {
        let site = Location::caller();
        Acquire { semaphore, permits, rank, reserves_at, key: None, completed: false, site }
    }

    /// What comes of a poll, and who is to be woken. The waker is left where it waits; those that are of no use any more
    /// are left in its place, to be dropped outside.
    fn attempt(&mut self, state: &mut State, waker: &mut Vec<Waker>) -> (Attempt, Vec<Waker>) {
        if let Some(place) = state.given.iter().position(|&key| Some(key) == self.key) {
            state.given.swap_remove(place);
            return (Attempt::Taken, vec![]);
        }
        if state.closed {
            return (Attempt::Closed, vec![]);
        }
        if self.permits == 0 {
            return (Attempt::Taken, vec![]);
        }
        if let Some(least) = self.reserves_at {
            return self.attempt_reserving(state, waker, least);
        }
        let waiting = state.place_of(self.key);
        let in_order = self.semaphore.fairness == Fairness::StrictlyFair;
        if !(in_order && waiting.is_some())
            && state.try_take(self.permits, self.semaphore.fairness, self.rank).is_ok()
        {
            let waiter = waiting.and_then(|place| state.waiting.remove(place));
            waker.extend(waiter.and_then(|waiter| waiter.waker));
            return (Attempt::Taken, vec![]);
        }
        (self.wait(state, waker), vec![])
    }

    fn attempt_reserving(
        &mut self,
        state: &mut State,
        waker: &mut Vec<Waker>,
        least: usize,
    ) -> (Attempt, Vec<Waker>) {
        let holds = state.is_reserved_by(self.key);
        let enough = state.permits >= self.permits;
        if holds && enough {
            waker.extend(state.reserved.take().and_then(|holder| holder.waker));
            state.permits -= self.permits;
            return (Attempt::Taken, state.hand_out(self.semaphore.fairness));
        }
        if holds {
            if let Some(holder) = &mut state.reserved {
                let before = std::mem::replace(&mut holder.waker, waker.pop());
                waker.extend(before);
            }
            return (Attempt::Waits { new: false }, vec![]);
        }
        if state.reserved.is_some() || state.permits < least {
            return (self.wait(state, waker), vec![]);
        }
        let place = state.place_of(self.key);
        let waiter = place.and_then(|place| state.waiting.remove(place));
        let new = waiter.is_none();
        let own = if enough { None } else { waker.pop() };
        waker.extend(waiter.and_then(|waiter| waiter.waker));
        if enough {
            state.permits -= self.permits;
            return (Attempt::Taken, vec![]);
        }
        let key = self.key.unwrap_or_else(|| fresh(state));
        self.key = Some(key);
        state.reserved = Some(Waiter { key, permits: self.permits, least, bypassable: false, waker: own });
        (Attempt::Waits { new }, vec![])
    }

    /// Waits in the queue, or goes on waiting there with another waker.
    fn wait(&mut self, state: &mut State, waker: &mut Vec<Waker>) -> Attempt {
        if let Some(place) = state.place_of(self.key) {
            let before = std::mem::replace(&mut state.waiting[place].waker, waker.pop());
            waker.extend(before);
            return Attempt::Waits { new: false };
        }
        let key = fresh(state);
        self.key = Some(key);
        let least = self.reserves_at.unwrap_or(self.permits);
        let bypassable = self.rank == Rank::Bypassable;
        let waiter = Waiter { key, permits: self.permits, least, bypassable, waker: waker.pop() };
        if self.rank == Rank::Front {
            state.waiting.push_front(waiter);
        } else {
            state.waiting.push_back(waiter);
        }
        Attempt::Waits { new: true }
    }
}

fn fresh(state: &mut State) -> u64 {
    state.next += 1;
    state.next
}

enum Attempt {
    Taken,
    Closed,
    Waits { new: bool },
}

impl Future for Acquire<'_> {
    type Output = Result<(), AcquireError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.completed, "an acquire is polled after it was ready");
        let mut waker = vec![context.waker().clone()];
        let semaphore = self.semaphore;
        let core = semaphore.core();
        let attempt = semaphore.change(|state| {
            let (attempt, woken) = self.attempt(state, &mut waker);
            if !matches!(attempt, Attempt::Waits { .. }) {
                past::acquire(core.edges);
            }
            (attempt, woken)
        });
        drop(waker);
        let (said, result) = match attempt {
            Attempt::Taken => ("acquire", Poll::Ready(Ok(()))),
            Attempt::Closed => ("acquire, closed,", Poll::Ready(Err(AcquireError))),
            Attempt::Waits { new: true } => ("queue at", Poll::Pending),
            Attempt::Waits { new: false } => return Poll::Pending,
        };
        self.completed = result.is_ready();
        trace::note_at(said, EventKind::Other, Key::id(core.id), self.site);
        result
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        if self.completed || self.key.is_none() {
            return;
        }
        let (key, fairness, permits) = (self.key, self.semaphore.fairness, self.permits);
        let left = self.semaphore.change(|state| {
            if let Some(place) = state.given.iter().position(|&given| Some(given) == key) {
                state.given.swap_remove(place);
                state.permits += permits;
                return (None, state.hand_out(fairness));
            }
            let reserved = if state.is_reserved_by(key) { state.reserved.take() } else { None };
            let left = reserved.or_else(|| state.waiting.remove(state.place_of(key)?));
            (left, state.hand_out(fairness))
        });
        // Its waker is dropped outside.
        drop(left);
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("permits", &self.permits).finish_non_exhaustive()
    }
}
