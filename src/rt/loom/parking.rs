//! Queues of parked threads.

use super::unreduced;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// One thread in a [`Queue`].
pub(super) struct Waiter {
    thread: loom::thread::Thread,
    woken: Cell<bool>,
}

impl Waiter {
    /// Parks the running thread until it is woken through the queue. Whether it found a token there that
    /// another thread had left: then [`Waiter::give_back`] it when nothing can take it any more.
    ///
    /// Nothing of loom's may live in the frames above while parked: if the model dies, they unwind.
    #[track_caller]
    pub(super) fn park(&self) -> bool {
        let mut foreign_token = false;
        loop {
            loom::thread::park();
            unreduced::cut_if_wanted();
            if self.woken.get() {
                return foreign_token;
            }
            foreign_token = true;
        }
    }

    /// Gives the running thread the token back that [`Waiter::park`] took.
    pub(super) fn give_back(&self) {
        self.thread.unpark();
    }
}

/// Threads in the order in which they came. None of its functions switches, but for [`Waiter::park`].
#[derive(Default)]
pub(super) struct Queue(RefCell<VecDeque<Rc<Waiter>>>);

impl Queue {
    /// Puts the running thread at the end.
    pub(super) fn join(&self) -> Rc<Waiter> {
        let waiter = Rc::new(Waiter { thread: loom::thread::current(), woken: Cell::new(false) });
        self.0.borrow_mut().push_back(Rc::clone(&waiter));
        waiter
    }

    /// Wakes the first `count` threads, or all if there are fewer.
    pub(super) fn wake(&self, count: usize) {
        let mut waiters = self.0.borrow_mut();
        let count = count.min(waiters.len());
        for waiter in waiters.drain(..count) {
            waiter.woken.set(true);
            waiter.thread.unpark();
        }
    }
}
