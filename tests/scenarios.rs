//! Every shipped scenario on every engine, and its snapshot.

selvedge::harness!();
