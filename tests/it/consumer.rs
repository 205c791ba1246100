//! Another crate uses the harness as anybody would.

use crate::support::cargo;

#[test]
fn a_consumer_gets_the_same_tests_from_one_line() {
    let test = ["test", "--package", "selvedge-consumer", "--features", "checked", "--test", "scenarios"];
    let output = cargo(&test).assert().success().get_output().stdout.clone();
    let printed = String::from_utf8_lossy(&output);
    for line in [
        "test turnstile::one_update::rc11 ",
        "test turnstile::one_update::loom ",
        "test turnstile::look_then_enter::shuttle ",
        "test turnstile::look_then_enter::processes ",
        "test turnstile::snapshot ",
        "test every_scenario_file_is_compiled_in ",
        "12 passed; 0 failed",
    ] {
        assert!(printed.contains(line), "`{line}` is not in\n{printed}");
    }
}
