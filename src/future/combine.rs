//! Two futures polled by one task: [`select`] and [`join`].

use crate::choice;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// What the first or what the second of two futures has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Either<A, B> {
    /// The first was ready.
    Left(A),
    /// The second was ready.
    Right(B),
}

/// Waits for the first of two futures that is ready, and drops the other.
///
/// Which of them is polled first is a choice of the engine's at each poll, so that none is preferred where both are
/// ready. A checker explores both orders: twice as many executions for each poll.
///
/// ```
/// use selvedge::future::{Either, block_on, select};
///
/// let first = block_on(select(async { 1 }, std::future::pending::<()>()));
/// assert_eq!(first, Either::Left(1));
/// ```
pub async fn select<A: Future, B: Future>(first: A, second: B) -> Either<A::Output, B::Output> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    std::future::poll_fn(|context| {
        if choice::choose_untold(2) == 0 {
            let ready = first.as_mut().poll(context).map(Either::Left);
            if ready.is_ready() { ready } else { second.as_mut().poll(context).map(Either::Right) }
        } else {
            let ready = second.as_mut().poll(context).map(Either::Right);
            if ready.is_ready() { ready } else { first.as_mut().poll(context).map(Either::Left) }
        }
    })
    .await
}

/// Waits for both of two futures. Each poll polls the first, then the second, unless it is ready already.
///
/// ```
/// use selvedge::future::{block_on, join};
///
/// assert_eq!(block_on(join(async { 1 }, async { 2 })), (1, 2));
/// ```
pub async fn join<A: Future, B: Future>(first: A, second: B) -> (A::Output, B::Output) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut left, mut right) = (None, None);
    std::future::poll_fn(|context| {
        poll_once(&mut left, first.as_mut(), context);
        poll_once(&mut right, second.as_mut(), context);
        match (left.take(), right.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            (one, other) => {
                (left, right) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}

/// Polls a future that has not been ready yet.
fn poll_once<F: Future>(done: &mut Option<F::Output>, future: Pin<&mut F>, context: &mut Context<'_>) {
    if done.is_none()
        && let Poll::Ready(value) = future.poll(context)
    {
        *done = Some(value);
    }
}
