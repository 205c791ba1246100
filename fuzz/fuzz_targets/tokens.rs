//! Replay tokens, read from the fuzzer's bytes and written again.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge::__private::fuzz("tokens", bytes));
