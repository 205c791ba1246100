//! shuttle's names: `use selvedge::compat::shuttle;`, and a test for shuttle runs as it is.
//!
//! | there | here |
//! |---|---|
//! | [`check_random`], [`check_pct`] | an exhaustive search with partial-order reduction, of as many executions as were asked for; if there are more, then PCT and random schedules, as many again of each |
//! | [`check_dfs`] | the exhaustive search |
//! | [`check_uncontrolled_nondeterminism`] | the search, and a failure if the closure does not do the same when it is scheduled the same |
//! | [`replay`] | the one execution of a token, as a failure names it |
//! | [`Runner`], [`Config`], [`scheduler`] | the same by shuttle's types |
//! | [`sync`], [`thread`], [`future`], [`lazy_static!`](crate::lazy_static!), [`thread_local!`](crate::thread_local) | this crate's own |
//! | [`rand`] | numbers that the checker chooses |
//! | [`current`] | who runs |
//!
//! More is explored than shuttle would, and nothing less. Values are sequentially consistent, as there; races on
//! [`cell`](crate::cell)s are found, by the orderings as written. `SELVEDGE_ENGINE=rc11` runs the same tests with
//! weak memory.
//!
//! Limits: no labels, tags, clocks, annotations, portfolio runner and `batch_semaphore`; of [`Config`], only `max_time` is
//! heeded, and only under rc11. shuttle's own schedules cannot be replayed: the tokens are this crate's.

use crate::base::budget::DEFAULT_SEED;
use crate::model::plan::{self, Plan};
use std::time::Duration;

pub use crate::{future, hint, lazy_static, sync, thread, thread_local};

/// Checks `f` by `iterations` executions of a search, and if those are not all, as many of each randomised strategy.
///
/// # Panics
/// With the execution that fails, if one does.
#[track_caller]
pub fn check_random<F: Fn() + Send + Sync + 'static>(f: F, iterations: usize) {
    plan::check(Plan::random(DEFAULT_SEED, iterations), f);
}

/// As [`check_random`], from a seed.
///
/// # Panics
/// As [`check_random`].
#[track_caller]
pub fn check_random_with_seed<F: Fn() + Send + Sync + 'static>(f: F, seed: u64, iterations: usize) {
    plan::check(Plan::random(seed, iterations), f);
}

/// As [`check_random`]. The depth of the bugs that are looked for is not limited.
///
/// # Panics
/// As [`check_random`].
#[track_caller]
pub fn check_pct<F: Fn() + Send + Sync + 'static>(f: F, iterations: usize, _depth: usize) {
    plan::check(Plan::random(DEFAULT_SEED, iterations), f);
}

/// Checks `f` by an exhaustive search, of at most so many executions.
///
/// # Panics
/// As [`check_random`].
#[track_caller]
pub fn check_dfs<F: Fn() + Send + Sync + 'static>(f: F, max_iterations: Option<usize>) {
    plan::check(Plan::exhaustive(max_iterations), f);
}

/// Checks that `f` does the same whenever it is scheduled the same.
///
/// # Panics
/// If it does not; and as [`check_random`].
#[track_caller]
pub fn check_uncontrolled_nondeterminism<F: Fn() + Send + Sync + 'static>(f: F, max_iterations: usize) {
    plan::check(Plan { repeatable: true, ..Plan::random(DEFAULT_SEED, max_iterations) }, f);
}

/// Runs the execution of a token, as a failure has named it.
///
/// # Panics
/// With what the execution shows; or if the token is none of this closure's.
#[track_caller]
pub fn replay<F: Fn() + Send + Sync + 'static>(f: F, token: &str) {
    plan::replay(f, token);
}

/// How executions are to be scheduled, by shuttle's names.
pub mod scheduler {
    use super::{DEFAULT_SEED, Plan};

    /// What a [`Runner`](super::Runner) goes by.
    pub trait Scheduler: sealed::Sealed {
        #[doc(hidden)]
        fn plan(&self) -> Plan;
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
}

/// shuttle's options.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Accepted: stacks are the engine's.
    pub stack_size: usize,
    /// Accepted: the engine's own limit holds.
    pub max_steps: MaxSteps,
    /// How long an exploration may take; heeded under rc11.
    pub max_time: Option<Duration>,
    /// Accepted: a failure is told in the panic's message.
    pub failure_persistence: FailurePersistence,
    /// Accepted.
    pub silence_warnings: bool,
}

/// When an execution is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MaxSteps {
    /// Never.
    None,
    /// It fails after so many steps.
    FailAfter(usize),
    /// It is given up after so many steps.
    ContinueAfter(usize),
}

/// Where the schedule of a failure goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailurePersistence {
    /// Nowhere.
    None,
    /// Into the message.
    Print,
}

impl Config {
    /// shuttle's defaults.
    #[must_use]
    pub fn new() -> Self {
        Config {
            stack_size: 0x8000,
            max_steps: MaxSteps::FailAfter(1_000_000),
            max_time: None,
            failure_persistence: FailurePersistence::Print,
            silence_warnings: false,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs closures as a [scheduler](scheduler::Scheduler) says.
#[derive(Debug)]
pub struct Runner<S> {
    scheduler: S,
    config: Config,
}

impl<S: scheduler::Scheduler> Runner<S> {
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
        let plan = Plan { most_time: self.config.max_time, ..self.scheduler.plan() };
        usize::try_from(plan::check(plan, f)).unwrap_or(usize::MAX)
    }
}

/// Numbers that the checker chooses: other ones in other executions, and in a replay the same.
pub mod rand {
    /// A source of numbers.
    #[derive(Clone, Copy, Debug, Default)]
    #[non_exhaustive]
    pub struct ThreadRng {}

    /// The source of numbers of the running thread.
    #[must_use]
    pub fn thread_rng() -> ThreadRng {
        ThreadRng {}
    }

    /// What can be drawn.
    pub trait Rng {
        /// Any number.
        fn next_u32(&mut self) -> u32;

        /// Any number.
        fn next_u64(&mut self) -> u64 {
            u64::from(self.next_u32()) << 32 | u64::from(self.next_u32())
        }

        /// A number of a range that is not empty.
        ///
        /// # Panics
        /// If the range is empty.
        fn gen_range(&mut self, range: std::ops::Range<usize>) -> usize {
            let width = u32::try_from(range.end - range.start).unwrap_or(u32::MAX);
            range.start + crate::choose(width) as usize
        }

        /// True with this probability, or false: both are tried.
        fn gen_bool(&mut self, _probability: f64) -> bool {
            crate::choose(2) == 1
        }
    }

    impl Rng for ThreadRng {
        fn next_u32(&mut self) -> u32 {
            crate::choose(u32::MAX)
        }
    }
}

/// Who runs.
pub mod current {
    use crate::context;
    use crate::thread::model;

    /// A thread by its number, in the order of spawning.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct TaskId(usize);

    impl From<TaskId> for usize {
        fn from(task: TaskId) -> usize {
            task.0
        }
    }

    /// The running thread.
    ///
    /// # Panics
    /// Outside of a closure that is checked.
    #[must_use]
    pub fn me() -> TaskId {
        get_current_task().expect("only called inside a closure that is checked")
    }

    /// The running thread, inside a closure that is checked.
    #[must_use]
    pub fn get_current_task() -> Option<TaskId> {
        context::current().is_model().then(|| TaskId(model::number()))
    }
}

#[cfg(test)]
mod tests {
    use super::sync::atomic::{AtomicUsize, Ordering};
    use super::sync::{Arc, Mutex};
    use super::{Config, Runner, check_dfs, check_random, replay, scheduler, thread};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn loses_an_update() {
        let count = Arc::new(AtomicUsize::new(0));
        let add = |count: &AtomicUsize| count.store(count.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
        let theirs = Arc::clone(&count);
        let adds = thread::spawn(move || add(&theirs));
        add(&count);
        adds.join().expect("no panic");
        assert_eq!(count.load(Ordering::SeqCst), 2, "an update is lost");
    }

    #[track_caller]
    fn fails(run: impl FnOnce()) -> String {
        let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("it fails");
        *panic.downcast::<String>().expect("in words")
    }

    #[test]
    fn each_check_finds_a_lost_update_and_its_token_leads_back() {
        for told in [fails(|| check_random(loses_an_update, 100)), fails(|| check_dfs(loses_an_update, None))]
        {
            assert!(told.contains("an update is lost"), "{told}");
            let (_, rest) = told.split_once("SELVEDGE_REPLAY=").expect("a token");
            let token = rest.split_whitespace().next().expect("a token");
            let again = fails(|| replay(loses_an_update, token));
            assert!(again.contains("an update is lost"), "{again}");
        }
    }

    #[test]
    fn a_runner_counts_the_executions_of_what_passes() {
        let counts = || {
            let total = Arc::new(Mutex::new(0));
            let theirs = Arc::clone(&total);
            let adds = thread::spawn(move || *theirs.lock().expect("no panic") += 1);
            *total.lock().expect("no panic") += 1;
            adds.join().expect("no panic");
            assert_eq!(*total.lock().expect("no panic"), 2);
        };
        let ran = Runner::new(scheduler::DfsScheduler::new(None, false), Config::new()).run(counts);
        assert!(ran >= 2, "both orders: {ran}");
    }
}
