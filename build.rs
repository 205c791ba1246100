//! Lets cargo notice a scenario file that is new or gone, and tells the crate how it is optimised.

fn main() {
    println!("cargo::rustc-env=SELVEDGE_OPT_LEVEL={}", std::env::var("OPT_LEVEL").unwrap_or_default());
    println!("cargo::rerun-if-changed=scenarios");
    for folder in
        ["basics", "memory_order", "locks", "coordination", "futures", "lock_free", "processes", "objects"]
    {
        println!("cargo::rerun-if-changed=scenarios/{folder}");
    }
}
