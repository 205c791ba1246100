//! Runs a closure for real and inside models.

use crate::context::{self, Context};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) fn loom(f: impl Fn() + Send + Sync + 'static) -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let mut b = loom::model::Builder::new();
    b.max_branches = 10_000;
    b.preemption_bound = Some(3);
    b.check(move || {
        let _in = context::enter(Context::Loom);
        counter.fetch_add(1, Ordering::Relaxed);
        f();
        crate::sync::lazy::end_of_execution();
    });
    count.load(Ordering::Relaxed)
}

pub(crate) fn shuttle(f: impl Fn() + Send + Sync + 'static) -> usize {
    let mut config = shuttle::Config::new();
    config.failure_persistence = shuttle::FailurePersistence::None;
    let runner = shuttle::Runner::new(
        shuttle::scheduler::RandomScheduler::new_from_seed(7, 200),
        config,
    );
    let _in = context::enter(Context::Shuttle);
    runner.run(move || {
        crate::arm::trace::begin();
        f();
        crate::sync::lazy::end_of_execution();
        assert!(crate::arm::trace::end().is_none(), "a race was recorded");
    })
}

pub(crate) fn everywhere(f: impl Fn() + Send + Sync + Clone + 'static) {
    f();
    assert!(loom(f.clone()) > 0);
    assert_eq!(shuttle(f), 200);
}
