//! The command line with scenarios that do what no scenario should.

#[path = "../../broken"]
mod broken {
    automod::dir!("broken");
}

fn main() -> std::process::ExitCode {
    selvedge::cli_main()
}
