//! Cancellation: a future that is dropped at an await point.
//!
//! What cancels a future (a timeout, the other branch of a select, a client that hangs up) can do so whenever the future
//! waits, and also after it has been woken. So its dropping is a choice of the engine's, made at each poll that ends in
//! waiting; what other threads do between that poll and the dropping is explored as all interleavings are.
//!
//! Costs one more execution for each await point on a way, not twice as many: a future that was dropped is not asked
//! again.
//!
//! Limits: a future is not dropped before its first poll, when it has done nothing yet. One that wakes itself without
//! end is asked at every round.

use crate::choice;
use crate::rt::trace;
use std::fmt;
use std::panic::Location;
use std::pin::pin;
use std::task::Poll;

/// The future was dropped before it was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the future was cancelled")
    }
}

impl std::error::Error for Cancelled {}

/// The future that may be dropped at any of its await points: each time it waits, a checker explores both its dropping
/// and its going on; a real engine draws.
///
/// ```
/// use selvedge::future::{block_on, may_cancel, yield_now};
///
/// let done = block_on(may_cancel(async {
///     yield_now().await; // Here it may be dropped,
///     1 // or it comes to its end.
/// }));
/// assert!(done.is_err() || done == Ok(1));
/// ```
///
/// # Errors
/// [`Cancelled`], if it was dropped. Its destructors have run by then.
#[track_caller]
pub fn may_cancel<F: Future>(future: F) -> impl Future<Output = Result<F::Output, Cancelled>> {
    let site = Location::caller();
    async move {
        let mut future = pin!(future);
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending if choice::choose_untold(2) == 1 => {
                trace::note_alone("cancel", site);
                Poll::Ready(Err(Cancelled))
            }
            Poll::Pending => Poll::Pending,
        })
        .await
    }
}
