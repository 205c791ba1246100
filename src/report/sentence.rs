//! The sentences for what was observed: failures, evidence, limits, caveats. Nothing decides by one.

use super::Cell;
use super::phrase::{executions, thousands};
use crate::base::engine::Engine;
use crate::base::failure::{Access, AccessKind, Awaited, DataRace, Deadlock, Failure, Hang, Waiting};
use crate::base::location::Site;
use crate::base::observation::{
    Bound, Caveat, Difference, Exploration, GaveUp, Missing, NotApplicable, Programs, Sampling, ShrinkLimit,
    Shrunk, Stop,
};
use crate::base::witness::Witness;
use crate::verdict::Verdict;
use crate::witness::words;
use nix::sys::signal::Signal;

/// What a witness shows, like `forbidden outcome 1: an increment was lost`.
pub(crate) fn shown(witness: &Witness) -> String {
    match &witness.shows {
        Failure::Forbidden { outcome, sentence } => format!("forbidden outcome {outcome}: {sentence}"),
        Failure::DataRace(_) => "data race".to_owned(),
        Failure::Deadlock(_) => "deadlock".to_owned(),
        Failure::Crash(crash) => {
            format!("crash: {}", words::crash(crash, witness.threads.get(1..).unwrap_or_default()))
        }
        Failure::Hang(_) => "hang".to_owned(),
    }
}

/// Why the verdict of a cell is what it is, where the verdict alone does not say it.
pub(crate) fn reason(cell: &Cell) -> Option<String> {
    let seen = &cell.observation;
    match cell.judgement.verdict {
        Verdict::Safe => None,
        Verdict::NotApplicable => {
            seen.not_applicable.as_ref().map(|reason| not_applicable(reason, cell.engine))
        }
        Verdict::Inconclusive => {
            Some(seen.stopped.as_ref().map_or_else(
                || "no execution came to an outcome".to_owned(),
                |stop| stopped(stop, cell.engine),
            ))
        }
        _ => seen.failure().map(|found| failure(&found, cell)),
    }
}

/// A failure, in a sentence without counts that differ from run to run.
fn failure(failure: &Failure, cell: &Cell) -> String {
    match failure {
        Failure::DataRace(race) => data_race(race, &cell.actors),
        Failure::Deadlock(deadlock) => {
            let shows = |witness: &&Witness| matches!(witness.shows, Failure::Deadlock(_));
            match cell.observation.witnesses.iter().find(shows) {
                Some(witness) => witness.conclusion.clone(),
                None => waiting(deadlock, &cell.actors),
            }
        }
        Failure::Crash(crash) => words::crash(crash, &cell.actors),
        Failure::Hang(found) => hang(found, &cell.actors),
        Failure::Forbidden { outcome, .. } if cell.observation.exploration.is_of_generated_programs() => {
            outcome.clone()
        }
        Failure::Forbidden { outcome, sentence } => format!("outcome {outcome}: {sentence}"),
    }
}

/// A thread by its number: the main one is 0, and the actors follow.
pub(super) fn thread(thread: usize, actors: &[String]) -> String {
    match thread.checked_sub(1) {
        None => "the main thread".to_owned(),
        Some(actor) => actors.get(actor).cloned().unwrap_or_else(|| "a spawned thread".to_owned()),
    }
}

/// `read` or `write`.
pub(super) fn access_kind(kind: AccessKind) -> &'static str {
    match kind {
        AccessKind::Read => "read",
        AccessKind::Write => "write",
    }
}

/// Where an access is, as in `write by A at scenarios/counter.rs:12`.
fn access(access: &Access, actors: &[String]) -> String {
    let mut text = format!("{} by {}", access_kind(access.kind), thread(access.thread, actors));
    if let Some(site) = &access.site {
        text += &format!(" at {}:{}", site.file, site.line);
    }
    text
}

/// A data race in one sentence.
pub(crate) fn data_race(race: &DataRace, actors: &[String]) -> String {
    if race.accesses.is_empty() {
        return "two accesses, at least one a write, are not ordered".to_owned();
    }
    let accesses: Vec<_> = race.accesses.iter().map(|one| access(one, actors)).collect();
    format!("{} are not ordered", accesses.join(" and "))
}

fn waiting(deadlock: &Deadlock, actors: &[String]) -> String {
    let name = |waiting: &Waiting| thread(waiting.actor.saturating_add(1), actors);
    let what = |waiting: &Waiting| match waiting.awaits {
        Awaited::Lock => "waits for a lock",
        Awaited::ReadLock => "waits to read under a lock",
        Awaited::Notification => "waits to be notified",
        Awaited::Actor => "waits for another actor",
    };
    let all = &deadlock.waiting;
    if all.is_empty() {
        return "every actor that has not ended waits for another".to_owned();
    }
    if all.iter().all(|waiting| waiting.awaits == Awaited::Actor) {
        return format!("every actor waits: {}", all.iter().map(name).collect::<Vec<_>>().join(", "));
    }
    all.iter().map(|waiting| format!("{} {}", name(waiting), what(waiting))).collect::<Vec<_>>().join(", ")
}

fn hang(hang: &Hang, actors: &[String]) -> String {
    if hang.asleep {
        return "a thread of the model sleeps in the operating system, where no other thread of the model can wake it: \
                does it hold or await a lock of `std::sync` across an operation of `selvedge`?"
            .to_owned();
    }
    if hang.spinning.is_empty() {
        return "an execution does not end".to_owned();
    }
    let names: Vec<_> = hang.spinning.iter().map(|&one| looping(one, actors)).collect();
    let verb = if names.len() == 1 { "waits" } else { "wait" };
    format!(
        "after {} steps {} {verb} in a loop for a change that no other thread can make",
        hang.steps,
        names.join(" and ")
    )
}

fn looping(number: usize, actors: &[String]) -> String {
    match number.checked_sub(1).and_then(|actor| actors.get(actor)) {
        Some(name) => name.clone(),
        None => "a thread of the design".to_owned(),
    }
}

/// Why a design does not run on an engine.
fn not_applicable(reason: &NotApplicable, engine: Engine) -> String {
    match reason {
        NotApplicable::Excluded(reason) | NotApplicable::CannotBeShared(reason) => reason.clone(),
        NotApplicable::TooManyActors { actors, at_most } => {
            format!("{engine} runs at most {at_most} actors, and this design has {actors}")
        }
        NotApplicable::StartsThreads => {
            "the state or its observation starts threads, and only a process without others can be forked"
                .to_owned()
        }
        NotApplicable::SharedMemory => "threads of one process share their memory".to_owned(),
        NotApplicable::ReturnsHeapMemory => {
            "an actor returns a value that owns heap memory, which processes do not share".to_owned()
        }
        NotApplicable::OwnsHeapMemory => {
            "the state owns heap memory, which processes do not share; keep it inline".to_owned()
        }
    }
}

/// `1 preemption`, `2 preemptions`.
fn preemptions(number: u32) -> String {
    format!("{number} preemption{}", if number == 1 { "" } else { "s" })
}

/// Why an exploration ended early.
pub(crate) fn stopped(stop: &Stop, engine: Engine) -> String {
    match stop {
        Stop::Budget { executions: spent, within } => {
            let full = within.contains(&None).then(|| "in the full search".to_owned());
            let bounds: Vec<_> = within.iter().flatten().collect();
            let numbers: Vec<_> = bounds.iter().map(ToString::to_string).collect();
            let plural = if bounds == [&1] { "" } else { "s" };
            let at = (!bounds.is_empty()).then(|| format!("at {} preemption{plural}", numbers.join(" and ")));
            let searches: Vec<_> = full.into_iter().chain(at).collect();
            format!("out of budget ({}) {}", executions(*spent), searches.join(" and "))
        }
        Stop::NoOperation => format!(
            "{engine} saw no operation of this design: does it use `std::sync` instead of `selvedge::sync`?"
        ),
        Stop::Branches { limit, yielded } => {
            let perhaps = if *yielded {
                "; its loops yield, but go round too often"
            } else {
                ": does a loop wait without yielding?"
            };
            format!("an execution took more than the limit of {limit} branches{perhaps}")
        }
        Stop::Killed { signal } => {
            let memory = *signal == Signal::SIGKILL as i32;
            let perhaps = if memory { ", perhaps for want of memory on this machine" } else { "" };
            let name =
                Signal::try_from(*signal).map_or_else(|_| format!("signal {signal}"), |one| one.to_string());
            format!("the worker was killed from outside by {name}{perhaps}")
        }
        Stop::OutOfTime { seconds } => format!("out of time after {seconds} s"),
        Stop::PanickedOutside(message) => format!(
            "a panic outside of any execution, of a grade, a `Debug`, an `Ord` or a model perhaps: {message}"
        ),
        Stop::CheckerPanicked(message) => format!("the checker itself panicked: {message}"),
        Stop::ReductionFault => {
            "an execution that should have come out as another one did not: a fault of selvedge's reduction"
                .to_owned()
        }
        Stop::NotRepeatable(difference) => not_repeatable(difference),
        Stop::ForeignThread => format!(
            "a thread that {engine} does not know used an object of an execution: start it with `selvedge::thread`"
        ),
        Stop::TooManyThreads { at_most } => {
            format!(
                "an execution had more than {at_most} threads, the main one included, which {engine} cannot follow"
            )
        }
        Stop::TooManyEvents { at_most } => {
            format!(
                "a thread did more than {at_most} operations: does a loop count its rounds, or never end?"
            )
        }
        Stop::GaveUp(programs) => gave_up(programs, engine),
        Stop::HistoryNotChecked(reason) => reason.clone(),
        Stop::HarnessFailed(error) => format!("the harness failed: {error}"),
        Stop::NotYet => "not run yet".to_owned(),
    }
}

/// How a design was found to be not deterministic.
fn not_repeatable(difference: &Difference) -> String {
    let at = |site: &Option<Site>| {
        site.as_ref().map_or_else(String::new, |site| format!(" at {}:{}", site.file, site.line))
    };
    let how = match difference {
        Difference::Outlived { operation, site } => {
            return format!(
                "an object that one execution makes is there in the next (`{operation}`{}): make it by `const_new` in a \
                 `static` of its own, or keep it in selvedge's `LazyLock` or `thread_local!`, all of which are made \
                 anew for every execution, and not in a `static` of `std`",
                at(site)
            );
        }
        Difference::Operation { operation, site } => format!(", first with `{operation}`{}", at(site)),
        Difference::Outcomes(one, other) => {
            format!(": with the same operations it came to {one} and to {other}")
        }
        Difference::End => ": it came to its end one time and not the other".to_owned(),
        Difference::Somewhere(None) => String::new(),
        Difference::Somewhere(site) => format!(", first{}", at(site)),
    };
    format!(
        "the design did not do what it had done before{how}; a design must be deterministic but for `choose`"
    )
}

fn gave_up(programs: &GaveUp, engine: Engine) -> String {
    let first = stopped(&programs.first, engine);
    match programs.programs {
        1 => format!("1 program was given up: {first}"),
        many => format!("{many} programs were given up, the first: {first}"),
    }
}

/// The bounds of an exploration, or what drew its samples; nothing of one that is exhaustive.
pub(crate) fn explored(exploration: &Exploration) -> Option<String> {
    match exploration {
        Exploration::Exhaustive => None,
        Exploration::Bounded { by } => Some(by.iter().map(bound).collect::<Vec<_>>().join(", ")),
        Exploration::Sampled { how } => Some(sampling(how)),
    }
}

fn bound(bound: &Bound) -> String {
    match bound {
        Bound::Preemptions(number) => format!("at most {}", preemptions(*number)),
        Bound::SpuriousWakeups => {
            "one spurious wakeup of each thread at each place where it waits".to_owned()
        }
        Bound::LoopRounds(rounds) => format!("{rounds} rounds of loops that wait"),
        Bound::Steps(steps) => format!("{steps} steps per execution"),
        Bound::Misses(missing) => {
            format!("what its model has of the language's executions: {}", misses(*missing))
        }
    }
}

fn sampling(sampling: &Sampling) -> String {
    match sampling {
        Sampling::Nothing => "nothing".to_owned(),
        Sampling::InterruptedSearch => "an interrupted search".to_owned(),
        Sampling::SearchThenRandom { executions, of_about } => {
            let of = of_about
                .map_or_else(String::new, |estimate| format!(" of at least about {}", rounded(estimate)));
            format!("{executions} executions{of} of an exhaustive search, then PCT and random schedules")
        }
        Sampling::UntilFailure => "executions until the failure".to_owned(),
        Sampling::Threads => "threads of the operating system".to_owned(),
        Sampling::Processes => "processes of the operating system".to_owned(),
        Sampling::Programs(Programs::Failing) => "generated programs".to_owned(),
        Sampling::Programs(Programs::Sampled(all)) => format!("{all} generated programs"),
        Sampling::Programs(Programs::Explored { all, in_full }) => {
            format!("{all} generated programs, {in_full} of them explored in full")
        }
    }
}

/// Where a checker has less than the language.
pub(super) fn misses(missing: Missing) -> &'static str {
    match missing {
        Missing::NewestRmw => {
            "its read-modify-writes see the newest store only, and another thread stores to the same atomic"
        }
        Missing::NewestExchange => {
            "its compare-exchanges that fail see the newest store only, and another thread writes to the same atomic"
        }
        Missing::Fence => "its acquire fences synchronise with what other threads have loaded, too",
    }
}

/// An estimate with as many digits as it deserves.
fn rounded(estimate: f64) -> String {
    let exponent = estimate.max(1.0).log10().floor();
    if exponent >= 7.0 {
        return format!("{estimate:.0e}");
    }
    let unit = 10_f64.powf((exponent - 1.0).max(0.0));
    format!("{:.0}", (estimate / unit).round() * unit)
}

/// What a reader must know of how an engine went about it, unless it is said elsewhere: why a clean exploration may
/// miss executions, and where rc11 has the last word.
pub(super) fn caveats(cell: &Cell) -> impl Iterator<Item = String> {
    let elsewhere = |caveat: &&Caveat| match caveat {
        Caveat::Misses(_) => true,
        Caveat::LoomSeqCst | Caveat::LoomSplitsRmw => cell.opinion.is_some(),
        _ => false,
    };
    let caveats = cell.observation.caveats.iter().filter(move |caveat| !elsewhere(caveat));
    caveats.map(|one| caveat(one, cell))
}

/// What a reader must know about how an engine went about it.
pub(super) fn caveat(caveat: &Caveat, cell: &Cell) -> String {
    match caveat {
        Caveat::LoomSeqCst => {
            "loom treats SeqCst accesses as acquire and release, so it allows more than the language does".to_owned()
        }
        Caveat::LoomTimeouts => "loom never lets a wait on a condition variable time out".to_owned(),
        Caveat::LoomSplitsRmw => {
            "loom lets a plain store come between the reading and the writing of a read-modify-write on the same \
             atomic, so it allows more than the language does"
                .to_owned()
        }
        Caveat::Misses(missing) => format!("{} may miss executions: {}", cell.engine, misses(*missing)),
        Caveat::CutOff { executions, steps } => {
            format!("{executions} executions were cut off after {steps} steps each")
        }
        Caveat::PastRaces => {
            "the outcomes are those of whole accesses, one after the other, and after a data race the language \
             promises none of them"
                .to_owned()
        }
        Caveat::SilentLoop { thread } => {
            format!("{} waits in a loop without yielding", looping(*thread, &cell.actors))
        }
        Caveat::LoopRounds { rounds, patience } => format!(
            "loops that wait were tried with up to {rounds} rounds, and with {patience} or as many as they go: \
             enough, unless a loop counts its rounds"
        ),
        Caveat::TooManyThreads { at_most } => {
            format!("an exhaustive search follows {at_most} threads, and here are more")
        }
        Caveat::NotRepeatable => "executions that were scheduled alike went differently".to_owned(),
        Caveat::GaveUp(programs) => gave_up(programs, cell.engine),
        Caveat::Shrunk(program) => shrunk(program),
        Caveat::Differed { failed, of } => {
            format!("the shards disagree: {failed} of {of} saw it fail, and the others did not")
        }
    }
}

fn shrunk(shrunk: &Shrunk) -> String {
    let Shrunk { number, operations_before, tried, operations_after, program, ended } = shrunk;
    let mut text = format!(
        "generated program {number} failed, with {}; after {} {} the smallest that fails has {}",
        operations(*operations_before),
        thousands(*tried),
        if *tried == 1 { "try" } else { "tries" },
        operations(*operations_after),
    );
    if let Some(program) = program {
        text += &format!(": {program}");
    }
    let limit = ended.map(|limit| match limit {
        ShrinkLimit::Programs => "programs",
        ShrinkLimit::Executions => "executions",
        ShrinkLimit::Time => "time",
    });
    if let Some(limit) = limit {
        text += &format!("; it may not be the smallest: shrinking was out of {limit}");
    }
    text
}

/// `1 operation`, `2 operations`.
fn operations(number: usize) -> String {
    if number == 1 { "1 operation".to_owned() } else { format!("{number} operations") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_has_as_many_digits_as_it_deserves() {
        let check = |estimate: f64, text: &str| assert_eq!(rounded(estimate), text);
        check(7.0, "7");
        check(1_234.0, "1200");
        check(23_456_789.0, "2e7");
    }

    #[test]
    fn a_budget_that_is_spent_names_the_searches() {
        let check = |within: &[Option<u32>], text: &str| {
            let stop = Stop::Budget { executions: 5_000, within: within.to_vec() };
            assert_eq!(stopped(&stop, Engine::Loom), text);
        };
        check(
            &[None, Some(2), Some(1)],
            "out of budget (5,000 executions) in the full search and at 2 and 1 preemptions",
        );
        check(&[Some(1)], "out of budget (5,000 executions) at 1 preemption");
        check(&[Some(2)], "out of budget (5,000 executions) at 2 preemptions");
        check(&[None], "out of budget (5,000 executions) in the full search");
    }
}
