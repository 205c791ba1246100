//! Futures on every engine: [`block_on`], [`spawn`], [`yield_now`] and [`AtomicWaker`].
//!
//! A wake-up that is lost is a deadlock: the thread that polls waits for a notification that has gone by.
//!
//! Limit: under the checkers a future may be polled once more than it was woken, once in each [`block_on`], as an
//! executor may do; never more often.

mod atomic_waker;
mod task;

pub use atomic_waker::AtomicWaker;
pub use task::{AbortHandle, JoinError, JoinHandle, spawn, yield_now};

use crate::sync::{Arc, Notify};
use std::pin::pin;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

/// Polls a future until it is ready; in between the thread waits to be woken.
///
/// ```
/// assert_eq!(selvedge::future::block_on(async { 1 + 1 }), 2);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let notify = Arc::new(Notify::new());
    let waker = waker(Arc::clone(&notify));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let mut polled_twice = false;
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        // Once, it is polled although nothing has woken it, as an executor may do.
        if !polled_twice && crate::context::current().is_model() {
            polled_twice = true;
            if crate::choose(2) == 1 {
                crate::thread::yield_now();
                continue;
            }
        }
        notify.wait();
        // A future that wakes itself goes round: others may have to go first.
        crate::thread::yield_now();
    }
}

/// Wakes the thread that waits for the notification.
pub(crate) fn waker(notify: Arc<Notify>) -> Waker {
    // SAFETY: the pointer is an owner of the notification, which the functions of the table keep and drop as one.
    unsafe { Waker::from_raw(RawWaker::new(Arc::into_raw(notify).cast(), &TABLE)) }
}

/// Each takes an owner by its pointer, as `waker` has made it.
static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// # Safety
/// As for [`TABLE`].
unsafe fn clone(owner: *const ()) -> RawWaker {
    // SAFETY: the owner is there, and stays.
    unsafe { Arc::increment_strong_count(owner.cast::<Notify>()) };
    RawWaker::new(owner, &TABLE)
}

/// # Safety
/// As for [`TABLE`].
unsafe fn wake(owner: *const ()) {
    // SAFETY: the owner is there, and ends here.
    let notify = unsafe { Arc::from_raw(owner.cast::<Notify>()) };
    notify.notify();
}

/// # Safety
/// As for [`TABLE`].
unsafe fn wake_by_ref(owner: *const ()) {
    // SAFETY: the owner is there, and stays.
    let notify = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(owner.cast::<Notify>()) });
    notify.notify();
}

/// # Safety
/// As for [`TABLE`].
unsafe fn drop_waker(owner: *const ()) {
    // SAFETY: the owner is there, and ends here.
    drop(unsafe { Arc::from_raw(owner.cast::<Notify>()) });
}
