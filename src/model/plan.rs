//! Models under shuttle, as a scheduler of shuttle's was asked for.

use super::builder::USUAL_BRANCHES;
use super::closure::Closure;
use super::run::{self, Identity};
use crate::base::budget::{Budget, DEFAULT_SEED};
use crate::base::engine::Engine;
use crate::base::shard::{seed_of_stream, stream};
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How much is to be explored.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) seed: u64,
    /// Executions of the search.
    pub(crate) searched: u64,
    /// Executions of each randomised strategy.
    pub(crate) random: u64,
    pub(crate) most_time: Option<Duration>,
    /// Whether a closure that does not do the same when it is scheduled the same fails.
    pub(crate) repeatable: bool,
}

impl Plan {
    /// So many executions of the search, and if those are not all, as many at random.
    pub(crate) fn random(seed: u64, iterations: usize) -> Self {
        let executions = u64::try_from(iterations).unwrap_or(u64::MAX).max(1);
        Plan { seed, searched: executions, random: executions, most_time: None, repeatable: false }
    }

    /// At most so many executions of the search.
    pub(crate) fn exhaustive(most: Option<usize>) -> Self {
        let searched = most.map_or(1_000_000, |most| u64::try_from(most).unwrap_or(u64::MAX).max(1));
        Plan { seed: DEFAULT_SEED, searched, random: 0, most_time: None, repeatable: false }
    }
}

/// Explores `f`: how many executions there were.
#[track_caller]
pub(crate) fn check(plan: Plan, f: impl Fn() + Send + Sync + 'static) -> u64 {
    let identity = Identity::of(Location::caller());
    run::not_inside();
    let closure = Arc::new(Closure::new(f));
    let settings = run::settings();
    if let Some(told) = run::asked_for(&settings, &identity, &closure, run::branches_of_loom(USUAL_BRANCHES))
    {
        panic!("{told}");
    }
    let budget = Budget {
        executions: plan.searched,
        random_executions: plan.random,
        seed: seed_of_stream(plan.seed, stream(settings.shard, 0)),
        ..run::of_models(&settings)
    };
    let bounds = run::Bounds {
        budget,
        deadline: plan.most_time.and_then(|most| Instant::now().checked_add(most)),
        max_operations: None,
        max_branches: run::branches_of_loom(USUAL_BRANCHES),
        ends_by_request: plan.random == 0,
        repeatable: plan.repeatable,
    };
    let mut executions = 0;
    for engine in run::engines(&settings, Engine::Shuttle) {
        match run::on(engine, &bounds, &identity, &closure) {
            Ok(ran) => executions += ran,
            Err(told) => panic!("{told}"),
        }
    }
    executions
}

/// Runs the execution of a token.
#[track_caller]
pub(crate) fn replay(f: impl Fn() + Send + Sync + 'static, word: &str) {
    let identity = Identity::of(Location::caller());
    run::not_inside();
    let told = run::replay(
        &identity.anywhere(),
        &Arc::new(Closure::new(f)),
        word,
        run::branches_of_loom(USUAL_BRANCHES),
    );
    panic!("{}", told.unwrap_or_else(|| "this token is none of a model's".to_owned()));
}
