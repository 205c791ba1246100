//! The seam between the facade and the checkers: what a runtime has to offer, and the list of those that do.
//!
//! An object of the facade that was made under a checker holds one of the enums that `one_of!` defines ([`Atomic`], and
//! in the other files of this folder `Mutex`, `MonitorLock`, …): an object of one of the runtimes. Which runtime that is,
//! is settled when it is made, by [`super::checker`], and known nowhere else. The enums' methods count, record, and call
//! the runtime once. Calls are static, so that a source line reaches the runtime by `#[track_caller]`; for that reason
//! nothing that needs its line is done in a closure.
//!
//! # Adding a runtime
//!
//! 1. A folder `rt/<name>/` with a type that implements [`Runtime`], and one type for each kind of object.
//! 2. One line in `runtimes!`, below. [`Checker`] and every enum have a variant for it then.
//!
//! An engine that uses it, or one of the others: see `engine/adapter.rs`.

/// Makes [`Checker`] of a list of runtimes, and the macros by which everything else is made of it.
macro_rules! runtimes {
    ($d:tt $($(#[$attribute:meta])* $name:ident = $folder:ident;)*) => {
        /// A checker's runtime.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Checker {
            $($(#[$attribute])* $name,)*
        }

        /// Defines an enum of what each runtime has of a kind.
        macro_rules! one_of {
            ($d(#[$d doc:meta])* $d kind:ident) => {
                $d(#[$d doc])*
                pub(crate) enum $d kind {
                    $($(#[$attribute])* $name(<$crate::rt::$folder::$name as $crate::rt::runtime::Runtime>::$d kind),)*
                }
            };
            ($d(#[$d doc:meta])* part $d part:ident of $d kind:ident: $d raw:ident) => {
                $d(#[$d doc])*
                pub(crate) enum $d part {
                    $($(#[$attribute])* $name(
                        #[allow(dead_code, reason = "of some runtimes it is held for its drop")]
                        <<$crate::rt::$folder::$name as $crate::rt::runtime::Runtime>::$d kind as $d raw>::$d part
                    ),)*
                }
            };
            // By the name that it has in each folder: as an associated type it could not be used for a shorter time.
            ($d(#[$d doc:meta])* guard $d guard:ident is $d raw:ident) => {
                $d(#[$d doc])*
                pub(crate) enum $d guard<'a> {
                    $($(#[$attribute])* $name(
                        #[allow(dead_code, reason = "of some kinds it is held for its drop")]
                        $crate::rt::$folder::$d raw<'a>
                    ),)*
                }
            };
            ($d(#[$d doc:meta])* guard $d guard:ident of $d kind:ident: $d raw:ident) => {
                $d(#[$d doc])*
                pub(crate) enum $d guard<'a> {
                    $($(#[$attribute])* $name(
                        #[allow(dead_code, reason = "of some kinds it is held for its drop")]
                        <<$crate::rt::$folder::$name as $crate::rt::runtime::Runtime>::$d kind as $d raw>::Guard<'a>
                    ),)*
                }
            };
        }

        /// Does the same to an object of whichever runtime.
        macro_rules! each {
            ($d kind:ident, $d value:expr, $d object:pat => $d act:expr) => {
                match $d value {
                    $($(#[$attribute])* $d kind::$name($d object) => $d act,)*
                }
            };
        }

        /// As `each!`, where what is done comes to something of the same runtime: a guard.
        macro_rules! each_into {
            ($d kind:ident, $d value:expr, $d guard:ident, $d object:pat => $d act:expr) => {
                match $d value {
                    $($(#[$attribute])* $d kind::$name($d object) => $d guard::$name($d act),)*
                }
            };
        }

        /// As `each!`, given the type of the runtime.
        macro_rules! with_each {
            ($d kind:ident, $d value:expr, $d runtime:ident, $d object:pat => $d act:expr) => {
                match $d value {
                    $($(#[$attribute])* $d kind::$name($d object) => {
                        type $d runtime = $crate::rt::$folder::$name;
                        $d act
                    })*
                }
            };
        }

        /// As `each_into!`, given the type of the runtime.
        macro_rules! with_each_into {
            ($d kind:ident, $d value:expr, $d guard:ident, $d runtime:ident, $d object:pat => $d act:expr) => {
                match $d value {
                    $($(#[$attribute])* $d kind::$name($d object) => $d guard::$name({
                        type $d runtime = $crate::rt::$folder::$name;
                        $d act
                    }),)*
                }
            };
        }

        /// As `each_into!`, of two objects that must be of one runtime.
        macro_rules! each_pair {
            (
                ($d kind:ident, $d value:expr), ($d of_other:ident, $d other:expr),
                ($d object:pat, $d second:pat) => $d guard:ident, $d act:expr, else $d otherwise:expr
            ) => {
                match ($d value, $d other) {
                    $($(#[$attribute])* ($d kind::$name($d object), $d of_other::$name($d second)) => {
                        $d guard::$name($d act)
                    })*
                    _ => $d otherwise,
                }
            };
        }

        /// Does something with the type of a runtime.
        macro_rules! with_runtime {
            ($d checker:expr, $d runtime:ident => $d act:expr) => {
                match $d checker {
                    $($(#[$attribute])* $crate::rt::Checker::$name => {
                        type $d runtime = $crate::rt::$folder::$name;
                        $d act
                    })*
                }
            };
        }

        /// An object of a runtime, given by its type, as one of whichever.
        macro_rules! make {
            ($d checker:expr, $d kind:ident, $d runtime:ident => $d act:expr) => {
                match $d checker {
                    $($(#[$attribute])* $crate::rt::Checker::$name => $d kind::$name({
                        type $d runtime = $crate::rt::$folder::$name;
                        $d act
                    }),)*
                }
            };
        }
    };
}

runtimes! { $
    Loom = loom;
    Shuttle = shuttle;
    Rc11 = rc11;
}

use super::Here;
use super::atomic::{RawAtomic, Scalar};
use super::cell::RawCell;
use super::count::RawCount;
use super::lock::{RawCondvar, RawMutex, RawRwLock};
use super::model::{Identity, RawHandover, SharedIdentity};
use super::monitor::RawMonitor;
use super::pending::ObjectId;
use super::statics::ObjectName;
use crate::race::Race;
use std::any::Any;
use std::fmt::Debug;
use std::sync::atomic::Ordering;

/// What a checker has for the facade.
pub(crate) trait Runtime {
    /// As messages have it.
    const NAME: &'static str;

    /// Whether it takes every thread for one that unwinds while one does. Then what destructors have to say is kept until
    /// the panic is caught: see [`super::model::when_settled`].
    const UNWINDS_ALL: bool = false;

    /// Whether the first use of an object is a race if it is not ordered after its making, whatever the object is.
    const REMEMBERS_MAKERS: bool = false;

    /// Whether it leaves it to the facade to look for what was never freed.
    const LEAKS_ARE_LOOKED_FOR: bool = false;

    type Atomic: RawAtomic;
    type Mutex: RawMutex;
    type RwLock: RawRwLock;
    type Condvar: RawCondvar<Self::Mutex>;
    type MonitorLock: RawMonitor;
    type PlainCell: RawCell;
    type Count: RawCount;
    type ThreadObject;
    type Join;
    type Handover: RawHandover;
    type Past: Clone + Debug;

    // An execution, and who runs in it.

    /// Whether there is an execution to talk to. There is none where the facade is used outside of one, nor in
    /// destructors that run while one that has failed is taken apart.
    fn alive() -> bool;

    /// An execution begins: see [`super::execution::begin`].
    fn begin_execution() {}

    /// An execution ends: see [`super::execution::end`].
    fn end_execution() -> Option<Race> {
        None
    }

    /// An operation has taken effect, and stands in the trace.
    fn recorded() {}

    /// The main thread of an execution does something for the first time.
    fn begin() {}

    /// At the end of the main thread: waits until all others are at theirs, unless the execution does not end before. Does
    /// not return if the execution is none that counts.
    fn wait_for_others() {}

    /// Whether the running thread is unwinding. An execution that is over unwinds as a whole.
    fn is_unwinding() -> bool;

    /// The running thread has caught a panic, or had none.
    fn settled() {}

    /// Has the other threads of an execution that is over unwind. Whether it did.
    fn take_others_down() -> bool {
        false
    }

    /// Has a thread of an execution that is over unwind, because what it borrows goes.
    fn take_down(_thread: u64) {}

    /// The running thread is about to wait for something that is not the runtime's. Does not return if its execution is
    /// over and the thread is one that is left behind.
    fn give_up_if_over() {}

    /// What the facade keeps for the running thread. No scheduling point may lie within.
    fn look<R>(look: impl FnOnce(Option<&SharedIdentity>) -> R) -> R;

    /// Replaces what the facade keeps for the running thread.
    fn set(identity: Option<SharedIdentity>);

    // Threads.

    /// The number of the thread that is started next, if the runtime gives the numbers. It may be one that does the same
    /// as another.
    #[track_caller]
    fn announce_spawn(_alike: Option<u64>) -> Option<u64> {
        None
    }

    /// The running thread looks at what tells threads apart that do the same.
    fn tell_apart() {}

    /// What the thread with this number is known by.
    #[track_caller]
    fn thread(number: u64) -> Self::ThreadObject;

    #[track_caller]
    fn spawn(object: &Self::ThreadObject, identity: &Identity, body: impl FnOnce() + 'static) -> Self::Join;

    /// The whole life of a thread.
    fn live<R>(life: impl FnOnce() -> R) -> R {
        life()
    }

    /// The running thread begins; `record` says so in the trace.
    fn begin_thread(record: impl FnOnce()) {
        record();
    }

    /// The running thread has done all but to destroy its thread-local values.
    fn end_thread(_object: &Self::ThreadObject) {}

    /// Blocks until the thread has ended.
    #[track_caller]
    fn join(join: Self::Join, has_ended: impl Fn() -> bool);

    /// A step before a look at whether the thread has ended its main function.
    fn look_at_end(object: &Self::ThreadObject);

    /// Lets other threads run first.
    #[track_caller]
    fn yield_now(here: Here);

    /// For what a thread returns, which has a destructor or not.
    #[track_caller]
    fn handover(has_destructor: bool) -> Self::Handover;

    /// Runs an actor's part. Where a panic of his ends an execution and not the search, that is told as it happens, as
    /// this payload.
    fn as_actor<R>(_panicked: impl Any + Send, part: impl FnOnce() -> R) -> R {
        part()
    }

    /// One of `0..options`: every one of them in one execution or another.
    #[track_caller]
    fn choose(options: u32) -> u32;

    // Objects. Each is made by the running thread: an access, where it says so.

    /// An access.
    #[track_caller]
    fn atomic(scalar: Scalar, value: u64) -> Self::Atomic;

    #[track_caller]
    fn mutex() -> Self::Mutex;

    #[track_caller]
    fn rwlock() -> Self::RwLock;

    #[track_caller]
    fn condvar() -> Self::Condvar;

    fn monitor() -> Self::MonitorLock;

    /// A write. Whether executions go on past races at this cell.
    #[track_caller]
    fn cell(past_races: bool) -> Self::PlainCell;

    /// As [`Runtime::cell`], and no access: for [`Runtime::first`].
    #[track_caller]
    fn first_cell(past_races: bool) -> Self::PlainCell;

    #[track_caller]
    fn count() -> Self::Count;

    /// An object that is there from the beginning of the execution, whichever thread comes to it first; `like` tells
    /// apart what `make` makes of one type.
    fn first<T: 'static>(_like: [u64; 2], make: impl Fn() -> T + 'static) -> T {
        make()
    }

    /// The next object that is made is known by this name in all executions, whichever thread makes it.
    fn name_ahead(_name: ObjectName) {}

    /// Whether a thread's permit is made with the thread, and not when it is first used.
    fn makes_permits(_thread: u64) -> bool {
        false
    }

    // Order.

    /// Whether there was an execution to have it.
    #[track_caller]
    fn fence(order: Ordering) -> bool;

    /// All that the running thread knows, if it matters.
    fn past() -> Option<Self::Past>;

    /// The running thread learns of a past.
    fn learn(past: &Self::Past);

    /// The running thread learns what was [released](Runtime::release) into `object`.
    fn acquire(object: ObjectId);

    /// What the running thread knows is known to those who [acquire](Runtime::acquire) `object`.
    fn release(object: ObjectId);
}

one_of! {
    /// An atomic of a runtime's.
    Atomic
}
