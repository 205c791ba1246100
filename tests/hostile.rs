//! Designs that do their worst, each with the verdict that it is to get; the whole of it by `ci/hostile.sh`, which takes
//! its time.

#[path = "it/hostile/mod.rs"]
mod cases;
#[allow(dead_code, reason = "the other tests use more of it")]
#[path = "it/support.rs"]
mod support;
