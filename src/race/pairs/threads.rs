//! Spawning, joining, scopes, parking, and what belongs to a thread.

use super::Loom::{Misses, Same};
use super::{Shared, pair};
use crate::cell::Plain;
use crate::thread;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

const JOINS: &str = "under loom to wait for a thread is to know all that it has done";

/// Runs `child` in a thread of its own, and `parent` with what is needed to wait for it.
fn nurse(child: fn(&Shared), parent: fn(&Shared, thread::JoinHandle<()>)) {
    let shared = Arc::new(Shared::new());
    let its = Arc::clone(&shared);
    let handle = thread::spawn(move || {
        thread::yield_now();
        child(&its);
    });
    thread::yield_now();
    parent(&shared, handle);
}

/// Runs a thread that knows the main thread, and what the main thread does.
fn wake(wakes: fn(&Shared, &thread::Thread), parks: fn(&Shared)) {
    let shared = Arc::new(Shared::new());
    let its = Arc::clone(&shared);
    let main = thread::current();
    let handle = thread::spawn(move || wakes(&its, &main));
    parks(&shared);
    handle.join().expect("no panic");
}

fn write_and_tell(shared: &Shared) {
    shared.write();
    shared.tell();
}

// Spawning and joining.

pair!(
    a_thread_knows_what_precedes_its_spawning,
    || nurse(Shared::read, |s, handle| {
        s.write();
        handle.join().expect("no panic");
    }),
    || {
        let shared = Arc::new(Shared::new());
        shared.write();
        let its = Arc::clone(&shared);
        let handle = thread::spawn(move || its.read());
        thread::yield_now();
        handle.join().expect("no panic");
    },
    Same,
);
pair!(
    to_join_a_thread_is_to_know_what_it_did,
    || nurse(Shared::write, |s, handle| {
        s.read();
        handle.join().expect("no panic");
    }),
    || nurse(Shared::write, |s, handle| {
        handle.join().expect("no panic");
        s.read();
    }),
    Same,
);
pair!(
    to_see_a_thread_finished_orders_nothing,
    || nurse(Shared::write, |s, handle| if handle.is_finished() {
        s.read();
    }),
    || nurse(Shared::write, |s, handle| if handle.is_finished() && handle.join().is_ok() {
        s.read();
    }),
    Same,
);
pair!(
    to_join_one_thread_tells_nothing_of_another,
    || nurse(write_and_tell, |s, handle| {
        let other = thread::spawn(|| ());
        other.join().expect("no panic");
        if s.told() {
            s.read();
        }
        drop(handle);
    }),
    || nurse(write_and_tell, |s, handle| {
        let other = thread::spawn(|| handle.join());
        other.join().expect("no panic").expect("no panic");
        s.read();
    }),
    Same,
);
pair!(
    to_yield_and_to_sleep_order_nothing,
    || nurse(write_and_tell, |s, handle| {
        thread::yield_now();
        thread::sleep(Duration::from_millis(1));
        if s.told() {
            s.read();
        }
        drop(handle);
    }),
    || nurse(write_and_tell, |s, handle| {
        thread::yield_now();
        handle.join().expect("no panic");
        s.read();
    }),
    Same,
);
pair!(
    a_panic_of_a_thread_is_known_to_whoever_joins_it,
    || nurse(
        |s| {
            s.write();
            std::panic::resume_unwind(Box::new(1));
        },
        |s, handle| {
            s.read();
            assert!(handle.join().is_err());
        },
    ),
    || nurse(
        |s| {
            s.write();
            std::panic::resume_unwind(Box::new(1));
        },
        |s, handle| {
            assert!(handle.join().is_err());
            s.read();
        },
    ),
    Same,
);
pair!(
    what_a_thread_returns_is_dropped_after_it_was_made,
    || {
        let handle = thread::spawn(|| Arc::new(Shared::new()));
        let shared = handle.join().expect("no panic");
        let its = Arc::clone(&shared);
        let handle = thread::spawn(move || its.write());
        shared.read();
        drop(handle);
    },
    // Detached: the thread that comes last drops the value, which must not race with its making.
    || {
        let handle = thread::spawn(|| Plain::new(1));
        thread::yield_now();
        drop(handle);
    },
    Same,
);

// Scopes.

pair!(
    the_end_of_a_scope_is_after_its_threads,
    || {
        let shared = Shared::new();
        thread::scope(|scope| {
            scope.spawn(|| shared.write());
            shared.read();
        });
    },
    || {
        let shared = Shared::new();
        thread::scope(|scope| {
            scope.spawn(|| shared.write());
            thread::yield_now();
        });
        shared.read();
    },
    Same,
);
pair!(
    to_see_a_scoped_thread_finished_orders_nothing,
    || {
        let shared = Shared::new();
        thread::scope(|scope| {
            let handle = scope.spawn(|| shared.write());
            if handle.is_finished() {
                shared.read();
            }
        });
    },
    || {
        let shared = Shared::new();
        thread::scope(|scope| {
            let handle = scope.spawn(|| shared.write());
            thread::yield_now();
            if handle.join().is_ok() {
                shared.read();
            }
        });
    },
    Same,
);

/// Writes the data when it is dropped.
struct WritesAtLast(Arc<Shared>);

impl Drop for WritesAtLast {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.write();
        }
    }
}

crate::thread_local! {
    static AT_LAST: RefCell<Option<WritesAtLast>> = const { RefCell::new(None) };
    static OWN: Plain<u32> = Plain::new(0);
}

pair!(
    a_scope_may_end_before_the_thread_local_values_of_its_threads,
    || {
        let shared = Arc::new(Shared::new());
        thread::scope(|scope| {
            scope.spawn(|| AT_LAST.set(Some(WritesAtLast(Arc::clone(&shared)))));
        });
        shared.read();
    },
    || {
        let shared = Arc::new(Shared::new());
        thread::scope(|scope| {
            let handle = scope.spawn(|| AT_LAST.set(Some(WritesAtLast(Arc::clone(&shared)))));
            thread::yield_now();
            handle.join().expect("no panic");
        });
        shared.read();
    },
    Misses(JOINS),
);
pair!(
    to_join_a_thread_is_to_know_the_end_of_its_thread_local_values,
    || {
        let shared = Arc::new(Shared::new());
        let its = Arc::clone(&shared);
        let handle = thread::spawn(move || AT_LAST.set(Some(WritesAtLast(its))));
        shared.read();
        handle.join().expect("no panic");
    },
    || {
        let shared = Arc::new(Shared::new());
        let its = Arc::clone(&shared);
        let handle = thread::spawn(move || AT_LAST.set(Some(WritesAtLast(its))));
        thread::yield_now();
        handle.join().expect("no panic");
        shared.read();
    },
    Same,
);
pair!(
    each_thread_has_thread_local_values_of_its_own,
    || nurse(Shared::write, |s, handle| {
        s.write();
        handle.join().expect("no panic");
    }),
    || nurse(
        |_| OWN.with(|own| own.set(1)),
        |_, handle| {
            OWN.with(|own| own.set(1));
            handle.join().expect("no panic");
        }
    ),
    Same,
);

// Parking.

pair!(
    to_park_is_to_know_who_unparked,
    || wake(
        |s, main| {
            main.unpark();
            s.write();
        },
        |s| {
            thread::park();
            s.read();
        },
    ),
    || wake(
        |s, main| {
            s.write();
            main.unpark();
        },
        |s| {
            thread::park();
            s.read();
        },
    ),
    Same,
);
pair!(
    to_unpark_publishes_only_to_whoever_parks,
    || wake(
        |s, main| {
            s.write();
            main.unpark();
            s.tell();
        },
        |s| if s.told() {
            s.read();
        },
    ),
    || wake(
        |s, main| {
            s.write();
            main.unpark();
            s.tell();
        },
        |s| if s.told() {
            thread::park();
            s.read();
        },
    ),
    Same,
);
pair!(
    to_unpark_twice_publishes_twice,
    || wake(
        |s, main| {
            main.unpark();
            s.write();
            s.tell();
            main.unpark();
        },
        |s| {
            thread::park();
            if s.told() {
                s.read();
            }
        },
    ),
    || wake(
        |s, main| {
            main.unpark();
            s.write();
            main.unpark();
            s.tell();
        },
        |s| {
            if s.told() {
                // One permit, and both who gave it are known.
                thread::park();
                s.read();
            }
        },
    ),
    Same,
);
pair!(
    to_park_without_a_permit_until_the_time_is_over_orders_nothing,
    || wake(
        |s, main| {
            write_and_tell(s);
            main.unpark();
        },
        |s| {
            if s.told() {
                thread::park_timeout(Duration::from_millis(1));
                s.read();
            }
        },
    ),
    || wake(
        |s, main| {
            s.write();
            main.unpark();
            s.tell();
        },
        |s| {
            if s.told() {
                thread::park_timeout(Duration::from_millis(1));
                s.read();
            }
        },
    ),
    Same,
);
pair!(
    a_permit_is_of_one_thread,
    || wake(
        |s, main| {
            s.write();
            thread::current().unpark();
            main.unpark();
            s.write();
        },
        |s| {
            thread::park();
            s.read();
        },
    ),
    || wake(
        |s, main| {
            s.write();
            thread::current().unpark();
            main.unpark();
            thread::park();
        },
        |s| {
            thread::park();
            s.read();
        },
    ),
    Same,
);
