//! Litmus files: read and run, or refused with the place that is wrong.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge::__private::fuzz("litmus", bytes));
