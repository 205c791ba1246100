//! A test once more, in a process of its own: there the statics of `std` are as at the beginning, and not as an
//! exploration that was given up has left them.
//!
//! There each model says on standard error what it came to: the test itself may pass because a model fails, or have
//! several.
//!
//! Limit: of a model that a test calls several times, one failure is one of all.

use crate::base::engine::Engine;
use nix::sys::signal::Signal;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// Set where models say what they came to.
const ALONE: &str = "SELVEDGE_TEST_ALONE_MODELS";

/// What such a line begins with.
const MARK: &str = "selvedge: a model alone: ";

/// Runs this test of this program on one engine: that the model of this digest has passed, in words, or what was said.
/// `None` if this is no program of libtest's that has such a test, it cannot be started, or it does not come to the model.
pub(super) fn test_again(name: &str, digest: u32, engine: Engine) -> Option<Result<String, String>> {
    let path = std::env::current_exe().ok()?;
    // Any other program does what it likes with the arguments.
    if path.parent()?.file_name()? != "deps" {
        return None;
    }
    let mut program = Command::new(path);
    program.args([name, "--exact", "--include-ignored", "--nocapture"]);
    program.env("SELVEDGE_ENGINE", engine.name()).env(ALONE, "1").stdin(Stdio::null());
    // SAFETY: the call does nothing but tell the system.
    unsafe { program.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?)) };
    let output = program.output().ok()?;
    told(digest, &String::from_utf8_lossy(&output.stdout), &String::from_utf8_lossy(&output.stderr))
}

/// Says what a model came to, if this process is for that.
pub(super) fn tell(digest: Option<u32>, passed: bool) {
    if let Some(digest) = digest.filter(|_| std::env::var_os(ALONE).is_some()) {
        let _ = writeln!(std::io::stderr(), "{}", line(digest, passed));
    }
}

fn line(digest: u32, passed: bool) -> String {
    format!("{MARK}{digest:08x} {}", if passed { "passed" } else { "failed" })
}

fn told(digest: u32, stdout: &str, stderr: &str) -> Option<Result<String, String>> {
    if !stdout.lines().any(|line| line == "running 1 test") {
        return None;
    }
    let has = |passed| stderr.lines().any(|said| said == line(digest, passed));
    if has(false) {
        return Some(Err(format!("{stderr}{stdout}")));
    }
    has(true).then(|| Ok(left_out(stderr)))
}

/// What a test that has passed says of what was not explored.
fn left_out(stderr: &str) -> String {
    let lines = stderr.lines().filter(|line| !line.starts_with(MARK));
    let lines: Vec<_> = lines.filter_map(|line| line.strip_prefix("selvedge: ")).collect();
    if lines.is_empty() { "no failure".to_owned() } else { lines.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_model_that_passes_and_not_its_test() {
        let one = "running 1 test\ntest a - should panic ... ok\n\ntest result: ok. 1 passed\n";
        let said = |passed| format!("at line 1\n{}\n{}\n", line(7, passed), line(8, true));
        assert_eq!(told(7, one, &said(true)), Some(Ok("no failure".to_owned())));
        assert!(matches!(told(7, one, &said(false)), Some(Err(words)) if words.starts_with("at line 1\n")));
        let both = said(true) + &said(false);
        assert!(matches!(told(7, one, &both), Some(Err(_))), "one of its calls fails");
        let bounded =
            "selvedge: a on loom: no failure in 9 executions, but not all\n".to_owned() + &said(true);
        let words = "a on loom: no failure in 9 executions, but not all";
        assert_eq!(told(7, one, &bounded), Some(Ok(words.to_owned())));
        assert_eq!(told(9, one, &said(true)), None, "it did not come to it");
        assert_eq!(told(7, "running 0 tests\n", &said(true)), None);
    }
}
