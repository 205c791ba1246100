//! Scenario functions, arguments, limits, files and terminals as no program wants them: one clear sentence, and nothing
//! is lost.

use super::{Surroundings, cell, check, hostile, is_whole, program, run_designs, shell, text, times};
use crate::support::json;
use serde_json::Value;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

/// What the functions of a program's scenarios do, and what the program says of it.
#[track_caller]
fn functions(what: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = hostile("hostile-functions");
    let output = command.env("HOSTILE_FUNCTION", what).args(arguments).output().expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

pub(crate) fn a_scenario_function_takes_no_other_scenario_down() {
    const RUN: [&str; 7] = ["run", "--engine", "shuttle", "--budget", "quick", "--format", "json"];
    const NEVER: &str = "its function did not return within 10 s";
    // One that never returns has its 10 s: the whole half waits for each kind of it.
    let endless = ["hang", "spin", "endless model", "endless strategy"].map(|what| (what, NEVER));
    let endless = &endless[..if is_whole() { 4 } else { 1 }];
    let why = [
        ("panic", "its function panicked: the function gave up"),
        ("exit", "its function ended its process with exit code 0"),
        ("abort", "its function ended its process by SIGABRT"),
        ("panicking model", "its function panicked: the model gave up"),
        ("panicking strategy", "its function panicked: the strategy gave up"),
    ];
    for (what, why) in why.iter().chain(endless).copied() {
        let (code, out, err) = functions(what, &RUN);
        assert_eq!(code, 2, "{what}: {err}");
        let report: Value = serde_json::from_str(&out).expect("standard output is one JSON document");
        check(&report, "fetch_add", "shuttle", "safe", "");
        let (file, name) = match what.contains("model") || what.contains("strategy") {
            true => ("objects.rs", "object"),
            false => ("functions.rs", "odd"),
        };
        let named = format!("tests/hostile/odd/{file}: scenario `{name}`: {why}");
        assert!(err.contains(&named), "{what}: {err}");
        if what == "panic" {
            let (code, out, err) = functions(what, &["list"]);
            assert!(code == 2 && out.contains("good") && err.contains(&named), "{code} {out} {err}");
        }
    }
    let (code, out, _) = functions("print", &RUN);
    assert_eq!(code, 0);
    serde_json::from_str::<Value>(&out).expect("what a function prints is nowhere in it");
}

pub(crate) fn no_control_character_of_a_name_reaches_a_terminal() {
    for arguments in
        [&["list"][..], &["run", "odd", "--engine", "shuttle"], &["run", "odd", "--format", "json"]]
    {
        let (_, out, err) = functions("control", arguments);
        let wild = |letter: &char| letter.is_control() && *letter != '\n';
        assert_eq!(out.chars().chain(err.chars()).find(wild), None, "{arguments:?}: {out} {err}");
        assert!(!out.is_empty());
    }
    let (_, out, _) = functions("long", &["run", "odd", "--engine", "shuttle"]);
    let longest = out.lines().filter(|line| line.contains("safe")).map(|line| line.chars().count()).max();
    assert!(longest.is_some_and(|longest| longest <= 100), "{out}");
}

pub(crate) fn a_result_that_was_not_written_is_no_success() {
    let program = hostile("hostile-functions").get_program().to_owned();
    for arguments in [&["list"][..], &["run", "--engine", "shuttle", "--budget", "quick"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = std::process::Command::new(&program);
        let output = command.args(arguments).stdout(writer).stderr(Stdio::piped()).output().expect("it runs");
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("cannot print"), "{output:?}");
    }
}

/// That a program ended with this code, said one thing that is wrong, and that it was this.
#[track_caller]
fn one_sentence(output: &Output, code: i32, words: &str) {
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let errors: Vec<_> = err.lines().filter(|line| line.contains("error: ")).collect();
    assert_eq!(errors.len(), 1, "{err}");
    assert!(errors[0].contains(words), "`{words}` is not in {err}");
    assert!(!err.contains("panicked") && !err.contains("RUST_BACKTRACE"), "{err}");
}

const GOOD: [&str; 6] = ["run", "nondeterminism", "--design", "chooses as it should", "--budget", "quick"];

pub(crate) fn an_argument_that_is_no_text_is_a_usage_error() {
    for arguments in [&[][..], &["run"], &["run", "--design"], &["replay"], &["report"]] {
        let no_text = OsStr::from_bytes(b"\xff\xfe");
        let output = hostile("hostile").args(arguments).arg(no_text).output().expect("it runs");
        one_sentence(&output, 2, "");
    }
}

pub(crate) fn variables_of_the_checkers_change_nothing() {
    let with = |variables: &[(&str, &str)]| {
        let output = hostile("hostile")
            .args(GOOD)
            .args(["--format", "json", "--engine", "loom", "--engine", "shuttle"])
            .envs(variables.iter().copied())
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{variables:?}: {output:?}");
        let mut report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        for cell in report["scenarios"][0]["designs"][0]["engines"].as_array_mut().expect("engines") {
            cell["seconds"] = Value::Null;
        }
        report
    };
    let usual = with(&[]);
    for variables in [
        &[("SHUTTLE_RANDOM_SEED", "no number")][..],
        &[("SHUTTLE_RANDOM_SEED", "17")],
        &[("LOOM_MAX_THREADS", "no number"), ("LOOM_MAX_BRANCHES", "1"), ("LOOM_MAX_DURATION", "0")],
        &[("LOOM_LOG", "trace"), ("LOOM_LOCATION", "1"), ("LOOM_CHECKPOINT_FILE", "/nowhere/at/all")],
    ] {
        assert_eq!(with(variables), usual, "{variables:?}");
    }
}

/// Where there is no place for temporary files, all witnesses are there all the same, and can be seen again.
pub(crate) fn without_a_folder_for_temporary_files_no_witness_is_lost() {
    let design = "panics with a deadlock that was avoided";
    let run = |folder: &OsStr| {
        let mut command = hostile("hostile");
        command.args(["run", "ends", "--design", design, "--engine", "loom", "--engine", "shuttle"]);
        let output = command.args(["--budget", "quick", "--format", "json"]).env("TMPDIR", folder).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    };
    let file = tempfile::NamedTempFile::new().expect("a file");
    for folder in [OsStr::new("/nowhere/at/all"), OsStr::new("/proc"), file.path().as_os_str()] {
        let report = run(folder);
        for engine in ["loom", "shuttle"] {
            let witnesses = &cell(&report, design, engine)["witnesses"];
            let token = witnesses[0]["token"].as_str().expect("a witness has a token");
            hostile("hostile").args(["replay", token]).env("TMPDIR", folder).assert().code(0);
        }
    }
}

/// Each limit, and what the program says where it cannot do its work.
pub(crate) fn below_a_limit_of_the_system_it_works_or_says_why_not() {
    let limited = |limit: &str| {
        let script = format!("{limit}; program=$0; exec \"$program\" \"$@\" --jobs 1000");
        let arguments: Vec<&OsStr> = GOOD.iter().map(OsStr::new).collect();
        let program = program();
        let all: Vec<&OsStr> = std::iter::once(program.as_os_str()).chain(arguments).collect();
        shell(&script, &all)
    };
    for limit in ["true", "ulimit -n 64", "ulimit -s 1024", "ulimit -v 1000000", "ulimit -t 20"] {
        let output = limited(limit);
        assert_eq!(output.status.code(), Some(0), "{limit}: {output:?}");
    }
    for (limit, words) in [
        ("ulimit -n 8", "Too many open files"),
        ("ulimit -n 5", "Too many open files"),
        ("ulimit -f 0", "files may have 0 bytes at most (`ulimit -f`)"),
        ("ulimit -v 60000", "Out of memory"),
    ] {
        harness_failed(limit, &limited(limit), words);
    }
    // How many of these the cells need at a time is chance.
    let output = limited("ulimit -n 20");
    if output.status.code() != Some(0) {
        harness_failed("ulimit -n 20", &output, "Too many open files");
    }
}

/// That a program could not do its work, and said why: of everything in one sentence, or of each cell in the report.
#[track_caller]
fn harness_failed(limit: &str, output: &Output, words: &str) {
    assert_eq!(output.status.code(), Some(4), "{limit}: {output:?}");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let said = (out.clone() + &err).split_whitespace().collect::<Vec<_>>().join(" ");
    // Beside what an unoptimised build says of itself.
    let errors = err.lines().filter(|line| line.starts_with("error: ")).count();
    let in_report = out.contains("the harness failed: ") && errors == 0;
    let in_a_sentence = out.is_empty() && errors == 1;
    assert!(in_report || in_a_sentence, "{limit}: {output:?}");
    assert!(said.contains(words) && !said.contains("panicked"), "{limit}: {said}");
}

/// Root has as many processes as it likes: the program is run as another user, of whom there are none.
pub(crate) fn where_no_more_processes_can_be_started_it_says_so() {
    let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("it is ours");
    let copy = folder.path().join("hostile");
    std::fs::copy(program(), &copy).expect("a copy");
    let run = |processes: &str| {
        let script = "ulimit -u $1; program=$0; shift; exec \"$program\" \"$@\" --jobs 1000";
        let mut command = std::process::Command::new("bash");
        if nix::unistd::getuid().is_root() {
            command = std::process::Command::new("setpriv");
            command.args(["--reuid", "54321", "--regid", "54321", "--clear-groups", "bash"]);
        }
        command.arg("-c").arg(script).arg(&copy).arg(processes).args(GOOD).current_dir("/");
        command.output().expect("a shell, and util-linux")
    };
    for processes in ["1", "2", "5"] {
        harness_failed(processes, &run(processes), "cannot start this program again as a worker");
    }
    if nix::unistd::getuid().is_root() {
        assert_eq!(run("100").status.code(), Some(0));
    }
}

/// What lies where a file of ours is looked for, and is none.
pub(crate) fn files_that_are_no_regular_files_do_not_block() {
    let fifo = |path: &Path| {
        nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    };
    // The lock among runs is advice.
    let surroundings = Surroundings::new();
    let lock = surroundings.folder.path().join(format!("selvedge-{}.lock", nix::unistd::getuid()));
    fifo(&lock);
    let begun = Instant::now();
    hostile("hostile").args(GOOD).envs(surroundings.variables()).assert().code(0);
    assert!(begun.elapsed() < Duration::from_secs(10));
    // Programs that failed once lie beside their scenario's file, below the folder that the program runs in.
    let folder = tempfile::tempdir().expect("a folder");
    let scenarios = folder.path().join("tests/hostile/scenarios");
    let known = scenarios.join("regressions/losing_object.txt");
    std::fs::create_dir_all(known.parent().expect("a folder")).expect("a folder");
    std::fs::write(scenarios.join("objects.rs"), "").expect("a file");
    let run = || {
        let mut command = hostile("hostile");
        command.args([
            "run",
            "losing_object",
            "--engine",
            "shuttle",
            "--budget",
            "quick",
            "--format",
            "json",
        ]);
        let output = command.current_dir(folder.path()).output().expect("it runs");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let reason = cell(&report, "loses", "shuttle")["reason"].clone();
        (output.status.code(), reason.as_str().unwrap_or_default().to_owned())
    };
    fifo(&known);
    let (code, reason) = run();
    assert!(code == Some(4) && reason.contains("losing_object.txt is no plain file"), "{code:?} {reason}");
    std::fs::remove_file(&known).expect("the pipe");
    let damaged = b"loses \xff\xfe\n";
    std::fs::write(&known, damaged).expect("a file");
    let (code, reason) = run();
    assert!(
        code == Some(4) && reason.contains("cannot read") && reason.contains("losing_object.txt"),
        "{reason}"
    );
    assert_eq!(std::fs::read(&known).expect("the file"), damaged, "it is left as it was");
    std::fs::write(&known, "loses 0x\nloses 0x1 9 9 9 9 9 9 9 9\n").expect("a file");
    assert_eq!(run().0, Some(1), "lines that are none are left alone");
    let kept = std::fs::read_to_string(&known).expect("the file");
    assert!(kept.starts_with("loses 0x\nloses 0x1 9 9 9") && kept.lines().count() == 3, "{kept}");
}

/// Lengths in a token are bounded before anything is allocated for them: of address space, 17 GB were asked for once.
pub(crate) fn mutated_tokens_take_no_memory_and_nothing_down() {
    let report = json(hostile("hostile").args(["run", "writings", "--design", "prints and is safe"]), 0);
    assert_eq!(report["scenarios"][0]["name"], "writings");
    let design = "panics with a deadlock that was avoided";
    let failing = run_designs("ends", &[design], &["shuttle"], &[]);
    let token = cell(&failing, design, "shuttle")["witnesses"][0]["token"].clone();
    let token = token.as_str().expect("a witness has a token").to_owned();
    let mut random = 0x5e1_ed6e_u64;
    let program = program();
    for _ in 0..times(20, 2_000) {
        let mut bytes = token.clone().into_bytes();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let place = (random >> 33) as usize % bytes.len();
        bytes[place] = b"AZaz09_-"[(random >> 20) as usize % 8];
        let mutated = String::from_utf8(bytes).expect("letters and digits");
        let output =
            shell("ulimit -v 6000000; exec \"$0\" replay -- \"$1\"", &[&program, OsStr::new(&mutated)]);
        match output.status.code() {
            Some(0) => {}
            _ => one_sentence(&output, 2, "token"),
        }
    }
}

/// What a process and those that it waited for have had of memory, in mebibytes.
#[expect(clippy::zombie_processes, reason = "`wait4` waits for it")]
fn peak_mib(command: &mut std::process::Command) -> (std::process::ExitStatus, i64) {
    let child = command.spawn().expect("it starts");
    let (mut status, pid) = (0, libc::pid_t::try_from(child.id()).expect("a process"));
    // SAFETY: plain data that the system call fills.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(
            libc::wait4(pid, &raw mut status, 0, &raw mut usage),
            pid,
            "it is a child that nothing else waits for"
        );
        usage
    };
    (std::process::ExitStatus::from_raw(status), usage.ru_maxrss / 1024)
}

pub(crate) fn what_is_printed_without_end_is_cut_and_it_is_said() {
    let surroundings = Surroundings::new();
    let report = tempfile::NamedTempFile::new().expect("a file");
    let mut command = std::process::Command::new(program());
    command.args([
        "run",
        "writings",
        "--design",
        "prints without end",
        "--engine",
        "shuttle",
        "--engine",
        "loom",
    ]);
    command
        .args(["--budget", "quick", "--wall-ms", "4000", "--format", "json"])
        .envs(surroundings.variables());
    let (status, mib) = peak_mib(command.stdout(report.reopen().expect("the file")));
    assert!(matches!(status.code(), Some(1 | 3)), "{status:?}");
    assert!(mib < 512, "{mib} MiB");
    let report: Value =
        serde_json::from_slice(&std::fs::read(report.path()).expect("the file")).expect("JSON");
    for engine in ["shuttle", "loom"] {
        let cell = cell(&report, "prints without end", engine);
        let log = cell["log"].as_str().unwrap_or_default();
        assert!(
            log.len() < 2 << 20 && log.contains("bytes more, which were not kept"),
            "{} bytes",
            log.len()
        );
    }
    surroundings.assert_left_alone();
}
