//! `std::sync::mpsc`, decided at run time.
//!
//! Outside a model it is std's; in models and between processes it stands on the same ground as
//! [`crate::channel`], whose limits it shares.

use crate::channel::transport::{self, Patience, Refused};
use crate::rt::context::{self, Context};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::mpsc as real;
use std::time::Duration;

pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

/// A channel with room for any number of messages.
///
/// # Panics
/// Between processes, if `T` cannot be sent as bytes.
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    if context::current() == Context::Real {
        let (sender, receiver) = real::channel();
        return (Sender(Sends::Real(sender)), Receiver(Receives::Real(receiver)));
    }
    let (sender, receiver) = transport::channel(None);
    (Sender(Sends::Built(sender)), Receiver(Receives::Built(receiver)))
}

/// A channel with room for `bound` messages; 0 makes every send wait for its receive.
///
/// # Panics
/// Between processes, if `T` cannot be sent as bytes.
#[track_caller]
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    if context::current() == Context::Real {
        let (sender, receiver) = real::sync_channel(bound);
        return (SyncSender(Sends::Real(sender)), Receiver(Receives::Real(receiver)));
    }
    let (sender, receiver) = transport::channel(Some(bound));
    (SyncSender(Sends::Built(sender)), Receiver(Receives::Built(receiver)))
}

enum Sends<S, T> {
    Real(S),
    Built(transport::Sender<T>),
}

impl<S: Clone, T> Clone for Sends<S, T> {
    fn clone(&self) -> Self {
        match self {
            Sends::Real(sender) => Sends::Real(sender.clone()),
            Sends::Built(sender) => Sends::Built(sender.clone()),
        }
    }
}

/// The sending end of [`channel`].
pub struct Sender<T>(Sends<real::Sender<T>, T>);

/// The sending end of [`sync_channel`].
pub struct SyncSender<T>(Sends<real::SyncSender<T>, T>);

/// The receiving end. There is one.
pub struct Receiver<T>(Receives<T>);

enum Receives<T> {
    Real(real::Receiver<T>),
    Built(transport::Receiver<T>),
}

// As std's: a panic leaves a channel usable.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}
impl<T> UnwindSafe for SyncSender<T> {}
impl<T> RefUnwindSafe for SyncSender<T> {}
impl<T> UnwindSafe for Receiver<T> {}

impl<T> Sender<T> {
    /// Sends without waiting.
    ///
    /// # Errors
    /// With the message, if the receiver is gone.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        match &self.0 {
            Sends::Real(sender) => sender.send(message),
            Sends::Built(sender) => {
                sender.send(message, Patience::Forever).map_err(|(message, _)| SendError(message))
            }
        }
    }
}

impl<T> SyncSender<T> {
    /// Sends, waiting while the channel is full, or for the receive if it has no room at all.
    ///
    /// # Errors
    /// With the message, if the receiver is gone.
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
    /// With the message, if the channel is full or the receiver is gone.
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
}

/// Messages until all senders are gone; made by [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T>(&'a Receiver<T>);

/// Messages until none is there; made by [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T>(&'a Receiver<T>);

/// Messages until all senders are gone; made by [`Receiver`]'s `into_iter`.
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncSender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
