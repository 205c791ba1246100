//! Does a state own memory that other processes would not see?
//!
//! A `Vec`, `Box` or `Arc` in a shared state points into the heap of the process that made it. After a
//! fork every process has a heap of its own at the same addresses, so nothing would crash: the actors
//! would merely no longer share what the design says they share, and look safe. (Only the blocks of
//! channels are fit to be copied: what they own are descriptors.) So the words of a state
//! are compared with the addresses of this process's anonymous private memory, as a conservative garbage
//! collector does; a state that points there is turned away.
//!
//! An empty collection points nowhere, and may grow in any sample: so all states are looked at again once they are
//! walked, before they are observed, and where an actor has died. Padding is copied along with a value and holds what
//! lay on the stack before, so only those words count that come out alike whatever lay there ([`Fields`]).
//!
//! Limits: what is left uninitialised at first, as in std's `OnceLock`, is looked at in the first array only. A number
//! that happens to be such an address is taken for a pointer. Memory that the system mapped for an
//! actor later is not seen. Pointers into the program's own data pass.

use anyhow::Context as _;
use std::ffi::c_void;
use std::fs::{File, read_link, read_to_string};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// How far a heap may have grown in an actor's process since it was forked.
const HEAP_GROWTH_BYTES: usize = 1 << 30;

/// What the stack is overwritten with, one or the other: no address has a byte like these at its upper end.
pub(super) const NO_ADDRESS: [u8; 2] = [0x5a, 0xa5];

/// The counts in front of a value in an `Arc`.
const ARC_COUNTS_BYTES: usize = 2 * size_of::<usize>();

/// The addresses at which something private begins or lies, of this process and at this moment.
pub(super) struct PrivateMemory {
    ranges: Vec<Range<usize>>,
    /// The thread-local variables of this thread: what outlives a call does not point there, and padding does.
    thread_locals: Vec<Range<usize>>,
}

impl PrivateMemory {
    /// Looks at the mappings of this process.
    pub(super) fn of_this_process() -> anyhow::Result<Self> {
        let maps = read_to_string("/proc/self/maps").context("cannot read /proc/self/maps")?;
        let program = read_link("/proc/self/exe").context("cannot read /proc/self/exe")?;
        let ranges = private_ranges(&maps, &program.to_string_lossy());
        Ok(Self { ranges, thread_locals: thread_locals() })
    }

    /// Whether a word points into private memory, and not to one of `fit`, which are addresses of values in
    /// an `Arc`.
    pub(super) fn is_pointed_to_by(&self, word: usize, fit: &[usize]) -> bool {
        let into = |&value: &usize| (value - ARC_COUNTS_BYTES..=value).contains(&word);
        let lies_in = |ranges: &[Range<usize>]| ranges.iter().any(|range| range.contains(&word));
        lies_in(&self.ranges) && !lies_in(&self.thread_locals) && !fit.iter().any(into)
    }
}

/// Overwrites what earlier calls have left on the stack, just before a state is made. Padding is copied along
/// with a value and holds what lay on the stack before: it would look like a pointer, there from the start or
/// after an actor wrote to the bytes beside it. Which padding gets whose leavings differs from build to build.
#[inline(never)]
pub(super) fn scrub_stack(pattern: u8) {
    std::hint::black_box(&mut [pattern; 32 << 10]);
}

/// The words of a state that a value fills, by place: its padding is none.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<bool>);

impl Fields {
    /// Of a state of which two have these words, made over different patterns on the stack.
    pub(super) fn of(one: &[usize], other: &[usize]) -> Self {
        Fields(one.iter().zip(other).map(|(one, other)| one == other).collect())
    }

    /// The words of an array of states that fields hold.
    pub(super) fn words<'a>(&'a self, array: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        let places = self.0.iter().cycle();
        array.iter().zip(places).filter(|(_, is_field)| **is_field).map(|(word, _)| *word)
    }
}

/// Whether a word could be an address of this process: for most, that settles it.
pub(super) fn could_be_address(word: usize) -> bool {
    (LOWEST_ADDRESS..HIGHEST_ADDRESS).contains(&word)
}

/// Below lies what is mapped only where it was asked for.
const LOWEST_ADDRESS: usize = 1 << 16;

/// Above lies the kernel.
const HIGHEST_ADDRESS: usize = 1 << 47;

/// The aligned words in these bytes. The kernel reads them, because padding has no value that Rust may
/// look at, and other processes may write at the same time.
pub(super) fn words_at(address: *const u8, bytes: usize) -> anyhow::Result<Vec<usize>> {
    const WORD: usize = size_of::<usize>();
    let skipped = address.align_offset(WORD).min(bytes);
    let mut buffer = vec![0_u8; (bytes - skipped) / WORD * WORD];
    let offset = (address.addr() + skipped) as u64;
    File::open("/proc/self/mem")
        .and_then(|memory| memory.read_exact_at(&mut buffer, offset))
        .context("cannot read a state through /proc/self/mem")?;
    Ok(buffer.as_chunks::<WORD>().0.iter().map(|word| usize::from_ne_bytes(*word)).collect())
}

/// The private anonymous ranges in the text of a `maps` file (see `proc_pid_maps(5)`), without the data of
/// this program and without the stack: what lives there lives too short for a state to point to, but padding
/// is full of its addresses. Data of libraries counts as private, which errs on the safe side.
fn private_ranges(maps: &str, program: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut heap = None;
    let mut data_ends = 0;
    for mapping in maps.lines().filter_map(parse) {
        if let Some(heap) = heap.take() {
            let heap: &mut Range<usize> = &mut ranges[heap];
            heap.end = mapping.range.start.min(heap.end + HEAP_GROWTH_BYTES);
        }
        if mapping.path.starts_with('/') {
            // Only the program itself: whatever else is mapped may have the heap for a neighbour.
            if mapping.path == program {
                data_ends = mapping.range.end;
            }
        } else if mapping.private && mapping.path != "[stack]" {
            // Zeroed data of a program follows its file's last page without a gap.
            let is_data = mapping.path.is_empty() && mapping.range.start == data_ends;
            if !is_data {
                heap = (mapping.path == "[heap]").then_some(ranges.len());
                ranges.push(mapping.range);
            }
        }
    }
    ranges
}

/// Where the thread-local variables of the calling thread lie, of the program and of each library.
fn thread_locals() -> Vec<Range<usize>> {
    unsafe extern "C" fn add(info: *mut libc::dl_phdr_info, _: usize, ranges: *mut c_void) -> i32 {
        // SAFETY: the linker describes a module, whose headers are in memory; the vector is the caller's below.
        let (info, ranges) = unsafe { (&*info, &mut *ranges.cast::<Vec<Range<usize>>>()) };
        if info.dlpi_tls_data.is_null() {
            return 0;
        }
        // SAFETY: as above.
        let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
        let sizes =
            headers.iter().filter(|header| header.p_type == libc::PT_TLS).map(|header| header.p_memsz);
        let start = info.dlpi_tls_data.addr();
        ranges.extend(sizes.map(|bytes| start..start.saturating_add(usize::try_from(bytes).unwrap_or(0))));
        0
    }
    let mut ranges: Vec<Range<usize>> = Vec::new();
    // SAFETY: the function above is as the linker asks, and what it is handed lives until this returns.
    unsafe { libc::dl_iterate_phdr(Some(add), (&raw mut ranges).cast()) };
    ranges
}

struct MapLine<'a> {
    range: Range<usize>,
    private: bool,
    path: &'a str,
}

fn parse(line: &str) -> Option<MapLine<'_>> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let access = fields.next()?;
    Some(MapLine {
        range: usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?,
        private: access.ends_with('p'),
        path: line.find(['/', '[']).map_or("", |path| &line[path..]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static OF_A_THREAD: std::cell::Cell<usize> = const { std::cell::Cell::new(7) };
    }

    #[test]
    fn a_thread_local_variable_is_no_memory_that_a_state_owns() {
        let memory = PrivateMemory::of_this_process().unwrap();
        let (variable, owned) = (OF_A_THREAD.with(|variable| (&raw const *variable).addr()), Box::new(7));
        assert!(!memory.is_pointed_to_by(variable, &[]), "{variable:x} {:x?}", memory.thread_locals);
        assert!(memory.is_pointed_to_by((&raw const *owned).addr(), &[]), "{:x?}", memory.ranges);
        assert!(
            memory.thread_locals.iter().all(|range| range.len() < 1 << 20),
            "{:x?}",
            memory.thread_locals
        );
    }

    #[test]
    fn finds_the_heap_and_its_growth_but_not_data_or_shared_memory_or_the_stack() {
        let maps = "\
55d000-55e000 r--p 00000000 08:01 42 /usr/bin/harness
55e000-560000 rw-p 00001000 08:01 42 /usr/bin/harness
560000-561000 rw-p 00000000 00:00 0
600000-700000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000100000 rw-s 00000000 00:01 7 /dev/zero (deleted)
7f0000100000-7f0000200000 rw-p 00000000 00:00 0
7ffe00000000-7ffe00021000 rw-p 00000000 00:00 0 [stack]
";
        let ranges = private_ranges(maps, "/usr/bin/harness");
        let expected = [0x60_0000..0x70_0000 + HEAP_GROWTH_BYTES, 0x7f00_0010_0000..0x7f00_0020_0000];
        assert_eq!(ranges, expected);
    }

    #[test]
    fn tells_a_box_from_a_number_and_from_program_data() {
        static DATA: [u64; 4] = [1; 4];
        let boxed = Box::new(7_u64);
        let memory = PrivateMemory::of_this_process().expect("readable");
        let check = |word: usize| memory.is_pointed_to_by(word, &[]);
        assert!(check((&raw const *boxed).addr()));
        assert!(!check(usize::MAX) && !check(3));
        let counted = std::sync::Arc::new(7_u64);
        // SAFETY: no memory is touched: an `Arc` is a pointer, and this is its bits.
        let bits: usize = unsafe { std::mem::transmute_copy(&counted) };
        assert!(check(bits));
        assert!(!memory.is_pointed_to_by(bits, &[std::sync::Arc::as_ptr(&counted).addr()]));
        assert!(!check(DATA.as_ptr().addr()));
    }

    #[test]
    fn reads_the_words_that_lie_whole_in_the_bytes() {
        let words = [1_usize, 2, 3];
        let start = words.as_ptr().cast::<u8>();
        assert_eq!(words_at(start, size_of_val(&words)).expect("readable"), words);
        assert_eq!(words_at(start.wrapping_add(1), 2 * size_of::<usize>()).expect("readable"), [2]);
        assert_eq!(words_at(start, 0).expect("readable"), [0; 0]);
    }
}
