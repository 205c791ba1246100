//! The seeded bugs of the shipped objects, each found, shrunk and replayed. Run by name: `cargo test --test objects`.

mod planted;
mod progress;
mod replay;
#[allow(dead_code, reason = "the other tests use more of it")]
#[path = "../it/support.rs"]
mod support;
