//! Designs that abort, crash, hang or hide: each gets its verdict, the run goes on, nothing is left behind.

use crate::support::{cell, check, consumer, deaths, json};
use std::time::{Duration, Instant};

#[test]
fn whatever_an_actor_does_the_run_goes_on() {
    let report = deaths();
    for engine in ["loom", "shuttle", "threads"] {
        check(report, "segmentation fault", engine, "crash", "killed by SIGSEGV");
        check(report, "abort", engine, "crash", "killed by SIGABRT");
        check(report, "exit", engine, "crash", "exit code 3");
        check(report, "exit as if all were well", engine, "crash", "exit code 0");
        check(report, "eats memory", engine, "crash", "ran out of memory");
        check(report, "talks of a deadlock and aborts", engine, "crash", "killed by SIGABRT");
        check(report, "never ends", engine, "hang", "does not end");
    }
    check(report, "segmentation fault", "processes", "crash", "actor B was killed by SIGSEGV");
    check(report, "abort", "processes", "crash", "was killed by SIGABRT");
    check(report, "exit", "processes", "crash", "3");
    check(report, "exit as if all were well", "processes", "crash", "0");
    check(report, "never ends", "processes", "hang", "does not end");
    for engine in ["loom", "shuttle"] {
        check(report, "aborts in the middle", engine, "crash", "killed by SIGABRT");
        assert_eq!(cell(report, "would abort in the middle", engine)["verdict"], "safe");
    }
    assert_eq!(cell(report, "eats memory", "processes")["verdict"], "crash");
    for engine in ["loom", "shuttle", "threads", "processes"] {
        check(report, "panic", engine, "crash", "panicked: there are 8 too few");
    }
}

#[test]
fn what_a_checker_cannot_see_or_finish_is_not_safe() {
    let report = json(consumer("broken-scenarios").args(["unseen", "--budget", "quick"]), 3);
    for engine in ["loom", "shuttle"] {
        check(&report, "std::sync by mistake", engine, "inconclusive", "saw no operation of this design");
        assert_eq!(cell(&report, "std::sync by mistake", engine)["as_expected"], serde_json::Value::Null);
    }
    check(&report, "waits without yielding", "loom", "inconclusive", "limit of 1000 branches");
    check(&report, "five actors", "loom", "not-applicable", "at most 4 actors");
    let waiting = cell(&report, "waits without yielding", "shuttle");
    assert_ne!(waiting["evidence"]["kind"], "exhaustive", "{waiting:#}");
}

#[test]
fn a_verdict_that_is_not_as_expected_is_exit_code_one() {
    let checkers = ["--engine", "loom", "--engine", "shuttle"];
    let report = json(consumer("broken-scenarios").arg("misjudged").args(checkers), 1);
    for engine in ["loom", "shuttle"] {
        check(
            &report,
            "safe, they said",
            engine,
            "forbidden",
            "no grade of the scenario covers this outcome",
        );
        assert_eq!(cell(&report, "safe, they said", engine)["as_expected"], false);
        assert_eq!(cell(&report, "broken, they said", engine)["verdict"], "safe");
        assert_eq!(cell(&report, "broken, they said", engine)["as_expected"], false);
    }
}

#[test]
fn an_interrupted_run_leaves_no_process_behind() {
    use std::process::{Command, Stdio};
    let program = consumer("broken-scenarios").get_program().to_owned();
    let mark = format!("interrupt-{}", std::process::id());
    for signal in ["-INT", "-KILL"] {
        let mut run = Command::new(&program)
            .args(["deaths", "--design", "never ends", "--budget", "thorough"])
            .env("SELVEDGE_TEST_MARK", &mark)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        wait_until("a worker and its actors run", || marked(&mark) >= 2);
        Command::new("kill").args([signal, &run.id().to_string()]).status().expect("kill runs");
        let code = run.wait().expect("the program ends").code();
        assert_eq!(code, (signal == "-INT").then_some(130), "{signal}");
        wait_until("every process is gone", || marked(&mark) == 0);
    }
}

/// Processes with this mark in their environment.
fn marked(mark: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("the process table").filter_map(Result::ok);
    let marked = |environment: Vec<u8>| environment.windows(mark.len()).any(|part| part == mark.as_bytes());
    processes.filter(|entry| std::fs::read(entry.path().join("environ")).is_ok_and(marked)).count()
}

#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "in a minute it never came to pass that {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
