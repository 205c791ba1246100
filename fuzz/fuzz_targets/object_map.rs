//! A correct implementation: the fuzzer's bytes choose the program and its schedule, and it has to hold.

#![no_main]

#[path = "../../scenarios/objects/object_map.rs"]
mod object_map;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let failed = selvedge::__private::object_by_bytes(object_map::object_map(), "one lock for both", bytes);
    assert_eq!(failed, None);
});
