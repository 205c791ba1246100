//! What threads share, for better or worse, and processes do not.

use selvedge::prelude::*;

selvedge::scenario!(process_isolation);

/// What an execution shows of the actor that did nothing wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Bystander {
    Untouched,
    Overwritten,
    Dead,
}

fn process_isolation() -> Scenario<Bystander> {
    Scenario::new("One actor misbehaves: it overwrites what is not its own, or aborts. Is the other one spared?")
        .acceptable("the other actor is spared", |seen| *seen == Bystander::Untouched)
        .forbidden("its memory was overwritten", |seen| *seen == Bystander::Overwritten)
        .forbidden("it went down too", |seen| *seen == Bystander::Dead)
        .design("threads, one overwrites", overwriting().expect(Forbidden).must_see(Threads).not_on(
            Processes,
            "this design is about threads",
        ))
        .design("isolated processes, one overwrites", overwriting().isolated().expect(Safe))
        .design(
            "threads, one aborts",
            aborting().expect(Crash).must_see(Threads).only_on(&[Threads], "an abort takes a checker down as well"),
        )
        .design(
            "isolated processes, one aborts",
            aborting().isolated().expect(Safe).only_on(
                &[Processes],
                "only an actor that is a process of its own can abort alone",
            ),
        )
}

/// Both actors have ended when the bystander's word is looked at.
fn overwriting() -> Design<AtomicU32, (), Bystander> {
    Design::new(|| AtomicU32::new(7))
        .actor("vandal", |word| word.store(0, Relaxed))
        .actor("bystander", |word| {
            word.load(Relaxed);
        })
        .observe(|word, _| if word.load(Relaxed) == 7 { Bystander::Untouched } else { Bystander::Overwritten })
}

fn aborting() -> Design<AtomicU32, (), Bystander> {
    Design::new(|| AtomicU32::new(7))
        .actor("aborter", |_| std::process::abort())
        .actor("bystander", |word| {
            word.load(Relaxed);
        })
        .observe_exits(|_, exits| match exits[1] {
            Exit::Returned(()) => Bystander::Untouched,
            Exit::Killed(_) | Exit::Exited(_) => Bystander::Dead,
        })
}
