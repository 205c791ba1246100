//! Lets cargo notice a scenario that is new or gone.

fn main() {
    println!("cargo::rerun-if-changed=scenarios");
}
