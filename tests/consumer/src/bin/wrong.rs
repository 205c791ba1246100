//! The command line with scenarios that must be refused.

#[path = "../../wrong"]
mod wrong {
    automod::dir!("wrong");
}

fn main() -> std::process::ExitCode {
    selvedge::cli_main()
}
