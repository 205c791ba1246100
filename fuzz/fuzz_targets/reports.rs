//! Saved reports: read and rendered in every format, or refused.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge::__private::fuzz("reports", bytes));
