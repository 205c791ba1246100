//! What each engine gives the facade to stand on: one arm per engine that brings primitives of its own.
//!
//! The facade (`sync`, `thread`, `cell`, `channel`) picks an arm when an object is made, and speaks only
//! of the arm's `RawMutex`, `RawCondvar`, …; nothing outside this folder and `engine/` names loom or
//! shuttle. A new engine is one more file here.

pub(crate) mod loom;
pub(crate) mod loom_thread;
pub(crate) mod process;
pub(crate) mod shuttle;
pub(crate) mod shuttle_thread;
pub(crate) mod trace;
