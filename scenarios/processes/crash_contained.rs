//! Three workers, one of which crashes.

use selvedge::prelude::*;

selvedge::scenario!(crash_contained);

fn crash_contained() -> Scenario<usize> {
    Scenario::new("One of three workers crashes. How many results are left?")
        .acceptable("those of the other two", |&left| left == 2)
        .forbidden("fewer", |_| true)
        .design(
            "threads",
            workers(|| std::process::abort()).expect(Crash).must_see(Threads).only_on(&[Threads], "an abort takes a checker down as well"),
        )
        .design(
            "threads, and a panic that is caught",
            workers(|| {
                std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new("the job cannot be done"))).ok()
            })
            .expect(Safe)
            .only_on(&[Threads], "what is shown is a thread of the system"),
        )
        .design(
            "processes",
            workers(|| std::process::abort()).isolated().expect(Safe).only_on(&[Processes], "only a process of its own crashes alone"),
        )
        .in_practice(
            "a panic can be caught, an abort, a stack overflow or a segmentation fault cannot: put what may crash into a \
             process of its own, and start it anew. The price is that all it needs and all it returns has to be sent.",
        )
}

fn workers(first: impl Fn() -> Option<u32> + Send + Sync + 'static) -> Design<AtomicU32, Option<u32>, usize> {
    Design::new(|| AtomicU32::new(1))
        .actor("crashes", move |_| first())
        .actor("B", |one| Some(one.load(Relaxed)))
        .actor("C", |one| Some(one.load(Relaxed)))
        .observe_exits(|_, exits| exits.iter().filter(|exit| matches!(exit, Exit::Returned(Some(_)))).count())
}
