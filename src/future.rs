//! Futures on every engine: [`block_on`], [`spawn`], [`select`], [`join`], cancellation by [`may_cancel`], and
//! [`AtomicWaker`].
//!
//! A wake-up that is lost is a deadlock: the thread that polls waits for a wake that has gone by. The witness shows who
//! cloned a waker, registered it, and woke by it:
//!
//! ```
//! use selvedge::future::{AtomicWaker, block_on};
//! use selvedge::sync::Arc;
//! use selvedge::sync::atomic::{AtomicBool, Ordering::SeqCst};
//! use selvedge::thread;
//! use std::future::poll_fn;
//! use std::task::Poll;
//!
//! selvedge::model(|| {
//!     let shared = Arc::new((AtomicBool::new(false), AtomicWaker::new()));
//!     let theirs = Arc::clone(&shared);
//!     thread::spawn(move || {
//!         theirs.0.store(true, SeqCst);
//!         theirs.1.wake();
//!     });
//!     block_on(poll_fn(|context| {
//!         // First the waker, then the look: the other way round a wake in between would find no waker.
//!         shared.1.register_by_ref(context.waker());
//!         if shared.0.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
//!     }));
//! });
//! ```
//!
//! Limit: under the checkers a future may be polled once more than it was woken, once in each [`block_on`], as an
//! executor may do; never more often.

mod atomic_waker;
mod cancel;
mod combine;
mod task;

pub use atomic_waker::AtomicWaker;
pub use cancel::{Cancelled, may_cancel};
pub use combine::{Either, join, select};
pub(crate) use task::spawn_local;
pub use task::{AbortHandle, JoinError, JoinHandle, spawn, yield_now};

use crate::rt::count::Token;
use crate::rt::{leaks, trace};
use crate::sync::Notify;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

/// Polls a future until it is ready; in between the thread waits to be woken.
///
/// ```
/// assert_eq!(selvedge::future::block_on(async { 1 + 1 }), 2);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let site = Location::caller();
    let notify = Wakeup::new();
    let waker = waker(Arc::clone(&notify));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let mut polled_twice = false;
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        // Once, it is polled although nothing has woken it, as an executor may do.
        if !polled_twice && crate::rt::context::current().is_model() {
            polled_twice = true;
            if crate::choice::choose_untold(2) == 1 {
                trace::note_alone("poll once more", site);
                crate::thread::yield_now();
                continue;
            }
        }
        notify.sleep(site);
        // A future that wakes itself goes round: others may have to go first.
        crate::thread::yield_now();
    }
}

/// What a thread that polls waits for, and its wakers own. They are counted by std's `Arc`: which of them is dropped last
/// may depend on what no checker sees, as where they lie in an `Arc` of std's themselves. One that is not dropped is a
/// leak.
pub(crate) struct Wakeup {
    notify: Notify,
    /// By which a checker learns that it is gone.
    token: Token,
}

impl Wakeup {
    #[track_caller]
    pub(crate) fn new() -> Arc<Self> {
        let wakeup = Arc::new(Wakeup { notify: Notify::of_waker(), token: Token::new() });
        let token = Some(wakeup.token.clone());
        leaks::made(Arc::as_ptr(&wakeup).addr(), "waker", Location::caller(), token);
        wakeup
    }
}

impl Drop for Wakeup {
    fn drop(&mut self) {
        leaks::freed(std::ptr::from_ref(self).addr());
        self.token.freed();
    }
}

impl std::ops::Deref for Wakeup {
    type Target = Notify;

    fn deref(&self) -> &Notify {
        &self.notify
    }
}

/// Wakes the thread that waits for the notification.
pub(crate) fn waker(notify: Arc<Wakeup>) -> Waker {
    // SAFETY: the pointer is an owner of the notification, which the functions of the table keep and drop as one.
    unsafe { Waker::from_raw(RawWaker::new(Arc::into_raw(notify).cast(), &TABLE)) }
}

/// Each takes an owner by its pointer, as `waker` has made it.
static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// # Safety
/// As for [`TABLE`].
unsafe fn clone(owner: *const ()) -> RawWaker {
    // SAFETY: the owner is there, and stays.
    let notify = unsafe {
        Arc::increment_strong_count(owner.cast::<Wakeup>());
        std::mem::ManuallyDrop::new(Arc::from_raw(owner.cast::<Wakeup>()))
    };
    notify.cloned();
    RawWaker::new(owner, &TABLE)
}

/// # Safety
/// As for [`TABLE`].
unsafe fn wake(owner: *const ()) {
    // SAFETY: the owner is there, and ends here.
    let notify = unsafe { Arc::from_raw(owner.cast::<Wakeup>()) };
    notify.wake();
}

/// # Safety
/// As for [`TABLE`].
unsafe fn wake_by_ref(owner: *const ()) {
    // SAFETY: the owner is there, and stays.
    let notify = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(owner.cast::<Wakeup>()) });
    notify.wake();
}

/// # Safety
/// As for [`TABLE`].
unsafe fn drop_waker(owner: *const ()) {
    // SAFETY: the owner is there, and ends here.
    drop(unsafe { Arc::from_raw(owner.cast::<Wakeup>()) });
}
