//! Mutexes, reader-writer locks and condition variables.

use super::Loom::{Misses, Same};
use super::{Shared, pair, run};
use crate::sync::atomic::Ordering::{Relaxed, Release};
use crate::sync::{Condvar, Mutex, RwLock};

const NOTIFY: &str = "a notification orders the notifier before the waiter under loom";
const READERS: &str =
    "under loom a reader is ordered after the readers before it, and never beside one that only reads";

/// Data, and every lock there is; both hold whether the data is written.
struct Locked {
    shared: Shared,
    mutex: Mutex<bool>,
    second: Mutex<bool>,
    rwlock: RwLock<bool>,
    condvar: Condvar,
}

fn lock<const N: usize>(actors: [fn(&Locked); N]) {
    let state = Locked {
        shared: Shared::new(),
        mutex: Mutex::new(false),
        second: Mutex::new(false),
        rwlock: RwLock::new(false),
        condvar: Condvar::new(),
    };
    run(state, actors);
}

impl Locked {
    fn write(&self) {
        self.shared.write();
    }

    fn read(&self) {
        self.shared.read();
    }

    fn tell(&self) {
        self.shared.tell();
    }

    fn told(&self) -> bool {
        self.shared.told()
    }

    fn hold<R>(&self, inside: impl FnOnce(&mut bool) -> R) -> R {
        inside(&mut self.mutex.lock().expect("not poisoned"))
    }

    fn hold_to_read<R>(&self, inside: impl FnOnce(&bool) -> R) -> R {
        inside(&self.rwlock.read().expect("not poisoned"))
    }

    fn hold_to_write<R>(&self, inside: impl FnOnce(&mut bool) -> R) -> R {
        inside(&mut self.rwlock.write().expect("not poisoned"))
    }
}

// Mutexes.

pair!(
    a_mutex_orders_those_who_lock_it,
    || lock([|l| l.hold(|_| l.write()), |l| l.write()]),
    || lock([|l| l.hold(|_| l.write()), |l| l.hold(|_| l.write())]),
    Same,
);
pair!(
    two_mutexes_order_nothing_between_them,
    || lock([
        |l| l.hold(|_| l.write()),
        |l| {
            let _second = l.second.lock();
            l.write();
        }
    ]),
    || lock([
        |l| l.hold(|_| l.write()),
        |l| l.hold(|_| {
            let _second = l.second.lock();
            l.write();
        })
    ]),
    Same,
);
pair!(
    an_unlock_is_known_to_those_who_lock_after_it,
    || lock([
        |l| {
            l.write();
            l.hold(|_| ());
            l.tell();
        },
        |l| if l.told() {
            l.read();
        },
    ]),
    || lock([
        |l| {
            l.write();
            l.hold(|_| ());
            l.tell();
        },
        |l| if l.told() {
            l.hold(|_| ());
            l.read();
        },
    ]),
    Same,
);
pair!(
    to_lock_publishes_nothing,
    || lock([
        |l| l.hold(|_| {
            l.write();
            l.tell();
        }),
        |l| {
            let told = l.told();
            if told {
                l.read();
            }
            l.hold(|_| ());
        },
    ]),
    || lock([
        |l| l.hold(|_| {
            l.write();
            l.tell();
        }),
        |l| if l.hold(|_| l.told()) {
            l.read();
        },
    ]),
    Same,
);
pair!(
    what_follows_an_unlock_is_not_published,
    || lock([
        |l| {
            l.hold(|written| *written = true);
            l.write();
        },
        |l| if l.hold(|written| *written) {
            l.read();
        },
    ]),
    || lock([
        |l| {
            l.write();
            l.hold(|written| *written = true);
        },
        |l| if l.hold(|written| *written) {
            l.read();
        },
    ]),
    Same,
);
pair!(
    to_try_a_lock_in_vain_orders_nothing,
    || lock([
        |l| {
            l.write();
            l.hold(|_| ());
        },
        |l| if l.mutex.try_lock().is_err() {
            l.read();
        },
    ]),
    || lock([
        |l| {
            l.write();
            l.hold(|written| *written = true);
        },
        |l| if l.mutex.try_lock().is_ok_and(|written| *written) {
            l.read();
        },
    ]),
    Same,
);
pair!(
    to_try_a_lock_with_success_is_to_lock_it,
    || lock([
        |l| l.hold(|_| l.write()),
        |l| {
            let _held_perhaps = l.mutex.try_lock();
            l.write();
        }
    ]),
    || lock([
        |l| l.hold(|_| l.write()),
        |l| if let Ok(_held) = l.mutex.try_lock() {
            l.write();
        }
    ]),
    Same,
);
pair!(
    to_try_a_lock_acquires_no_relaxed_load_before_it,
    || lock([
        |l| {
            l.write();
            l.shared.flag.store(1, Release);
        },
        |l| if l.told() && l.mutex.try_lock().is_ok() {
            l.read();
        },
    ]),
    || lock([
        |l| {
            l.write();
            l.hold(|written| *written = true);
        },
        |l| if l.mutex.try_lock().is_ok_and(|written| *written) {
            l.read();
        },
    ]),
    Same,
);

// Condition variables.

pair!(
    a_notification_without_the_mutex_orders_nothing,
    || lock([
        // `true` is that a thread waits, or that no thread should.
        |l| {
            let mut waits = l.mutex.lock().expect("not poisoned");
            if !*waits {
                *waits = true;
                drop(l.condvar.wait(waits));
                l.read();
            }
        },
        |l| if l.hold(|waits| std::mem::replace(waits, true)) {
            l.write();
            l.condvar.notify_one();
        },
    ]),
    || lock([
        |l| {
            let mut waits = l.mutex.lock().expect("not poisoned");
            if !*waits {
                *waits = true;
                drop(l.condvar.wait(waits));
                l.read();
            }
        },
        |l| if l.hold(|waits| std::mem::replace(waits, true)) {
            l.write();
            l.hold(|_| ());
            l.condvar.notify_all();
        },
    ]),
    Misses(NOTIFY),
);
pair!(
    to_wait_unlocks_the_mutex,
    || lock([
        |l| {
            let written = l.mutex.lock().expect("not poisoned");
            l.write();
            l.tell();
            drop(l.condvar.wait_while(written, |written| !*written));
        },
        |l| {
            if l.told() {
                l.read();
            }
            l.hold(|written| *written = true);
            l.condvar.notify_one();
        },
    ]),
    || lock([
        |l| {
            let written = l.mutex.lock().expect("not poisoned");
            l.write();
            l.tell();
            drop(l.condvar.wait_while(written, |written| !*written));
        },
        |l| {
            l.hold(|written| {
                if l.told() {
                    l.read();
                }
                *written = true;
            });
            l.condvar.notify_one();
        },
    ]),
    Same,
);
pair!(
    to_wait_ends_with_locking_the_mutex,
    || lock([
        |l| {
            let written = l.mutex.lock().expect("not poisoned");
            drop(l.condvar.wait_while(written, |written| !*written));
            l.read();
        },
        |l| {
            l.hold(|written| *written = true);
            l.condvar.notify_one();
            l.write();
        },
    ]),
    || lock([
        |l| {
            let written = l.mutex.lock().expect("not poisoned");
            drop(l.condvar.wait_while(written, |written| !*written));
            l.read();
        },
        |l| {
            l.write();
            l.hold(|written| *written = true);
            l.condvar.notify_one();
        },
    ]),
    Same,
);

// Reader-writer locks.

pair!(
    a_reader_orders_nothing_for_other_readers,
    || lock([
        |l| {
            l.write();
            l.hold_to_read(|_| ());
            l.tell();
        },
        |l| if l.told() {
            l.hold_to_read(|_| ());
            l.read();
        },
    ]),
    || lock([
        |l| {
            l.write();
            l.hold_to_read(|_| ());
            l.tell();
        },
        |l| if l.told() {
            l.hold_to_write(|_| ());
            l.read();
        },
    ]),
    Misses(READERS),
);
pair!(
    readers_hold_the_lock_together,
    || lock([|l| l.hold_to_read(|_| l.write()), |l| l.hold_to_read(|_| l.read())]),
    || lock([|l| l.hold_to_write(|_| l.write()), |l| l.hold_to_read(|_| l.read())]),
    Same,
);
pair!(
    a_writer_is_known_to_the_next_reader,
    || lock([
        |l| l.hold_to_write(|written| {
            *written = true;
            l.tell();
            l.write();
        }),
        |l| {
            if l.told() {
                l.read();
            }
        },
    ]),
    || lock([
        |l| l.hold_to_write(|written| {
            *written = true;
            l.write();
        }),
        |l| if l.hold_to_read(|written| *written) {
            l.read();
        },
    ]),
    Same,
);
pair!(
    readers_are_known_to_readers_after_a_writer,
    || lock([
        |l| {
            l.write();
            l.hold_to_read(|_| ());
            l.tell();
        },
        |l| if l.told() {
            l.hold_to_read(|_| ());
            l.shared.other.store(1, Relaxed);
        },
        |l| if l.shared.other.load(Relaxed) == 1 {
            l.hold_to_read(|_| ());
            l.read();
        },
    ]),
    || lock([
        |l| {
            l.write();
            l.hold_to_read(|_| ());
            l.tell();
        },
        |l| if l.told() {
            l.hold_to_write(|_| ());
            l.shared.other.store(1, Relaxed);
        },
        |l| if l.shared.other.load(Relaxed) == 1 {
            l.hold_to_read(|_| ());
            l.read();
        },
    ]),
    Misses(READERS),
);
pair!(
    writers_are_ordered,
    || lock([
        |l| l.hold_to_write(|_| l.write()),
        |l| {
            l.hold_to_write(|_| ());
            l.write();
        }
    ]),
    || lock([|l| l.hold_to_write(|_| l.write()), |l| l.hold_to_write(|_| l.write())]),
    Same,
);
pair!(
    to_try_to_write_in_vain_orders_nothing,
    || lock([
        |l| {
            l.write();
            l.hold_to_read(|_| ());
        },
        |l| if l.rwlock.try_write().is_err() {
            l.read();
        },
    ]),
    || lock([
        |l| {
            l.write();
            l.hold_to_read(|_| l.tell());
        },
        |l| if l.rwlock.try_write().is_ok_and(|_| l.told()) {
            l.read();
        },
    ]),
    Same,
);
pair!(
    to_try_to_read_with_success_is_to_read,
    || lock([
        |l| {
            l.write();
            l.hold_to_write(|_| ());
        },
        |l| if l.rwlock.try_read().is_err() {
            l.read();
        },
    ]),
    || lock([
        |l| {
            l.write();
            l.hold_to_write(|written| *written = true);
        },
        |l| if l.rwlock.try_read().is_ok_and(|written| *written) {
            l.read();
        },
    ]),
    Same,
);
