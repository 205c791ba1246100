//! The channel between processes: messages as raw bytes in a pipe.
//!
//! All messages of a channel have one length of at most `PIPE_BUF` bytes, so that Linux writes and reads
//! each in one piece. A bounded channel has a second pipe that holds one byte per free place; a
//! rendezvous has two more, one for acknowledgements and one for whose turn it is to offer.
//!
//! Descriptors per channel, in each process: 2 unbounded, 4 bounded, 7 rendezvous; all close-on-exec.
//!
//! Limits: after a fork every process holds all ends, so one side is gone only when all processes have
//! dropped it. The kernel's pipe holds 64 KiB: an unbounded channel, or one with greater bounds, makes
//! senders wait when that is full. Waiting receivers of a rendezvous cannot be seen, so `try_send` offers
//! its message for a moment and takes it back. A process that dies amid a rendezvous takes the turn with
//! it. References in messages mean something only if the memory was there before the fork. Fairness is
//! the kernel's.

use super::NotForProcesses;
use super::transport::{Patience, Refused};
use crate::rt::context;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use std::cell::RefCell;
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Free places that one pipe can count, a byte each.
const MOST_CREDITS: usize = 1 << 16;

/// How often `try_send` looks whether a receiver has taken the message it offers.
const GLANCES: u32 = 200;

static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Descriptors that channels of this process hold now, inherited ones included.
#[cfg_attr(not(test), expect(dead_code, reason = "for tests: descriptors must not leak"))]
pub(crate) fn descriptors_open() -> usize {
    OPEN.load(Ordering::Relaxed)
}

thread_local! {
    static BLOCKS: RefCell<Option<Vec<usize>>> = const { RefCell::new(None) };
}

/// Runs `make`, and tells the addresses of the heap blocks in which the channels made meanwhile keep their
/// descriptors. A copy of such a block in a forked process is as good as the block, which is true of no
/// other memory.
pub(crate) fn blocks_made<R>(make: impl FnOnce() -> R) -> (R, Vec<usize>) {
    BLOCKS.set(Some(Vec::new()));
    let made = make();
    (made, BLOCKS.take().unwrap_or_default())
}

fn note_block(address: usize) {
    BLOCKS.with_borrow_mut(|blocks| {
        if let Some(blocks) = blocks {
            blocks.push(address);
        }
    });
}

/// One end of a pipe, not blocking; counted.
struct End(OwnedFd);

impl Drop for End {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What became of a read or write that did not wait.
enum Attempt {
    Done,
    /// Would have to wait.
    Later,
    /// No process holds the other end any more.
    Gone,
}

impl End {
    fn read(&self, to: *mut u8, length: usize) -> Attempt {
        loop {
            // SAFETY: callers pass memory of `length` bytes that may be overwritten.
            let got = unsafe { libc::read(self.0.as_raw_fd(), to.cast(), length) };
            match usize::try_from(got) {
                Ok(0) => return Attempt::Gone,
                Ok(got) => {
                    assert_eq!(got, length, "a pipe gave part of a message");
                    return Attempt::Done;
                }
                Err(_) => match io::Error::last_os_error().kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => return Attempt::Later,
                    _ => panic!("read from a pipe: {}", io::Error::last_os_error()),
                },
            }
        }
    }

    fn write(&self, from: *const u8, length: usize) -> Attempt {
        loop {
            // SAFETY: callers pass memory of `length` bytes; the kernel copies padding unlooked at.
            let put = unsafe { libc::write(self.0.as_raw_fd(), from.cast(), length) };
            match usize::try_from(put) {
                Ok(put) => {
                    assert_eq!(put, length, "a pipe took part of a message");
                    return Attempt::Done;
                }
                Err(_) => match io::Error::last_os_error().kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => return Attempt::Later,
                    io::ErrorKind::BrokenPipe => return Attempt::Gone,
                    _ => panic!("write to a pipe: {}", io::Error::last_os_error()),
                },
            }
        }
    }

    fn take_byte(&self, patience: &Deadline) -> Result<(), Refused> {
        let mut byte = 0_u8;
        patience.until_done(self, PollFlags::POLLIN, || self.read(&raw mut byte, 1))
    }

    fn put_byte(&self) {
        // There is room by construction; and if no thread reads any more, no thread needs the byte.
        let byte = 0_u8;
        let _ = self.write(&raw const byte, 1);
    }

    /// Waits until `wanted` or an end of the other side; no longer than `left`.
    fn poll(&self, wanted: PollFlags, left: Option<Duration>) {
        let timeout = left.map_or(PollTimeout::NONE, |left| {
            let millis = left.as_millis().saturating_add(1).min(60_000);
            PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
        });
        // Whatever the answer, the caller tries again.
        let _ = nix::poll::poll(&mut [PollFd::new(self.0.as_fd(), wanted)], timeout);
    }
}

/// A [`Patience`] that has begun.
enum Deadline {
    Now,
    At(Instant),
    Never,
}

impl Deadline {
    fn new(patience: Patience) -> Self {
        match patience {
            Patience::Never => Deadline::Now,
            Patience::Timeout(timeout) => {
                Instant::now().checked_add(timeout).map_or(Deadline::Never, Deadline::At)
            }
            Patience::Forever => Deadline::Never,
        }
    }

    fn until_done(
        &self,
        end: &End,
        wanted: PollFlags,
        mut attempt: impl FnMut() -> Attempt,
    ) -> Result<(), Refused> {
        loop {
            match attempt() {
                Attempt::Done => return Ok(()),
                Attempt::Gone => return Err(Refused::Disconnected),
                Attempt::Later => {}
            }
            match self {
                Deadline::Now => return Err(Refused::NotNow),
                Deadline::At(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(Refused::NotNow);
                    }
                    end.poll(wanted, Some(left));
                }
                Deadline::Never => context::waiting(|| end.poll(wanted, None)),
            }
        }
    }
}

fn pipe() -> (End, End) {
    match nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK) {
        Ok((read, write)) => {
            OPEN.fetch_add(2, Ordering::Relaxed);
            (End(read), End(write))
        }
        Err(error) => panic!("cannot make a pipe for a channel: {error}"),
    }
}

/// What a sender holds beside the pipe for the messages.
enum Permission {
    /// Always.
    Free,
    /// A byte from here for each message.
    Credit(End),
    /// One at a time: the thread that has the byte of `turn` offers a message and waits for `taken`.
    Rendezvous {
        turn: (End, End),
        taken: End,
        /// To take an offer back.
        offers: End,
    },
}

struct Sending {
    messages: End,
    permission: Permission,
    capacity: Option<usize>,
}

struct Receiving {
    messages: End,
    /// A byte here for each message: a free place, or an acknowledgement.
    thanks: Option<End>,
    capacity: Option<usize>,
}

/// The sending end in this process.
pub(crate) struct Sender<T>(Arc<Sending>, PhantomData<fn(T)>);

/// The receiving end in this process.
pub(crate) struct Receiver<T>(Arc<Receiving>, PhantomData<fn() -> T>);

/// The bytes of one message in a pipe; a pipe has no empty messages.
const fn length<T>() -> usize {
    if size_of::<T>() == 0 { 1 } else { size_of::<T>() }
}

/// Why `T` cannot go to another process as bytes, if so.
fn unfit<T>() -> Option<String> {
    let name = std::any::type_name::<T>();
    if std::mem::needs_drop::<T>() {
        return Some(format!("a message of type {name} owns memory that other processes do not have"));
    }
    let (length, most) = (length::<T>(), libc::PIPE_BUF);
    (length > most).then(|| {
        format!("a message of type {name} is {length} bytes long, and pipes take {most} in one piece")
    })
}

/// A channel that forked processes share. Panics with [`NotForProcesses`] if `T` cannot be sent.
pub(crate) fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    if let Some(why) = unfit::<T>() {
        std::panic::panic_any(NotForProcesses(why));
    }
    let (read, write) = pipe();
    let (permission, thanks) = match capacity {
        Some(0) => {
            let (taken, thanks) = pipe();
            let turn = pipe();
            turn.1.put_byte();
            let offers = duplicate(&read);
            (Permission::Rendezvous { turn, taken, offers }, Some(thanks))
        }
        Some(capacity) if capacity <= MOST_CREDITS => {
            let (credit, thanks) = pipe();
            for _ in 0..capacity {
                thanks.put_byte();
            }
            (Permission::Credit(credit), Some(thanks))
        }
        _ => (Permission::Free, None),
    };
    let sending = Arc::new(Sending { messages: write, permission, capacity });
    let receiving = Arc::new(Receiving { messages: read, thanks, capacity });
    note_block(Arc::as_ptr(&sending).addr());
    note_block(Arc::as_ptr(&receiving).addr());
    (Sender(sending, PhantomData), Receiver(receiving, PhantomData))
}

fn duplicate(end: &End) -> End {
    match end.0.try_clone() {
        Ok(end) => {
            OPEN.fetch_add(1, Ordering::Relaxed);
            End(end)
        }
        Err(error) => panic!("cannot make a pipe for a channel: {error}"),
    }
}

fn waiting_messages(end: &End, length: usize) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: FIONREAD writes one `int`.
    let status = unsafe { libc::ioctl(end.0.as_raw_fd(), libc::FIONREAD, &raw mut bytes) };
    if status < 0 {
        return 0;
    }
    usize::try_from(bytes).unwrap_or(0) / length
}

impl<T> Sender<T> {
    pub(crate) fn send(&self, message: T, patience: Patience) -> Result<(), (T, Refused)> {
        let mut place = MaybeUninit::<[u8; 1]>::zeroed();
        let bytes = if size_of::<T>() == 0 {
            place.as_mut_ptr().cast::<u8>().cast_const()
        } else {
            (&raw const message).cast::<u8>()
        };
        let sent = match &self.0.permission {
            Permission::Free => self.write(bytes, &Deadline::new(patience)),
            Permission::Credit(credit) => {
                let deadline = Deadline::new(patience);
                credit
                    .take_byte(&deadline)
                    // A place is free, so the pipe has room, unless the bound is greater than the pipe.
                    .and_then(|()| self.write(bytes, &Deadline::Never))
            }
            Permission::Rendezvous { .. } => self.offer(bytes, patience),
        };
        sent.map_err(|refused| (message, refused))
    }

    fn write(&self, bytes: *const u8, deadline: &Deadline) -> Result<(), Refused> {
        let pipe = &self.0.messages;
        deadline.until_done(pipe, PollFlags::POLLOUT, || pipe.write(bytes, length::<T>()))
    }

    fn offer(&self, bytes: *const u8, patience: Patience) -> Result<(), Refused> {
        let Permission::Rendezvous { turn, taken, offers } = &self.0.permission else {
            return Err(Refused::NotNow);
        };
        let deadline = Deadline::new(patience);
        turn.0.take_byte(&deadline)?;
        let mut outcome = self.write(bytes, &Deadline::Never);
        if outcome.is_ok() {
            outcome = taken.take_byte(&deadline);
            let mut glances = 0;
            while outcome == Err(Refused::NotNow) && patience == Patience::Never && glances < GLANCES {
                std::thread::yield_now();
                outcome = taken.take_byte(&deadline);
                glances += 1;
            }
        }
        if outcome == Err(Refused::NotNow) {
            let mut back = MaybeUninit::<T>::uninit();
            let mut byte = 0_u8;
            let to = if size_of::<T>() == 0 { &raw mut byte } else { back.as_mut_ptr().cast() };
            if !matches!(offers.read(to, length::<T>()), Attempt::Done) {
                // A thread has taken it just now, and says so at once.
                outcome = taken.take_byte(&Deadline::Never);
            }
        }
        turn.1.put_byte();
        outcome
    }

    pub(crate) fn len(&self) -> usize {
        match self.0.permission {
            Permission::Rendezvous { .. } => 0,
            _ => waiting_messages(&self.0.messages, length::<T>()),
        }
    }

    pub(crate) fn capacity(&self) -> Option<usize> {
        self.0.capacity
    }

    pub(crate) fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Receiver<T> {
    pub(crate) fn recv(&self, patience: Patience) -> Result<T, Refused> {
        let mut message = MaybeUninit::<T>::uninit();
        let mut byte = 0_u8;
        let to = if size_of::<T>() == 0 { &raw mut byte } else { message.as_mut_ptr().cast() };
        let pipe = &self.0.messages;
        let deadline = Deadline::new(patience);
        deadline.until_done(pipe, PollFlags::POLLIN, || pipe.read(to, length::<T>()))?;
        if let Some(thanks) = &self.0.thanks {
            thanks.put_byte();
        }
        // SAFETY: these are the bytes of a `T` that a sender of this channel gave up, in this process or
        // in one forked from the same; `T` needs no drop, so the sender has not dropped it either.
        Ok(unsafe { message.assume_init() })
    }

    pub(crate) fn len(&self) -> usize {
        match self.0.capacity {
            Some(0) => 0,
            _ => waiting_messages(&self.0.messages, length::<T>()),
        }
    }

    pub(crate) fn capacity(&self) -> Option<usize> {
        self.0.capacity
    }

    pub(crate) fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}
