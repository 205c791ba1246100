//! The threads engine on seeded bugs and their corrected twins.

use super::observe;
use crate::base::failure::Who;
use crate::base::observation::NotApplicable;
use crate::engine::seeded_bugs::*;
use crate::scenario::Design;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering::Relaxed};
use std::time::Instant;

#[test]
fn fetch_add_loses_nothing() {
    alone("engine::threads::tests::fetch_add_loses_nothing", || {
        for actors in [1, 2, 3, 5] {
            let seen = observed(observe, &fetch_add(actors), 100);
            check_all(&seen, &actors.to_string(), 1);
        }
    });
}

#[test]
fn load_then_store_loses_increments() {
    alone("engine::threads::tests::load_then_store_loses_increments", || {
        observed_until(observe, || load_then_store(2), "1");
        observed_until(observe, || load_then_store(3), "2");
    });
}

#[test]
fn store_buffering_shows() {
    alone("engine::threads::tests::store_buffering_shows", || {
        observed_until(observe, store_buffering, "(0, 0)");
    });
}

#[test]
fn returns_come_from_their_actor_and_state() {
    let name = "engine::threads::tests::returns_come_from_their_actor_and_state";
    alone(name, || {
        for actors in [1, 2, 3, 5] {
            check_all(&observed(observe, &telling_returns(actors), 80), "true", 1);
        }
    });
}

#[test]
fn every_state_and_return_is_dropped_once() {
    /// Counts itself as long as it lives.
    struct Tracked(Arc<AtomicI64>);
    impl Tracked {
        fn new(living: &Arc<AtomicI64>) -> Self {
            living.fetch_add(1, Relaxed);
            Self(Arc::clone(living))
        }
    }
    impl Drop for Tracked {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Relaxed);
        }
    }
    alone("engine::threads::tests::every_state_and_return_is_dropped_once", || {
        let living = Arc::new(AtomicI64::new(0));
        let counted = Arc::clone(&living);
        let design = erased(
            Design::new(move || Tracked::new(&counted))
                .actors(3, |state: &Tracked| Tracked::new(&state.0))
                .observe(|state, _| state.0.load(Relaxed) >= 4),
        );
        check_all(&observed(observe, &design, 200), "true", 1);
        assert_eq!(living.load(Relaxed), 0);
        assert_eq!(Arc::strong_count(&living), 2, "only the design has it still");
    });
}

#[test]
fn a_panicking_actor_is_a_crash_by_name() {
    alone("engine::threads::tests::a_panicking_actor_is_a_crash_by_name", || {
        let design = erased(
            Design::new(|| AtomicU32::new(0))
                .actor("idle", |_| ())
                .actor("careless", |n| {
                    assert!(n.load(Relaxed) == 1, "nobody counted");
                })
                .actor("busy", |n| n.store(2, Relaxed))
                .observe(|_, _| ()),
        );
        let seen = observed(observe, &design, 1000);
        assert_eq!(crash_of(&seen), Some(&panicked(Who::Actor(1), "nobody counted")));
    });
}

#[test]
fn a_panic_releases_an_actor_that_is_never_served() {
    let name = "engine::threads::tests::a_panic_releases_an_actor_that_is_never_served";
    alone(name, || {
        let design = erased(
            Design::new(|| AtomicU32::new(0))
                .actor("A", |n| {
                    while n.load(Relaxed) == 0 {
                        std::thread::yield_now()
                    }
                })
                .actor("B", |_| panic!("{} bottles", 99))
                .observe(|_, _| ()),
        );
        let seen = observed(observe, &design, 1000);
        assert_eq!(crash_of(&seen), Some(&panicked(Who::Actor(1), "99 bottles")));
        assert_eq!(seen.executions, 0);
    });
}

#[test]
fn panics_of_the_state_and_of_the_observation_are_told_apart() {
    let name = "engine::threads::tests::panics_of_the_state_and_of_the_observation_are_told_apart";
    alone(name, || {
        let made = AtomicU32::new(0);
        let no_state = erased(
            Design::new(move || assert!(made.fetch_add(1, Relaxed) < 1000, "out of stock"))
                .actors(2, |_| ())
                .observe(|_, _| ()),
        );
        let seen = observed(observe, &no_state, 1000);
        assert_eq!(crash_of(&seen), Some(&panicked(Who::State, "out of stock")));
        let no_outcome = erased(Design::new(|| 0).actors(2, |_| ()).observe(|n, _| assert_eq!(*n, 1)));
        let seen = observed(observe, &no_outcome, 1000);
        assert_eq!(crash_of(&seen).expect("a crash").who, Who::Observation);
    });
}

#[test]
fn slow_actors_end_in_time_and_show_progress() {
    alone("engine::threads::tests::slow_actors_end_in_time_and_show_progress", || {
        let nap = std::time::Duration::from_millis(20);
        let design =
            erased(Design::new(|| ()).actors(2, move |()| std::thread::sleep(nap)).observe(|_, _| ()));
        let start = Instant::now();
        let seen = observed(observe, &design, 400);
        assert!(start.elapsed().as_millis() < 2000, "{:?}", start.elapsed());
        check_all(&seen, "()", 5);
    });
}

#[test]
fn isolated_designs_do_not_apply() {
    let design = erased(Design::new(|| 0).actors(2, |_| ()).isolated().observe(|n, _| *n));
    let seen = observed(observe, &design, 10);
    assert_eq!(seen.not_applicable, Some(NotApplicable::SharedMemory));
}

#[test]
fn draws_far_more_samples_than_spawning_threads_for_each() {
    let name = "engine::threads::tests::draws_far_more_samples_than_spawning_threads_for_each";
    alone(name, || {
        let start = Instant::now();
        let mut spawned = 0_u32;
        while start.elapsed().as_millis() < 200 {
            let counter = AtomicU32::new(0);
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| counter.store(counter.load(Relaxed) + 1, Relaxed));
                }
            });
            spawned += 1;
        }
        let spawning = f64::from(spawned) / start.elapsed().as_secs_f64();
        let start = Instant::now();
        let seen = observed(observe, &load_then_store(2), 400);
        let walking = seen.executions as f64 / start.elapsed().as_secs_f64();
        let ratio = walking / spawning;
        println!("spawning {spawning:.0}/s, walking {walking:.0}/s: {ratio:.0} times as many");
        println!("{:?}", summary(&seen));
        assert!(ratio > 200.0, "{ratio}");
    });
}
