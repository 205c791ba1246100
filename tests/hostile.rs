//! Designs that do their worst, each with the verdict that it is to get. Run by name: `cargo test --test hostile`, or
//! `ci/hostile.sh`, as it takes minutes.

#[path = "it/hostile.rs"]
mod cases;
#[allow(dead_code, reason = "the other tests use more of it")]
#[path = "it/support.rs"]
mod support;
