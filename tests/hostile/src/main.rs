//! The command line with designs that do what none should.

#[path = "../scenarios"]
mod scenarios {
    automod::dir!("scenarios");
}

fn main() -> std::process::ExitCode {
    selvedge::cli_main()
}
