//! What a worker notes while it dies: how much memory it had when it aborted, and whether it ran beyond a stack.
//!
//! Signal handlers, which do nothing but read one file, look at a register, and store atomics.
//!
//! Limit: a stack overflow is told by the distance between the address and the stack pointer, where the processor's
//! context is known (x86-64 and 64-bit ARM); elsewhere it is a segmentation fault.

use crate::heartbeat;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, Ordering};

/// How far beyond the stack pointer an access may be that is one of the stack's own: a frame, or the probes of a large
/// one.
const FRAME_BYTES: usize = 1 << 16;

type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut c_void);

/// What handled a segmentation fault before.
static BEFORE: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

/// From now on the heartbeat of this worker is told.
///
/// # Errors
/// If the system refuses a handler.
pub(super) fn install() -> nix::Result<()> {
    let aborts = SigAction::new(SigHandler::Handler(on_abort), SaFlags::SA_RESETHAND, SigSet::empty());
    // SAFETY: the handler calls nothing but what may be called in one.
    unsafe { sigaction(Signal::SIGABRT, &aborts) }?;
    // The runtime's own tells of stack overflows, on the stack that it has for that: it comes after this one.
    let flags = SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK;
    let faults = SigAction::new(SigHandler::SigAction(on_fault), flags, SigSet::empty());
    // SAFETY: as above.
    let before = unsafe { sigaction(Signal::SIGSEGV, &faults) }?;
    if let SigHandler::SigAction(handler) = before.handler() {
        BEFORE.store(handler as *mut c_void, Ordering::Release);
    }
    Ok(())
}

extern "C" fn on_abort(_: libc::c_int) {
    if let (Some(heartbeat), Some(pages)) = (heartbeat::of_worker(), pages()) {
        // SAFETY: asks for a constant.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let bytes = pages.saturating_mul(u64::try_from(page).unwrap_or(4096));
        heartbeat.note_abort(u32::try_from(bytes >> 20).unwrap_or(u32::MAX - 1));
    }
    // `abort` raises the signal again, which now has no handler any more.
}

/// The pages of this process's address space, read without an allocation.
fn pages() -> Option<u64> {
    // SAFETY: system calls on a string that ends with zero and on memory of this frame.
    unsafe {
        let file = libc::open(c"/proc/self/statm".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if file < 0 {
            return None;
        }
        let mut text = [0_u8; 64];
        let read = libc::read(file, text.as_mut_ptr().cast(), text.len());
        libc::close(file);
        let text = text.get(..usize::try_from(read).ok()?)?;
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
        Some(digits.fold(0_u64, |number, byte| number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'))))
    }
}

extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives both to a handler of this kind.
    let (address, stack) = unsafe { ((*info).si_addr().addr(), stack_pointer(context)) };
    if let (Some(heartbeat), Some(stack)) = (heartbeat::of_worker(), stack)
        && address.abs_diff(stack) < FRAME_BYTES
    {
        heartbeat.note_overflow();
    }
    let before = BEFORE.load(Ordering::Acquire);
    if before.is_null() {
        // SAFETY: gives the signal back to the system; the access faults again, and ends the process.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    }
    // SAFETY: the kernel had this function as a handler of the same kind.
    let before: Handler = unsafe { std::mem::transmute(before) };
    before(signal, info, context);
}

/// The stack pointer of what was interrupted.
///
/// # Safety
/// `context` is what the kernel gave to a handler.
unsafe fn stack_pointer(context: *mut c_void) -> Option<usize> {
    let context = context.cast::<libc::ucontext_t>();
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's promise.
    let pointer = unsafe { (*context).uc_mcontext.gregs[libc::REG_RSP as usize] };
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the caller's promise.
    let pointer = unsafe { (*context).uc_mcontext.sp };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let pointer = {
        let _unknown = context;
        -1_i64
    };
    usize::try_from(pointer).ok()
}
