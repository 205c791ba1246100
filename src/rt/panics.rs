//! Panics inside a model: kept off the terminal, remembered, and told apart.
//!
//! A panic in a model thread is either the design's own, which `join` hands on as std does, or the
//! checker's (a race, a deadlock, a limit), which must unwind to the engine. [`is_checkers`] tells
//! which: by the payload's type, and by the source file that the panic hook saw it come from. What a checker
//! says is in the text of its panic and nowhere else, so that text is read; a design that panics with the same
//! words is not taken for the checker.
//!
//! Limits: without [`install`], as in unit tests of the facade, only payload and text speak. Records are per
//! operating-system thread and only the last few are kept.

use crate::base::location::shown_path;
use crate::heartbeat::{self, Cause};
use crate::rt::context;
use corosensei::Coroutine;
use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, OnceLock, PoisonError};

/// The payload of the panic that says why something cannot work across processes.
#[derive(Debug)]
pub(crate) struct NotForProcesses(pub(crate) String);

/// The payload of a panic that means a deadlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadlocked;

/// What a checker says with a panic of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    DataRace,
    Deadlock,
    /// loom's limit on the branches of one execution was met.
    TooManyBranches,
    /// Another limit, or a fault.
    Other,
}

impl Said {
    /// What a checker means by the text of its panic.
    fn by(words: &str) -> Self {
        let words = words.trim_start();
        if words.starts_with("Causality violation") {
            Said::DataRace
        } else if words.starts_with("deadlock") {
            Said::Deadlock
        } else if words.starts_with("Model exceeded maximum number of branches") {
            Said::TooManyBranches
        } else {
            Said::Other
        }
    }
}

/// What the hook saw of one panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Panic {
    /// The message; `None` if the payload is not a string.
    pub(crate) message: Option<String>,
    /// The source file, as the compiler saw it.
    pub(crate) file: String,
    /// The line in that file, from 1.
    pub(crate) line: u32,
    /// What it says, if it is a checker's.
    said: Option<Said>,
}

/// How many panics of one thread are remembered.
const REMEMBERED: usize = 16;

/// What a checker's own panics begin with, for where no hook has seen where they came from.
const CHECKERS_WORDS: &[&str] = &[
    "Causality violation",
    "\nCausality violation",
    "deadlock; threads = ",
    "deadlock! blocked tasks",
    "deadlock! task ",
    "Model exceeded maximum number of branches",
    "exceeded max_steps bound",
    "cannot access Loom execution state",
    "cannot access a (mock) TLS value",
    "Arc leaked",
    "Allocation leaked",
    "Messages leaked",
    "thread not terminated; ",
    "[loom internal bug]",
    "Reached unexpected exploration state",
    "assertion failed: self.threads.len() < self.max()",
    "assertion failed: threads.len() < self.max_threads",
    "currently reading from cell",
    "currently writing to cell",
];

/// Folders of the crates whose panics are a checker's.
const CHECKERS_CRATES: &[&str] =
    &["loom", "generator", "shuttle", "shuttle-engine", "shuttle-std", "shuttle-schedulers", "corosensei"];

thread_local! {
    static SEEN: RefCell<VecDeque<Panic>> = const { RefCell::new(VecDeque::new()) };
    /// Of the last payload that was no string: whether it came from a checker's crate.
    static LAST_OBJECT: Cell<Option<bool>> = const { Cell::new(None) };
}

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Installs the hook, outermost: inside a model it only remembers, elsewhere it calls the hook that was
/// there before. shuttle's own hook, which prints a log of whatever panics, is never called: shuttle puts it
/// in place once, which is had here and then undone. Not to be called inside a model. Each call adds a
/// layer.
///
/// Limit: a hook of shuttle's that came first, because other code has used shuttle, stays below.
pub(crate) fn install() {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    static SHUTTLES: Once = Once::new();
    if std::thread::panicking() {
        return;
    }
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    INSTALLED.store(true, Ordering::Relaxed);
    type_of_cancelling();
    let previous = std::panic::take_hook();
    SHUTTLES.call_once(|| {
        crate::rt::shuttle::have_the_hook_installed();
        drop(std::panic::take_hook());
    });
    std::panic::set_hook(Box::new(move |info| {
        if !crate::rt::loom::is_probing() {
            leave_words(info);
        }
        if !context::current().is_model() {
            previous(info);
        } else if !crate::rt::loom::is_probing() {
            remember(info);
        }
    }));
}

/// As [`install`], unless that was done before.
pub(crate) fn install_once() {
    static HERE: Once = Once::new();
    HERE.call_once(|| {
        if !INSTALLED.load(Ordering::Relaxed) {
            install();
        }
    });
}

fn remember(info: &PanicHookInfo<'_>) {
    let location = info.location();
    let checkers = location.is_some_and(|at| is_checkers_file(at.file()));
    let message = text(info.payload()).map(str::to_owned);
    let said = message.as_deref().filter(|_| checkers).map(Said::by);
    tell_cause(info.payload(), said);
    if message.is_none() {
        LAST_OBJECT.set(Some(checkers));
        if checkers {
            // Not a failure: loom's coroutines end by a panic.
            return;
        }
    }
    let panic = Panic {
        message,
        file: location.map_or_else(String::new, |at| at.file().to_owned()),
        line: location.map_or(0, std::panic::Location::line),
        said,
    };
    SEEN.with_borrow_mut(|seen| {
        if seen.len() == REMEMBERED {
            seen.pop_front();
        }
        seen.push_back(panic);
    });
}

/// Tells the supervisor what a panic inside of a model is about.
fn tell_cause(payload: &(dyn Any + Send), said: Option<Said>) {
    let Some(heartbeat) = heartbeat::of_worker() else { return };
    if payload.is::<Deadlocked>() || said == Some(Said::Deadlock) {
        heartbeat.note_panic(Cause::Deadlock);
    } else if text(payload).is_some() {
        heartbeat.note_panic(Cause::Other);
    }
}

/// Leaves the message of a panic for the supervisor, should the process not live to tell of it.
fn leave_words(info: &PanicHookInfo<'_>) {
    let (Some(heartbeat), Some(location)) = (heartbeat::of_worker(), info.location()) else { return };
    // SAFETY: asks for a number, and cannot fail. Processes that were forked have threads of the same number.
    let thread = unsafe { libc::pthread_self() } as u64 ^ u64::from(std::process::id()) << 48;
    // A panic that must not unwind is raised by the runtime itself, and nothing else is there.
    if location.file().ends_with("core/src/panicking.rs") {
        let cleaning_up = text(info.payload()).is_some_and(|words| words.contains("cleanup"));
        heartbeat.note_fatal(thread, cleaning_up);
    } else if let Some(words) = text(info.payload()) {
        heartbeat
            .note_words(thread, &format!("{words} ({}:{})", shown_path(location.file()), location.line()));
    }
}

/// The last panic of this operating-system thread since [`forget`], if the hook is installed.
pub(crate) fn last_panic() -> Option<Panic> {
    SEEN.with_borrow(|seen| seen.back().cloned())
}

/// Forgets all panics of this operating-system thread; an engine does so before each execution.
pub(crate) fn forget() {
    SEEN.with_borrow_mut(VecDeque::clear);
    LAST_OBJECT.set(None);
}

/// The text of a panic payload that is a string.
pub(crate) fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// Whether `payload`, just caught in a model thread, belongs to the checker and must go on unwinding.
pub(crate) fn is_checkers(payload: &(dyn Any + Send)) -> bool {
    if payload.is::<crate::rt::loom::unreduced::Cut>() {
        return false;
    }
    if payload.is::<crate::rt::pending::RaceFound>()
        || payload.is::<Deadlocked>()
        || payload.is::<crate::rt::rc11::Cut>()
        || payload.is::<crate::rt::loom::NeedsExactness>()
    {
        return true;
    }
    if text(payload).is_none() { is_checkers_object(payload) } else { said(payload).is_some() }
}

/// What a checker says with this panic, if it is a checker's.
pub(crate) fn said(payload: &(dyn Any + Send)) -> Option<Said> {
    let Some(message) = text(payload) else {
        return is_checkers_object(payload).then_some(Said::Other);
    };
    let seen = SEEN.with_borrow(|seen| {
        seen.iter().rev().find(|panic| panic.message.as_deref() == Some(message)).map(|panic| panic.said)
    });
    match seen {
        Some(said) => said,
        None if INSTALLED.load(Ordering::Relaxed) => None,
        None => said_by_words(message),
    }
}

/// The same by the text alone, for where no hook has seen where the panic came from.
fn said_by_words(message: &str) -> Option<Said> {
    CHECKERS_WORDS.iter().any(|words| message.starts_with(words)).then(|| Said::by(message))
}

/// A payload that is no string. loom's coroutines are cancelled by a panic that the hook sees come from their crate;
/// shuttle's by an unwinding that no hook sees, and that is known by its type.
fn is_checkers_object(payload: &(dyn Any + Send)) -> bool {
    LAST_OBJECT.get() == Some(true) || (*payload).type_id() == type_of_cancelling()
}

/// The type of what a fiber unwinds with that is dropped before its end. It has no public name.
fn type_of_cancelling() -> TypeId {
    static TYPE: OnceLock<TypeId> = OnceLock::new();
    *TYPE.get_or_init(|| {
        let seen = Rc::new(Cell::new(TypeId::of::<()>()));
        let sees = Rc::clone(&seen);
        let mut fiber = Coroutine::<(), (), ()>::new(move |yielder, ()| {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| yielder.suspend(()))) {
                sees.set((*payload).type_id());
                resume_unwind(payload);
            }
        });
        fiber.resume(());
        drop(fiber);
        seen.get()
    })
}

/// Whether `file` lies in the sources of a checker: `…/loom-0.7.2/src/…`, also without the version.
fn is_checkers_file(file: &str) -> bool {
    let parts: Vec<&str> = file.split(['/', '\\']).collect();
    parts.windows(2).any(|pair| pair[1] == "src" && CHECKERS_CRATES.contains(&without_version(pair[0])))
}

/// `shuttle-engine-0.1.7` without its version: `shuttle-engine`.
fn without_version(folder: &str) -> &str {
    match folder.rsplit_once('-') {
        Some((name, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => name,
        _ => folder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_fiber_is_told_from_what_a_design_unwinds_with() {
        assert_ne!(type_of_cancelling(), TypeId::of::<()>(), "a fiber that is dropped unwinds");
        let of_a_design: Box<dyn Any + Send> = Box::new(1);
        assert!(!is_checkers(&*of_a_design));
    }

    #[test]
    fn files_of_checkers_are_known_by_their_folder() {
        for file in [
            "/home/a/.cargo/registry/src/index.example-1/loom-0.7.2/src/rt/location.rs",
            "C:\\r\\shuttle-engine-0.1.7\\src\\runtime\\execution.rs",
            "vendor/generator/src/yield_.rs",
        ] {
            assert!(is_checkers_file(file), "{file}");
        }
        for file in ["src/rt/loom.rs", "/home/a/loom-tricks/src/lib.rs", "/home/a/loom/tests/x.rs"] {
            assert!(!is_checkers_file(file), "{file}");
        }
    }

    #[test]
    fn the_hook_remembers_who_panicked_and_where() {
        // Both checkers put a hook of their own in place once, and the thread that comes last is outermost.
        crate::testing::everywhere(|| {});
        install();
        let seen = crate::testing::in_loom(|| {
            let caught = crate::thread::spawn(|| panic!("weft {}", 3)).join();
            assert!(caught.is_err());
        });
        assert_eq!(seen.failure, None);
        let last = last_panic().expect("the hook saw it");
        assert_eq!(last.message.as_deref(), Some("weft 3"));
        assert!(last.file.ends_with("src/rt/panics.rs") && last.line > 0, "{last:?}");
    }

    #[test]
    fn words_of_checkers_are_known_without_the_hook() {
        let race = "Causality violation: Concurrent write accesses to `UnsafeCell`.\n";
        assert_eq!(said_by_words(race), Some(Said::DataRace));
        assert_eq!(said_by_words("the design gave up"), None);
        let own: Box<dyn Any + Send> = Box::new("the design gave up");
        assert!(!is_checkers(&*own));
        let found: Box<dyn Any + Send> = Box::new(crate::rt::pending::RaceFound);
        assert!(is_checkers(&*found));
    }
}
