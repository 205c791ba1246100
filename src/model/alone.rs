//! A test once more, in a process of its own: there the statics of `std` are as at the beginning, and not as an
//! exploration that was given up has left them.

use crate::base::engine::Engine;
use nix::sys::signal::Signal;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};

/// Runs this test of this program on one engine: that it has passed, in words, or what it has said. `None` if this is no
/// program of libtest's that has such a test, or it cannot be started.
pub(super) fn test_again(name: &str, engine: Engine) -> Option<Result<String, String>> {
    let mut program = Command::new(std::env::current_exe().ok()?);
    program.args([name, "--exact", "--include-ignored", "--nocapture"]);
    program.env("SELVEDGE_ENGINE", engine.name()).stdin(Stdio::null());
    // SAFETY: the call does nothing but tell the system.
    unsafe { program.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?)) };
    told(&program.output().ok()?)
}

fn told(output: &Output) -> Option<Result<String, String>> {
    let said = String::from_utf8_lossy(&output.stdout);
    let one = said.lines().any(|line| line == "running 1 test");
    let finished = said.lines().any(|line| line.starts_with("test result: "));
    if !one || !finished {
        return None;
    }
    let words = || format!("{}{said}", String::from_utf8_lossy(&output.stderr));
    // A test that is to panic passes by that, and so it must here.
    let panics = said.contains(" - should panic ... ");
    let passes = output.status.success() && !panics;
    Some(if passes { Ok(left_out(output)) } else { Err(words()) })
}

/// What a test that has passed says of what was not explored.
fn left_out(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("selvedge: ")).collect();
    if lines.is_empty() { "the test passes".to_owned() } else { lines.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    #[test]
    fn a_test_is_one_that_was_run() {
        let told = |code: i32, said: &str| {
            let status = ExitStatus::from_raw(code << 8);
            told(&Output { status, stdout: said.into(), stderr: b"at line 1\n".into() })
        };
        let ok = "running 1 test\ntest a ... ok\n\ntest result: ok. 1 passed\n";
        assert_eq!(told(0, ok), Some(Ok("the test passes".to_owned())));
        let status = ExitStatus::from_raw(0);
        let stderr = b"selvedge: a on loom: no failure in 9 executions, but not all\n".to_vec();
        let bounded = super::told(&Output { status, stdout: ok.into(), stderr });
        assert_eq!(bounded, Some(Ok("a on loom: no failure in 9 executions, but not all".to_owned())));
        let failed = "running 1 test\ntest a ... FAILED\n\ntest result: FAILED. 0 passed\n";
        assert!(matches!(told(101, failed), Some(Err(words)) if words.starts_with("at line 1\nrunning")));
        let panics = "running 1 test\ntest a - should panic ... ok\n\ntest result: ok. 1 passed\n";
        assert!(matches!(told(0, panics), Some(Err(_))));
        for nothing in ["running 0 tests\n\ntest result: ok. 0 passed\n", "usage: a\n", "running 1 test\n"] {
            assert_eq!(told(0, nothing), None, "{nothing}");
        }
    }
}
