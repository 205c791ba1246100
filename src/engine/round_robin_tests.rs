//! A checker that is added here and nowhere else: one execution, in which tasks take turns. It shows how little an
//! engine needs: an [`Adapter`], and what `arm` has for a scheduler of one's own.

use super::failure::classify;
use super::planted::{erased, erased_forbidding, fetch_add, load_then_store};
use super::{Adapter, Programs, Pulse, Task, artefacts};
use crate::arm::{shuttle_end, trace};
use crate::base::budget::Budget;
use crate::base::engine::Engine;
use crate::base::observation::{Exploration, Observation, Sampling, Stop};
use crate::context::{self, Context};
use crate::panics;
use crate::scenario::{Design, ErasedDesign, Expected};
use crate::sync::Mutex;
use crate::verdict::{Expectation, Verdict, judge};
use shuttle::scheduler::RoundRobinScheduler;
use std::sync::Arc;

struct RoundRobin;

impl Adapter for RoundRobin {
    fn observe(&self, task: &Task<'_>) -> anyhow::Result<Observation> {
        let (program, pulse) = (Arc::clone(&task.program), task.pulse);
        let operations = context::operations();
        let model = move || {
            panics::forget();
            trace::begin(true);
            Arc::clone(&program).execute();
            crate::sync::lazy::end_of_execution();
            trace::end();
            pulse.advance(1);
        };
        panics::install_once();
        let mut config = shuttle::Config::new();
        config.failure_persistence = shuttle::FailurePersistence::None;
        let entered = context::enter(Context::Shuttle);
        let result = shuttle_end::run(RoundRobinScheduler::new(1), config, model);
        drop(entered);
        trace::end();
        let mut seen = Observation::new(Exploration::Sampled { how: Sampling::InterruptedSearch });
        seen.executions = 1;
        seen.outcomes = task.program.outcomes();
        seen.caveats = artefacts();
        match result.err().map(|payload| classify(payload.as_ref())) {
            Some(Ok(failure)) => seen.fail(failure),
            Some(Err(stop)) => seen.stopped = Some(stop),
            None if context::operations() == operations => seen.stopped = Some(Stop::NoOperation),
            None => {}
        }
        Ok(seen)
    }

    fn programs(&self, budget: &Budget) -> Programs {
        Programs { most: 10, ..Programs::sampled(budget) }
    }
}

#[track_caller]
fn check(design: &ErasedDesign, expected: Verdict) {
    let task = Task::new(design, Budget::FOR_TESTS, Box::leak(Box::new(Pulse::default())));
    let seen = RoundRobin.observe(&task).expect("the engine does its work");
    let expectation = Expectation { engine: Engine::Shuttle, expected: Expected::Safe, must_see: false };
    let judgement = judge(expectation, &seen);
    assert_eq!((judgement.verdict, seen.executions), (expected, 1), "{seen:?}");
}

#[test]
fn an_engine_of_one_schedule_is_an_adapter_and_nothing_else() {
    check(&fetch_add(2), Verdict::Safe);
    check(&load_then_store(2), Verdict::Safe);
    let lost = Design::new(|| crate::sync::atomic::AtomicU32::new(0))
        .actors(2, |n| {
            use crate::sync::atomic::Ordering::Relaxed;
            n.store(n.load(Relaxed) + 1, Relaxed);
        })
        .observe(|n, _| n.load(crate::sync::atomic::Ordering::Relaxed));
    check(&erased_forbidding(lost, |&n| n == 1), Verdict::Forbidden);
    let locks = || (Mutex::new(()), Mutex::new(()));
    let opposite = Design::new(locks)
        .actor("A", |(first, second)| drop((first.lock(), second.lock())))
        .actor("B", |(first, second)| drop((second.lock(), first.lock())))
        .observe(|_, _| ());
    check(&erased(opposite), Verdict::Deadlock);
    let unseen = Design::new(|| std::sync::atomic::AtomicU32::new(0)).actors(2, |_| ()).observe(|_, _| ());
    check(&erased(unseen), Verdict::Inconclusive);
    let panics =
        Design::new(|| ()).actors(2, |()| panic!("deadlock! blocked tasks")).observe(|(), _: &[()]| ());
    check(&erased(panics), Verdict::Crash);
}
