//! Every shipped scenario on every engine, and its snapshot.
//!
//! The program has them all compiled in, which takes longer than to run them: it runs them as tests, too.
//! Elsewhere this file is a `selvedge::harness!()`.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut program = Command::new(env!("CARGO_BIN_EXE_selvedge"));
    let wrong = program.args(std::env::args_os().skip(1)).env("SELVEDGE_TEST_SCENARIOS", "1").exec();
    eprintln!("{}: {wrong}", program.get_program().display());
    ExitCode::from(2)
}
