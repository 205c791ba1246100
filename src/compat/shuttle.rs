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
//! | [`current`] | who runs; labels, names and tags of tasks |
//! | [`future::batch_semaphore`] | permits that are awaited |
//!
//! A package that names shuttle in many places needs no change but in its `Cargo.toml`: `shuttle = { path = "…" }`, a
//! package of that name whose `lib.rs` is `pub use selvedge::compat::shuttle::*;`.
//!
//! More is explored than shuttle would, and nothing less. Values are sequentially consistent, as there; races on
//! [`cell`](crate::cell)s are found, by the orderings as written. `SELVEDGE_ENGINE=rc11` runs the same tests with
//! weak memory.
//!
//! Accepted without effect: [`annotations`], [`current::reset_step_count`], and of [`Config`] all but `max_time`, which is
//! heeded under rc11. [`current::clock`] is empty, as in shuttle without its feature `vector-clocks`.
//!
//! Limits: schedulers of one's own cannot be written ([`scheduler::Scheduler`] is for those of this module), for the search
//! is this crate's; and so no `Schedule`, `Task` and metrics. shuttle's own schedules cannot be replayed: the tokens are
//! this crate's. A failure's message is this crate's, too.

mod batch_semaphore;
mod config;
pub mod current;
mod labels;
pub mod rand;
mod runner;
pub mod scheduler;

use crate::base::budget::DEFAULT_SEED;
use crate::model::plan::{self, Plan};
use std::path::Path;

pub use crate::{hint, lazy_static, sync, thread_local};
pub use config::{
    Config, ContinuationFunctionBehavior, FailurePersistence, MaxSteps, UngracefulShutdownConfig,
};
pub use runner::{PortfolioRunner, Runner};

/// Accepted: the variable that shuttle takes the name of a file from.
pub const ANNOTATION_FILE: &str = "SHUTTLE_ANNOTATION_FILE";
/// Accepted: the variable that has shuttle capture backtraces.
pub const CAPTURE_BACKTRACE: &str = "SHUTTLE_CAPTURE_BACKTRACE";
/// Accepted: the variable that silences shuttle's warnings.
pub const SILENCE_WARNINGS: &str = "SHUTTLE_SILENCE_WARNINGS";

/// Threads, by `std`'s names.
pub mod thread {
    use super::labels::Inherited;
    pub use crate::thread::*;

    /// As [`crate::thread::spawn`]; the thread begins with the labels of the running one.
    ///
    /// # Panics
    /// As [`crate::thread::spawn`].
    #[track_caller]
    pub fn spawn<F, T>(f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let labels = Inherited::here();
        crate::thread::spawn(move || {
            labels.begin();
            f()
        })
    }

    impl From<ThreadId> for usize {
        /// In the order of spawning.
        ///
        /// # Panics
        /// If the thread is not of a closure that is checked.
        fn from(thread: ThreadId) -> usize {
            thread.number().expect("of a closure that is checked")
        }
    }
}

/// Futures and tasks.
pub mod future {
    use super::labels::Inherited;
    pub use crate::future::*;

    pub mod batch_semaphore {
        //! Permits that are awaited.
        pub use super::super::batch_semaphore::{
            Acquire, AcquireError, BatchSemaphore, Fairness, TryAcquireError,
        };
    }

    /// As [`crate::future::spawn`]; the task begins with the labels of the running one.
    ///
    /// # Panics
    /// As [`crate::future::spawn`].
    #[track_caller]
    pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let labels = Inherited::here();
        crate::future::spawn(async move {
            labels.begin();
            future.await
        })
    }

    /// As [`spawn`], of a future that need not be `Send`.
    ///
    /// # Panics
    /// Outside of a closure that is checked.
    #[track_caller]
    pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let labels = Inherited::here();
        crate::future::spawn_local(async move {
            labels.begin();
            future.await
        })
    }
}

/// Accepted: what shuttle writes into a file for a viewer of its own. The witness of a failure is in its message.
pub mod annotations {
    /// Begins to write; accepted.
    pub fn start_annotations() {}

    /// Ends to write; accepted.
    pub fn stop_annotations() {}

    /// What has a name there. Here objects have those of the source.
    pub trait WithName: Sized {
        /// Accepted.
        #[must_use]
        fn with_name_and_kind(self, _name: Option<&str>, _kind: Option<&str>) -> Self {
            self
        }

        /// Accepted.
        #[must_use]
        fn with_name(self, _name: &str) -> Self {
            self
        }

        /// Accepted.
        #[must_use]
        fn with_kind(self, _kind: &str) -> Self {
            self
        }
    }

    impl<T> WithName for T {}
}

/// Checks `f` by one execution.
///
/// # Panics
/// With the execution, if it fails.
#[track_caller]
pub fn check<F: Fn() + Send + Sync + 'static>(f: F) {
    plan::check(Plan::exhaustive(Some(1)), f);
}

/// As [`check_random`].
///
/// # Panics
/// As [`check_random`].
#[track_caller]
pub fn check_urw<F: Fn() + Send + Sync + 'static>(f: F, iterations: usize) {
    plan::check(Plan::random(DEFAULT_SEED, iterations), f);
}

/// As [`replay`], of a token in a file.
///
/// # Panics
/// As [`replay`], and if the file cannot be read.
#[track_caller]
pub fn replay_from_file<F: Fn() + Send + Sync + 'static, P: AsRef<Path>>(f: F, path: P) {
    let path = path.as_ref();
    match std::fs::read_to_string(path) {
        Ok(token) => plan::replay(f, token.trim()),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

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
