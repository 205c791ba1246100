//! A process-shared condition variable, on the monotonic clock.

use super::arena::room_for;
use super::mutex::check;
use super::{RawGuard, broken};
use crate::rt::context;
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::time::Duration;

/// A condition variable shared by processes. Spurious wakeups happen.
pub(crate) struct RawCondvar(NonNull<UnsafeCell<libc::pthread_cond_t>>);

// SAFETY: it is at a fixed address and made to be used by any thread of any process.
unsafe impl Send for RawCondvar {}
// SAFETY: as for `Send`.
unsafe impl Sync for RawCondvar {}

impl RawCondvar {
    /// # Panics
    ///
    /// If no arena is installed, or the installed one is full.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let place = room_for::<UnsafeCell<libc::pthread_cond_t>>();
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: the attributes are made before they are used and destroyed after; `place` is fresh
        // room in the arena.
        unsafe {
            check("pthread_condattr_init", libc::pthread_condattr_init(attributes));
            check(
                "pthread_condattr_setpshared",
                libc::pthread_condattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED),
            );
            check(
                "pthread_condattr_setclock",
                libc::pthread_condattr_setclock(attributes, libc::CLOCK_MONOTONIC),
            );
            check(
                "pthread_cond_init",
                libc::pthread_cond_init(UnsafeCell::raw_get(place.as_ptr()), attributes),
            );
            libc::pthread_condattr_destroy(attributes);
        }
        RawCondvar(place)
    }

    fn as_ptr(&self) -> *mut libc::pthread_cond_t {
        // SAFETY: made in `new`. The process that installed the arena promised that it stays mapped while `self`
        // is in use.
        unsafe { self.0.as_ref() }.get()
    }

    /// Lets go of the mutex, waits for a notification, and takes the mutex again.
    pub(crate) fn wait<'a>(&self, guard: RawGuard<'a>) -> RawGuard<'a> {
        let lock = guard.into_lock();
        let robust = lock.robust();
        // SAFETY: both are made, and the mutex is held by this thread.
        let code = context::waiting(|| unsafe { libc::pthread_cond_wait(self.as_ptr(), robust.as_ptr()) });
        match robust.taken(code) {
            Some(taken) => lock.guard(taken),
            None => broken("pthread_cond_wait", code),
        }
    }

    /// As [`RawCondvar::wait`], for at most `timeout`; whether it timed out.
    pub(crate) fn wait_timeout<'a>(&self, guard: RawGuard<'a>, timeout: Duration) -> (RawGuard<'a>, bool) {
        let deadline = deadline_after(timeout);
        let lock = guard.into_lock();
        let robust = lock.robust();
        // SAFETY: both are made, the mutex is held by this thread, and the deadline is a valid time of
        // the clock that `new` chose.
        let code =
            unsafe { libc::pthread_cond_timedwait(self.as_ptr(), robust.as_ptr(), &raw const deadline) };
        let timed_out = code == libc::ETIMEDOUT;
        match robust.taken(if timed_out { 0 } else { code }) {
            Some(taken) => (lock.guard(taken), timed_out),
            None => broken("pthread_cond_timedwait", code),
        }
    }

    pub(crate) fn notify_one(&self) {
        // SAFETY: made in `new`.
        check("pthread_cond_signal", unsafe { libc::pthread_cond_signal(self.as_ptr()) });
    }

    pub(crate) fn notify_all(&self) {
        // SAFETY: made in `new`.
        check("pthread_cond_broadcast", unsafe { libc::pthread_cond_broadcast(self.as_ptr()) });
    }
}

pub(super) fn deadline_after(timeout: Duration) -> libc::timespec {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is valid for writes. The monotonic clock is always there.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    let nanoseconds = now.tv_nsec + i64::from(timeout.subsec_nanos());
    let seconds = i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX);
    libc::timespec {
        tv_sec: now.tv_sec.saturating_add(seconds).saturating_add(nanoseconds / 1_000_000_000),
        tv_nsec: nanoseconds % 1_000_000_000,
    }
}
