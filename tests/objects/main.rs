//! The shipped objects with their planted bugs. Takes a minute, so it is run by name: `cargo test --test objects`.

mod planted;
#[path = "../it/support.rs"]
mod support;
