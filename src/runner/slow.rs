//! A word to those who have built this crate without optimisation.

use std::sync::Once;

/// Says once, on standard error, that a build that is not optimised is slow, and what to do about it.
pub(crate) fn say_if_unoptimised() {
    static ONCE: Once = Once::new();
    if env!("SELVEDGE_OPT_LEVEL") == "0" {
        ONCE.call_once(|| {
            eprintln!(
                "selvedge was built without optimisation, and explores some ten times slower; in Cargo.toml:\n\
                 [profile.dev.package.\"*\"]\nopt-level = 3"
            );
        });
    }
}
