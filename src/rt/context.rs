//! Which engine is executing on this operating-system thread.
//!
//! Every facade object asks [`current`] once, when it is made, and keeps the answer for life. loom and
//! shuttle run all their model threads as coroutines of the one thread that started the model, so a
//! thread-local is exactly as wide as a model; threads started with `std::thread` are outside of it.
//!
//! An object that a const fn has made belongs to no engine: which one serves it is settled when it is first used, see
//! [`crate::rt::statics`].
//!
//! Limit: an object that `new` makes outside a model (in a `static` of std's `OnceLock`, say) stays a real one inside it,
//! so the checker cannot see it. Use `const_new`, or the facade's `LazyLock` or `thread_local!`, for such objects.

use crate::heartbeat;
use crate::rt::{Checker, execution};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

/// The engine that facade objects are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// No model: the real thing, within one process.
    Real,
    /// Inside an execution under a checker.
    Model(Checker),
    /// Real, and shared by several processes: locks are process-shared, channels are pipes.
    Process,
}

impl Context {
    /// Whether a checker decides what happens next.
    pub(crate) fn is_model(self) -> bool {
        self.checker().is_some()
    }

    /// The checker that decides what happens next, if one does.
    #[inline]
    pub(crate) fn checker(self) -> Option<Checker> {
        match self {
            Context::Model(checker) => Some(checker),
            Context::Real | Context::Process => None,
        }
    }
}

thread_local! {
    static CURRENT: Cell<Context> = const { Cell::new(Context::Real) };
    /// The number of this operating-system thread, once it has one.
    static THREAD: Cell<u32> = const { Cell::new(0) };
    static OPERATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The context of this operating-system thread.
#[inline]
pub(crate) fn current() -> Context {
    CURRENT.get()
}

/// Puts this operating-system thread into `context` until the guard is dropped.
pub(crate) fn enter(context: Context) -> Entered {
    Entered { previous: CURRENT.replace(context) }
}

/// The number of this operating-system thread, which no other thread of the process has or will have.
#[inline]
pub(crate) fn thread() -> u32 {
    match THREAD.get() {
        0 => number_thread(),
        number => number,
    }
}

#[cold]
fn number_thread() -> u32 {
    static NUMBERED: AtomicU32 = AtomicU32::new(0);
    let number = NUMBERED.fetch_add(1, Ordering::Relaxed).checked_add(1).expect("fewer threads than numbers");
    THREAD.set(number);
    number
}

/// Restores the previous context when dropped; made by [`enter`].
#[must_use]
pub(crate) struct Entered {
    previous: Context,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.previous);
        execution::with(|execution| execution.options.take());
        heartbeat::end_execution();
    }
}

/// Counts one operation that a checker saw. A design that never gets here under a checker uses
/// `std::sync` by mistake, and must not be called safe.
#[inline]
pub(crate) fn count_operation() {
    let operations = OPERATIONS.get() + 1;
    OPERATIONS.set(operations);
    if operations.is_multiple_of(BEAT) {
        heartbeat::beat();
    }
}

/// Operations after which a long execution tells that it goes on.
const BEAT: u64 = 64;

/// Notes that a thread of the execution that runs has yielded, or notes that none has so far.
#[inline]
pub(crate) fn set_yielded(yielded: bool) {
    execution::with(|execution| execution.yielded.set(yielded));
}

/// Whether a thread of the execution that runs, or was the last, has yielded.
pub(crate) fn has_yielded() -> bool {
    execution::with(|execution| execution.yielded.get())
}

/// Operations counted on this operating-system thread so far.
pub(crate) fn operations() -> u64 {
    OPERATIONS.get()
}

/// Says how often the execution that runs counts: once, or not at all if it is known to come out as another
/// one did, or as often as it was executed elsewhere.
#[inline]
pub(crate) fn set_weight(executions: u64) {
    execution::with(|execution| execution.weight.set(executions));
}

/// How often the execution that runs counts.
pub(crate) fn weight() -> u64 {
    execution::with(|execution| execution.weight.get())
}

/// Whether the execution that runs need not be counted.
pub(crate) fn is_redundant() -> bool {
    weight() == 0
}

thread_local! {
    static WAITING: Cell<Option<&'static AtomicU32>> = const { Cell::new(None) };
}

/// Gives the actor on this operating-system thread a flag that [`waiting`] raises, so that a watchdog
/// elsewhere can tell a deadlock (every actor waits for another) from a hang (a thread still runs).
pub(crate) fn install_waiting_flag(flag: Option<&'static AtomicU32>) {
    WAITING.set(flag);
}

/// Runs `block`, which waits without limit for another actor, with this actor's flag raised.
/// For the slow path only: callers first try what does not block.
#[cold]
pub(crate) fn waiting<R>(block: impl FnOnce() -> R) -> R {
    struct Lowered(Option<&'static AtomicU32>);
    impl Drop for Lowered {
        fn drop(&mut self) {
            if let Some(flag) = self.0 {
                flag.store(0, Ordering::Relaxed);
            }
        }
    }
    let lowered = Lowered(WAITING.get());
    if let Some(flag) = lowered.0 {
        flag.store(1, Ordering::Relaxed);
    }
    block()
}

/// What a design asks of a checker beyond what every design gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Options {
    /// Whether waiting may end without a reason.
    pub(crate) spurious_wakeups: bool,
    /// Whether an execution goes on past a data race on plain memory.
    pub(crate) past_races: bool,
    /// Whether the drop of a cell is no access, as under loom: what orders it may be a counted pointer of std's.
    #[serde(default)]
    pub(crate) drops_freely: bool,
}

impl Options {
    pub(super) const NONE: Self = Options { spurious_wakeups: false, past_races: false, drops_freely: false };
}

thread_local! {
    static TO_THE_RACE: Cell<bool> = const { Cell::new(false) };
}

/// What the design that runs under a checker has asked for.
#[inline]
pub(crate) fn options() -> Options {
    execution::with(|execution| execution.options.get())
}

/// An execution of a design that asks for this begins.
pub(crate) fn set_options(options: Options) {
    execution::with(|execution| execution.options.set(options));
}

/// Runs executions that all end at the first data race, or not, whatever their design has asked for.
pub(crate) fn to_the_race<R>(ends: bool, run: impl FnOnce() -> R) -> R {
    let before = TO_THE_RACE.replace(ends);
    let result = run();
    TO_THE_RACE.set(before);
    result
}

/// Whether an execution ends at its first data race, although its design has asked for more.
pub(crate) fn ends_at_races() -> bool {
    TO_THE_RACE.get()
}

/// A known wrong answer of a checker, or a limit of its model, that a verdict may lean on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Artefact {
    /// loom gives SeqCst loads, stores and read-modify-writes the meaning of acquire and release.
    LoomSeqCst,
    /// loom never lets a timeout elapse.
    NoTimeouts,
    /// loom lets a store come between the two halves of a read-modify-write.
    LoomSplitsRmw,
    /// loom's read-modify-writes read only the newest store.
    LoomNewestRmw,
    /// loom's compare-exchanges that fail read only the newest store.
    LoomNewestExchange,
    /// loom's acquire fences synchronise with the loads of other threads.
    LoomFence,
}

impl Artefact {
    const ALL: [Artefact; 6] = [
        Artefact::LoomSeqCst,
        Artefact::NoTimeouts,
        Artefact::LoomSplitsRmw,
        Artefact::LoomNewestRmw,
        Artefact::LoomNewestExchange,
        Artefact::LoomFence,
    ];
}

thread_local! {
    static ARTEFACTS: Cell<[bool; Artefact::ALL.len()]> = const { Cell::new([false; Artefact::ALL.len()]) };
}

/// Notes that the design touched something that a checker is known to get wrong.
#[inline]
pub(crate) fn note_artefact(artefact: Artefact) {
    let mut noted = ARTEFACTS.get();
    noted[artefact as usize] = true;
    ARTEFACTS.set(noted);
}

/// Another exploration begins.
pub(crate) fn forget_artefacts() {
    ARTEFACTS.set(Default::default());
}

/// What was noted on this operating-system thread in this exploration so far.
pub(crate) fn artefacts() -> Vec<Artefact> {
    let noted = ARTEFACTS.get();
    Artefact::ALL.into_iter().filter(|artefact| noted[*artefact as usize]).collect()
}
