//! Futures under the checkers: cancellation at each await point, selecting, joining, and the witness of a wake-up that is
//! lost.

use super::{Pulse, Task, replay};
use crate::base::budget::Budget;
use crate::base::failure::Failure;
use crate::base::observation::{Exploration, Observation};
use crate::future::{AtomicWaker, Either, block_on, join, may_cancel, select, yield_now};
use crate::scenario::{Design, Engine, ErasedDesign, Expected, Outcome, Scenario};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering::*};
use crate::verdict::{Expectation, Verdict, judge};
use crate::witness::{table, token};
use std::future::{Future, poll_fn, ready};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

const BUDGET: Budget = Budget::FOR_TESTS;
const CHECKERS: [Engine; 3] = [Engine::Rc11, Engine::Loom, Engine::Shuttle];

fn erased<S, R, O>(design: Design<S, R, O>, acceptable: fn(&O) -> bool) -> ErasedDesign
where
    S: Send + Sync + 'static,
    R: Send + Sync + 'static,
    O: Outcome,
{
    let scenario = Scenario::new("What comes of it?")
        .acceptable("fine", acceptable)
        .forbidden("not so", |_| true)
        .design("it", design);
    scenario.erase().designs.remove(0)
}

/// One actor that runs a future.
fn alone<O: Outcome>(run: impl Fn() -> O + Send + Sync + 'static) -> ErasedDesign
where
    O: Clone + Send + Sync,
{
    erased(
        Design::new(|| ()).actor("A", move |(): &()| run()).observe(|(), returns| returns[0].clone()),
        |_| true,
    )
}

fn observed(engine: Engine, design: &ErasedDesign) -> Observation {
    crate::panics::install();
    design.program.forget_outcomes();
    let task = Task::new(design, BUDGET, Box::leak(Box::new(Pulse::default())));
    super::observe(engine, &task).expect("the engine does its work")
}

fn verdict(engine: Engine, seen: &Observation) -> Verdict {
    judge(Expectation { engine, expected: Expected::Safe, must_see: false }, seen).verdict
}

/// Checks that so many executions are everything, and returns the outcomes.
#[track_caller]
fn check(engine: Engine, design: &ErasedDesign, executions: u64) -> Vec<String> {
    let seen = observed(engine, design);
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
        let seen = observed(engine, &cancelled(false));
        assert_eq!(verdict(engine, &seen), Verdict::Forbidden, "{engine}: {seen:?}");
        assert!(!seen.witnesses.is_empty(), "{engine}");
        for witness in &seen.witnesses {
            assert!(witness.events.iter().any(|event| event.operation == "cancel"), "{witness:?}");
            let token = token::decode(&witness.token).expect("a token");
            let design = cancelled(false);
            let task = Task::new(&design, BUDGET, Box::leak(Box::new(Pulse::default())));
            assert_eq!(replay(&task, &token).expect("the same way").events, witness.events);
        }
        let seen = observed(engine, &cancelled(true));
        assert_eq!(verdict(engine, &seen), Verdict::Safe, "{engine}: {seen:?}");
        counts.push((engine, seen.executions, seen.exploration == Exploration::Exhaustive));
    }
    assert_eq!(counts, [(Engine::Rc11, 24, true), (Engine::Loom, 0, true), (Engine::Shuttle, 0, true)]);
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
        let seen = observed(engine, &oneshot(false));
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
        assert_eq!(verdict(engine, &observed(engine, &oneshot(true))), Verdict::Safe, "{engine}");
    }
}
