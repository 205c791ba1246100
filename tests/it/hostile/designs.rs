//! Designs that do what none should, each with its verdict.

use super::{ALL, CHECKERS, cell, check, designs_of, run, run_designs, shorter, times};
use std::time::{Duration, Instant};

pub(crate) fn a_design_that_does_not_do_the_same_twice_is_never_safe() {
    let report = run("nondeterminism", &CHECKERS);
    let designs = designs_of(&report);
    assert_eq!(designs.len(), 9);
    for engine in CHECKERS {
        for design in &designs[..8] {
            check(&report, design, engine, "inconclusive", "deterministic but for `choose`");
        }
        check(&report, "chooses as it should", engine, "safe", "");
        let stored = cell(&report, "a counter chooses what is stored", engine);
        let reason = stored["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("`store` at tests/hostile/scenarios/nondeterminism.rs:"), "{reason}");
    }
}

pub(crate) fn threads_and_objects_that_no_checker_knows_are_never_safe() {
    let report = run("foreign", &CHECKERS);
    let designs = designs_of(&report);
    assert_eq!(designs.len(), 15);
    for engine in CHECKERS {
        for design in &designs[..12] {
            check(&report, design, engine, "inconclusive", "start it with `selvedge::thread`");
        }
        // rc11 may notice first that no other execution makes the object again.
        let remedy = if engine == "rc11" { "" } else { "selvedge's `LazyLock`" };
        for design in &designs[12..] {
            check(&report, design, engine, "inconclusive", remedy);
        }
    }
}

pub(crate) fn every_end_is_told_by_what_it_is() {
    // The whole half waits until the limits of the budget are reached, here and below.
    let report = run_designs("ends", &[], &ALL, shorter(&["--memory-mib", "512"]));
    for engine in ALL {
        check(&report, "exit code 70", engine, "crash", "70");
        check(&report, "says that memory is short and aborts", engine, "crash", "SIGABRT");
        check(&report, "panics with a deadlock that was avoided", engine, "crash", "deadlock was avoided");
        check(&report, "panics twice", engine, "crash", "the first panic");
        check(&report, "a destructor of a thread local panics", engine, "crash", "");
        check(&report, "overflows its stack", engine, "crash", "");
        check(&report, "exits while the state is made", engine, "crash", "exit code 0");
        for design in ["aborts", "exits", "panics", "dies"] {
            let reason = cell(&report, &format!("{design} in the observation"), engine);
            assert_eq!(reason["verdict"], "crash", "{reason:#}");
            let reason = reason["reason"].as_str().unwrap_or_default();
            assert!(!reason.contains("actor A") && !reason.contains("actor B"), "{engine}: {reason}");
        }
        check(&report, "eats memory", engine, "crash", "ran out of memory");
        // On real engines, whose actors die by a signal, nothing may be left to say why.
        let why = if CHECKERS.contains(&engine) { "ran out of memory" } else { "" };
        check(&report, "eats memory in small bites", engine, "crash", why);
    }
    for engine in ["rc11", "loom", "shuttle", "threads"] {
        check(&report, "kills its process", engine, "inconclusive", "killed from outside by SIGKILL");
    }
}

pub(crate) fn nothing_that_a_worker_writes_is_trusted() {
    let report = run_designs("writings", &[], &ALL, shorter(&["--stall-ms", "1000"]));
    let designs = designs_of(&report);
    assert_eq!(designs.len(), 7);
    for engine in ALL {
        for design in &designs {
            assert!(cell(&report, design, engine)["verdict"].is_string(), "{design} on {engine}");
        }
        check(&report, "prints and is safe", engine, "safe", "");
        assert_ne!(cell(&report, "prints without end", engine)["verdict"], "safe");
    }
}

pub(crate) fn closures_beside_the_actors_take_nothing_down() {
    for (scenario, engines, word) in [
        ("panicking_grade", &ALL[..], "a grade gave up"),
        ("panicking_debug", &ALL[..], "Debug gave up"),
        // Real engines may see a single outcome, which is compared with none.
        ("panicking_order", &CHECKERS[..], "Ord gave up"),
    ] {
        let report = run(scenario, engines);
        for engine in engines.iter().copied() {
            let cell = cell(&report, "two", engine);
            assert_ne!(cell["verdict"], "safe", "{scenario} on {engine}");
            let reason = cell["reason"].as_str().unwrap_or_default();
            assert!(reason.contains(word), "{scenario} on {engine}: {reason}");
        }
    }
    let report = run_designs("endless_debug", &[], &["shuttle"], &["--wall-ms", "4000"]);
    assert_ne!(cell(&report, "two", "shuttle")["verdict"], "safe", "{report:#}");
}

pub(crate) fn what_takes_long_is_out_of_time_and_no_hang() {
    let long = ["sleeps ten seconds", "three operations of 400 ms"];
    // 20 s a cell is the limit that the budget has.
    let limit = times(3, 20);
    let begun = Instant::now();
    let report = run_designs("slow", &long, &["shuttle"], shorter(&["--wall-ms", "3000"]));
    // Each has its limit and 2 s.
    assert!(begun.elapsed() < Duration::from_secs(2 * (limit + 2)), "{:?}", begun.elapsed());
    for design in long {
        check(&report, design, "shuttle", "inconclusive", "out of time");
    }
}

pub(crate) fn what_stands_still_is_told_by_its_loops_and_locks() {
    let held = ["a lock of std across an operation"];
    let report = run_designs("slow", &held, &CHECKERS, &[]);
    for engine in CHECKERS {
        check(&report, held[0], engine, "hang", "`std::sync`");
    }
    let loops = ["waits and yields", "yields for ever"];
    let report = run_designs("slow", &loops, &["loom"], &[]);
    check(&report, loops[0], "loom", "safe", "");
    check(&report, loops[1], "loom", "inconclusive", "its loops yield");
    let spins = ["spins on an atomic", "counts for ever", "waits for a lock of std for ever"];
    let report =
        run_designs("slow", &spins, &CHECKERS, shorter(&["--wall-ms", "3000", "--stall-ms", "1000"]));
    for engine in CHECKERS {
        for design in spins {
            assert_ne!(cell(&report, design, engine)["verdict"], "safe", "{design} on {engine}");
        }
        check(&report, spins[2], engine, "hang", "");
    }
    check(&report, spins[0], "loom", "inconclusive", "does a loop wait without yielding?");
}

/// Also by one that is not at work, and outside of an execution: loom looks for leaks when one is over.
pub(crate) fn a_panic_of_a_checker_is_told_as_one() {
    let report = run("checkers", &CHECKERS);
    for engine in CHECKERS {
        let words = if engine == "loom" { "Arc leaked" } else { "cannot access Loom execution state" };
        let words = format!("the checker itself panicked: {words}");
        check(&report, "leaks an object of loom's own", engine, "inconclusive", &words);
        check(&report, "a model of loom's within", engine, "safe", "");
        check(&report, "none of it", engine, "safe", "");
    }
}

/// Under loom and shuttle, which would panic, as under our own checker.
pub(crate) fn a_lock_that_is_read_twice_is_named() {
    let report = run("refusals", &CHECKERS);
    for engine in CHECKERS {
        let words = "A holds lock and waits for lock, which it holds itself; B waits for lock";
        check(&report, "reads while it reads", engine, "deadlock", words);
    }
}

pub(crate) fn safe_code_breaks_no_memory() {
    let report = run("destructors", &CHECKERS);
    for engine in CHECKERS {
        check(&report, "deadlocked, and locks while it unwinds", engine, "deadlock", "");
        check(&report, "locks in a destructor", engine, "safe", "");
        check(&report, "panics among holders", engine, "crash", "the third has it");
        check(&report, "returns among holders", engine, "safe", "");
    }
    let report = run("kept_references", &CHECKERS);
    for engine in CHECKERS {
        check(&report, "keeps what a static gave it", engine, "safe", "");
    }
    // On a busy machine the quick budget has time for a handful of samples.
    let report = run_designs("growing", &[], &["processes"], &["--sampling-ms", "2000"]);
    for design in ["at once", "late"] {
        check(&report, design, "processes", "not-applicable", "owns heap memory");
    }
    check(&report, "never", "processes", "safe", "");
    let report = run("threaded", &["shuttle", "processes"]);
    check(
        &report,
        "starts a thread",
        "processes",
        "not-applicable",
        "only a process without others can be forked",
    );
    for engine in ["shuttle", "processes"] {
        check(&report, "starts none", engine, "safe", "");
    }
    check(&report, "starts a thread", "shuttle", "safe", "");
}
