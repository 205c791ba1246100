//! The command line with designs that do what none should.

#[path = "../designs"]
mod designs {
    automod::dir!("designs");
}

fn main() -> std::process::ExitCode {
    selvedge::cli_main()
}
