//! The objects that are fuzzed, driven by bytes as the fuzzer drives them: its corpus, and random bytes.

#[path = "../../scenarios/objects/object_map.rs"]
mod object_map;
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

/// Bytes of a program, which begin with these numbers of operations, and bytes of a schedule, which rather
/// lets go on who runs.
fn random_input(seed: u64, numbers: &[u8]) -> Vec<u8> {
    const PROGRAM: u8 = 48;
    let mut bytes = vec![PROGRAM];
    bytes.extend(random_bytes(seed, 120));
    bytes[1..=numbers.len()].copy_from_slice(numbers);
    for place in usize::from(PROGRAM) + 2..bytes.len() {
        if bytes[place] % 5 > 0 {
            bytes[place] = bytes[place - 1];
        }
    }
    bytes
}

/// The corpus of a target and random bytes: the right implementation never fails, and the planted one does
/// for some of each; of random bytes only if they may be anything. With `SELVEDGE_WRITE_CORPUS` set, the first random bytes that make it fail go into the
/// corpus.
#[track_caller]
fn check(target: &str, run: Run, right: &str, planted: &str, random: u64, numbers: &[u8]) {
    let folder = root().join("fuzz/corpus").join(target);
    let writing = std::env::var_os("SELVEDGE_WRITE_CORPUS").is_some();
    let files = std::fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("a file").path());
    let corpus: Vec<_> = files.map(|file| std::fs::read(file).expect("a file of the corpus")).collect();
    let random = if writing { 40 * random } else { random };
    let random: Vec<_> = (1..=random).map(|seed| random_input(seed, numbers)).collect();
    for (source, inputs) in [("corpus", &corpus), ("random bytes", &random)] {
        let mut found = 0_usize;
        for bytes in inputs {
            if writing && found == 3 {
                break;
            }
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
            found > 0 || (source == "corpus" && writing) || (source != "corpus" && !numbers.is_empty()),
            "{planted} never fails for any of the {} inputs of {source}",
            inputs.len()
        );
    }
}

/// Hardly a program shows it: somebody pops while somebody else pops two and pushes one again.
#[test]
fn the_stack_by_bytes() {
    let run: Run = |name, bytes| object_by_bytes(object_stack::object_stack(), name, bytes);
    check("object_stack", run, "tagged index", "bare index", 2_000, &[0, 2, 0, 2, 2]);
}

#[test]
fn the_map_by_bytes() {
    let run: Run = |name, bytes| object_by_bytes(object_map::object_map(), name, bytes);
    check("object_map", run, "one lock for both", "look, then insert", 1_000, &[]);
}

#[test]
fn the_ring_by_bytes() {
    let run: Run = |name, bytes| object_by_bytes(object_ring::object_ring(), name, bytes);
    check("object_ring", run, "stamped slots", "free too early", 1_000, &[]);
}
