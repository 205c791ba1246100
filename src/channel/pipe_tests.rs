use super::pipe::descriptors_open;
use super::{NotForProcesses, bounded, unbounded};
use super::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};
use crate::rt::context::{self, Context};
use crate::sync::mpsc;
use std::sync::Mutex;
use std::time::Duration;

/// Descriptors are counted per process, so these tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn process<R>(f: impl FnOnce() -> R) -> R {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let _inside = context::enter(Context::Process);
    f()
}

/// Forks; the child runs `f` and exits without unwinding into the test harness. Returns after `parent`
/// with whether the child succeeded.
fn fork<R>(child: impl FnOnce() -> bool, parent: impl FnOnce() -> R) -> (R, bool) {
    // SAFETY: the child touches only what it got before the fork, and leaves by `_exit`. It allocates
    // nothing: another thread may have held the allocator's lock when it was forked.
    match unsafe { libc::fork() } {
        0 => {
            let well = child();
            // SAFETY: ends the child without running destructors of the harness.
            unsafe { libc::_exit(i32::from(!well)) }
        }
        pid => {
            assert!(pid > 0, "fork failed");
            let result = parent();
            let mut status = 0;
            // SAFETY: waits for the child just made.
            unsafe { libc::waitpid(pid, &raw mut status, 0) };
            (result, libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0)
        }
    }
}

#[test]
fn a_child_sends_to_its_parent_and_hears_back() {
    process(|| {
        let (to_parent, from_child) = unbounded::<(u64, char)>();
        let (to_child, from_parent) = unbounded::<u64>();
        let ends = (to_parent, from_parent);
        let (sum, well) = fork(
            || {
                let (to_parent, from_parent) = &ends;
                let sent = (0..1000).all(|n| to_parent.send((n, 'x')).is_ok());
                sent && from_parent.recv() == Ok(499_500)
            },
            || {
                let sum = from_child.iter().take(1000).map(|(n, _)| n).sum();
                to_child.send(sum).expect("open");
                sum
            },
        );
        assert_eq!((sum, well), (499_500, true));
    });
}

#[test]
fn one_place_makes_the_child_wait() {
    process(|| {
        let (sender, receiver) = bounded::<u32>(1);
        let (done, heard) = unbounded::<u32>();
        let ((), well) = fork(
            || {
                let sent = sender.send(1).is_ok() && sender.try_send(2) == Err(TrySendError::Full(2));
                done.send(1).is_ok() && sent && sender.send(2).is_ok() && done.send(2).is_ok()
            },
            || {
                assert_eq!(heard.recv(), Ok(1));
                let moment = Duration::from_millis(30);
                assert_eq!(heard.recv_timeout(moment), Err(RecvTimeoutError::Timeout));
                assert_eq!((receiver.len(), receiver.recv()), (1, Ok(1)));
                assert_eq!(heard.recv(), Ok(2));
                assert_eq!(receiver.recv(), Ok(2));
                assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
            },
        );
        assert!(well);
    });
}

#[test]
fn without_room_the_child_waits_for_its_receiver() {
    process(|| {
        let (sender, receiver) = bounded::<u32>(0);
        let (done, heard) = unbounded::<u32>();
        assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        let ((), well) = fork(
            || done.send(0).is_ok() && sender.send(7).is_ok() && done.send(1).is_ok(),
            || {
                assert_eq!(heard.recv(), Ok(0));
                let moment = Duration::from_millis(30);
                assert_eq!(heard.recv_timeout(moment), Err(RecvTimeoutError::Timeout));
                assert_eq!(receiver.recv(), Ok(7));
                assert_eq!(heard.recv(), Ok(1));
            },
        );
        assert!(well);
    });
}

#[test]
fn an_exit_disconnects() {
    process(|| {
        let (sender, receiver) = unbounded::<u8>();
        let mine = Mutex::new(Some(sender));
        let (got, well) = fork(
            || mine.lock().is_ok_and(|sender| sender.as_ref().is_some_and(|sender| sender.send(3).is_ok())),
            || {
                drop(mine.lock().expect("not poisoned").take());
                (receiver.recv(), receiver.recv())
            },
        );
        assert_eq!((got, well), ((Ok(3), Err(RecvError)), true));
        for capacity in [0, 1] {
            let (sender, receiver) = bounded::<u8>(capacity);
            drop(receiver);
            assert_eq!(sender.send(4), Err(SendError(4)));
        }
    });
}

#[test]
fn mpsc_goes_through_pipes_too() {
    process(|| {
        let (sender, receiver) = mpsc::sync_channel::<()>(1);
        let (got, well) = fork(
            || sender.send(()).is_ok() && sender.send(()).is_ok(),
            || [receiver.recv(), receiver.recv()],
        );
        assert_eq!((got, well), ([Ok(()), Ok(())], true));
    });
}

#[test]
fn what_bytes_cannot_carry_is_refused_with_a_reason() {
    process(|| {
        let refused = |make: fn()| {
            let payload = std::panic::catch_unwind(make).expect_err("refused");
            payload.downcast::<NotForProcesses>().expect("a reason").0
        };
        let owned = refused(|| drop(unbounded::<String>()));
        assert!(owned.contains("String owns memory"), "{owned}");
        let large = refused(|| drop(bounded::<[u8; 5000]>(1)));
        assert!(large.contains("5000 bytes long"), "{large}");
    });
}

#[test]
fn descriptors_are_counted_and_closed() {
    process(|| {
        let before = descriptors_open();
        let channels = (unbounded::<u8>(), bounded::<u8>(3), bounded::<u8>(0));
        assert_eq!(descriptors_open() - before, 2 + 4 + 7);
        drop(channels);
        assert_eq!(descriptors_open(), before);
    });
}
