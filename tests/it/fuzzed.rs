//! The objects that are fuzzed, driven by bytes as the fuzzer drives them: its corpus, and random bytes.

#[path = "../../scenarios/objects/object_ring.rs"]
mod object_ring;
#[path = "../../scenarios/objects/object_stack.rs"]
mod object_stack;

use crate::support::root;
use selvedge::__private::object_by_bytes;

/// How one implementation failed, driven by these bytes.
type Run = fn(&str, &[u8]) -> Option<String>;

/// Bytes from a generator that is the same everywhere.
fn random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| byte()).collect()
}

/// The corpus of a target and random bytes: the right implementation never fails, and the planted one does
/// for some of each. With `SELVEDGE_WRITE_CORPUS` set, the first random bytes that make it fail go into the
/// corpus.
#[track_caller]
fn check(target: &str, run: Run, right: &str, planted: &str, random: u64) {
    let folder = root().join("fuzz/corpus").join(target);
    let writing = std::env::var_os("SELVEDGE_WRITE_CORPUS").is_some();
    let files = std::fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("a file").path());
    let corpus: Vec<_> = files.map(|file| std::fs::read(file).expect("a file of the corpus")).collect();
    let random: Vec<_> = (1..=random)
        .map(|seed| {
            let mut bytes = random_bytes(seed, 120);
            bytes[0] = 48;
            bytes
        })
        .collect();
    for (source, inputs) in [("corpus", &corpus), ("random bytes", &random)] {
        let mut found = 0_usize;
        for bytes in inputs {
            assert_eq!(run(right, bytes), None, "{right}, {source}: {bytes:?}");
            let fails = run(planted, bytes).is_some();
            if fails && found < 3 && source != "corpus" && writing {
                std::fs::write(folder.join(format!("{}_{found}", planted.replace([',', ' '], ""))), bytes)
                    .expect("a folder to write to");
            }
            found += usize::from(fails);
        }
        println!("{target}, {source}: {planted} fails for {found} of {}", inputs.len());
        assert!(
            found > 0 || (source == "corpus" && writing),
            "{planted} never fails for any of the {} inputs of {source}",
            inputs.len()
        );
    }
}

/// Random bytes do not come upon the one program that shows the stack's planted bug.
#[test]
fn the_stack_by_bytes() {
    for seed in 1..=2_000 {
        let mut bytes = random_bytes(seed, 120);
        bytes[0] = 48;
        assert_eq!(object_by_bytes(object_stack::object_stack(), "tagged index", &bytes), None, "{bytes:?}");
    }
}

#[test]
fn the_ring_by_bytes() {
    let run: Run = |name, bytes| object_by_bytes(object_ring::object_ring(), name, bytes);
    check("object_ring", run, "stamped slots", "free too early", 2_000);
}
