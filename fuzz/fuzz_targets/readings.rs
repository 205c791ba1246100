//! Everything else that the program reads; the first byte says what the others are.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge::__private::fuzz_readings(bytes));
