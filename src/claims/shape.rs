//! Statements about what threads and processes are: each is decided by observations that are so or not.

use super::child::{self, SharedMapping};
use super::measure::{Spread, in_turn, ratio, seconds};
use super::{Bench, Figure, Finding, Measured, Verdict};
use nix::sys::wait::WaitStatus;
use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// Threads that take part in an observation.
const THREADS: usize = 4;

/// A statement that is decided by findings alone: with one verdict if all are so.
fn decided(if_so: Verdict, decided_by: &str, findings: Vec<Finding>) -> Measured {
    let missing: Vec<_> =
        findings.iter().filter(|finding| !finding.so).map(|finding| &*finding.what).collect();
    let verdict = match missing.as_slice() {
        [] => if_so,
        missing => Verdict::Undecided(format!("not found: {}", missing.join("; "))),
    };
    let decided_by = decided_by.to_owned();
    Measured { verdict, decided_by, figures: Vec::new(), findings, charts: Vec::new() }
}

pub(super) fn one_process(_: &Bench<'_>) -> anyhow::Result<Measured> {
    let word = AtomicU32::new(7);
    let seen: Vec<_> = thread::scope(|scope| {
        let look = || (std::process::id(), nix::unistd::gettid().as_raw(), &raw const word as usize);
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(look)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let pids: BTreeSet<_> = seen.iter().map(|(pid, ..)| *pid).collect();
    let tids: BTreeSet<_> = seen.iter().map(|(_, tid, _)| *tid).collect();
    let addresses: BTreeSet<_> = seen.iter().map(|(.., address)| *address).collect();
    let own = std::process::id();
    let other_pid = child::finds(|| std::process::id() != own)?;
    let findings = vec![
        Finding::new("four threads have the process id of the main thread", pids == BTreeSet::from([own])),
        Finding::new("each has a thread id of its own", tids.len() == THREADS),
        Finding::new("a shared variable has one address in all of them", addresses.len() == 1),
        Finding::new("a forked process has another process id", other_pid),
    ];
    let by = "4 threads: 1 process id, 4 thread ids, 1 address space; a forked process has an id of its own";
    Ok(decided(Verdict::Holds, by, findings))
}

pub(super) fn shared_memory(_: &Bench<'_>) -> anyhow::Result<Measured> {
    let word = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| word.store(1, Ordering::Relaxed));
    });
    let by_thread = word.load(Ordering::Relaxed) == 1;
    let private = AtomicU32::new(0);
    let wrote = child::finds(|| {
        private.store(1, Ordering::Relaxed);
        private.load(Ordering::Relaxed) == 1
    })?;
    let mapped = SharedMapping::<AtomicU32>::new()?;
    child::finds(|| {
        mapped.store(1, Ordering::Relaxed);
        true
    })?;
    let findings = vec![
        Finding::new("what a thread writes is seen by another", by_thread),
        Finding::new(
            "what a forked process writes is not seen by its parent",
            wrote && private.load(Ordering::Relaxed) == 0,
        ),
        Finding::new("unless it is mapped as shared", mapped.load(Ordering::Relaxed) == 1),
    ];
    let figures =
        vec![Figure::ratio("two counters on one cache line over a line each, time", false_sharing()?)];
    let by = "a thread's write is seen; a forked process's is not, unless the memory is mapped as shared";
    Ok(Measured { figures, ..decided(Verdict::Holds, by, findings) })
}

/// A counter on a cache line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Apart(AtomicU32);

/// Seconds for two threads that add to a counter each.
fn counted(a: &AtomicU32, b: &AtomicU32) -> f64 {
    seconds(|| {
        thread::scope(|scope| {
            for counter in [a, b] {
                scope.spawn(|| {
                    for _ in 0..200_000 {
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
    })
}

/// What it costs that two counters lie side by side.
fn false_sharing() -> anyhow::Result<Spread> {
    let beside: [AtomicU32; 2] = Default::default();
    let apart: [Apart; 2] = Default::default();
    let [beside, apart] = in_turn::<anyhow::Error, 2>(
        9,
        [&mut || Ok(counted(&beside[0], &beside[1])), &mut || Ok(counted(&apart[0].0, &apart[1].0))],
    )?;
    Ok(ratio(&beside, &apart))
}

/// The addresses of this thread's stack, lowest first, and the address of a local variable in it.
fn stack() -> Option<(usize, usize, usize)> {
    let local = 0_u8;
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: `pthread_getattr_np` initialises the attributes, which are read and destroyed only if it does.
    let known = unsafe {
        libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) == 0
            && libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lowest, &raw mut size) == 0
            && libc::pthread_attr_destroy(attributes.as_mut_ptr()) == 0
    };
    known.then_some((lowest as usize, lowest as usize + size, &raw const local as usize))
}

/// How far the stack grows in so many nested calls, in bytes, counted from the address `top`.
#[inline(never)]
fn depth(calls: usize, top: usize, reached: &Barrier) -> usize {
    let frame = std::hint::black_box([calls; 16]);
    let here = frame.as_ptr() as usize;
    if calls == 0 {
        // All threads are at their deepest at the same time.
        reached.wait();
        return top.abs_diff(here);
    }
    depth(frame[0] - 1, top, reached).max(top.abs_diff(here))
}

pub(super) fn thread_stacks(_: &Bench<'_>) -> anyhow::Result<Measured> {
    let met = Barrier::new(THREADS);
    let ranges: Vec<_> = thread::scope(|scope| {
        let look = || {
            // No thread ends before all have begun, or one would get the stack of another.
            met.wait();
            let seen = stack();
            met.wait();
            seen
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(look)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
    });
    let apart = |(lowest, highest, _): &(usize, usize, usize)| {
        ranges.iter().filter(|other| other.0 < *highest && *lowest < other.1).count() == 1
    };
    let reached = Barrier::new(2);
    let (deep, shallow) = thread::scope(|scope| {
        let deep = scope.spawn(|| depth(500, &raw const reached as usize, &reached));
        let deep_from = stack_used(&reached);
        (deep.join().unwrap_or(0), deep_from)
    });
    let mut local = 41;
    let borrowed = &mut local;
    thread::scope(|scope| {
        scope.spawn(move || *borrowed += 1);
    });
    let findings = vec![
        Finding::new("four threads have four stacks whose addresses do not overlap", {
            ranges.len() == THREADS && ranges.iter().all(apart)
        }),
        Finding::new("a local variable lies in its thread's own stack", {
            !ranges.is_empty()
                && ranges.iter().all(|(lowest, highest, local)| (lowest..highest).contains(&local))
        }),
        Finding::new("one is 500 calls deep while another is 5 calls deep", deep > 0 && shallow > 0),
        Finding::new("a thread changes another's local variable through a reference", local == 42),
    ];
    let by = "4 threads: 4 stacks, no overlap, a depth of its own each, and yet within reach of one another";
    Ok(decided(Verdict::DoesNotHold, by, findings))
}

/// The stack that this thread needs for five calls, while another is at its deepest.
fn stack_used(reached: &Barrier) -> usize {
    depth(5, &raw const reached as usize, reached)
}

/// Whether what an act does to a process is met by the thread beside the one that does it: a child tells.
fn met_by_threads(act: fn(), is_met: fn() -> bool) -> anyhow::Result<bool> {
    let (said, _) = child::ask(|| {
        thread::spawn(act).join().ok();
        vec![u8::from(is_met())]
    })?;
    // A child that says nothing did not survive the act.
    Ok(said != [0])
}

/// Whether what a child does to itself is met by its parent.
fn met_by_parent(act: fn(), is_met: fn() -> bool) -> anyhow::Result<bool> {
    child::Child::new(|| {
        act();
        0
    })?
    .wait()?;
    Ok(is_met())
}

/// Where nothing else of this program goes.
fn change_directory() {
    let elsewhere = if at_root() { "/tmp" } else { "/" };
    std::env::set_current_dir(elsewhere).ok();
}

fn at_root() -> bool {
    std::env::current_dir().is_ok_and(|folder| folder.as_os_str() == "/")
}

fn ignore_a_signal() {
    // SAFETY: a disposition without a handler runs no code.
    unsafe { libc::signal(libc::SIGUSR2, libc::SIG_IGN) };
}

fn signal_is_ignored() -> bool {
    // SAFETY: as above; the call tells the disposition that was there before.
    let before = unsafe { libc::signal(libc::SIGUSR2, libc::SIG_DFL) };
    before == libc::SIG_IGN
}

const VARIABLE: &str = "SELVEDGE_CLAIM";

fn change_environment() {
    // SAFETY: only called in a child of which no other thread runs at the time.
    unsafe { std::env::set_var(VARIABLE, "changed") };
}

fn environment_is_changed() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

pub(super) fn independent(_: &Bench<'_>) -> anyhow::Result<Measured> {
    // Told apart from its parent's by where it began.
    let moved: fn() -> bool = if at_root() { || !at_root() } else { at_root };
    /// What is done, how, and whether it reached the other.
    type Act = (&'static str, fn(), fn() -> bool);
    let acts: [Act; 5] = [
        ("a crash", || std::process::abort(), || false),
        // SAFETY: ends the process, which is a child.
        ("an exit", || unsafe { libc::_exit(3) }, || false),
        ("another working directory", change_directory, moved),
        ("a signal that is ignored from now on", ignore_a_signal, signal_is_ignored),
        ("a change of the environment", change_environment, environment_is_changed),
    ];
    let mut findings = Vec::new();
    for (what, act, is_met) in acts {
        findings
            .push(Finding::new(format!("{what}: the other threads meet it"), met_by_threads(act, is_met)?));
        findings
            .push(Finding::new(format!("{what}: the other process does not"), !met_by_parent(act, is_met)?));
    }
    let by = "a crash, an exit, a working directory, a signal and the environment: each hits all threads of a \
              process, and no other process";
    Ok(decided(Verdict::Holds, by, findings))
}

pub(super) fn own_memory(_: &Bench<'_>) -> anyhow::Result<Measured> {
    let mut heap = vec![7_u8; 1 << 16];
    let address = heap.as_ptr() as usize;
    let same_address = child::finds(|| {
        let before = heap.iter().all(|byte| *byte == 7);
        heap.fill(9);
        before && heap.as_ptr() as usize == address
    })?;
    let mapped = SharedMapping::<AtomicU32>::new()?;
    let child = child::Child::new(|| {
        mapped.fetch_add(1, Ordering::Relaxed);
        0
    })?;
    let ended = child.wait()?;
    let findings = vec![
        Finding::new("a forked process finds its copy at the same address", same_address),
        Finding::new("what it writes there stays its own", heap.iter().all(|byte| *byte == 7)),
        Finding::new("a mapping made as shared is common to both", {
            mapped.load(Ordering::Relaxed) == 1 && matches!(ended, WaitStatus::Exited(_, 0))
        }),
    ];
    let by = "64 KiB at one address in two processes: written in one, unchanged in the other";
    Ok(decided(Verdict::Holds, by, findings))
}

pub(super) fn process_stacks(_: &Bench<'_>) -> anyhow::Result<Measured> {
    let mut local = std::hint::black_box(41_u32);
    let address = &raw const local as usize;
    let same_place = child::finds(|| {
        local += 1;
        std::hint::black_box(&mut local);
        local == 42 && &raw const local as usize == address
    })?;
    let deep = child::finds(|| depth(500, &raw const local as usize, &Barrier::new(1)) > 0)?;
    let findings = vec![
        Finding::new("a forked process has the local variable at the same address", same_place),
        Finding::new("and what it writes there stays its own", std::hint::black_box(local) == 41),
        Finding::new("it is 500 calls deeper than its parent", deep),
    ];
    let by = "one local variable's address, two processes, two values";
    Ok(decided(Verdict::Holds, by, findings))
}
