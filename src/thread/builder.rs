//! Starting threads and joining them.

use super::handle::Thread;
use super::scope::{Scope, ScopedJoinHandle};
use crate::rt::context;
use crate::rt::model::{self, Packet};
use std::fmt;
use std::io;
use std::sync::Arc;

/// Starts a thread.
///
/// In a build with `--cfg loom` what it is given need not be `Send`, as in loom: all threads of a model are coroutines
/// of one thread. Outside of a model it then panics.
///
/// # Panics
/// If the operating system refuses. Under loom, if there are five threads already, the main one
/// included.
#[cfg(loom)]
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    assert!(
        context::current().is_model(),
        "with `--cfg loom` a thread is started inside of a model: what it is given need not be `Send`"
    );
    let packet = model::spawn(None, f);
    JoinHandle { thread: Thread::model(packet.identity.clone()), joins: Joins::Model(packet) }
}

/// Starts a thread.
///
/// # Panics
/// If the operating system refuses. Under loom, if there are five threads already, the main one
/// included.
#[cfg(not(loom))]
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match Builder::new().spawn(f) {
        Ok(handle) => handle,
        Err(error) => panic!("failed to spawn thread: {error}"),
    }
}

/// Configures a thread before it starts.
#[derive(Debug, Default)]
#[must_use = "must eventually spawn the thread"]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
}

impl Builder {
    /// A thread without a name and with the default stack.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the thread.
    pub fn name(mut self, name: String) -> Self {
        self.name = Some(name);
        self
    }

    /// The size of the thread's stack in bytes. Ignored inside a model.
    pub fn stack_size(mut self, size: usize) -> Self {
        self.stack_size = Some(size);
        self
    }

    pub(super) fn real(self) -> std::thread::Builder {
        let mut builder = std::thread::Builder::new();
        if let Some(name) = self.name {
            builder = builder.name(name);
        }
        if let Some(size) = self.stack_size {
            builder = builder.stack_size(size);
        }
        builder
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// If the operating system refuses.
    ///
    /// # Panics
    /// If the name holds a NUL byte. Under loom, if there are five threads already.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if context::current().is_model() {
            let name = self.checked_name();
            let packet = model::spawn(name, f);
            Ok(JoinHandle { thread: Thread::model(packet.identity.clone()), joins: Joins::Model(packet) })
        } else {
            let handle = self.real().spawn(f)?;
            Ok(JoinHandle { thread: Thread::real(handle.thread().clone()), joins: Joins::Real(handle) })
        }
    }

    /// Starts a thread that ends before `scope` does.
    ///
    /// # Errors
    /// If the operating system refuses.
    ///
    /// # Panics
    /// If the name holds a NUL byte. Under loom, if there are five threads already.
    #[track_caller]
    pub fn spawn_scoped<'scope, 'env, F, T>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        scope.start(self, f)
    }

    pub(super) fn checked_name(self) -> Option<String> {
        if let Some(name) = &self.name {
            assert!(!name.contains('\0'), "thread name may not contain interior null bytes");
        }
        self.name
    }
}

/// The right to wait for a thread and to take what it returns. Dropping it lets the thread go on alone.
pub struct JoinHandle<T> {
    thread: Thread,
    joins: Joins<T>,
}

enum Joins<T> {
    Real(std::thread::JoinHandle<T>),
    Model(Arc<Packet<T>>),
}

// SAFETY: as std's handle: the value moves from the thread to the thread that joins, and nothing of it can be
// reached through a shared handle. The thread that made it had to prove `T: Send`.
unsafe impl<T> Send for JoinHandle<T> {}
// SAFETY: see above.
unsafe impl<T> Sync for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// Waits for the thread to end. What it did happens before this returns.
    ///
    /// # Errors
    /// The payload of the thread's panic.
    #[track_caller]
    pub fn join(self) -> super::Result<T> {
        match self.joins {
            Joins::Real(handle) => handle.join(),
            Joins::Model(packet) => packet.join(),
        }
    }

    /// The thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Whether the thread has ended its main function. Does not wait, and orders nothing.
    pub fn is_finished(&self) -> bool {
        match &self.joins {
            Joins::Real(handle) => handle.is_finished(),
            Joins::Model(packet) => packet.identity.is_finished(),
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}
