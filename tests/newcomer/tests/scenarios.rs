//! Every scenario on every engine.

selvedge::harness!();
