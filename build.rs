//! Lets cargo notice a scenario file that is new or gone.

fn main() {
    println!("cargo::rerun-if-changed=scenarios");
    for folder in ["basics", "memory_order", "locks", "coordination", "lock_free", "processes", "objects"] {
        println!("cargo::rerun-if-changed=scenarios/{folder}");
    }
}
