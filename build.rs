//! Lets cargo notice a scenario file that is new or gone.

fn main() {
    println!("cargo::rerun-if-changed=scenarios");
    println!("cargo::rerun-if-changed=scenarios/objects");
}
