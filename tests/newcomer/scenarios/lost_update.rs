//! Lost update: does a visitor who comes while another does get counted?
//!
//! A scenario asks a question, grades the outcomes, and lets designs compete. Each design runs on each engine, and
//! `cargo test lost_update` holds the verdicts to what is expected here. Make it yours from top to bottom.

use selvedge::prelude::*;

// Registers the function below; its name is the scenario's.
selvedge::scenario!(lost_update);

// `u32` is the type of an outcome: what one execution ends with.
fn lost_update() -> Scenario<u32> {
    Scenario::new("Two actors count one visitor each. Is a visitor ever lost?")
        // The first grade that fits an outcome counts; there is `interesting`, too, for what is allowed and worth knowing.
        .acceptable("both were counted", |&count| count == 2)
        .forbidden("a visitor was lost", |&count| count < 2)
        .design(
            "in one step",
            // The state, made anew for each execution, of types of `selvedge::sync`, `thread`, `channel` and `cell`:
            // they are std's by name, and the checkers see what is done with them. `Plain<T>` is ordinary memory.
            Design::new(|| AtomicU32::new(0))
                // What each of two actors does with it; `.actor(…)` adds one that does something else.
                .actors(2, |count: &AtomicU32| {
                    count.fetch_add(1, Relaxed);
                })
                // The outcome, from the state and what the actors returned.
                .observe(|count, _| count.load(Relaxed)),
        )
        .design(
            "in two steps",
            Design::new(|| AtomicU32::new(0))
                .actors(2, |count: &AtomicU32| {
                    let before = count.load(Relaxed);
                    count.store(before + 1, Relaxed);
                })
                .observe(|count, _| count.load(Relaxed))
                // A design that is not expected to be safe says so: it is the proof that the question can be answered.
                .expect(Forbidden),
        )
}
