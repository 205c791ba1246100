//! A correct implementation: the fuzzer's bytes choose the program and its schedule, and it has to hold.

#![no_main]

#[path = "../../scenarios/objects/object_stack.rs"]
mod object_stack;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let failed = selvedge::__private::object_by_bytes(object_stack::object_stack(), "tagged index", bytes);
    assert_eq!(failed, None);
});
