//! Lets cargo notice a scenario file that is new or gone, and tells the crate how it is optimised and whether the C
//! library's `malloc` can be wrapped (`src/rt/heap.rs`).

use std::env::{var, var_os};

fn main() {
    println!("cargo::rustc-env=SELVEDGE_OPT_LEVEL={}", var("OPT_LEVEL").unwrap_or_default());
    println!("cargo::rerun-if-changed=scenarios");
    for folder in
        ["basics", "memory_order", "locks", "coordination", "futures", "lock_free", "processes", "objects"]
    {
        println!("cargo::rerun-if-changed=scenarios/{folder}");
    }
    println!("cargo::rustc-check-cfg=cfg(wraps_malloc)");
    let target = |what: &str| var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    let is_glibc = target("OS") == "linux" && target("ENV") == "gnu";
    if is_glibc && matches!(&*target("ARCH"), "x86_64" | "aarch64") && var_os("CARGO_CFG_MIRI").is_none() {
        println!("cargo::rustc-cfg=wraps_malloc");
    }
}
