//! Log files of every format, made of the fuzzer's bytes: read, or refused with the line that is wrong.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge::__private::fuzz("histories", bytes));
