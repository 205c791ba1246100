//! Futures under the checkers: cancellation at each await point, selecting, joining, permits, and the witness of a wake-up
//! that is lost.

use super::seeded_bugs::{erased_accepting as erased, explored, verdict};
use super::{Heartbeat, Task, replay};
use crate::base::budget::Budget;
use crate::base::failure::Failure;
use crate::base::observation::Exploration;
use crate::cell::Plain;
use crate::compat::shuttle::future::batch_semaphore::{BatchSemaphore, Fairness, TryAcquireError};
use crate::future::{AtomicWaker, Either, block_on, join, may_cancel, select, yield_now};
use crate::scenario::{Design, Engine, ErasedDesign, Outcome};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering::*};
use crate::verdict::Verdict;
use crate::witness::{table, token};
use std::future::{Future, poll_fn, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

const BUDGET: Budget = Budget::FOR_TESTS;
const CHECKERS: [Engine; 3] = [Engine::Rc11, Engine::Loom, Engine::Shuttle];

/// One actor that runs a future.
fn alone<O>(run: impl Fn() -> O + Send + Sync + 'static) -> ErasedDesign
where
    O: Outcome + Clone + Send + Sync,
{
    erased(
        Design::new(|| ()).actor("A", move |(): &()| run()).observe(|(), returns| returns[0].clone()),
        |_| true,
    )
}

/// Checks that so many executions are everything, and returns the outcomes.
#[track_caller]
fn check(engine: Engine, design: &ErasedDesign, executions: u64) -> Vec<String> {
    let seen = explored(engine, design);
    assert_eq!(
        (seen.executions, &seen.exploration),
        (executions, &Exploration::Exhaustive),
        "{engine}: {seen:?}"
    );
    seen.outcomes.into_iter().map(|outcome| outcome.value).collect()
}

#[test]
fn a_future_is_dropped_at_each_of_its_await_points() {
    for engine in CHECKERS {
        let waits = |rounds: u32| {
            alone(move || {
                let done = block_on(may_cancel(async move {
                    for _ in 0..rounds {
                        yield_now().await;
                    }
                }));
                done.is_ok()
            })
        };
        // Once, in each `block_on`, a future is polled although it was not woken.
        assert_eq!(check(engine, &waits(0), 1), ["true"]);
        assert_eq!(check(engine, &waits(1), 3), ["false", "true"]);
        assert_eq!(check(engine, &waits(2), 5), ["false", "true"]);
    }
}

#[test]
fn of_two_that_are_ready_either_comes_first() {
    for engine in CHECKERS {
        let selects = alone(|| match block_on(select(ready(1), ready(2))) {
            Either::Left(one) | Either::Right(one) => one,
        });
        assert_eq!(check(engine, &selects, 2), ["1", "2"]);
        let joins = alone(|| block_on(join(ready(1), ready(2))));
        assert_eq!(check(engine, &joins, 1), ["(1, 2)"]);
    }
}

/// One notification at a time.
#[derive(Default)]
struct State {
    permit: bool,
    waiting: Option<Waker>,
    given: bool,
}

struct Notified<'a> {
    state: &'a Mutex<State>,
    passes_on: bool,
}

fn notify(state: &Mutex<State>) {
    let mut state = state.lock().expect("no panic");
    let waiting = state.waiting.take();
    (state.given, state.permit) = (waiting.is_some(), waiting.is_none());
    drop(state);
    waiting.into_iter().for_each(Waker::wake);
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock().expect("no panic");
        if std::mem::take(&mut state.given) || std::mem::take(&mut state.permit) {
            return Poll::Ready(());
        }
        state.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        let mut state = self.state.lock().expect("no panic");
        let waiting = state.waiting.take();
        if self.passes_on && std::mem::take(&mut state.given) {
            state.permit = true;
        }
        drop(state);
        drop(waiting);
    }
}

/// The outcome: whether the notification was received or is still there.
fn cancelled(passes_on: bool) -> ErasedDesign {
    let design = Design::new(|| Mutex::new(State::default()))
        .actor("waits", move |state| block_on(may_cancel(Notified { state, passes_on })).is_ok())
        .actor("notifies", |state| {
            notify(state);
            false
        })
        .observe(|state, received| received[0] || state.lock().expect("no panic").permit);
    erased(design, |&kept| kept)
}

#[test]
fn a_cancellation_that_swallows_a_notification_is_found_and_one_that_passes_it_on_passes() {
    let mut counts = Vec::new();
    for engine in CHECKERS {
        let seen = explored(engine, &cancelled(false));
        assert_eq!(verdict(engine, &seen), Verdict::Forbidden, "{engine}: {seen:?}");
        assert!(!seen.witnesses.is_empty(), "{engine}");
        for witness in &seen.witnesses {
            assert!(witness.events.iter().any(|event| event.operation == "cancel"), "{witness:?}");
            let token = token::decode(&witness.token).expect("a token");
            let design = cancelled(false);
            let task = Task::new(&design, BUDGET, Box::leak(Box::new(Heartbeat::default())));
            assert_eq!(replay(&task, &token).expect("the same way").events, witness.events);
        }
        let seen = explored(engine, &cancelled(true));
        assert_eq!(verdict(engine, &seen), Verdict::Safe, "{engine}: {seen:?}");
        counts.push((engine, seen.executions, seen.exploration == Exploration::Exhaustive));
    }
    assert_eq!(counts, [(Engine::Rc11, 10, true), (Engine::Loom, 57, true), (Engine::Shuttle, 10, true)]);
}

/// Each of two counts under a permit, of which there are so many.
fn counted(permits: usize, fairness: Fairness) -> ErasedDesign {
    let design = Design::new(move || (BatchSemaphore::new(permits, fairness), Plain::new(0)))
        .actors(2, |(semaphore, count): &(BatchSemaphore, Plain<u32>)| {
            semaphore.acquire_blocking(1).expect("it is open");
            count.set(count.get() + 1);
            semaphore.release(1);
        })
        .observe(|(_, count), _| count.get());
    erased(design, |&count| count == 2)
}

#[test]
fn one_permit_lets_one_in_and_two_let_both() {
    for engine in CHECKERS {
        for fairness in [Fairness::StrictlyFair, Fairness::Unfair] {
            let verdict = |permits| verdict(engine, &explored(engine, &counted(permits, fairness)));
            assert_eq!(verdict(1), Verdict::Safe, "{engine} {fairness:?}");
            assert_eq!(verdict(2), Verdict::DataRace, "{engine} {fairness:?}");
        }
    }
}

/// One waits for two permits, and may be cancelled; the other gives one, closes or does not, and gives another.
fn closed(closes: bool) -> ErasedDesign {
    let design = Design::new(|| BatchSemaphore::new(0, Fairness::StrictlyFair))
        .actor("A", |semaphore| match block_on(may_cancel(semaphore.acquire(2))) {
            Ok(Ok(())) => "taken",
            Ok(Err(_)) => "closed",
            Err(_) => "cancelled",
        })
        .actor("B", move |semaphore| {
            semaphore.release(1);
            if closes {
                semaphore.close();
            }
            semaphore.release(1);
            ""
        })
        .observe(|semaphore, said| (said[0], semaphore.available_permits()));
    erased(design, |(said, left)| *left == if *said == "taken" { 0 } else { 2 })
}

#[test]
fn who_is_cancelled_takes_no_permits_and_closing_wakes() {
    for engine in CHECKERS {
        let outcomes = |closes| -> Vec<String> {
            let seen = explored(engine, &closed(closes));
            assert_eq!(verdict(engine, &seen), Verdict::Safe, "{engine}: {seen:?}");
            seen.outcomes.into_iter().map(|outcome| outcome.value).collect()
        };
        assert_eq!(outcomes(false), [r#"("cancelled", 2)"#, r#"("taken", 0)"#], "{engine}");
        assert_eq!(outcomes(true), [r#"("cancelled", 2)"#, r#"("closed", 2)"#], "{engine}");
    }
}

#[test]
fn a_fair_semaphore_gives_in_order_and_an_unfair_one_to_whom_it_is_enough() {
    let left = |fairness| {
        alone(move || {
            let semaphore = BatchSemaphore::new(1, fairness);
            let (mut two, mut one) = (pin!(semaphore.acquire(2)), pin!(semaphore.acquire(1)));
            block_on(poll_fn(move |context| {
                assert!(two.as_mut().poll(context).is_pending());
                Poll::Ready(one.as_mut().poll(context).is_ready())
            }))
        })
    };
    for engine in CHECKERS {
        assert_eq!(check(engine, &left(Fairness::StrictlyFair), 1), ["false"]);
        assert_eq!(check(engine, &left(Fairness::Unfair), 1), ["true"]);
    }
}

#[test]
fn what_is_reserved_is_kept_and_an_upgrade_goes_first() {
    let semaphore = BatchSemaphore::new(3, Fairness::Unfair);
    semaphore.try_acquire(1).expect("there are three");
    let mut context = Context::from_waker(Waker::noop());
    let mut all = Box::pin(semaphore.acquire_reserving(2, 3));
    assert!(all.as_mut().poll(&mut context).is_pending());
    assert_eq!(semaphore.available_permits(), 0);
    assert_eq!(semaphore.try_acquire(1), Err(TryAcquireError::NoPermits));
    semaphore.release(1);
    assert_eq!(all.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    semaphore.release(3);

    let semaphore = BatchSemaphore::new(3, Fairness::StrictlyFair);
    semaphore.try_acquire(2).expect("there are three");
    let mut all = Box::pin(semaphore.acquire(3));
    assert!(all.as_mut().poll(&mut context).is_pending());
    assert_eq!(semaphore.try_acquire(1), Err(TryAcquireError::NoPermits));
    assert_eq!(semaphore.try_upgrade(2, 3), Ok(()));
    semaphore.release(3);
    assert_eq!(all.as_mut().poll(&mut context), Poll::Ready(Ok(())));
}

/// One registers its waker before it looks, or after that.
fn oneshot(registers_first: bool) -> ErasedDesign {
    let design = Design::new(|| (AtomicBool::new(false), AtomicWaker::new()))
        .actor("A", move |(sent, told)| {
            block_on(poll_fn(|context| {
                if registers_first {
                    told.register_by_ref(context.waker());
                }
                if sent.load(SeqCst) {
                    return Poll::Ready(());
                }
                if !registers_first {
                    told.register_by_ref(context.waker());
                }
                Poll::Pending
            }));
        })
        .actor("B", |(sent, told)| {
            sent.store(true, SeqCst);
            told.wake();
        })
        .observe(|(sent, _), _| sent.load(SeqCst));
    erased(design, |&sent| sent)
}

#[test]
fn a_wake_up_that_is_lost_is_told_by_who_registered_and_who_woke() {
    for engine in CHECKERS {
        let seen = explored(engine, &oneshot(false));
        assert_eq!(verdict(engine, &seen), Verdict::Deadlock, "{engine}: {seen:?}");
        let witness =
            seen.witnesses.iter().find(|one| matches!(one.shows, Failure::Deadlock(_))).expect("one");
        assert_eq!(
            witness.conclusion, "A waits to be woken: B's wake of told came before A registered",
            "{engine}"
        );
        let table = table::within(witness, 100);
        for row in ["register told", "wake told, which is empty", "clone waker of A", "waits to be woken"] {
            assert!(table.contains(row), "{engine}: {table}");
        }
        assert_eq!(verdict(engine, &explored(engine, &oneshot(true))), Verdict::Safe, "{engine}");
    }
}
