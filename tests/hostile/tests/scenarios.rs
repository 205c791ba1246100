//! The same designs through the harness of `cargo test`. Most of these tests fail, as they should: see `tests/hostile.rs`.

selvedge::harness!();
