//! What outlives a run, what a signal leaves behind, and who waits for whom.

use super::{ALL, Surroundings, check, hostile, is_empty, marked, program, times, wait_until_gone};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) fn nothing_outlives_a_run() {
    let surroundings = Surroundings::new();
    let mut command = hostile("hostile");
    command.args(["run", "leaks", "--budget", "quick", "--format", "json"]);
    let output = command.envs(surroundings.variables()).output().expect("it runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("standard output is one JSON document");
    surroundings.assert_left_alone();
    for engine in ALL {
        check(&report, "finds a process as it should be", engine, "safe", "");
    }
}

fn kill(signal: &str, pid: u32) {
    Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill runs");
}

/// As from a terminal: what runs under `nohup`, or in the background of a script, ignores some signals, and so does what
/// it starts.
fn heeding_signals(command: &mut Command) -> &mut Command {
    let heed = || {
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            // SAFETY: it is among the calls that are allowed between fork and exec, and installs no handler.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        Ok(())
    };
    // SAFETY: see above.
    unsafe { command.pre_exec(heed) }
}

pub(crate) fn signals_leave_nothing_behind() {
    let (program, surroundings) = (program(), Surroundings::new());
    let mut moment = 0x9e37_79b9_u64;
    for round in 0..times(4, 50) {
        for signal in ["-KILL", "-INT", "-TERM", "-HUP"] {
            let mut command = Command::new(&program);
            command
                .args(["run", "--budget", "quick"])
                // Away from the sources, beside which failing programs are kept.
                .current_dir("/")
                .envs(surroundings.variables())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut run = heeding_signals(&mut command).spawn().expect("the program starts");
            moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round | 1);
            std::thread::sleep(Duration::from_millis(moment >> 33 & 0x1ff));
            kill(signal, run.id());
            let begun = Instant::now();
            run.wait().expect("the program ends");
            assert!(begun.elapsed() < Duration::from_secs(2), "{signal} is obeyed at once");
            wait_until_gone(&surroundings.mark);
        }
    }
    // What a killed supervisor leaves lying, the next run takes away.
    let mut command = hostile("hostile");
    command.args(["run", "nondeterminism", "--design", "chooses as it should", "--engine", "shuttle"]);
    command.envs(surroundings.variables()).assert().code(0);
    surroundings.assert_left_alone();
}

pub(crate) fn run_after_run_is_the_same() {
    let (program, surroundings) = (program(), Surroundings::new());
    for _ in 0..times(5, 1_000) {
        let mut command = Command::new(&program);
        command.args(["run", "nondeterminism", "--design", "chooses as it should", "--engine", "shuttle"]);
        let mut run =
            command.envs(surroundings.variables()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut text = String::new();
        run.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
        assert_eq!(run.wait().expect("it ends").code(), Some(0), "{text}");
        surroundings.assert_left_alone();
    }
}

/// Another run's samples are waited for, which is said, and a signal ends the waiting; a search waits for nothing.
pub(crate) fn behind_the_lock_of_another_run_it_says_so_and_obeys() {
    let surroundings = Surroundings::new();
    let folder = surroundings.folder.path();
    let lock = File::create(folder.join(format!("selvedge-{}.lock", nix::unistd::getuid()))).expect("a file");
    lock.lock().expect("no other process holds it");
    let start = |engine: &str| {
        Command::new(program())
            .args(["run", "nondeterminism", "--design", "chooses as it should", "--engine", engine])
            .envs(surroundings.variables())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    };
    assert_eq!(start("shuttle").wait().expect("it ends").code(), Some(0), "a search waits for no samples");
    let begun = Instant::now();
    let mut waits = start("threads");
    let said = BufReader::new(waits.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    let said = said.into_iter().find(|line| line.contains("waiting until another run has sampled"));
    assert!(
        said.is_some_and(|line| line.contains(&folder.display().to_string())),
        "it says what it waits for"
    );
    assert!(begun.elapsed() < Duration::from_secs(3), "it says so after {:?}", begun.elapsed());
    kill("-INT", waits.id());
    let begun = Instant::now();
    assert_eq!(waits.wait().expect("it ends").code(), Some(130));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let mut goes_on = start("threads");
    std::thread::sleep(Duration::from_millis(700));
    drop(lock);
    assert_eq!(goes_on.wait().expect("it ends").code(), Some(0), "it goes on once the lock is free");
    assert_eq!(marked(&surroundings.mark), 0);
    assert!(is_empty(folder));
}
