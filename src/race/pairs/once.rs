//! `Once`, `OnceLock`, `LazyLock` and `Barrier`.

use super::Loom::{Misses, Same};
use super::{Shared, pair, run};
use crate::cell::Plain;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::{Barrier, LazyLock, Once, OnceLock};
use crate::thread;
use std::sync::Arc;

const MONITOR: &str = "under loom a Once is behind a lock, which orders all who pass";

// Once, OnceLock and LazyLock.

struct Lazy {
    shared: Arc<Shared>,
    once: Once,
    once_lock: OnceLock<u32>,
    lazy_lock: LazyLock<u32, Box<dyn FnOnce() -> u32 + Send>>,
}

fn lazily<const N: usize>(actors: [fn(&Lazy); N]) {
    let shared = Arc::new(Shared::new());
    let written = Arc::clone(&shared);
    let state = Lazy {
        shared,
        once: Once::new(),
        once_lock: OnceLock::new(),
        lazy_lock: LazyLock::new(Box::new(move || {
            written.write();
            1
        })),
    };
    run(state, actors);
}

pair!(
    every_call_of_once_returns_after_the_initialiser,
    || lazily([
        |l| {
            l.shared.write();
            l.once.call_once(|| ());
        },
        |l| {
            l.once.call_once(|| ());
            l.shared.read();
        },
    ]),
    || lazily([
        |l| l.once.call_once(|| l.shared.write()),
        |l| {
            l.once.call_once(|| l.shared.write());
            l.shared.read();
        },
    ]),
    Same,
);
pair!(
    to_see_once_completed_is_to_know_the_initialiser,
    || lazily([
        |l| {
            l.once.call_once(|| ());
            l.shared.write();
        },
        |l| if l.once.is_completed() {
            l.shared.read();
        },
    ]),
    || lazily([
        |l| l.once.call_once(|| l.shared.write()),
        |l| if l.once.is_completed() {
            l.shared.read();
        }
    ]),
    Same,
);
pair!(
    to_see_once_not_completed_orders_nothing,
    || lazily([
        |l| l.once.call_once(|| l.shared.write()),
        |l| if !l.once.is_completed() {
            l.shared.read();
        }
    ]),
    || lazily([
        |l| l.once.call_once(|| l.shared.write()),
        |l| {
            l.once.wait();
            l.shared.read();
        }
    ]),
    Same,
);
pair!(
    a_call_of_once_that_runs_nothing_publishes_nothing,
    || lazily([
        |l| {
            l.shared.write();
            l.once.call_once(|| l.shared.other.store(1, Relaxed));
            l.shared.tell();
        },
        |l| {
            l.once.call_once(|| ());
            if l.shared.told() && l.once.is_completed() {
                l.shared.read();
            }
        },
    ]),
    || lazily([
        |l| {
            l.shared.write();
            l.once.call_once(|| l.shared.other.store(1, Relaxed));
            l.shared.tell();
        },
        |l| {
            l.once.call_once(|| ());
            if l.shared.other.load(Relaxed) == 1 {
                l.shared.read();
            }
        },
    ]),
    Misses(MONITOR),
);
pair!(
    a_value_in_a_once_lock_carries_the_past_of_its_maker,
    || lazily([
        |l| {
            let _ = l.once_lock.set(1);
            l.shared.write();
        },
        |l| if l.once_lock.get().is_some() {
            l.shared.read();
        },
    ]),
    || lazily([
        |l| {
            l.shared.write();
            let _ = l.once_lock.set(1);
        },
        |l| if l.once_lock.get().is_some() {
            l.shared.read();
        },
    ]),
    Same,
);
pair!(
    to_set_a_once_lock_in_vain_publishes_nothing,
    || lazily([
        |l| {
            l.shared.write();
            if l.once_lock.set(1).is_err() {
                l.shared.tell();
            }
        },
        |l| {
            let _ = l.once_lock.set(2);
            if l.shared.told() && l.once_lock.get().is_some() {
                l.shared.read();
            }
        },
    ]),
    || lazily([
        |l| {
            l.shared.write();
            let _ = l.once_lock.set(1);
        },
        |l| {
            if *l.once_lock.get_or_init(|| 2) == 1 {
                l.shared.read();
            }
        },
    ]),
    Misses(MONITOR),
);
pair!(
    to_force_a_lazy_lock_is_to_know_its_initialiser,
    || lazily([
        |l| {
            LazyLock::force(&l.lazy_lock);
        },
        |l| {
            l.shared.read();
            LazyLock::force(&l.lazy_lock);
        },
    ]),
    || lazily([
        |l| {
            LazyLock::force(&l.lazy_lock);
        },
        |l| {
            LazyLock::force(&l.lazy_lock);
            l.shared.read();
        },
    ]),
    Same,
);

// Two loads beside a store make loom explore exactly.
pair!(
    what_two_begin_to_use_at_once_is_no_race_however_exact_the_exploration,
    || lazily([
        |l| {
            l.shared.told();
            l.shared.write();
            l.once_lock.get_or_init(|| 1);
        },
        |l| {
            if !l.shared.told() {
                l.shared.tell();
            }
            l.once_lock.get_or_init(|| 1);
            l.shared.read();
        },
    ]),
    || lazily([
        |l| {
            l.shared.told();
            l.once_lock.get_or_init(|| 1);
        },
        |l| {
            if !l.shared.told() {
                l.shared.tell();
            }
            l.once_lock.get_or_init(|| 1);
        },
    ]),
    Same,
);

static LAZY: LazyLock<Plain<u32>> = LazyLock::new(|| Plain::new(0));

fn read(cell: &Plain<u32>) {
    let _ = cell.get();
}

pair!(
    what_is_in_a_lazy_static_is_shared_like_anything_else,
    || run((), [|()| LAZY.set(1), |()| LAZY.set(2)]),
    || run((), [|()| read(&LAZY), |()| read(&LAZY)]),
    Same,
);
pair!(
    what_is_in_a_static_is_never_dropped,
    || {
        let detached = thread::spawn(|| LAZY.set(1));
        LAZY.set(2);
        drop(detached);
    },
    || {
        let detached = thread::spawn(|| LAZY.set(1));
        thread::yield_now();
        drop(detached);
    },
    Same,
);

// Barriers.

fn meet(actors: [fn(&(Shared, Barrier)); 2]) {
    run((Shared::new(), Barrier::new(2)), actors);
}

pair!(
    a_barrier_orders_what_precedes_it_before_what_follows,
    || meet([
        |(s, barrier)| {
            barrier.wait();
            s.write();
        },
        |(s, barrier)| {
            barrier.wait();
            s.read();
        },
    ]),
    || meet([
        |(s, barrier)| {
            s.write();
            barrier.wait();
        },
        |(s, barrier)| {
            barrier.wait();
            s.read();
        },
    ]),
    Same,
);
pair!(
    each_generation_of_a_barrier_orders_its_own_past,
    || meet([
        |(s, barrier)| {
            barrier.wait();
            s.write();
            barrier.wait();
        },
        |(s, barrier)| {
            barrier.wait();
            s.read();
            barrier.wait();
        },
    ]),
    || meet([
        |(s, barrier)| {
            barrier.wait();
            s.write();
            barrier.wait();
        },
        |(s, barrier)| {
            barrier.wait();
            barrier.wait();
            s.read();
        },
    ]),
    Same,
);
