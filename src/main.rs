//! The command line with the shipped scenarios.

use std::process::ExitCode;

#[path = "../scenarios"]
mod scenarios {
    automod::dir!("scenarios");
}

#[path = "../scenarios/objects"]
mod objects {
    automod::dir!("scenarios/objects");
}

fn main() -> ExitCode {
    selvedge::cli_main()
}
