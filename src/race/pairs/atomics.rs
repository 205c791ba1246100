//! Atomics: stores and loads, read-modify-writes, release sequences, compare-exchanges that fail.

use super::Loom::Same;
use super::{Shared, pair, share};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

/// The publisher of most pairs.
fn publish(shared: &Shared) {
    shared.write();
    shared.flag.store(1, Release);
}

fn publish_relaxed(shared: &Shared) {
    shared.write();
    shared.flag.store(1, Relaxed);
}

// Stores and loads.

pair!(
    a_store_publishes_if_it_releases,
    || share([publish_relaxed, |s| s.read_if(1, Acquire)]),
    || share([publish, |s| s.read_if(1, Acquire)]),
    Same,
);
pair!(
    a_load_learns_if_it_acquires,
    || share([publish, |s| s.read_if(1, Relaxed)]),
    || share([publish, |s| s.read_if(1, Acquire)]),
    Same,
);
pair!(
    seqcst_accesses_release_and_acquire,
    || share([publish_relaxed, |s| s.read_if(1, SeqCst)]),
    || share([
        |s| {
            s.write();
            s.flag.store(1, SeqCst);
        },
        |s| s.read_if(1, SeqCst),
    ]),
    Same,
);
pair!(
    what_follows_the_store_is_not_published,
    || share([
        |s| {
            s.flag.store(1, Release);
            s.write();
        },
        |s| s.read_if(1, Acquire),
    ]),
    || share([publish, |s| s.read_if(1, Acquire)]),
    Same,
);
pair!(
    what_precedes_the_load_is_not_ordered,
    || share([publish, |s| {
        s.read();
        s.flag.load(Acquire);
    }]),
    || share([publish, |s| s.read_if(1, Acquire)]),
    Same,
);
pair!(
    the_initial_value_publishes_nothing,
    || share([publish, |s| s.read_if(0, Acquire)]),
    || share([publish, |s| s.read_if(1, Acquire)]),
    Same,
);
pair!(
    a_store_publishes_the_past_of_its_own_thread_only,
    || share([publish, |s| s.flag.store(2, Release), |s| s.read_if(2, Acquire)]),
    || share([publish, |s| s.flag.store(2, Release), |s| s.read_if(1, Acquire)]),
    Same,
);
pair!(
    the_edge_is_between_accesses_of_one_atomic,
    || share([
        |s| {
            publish(s);
            s.other.store(1, Relaxed);
        },
        |s| {
            if s.other.load(Acquire) == 1 {
                s.read();
            }
        },
    ]),
    || share([
        |s| {
            publish(s);
            s.other.store(1, Relaxed);
        },
        |s| {
            if s.other.load(Acquire) == 1 {
                s.read_if(1, Acquire);
            }
        },
    ]),
    Same,
);
pair!(
    happens_before_is_transitive,
    || share([
        publish,
        |s| {
            if s.flag.load(Relaxed) == 1 {
                s.other.store(1, Release);
            }
        },
        |s| {
            if s.other.load(Acquire) == 1 {
                s.read();
            }
        },
    ]),
    || share([
        publish,
        |s| {
            if s.flag.load(Acquire) == 1 {
                s.other.store(1, Release);
            }
        },
        |s| {
            if s.other.load(Acquire) == 1 {
                s.read();
            }
        },
    ]),
    Same,
);

// Read-modify-writes and release sequences.

pair!(
    a_swap_publishes_if_it_releases,
    || share([
        |s| {
            s.write();
            s.flag.swap(1, Acquire);
        },
        |s| s.read_if(1, Acquire),
    ]),
    || share([
        |s| {
            s.write();
            s.flag.swap(1, Release);
        },
        |s| s.read_if(1, Acquire),
    ]),
    Same,
);
pair!(
    a_read_modify_write_learns_if_it_acquires,
    || share([publish, |s| {
        if s.flag.fetch_add(2, Release) == 1 {
            s.read();
        }
    }]),
    || share([publish, |s| {
        if s.flag.fetch_add(2, Acquire) == 1 {
            s.read();
        }
    }]),
    Same,
);
pair!(
    an_update_has_one_ordering_to_set_and_one_to_fetch,
    || share([
        |s| {
            s.write();
            s.flag.update(Relaxed, Acquire, |n| n + 1);
        },
        |s| s.read_if(1, Acquire),
    ]),
    || share([
        |s| {
            s.write();
            s.flag.update(Release, Relaxed, |n| n + 1);
        },
        |s| s.read_if(1, Acquire),
    ]),
    Same,
);
pair!(
    a_read_modify_write_of_another_thread_continues_the_release_sequence_and_a_store_does_not,
    || share([
        publish,
        |s| {
            if s.flag.load(Relaxed) == 1 {
                s.flag.store(2, Relaxed);
            }
        },
        |s| s.read_if(2, Acquire),
    ]),
    || share([
        publish,
        |s| {
            let _ = s.flag.compare_exchange(1, 2, Relaxed, Relaxed);
        },
        |s| s.read_if(2, Acquire),
    ]),
    Same,
);
pair!(
    a_relaxed_store_of_the_same_thread_ends_the_release_sequence,
    || share([
        |s| {
            publish(s);
            s.flag.store(2, Relaxed);
        },
        |s| s.read_if(2, Acquire),
    ]),
    || share([
        |s| {
            publish(s);
            s.flag.fetch_add(1, Relaxed);
        },
        |s| s.read_if(2, Acquire),
    ]),
    Same,
);
pair!(
    a_relaxed_read_modify_write_heads_no_release_sequence,
    || share([
        |s| {
            s.write();
            s.flag.fetch_add(1, Relaxed);
        },
        |s| {
            let _ = s.flag.compare_exchange(1, 2, AcqRel, Relaxed);
        },
        |s| s.read_if(2, Acquire),
    ]),
    || share([
        |s| {
            s.write();
            s.flag.fetch_add(1, Release);
        },
        |s| {
            let _ = s.flag.compare_exchange(1, 2, Relaxed, Relaxed);
        },
        |s| s.read_if(2, Acquire),
    ]),
    Same,
);
pair!(
    a_releasing_read_modify_write_in_the_middle_keeps_the_head,
    || share([
        publish,
        |s| {
            if s.flag.load(Relaxed) == 1 {
                s.flag.store(2, Release);
            }
        },
        |s| s.read_if(2, Acquire),
    ]),
    || share([
        publish,
        |s| {
            let _ = s.flag.compare_exchange(1, 2, Release, Relaxed);
        },
        |s| s.read_if(2, Acquire),
    ]),
    Same,
);

// Compare-exchanges that fail.

pair!(
    a_failed_compare_exchange_is_a_load_with_the_failure_ordering,
    || share([publish, |s| {
        if s.flag.compare_exchange(7, 8, AcqRel, Relaxed) == Err(1) {
            s.read();
        }
    }]),
    || share([publish, |s| {
        if s.flag.compare_exchange(7, 8, Relaxed, Acquire) == Err(1) {
            s.read();
        }
    }]),
    Same,
);
pair!(
    a_failed_compare_exchange_releases_nothing,
    || share([
        |s| {
            s.write();
            let _ = s.flag.compare_exchange(7, 8, AcqRel, Acquire);
            s.other.store(1, Relaxed);
        },
        |s| {
            if s.other.load(Relaxed) == 1 {
                s.read_if(0, Acquire);
            }
        },
    ]),
    || share([
        |s| {
            s.write();
            let _ = s.flag.compare_exchange(0, 8, AcqRel, Acquire);
            s.other.store(1, Relaxed);
        },
        |s| {
            if s.other.load(Relaxed) == 1 {
                s.read_if(8, Acquire);
            }
        },
    ]),
    Same,
);
pair!(
    a_failed_compare_exchange_leaves_the_release_sequence_alone,
    || share([publish, |s| s.flag.store(1, Relaxed), |s| s.read_if(1, Acquire)]),
    || share([
        publish,
        |s| {
            let _ = s.flag.compare_exchange(7, 1, Relaxed, Relaxed);
        },
        |s| s.read_if(1, Acquire),
    ]),
    Same,
);
