//! Tasks: each a thread of the facade's that polls one future, so that every engine runs them.
//!
//! Limit: a task is polled by a thread of its own, and not by one that polls others: what an executor with a single
//! thread rules out is explored all the same.

use super::{Wakeup, waker};
use crate::base::event::EventKind;
use crate::rt::context;
use crate::rt::monitor::Monitor;
use crate::rt::past::{self, ObjectId};
use crate::rt::trace::{self, Key};
use crate::sync::Arc;
use crate::thread;
use std::fmt;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// Why a task has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// It was aborted before it was ready.
    Cancelled,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task was cancelled")
    }
}

impl std::error::Error for JoinError {}

/// What a task and those who know it share.
struct Shared<T> {
    id: ObjectId,
    /// Carries what was done before the state was looked at or changed.
    edges: ObjectId,
    state: Monitor<State<T>>,
    /// Woken when the task is to be polled again.
    notify: std::sync::Arc<Wakeup>,
}

struct State<T> {
    result: Option<Result<T, JoinError>>,
    finished: bool,
    aborted: bool,
    /// Of the thread that waits for the result.
    waker: Option<Waker>,
}

impl<T> Shared<T> {
    #[track_caller]
    fn new() -> Self {
        let model = context::current().is_model();
        let (id, edges) = if model { (past::new_object(), past::new_object()) } else { (0, 0) };
        trace::made("task", Key::id(id), None);
        let state = State { result: None, finished: false, aborted: false, waker: None };
        Shared { id, edges, state: Monitor::new(state), notify: Wakeup::new() }
    }

    /// Nothing of the user's runs inside.
    fn with<R>(&self, f: impl FnOnce(&mut State<T>) -> R) -> R {
        let mut state = self.state.enter();
        past::acquire(self.edges);
        let result = f(&mut state);
        past::release(self.edges);
        result
    }

    fn look<R>(&self, f: impl FnOnce(&State<T>) -> R) -> R {
        let state = self.state.enter();
        past::acquire(self.edges);
        f(&state)
    }

    #[track_caller]
    fn abort(&self) {
        trace::note("abort", EventKind::Other, Key::id(self.id));
        self.with(|state| state.aborted = true);
        self.notify.wake();
    }

    fn finish(&self, result: Result<T, JoinError>) {
        trace::note_unplaced("finish", EventKind::Other, Key::id(self.id));
        let waker = self.with(|state| {
            (state.result, state.finished) = (Some(result), true);
            state.waker.take()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Runs a future beside the calling thread.
///
/// ```
/// use selvedge::future::{block_on, spawn};
///
/// let task = spawn(async { 1 + 1 });
/// assert_eq!(block_on(task), Ok(2));
/// ```
///
/// # Panics
/// As [`thread::spawn`].
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let site = Location::caller();
    let shared = Arc::new(Shared::new());
    let task = Arc::clone(&shared);
    drop(thread::spawn(move || {
        let result = poll_to_the_end(&task, future, site);
        task.finish(result);
    }));
    JoinHandle { shared }
}

/// As [`spawn`], of a future that stays on its thread of the operating system: under the checkers alone, whose threads
/// all do.
///
/// # Panics
/// Outside of a closure that is checked.
#[track_caller]
pub(crate) fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    /// What is run, and by whom it is known.
    struct Local<F: Future> {
        task: Arc<Shared<F::Output>>,
        future: F,
    }
    // SAFETY: made under a checker only, where the thread that runs it is a thread of the model, on the same thread of the
    // operating system.
    unsafe impl<F: Future> Send for Local<F> {}

    impl<F: Future> Local<F> {
        fn run(self, site: &'static Location<'static>) {
            let result = poll_to_the_end(&self.task, self.future, site);
            self.task.finish(result);
        }
    }

    assert!(context::current().is_model(), "a local task is spawned inside a closure that is checked");
    let site = Location::caller();
    let shared = Arc::new(Shared::new());
    let local = Local { task: Arc::clone(&shared), future };
    drop(thread::spawn(move || local.run(site)));
    JoinHandle { shared }
}

/// Polls until the future is ready or its task is aborted; then it is dropped.
fn poll_to_the_end<F: Future>(
    task: &Shared<F::Output>,
    future: F,
    site: &'static Location<'static>,
) -> Result<F::Output, JoinError> {
    let waker = waker(std::sync::Arc::clone(&task.notify));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if task.look(|state| state.aborted) {
            return Err(JoinError::Cancelled);
        }
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Ok(value);
        }
        task.notify.sleep(site);
        thread::yield_now();
    }
}

/// The right to wait for a task: a future of what it returns. Dropping it lets the task go on alone.
pub struct JoinHandle<T> {
    shared: Arc<Shared<T>>,
}

impl<T> JoinHandle<T> {
    /// Has the task end before it is polled again.
    #[track_caller]
    pub fn abort(&self) {
        self.shared.abort();
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.shared.look(|state| state.finished)
    }

    /// A handle that can only abort the task.
    #[must_use]
    pub fn abort_handle(&self) -> AbortHandle
    where
        T: Send + 'static,
    {
        let shared: std::sync::Arc<dyn Abort> = std::sync::Arc::new(Owner(Arc::clone(&self.shared)));
        AbortHandle(shared)
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Wakers are cloned and dropped outside: both are operations of their own.
        let waker = context.waker().clone();
        let (result, other) = self.shared.with(|state| match state.result.take() {
            Some(result) => (Poll::Ready(result), Some(waker)),
            None => (Poll::Pending, state.waker.replace(waker)),
        });
        drop(other);
        if result.is_ready() {
            trace::note_unplaced("await", EventKind::Other, Key::id(self.shared.id));
        }
        result
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

/// Aborts a task, whatever it returns.
trait Abort: Send + Sync {
    #[track_caller]
    fn abort(&self);
    fn is_finished(&self) -> bool;
}

struct Owner<T>(Arc<Shared<T>>);

impl<T: Send> Abort for Owner<T> {
    #[track_caller]
    fn abort(&self) {
        self.0.abort();
    }

    fn is_finished(&self) -> bool {
        self.0.look(|state| state.finished)
    }
}

/// The right to abort a task.
#[derive(Clone)]
pub struct AbortHandle(std::sync::Arc<dyn Abort>);

impl AbortHandle {
    /// Has the task end before it is polled again.
    #[track_caller]
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").finish_non_exhaustive()
    }
}

/// Is ready when it is polled for the second time; in between others may run.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
