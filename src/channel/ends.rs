//! The two ends of a channel.

use super::transport::{self, Patience, Refused};
use super::{
    Iter, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryIter, TryRecvError, TrySendError,
    endpoints,
};
use crate::rt::context::{self, Context};
use crossbeam::channel as real;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

/// A channel with room for `capacity` messages; 0 makes every send wait for its receive.
///
/// # Panics
/// Between processes, if `T` cannot be sent as bytes.
#[track_caller]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    channel(Some(capacity))
}

/// A channel with room for any number of messages (between processes: for what a pipe holds).
///
/// # Panics
/// Between processes, if `T` cannot be sent as bytes.
#[track_caller]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    channel(None)
}

#[track_caller]
fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    if let Some(ends) = endpoints::replayed(capacity) {
        return ends;
    }
    let ends = if context::current() == Context::Real {
        let (sender, receiver) = capacity.map_or_else(real::unbounded, real::bounded);
        (Sender(Sends::Real(sender)), Receiver(Receives::Real(receiver)))
    } else {
        let (sender, receiver) = transport::channel(capacity);
        (Sender(Sends::Built(sender)), Receiver(Receives::Built(receiver)))
    };
    endpoints::remember(capacity, &ends);
    ends
}

/// The sending end of a channel. Clones send into the same channel.
pub struct Sender<T>(Sends<T>);

enum Sends<T> {
    Real(real::Sender<T>),
    Built(transport::Sender<T>),
}

/// The receiving end of a channel. Each message goes to one of its clones.
pub struct Receiver<T>(Receives<T>);

enum Receives<T> {
    Real(real::Receiver<T>),
    Built(transport::Receiver<T>),
}

// As crossbeam's: a panic leaves a channel usable.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Sender<T> {
    /// Sends, waiting while the channel is full, or for the receive if it has no room at all.
    ///
    /// # Errors
    /// With the message, if all receivers are gone.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        match &self.0 {
            Sends::Real(sender) => match sender.try_send(message) {
                Ok(()) => Ok(()),
                Err(TrySendError::Disconnected(message)) => Err(SendError(message)),
                Err(TrySendError::Full(message)) => context::waiting(|| sender.send(message)),
            },
            Sends::Built(sender) => {
                sender.send(message, Patience::Forever).map_err(|(message, _)| SendError(message))
            }
        }
    }

    /// Sends if that needs no waiting.
    ///
    /// # Errors
    /// With the message, if the channel is full or all receivers are gone.
    #[track_caller]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match &self.0 {
            Sends::Real(sender) => sender.try_send(message),
            Sends::Built(sender) => {
                sender.send(message, Patience::Never).map_err(|(message, refused)| match refused {
                    Refused::NotNow => TrySendError::Full(message),
                    Refused::Disconnected => TrySendError::Disconnected(message),
                })
            }
        }
    }

    /// Sends, waiting for at most `timeout`; in a model for one yield.
    ///
    /// # Errors
    /// With the message, if the time was over or all receivers are gone.
    #[track_caller]
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        match &self.0 {
            Sends::Real(sender) => sender.send_timeout(message, timeout),
            Sends::Built(sender) => {
                sender.send(message, Patience::Timeout(timeout)).map_err(|(message, refused)| match refused {
                    Refused::NotNow => SendTimeoutError::Timeout(message),
                    Refused::Disconnected => SendTimeoutError::Disconnected(message),
                })
            }
        }
    }

    /// As [`Sender::len`], and no operation that a checker sees.
    pub(super) fn waiting(&self) -> usize {
        match &self.0 {
            Sends::Real(sender) => sender.len(),
            Sends::Built(sender) => sender.waiting(),
        }
    }

    /// Messages waiting in the channel.
    pub fn len(&self) -> usize {
        match &self.0 {
            Sends::Real(sender) => sender.len(),
            Sends::Built(sender) => sender.len(),
        }
    }

    /// Whether no message waits in the channel.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the channel has no room; one without any is always full.
    pub fn is_full(&self) -> bool {
        self.capacity() == Some(self.len())
    }

    /// How many messages the channel has room for; `None` is any number.
    pub fn capacity(&self) -> Option<usize> {
        match &self.0 {
            Sends::Real(sender) => sender.capacity(),
            Sends::Built(sender) => sender.capacity(),
        }
    }

    /// Whether both send into one channel.
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        match (&self.0, &other.0) {
            (Sends::Real(one), Sends::Real(other)) => one.same_channel(other),
            (Sends::Built(one), Sends::Built(other)) => one.same_channel(other),
            _ => false,
        }
    }
}

impl<T> Receiver<T> {
    /// Receives, waiting while the channel is empty.
    ///
    /// # Errors
    /// If the channel is empty and all senders are gone.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        match &self.0 {
            Receives::Real(receiver) => match receiver.try_recv() {
                Ok(message) => Ok(message),
                Err(TryRecvError::Disconnected) => Err(RecvError),
                Err(TryRecvError::Empty) => context::waiting(|| receiver.recv()),
            },
            Receives::Built(receiver) => receiver.recv(Patience::Forever).map_err(|_| RecvError),
        }
    }

    /// Receives if that needs no waiting.
    ///
    /// # Errors
    /// If the channel is empty, or empty and all senders are gone.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match &self.0 {
            Receives::Real(receiver) => receiver.try_recv(),
            Receives::Built(receiver) => receiver.recv(Patience::Never).map_err(|refused| match refused {
                Refused::NotNow => TryRecvError::Empty,
                Refused::Disconnected => TryRecvError::Disconnected,
            }),
        }
    }

    /// Receives, waiting for at most `timeout`; in a model for one yield.
    ///
    /// # Errors
    /// If the time was over, or the channel is empty and all senders are gone.
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        match &self.0 {
            Receives::Real(receiver) => receiver.recv_timeout(timeout),
            Receives::Built(receiver) => {
                receiver.recv(Patience::Timeout(timeout)).map_err(|refused| match refused {
                    Refused::NotNow => RecvTimeoutError::Timeout,
                    Refused::Disconnected => RecvTimeoutError::Disconnected,
                })
            }
        }
    }

    /// Messages until all senders are gone, waiting for each.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// Messages until none is there, without waiting.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }

    /// Messages waiting in the channel.
    pub fn len(&self) -> usize {
        match &self.0 {
            Receives::Real(receiver) => receiver.len(),
            Receives::Built(receiver) => receiver.len(),
        }
    }

    /// Whether no message waits in the channel.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the channel has no room; one without any is always full.
    pub fn is_full(&self) -> bool {
        self.capacity() == Some(self.len())
    }

    /// How many messages the channel has room for; `None` is any number.
    pub fn capacity(&self) -> Option<usize> {
        match &self.0 {
            Receives::Real(receiver) => receiver.capacity(),
            Receives::Built(receiver) => receiver.capacity(),
        }
    }

    /// Whether both receive from one channel.
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        match (&self.0, &other.0) {
            (Receives::Real(one), Receives::Real(other)) => one.same_channel(other),
            (Receives::Built(one), Receives::Built(other)) => one.same_channel(other),
            _ => false,
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Sends::Real(sender) => Sends::Real(sender.clone()),
            Sends::Built(sender) => Sends::Built(sender.clone()),
        })
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Receives::Real(receiver) => Receives::Real(receiver.clone()),
            Receives::Built(receiver) => Receives::Built(receiver.clone()),
        })
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Receiver { .. }")
    }
}
