//! Channels, in crossbeam's style and in std's.

use super::Loom::{Misses, Same};
use super::{Shared, pair};
use crate::channel::{self, Receiver, Sender, TryRecvError};
use crate::sync::mpsc;
use crate::thread;
use std::sync::Arc;

const MONITOR: &str = "under loom a channel is behind a lock, which orders all who pass";

/// Runs an actor who has the sender and, on the main thread, one who has the receiver.
fn talk<T: Send + 'static>(
    (sender, receiver): (Sender<T>, Receiver<T>),
    send: fn(&Arc<Shared>, Sender<T>),
    receive: fn(&Arc<Shared>, Receiver<T>),
) {
    let shared = Arc::new(Shared::new());
    let mine = Arc::clone(&shared);
    let sends = thread::spawn(move || send(&mine, sender));
    receive(&shared, receiver);
    sends.join().expect("no panic");
}

/// As [`talk`], in the style of std.
fn post<S: Send + 'static>(
    (sender, receiver): (S, mpsc::Receiver<u32>),
    send: fn(&Shared, S),
    receive: fn(&Shared, mpsc::Receiver<u32>),
) {
    let shared = Arc::new(Shared::new());
    let mine = Arc::clone(&shared);
    let sends = thread::spawn(move || send(&mine, sender));
    receive(&shared, receiver);
    sends.join().expect("no panic");
}

fn write_and_send(shared: &Arc<Shared>, sender: Sender<u32>) {
    shared.write();
    let _ = sender.send(1);
}

fn send_and_write(shared: &Arc<Shared>, sender: Sender<u32>) {
    let _ = sender.send(1);
    shared.write();
}

fn read_if_received(shared: &Arc<Shared>, receiver: Receiver<u32>) {
    if receiver.recv().is_ok() {
        shared.read();
    }
}

// Channels.

pair!(
    a_message_carries_the_past_of_its_sender,
    || talk(channel::unbounded(), send_and_write, read_if_received),
    || talk(channel::unbounded(), write_and_send, read_if_received),
    Same,
);
pair!(
    a_message_of_std_carries_the_past_of_its_sender,
    || post(
        mpsc::channel(),
        |s, sender| {
            let _ = sender.send(1);
            s.write();
        },
        |s, receiver| if receiver.recv().is_ok() {
            s.read();
        },
    ),
    || post(
        mpsc::channel(),
        |s, sender| {
            s.write();
            let _ = sender.send(1);
        },
        |s, receiver| if receiver.recv().is_ok() {
            s.read();
        },
    ),
    Same,
);
/// Two send; the main thread, one of them, reads the data if the message received is `told`.
fn two_send(told: u32) {
    let shared = Arc::new(Shared::new());
    let (sender, receiver) = channel::unbounded();
    let (its, other) = (Arc::clone(&shared), sender.clone());
    let handle = thread::spawn(move || {
        its.write();
        let _ = other.send(1);
    });
    let _ = sender.send(2);
    if receiver.recv() == Ok(told) {
        shared.read();
    }
    handle.join().expect("no panic");
}

pair!(a_message_carries_the_past_of_no_other_sender, || two_send(2), || two_send(1), Same);
pair!(
    to_see_that_there_is_a_message_orders_nothing,
    || talk(
        channel::unbounded(),
        |s, sender| {
            s.write();
            let _ = sender.send(1);
            s.tell();
        },
        |s, receiver| if s.told() && !receiver.is_empty() {
            s.read();
        },
    ),
    || talk(
        channel::unbounded(),
        |s, sender| {
            s.write();
            let _ = sender.send(1);
            s.tell();
        },
        |s, receiver| if s.told() && receiver.try_recv().is_ok() {
            s.read();
        },
    ),
    Misses(MONITOR),
);
pair!(
    to_find_no_message_orders_nothing,
    || talk(channel::unbounded(), write_and_send, |s, receiver| {
        if receiver.try_recv() == Err(TryRecvError::Empty) {
            s.read();
        }
    },),
    || talk(channel::unbounded(), write_and_send, |s, receiver| if receiver.try_recv().is_ok() {
        s.read();
    }),
    Same,
);
pair!(
    to_receive_orders_nothing_for_the_sender_but_in_a_rendezvous,
    || talk(
        channel::unbounded(),
        |s, sender| {
            let _ = sender.send(1);
            s.read();
        },
        |s, receiver| {
            s.write();
            let _ = receiver.recv();
        },
    ),
    || talk(
        channel::bounded(0),
        |s, sender| {
            if sender.send(1).is_ok() {
                s.read();
            }
        },
        |s, receiver| {
            s.write();
            let _ = receiver.recv();
        },
    ),
    Same,
);
pair!(
    a_rendezvous_carries_the_past_of_the_sender_too,
    || talk(channel::bounded(0), send_and_write, read_if_received),
    || talk(channel::bounded(0), write_and_send, read_if_received),
    Same,
);
pair!(
    a_rendezvous_of_std_carries_both_ways,
    || post(
        mpsc::sync_channel(1),
        |s, sender| if sender.send(1).is_ok() {
            s.read();
        },
        |s, receiver| {
            s.write();
            let _ = receiver.recv();
        },
    ),
    || post(
        mpsc::sync_channel(0),
        |s, sender| if sender.send(1).is_ok() {
            s.read();
        },
        |s, receiver| {
            s.write();
            let _ = receiver.recv();
        },
    ),
    Same,
);
pair!(
    a_place_freed_by_a_receive_orders_the_send_that_uses_it,
    || talk(
        channel::bounded(2),
        |s, sender| if sender.send(1).is_ok() && sender.send(2).is_ok() {
            s.read();
        },
        |s, receiver| {
            s.write();
            let _ = receiver.recv();
            let _ = receiver.recv();
        },
    ),
    || talk(
        channel::bounded(1),
        |s, sender| if sender.send(1).is_ok() && sender.send(2).is_ok() {
            s.read();
        },
        |s, receiver| {
            s.write();
            let _ = receiver.recv();
            let _ = receiver.recv();
        },
    ),
    Same,
);
pair!(
    a_freed_place_tells_of_the_receive_that_freed_it_and_of_none_after,
    || talk(
        channel::bounded(1),
        |s, sender| if sender.send(1).is_ok() && sender.send(2).is_ok() {
            s.read();
        },
        |s, receiver| {
            let _ = receiver.recv();
            s.write();
            let _ = receiver.recv();
        },
    ),
    || talk(
        channel::bounded(1),
        |s, sender| if sender.send(1).is_ok() && sender.send(2).is_ok() {
            s.read();
        },
        |s, receiver| {
            s.write();
            let _ = receiver.recv();
            let _ = receiver.recv();
        },
    ),
    Same,
);
pair!(
    a_place_that_was_free_from_the_beginning_tells_nothing,
    || talk(
        channel::bounded(2),
        |s, sender| {
            let _ = sender.send(1);
            if s.told() && sender.send(2).is_ok() {
                s.read();
            }
        },
        |s, receiver| {
            s.write();
            let _ = receiver.recv();
            s.tell();
            let _ = receiver.recv();
        },
    ),
    || talk(
        channel::bounded(1),
        |s, sender| {
            let _ = sender.send(1);
            if s.told() && sender.send(2).is_ok() {
                s.read();
            }
        },
        |s, receiver| {
            s.write();
            let _ = receiver.recv();
            s.tell();
            let _ = receiver.recv();
        },
    ),
    Misses(MONITOR),
);
pair!(
    to_find_the_channel_full_orders_nothing,
    || talk(
        channel::bounded(1),
        |s, sender| {
            s.write();
            let _ = sender.send(1);
            s.tell();
        },
        |s, receiver| if s.told() && receiver.is_full() {
            s.read();
        },
    ),
    || talk(channel::bounded(1), write_and_send, |s, receiver| if receiver.try_recv().is_ok() {
        s.read();
    },),
    Misses(MONITOR),
);
pair!(
    an_empty_channel_tells_the_sender_nothing,
    || talk(
        channel::unbounded(),
        |s, sender| if sender.send(1).is_ok() && sender.is_empty() {
            s.read();
        },
        |s, receiver| {
            s.write();
            let _ = receiver.recv();
        },
    ),
    || talk(
        channel::bounded(1),
        |s, sender| if sender.send(1).is_ok() && sender.try_send(2).is_ok() {
            s.read();
        },
        |s, receiver| {
            s.write();
            let _ = receiver.recv();
        },
    ),
    Misses(MONITOR),
);
pair!(
    the_end_of_the_senders_carries_their_past,
    || talk(
        channel::unbounded::<u32>(),
        |s, sender| {
            drop(sender);
            s.write();
        },
        |s, receiver| if receiver.recv().is_err() {
            s.read();
        },
    ),
    || talk(
        channel::unbounded::<u32>(),
        |s, sender| {
            s.write();
            drop(sender);
        },
        |s, receiver| if receiver.recv().is_err() {
            s.read();
        },
    ),
    Same,
);
pair!(
    the_end_of_the_receivers_carries_their_past,
    || talk(
        channel::unbounded(),
        |s, sender| if sender.send(1).is_err() {
            s.read();
        },
        |s, receiver| {
            drop(receiver);
            s.write();
        },
    ),
    || talk(
        channel::unbounded(),
        |s, sender| if sender.send(1).is_err() {
            s.read();
        },
        |s, receiver| {
            s.write();
            drop(receiver);
        },
    ),
    Same,
);

/// Reads the data when it is dropped.
struct ReadsAtLast(Arc<Shared>);

impl Drop for ReadsAtLast {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.read();
        }
    }
}

pair!(
    a_message_that_nobody_receives_is_dropped_after_it_was_sent,
    || talk(
        channel::unbounded(),
        |s, sender| {
            let _ = sender.send(ReadsAtLast(Arc::clone(s)));
            s.write();
        },
        |_, receiver| drop(receiver),
    ),
    || talk(
        channel::unbounded(),
        |s, sender| {
            s.write();
            let _ = sender.send(ReadsAtLast(Arc::clone(s)));
        },
        |_, receiver| drop(receiver),
    ),
    Same,
);
