//! The processes of the actors, as their parent sees them: started together, and all reaped, whatever
//! happens.
//!
//! Limit: processes that an actor starts itself are not known here.

use super::super::Heartbeat;
use super::Ended;
use super::child::{Actor, Life, fork_actor};
use super::memory::{Control, Progress, Report};
use crate::base::failure::{Crash, How, ProcessExit, Who};
use crate::base::observation::NotApplicable;
use crate::scenario::Exit;
use anyhow::{Context as _, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Dropping a family kills and reaps all processes that are left.
pub(super) struct ProcessGroup {
    heartbeat: &'static Heartbeat,
    /// The address space that each may have, in mebibytes.
    limit_mib: u64,
    /// By place in the design; `None` once reaped.
    living: Vec<Option<Pid>>,
    deaths: Vec<Option<ProcessExit>>,
    /// Who was the first to die, before the others were killed for it.
    culprit: Option<usize>,
}

/// How little of its address space is left of a process that aborts for want of memory: an allocator asks for a lot at
/// once.
const SLACK_MIB: u64 = 160;

impl ProcessGroup {
    /// Forks a process for each actor.
    pub(super) fn start<'a>(
        heartbeat: &'static Heartbeat,
        limit_mib: u64,
        actors: impl IntoIterator<Item = Actor<'a>>,
        life: Life,
    ) -> anyhow::Result<Self> {
        let mut family = Self { heartbeat, limit_mib, living: Vec::new(), deaths: Vec::new(), culprit: None };
        for actor in actors {
            let pid = fork_actor(actor, life).context("cannot fork a process for an actor")?;
            heartbeat.set_pid(actor.place, pid.as_raw().unsigned_abs());
            family.living.push(Some(pid));
            family.deaths.push(None);
        }
        Ok(family)
    }

    /// Whether no process has ended since the last look.
    pub(super) fn is_complete(&mut self) -> bool {
        self.reap(libc::WNOHANG);
        self.living.iter().all(Option::is_some)
    }

    /// Waits until every process has ended. One that dies takes the others down, unless they are to
    /// survive it.
    pub(super) fn await_all(&mut self, control: &Control, survives_deaths: bool) {
        loop {
            self.reap(libc::WNOHANG);
            // Before the look at who is left: the last of them may have died.
            self.culprit = self.culprit.or_else(|| self.failed(control));
            if self.living.iter().all(Option::is_none) {
                return;
            }
            if self.culprit.is_some() {
                // A process that has not set off yet never will.
                control.line_up.break_up();
                if !survives_deaths {
                    self.kill();
                }
            }
            self.await_change();
        }
    }

    /// An actor whose process ended before it had acted.
    fn failed(&self, control: &Control) -> Option<usize> {
        (0..self.deaths.len()).find(|&actor| {
            let progress = control.reports[actor].progress();
            let ended_well = matches!(progress, Progress::Returned | Progress::KeptOut);
            self.deaths[actor].is_some_and(|death| !ended_well || death != ProcessExit::Code(0))
        })
    }

    /// How each actor ended, once all have.
    ///
    /// # Errors
    /// If one was killed before it could act.
    pub(super) fn exits(
        &self,
        control: &Control,
        survives_deaths: bool,
    ) -> anyhow::Result<Result<Vec<Exit<()>>, Ended>> {
        if let Some(ended) = Self::panic(control) {
            return Ok(Err(ended));
        }
        if let Some(actor) = self.culprit
            && let Some(death) = self.deaths[actor]
            && !survives_deaths
        {
            return Ok(Err(Ended::Crashed(Crash::new(Who::Actor(actor), self.how(death)))));
        }
        let exits = self.deaths.iter().zip(&control.reports);
        let exits = exits.map(|(death, report)| match (report.progress(), death) {
            (Progress::Returned, None | Some(ProcessExit::Code(0))) => Ok(Exit::Returned(())),
            (Progress::Underway | Progress::Returned, Some(ProcessExit::Signal(signal))) => {
                Ok(Exit::Killed(*signal))
            }
            (Progress::Underway | Progress::Returned, Some(ProcessExit::Code(code))) => {
                Ok(Exit::Exited(*code))
            }
            _ => bail!("an actor's process was killed before the actors set off"),
        });
        exits.collect::<anyhow::Result<_>>().map(Ok)
    }

    /// How an actor crashed whose process has ended like this.
    fn how(&self, death: ProcessExit) -> How {
        let is = |signal: Signal| death == ProcessExit::Signal(signal as i32);
        let full = |space: u32| u64::from(space) + SLACK_MIB >= self.limit_mib;
        if (is(Signal::SIGABRT) || is(Signal::SIGSEGV)) && self.heartbeat.has_overflowed() {
            return How::StackOverflow;
        }
        match self.heartbeat.fatal_panic().filter(|_| is(Signal::SIGABRT)) {
            Some(message) => How::PanicThatCannotUnwind { message },
            None if is(Signal::SIGABRT) && self.heartbeat.space_mib().is_some_and(full) => {
                How::OutOfMemory { limit_mib: self.limit_mib }
            }
            None => How::Ended(death),
        }
    }

    /// What went wrong, after the meetings were broken up; kills and reaps every process.
    pub(super) fn autopsy(&mut self, control: &Control) -> Ended {
        // Before killing: a process that is killed below did not die of the design.
        self.reap(libc::WNOHANG);
        let died = self.failed(control).and_then(|actor| {
            let death = self.deaths[actor]?;
            let who = match control.reports[actor].progress() {
                Progress::Making => Who::State,
                _ => Who::Actor(actor),
            };
            Some(Ended::Crashed(Crash::new(who, self.how(death))))
        });
        self.kill();
        self.reap(0);
        let unknown = || Ended::Crashed(Crash::new(Who::Process, How::Unknown));
        Self::panic(control).or(died).unwrap_or_else(unknown)
    }

    fn panic(control: &Control) -> Option<Ended> {
        let ended = |(actor, report): (usize, &Report)| {
            let panicked = || How::panicked(report.words().as_deref());
            match report.progress() {
                Progress::Panicked => Some(Ended::Crashed(Crash::new(Who::Actor(actor), panicked()))),
                Progress::Unmade => Some(Ended::Crashed(Crash::new(Who::State, panicked()))),
                Progress::Unshareable => {
                    let reason = report.words().unwrap_or_default();
                    Some(Ended::NotApplicable(NotApplicable::CannotBeShared(reason)))
                }
                _ => None,
            }
        };
        control.reports.iter().enumerate().find_map(ended)
    }

    fn kill(&self) {
        for pid in self.living.iter().flatten() {
            // A process that has just ended is still there to be signalled until it is reaped.
            let _ended = kill(*pid, Signal::SIGKILL);
        }
    }

    /// Reaps who has ended; with no flags, waits for all to end.
    fn reap(&mut self, flags: i32) {
        for actor in 0..self.living.len() {
            if let Some(pid) = self.living[actor]
                && let Some(death) = wait_for(pid, flags)
            {
                self.living[actor] = None;
                self.deaths[actor] = Some(death);
                self.heartbeat.set_pid(actor, 0);
                if let Some(flag) = self.heartbeat.waiting_flag(actor) {
                    flag.store(0, Ordering::Relaxed);
                }
            }
        }
    }

    /// Sleeps until some child process has ended, and leaves it to be reaped.
    fn await_change(&self) {
        let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the kernel fills in the information, which lives until the call returns; all zeroes
        // are a valid value of it if it does not.
        let ended = unsafe {
            libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), libc::WEXITED | libc::WNOWAIT);
            info.assume_init().si_pid()
        };
        let ours = self.living.iter().flatten().any(|pid| pid.as_raw() == ended);
        if !ours {
            // A child that is not ours to reap would be reported again at once.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
        self.reap(0);
    }
}

/// How a child of ours ended, or `None` if it has not yet (and `flags` say not to wait).
fn wait_for(pid: Pid, flags: i32) -> Option<ProcessExit> {
    loop {
        let mut status = 0;
        // SAFETY: the kernel writes the status, which lives until the call returns.
        let reaped = unsafe { libc::waitpid(pid.as_raw(), &raw mut status, flags) };
        if reaped == pid.as_raw() {
            return Some(if libc::WIFSIGNALED(status) {
                ProcessExit::Signal(libc::WTERMSIG(status))
            } else {
                ProcessExit::Code(libc::WEXITSTATUS(status))
            });
        }
        match Errno::last() {
            Errno::EINTR if reaped < 0 => {}
            // Another process has reaped it, so all that is known is that it is gone.
            Errno::ECHILD if reaped < 0 => return Some(ProcessExit::Code(0)),
            _ => return None,
        }
    }
}
