//! All it takes.

selvedge::harness!();
