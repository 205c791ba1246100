//! Numbered tickets: code that keeps what it shares in statics, as code written for std does.

#[cfg(feature = "checked")]
use selvedge::sync;
#[cfg(not(feature = "checked"))]
use std::sync;

use sync::atomic::{
    AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicPtr, AtomicU8, AtomicU16,
    AtomicU32, AtomicU64, AtomicUsize, Ordering,
};
use sync::{Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock};

/// One of each kind of number, with a value of its own.
pub static NUMBERS: (
    AtomicI8,
    AtomicI16,
    AtomicI32,
    AtomicI64,
    AtomicIsize,
    AtomicU8,
    AtomicU16,
    AtomicU64,
    AtomicUsize,
) = (
    AtomicI8::new(-1),
    AtomicI16::new(-2),
    AtomicI32::new(-3),
    AtomicI64::new(-4),
    AtomicIsize::new(-5),
    AtomicU8::new(1),
    AtomicU16::new(2),
    AtomicU64::new(3),
    AtomicUsize::new(4),
);

static NEXT: AtomicU32 = AtomicU32::new(1);
static CLOSED: AtomicBool = AtomicBool::new(false);
static LAST: AtomicPtr<u32> = AtomicPtr::new(std::ptr::null_mut());
static HELD: Mutex<Vec<u32>> = Mutex::new(Vec::new());
static GIVEN_BACK: Condvar = Condvar::new();
static NAMES: RwLock<Option<&'static str>> = RwLock::new(None);
static NAMED: Once = Once::new();
static FIRST: OnceLock<u32> = OnceLock::new();
static GREETING: LazyLock<String> = LazyLock::new(|| String::from("welcome"));
/// Two meet here.
pub static MEETING: Barrier = Barrier::new(2);

/// A ticket of a number that no other has, unless the counter is closed.
pub fn take() -> Option<u32> {
    if CLOSED.load(Ordering::Acquire) {
        return None;
    }
    let ticket = NEXT.fetch_add(1, Ordering::Relaxed);
    HELD.lock().unwrap().push(ticket);
    Some(*FIRST.get_or_init(|| ticket)).map(|_| ticket)
}

/// The same, but looks first and counts then.
pub fn take_carelessly() -> u32 {
    let ticket = NEXT.load(Ordering::Relaxed);
    NEXT.store(ticket + 1, Ordering::Relaxed);
    ticket
}

/// Gives a ticket back.
pub fn give_back(ticket: u32) {
    HELD.lock().unwrap().retain(|held| *held != ticket);
    GIVEN_BACK.notify_all();
}

/// Waits until no ticket is held.
pub fn wait_for_all() {
    drop(GIVEN_BACK.wait_while(HELD.lock().unwrap(), |held| !held.is_empty()).unwrap());
}

/// Closes the counter; how it greets.
pub fn close() -> &'static str {
    NAMED.call_once(|| *NAMES.write().unwrap() = Some("closed"));
    CLOSED.store(true, Ordering::Release);
    assert!(LAST.load(Ordering::Relaxed).is_null());
    assert_eq!(*NAMES.read().unwrap(), Some("closed"));
    &GREETING
}
