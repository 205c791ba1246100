//! Threads that borrow from the one that starts them.

use selvedge::prelude::*;

selvedge::scenario!(scoped_borrow);

const THREADS_OF_AN_ACTOR: &str = "the threads belong to the actor: how they run across processes is no question";

fn scoped_borrow() -> Scenario<u32> {
    Scenario::new("An actor lends its local variables to two threads and reads them afterwards. Is what they did there?")
        .acceptable("both did their part", |&sum| sum == 2)
        .forbidden("a part is missing", |_| true)
        .design(
            "a variable each, joined at the end of the scope",
            lending(|| {
                let parts = [Plain::new(0), Plain::new(0)];
                thread::scope(|scope| {
                    for part in &parts {
                        scope.spawn(|| part.set(1));
                    }
                });
                parts.iter().map(|part| part.get()).sum()
            })
            .expect(Safe),
        )
        .design(
            "one variable for both",
            lending(|| {
                let sum = Plain::new(0);
                thread::scope(|scope| {
                    for _ in 0..2 {
                        scope.spawn(|| sum.set(sum.get() + 1));
                    }
                });
                sum.get()
            })
            .expect(DataRace),
        )
        .design(
            "read inside the scope",
            lending(|| {
                let parts = [Plain::new(0), Plain::new(0)];
                thread::scope(|scope| {
                    for part in &parts {
                        scope.spawn(|| part.set(1));
                    }
                    parts.iter().map(|part| part.get()).sum()
                })
            })
            .expect(DataRace),
        )
        .design(
            "shared by Arc, and not joined",
            lending(|| {
                let sum = Arc::new(AtomicU32::new(0));
                for _ in 0..2 {
                    let sum = Arc::clone(&sum);
                    thread::spawn(move || sum.fetch_add(1, Relaxed));
                }
                sum.load(Relaxed)
            })
            .expect(Forbidden),
        )
        .in_practice(
            "the end of a scope is a join, and a join is an edge: what the threads did happened before what follows. The \
             compiler refuses the second and third design without a cell; with atomics in place of joins it says nothing.",
        )
}

fn lending(work: impl Fn() -> u32 + Send + Sync + 'static) -> Design<(), u32, u32> {
    Design::new(|| ()).actor("lender", move |()| work()).observe(|(), sums| sums[0]).not_on(Processes, THREADS_OF_AN_ACTOR)
}
