//! Choices that have not been made yet: the value is the engine's to choose.
//!
//! Under loom and shuttle every value is explored, as every interleaving is; where shuttle draws its
//! schedules at random, it draws the values too. On the real engines, and outside of any, a value is drawn
//! from a pseudo-random stream: with an engine, the same for the same seed, actor, sample and place among
//! the choices of that sample.
//!
//! Limits: a checker multiplies its executions by the number of values, so choose among few. On the real
//! engines what the state and the observation choose, and what threads that an actor starts choose, differs
//! from run to run.

use crate::base::event::EventKind;
use crate::rt;
use crate::rt::trace::{self, What};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// One of `0..options`: every one of them under a checker, any one elsewhere.
///
/// For what a design leaves to chance (the level of a skip list's node, a back-off, which victim to steal
/// from) and for inputs that should all be tried.
///
/// ```
/// let side = selvedge::choose(2);
/// assert!(side < 2);
/// ```
///
/// # Panics
///
/// If there are no options.
#[inline]
#[must_use]
#[track_caller]
pub fn choose(options: u32) -> u32 {
    assert!(options > 0, "nothing can be chosen from no options");
    match rt::running() {
        None => draw(options),
        Some(_) => choose_checked(options),
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn choose_checked(options: u32) -> u32 {
    let value = scripted(|| rt::choose(options));
    let what = What { operation: "choose", kind: EventKind::Other, object: None };
    trace::access(what, None, [Some(&value), None]);
    value
}

/// As [`choose`], for a choice that the facade makes: what comes of it is shown, and not the number.
#[track_caller]
pub(crate) fn choose_untold(options: u32) -> u32 {
    match rt::running() {
        None => draw(options),
        Some(_) => scripted(|| rt::choose(options)),
    }
}

/// What the choices of one run of a constructor came to, for others to come to the same.
enum Script {
    Record(Vec<u32>),
    Replay(VecDeque<u32>),
}

thread_local! {
    static SCRIPT: RefCell<Option<Script>> = const { RefCell::new(None) };
}

/// Leaves the script also when the constructor panics.
struct Left;

impl Drop for Left {
    fn drop(&mut self) {
        SCRIPT.set(None);
    }
}

/// Runs a constructor, and keeps what it chose. Only the main thread of a model may choose meanwhile.
pub(crate) fn record<R>(make: impl FnOnce() -> R) -> (R, Vec<u32>) {
    SCRIPT.set(Some(Script::Record(Vec::new())));
    let _left = Left;
    let made = make();
    let chosen = match SCRIPT.take() {
        Some(Script::Record(chosen)) => chosen,
        Some(Script::Replay(_)) | None => Vec::new(),
    };
    (made, chosen)
}

/// Runs a constructor again, which chooses as it was recorded to.
pub(crate) fn replay<R>(chosen: &[u32], make: impl FnOnce() -> R) -> R {
    SCRIPT.set(Some(Script::Replay(chosen.iter().copied().collect())));
    let _left = Left;
    make()
}

fn scripted(choose: impl FnOnce() -> u32) -> u32 {
    let written = SCRIPT.with_borrow_mut(|script| match script {
        Some(Script::Replay(chosen)) => chosen.pop_front(),
        Some(Script::Record(_)) | None => None,
    });
    let value = written.unwrap_or_else(choose);
    SCRIPT.with_borrow_mut(|script| {
        if let Some(Script::Record(chosen)) = script {
            chosen.push(value);
        }
    });
    value
}

/// The low bits of [`PLACE`] count the choices of one sample, the others the samples.
const CHOICES: u64 = 0xFFFF;

thread_local! {
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
    static PLACE: Cell<u64> = const { Cell::new(0) };
}

/// Gives an actor on this operating-system thread a stream of its own, from this sample on.
pub(crate) fn begin_stream(seed: u64, actor: usize, sample: u64) {
    SEED.set(Some(mixed(seed ^ mixed(actor as u64 + 1))));
    PLACE.set(sample.wrapping_mul(CHOICES + 1));
}

/// The next sample begins.
#[inline]
pub(crate) fn next_sample() {
    PLACE.set((PLACE.get() | CHOICES).wrapping_add(1));
}

/// One of `0..options`, from this thread's stream.
fn draw(options: u32) -> u32 {
    let seed = SEED.get().unwrap_or_else(|| {
        let seed = RandomState::new().build_hasher().finish();
        SEED.set(Some(seed));
        seed
    });
    let place = PLACE.replace(PLACE.get().wrapping_add(1));
    let bits = mixed(seed ^ mixed(place)) >> 32;
    // Lemire, "Fast Random Integer Generation in an Interval" (TOMACS 29(1), 2019), without the correction
    // for what is left over: less than one in four thousand million.
    u32::try_from((bits * u64::from(options)) >> 32).unwrap_or(0)
}

/// The output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014, figure 16).
fn mixed(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
