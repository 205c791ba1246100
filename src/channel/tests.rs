use super::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
use super::{bounded, endpoints, unbounded};
use crate::rt::pending;
use crate::testing;
use crate::thread;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

const A_MOMENT: Duration = Duration::from_millis(1);

#[test]
fn receivers_learn_that_the_last_sender_is_gone() {
    testing::everywhere_bounded(|| {
        let (sender, receiver) = unbounded();
        let another = sender.clone();
        assert!(another.same_channel(&sender));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        let child = thread::spawn(move || {
            another.send(1).expect("open");
            drop(another);
            sender.send(2).expect("open");
        });
        assert_eq!(receiver.into_iter().collect::<Vec<_>>(), [1, 2]);
        child.join().expect("no panic");
    });
}

#[test]
fn senders_learn_that_the_last_receiver_is_gone() {
    testing::everywhere_bounded(|| {
        let (sender, receiver) = bounded(1);
        assert_eq!(sender.send(Arc::new(0)), Ok(()));
        let kept = Arc::new(1);
        let child = {
            let kept = kept.clone();
            thread::spawn(move || sender.send(kept))
        };
        drop(receiver);
        let back = child.join().expect("no panic");
        assert_eq!(back, Err(SendError(kept)));
    });
}

#[test]
fn a_full_channel_makes_senders_wait() {
    testing::everywhere_bounded(|| {
        let (sender, receiver) = bounded(1);
        let sent = Arc::new(AtomicUsize::new(0));
        let count = sent.clone();
        let child = thread::spawn(move || {
            for message in 0..3 {
                sender.send(message).expect("open");
                count.fetch_add(1, Relaxed);
            }
        });
        for message in 0..3 {
            assert!(sent.load(Relaxed) <= message + 1);
            assert_eq!(receiver.recv(), Ok(message));
        }
        child.join().expect("no panic");
    });
}

#[test]
fn a_channel_without_room_meets() {
    testing::everywhere_bounded(|| {
        let (sender, receiver) = bounded(0);
        assert_eq!((sender.len(), sender.is_full(), sender.is_empty()), (0, true, true));
        assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(sender.send_timeout(0, A_MOMENT), Err(SendTimeoutError::Timeout(0)));
        assert_eq!(receiver.recv_timeout(A_MOMENT), Err(RecvTimeoutError::Timeout));
        let child = thread::spawn(move || {
            sender.send(1).expect("open");
            sender.send(2)
        });
        assert_eq!(receiver.recv(), Ok(1));
        drop(receiver);
        assert_eq!(child.join().expect("no panic"), Err(SendError(2)));
    });
}

#[test]
fn a_waiting_receiver_lets_try_send_succeed() {
    testing::everywhere_bounded(|| {
        let (sender, receiver) = bounded(0);
        let child = thread::spawn(move || receiver.recv());
        while sender.try_send(5).is_err() {
            thread::yield_now();
        }
        assert_eq!(child.join().expect("no panic"), Ok(5));
    });
}

#[test]
fn ends_know_how_full_they_are() {
    testing::everywhere_bounded(|| {
        let (sender, receiver) = bounded(2);
        assert_eq!((sender.capacity(), receiver.len(), receiver.is_empty()), (Some(2), 0, true));
        sender.send('a').expect("open");
        sender.send('b').expect("open");
        assert_eq!((receiver.len(), sender.is_full()), (2, true));
        assert_eq!(sender.try_send('c'), Err(TrySendError::Full('c')));
        assert_eq!(sender.send_timeout('c', A_MOMENT), Err(SendTimeoutError::Timeout('c')));
        assert_eq!(receiver.try_iter().collect::<String>(), "ab");
        drop(sender);
        assert_eq!(receiver.recv(), Err(RecvError));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(receiver.recv_timeout(A_MOMENT), Err(RecvTimeoutError::Disconnected));
        let (sender, receiver) = unbounded();
        drop(receiver);
        assert_eq!(sender.try_send(1), Err(TrySendError::Disconnected(1)));
        assert_eq!(sender.capacity(), None);
    });
}

#[test]
fn a_panicking_sender_disconnects() {
    testing::everywhere_bounded(|| {
        let (sender, receiver) = unbounded::<u8>();
        let child = thread::spawn(move || {
            let _both = (sender.clone(), sender);
            if true {
                panic!("with both ends in hand");
            }
        });
        assert_eq!(receiver.recv(), Err(RecvError));
        assert!(child.join().is_err());
    });
}

#[test]
fn replayed_states_share_their_channels() {
    testing::everywhere_bounded(|| {
        let make = || (bounded::<u8>(1), unbounded::<String>());
        let (first, recorded) = endpoints::record(make);
        let second = endpoints::replay(&recorded, make);
        drop(recorded);
        assert!(first.0.0.same_channel(&second.0.0));
        let child = thread::spawn(move || {
            let (_number, (words, _)) = second;
            words.send("over".to_owned())
        });
        assert_eq!(first.1.1.recv().as_deref(), Ok("over"));
        assert_eq!(child.join().expect("no panic"), Ok(()));
        let ((sender, receiver), _words) = first;
        drop(sender);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    });
}

#[test]
#[should_panic(expected = "was made for u8 with capacity Some(1) at first and for u16")]
fn a_replay_must_make_the_same_channels() {
    let (_first, recorded) = endpoints::record(|| bounded::<u8>(1));
    endpoints::replay(&recorded, || bounded::<u16>(1));
}

/// What the first constructor sends would refer to what ended with it, where a later one receives it.
#[test]
fn a_constructor_of_copies_leaves_no_message_in_their_channels() {
    struct Looks<'a>(&'a str);
    impl Drop for Looks<'_> {
        fn drop(&mut self) {
            assert!(self.0 == "text" && !std::thread::panicking(), "dropped when what it looks at is gone");
        }
    }
    fn sends(leaves: bool, fails: bool) {
        let text = "text".to_owned();
        let (sender, receiver) = unbounded::<Looks<'_>>();
        let sent = sender.send(Looks(&text));
        assert!(sent.is_ok() && !fails, "on purpose");
        if !leaves {
            drop(receiver.recv());
        }
    }
    testing::everywhere_bounded(|| {
        for (leaves, fails, expected) in [
            (false, false, None),
            (true, false, Some("left 1 messages in channel 0")),
            (true, true, Some("on purpose")),
        ] {
            let ends = std::panic::catch_unwind(|| {
                let ((), recorded) = endpoints::record(|| sends(leaves, fails));
                endpoints::replay(&recorded, || sends(leaves, fails));
            });
            let told = ends.err().map(|told| match told.downcast::<String>() {
                Ok(told) => *told,
                Err(told) => (*told.downcast_ref::<&str>().expect("words")).to_owned(),
            });
            assert!(
                expected
                    .map_or(told.is_none(), |words| told.as_ref().is_some_and(|told| told.contains(words))),
                "{told:?}"
            );
        }
    });
}

#[test]
#[should_panic(expected = "made 2 channels at first and 1 when it was made again")]
fn a_replay_must_make_all_channels() {
    let (_first, recorded) = endpoints::record(|| (bounded::<u8>(1), bounded::<u8>(1)));
    endpoints::replay(&recorded, || bounded::<u8>(1));
}

/// Whether shuttle finds a race in the cell that `f` touches.
fn races(f: impl Fn(u32) + Send + Sync + 'static) -> bool {
    let seen = testing::in_shuttle(move || f(crate::rt::past::new_object()));
    assert!(seen.raced() || seen.failure.is_none(), "{:?}", seen.failure);
    seen.raced()
}

fn write(cell: u32) {
    pending::write(cell, Location::caller(), false);
}

#[test]
fn a_message_brings_its_senders_past() {
    for capacity in [None, Some(1), Some(0)] {
        fn pass(cell: u32, capacity: Option<usize>, late: bool) {
            let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
            let child = thread::spawn(move || {
                if !late {
                    write(cell);
                }
                sender.send(()).expect("open");
                if late {
                    write(cell);
                }
            });
            receiver.recv().expect("a message");
            write(cell);
            child.join().expect("no panic");
        }
        let (clean, planted) = match capacity {
            None => (races(|cell| pass(cell, None, false)), races(|cell| pass(cell, None, true))),
            Some(1) => (races(|cell| pass(cell, Some(1), false)), races(|cell| pass(cell, Some(1), true))),
            Some(_) => (races(|cell| pass(cell, Some(0), false)), races(|cell| pass(cell, Some(0), true))),
        };
        assert!(!clean, "{capacity:?}");
        assert!(planted, "{capacity:?}");
    }
}

#[test]
fn a_message_brings_no_more_than_its_senders_past() {
    // The second message's past is not the first one's, though both lie in one queue.
    assert!(races(|cell| {
        let (sender, receiver) = unbounded();
        let other = sender.clone();
        thread::spawn(move || {
            sender.send(1).expect("open");
        });
        thread::spawn(move || {
            write(cell);
            other.send(2).expect("open");
        });
        if receiver.recv() == Ok(1) {
            write(cell);
        }
    }));
}

#[test]
fn a_freed_place_brings_its_receivers_past() {
    fn reuse(cell: u32, after: bool) {
        let (sender, receiver) = bounded(1);
        let child = thread::spawn(move || {
            if !after {
                write(cell);
            }
            receiver.recv().expect("a message");
            if after {
                write(cell);
            }
            receiver.recv().expect("a message");
        });
        sender.send(1).expect("open");
        sender.send(2).expect("open");
        write(cell);
        child.join().expect("no panic");
    }
    assert!(!races(|cell| reuse(cell, false)));
    assert!(races(|cell| reuse(cell, true)));
}

#[test]
fn a_disconnect_brings_the_past_of_those_who_left() {
    assert!(!races(|cell| {
        let (sender, receiver) = unbounded::<()>();
        thread::spawn(move || {
            write(cell);
            drop(sender);
        });
        assert_eq!(receiver.recv(), Err(RecvError));
        write(cell);
    }));
    assert!(races(|cell| {
        let (sender, receiver) = unbounded::<()>();
        thread::spawn(move || {
            drop(sender);
            write(cell);
        });
        assert_eq!(receiver.recv(), Err(RecvError));
        write(cell);
    }));
}
