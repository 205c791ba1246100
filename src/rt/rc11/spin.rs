//! Loops that only look: recognised by the state of the thread, not by the shape of the code.
//!
//! At each look (a load, a failed compare-exchange, a yield) the part of the stack that belongs to the
//! program, the registers that a call preserves, and the program counter are hashed. If a thread comes to a
//! place with the same hash again and has done nothing in between but look, then it would go round for ever as
//! long as it sees the same: it waits for one of its reads to be given another write. A loop that counts its
//! rounds has another hash in each, and is explored as it is. So has a loop that the compiler unrolled, whose
//! copies are places of their own.
//!
//! One round that saw nothing new is left out by this, not an outcome: an execution stays consistent without
//! it, and orders less.
//!
//! Limits: what a round changes in memory other than the stack (a counter in a box) is not seen, if it is no
//! facade object. On processors other than x86-64 and AArch64 no loop is recognised.

use super::super::pending::Site;

/// The state of a thread where it calls the facade: its stack pointer, and a digest of the program counter and of
/// the registers that a call preserves.
#[derive(Clone, Copy)]
pub(crate) struct Here {
    stack: usize,
    registers: u64,
}

impl Here {
    /// With what is handed to the call in other registers.
    pub(crate) fn with(self, arguments: [u64; 2]) -> Self {
        // Before anything is added: what differs in few bits there may differ in the same ones here.
        let registers = arguments.into_iter().fold(mix(self.registers, FACTOR), mix);
        Here { registers, ..self }
    }
}

/// One round of a hash function in which no difference stays as it is: both halves of a product. With less, what two nodes
/// of a list are apart and the difference of their numbers took each other away, and a walk was taken for a loop.
fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * u128::from(FACTOR);
    (product >> 64) as u64 ^ product as u64
}

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// A look that was made.
#[derive(Clone, Copy)]
pub(super) struct Look {
    site: Site,
    hash: u64,
    /// How many events the thread had before.
    pub(super) index: u16,
}

/// Bytes of stack beyond which no state is hashed.
const MAX_STATE: usize = 32 * 1024;

/// The state of the running thread. Inlined into the program, whose frame it is to see.
#[inline(always)]
pub(crate) fn here() -> Here {
    let registers: u64;
    let stack: usize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: registers are read, and nothing else happens.
    unsafe {
        std::arch::asm!(
            "mov {h}, rbx",
            "imul {h}, {h}, 0x27220a95",
            "rol {h}, 29",
            "xor {h}, rbp",
            "imul {h}, {h}, 0x27220a95",
            "rol {h}, 29",
            "xor {h}, r12",
            "imul {h}, {h}, 0x27220a95",
            "rol {h}, 29",
            "xor {h}, r13",
            "imul {h}, {h}, 0x27220a95",
            "rol {h}, 29",
            "xor {h}, r14",
            "imul {h}, {h}, 0x27220a95",
            "rol {h}, 29",
            "xor {h}, r15",
            "imul {h}, {h}, 0x27220a95",
            "rol {h}, 29",
            "lea {s}, [rip]",
            "xor {h}, {s}",
            "mov {s}, rsp",
            h = out(reg) registers,
            s = out(reg) stack,
            options(nomem, nostack),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!(
            "mov {h}, x19",
            "mul {h}, {h}, {k}",
            "eor {h}, x20, {h}, ror #35",
            "mul {h}, {h}, {k}",
            "eor {h}, x21, {h}, ror #35",
            "mul {h}, {h}, {k}",
            "eor {h}, x22, {h}, ror #35",
            "mul {h}, {h}, {k}",
            "eor {h}, x23, {h}, ror #35",
            "mul {h}, {h}, {k}",
            "eor {h}, x24, {h}, ror #35",
            "mul {h}, {h}, {k}",
            "eor {h}, x25, {h}, ror #35",
            "mul {h}, {h}, {k}",
            "eor {h}, x26, {h}, ror #35",
            "mul {h}, {h}, {k}",
            "eor {h}, x27, {h}, ror #35",
            "mul {h}, {h}, {k}",
            "eor {h}, x28, {h}, ror #35",
            "mul {h}, {h}, {k}",
            "adr {s}, .",
            "eor {h}, {s}, {h}, ror #35",
            "mov {s}, sp",
            h = out(reg) registers,
            s = out(reg) stack,
            k = in(reg) FACTOR,
            options(nomem, nostack),
        );
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        (registers, stack) = (0, 0);
    }
    Here { stack, registers }
}

impl Look {
    /// A look at this place, of a thread whose stack begins at `base`. `None` if the state is not known.
    pub(super) fn new(here: Here, site: Site, base: usize, index: u16) -> Option<Self> {
        let length = base.checked_sub(here.stack).filter(|_| here.stack != 0)?;
        if length > MAX_STATE {
            return None;
        }
        let words = std::ptr::with_exposed_provenance::<u64>(here.stack.next_multiple_of(8));
        let length = length / 8;
        // SAFETY: this part of the running thread's stack is in use, up to where its first frame begins. It is read as
        // whole words, whatever they mean; volatile, as some were never written by this program.
        let word = |at: usize| unsafe { words.add(at).read_volatile() };
        // Side by side, as each round of one hash waits for the round before.
        let mut hashes = [here.registers, 1, 2, 3];
        let whole = length - length % hashes.len();
        for at in (0..whole).step_by(hashes.len()) {
            for (lane, hash) in hashes.iter_mut().enumerate() {
                *hash = mix(*hash, word(at + lane));
            }
        }
        for at in whole..length {
            hashes[0] = mix(hashes[0], word(at));
        }
        let hash = hashes.into_iter().reduce(mix).unwrap_or_default();
        Some(Look { site, hash, index })
    }

    /// Whether the thread was here before, in the same state.
    pub(super) fn repeats(&self, earlier: &Look) -> bool {
        self.is_where(earlier) && self.hash == earlier.hash
    }

    /// Whether the thread was here before, in whatever state.
    pub(super) fn is_where(&self, earlier: &Look) -> bool {
        std::ptr::eq(self.site, earlier.site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nodes of a list that lay 320 bytes apart, in a register, and the numbers 40 and 34 of a location in each.
    #[test]
    fn what_differs_in_two_ways_is_not_the_same() {
        let first = Here { stack: 0, registers: 0x6e7d_37bb_22e1_01a5 };
        let other = Here { registers: first.registers ^ 0x140_u64.rotate_left(54), ..first };
        assert_ne!(first.with([40, 0]).registers, other.with([34, 0]).registers);
        let mut seen = std::collections::BTreeSet::new();
        for (difference, bit) in (0..64).flat_map(|bit| [1_u64, 3, 5, 7].map(|low| (low, bit))) {
            let here = Here { registers: first.registers ^ difference.rotate_left(bit), ..first };
            (0..64).for_each(|location| assert!(seen.insert(here.with([location, 0]).registers)));
        }
    }
}
