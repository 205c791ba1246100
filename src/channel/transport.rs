//! What channels are made of where neither crossbeam's nor std's will do: in models and between processes.

use super::pipe;
use super::queue::Queue;
use crate::rt::context::{self, Context};
use std::sync::Arc;
use std::time::Duration;

/// How long an operation waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Never,
    Timeout(Duration),
    Forever,
}

/// Why an operation was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Full, empty, or timed out.
    NotNow,
    Disconnected,
}

/// The sending end.
pub(crate) enum Sender<T> {
    Model(Arc<Queue<T>>),
    Process(pipe::Sender<T>),
}

/// The receiving end.
pub(crate) enum Receiver<T> {
    Model(Arc<Queue<T>>),
    Process(pipe::Receiver<T>),
}

/// A channel for the current context, which is not `Real`. `capacity` 0 is a rendezvous, `None` is no
/// bound.
#[track_caller]
pub(crate) fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    if context::current() == Context::Process {
        let (sender, receiver) = pipe::channel(capacity);
        (Sender::Process(sender), Receiver::Process(receiver))
    } else {
        let queue = Queue::new(capacity);
        (Sender::Model(queue.clone()), Receiver::Model(queue))
    }
}

impl<T> Sender<T> {
    #[track_caller]
    pub(crate) fn send(&self, message: T, patience: Patience) -> Result<(), (T, Refused)> {
        match self {
            Sender::Model(queue) => queue.send(message, patience),
            Sender::Process(pipe) => pipe.send(message, patience),
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        match self {
            Sender::Model(queue) => queue.waiting(),
            Sender::Process(pipe) => pipe.len(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Sender::Model(queue) => queue.len(),
            Sender::Process(pipe) => pipe.len(),
        }
    }

    pub(crate) fn capacity(&self) -> Option<usize> {
        match self {
            Sender::Model(queue) => queue.capacity(),
            Sender::Process(pipe) => pipe.capacity(),
        }
    }

    pub(crate) fn same_channel(&self, other: &Self) -> bool {
        match (self, other) {
            (Sender::Model(one), Sender::Model(other)) => Arc::ptr_eq(one, other),
            (Sender::Process(one), Sender::Process(other)) => one.same_channel(other),
            _ => false,
        }
    }
}

impl<T> Receiver<T> {
    #[track_caller]
    pub(crate) fn recv(&self, patience: Patience) -> Result<T, Refused> {
        match self {
            Receiver::Model(queue) => queue.recv(patience),
            Receiver::Process(pipe) => pipe.recv(patience),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Receiver::Model(queue) => queue.len(),
            Receiver::Process(pipe) => pipe.len(),
        }
    }

    pub(crate) fn capacity(&self) -> Option<usize> {
        match self {
            Receiver::Model(queue) => queue.capacity(),
            Receiver::Process(pipe) => pipe.capacity(),
        }
    }

    pub(crate) fn same_channel(&self, other: &Self) -> bool {
        match (self, other) {
            (Receiver::Model(one), Receiver::Model(other)) => Arc::ptr_eq(one, other),
            (Receiver::Process(one), Receiver::Process(other)) => one.same_channel(other),
            _ => false,
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        match self {
            Sender::Model(queue) => {
                queue.add_sender();
                Sender::Model(queue.clone())
            }
            Sender::Process(pipe) => Sender::Process(pipe.clone()),
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        match self {
            Receiver::Model(queue) => {
                queue.add_receiver();
                Receiver::Model(queue.clone())
            }
            Receiver::Process(pipe) => Receiver::Process(pipe.clone()),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Sender::Model(queue) = self {
            queue.drop_sender();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Receiver::Model(queue) = self {
            queue.drop_receiver();
        }
    }
}
