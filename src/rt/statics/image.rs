//! What the data of this program was when it began.
//!
//! Copied before any of the program's own code runs, from the writable segments of its file: there lies what the
//! compiler has evaluated for each `static`, and nothing that was made since. What a `static` of `std` comes to hold
//! later (the value of a `OnceLock`, say) lies at the same addresses, and is not in the copy.
//!
//! Limits: of the program itself, not of libraries that are loaded beside it.

use std::mem::MaybeUninit;
use std::sync::OnceLock;

/// One segment, and where it lies.
struct Segment {
    start: usize,
    bytes: Box<[MaybeUninit<u8>]>,
}

static IMAGE: OnceLock<Vec<Segment>> = OnceLock::new();

/// Has the loader call [`copy`] before it calls anything else of this program.
#[used]
#[unsafe(link_section = ".init_array.00000")]
static AT_THE_BEGINNING: extern "C" fn() = copy;

extern "C" fn copy() {
    let mut segments: Vec<Segment> = Vec::new();
    // SAFETY: `note` gets the pointer that is given here, which is valid as long as the call lasts.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut segments).cast()) };
    let _first = IMAGE.set(segments);
}

/// # Safety
/// `info` is what `dl_iterate_phdr` gives, and `segments` points to a `Vec<Segment>` that nothing else uses.
unsafe extern "C" fn note(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    segments: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: the caller's promise; the headers are mapped as long as the program is.
    let (info, segments) = unsafe { (&*info, &mut *segments.cast::<Vec<Segment>>()) };
    // SAFETY: as above.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    #[expect(clippy::cast_possible_truncation, reason = "addresses of this process")]
    let place = |header: &libc::Elf64_Phdr, bytes: u64| {
        let start = (info.dlpi_addr + header.p_vaddr) as usize;
        start..start + bytes as usize
    };
    // Made read-only by now: no `static` that can change lies there.
    let fixed = headers.iter().find(|header| header.p_type == libc::PT_GNU_RELRO);
    let fixed = fixed.map_or(0..0, |header| place(header, header.p_memsz));
    for header in headers {
        if header.p_type != libc::PT_LOAD || header.p_flags & libc::PF_W == 0 {
            continue;
        }
        let mut range = place(header, header.p_filesz);
        if fixed.contains(&range.start) {
            range.start = fixed.end.min(range.end);
        }
        let from = std::ptr::with_exposed_provenance::<MaybeUninit<u8>>(range.start);
        let mut bytes = Box::new_uninit_slice(range.len());
        // SAFETY: the loader has mapped the segment, and no other thread is there that could write to it; bytes that
        // may be uninitialised have any value.
        let bytes = unsafe {
            bytes.as_mut_ptr().cast::<MaybeUninit<u8>>().copy_from_nonoverlapping(from, range.len());
            bytes.assume_init()
        };
        segments.push(Segment { start: range.start, bytes });
    }
    // The first is the program itself.
    1
}

/// What lay in these bytes of a `static` when the program began.
pub(super) fn at(address: usize, length: usize) -> Option<&'static [MaybeUninit<u8>]> {
    IMAGE.get()?.iter().find_map(|segment| {
        let offset = address.checked_sub(segment.start)?;
        segment.bytes.get(offset..offset.checked_add(length)?)
    })
}

/// Whether the same lies there now.
///
/// # Safety
/// The memory at `now` is that of an object which no thread writes to meanwhile.
pub(super) unsafe fn is_the_same(now: *const u8, then: &[MaybeUninit<u8>]) -> bool {
    let (now, length) = std::hint::black_box((now, then.len()));
    // SAFETY: both are mapped for so many bytes. Padding among them has some value, and which one makes no difference
    // to what is true of the object: it is compared outside of this program's own code.
    unsafe { libc::memcmp(now.cast(), then.as_ptr().cast(), length) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn a_static_is_known_as_it_was_when_the_program_began() {
        static CHANGES: AtomicU32 = AtomicU32::new(0x5e1f);
        static KEPT: Mutex<[u8; 3]> = Mutex::new([1, 2, 3]);
        CHANGES.store(1, Ordering::Relaxed);
        let address = (&raw const CHANGES).addr();
        let then = at(address, 4).expect("a static of this program");
        // SAFETY: the bytes of a number.
        let then = unsafe { then.as_ptr().cast::<u32>().read_unaligned() };
        assert_eq!(then, 0x5e1f);
        let kept = at((&raw const KEPT).addr(), size_of_val(&KEPT)).expect("a static of this program");
        // SAFETY: no thread writes to it.
        assert!(unsafe { is_the_same((&raw const KEPT).cast(), kept) });
        KEPT.lock().unwrap()[2] = 4;
        // SAFETY: as above.
        assert!(!unsafe { is_the_same((&raw const KEPT).cast(), kept) });
    }

    #[test]
    fn what_was_made_since_is_not_in_it() {
        static CELL: OnceLock<[u64; 2]> = OnceLock::new();
        let made = CELL.get_or_init(|| [3, 4]);
        let heap = Box::new(7_u64);
        assert!(at((&raw const *heap).addr(), 8).is_none());
        let then = at(std::ptr::from_ref(made).addr(), size_of_val(made));
        // SAFETY: no thread writes to it.
        assert!(then.is_none_or(|then| !unsafe { is_the_same(std::ptr::from_ref(made).cast(), then) }));
    }
}
