//! Objects of a checker's, and the operating-system thread that each belongs to.
//!
//! All threads of an execution are coroutines of one operating-system thread, so what a checker keeps for an object is
//! not made for two. A thread that `std::thread` has started is none of them. It is refused wherever it reaches for such
//! an object: what it gets is a panic, and nothing of the object is touched.

use super::Checker;
use super::context;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// A value that is used and dropped on the operating-system thread that made it, or not at all.
///
/// Another thread that drops it leaves it where it is: what it owns is lost.
pub(crate) struct ThreadBound<T> {
    thread: u32,
    checker: Checker,
    value: ManuallyDrop<T>,
}

// SAFETY: the value is reached by `Deref` and `DerefMut`, and dropped by `Drop`: each first makes sure that it runs on the
// thread that made the value. No number of a thread is given twice.
unsafe impl<T> Send for ThreadBound<T> {}
// SAFETY: as for `Send`.
unsafe impl<T> Sync for ThreadBound<T> {}

impl<T> ThreadBound<T> {
    /// Belongs to the running thread, and to an execution under this checker.
    pub(crate) fn new(checker: Checker, value: T) -> Self {
        ThreadBound { thread: context::thread(), checker, value: ManuallyDrop::new(value) }
    }

    /// Whether this is the thread that it belongs to. For destructors, which leave the value alone where it is not; that
    /// it was so is noted.
    #[inline]
    pub(crate) fn is_here(&self) -> bool {
        let here = context::thread() == self.thread;
        if !here {
            note(self.thread);
        }
        here
    }

    /// # Panics
    /// If this is not the thread that it belongs to. If the thread unwinds already, the process ends.
    #[inline]
    #[track_caller]
    fn check(&self) {
        if context::thread() != self.thread {
            self.refuse();
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn refuse(&self) -> ! {
        note(self.thread);
        let engine = self.checker.name();
        let sentence = format!(
            "this object belongs to an execution under {engine}; start the thread with `selvedge::thread`"
        );
        if std::thread::panicking() {
            eprintln!("a destructor of a thread that `std::thread` has started: {sentence}");
            std::process::abort();
        }
        panic!("{sentence}");
    }
}

impl<T: Clone> Clone for ThreadBound<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        ThreadBound { thread: self.thread, checker: self.checker, value: ManuallyDrop::new((**self).clone()) }
    }
}

impl<T> Deref for ThreadBound<T> {
    type Target = T;

    #[inline]
    #[track_caller]
    fn deref(&self) -> &T {
        self.check();
        &self.value
    }
}

impl<T> DerefMut for ThreadBound<T> {
    #[inline]
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        self.check();
        &mut self.value
    }
}

impl<T> Drop for ThreadBound<T> {
    #[inline]
    fn drop(&mut self) {
        if self.is_here() {
            // SAFETY: `drop` runs once, and nothing uses the value after it.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}

/// The threads whose objects another thread has reached for.
static REACHED_FOR: Mutex<Vec<u32>> = Mutex::new(Vec::new());

#[cold]
fn note(thread: u32) {
    let mut threads = REACHED_FOR.lock().unwrap_or_else(PoisonError::into_inner);
    if !threads.contains(&thread) {
        threads.push(thread);
    }
}

/// Whether another thread has reached for an object that belongs to the running one since this was last asked: in vain, but
/// its panic may have been caught.
pub(crate) fn take_foreign() -> bool {
    let mut threads = REACHED_FOR.lock().unwrap_or_else(PoisonError::into_inner);
    let before = threads.len();
    threads.retain(|thread| *thread != context::thread());
    threads.len() < before
}

#[cfg(test)]
mod tests {
    use super::{ThreadBound, take_foreign};
    use crate::rt::Checker;
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn a_value_is_used_and_dropped_where_it_was_made() {
        let counted = Rc::new(Cell::new(0));
        let bound = ThreadBound::new(Checker::Rc11, Rc::clone(&counted));
        bound.set(1);
        assert!(!take_foreign());
        let bound = std::thread::spawn(move || {
            let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bound.set(2)));
            let told = told.expect_err("refused");
            let told = told.downcast_ref::<String>().expect("words");
            assert!(told.contains("an execution under rc11"), "{told}");
            bound
        });
        let bound = bound.join().expect("the panic was caught");
        assert_eq!((bound.get(), take_foreign(), take_foreign()), (1, true, false));
        drop(bound);
        assert_eq!(Rc::strong_count(&counted), 1);
        let bound = ThreadBound::new(Checker::Rc11, Rc::clone(&counted));
        std::thread::spawn(move || drop(bound)).join().expect("no panic");
        // It is lost, and the count is as it was.
        assert_eq!((Rc::strong_count(&counted), take_foreign()), (2, true));
    }
}
