//! The processes that explore a search together: each a fork of the one that it helps.
//!
//! A fork has the whole search in its memory, as it was when its branch was given away, so nothing needs to
//! be told it. What it finds it writes to an anonymous file that its parent reads: what the branch calls for
//! at decisions that are not its own, as it goes, and all counts at the end. Outcomes have no form outside of
//! a process; so of those that are new a helper tells a way there, and the parent executes it once more.
//!
//! A helper writes nothing else anywhere, dies with its parent, and runs only while it holds a slot; so
//! there are never more processes at work than there are slots. Of a helper that ends without a report
//! nothing is believed.

use super::fork::{exit, fork_mortal, is_alone};
use super::lockstep::{Mapping, Sharing};
use super::{Heartbeat, Helping, Holder};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a parent keeps of what a helper tells on its way.
pub(super) trait Heard: Default {
    /// What is told.
    type News: Serialize + DeserializeOwned;

    fn hear(&mut self, news: Self::News);
}

/// For helpers that tell nothing on their way.
impl Heard for () {
    type News = ();

    fn hear(&mut self, (): ()) {}
}

/// What a helper tells its parent.
#[derive(Serialize, Deserialize)]
enum Message<N, R> {
    News(N),
    /// The branch is explored.
    Ended(Box<R>),
}

/// Helpers that this process has started.
#[cfg(test)]
pub(super) static STARTED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Whether this process is a helper.
static HELPING: AtomicBool = AtomicBool::new(false);

/// Ends this process if it is a helper: its exploration came to what only its parent may come to.
pub(super) fn leave_if_helper() {
    if HELPING.load(Ordering::Relaxed) {
        exit(0);
    }
}

/// Another process, which explores a branch for this one.
pub(super) struct Helper<B, H, R> {
    branch: B,
    pid: Pid,
    /// Whether the slot that it held, maybe another than it began with, is another process's.
    unseated: bool,
    pipe: File,
    read_bytes: u64,
    /// The beginning of a message of which the rest is not there yet.
    partial: Vec<u8>,
    /// Holds its heartbeat.
    memory: Mapping,
    pub(super) heard: H,
    pub(super) report: Option<R>,
    /// Whether its process has ended.
    gone: bool,
}

impl<B, H: Heard, R: DeserializeOwned> Helper<B, H, R> {
    /// Executions that it has ended, in the order in which one process alone would.
    pub(super) fn executions(&self) -> u64 {
        self.heartbeat().executions()
    }

    fn heartbeat(&self) -> &Heartbeat {
        // SAFETY: the mapping is as large as a heartbeat, page-aligned, and lives as long as `self`; zeroed
        // memory is a valid heartbeat, and it is made of atomics, so that another process may change it.
        unsafe { &*self.memory.base().cast::<Heartbeat>() }
    }

    /// Whether nothing more is to come of it.
    pub(super) fn has_ended(&self) -> bool {
        self.report.is_some() || self.gone
    }

    /// Reads what it has told since the last look, and looks whether it is still there.
    fn look(&mut self) {
        if self.has_ended() {
            return;
        }
        // In this order: what it wrote before its end is read.
        let ended = !matches!(waitpid(self.pid, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive));
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = self.pipe.read_at(&mut bytes, self.read_bytes) {
            self.read_bytes += count as u64;
            self.partial.extend_from_slice(&bytes[..count]);
        }
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            match serde_json::from_slice(&line) {
                Ok(Message::News(news)) => self.heard.hear(news),
                Ok(Message::Ended(report)) => self.report = Some(*report),
                // Another process has written there: it is not to be believed.
                Err(_) => self.end(),
            }
        }
        self.gone |= ended;
        if self.report.is_some() {
            self.end();
        }
    }
}

impl<B, H, R> Helper<B, H, R> {
    fn process(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Sees to it that its process is no more.
    fn end(&mut self) {
        if !self.gone {
            let _ended = kill(self.pid, Signal::SIGKILL);
            let _reaped = waitpid(self.pid, None);
            self.gone = true;
        }
    }
}

impl<B, H, R> Drop for Helper<B, H, R> {
    fn drop(&mut self) {
        self.end();
    }
}

/// On which side of a fork this process is.
pub(super) enum Side {
    Parent,
    /// The heartbeat is the helper's own.
    Helper(&'static Heartbeat),
}

/// The helpers of this process, and its place among the others.
///
/// `B` names a branch, `H` is what is kept of a helper's news, and `R` its report.
pub(super) struct WorkerPool<B, H, R> {
    helping: Helping,
    family: u32,
    /// The heartbeat of the worker, where all who compute are known.
    heartbeat: &'static Heartbeat,
    /// How many parents there are above this process.
    level: usize,
    /// The slot of this process, unless it waits.
    slot: Option<usize>,
    helpers: Vec<Helper<B, H, R>>,
    /// What the helper explores that this process waits for.
    awaited: Option<B>,
    /// When there is next to be looked for an idle slot.
    next: Instant,
    /// Where a helper writes.
    pipe: Option<File>,
}

/// How much sooner than the first helper each other one is started after the one before.
const SOONER: u32 = 8;

impl<B: Copy + PartialEq, H: Heard, R: Serialize + DeserializeOwned> WorkerPool<B, H, R> {
    /// A pool of one, if this process may fork: it has no other thread.
    pub(super) fn new(helping: Helping, heartbeat: &'static Heartbeat) -> Option<Self> {
        // Helpers of helpers become children of this process when those are gone, and can be awaited.
        let _refused = set_child_subreaper(true);
        is_alone().then(|| WorkerPool {
            helping,
            family: std::process::id(),
            heartbeat,
            level: 0,
            slot: Some(helping.own),
            helpers: Vec::new(),
            awaited: None,
            next: Instant::now() + helping.after,
            pipe: None,
        })
    }

    fn me(&self) -> Holder {
        Holder { family: self.family, process: std::process::id() }
    }

    /// A slot for another helper, if it is time for one and there is one.
    pub(super) fn claim(&mut self) -> Option<usize> {
        let now = Instant::now();
        if now < self.next {
            return None;
        }
        self.next = now + self.helping.after / SOONER;
        // A design can start threads at any time.
        if !is_alone() {
            return None;
        }
        if self.slot.is_none() && self.awaited.is_none() {
            self.slot = Some(self.helping.slots.claim(self.me())?);
        }
        self.helping.slots.claim(self.me())
    }

    /// Gives a claimed slot back.
    pub(super) fn release(&self, slot: usize) {
        self.helping.slots.release(slot);
    }

    /// Starts a helper with a claimed slot.
    ///
    /// # Errors
    /// If the system has no room for it.
    pub(super) fn start(&mut self, branch: B, slot: usize) -> anyhow::Result<Side> {
        let pipe = File::from(memfd_create("selvedge-helper", MFdFlags::MFD_CLOEXEC)?);
        let memory = Mapping::new(size_of::<Heartbeat>(), align_of::<Heartbeat>(), Sharing::Shared)?;
        let seat = self.me();
        match fork_mortal()? {
            ForkResult::Parent { child } => {
                #[cfg(test)]
                STARTED.fetch_add(1, Ordering::Relaxed);
                let process = child.as_raw().unsigned_abs();
                self.helping.slots.pass(slot, seat, Holder { process, ..seat });
                self.helpers.push(Helper {
                    branch,
                    pid: child,
                    unseated: false,
                    pipe,
                    read_bytes: 0,
                    partial: Vec::new(),
                    memory,
                    heard: H::default(),
                    report: None,
                    gone: false,
                });
                Ok(Side::Parent)
            }
            ForkResult::Child => {
                // Whichever side comes first.
                self.helping.slots.pass(slot, seat, self.me());
                settle();
                // They are the parent's, who still needs them.
                std::mem::forget(std::mem::take(&mut self.helpers));
                self.slot = Some(slot);
                self.awaited = None;
                self.level += 1;
                self.pipe = Some(pipe);
                // SAFETY: as for `Helper::heartbeat`; this process never unmaps it.
                let heartbeat = unsafe { &*memory.base().cast::<Heartbeat>() };
                std::mem::forget(memory);
                Ok(Side::Helper(heartbeat))
            }
        }
    }

    /// Reads what all helpers have told, and gives the slots of those that have ended back; or takes it over,
    /// if this process waits for that one.
    pub(super) fn look(&mut self) {
        let (me, awaited) = (self.me(), self.awaited);
        for helper in &mut self.helpers {
            helper.look();
            if !helper.has_ended() || std::mem::replace(&mut helper.unseated, true) {
                continue;
            }
            // One that died while it waited held none.
            let slot = self.helping.slots.find(Holder { process: helper.process(), ..me });
            if let Some(slot) = slot {
                if self.slot.is_none() && awaited == Some(helper.branch) {
                    self.helping.slots.hand_over(slot, me);
                    self.slot = Some(slot);
                } else {
                    self.helping.slots.release(slot);
                }
            }
        }
    }

    /// Gives the slot of this process back, which waits for one of its helpers.
    pub(super) fn rest(&mut self, branch: B) {
        let at_work = |helper: &&Helper<B, H, R>| helper.branch == branch && !helper.has_ended();
        if let Some(helper) = self.helpers.iter().find(at_work) {
            self.awaited = Some(branch);
            crate::heartbeat::begin_execution();
            self.heartbeat.set_pid(self.level, helper.process());
            if let Some(slot) = self.slot.take() {
                self.helping.slots.release(slot);
            }
        }
    }

    /// Ends the waiting for a helper, and the helper if it is still at work.
    pub(super) fn dismiss(&mut self, branch: B) -> Option<Helper<B, H, R>> {
        self.heartbeat.set_pid(self.level, 0);
        crate::heartbeat::end_execution();
        self.awaited = Some(branch);
        if let Some(helper) = self.helper(branch) {
            helper.end();
        }
        self.look();
        self.awaited = None;
        let place = self.helpers.iter().position(|helper| helper.branch == branch)?;
        Some(self.helpers.remove(place))
    }

    /// The helper that explores this branch.
    pub(super) fn helper(&mut self, branch: B) -> Option<&mut Helper<B, H, R>> {
        self.helpers.iter_mut().find(|helper| helper.branch == branch)
    }

    /// What is known of the branches that others explore.
    pub(super) fn heard(&self) -> impl Iterator<Item = (B, &H)> {
        self.helpers.iter().map(|helper| (helper.branch, &helper.heard))
    }

    fn tell(&mut self, message: &Message<H::News, R>) {
        let Some(pipe) = &mut self.pipe else { return };
        let written = serde_json::to_vec(message).map_err(std::io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            pipe.write_all(&line)
        });
        if written.is_err() {
            // The parent finds no report.
            exit(0);
        }
    }

    pub(super) fn tell_news(&mut self, news: H::News) {
        self.tell(&Message::News(news));
    }

    /// Reports a branch that is explored, and ends this process.
    pub(super) fn report(&mut self, report: R) -> ! {
        self.tell(&Message::Ended(Box::new(report)));
        exit(0)
    }

    /// Whether this process explores a branch for another.
    pub(super) fn is_helper(&self) -> bool {
        self.pipe.is_some()
    }

    /// Whether there are helpers.
    pub(super) fn has_helpers(&self) -> bool {
        !self.helpers.is_empty()
    }
}

impl<B, H, R> Drop for WorkerPool<B, H, R> {
    fn drop(&mut self) {
        if self.pipe.is_some() {
            // A helper has no other end than its report.
            exit(0);
        }
        let own = Holder { family: self.family, process: std::process::id() };
        for helper in &mut self.helpers {
            helper.end();
            if let Some(slot) = self.helping.slots.find(Holder { process: helper.process(), ..own }) {
                self.helping.slots.release(slot);
            }
        }
        if self.level == 0 {
            // What helpers of helpers held; they are dying with these, and until then they take slots and give
            // some back.
            await_children();
            self.helping.slots.release_others(own);
            self.slot = self.slot.or_else(|| self.helping.slots.claim(own));
        }
    }
}

/// Waits until no child is left, within reason: a design may have started processes of its own.
fn await_children() {
    let start = Instant::now();
    while start.elapsed() < FAREWELL {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => std::thread::sleep(NAP / 2),
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// Arranges to be heard by nothing but the parent: on one core, what is still to be explored would not have been
/// heard yet.
fn settle() {
    HELPING.store(true, Ordering::Relaxed);
    crate::heartbeat::disconnect();
    if let Ok(nowhere) = OpenOptions::new().write(true).open("/dev/null") {
        for stream in [libc::STDOUT_FILENO, libc::STDERR_FILENO] {
            // SAFETY: both are descriptors of this process alone.
            unsafe { libc::dup2(nowhere.as_raw_fd(), stream) };
        }
    }
}

/// How long the helpers of helpers have to die with those.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long to sleep before the next look at a helper.
pub(super) const NAP: Duration = Duration::from_micros(500);
