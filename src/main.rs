//! The command line with the shipped scenarios; and these as tests, for `tests/scenarios.rs`.

use std::process::ExitCode;

#[path = "../scenarios"]
mod scenarios {
    mod basics {
        automod::dir!("scenarios/basics");
    }
    mod memory_order {
        automod::dir!("scenarios/memory_order");
    }
    mod locks {
        automod::dir!("scenarios/locks");
    }
    mod coordination {
        automod::dir!("scenarios/coordination");
    }
    mod futures {
        automod::dir!("scenarios/futures");
    }
    mod lock_free {
        automod::dir!("scenarios/lock_free");
    }
    mod processes {
        automod::dir!("scenarios/processes");
    }
    mod objects {
        automod::dir!("scenarios/objects");
    }
}

selvedge::reuse_stacks!();

fn main() -> ExitCode {
    if std::env::var_os("SELVEDGE_TEST_SCENARIOS").is_some() {
        return selvedge::harness!(@run);
    }
    selvedge::cli_main()
}
