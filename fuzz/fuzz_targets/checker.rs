//! The linearizability checker against every order of a small history, made of the fuzzer's bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge::__private::fuzz("checker", bytes));
