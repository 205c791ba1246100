//! Tells cargo which folders scenarios come from: new files in them are compiled in, too.

fn main() {
    println!("cargo::rerun-if-changed=scenarios");
    println!("cargo::rerun-if-changed=odd");
}
