//! loom's own objects and models within designs.

use selvedge::prelude::*;

selvedge::scenario!(checkers);

fn checkers() -> Scenario<u32> {
    let add = |n: &AtomicU32| {
        n.fetch_add(1, Relaxed);
    };
    Scenario::new("Is a panic of a checker's own told as one?")
        .acceptable("both", |&n| n == 2)
        // loom looks for leaks when an execution is over.
        .design("leaks an object of loom's own", Design::new(|| AtomicU32::new(0))
            .actor("A", move |n| {
                add(n);
                std::mem::forget(loom::sync::Arc::new(5));
            })
            .actor("B", add)
            .observe(|n, _| n.load(Relaxed)))
        .design("a model of loom's within", Design::new(|| AtomicU32::new(0))
            .actor("A", move |n| {
                add(n);
                loom::model(|| ());
            })
            .actor("B", add)
            .observe(|n, _| n.load(Relaxed)))
        .design("none of it", Design::new(|| AtomicU32::new(0))
            .actors(2, add)
            .observe(|n, _| n.load(Relaxed)))
}
