//! Everything else that is read: sources, the command line, what workers write. The first byte says which.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge::__private::fuzz("readings", bytes));
