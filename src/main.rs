//! The command line with the shipped scenarios.

use std::process::ExitCode;

#[path = "../scenarios"]
mod scenarios {
    automod::dir!("scenarios");
}

fn main() -> ExitCode {
    selvedge::cli_main()
}
