//! Watching a running worker until it ends, stands still, or is out of time.
//!
//! A standstill is a hang only where there is evidence: an execution is under way, nothing that shows progress changes,
//! and the design computes all the while, or sleeps without a time at which it would wake. Where the harness itself is
//! at work (looking for a shorter execution, grading, shrinking) there is no execution, and no hang. Everything else
//! that takes too long is out of time, which says nothing about the design.
//!
//! Limits: Linux (`/proc`). A loop that naps between looks is out of time, not a hang; so is a computation between two
//! operations of a design that takes less than the limit. On a busy machine a worker that gets no processor neither
//! computes nor sleeps, and is given longer; time that it waits for one does not count against its limit.

use super::interrupt;
use super::orphans;
use super::output::Output;
use super::seat::Seat;
use crate::base::budget::Budget;
use crate::engine::{Heartbeat, Shrinking};
use anyhow::bail;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// How a worker ended.
pub(crate) enum End {
    Exited(ExitStatus),
    /// Its design makes no progress; whether it sleeps.
    Stalled {
        asleep: bool,
    },
    /// Its time was over, this much.
    OutOfTime(Duration),
}

/// A running worker; killed with all that it has started when dropped.
pub(super) struct Worker {
    child: Child,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The worker leads a process group of its own, which may outlive it by an actor or two.
        // It is gone already in the normal case: then there is nothing to signal.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.child.kill();
        let _ = self.child.wait();
        orphans::forget(self.child.id());
        // What has left the group, or never was in it, is our child by now.
        orphans::end();
    }
}

impl Worker {
    pub(super) fn new(child: Child) -> Self {
        Worker { child }
    }

    /// What `wait` comes to, which waits for its end in a way of its own.
    pub(super) fn with_child<R>(mut self, wait: impl FnOnce(&mut Child) -> R) -> R {
        wait(&mut self.child)
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }

    /// Waits until the worker ends, stalls, or has had `limit` (and, while it shrinks a program, the time for that).
    pub(super) fn watch(
        mut self,
        watched: &Watched<'_>,
        budget: &Budget,
        limit: Duration,
    ) -> anyhow::Result<End> {
        let Watched { heartbeat, seat, output, listen } = watched;
        let begun = Instant::now();
        let patience = Duration::from_millis(budget.stall_ms);
        let mut nap = Duration::from_micros(500);
        let mut told = None;
        let mut has_shrunk = false;
        let mut stall = Stall::begin(&self, heartbeat);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(End::Exited(status));
            }
            if interrupt::interrupted() {
                bail!("interrupted");
            }
            std::thread::sleep(nap);
            output.cap();
            seat.lend();
            let shrinking = heartbeat.shrinking();
            if let Some(shrinking) = shrinking.filter(|_| shrinking != told) {
                listen(shrinking);
            }
            told = shrinking;
            has_shrunk |= shrinking.is_some();
            nap = (nap * 5 / 4).min(Duration::from_millis(10));
            let shrinks = if has_shrunk { budget.shrinking_ms } else { 0 };
            let limit = limit + Duration::from_millis(shrinks);
            let elapsed = begun.elapsed();
            if elapsed >= limit
                && (elapsed >= limit * MOST_TIMES || elapsed.saturating_sub(self.waited(heartbeat)) >= limit)
            {
                return Ok(End::OutOfTime(elapsed));
            }
            match stall.look(&self, heartbeat, patience) {
                Look::GoesOn => stall = Stall::begin(&self, heartbeat),
                Look::Waits => {}
                Look::Stands { asleep } => return Ok(End::Stalled { asleep }),
            }
        }
    }

    /// The processes in which the design runs.
    fn processes(&self, heartbeat: &Heartbeat) -> Vec<u32> {
        let actors = heartbeat.pids();
        if actors.is_empty() { vec![self.child.id()] } else { actors }
    }

    /// Computing time of the worker and its actors so far.
    fn computed(&self, heartbeat: &Heartbeat) -> Duration {
        let pids = heartbeat.pids().into_iter().chain([self.child.id()]);
        pids.filter_map(computing_time).sum()
    }

    /// How long the one of them that had to wait longest has waited for a processor.
    fn waited(&self, heartbeat: &Heartbeat) -> Duration {
        let pids = heartbeat.pids().into_iter().chain([self.child.id()]);
        pids.filter_map(waiting_time).max().unwrap_or_default()
    }

    /// Memory of the worker and its actors, in pages.
    fn memory(&self, heartbeat: &Heartbeat) -> u64 {
        let pids = heartbeat.pids().into_iter().chain([self.child.id()]);
        pids.filter_map(resident_pages).sum()
    }
}

/// What is looked after while a worker runs.
pub(super) struct Watched<'a> {
    pub(super) heartbeat: &'a Heartbeat,
    pub(super) seat: &'a Seat,
    pub(super) output: &'a Output,
    /// Told how far shrinking is, while a program is being shrunk.
    pub(super) listen: &'a dyn Fn(Shrinking),
}

/// A standstill: since when, and how much was computed before.
struct Stall {
    progress: (u64, u64),
    since: Instant,
    computed: Duration,
    pages: u64,
}

/// What a look at a worker shows.
enum Look {
    GoesOn,
    Waits,
    Stands { asleep: bool },
}

/// Pages by which memory must grow to count as progress: it cannot grow for ever.
const GROWTH: u64 = 4096;

impl Stall {
    fn begin(worker: &Worker, heartbeat: &Heartbeat) -> Self {
        Self {
            progress: heartbeat.progress(),
            since: Instant::now(),
            computed: worker.computed(heartbeat),
            pages: worker.memory(heartbeat),
        }
    }

    /// Whether it has lasted: `patience` of computing without an end, or asleep all along.
    fn look(&self, worker: &Worker, heartbeat: &Heartbeat, patience: Duration) -> Look {
        if heartbeat.progress() != self.progress {
            return Look::GoesOn;
        }
        let waited = self.since.elapsed();
        // Actors that all say that they wait for each other need less time to be believed.
        let asleep_for = if all_wait(heartbeat) { patience / 12 } else { patience };
        if waited < asleep_for.min(patience) {
            return Look::Waits;
        }
        if !heartbeat.is_executing() {
            return Look::GoesOn;
        }
        let computed = worker.computed(heartbeat).saturating_sub(self.computed);
        if computed >= patience {
            let grows = worker.memory(heartbeat) > self.pages + GROWTH;
            return if grows { Look::GoesOn } else { Look::Stands { asleep: false } };
        }
        // One that gets no processor, or waits for memory, does not sleep.
        if computed >= waited / 50 || !worker.processes(heartbeat).into_iter().all(is_asleep) {
            return Look::Waits;
        }
        if worker.processes(heartbeat).into_iter().any(sleeps_for_a_time) {
            return Look::GoesOn;
        }
        Look::Stands { asleep: true }
    }
}

/// How many times as long as its limit a worker may take on a machine that is busy with others.
const MOST_TIMES: u32 = 4;

/// Whether all actors that are watched wait for each other.
pub(super) fn all_wait(heartbeat: &Heartbeat) -> bool {
    let (waiting, watched) = heartbeat.waiting();
    watched > 0 && waiting.len() == watched
}

/// User and system time of a process, or `None` if it is gone.
fn computing_time(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the program's name, is in parentheses and may hold anything; utime and stime are
    // the 14th and 15th.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??;
    let ticks = user.saturating_add(system).saturating_mul(1000);
    Some(Duration::from_millis(ticks / u64::try_from(per_second).ok()?.max(1)))
}

/// How long the first thread of a process could have run and did not, for want of a processor.
fn waiting_time(pid: u32) -> Option<Duration> {
    let times = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    times.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

/// The pages of a process that are in memory.
fn resident_pages(pid: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    statm.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Whether all threads of this process sleep until something wakes them.
fn is_asleep(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.filter_map(Result::ok).all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with('S'))
    })
}

/// Whether a thread of this process is in a system call that ends by itself when its time is over.
///
/// A timed wait on a futex counts if its time is absolute, as `std` has it: those of the harness are relative, short,
/// and come again and again.
fn sleeps_for_a_time(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.filter_map(Result::ok).any(|thread| {
        std::fs::read_to_string(thread.path().join("syscall")).is_ok_and(|call| is_timed(&call))
    })
}

fn is_timed(call: &str) -> bool {
    let mut words = call.split_ascii_whitespace();
    let Some(number) = words.next().and_then(|word| word.parse::<libc::c_long>().ok()) else { return false };
    let arguments: Vec<u64> =
        words.filter_map(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok()).collect();
    let argument = |place: usize| arguments.get(place).copied().unwrap_or(0);
    match number {
        libc::SYS_clock_nanosleep | libc::SYS_nanosleep => true,
        libc::SYS_ppoll => argument(2) != 0,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll => argument(2) != 0 && argument(2) >> 31 == 0,
        libc::SYS_futex => {
            const FLAGS: u64 = (libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME) as u64;
            argument(1) & !FLAGS == libc::FUTEX_WAIT_BITSET as u64 && argument(3) != 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_is_told_from_a_wait_that_nothing_ends() {
        let call =
            |number: libc::c_long, arguments: &str| is_timed(&format!("{number} {arguments} 0x7ff 0x7f0"));
        assert!(call(libc::SYS_clock_nanosleep, "0x0 0x0 0x7ffe 0x7ffe 0x0 0x0"));
        assert!(call(libc::SYS_futex, "0x7f00 0x89 0x1 0x7ffe 0x0 0xffffffff"));
        assert!(!call(libc::SYS_futex, "0x7f00 0x89 0x1 0x0 0x0 0xffffffff"));
        assert!(!call(libc::SYS_futex, "0x7f00 0x0 0x1 0x7ffe 0x0 0x0"));
        assert!(!is_timed("running"));
        assert!(!is_timed(""));
    }

    #[test]
    fn a_process_has_memory_and_has_computed() {
        let own = std::process::id();
        assert!(resident_pages(own).is_some_and(|pages| pages > 0));
        assert!(!is_asleep(own) && !is_asleep(u32::MAX), "this thread runs");
        assert!(computing_time(own).is_some());
        assert_eq!(computing_time(u32::MAX), None);
    }
}
