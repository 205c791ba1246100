//! Running a closure as one scheduler says, or as several do.

use super::Config;
use super::scheduler::Scheduler;
use crate::model::plan::{self, Plan};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// Runs closures as a [scheduler](super::scheduler::Scheduler) says.
#[derive(Debug)]
pub struct Runner<S> {
    scheduler: S,
    config: Config,
}

impl<S: Scheduler> Runner<S> {
    /// With these options.
    pub fn new(scheduler: S, config: Config) -> Self {
        Runner { scheduler, config }
    }

    /// Checks `f`, and returns how many executions there were.
    ///
    /// # Panics
    /// With the execution that fails, if one does.
    #[track_caller]
    pub fn run<F: Fn() + Send + Sync + 'static>(self, f: F) -> usize {
        if let Some(token) = self.scheduler.token() {
            plan::replay(f, token);
            return 1;
        }
        let plan = Plan { most_time: self.config.max_time, ..self.scheduler.plan() };
        usize::try_from(plan::check(plan, f)).unwrap_or(usize::MAX)
    }
}

/// Runs closures as several schedulers say, one after the other.
pub struct PortfolioRunner {
    schedulers: Vec<Box<dyn Scheduler + Send>>,
    stops_at_first: bool,
    config: Config,
}

impl PortfolioRunner {
    /// Without schedulers yet; whether it ends at the first that fails.
    #[must_use]
    pub fn new(stop_on_first_failure: bool, config: Config) -> Self {
        PortfolioRunner { schedulers: Vec::new(), stops_at_first: stop_on_first_failure, config }
    }

    /// Adds a scheduler.
    pub fn add(&mut self, scheduler: impl Scheduler + Send + 'static) {
        self.schedulers.push(Box::new(scheduler));
    }

    /// Checks `f` by each scheduler.
    ///
    /// # Panics
    /// With the execution that fails first, if one does.
    #[track_caller]
    pub fn run<F: Fn() + Send + Sync + 'static>(self, f: F) {
        let f = Arc::new(f);
        let mut first = None;
        for scheduler in self.schedulers {
            let (runner, f) = (Runner::new(scheduler, self.config.clone()), Arc::clone(&f));
            if let Err(failure) = catch_unwind(AssertUnwindSafe(|| runner.run(move || f()))) {
                first.get_or_insert(failure);
                if self.stops_at_first {
                    break;
                }
            }
        }
        if let Some(failure) = first {
            resume_unwind(failure);
        }
    }
}

impl fmt::Debug for PortfolioRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schedulers = self.schedulers.len();
        f.debug_struct("PortfolioRunner").field("schedulers", &schedulers).finish_non_exhaustive()
    }
}
