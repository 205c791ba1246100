//! How executions are to be scheduled, by shuttle's names.

use crate::base::budget::DEFAULT_SEED;
use crate::model::plan::Plan;
use std::path::Path;

/// What a [`Runner`](super::Runner) goes by.
pub trait Scheduler: sealed::Sealed {
    #[doc(hidden)]
    fn plan(&self) -> Plan;

    /// The one execution to run.
    #[doc(hidden)]
    fn token(&self) -> Option<&str> {
        None
    }
}

impl sealed::Sealed for Box<dyn Scheduler + Send> {}

impl Scheduler for Box<dyn Scheduler + Send> {
    fn plan(&self) -> Plan {
        (**self).plan()
    }

    fn token(&self) -> Option<&str> {
        (**self).token()
    }
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! scheduler {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Plan);

        impl sealed::Sealed for $name {}

        impl Scheduler for $name {
            fn plan(&self) -> Plan {
                self.0.clone()
            }
        }
    };
}

scheduler! {
    /// See [`check_random`](super::check_random).
    RandomScheduler
}
scheduler! {
    /// See [`check_pct`](super::check_pct).
    PctScheduler
}
scheduler! {
    /// See [`check_dfs`](super::check_dfs).
    DfsScheduler
}
/// See [`check_urw`](super::check_urw). No way of drawing is another one here.
pub type UrwRandomScheduler = RandomScheduler;
scheduler! {
    /// So many executions of the search.
    RoundRobinScheduler
}
scheduler! {
    /// See [`check_uncontrolled_nondeterminism`](super::check_uncontrolled_nondeterminism).
    UncontrolledNondeterminismCheckScheduler
}
scheduler! {
    /// Another's executions. Nothing is written down.
    AnnotationScheduler
}

impl RandomScheduler {
    /// So many executions.
    #[must_use]
    pub fn new(iterations: usize) -> Self {
        RandomScheduler(Plan::random(DEFAULT_SEED, iterations))
    }

    /// So many executions, from a seed.
    #[must_use]
    pub fn new_from_seed(seed: u64, iterations: usize) -> Self {
        RandomScheduler(Plan::random(seed, iterations))
    }
}

impl PctScheduler {
    /// So many executions.
    #[must_use]
    pub fn new(_depth: usize, iterations: usize) -> Self {
        PctScheduler(Plan::random(DEFAULT_SEED, iterations))
    }

    /// So many executions, from a seed.
    #[must_use]
    pub fn new_from_seed(seed: u64, _depth: usize, iterations: usize) -> Self {
        PctScheduler(Plan::random(seed, iterations))
    }
}

impl DfsScheduler {
    /// At most so many executions.
    #[must_use]
    pub fn new(max_iterations: Option<usize>, _allow_random_data: bool) -> Self {
        DfsScheduler(Plan::exhaustive(max_iterations))
    }
}

impl RoundRobinScheduler {
    /// So many executions.
    #[must_use]
    pub fn new(iterations: usize) -> Self {
        RoundRobinScheduler(Plan::exhaustive(Some(iterations)))
    }
}

impl UncontrolledNondeterminismCheckScheduler {
    /// The executions of another scheduler.
    pub fn new(scheduler: impl Scheduler) -> Self {
        UncontrolledNondeterminismCheckScheduler(Plan { repeatable: true, ..scheduler.plan() })
    }
}

impl AnnotationScheduler {
    /// The executions of another scheduler.
    pub fn new(scheduler: impl Scheduler) -> Self {
        AnnotationScheduler(scheduler.plan())
    }
}

/// See [`replay`](super::replay()).
#[derive(Clone, Debug)]
pub struct ReplayScheduler(String);

impl ReplayScheduler {
    /// The execution of a token.
    #[must_use]
    pub fn new_from_encoded(token: &str) -> Self {
        ReplayScheduler(token.to_owned())
    }

    /// The execution of a token in a file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn new_from_file<P: AsRef<Path>>(path: P) -> std::io::Result<Self> {
        Ok(ReplayScheduler(std::fs::read_to_string(path)?.trim().to_owned()))
    }
}

impl sealed::Sealed for ReplayScheduler {}

impl Scheduler for ReplayScheduler {
    fn plan(&self) -> Plan {
        Plan::exhaustive(Some(1))
    }

    fn token(&self) -> Option<&str> {
        Some(&self.0)
    }
}
