//! `std::sync::Barrier`, built on a monitor inside models and across processes.
//!
//! Limits: under loom see [`crate::rt::monitor`].

use crate::base::event::EventKind;
use crate::rt::context::{self, Context};
use crate::rt::monitor::Monitor;
use crate::rt::past::{self, ObjectId};
use crate::rt::statics::Held;
use crate::rt::statics::made::{Made, Part};
use crate::rt::trace::{self, Key};
use std::fmt;

/// Lets several threads wait for each other.
///
/// What each of them did before [`wait`](Barrier::wait) happens before every one of them returns from it.
pub struct Barrier(Inner);

enum Inner {
    Real(std::sync::Barrier),
    Built {
        size: usize,
        id: ObjectId,
        state: Monitor<State>,
    },
    /// What a const fn has made: the real one, and who serves it.
    Made {
        made: Made<Inner>,
        real: std::sync::Barrier,
        size: usize,
    },
}

impl Part for Inner {
    const NAMED: bool = true;
    const LENDS: bool = false;
}

impl Held for Inner {
    fn outlive(self: Box<Self>) {}
}

impl Inner {
    /// For a checker or for processes.
    fn built(size: usize, monitor: fn(State) -> Monitor<State>) -> Self {
        let (id, edges) = (past::new_object(), past::new_object());
        Inner::Built { size, id, state: monitor(State { arrived: 0, generation: 0, edges }) }
    }

    /// One that is there from the beginning of the execution.
    fn first(size: usize) -> Self {
        let inner = Inner::built(size, Monitor::used_before_known);
        if let Inner::Built { id, .. } = &inner {
            trace::made_unplaced("Barrier", Key::id(*id));
        }
        inner
    }

    /// The one that serves.
    #[track_caller]
    fn serving(&self) -> &Self {
        let Inner::Made { made, size, .. } = self else { return self };
        made.whole(self, "Barrier", || Inner::first(*size))
    }
}

/// Plain data, for it may lie in memory that several processes share.
struct State {
    arrived: usize,
    generation: usize,
    /// Carries the pasts of this generation's arrivals; another one for each generation.
    edges: ObjectId,
}

/// Whether the thread is the leader of its generation; returned by [`Barrier::wait`].
pub struct BarrierWaitResult(bool);

impl Barrier {
    /// A barrier for `size` threads; 0 counts as 1.
    #[cfg(not(feature = "const-new"))]
    #[track_caller]
    pub fn new(size: usize) -> Self {
        Self::made_here(size)
    }

    /// As [`Barrier::const_new`]: the feature `const-new` is on.
    #[cfg(feature = "const-new")]
    pub const fn new(size: usize) -> Self {
        Self::const_new(size)
    }

    /// A barrier for `size` threads, for a `static`: it begins anew in each execution under a checker.
    ///
    /// It serves one process: a state that several share needs [`Barrier::new`].
    pub const fn const_new(size: usize) -> Self {
        Self(Inner::Made { made: Made::new::<Inner, ()>(), real: std::sync::Barrier::new(size), size })
    }

    #[cfg_attr(feature = "const-new", expect(dead_code, reason = "`new` without that feature"))]
    #[track_caller]
    fn made_here(size: usize) -> Self {
        Self(match context::current() {
            Context::Real => Inner::Real(std::sync::Barrier::new(size)),
            Context::Model(_) | Context::Process => {
                let inner = Inner::built(size, Monitor::new);
                if let Inner::Built { id, .. } = &inner {
                    trace::made("Barrier", Key::id(*id), None);
                }
                inner
            }
        })
    }

    /// Blocks until as many threads have called this as the barrier is for. Exactly one of them is told
    /// that it is the leader. The barrier can then be used again.
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        BarrierWaitResult(match self.0.serving() {
            Inner::Real(barrier) | Inner::Made { real: barrier, .. } => {
                context::waiting(|| barrier.wait()).is_leader()
            }
            Inner::Built { size, id, state } => {
                trace::begins("wait", EventKind::Other, Key::id(*id));
                let leads = wait(*size, state);
                trace::note("wait", EventKind::Other, Key::id(*id));
                leads
            }
        })
    }
}

#[track_caller]
fn wait(size: usize, monitor: &Monitor<State>) -> bool {
    let mut state = monitor.enter();
    let edges = state.edges;
    past::release(edges);
    state.arrived += 1;
    let leads = state.arrived >= size;
    if leads {
        state.arrived = 0;
        state.generation = state.generation.wrapping_add(1);
        state.edges = past::new_object();
        monitor.notify_all();
    } else {
        let generation = state.generation;
        while state.generation == generation {
            state.wait();
        }
    }
    past::acquire(edges);
    leads
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

impl BarrierWaitResult {
    /// Whether this thread is the one leader of its generation.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult").field("is_leader", &self.is_leader()).finish()
    }
}
