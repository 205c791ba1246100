//! That a checker is added by a module of its own: one execution, in which the threads take turns, step by step.
//!
//! It is what the page of `engine/adapter.rs` says: a variant, a line in the registry, and this. The scenarios that it
//! runs are shipped ones.

use super::adapter::{Adapter, Programs};
use super::witness::Ended;
use super::{Heartbeat, Task, observe, shuttle};
use crate::base::budget::{Budget, DEFAULT_SEED, Effort};
use crate::base::engine::Engine;
use crate::base::failure::Failure;
use crate::base::observation::{Exploration, Observation, Sampling, Stop};
use crate::base::outcome::OutcomeCount;
use crate::registry::{self, Found};
use crate::rt::Checker;
use crate::rt::context::Context;
use crate::scenario::{ErasedDesign, Expected};
use ::shuttle::scheduler::RoundRobinScheduler;

/// The next thread in turn goes on, always.
pub(super) struct RoundRobin;

impl Adapter for RoundRobin {
    fn observe(&self, task: &Task<'_>) -> anyhow::Result<Observation> {
        let mut seen = Observation::new(Exploration::Sampled { how: Sampling::UntilFailure });
        match shuttle::along(&task.program, RoundRobinScheduler::new(1)) {
            Some(Ended::Outcome(outcome)) => {
                let (value, grade, sentence) = (outcome.value, outcome.grade, outcome.sentence);
                seen.outcomes = vec![OutcomeCount { value, grade, sentence, count: 1 }];
            }
            Some(Ended::Failed(failure)) => seen.fail(failure),
            Some(Ended::Stopped) => seen.stopped = Some(Stop::CheckerPanicked("it gave up".to_owned())),
            None => seen.stopped = Some(Stop::OutOfTime { seconds: 0 }),
        }
        seen.executions = 1;
        Ok(seen)
    }

    fn context(&self) -> Context {
        Context::Model(Checker::Shuttle)
    }

    fn programs(&self, budget: &Budget) -> Programs {
        Programs::searched(budget, 1, 1)
    }
}

#[path = "../../scenarios"]
mod shipped {
    mod basics {
        automod::dir!("scenarios/basics");
    }
    mod locks {
        automod::dir!("scenarios/locks");
    }
}

/// The scenarios that are shipped in these two folders.
fn shipped_scenarios() -> Vec<Found> {
    let all = registry::registrations().into_iter().map(registry::Registration::make);
    let found = registry::check(all.collect()).expect("scenarios that are right");
    found.into_iter().filter(|found| ["basics", "locks"].contains(&found.folder())).collect()
}

fn run(design: &ErasedDesign) -> Observation {
    let heartbeat: &'static Heartbeat = Box::leak(Box::default());
    let task = Task::new(design, Effort::Quick.budget(DEFAULT_SEED), heartbeat);
    observe(Engine::RoundRobin, &task).expect("the engine works")
}

fn design<'a>(found: &'a [Found], scenario: &str, design: &str) -> &'a ErasedDesign {
    let scenario = found.iter().find(|found| found.name == scenario).expect("a shipped scenario");
    scenario.scenario.designs.iter().find(|one| one.name == design).expect("a design of it")
}

#[test]
fn an_engine_of_one_fixed_schedule_runs_the_shipped_scenarios() {
    let found = shipped_scenarios();
    assert!(found.len() >= 20, "{} scenarios", found.len());
    let (mut ran, mut raced) = (0, 0);
    for scenario in &found {
        for design in &scenario.scenario.designs {
            if design.facts.excluded_from(Engine::Shuttle).is_some() {
                continue;
            }
            let seen = run(design);
            ran += 1;
            raced += usize::from(matches!(seen.failures[..], [Failure::DataRace(_)]));
            let name = format!("{} / {}: {seen:?}", scenario.name, design.name);
            assert!(seen.executions == 1 && seen.outcomes.len() + seen.failures.len() <= 1, "{name}");
            // What shuttle's search does not find, no schedule of it shows.
            if design.facts.expected_on(Engine::Shuttle).0 == Expected::Safe {
                assert!(
                    seen.failures.is_empty() && !seen.outcomes.iter().any(OutcomeCount::is_violation),
                    "{name}"
                );
            }
        }
    }
    assert!(ran >= 60 && raced >= 5, "{ran} designs ran, and {raced} raced");
}

#[test]
fn the_fixed_schedule_is_the_same_each_time() {
    let found = shipped_scenarios();
    let values = |name| run(design(&found, "shared_counter", name)).outcomes;
    assert_eq!(values("load, then store"), values("load, then store"));
    assert_eq!(values("mutex")[0].value, "2");
}
