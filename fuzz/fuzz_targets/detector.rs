//! The race detector against the happens-before graph, on executions made of the fuzzer's bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge::__private::fuzz("detector", bytes));
