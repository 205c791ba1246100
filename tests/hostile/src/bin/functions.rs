//! The command line with a scenario function that does what none should: `HOSTILE_FUNCTION` says what.

#[path = "../../odd"]
mod odd {
    automod::dir!("odd");
}

fn main() -> std::process::ExitCode {
    selvedge::cli_main()
}
