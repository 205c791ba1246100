//! loom's `Builder`, with all its fields; what each means here.

use super::run;
use std::env;
use std::path::PathBuf;
use std::time::Duration;

/// As loom has it.
pub(super) const USUAL_BRANCHES: usize = 1_000;

/// Configures a model. The fields are loom's, and so are the environment variables that they begin with.
///
/// ```
/// use selvedge::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use selvedge::sync::Arc;
/// use selvedge::thread;
///
/// let mut builder = selvedge::model::Builder::new();
/// builder.preemption_bound = Some(3);
/// builder.check(|| {
///     let count = Arc::new(AtomicU32::new(0));
///     let other = Arc::clone(&count);
///     let adds = thread::spawn(move || other.fetch_add(1, Relaxed));
///     count.fetch_add(1, Relaxed);
///     adds.join().unwrap();
///     assert_eq!(count.load(Relaxed), 2);
/// });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Builder {
    /// The most threads of one execution, the main one included. `rc11` and shuttle follow up to
    /// [`MAX_THREADS`](super::MAX_THREADS) whatever this says; loom no more than five.
    pub max_threads: usize,

    /// The most switches of threads in one execution, 1,000 unless more or fewer are asked for. A model that has more is
    /// inconclusive, and fails. Under loom there are up to four for each that plain loom would have, and so many are
    /// allowed; under `rc11` it is operations, of which each thread may have 4,000, and only less than 1,000 is heeded;
    /// under shuttle it is not looked at. `LOOM_MAX_BRANCHES`.
    pub max_branches: usize,

    /// The most executions. A model that has had so many ends, and has passed as far as it went.
    /// `LOOM_MAX_PERMUTATIONS`.
    pub max_permutations: Option<usize>,

    /// The most time, if less than a [model](super) has anyway. One that has taken so long ends, and has passed as far as
    /// it went; under loom and shuttle it is not looked at. `LOOM_MAX_DURATION`, in seconds.
    pub max_duration: Option<Duration>,

    /// The most preemptions in one execution under loom and shuttle. `rc11` does not count them, and has all
    /// executions that have fewer among those that it explores. `LOOM_MAX_PREEMPTIONS`.
    pub preemption_bound: Option<usize>,

    /// Accepted, and never written: a failure has a token that leads to it at once. `LOOM_CHECKPOINT_FILE`.
    pub checkpoint_file: Option<PathBuf>,

    /// Accepted: limits are looked at after each execution. `LOOM_CHECKPOINT_INTERVAL`.
    pub checkpoint_interval: usize,

    /// Accepted: everything is explored, from the beginning on. See [`stop_exploring`](super::stop_exploring).
    pub expect_explicit_explore: bool,

    /// Accepted: places in the source are always known. `LOOM_LOCATION`.
    pub location: bool,

    /// Accepted: a failure is told with its events. `LOOM_LOG`.
    pub log: bool,
}

/// What an environment variable says, if it is there.
///
/// # Panics
/// If it cannot be understood, as loom does.
fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("invalid value for `{name}`: `{value}`")))
}

impl Builder {
    /// With loom's defaults, and what its environment variables say.
    ///
    /// # Panics
    /// If one of them cannot be understood.
    #[must_use]
    pub fn new() -> Self {
        Builder {
            max_threads: 5,
            max_branches: variable("LOOM_MAX_BRANCHES").unwrap_or(USUAL_BRANCHES),
            max_permutations: variable("LOOM_MAX_PERMUTATIONS"),
            max_duration: variable("LOOM_MAX_DURATION").map(Duration::from_secs),
            preemption_bound: variable("LOOM_MAX_PREEMPTIONS"),
            checkpoint_file: env::var_os("LOOM_CHECKPOINT_FILE").map(PathBuf::from),
            checkpoint_interval: variable("LOOM_CHECKPOINT_INTERVAL").unwrap_or(20_000),
            expect_explicit_explore: false,
            location: env::var_os("LOOM_LOCATION").is_some(),
            log: env::var_os("LOOM_LOG").is_some(),
        }
    }

    /// Sets the checkpoint file.
    pub fn checkpoint_file(&mut self, file: &str) -> &mut Self {
        self.checkpoint_file = Some(file.into());
        self
    }

    /// Explores the executions of `f`.
    ///
    /// # Panics
    /// With the execution that fails, if one does. If nothing can be said of the closure, because it meets a limit
    /// of the engine or does not do the same whenever it reads the same. Inside of another model.
    #[track_caller]
    pub fn check<F>(&self, f: F)
    where
        F: Fn() + Sync + Send + 'static,
    {
        run::check(self, f);
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

/// Explores the executions of `f`, as [`Builder::check`] does, with the defaults.
///
/// ```should_panic
/// use selvedge::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use selvedge::sync::Arc;
/// use selvedge::thread;
///
/// selvedge::model(|| {
///     let count = Arc::new(AtomicU32::new(0));
///     let other = Arc::clone(&count);
///     let adds = thread::spawn(move || other.store(other.load(Relaxed) + 1, Relaxed));
///     count.store(count.load(Relaxed) + 1, Relaxed);
///     adds.join().unwrap();
///     assert_eq!(count.load(Relaxed), 2); // not always
/// });
/// ```
///
/// # Panics
/// As [`Builder::check`].
#[track_caller]
pub fn model<F>(f: F)
where
    F: Fn() + Sync + Send + 'static,
{
    Builder::new().check(f);
}
