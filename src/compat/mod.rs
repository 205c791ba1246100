//! Other crates' names for what this one does, so that their users change a line and no test.

pub mod shuttle;
