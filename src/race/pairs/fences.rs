//! Fences. SeqCst ones release and acquire, and order nothing beyond that.

use super::Loom::{Misses, Same};
use super::{Shared, pair, share};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use crate::sync::atomic::{compiler_fence, fence};

fn publish(shared: &Shared) {
    shared.write();
    shared.flag.store(1, Release);
}

fn publish_relaxed(shared: &Shared) {
    shared.write();
    shared.tell();
}

pair!(
    a_release_fence_publishes_by_the_stores_after_it,
    || share([
        |s| {
            publish_relaxed(s);
            fence(Release);
        },
        |s| s.read_if(1, Acquire),
    ]),
    || share([
        |s| {
            s.write();
            fence(Release);
            s.flag.store(1, Relaxed);
        },
        |s| s.read_if(1, Acquire),
    ]),
    Same,
);
pair!(
    a_release_fence_publishes_what_precedes_it,
    || share([
        |s| {
            fence(Release);
            publish_relaxed(s);
        },
        |s| s.read_if(1, Acquire),
    ]),
    || share([
        |s| {
            s.write();
            fence(AcqRel);
            s.flag.fetch_add(1, Relaxed);
        },
        |s| s.read_if(1, Acquire),
    ]),
    Same,
);
pair!(
    an_acquire_fence_publishes_nothing,
    || share([
        |s| {
            s.write();
            fence(Acquire);
            s.flag.store(1, Relaxed);
        },
        |s| s.read_if(1, Acquire),
    ]),
    || share([
        |s| {
            s.write();
            fence(SeqCst);
            s.flag.store(1, Relaxed);
        },
        |s| s.read_if(1, Acquire),
    ]),
    Same,
);
pair!(
    an_acquire_fence_learns_from_the_loads_before_it,
    || share([publish, |s| {
        fence(Acquire);
        s.read_if(1, Relaxed);
    }]),
    || share([publish, |s| {
        if s.flag.load(Relaxed) == 1 {
            fence(Acquire);
            s.read();
        }
    }]),
    Same,
);
pair!(
    a_release_fence_learns_nothing,
    || share([publish, |s| {
        if s.flag.load(Relaxed) == 1 {
            fence(Release);
            s.read();
        }
    }]),
    || share([publish, |s| {
        if s.flag.load(Relaxed) == 1 {
            fence(AcqRel);
            s.read();
        }
    }]),
    Same,
);
pair!(
    an_acquire_fence_learns_from_a_failed_compare_exchange,
    || share([publish, |s| {
        if s.flag.compare_exchange(7, 8, AcqRel, Relaxed) == Err(1) {
            s.read();
            fence(Acquire);
        }
    }]),
    || share([publish, |s| {
        if s.flag.compare_exchange(7, 8, Release, Relaxed) == Err(1) {
            fence(Acquire);
            s.read();
        }
    }]),
    Same,
);
pair!(
    seqcst_fences_alone_order_nothing,
    || share([
        |s| {
            s.write();
            fence(SeqCst);
            s.flag.store(1, Relaxed);
        },
        |s| {
            fence(SeqCst);
            s.read_if(1, Relaxed);
        },
    ]),
    || share([
        |s| {
            s.write();
            fence(SeqCst);
            s.flag.store(1, Relaxed);
        },
        |s| {
            if s.flag.load(Relaxed) == 1 {
                fence(SeqCst);
                s.read();
            }
        },
    ]),
    Same,
);
pair!(
    a_seqcst_fence_after_another_orders_nothing,
    || share([
        |s| {
            s.write();
            fence(SeqCst);
            s.tell();
        },
        |s| {
            if s.told() {
                s.other.store(1, Relaxed);
            }
        },
        |s| {
            if s.other.load(Relaxed) == 1 {
                fence(SeqCst);
                s.read();
            }
        },
    ]),
    || share([
        |s| {
            s.write();
            fence(SeqCst);
            s.tell();
        },
        |s| {
            if s.told() {
                fence(AcqRel);
                s.other.store(1, Relaxed);
            }
        },
        |s| {
            if s.other.load(Relaxed) == 1 {
                fence(SeqCst);
                s.read();
            }
        },
    ]),
    Misses("under loom SeqCst fences are ordered like critical sections"),
);
pair!(
    a_release_fence_heads_a_release_sequence_too,
    || share([
        |s| {
            s.write();
            fence(Release);
            s.flag.store(1, Relaxed);
        },
        |s| {
            if s.flag.load(Relaxed) == 1 {
                s.flag.store(2, Relaxed);
            }
        },
        |s| s.read_if(2, Acquire),
    ]),
    || share([
        |s| {
            s.write();
            fence(Release);
            s.flag.store(1, Relaxed);
        },
        |s| {
            let _ = s.flag.compare_exchange(1, 2, Relaxed, Relaxed);
        },
        |s| s.read_if(2, Acquire),
    ]),
    Same,
);
pair!(
    a_compiler_fence_orders_nothing_between_threads,
    || share([
        |s| {
            s.write();
            compiler_fence(SeqCst);
            s.flag.store(1, Relaxed);
        },
        |s| s.read_if(1, Acquire),
    ]),
    || share([
        |s| {
            s.write();
            fence(SeqCst);
            s.flag.store(1, Relaxed);
        },
        |s| s.read_if(1, Acquire),
    ]),
    Same,
);
