//! The command line with designs that do what none should. With `HOSTILE_HARNESS` in the environment it is the test
//! harness of the same designs.

#[path = "../designs"]
mod designs {
    automod::dir!("designs");
}

fn main() -> std::process::ExitCode {
    selvedge::cli_main()
}
