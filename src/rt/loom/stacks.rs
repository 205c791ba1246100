//! Stacks of loom's threads, used again in the next execution.
//!
//! loom makes a stack for each thread of each execution: three system calls and some page faults, which take two
//! thirds of its time. It has no option to keep them. A program that says [`reuse_stacks!`](crate::reuse_stacks) defines
//! `mmap`, `mprotect` and `munmap` itself, and the stacks that loom gives back are kept for the next execution; all
//! other calls, and all calls outside of an exploration, go to the system.
//!
//! Limits: one operating-system thread, as loom has. A stack that is used again is not zeroed.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr;

/// Stacks that are kept at most: more than loom has threads.
const MAX_STACKS: usize = 16;

/// A mapping that is kept.
#[derive(Clone, Copy)]
struct Stack {
    base: *mut c_void,
    size: usize,
    state: State,
    /// Whether its lowest page is protected.
    guarded: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// No stack.
    Empty,
    InUse,
    Free,
}

const EMPTY: Stack = Stack { base: ptr::null_mut(), size: 0, state: State::Empty, guarded: false };

thread_local! {
    /// Whether stacks are kept.
    static ON: Cell<bool> = const { Cell::new(false) };
    static STACKS: [Cell<Stack>; MAX_STACKS] = const { [const { Cell::new(EMPTY) }; MAX_STACKS] };
}

/// The first stack that fits, changed by `change`.
fn find(fits: impl Fn(&Stack) -> bool, change: impl FnOnce(&mut Stack)) -> Option<Stack> {
    STACKS.with(|stacks| {
        let cell = stacks.iter().find(|cell| fits(&cell.get()))?;
        let before = cell.get();
        let mut stack = before;
        change(&mut stack);
        cell.set(stack);
        Some(before)
    })
}

/// While it lives, stacks are kept in this thread; then all that are free are given back.
pub(crate) struct Reuse(());

impl Reuse {
    pub(crate) fn begin() -> Self {
        ON.set(true);
        Reuse(())
    }
}

impl Drop for Reuse {
    fn drop(&mut self) {
        ON.set(false);
        give_back();
    }
}

/// Gives all free stacks back to the system, and forgets the others. How many there were.
fn give_back() -> usize {
    STACKS.with(|stacks| {
        let kept = stacks.iter().map(|cell| cell.replace(EMPTY));
        // SAFETY: `munmap` was told to unmap just this, and did not; nothing uses it.
        let unmap = |stack: &Stack| unsafe { libc::munmap(stack.base, stack.size) } == 0;
        kept.filter(|stack| stack.state == State::Free).filter(unmap).count()
    })
}

/// As the system's `mmap`.
///
/// # Safety
/// As the system's.
pub unsafe fn mmap(
    address: *mut c_void,
    size: usize,
    protection: c_int,
    flags: c_int,
    file: c_int,
    offset: i64,
) -> *mut c_void {
    let is_stack = address.is_null() && file == -1 && flags & libc::MAP_STACK != 0 && ON.get();
    if is_stack
        && let Some(stack) =
            find(|stack| stack.state == State::Free && stack.size == size, |stack| stack.state = State::InUse)
    {
        return stack.base;
    }
    // SAFETY: the caller's promise.
    let base = unsafe { libc::syscall(libc::SYS_mmap, address, size, protection, flags, file, offset) };
    let base = ptr::with_exposed_provenance_mut(base.cast_unsigned() as usize);
    if is_stack && base != libc::MAP_FAILED {
        let made = Stack { base, size, state: State::InUse, guarded: false };
        find(|stack| stack.state == State::Empty, |stack| *stack = made);
    }
    base
}

/// As the system's `mprotect`.
///
/// # Safety
/// As the system's.
pub unsafe fn mprotect(address: *mut c_void, size: usize, protection: c_int) -> c_int {
    let is_guard = |stack: &Stack| stack.state == State::InUse && stack.base == address;
    if protection == libc::PROT_NONE
        && ON.get()
        && find(is_guard, |stack| stack.guarded = true).is_some_and(|stack| stack.guarded)
    {
        return 0;
    }
    // SAFETY: the caller's promise.
    let result = unsafe { libc::syscall(libc::SYS_mprotect, address, size, protection) };
    c_int::try_from(result).unwrap_or(-1)
}

/// As the system's `munmap`.
///
/// # Safety
/// As the system's.
pub unsafe fn munmap(address: *mut c_void, size: usize) -> c_int {
    let is_kept = |stack: &Stack| stack.state == State::InUse && stack.base == address && stack.size == size;
    if ON.get() && find(is_kept, |stack| stack.state = State::Free).is_some() {
        return 0;
    }
    // SAFETY: the caller's promise.
    let result = unsafe { libc::syscall(libc::SYS_munmap, address, size) };
    c_int::try_from(result).unwrap_or(-1)
}

/// Makes explorations under loom three times as fast, in the program that says it: at the top level of its `main.rs`,
/// or of the test target that has `selvedge::harness!()`.
///
/// loom gives the stacks of its threads back after each execution, and takes new ones for the next. A program that says
/// this keeps them: it defines `mmap`, `mprotect` and `munmap`, which go to the system for all else. Say it once in a
/// program, and not where something else defines these functions, as sanitizers do. It does nothing where pointers
/// have not 64 bits.
///
/// ```
/// selvedge::reuse_stacks!();
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! reuse_stacks {
    () => {
        #[cfg(target_pointer_width = "64")]
        const _: () = {
            use ::core::ffi::{c_int, c_void};

            #[unsafe(no_mangle)]
            unsafe extern "C" fn mmap(
                address: *mut c_void,
                size: usize,
                protection: c_int,
                flags: c_int,
                file: c_int,
                offset: i64,
            ) -> *mut c_void {
                // SAFETY: the caller of the system's function has promised as much.
                unsafe { $crate::__private::stacks::mmap(address, size, protection, flags, file, offset) }
            }

            #[unsafe(no_mangle)]
            unsafe extern "C" fn mprotect(address: *mut c_void, size: usize, protection: c_int) -> c_int {
                // SAFETY: as above.
                unsafe { $crate::__private::stacks::mprotect(address, size, protection) }
            }

            #[unsafe(no_mangle)]
            unsafe extern "C" fn munmap(address: *mut c_void, size: usize) -> c_int {
                // SAFETY: as above.
                unsafe { $crate::__private::stacks::munmap(address, size) }
            }
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 9 * 4096;

    fn map() -> *mut c_void {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_STACK;
        // SAFETY: a fresh mapping, which nothing else knows.
        unsafe { mmap(ptr::null_mut(), SIZE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) }
    }

    fn is_mapped(address: *mut c_void) -> bool {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("our mappings");
        let address = address.addr();
        maps.lines().any(|line| {
            let bounds = line.split(' ').next().and_then(|range| range.split_once('-'));
            let number = |text| usize::from_str_radix(text, 16).unwrap_or(0);
            bounds.is_some_and(|(from, to)| (number(from)..number(to)).contains(&address))
        })
    }

    #[test]
    fn a_stack_is_used_again_within_an_exploration_and_given_back_after_it() {
        let reuse = Reuse::begin();
        let first = map();
        assert!(first != libc::MAP_FAILED && is_mapped(first));
        // SAFETY: of our own mapping, which nothing uses any more after the second call.
        let given_back = unsafe { (mprotect(first, 4096, libc::PROT_NONE), munmap(first, SIZE)) };
        assert_eq!(given_back, (0, 0));
        assert!(is_mapped(first), "it is kept");
        let (second, third) = (map(), map());
        assert_eq!(second, first, "and used again");
        assert_ne!(third, first, "once");
        // SAFETY: as above.
        unsafe {
            assert_eq!(mprotect(second, 4096, libc::PROT_NONE), 0);
            second.byte_add(4096).cast::<u8>().write(1);
            assert_eq!((munmap(second, SIZE), munmap(third, SIZE)), (0, 0));
        }
        ON.set(false);
        assert_eq!(give_back(), 2, "all is given back");
        drop(reuse);
    }

    #[test]
    fn outside_of_an_exploration_all_goes_to_the_system() {
        let address = map();
        // SAFETY: of our own mapping.
        unsafe {
            assert_eq!(mprotect(address, 4096, libc::PROT_NONE), 0);
            assert_eq!(munmap(address, SIZE), 0);
            assert_eq!(munmap(ptr::without_provenance_mut(1), SIZE), -1);
        }
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EINVAL));
        assert_eq!(give_back(), 0);
    }
}
