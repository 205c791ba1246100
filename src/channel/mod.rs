//! Channels with crossbeam-channel's signatures, decided at run time.
//!
//! Outside a model they are crossbeam's; in a model they are built once on a monitor, the same for every
//! checker; between processes they are pipes that carry the bytes of a message.
//!
//! What happened before a send happens before the receive of *that* message; a bounded channel also
//! orders a receive before the send that uses the freed place.
//!
//! Limits: in a model an operation with a timeout yields once, looks again, and times out. Between
//! processes a message must need no drop and fit into `PIPE_BUF` (4096) bytes, else making the channel
//! panics; more limits in the pipe module. No `select`.

pub(crate) mod endpoints;
mod ends;
mod iter;
pub(crate) mod pipe;
mod queue;
pub(crate) mod transport;

pub use crossbeam::channel::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
pub use ends::{Receiver, Sender, bounded, unbounded};
pub use iter::{IntoIter, Iter, TryIter};
pub(crate) use pipe::blocks_made;

pub(crate) use crate::rt::panics::NotForProcesses;

#[cfg(test)]
mod pipe_tests;
#[cfg(test)]
mod tests;
