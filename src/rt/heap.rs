//! Addresses of heap memory: whether two are the same is decided by what each thread of the model does, and not by the
//! order in which the threads happen to run.
//!
//! All threads of a model run on one thread of the operating system, and share what its allocator keeps for that one:
//! what one frees, another is given next. A compare-exchange on pointers that meets an address again in one run then
//! does not in another run of the same execution graph. So, while the code of a thread of the model runs, a block that
//! it frees is kept for it: it is given to the next request of that thread for as much, last in, first out, as the
//! allocators of today do for each thread (and as ABA needs), and to no other. When the execution ends, all goes back to
//! the system.
//!
//! The C library's `malloc`, `calloc`, `realloc` and `free` are wrapped for that, by weak symbols, so that a program
//! that brings its own allocator has that and nothing else. Outside of a model each call goes to the C library.
//!
//! Limits: glibc on x86-64 and AArch64; elsewhere, with another allocator, and for blocks that are aligned to more than
//! 16 bytes or longer than a kibibyte, of which none is given again in an execution, addresses are as they come. That
//! one thread is given what another has freed is not explored.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

/// Blocks of one thread of the model that it has freed, by size: as long as an execution lasts.
pub(crate) struct Freed {
    /// Of 16 bytes, 32 bytes, and so on; the last in, first out.
    by_size: [Vec<*mut c_void>; CLASSES],
    /// What is not given again, and how many bytes that is.
    longer: Vec<*mut c_void>,
    bytes: usize,
}

/// The step from one size to the next, in bytes.
const STEP: usize = 16;

const CLASSES: usize = 64;

/// Of blocks that are not given again, so many bytes are kept: what is freed beyond that may be given to anyone.
const MAX_KEPT: usize = 64 << 20;

thread_local! {
    /// What the thread of the model has freed whose code runs; null where none does.
    static RUNNING: Cell<*mut Freed> = const { Cell::new(ptr::null_mut()) };
}

/// Until it is dropped, memory is that of another thread of the model, or of none.
pub(crate) struct Entered(*mut Freed);

impl Drop for Entered {
    fn drop(&mut self) {
        RUNNING.set(self.0);
    }
}

/// What follows is the harness's own, and no part of the model.
#[inline]
pub(crate) fn outside() -> Entered {
    Entered(RUNNING.replace(ptr::null_mut()))
}

impl Freed {
    pub(crate) fn new() -> Self {
        // With this the linker takes the functions below.
        wrapped::link();
        Freed { by_size: [const { Vec::new() }; CLASSES], longer: Vec::new(), bytes: 0 }
    }

    /// The code of this thread of the model runs.
    ///
    /// # Safety
    /// `this` is there, and used by nothing else, until what is returned is dropped.
    pub(crate) unsafe fn enter(this: *mut Self) -> Entered {
        Entered(RUNNING.replace(this))
    }

    /// Gives everything back to the system. Not called while the code of the thread runs.
    pub(crate) fn give_back(&mut self) {
        self.bytes = 0;
        for block in self.by_size.iter_mut().chain([&mut self.longer]).flat_map(|blocks| blocks.drain(..)) {
            // SAFETY: it was allocated by the C library, or by what stands for it, and handed in by `free`.
            unsafe { libc::free(block) };
        }
    }
}

impl Drop for Freed {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(wraps_malloc)]
mod wrapped {
    use super::{CLASSES, Freed, MAX_KEPT, RUNNING, STEP, outside};
    use std::ffi::c_void;
    use std::ptr;

    unsafe extern "C" {
        fn __libc_malloc(size: usize) -> *mut c_void;
        fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
        fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
        fn __libc_free(block: *mut c_void);
    }

    #[cfg(target_arch = "x86_64")]
    macro_rules! jump {
        () => {
            "jmp"
        };
    }
    #[cfg(target_arch = "aarch64")]
    macro_rules! jump {
        () => {
            "b"
        };
    }
    macro_rules! weak {
        ($($name:literal),*) => {
            concat!($(".weak ", $name, "\n.type ", $name, ", %function\n", $name, ":\n", jump!(), " {", $name, "}\n"),*)
        };
    }
    std::arch::global_asm!(
        ".pushsection .text",
        weak!("malloc", "calloc", "realloc", "free"),
        ".popsection",
        malloc = sym malloc,
        calloc = sym calloc,
        realloc = sym realloc,
        free = sym free,
    );

    impl Freed {
        /// The sizes of blocks that may be given again for this request, if any may.
        fn class(size: usize) -> Option<usize> {
            let class = size.max(1).div_ceil(STEP) - 1;
            (class < CLASSES).then_some(class)
        }

        fn take(&mut self, size: usize) -> *mut c_void {
            let Some(class) = Self::class(size) else {
                // SAFETY: any size may be asked for.
                return unsafe { __libc_malloc(size) };
            };
            // SAFETY: as above.
            self.by_size[class].pop().unwrap_or_else(|| unsafe { __libc_malloc((class + 1) * STEP) })
        }

        /// # Safety
        /// `block` was given by the C library, and is used no more.
        unsafe fn keep(&mut self, block: *mut c_void) {
            // SAFETY: the caller's promise.
            let size = unsafe { libc::malloc_usable_size(block) };
            // The lists grow by memory of the harness's own.
            let _outside = outside();
            match Self::class(size / STEP * STEP) {
                Some(class) => self.by_size[class].push(block),
                None if self.bytes + size <= MAX_KEPT => {
                    self.bytes += size;
                    self.longer.push(block);
                }
                // SAFETY: the caller's promise.
                None => unsafe { __libc_free(block) },
            }
        }
    }

    #[inline(never)]
    pub(super) fn link() {}

    /// The memory of the thread of the model that runs.
    fn running<'a>() -> Option<&'a mut Freed> {
        // SAFETY: `Freed::enter` was promised that it is there, and each call here is over before the next begins.
        unsafe { RUNNING.get().as_mut() }
    }

    unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
        match running() {
            Some(freed) => freed.take(size),
            // SAFETY: the caller's promise, as below.
            None => unsafe { __libc_malloc(size) },
        }
    }

    unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
        let Some((freed, bytes)) = running().zip(count.checked_mul(size)) else {
            // SAFETY: as above.
            return unsafe { __libc_calloc(count, size) };
        };
        let block = freed.take(bytes);
        if !block.is_null() {
            // SAFETY: so many bytes were asked for.
            unsafe { block.cast::<u8>().write_bytes(0, bytes) };
        }
        block
    }

    unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
        if block.is_null() {
            // SAFETY: as above.
            return unsafe { malloc(size) };
        }
        let Some(freed) = running().filter(|_| size > 0) else {
            // SAFETY: as above.
            return unsafe { __libc_realloc(block, size) };
        };
        // SAFETY: the caller's promise.
        let before = unsafe { libc::malloc_usable_size(block) };
        if size <= before && Freed::class(size) == Freed::class(before / STEP * STEP) {
            return block;
        }
        let moved = freed.take(size);
        if !moved.is_null() {
            // SAFETY: both are as long, and apart from each other; the old one is used no more.
            unsafe {
                ptr::copy_nonoverlapping(block.cast::<u8>(), moved.cast(), before.min(size));
                freed.keep(block);
            }
        }
        moved
    }

    unsafe extern "C" fn free(block: *mut c_void) {
        match running().filter(|_| !block.is_null()) {
            // SAFETY: the caller's promise.
            Some(freed) => unsafe { freed.keep(block) },
            // SAFETY: the caller's promise.
            None => unsafe { __libc_free(block) },
        }
    }
}

#[cfg(not(wraps_malloc))]
mod wrapped {
    pub(super) fn link() {}
}
