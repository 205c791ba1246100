//! Each scenario has one fault, or two.

use selvedge::prelude::*;

selvedge::scenario!(no_design);
selvedge::scenario!(no_actor);
selvedge::scenario!(no_grade);
selvedge::scenario!(same_names);
selvedge::scenario!(excluded);

fn counting(actors: usize) -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0))
        .actors(actors, |n| {
            n.fetch_add(1, Relaxed);
        })
        .observe(|n, _| n.load(Relaxed))
}

fn no_design() -> Scenario<u32> {
    Scenario::new("Who competes?").acceptable("anybody", |_| true)
}

fn no_actor() -> Scenario<u32> {
    Scenario::new("Who acts?").acceptable("anybody", |_| true).design("nobody", counting(0))
}

fn no_grade() -> Scenario<u32> {
    Scenario::new("Who judges?").design("two", counting(2))
}

fn same_names() -> Scenario<u32> {
    Scenario::new("Who is who?")
        .acceptable("anybody", |_| true)
        .design("the same", counting(2))
        .design("the same", counting(3))
}

fn excluded() -> Scenario<u32> {
    Scenario::new("Who is out?").acceptable("anybody", |_| true).design(
        "out and in",
        counting(2).not_on(Loom, "it is too large").expect_on(Loom, Deadlock, "it is too slow").must_see(Loom),
    )
}
