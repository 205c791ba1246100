//! The whole program from outside: its command line, its verdicts on broken designs, its use by another
//! crate, and the rules of its own house.

mod architecture;
mod broken;
mod browser;
mod check;
mod claims;
mod cli;
mod consumer;
mod first_steps;
mod fuzzed;
mod guide;
mod kept;
mod litmus_engines;
mod litmus_oracle;
mod many_machines;
mod memory_models;
#[path = "../oracle/mod.rs"]
mod oracle;
mod replay;
mod reports;
mod support;
