//! A correct implementation: the fuzzer's bytes choose the program and its schedule, and it has to hold.

#![no_main]

#[path = "../../scenarios/objects/object_ring.rs"]
mod object_ring;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let failed = selvedge::__private::object_by_bytes(object_ring::object_ring(), "stamped slots", bytes);
    assert_eq!(failed, None);
});
