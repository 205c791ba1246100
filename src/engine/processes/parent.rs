//! The parent's side: makes the first states, lets the actors make and walk the others, observes them all.
//!
//! Limit: states of an array that was never observed (because an actor died, or making one panicked) are
//! leaked; nothing can tell which of them are whole.

use super::super::Task;
use super::super::fork::may_fork;
use super::super::lockstep::{Cores, Leg, Patience, Tuner, words_of};
use super::Ended;
use super::child::{Actor, Life};
use super::memory::Ground;
use super::owned::{self, Fields, PrivateMemory};
use super::process_group::ProcessGroup;
use crate::base::failure::{Crash, How, Who};
use crate::base::observation::NotApplicable;
use crate::channel::{NotForProcesses, blocks_made};
use crate::choice;
use crate::rt::process::{Arena, install};
use crate::scenario::Exit;
use anyhow::Context as _;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// Descriptors that are left to the actors themselves.
const SPARE_DESCRIPTORS: usize = 64;

/// Samples as long as the budget says. Returns how many samples were observed, and what ended it early.
pub(super) fn sample(task: &Task<'_>) -> anyhow::Result<(u64, Option<Ended>)> {
    let arena_bytes = usize::try_from(task.budget.memory_mib / 8)?.max(1) << 20;
    let arena = Arena::map(arena_bytes).context("cannot map memory for locks")?;
    // SAFETY: the guard is dropped before the arena, and states that live longer are leaked.
    let _installed = unsafe { install(&arena) };
    let ground = Ground::lay_out(task)?;
    let cores = Cores::of_this_thread();
    let mut sampling = Sampling {
        task,
        ground,
        cores: cores.clone(),
        mark: arena.mark(),
        arena: &arena,
        arena_bytes,
        executions: 0,
        ready: 0,
        channel_blocks: Vec::new(),
        unwalked: None,
        fields: None,
        walked: task.facts.isolated,
    };
    let ended = sampling.run();
    cores.unpin();
    Ok((sampling.executions, ended?))
}

/// `Ok(Err(_))` is what the design did, `Err(_)` what the harness could not do.
type Step<T = ()> = anyhow::Result<Result<T, Ended>>;

/// Goes on if the design did nothing wrong.
macro_rules! proceed {
    ($step:expr) => {
        match $step? {
            Ok(value) => value,
            Err(ended) => return Ok(Err(ended)),
        }
    };
}

struct Sampling<'a> {
    task: &'a Task<'a>,
    ground: Ground,
    cores: Cores,
    /// Where locks of the states are made, and of the actors.
    arena: &'a Arena,
    arena_bytes: usize,
    /// How far the arena was used before any state was made.
    mark: usize,
    executions: u64,
    /// States that are made and not walked yet.
    ready: usize,
    /// The heap blocks of the channels in the first state.
    channel_blocks: Vec<usize>,
    /// The words of the first states that will be walked, until they have been compared with what they are then.
    unwalked: Option<Vec<usize>>,
    /// Which words of a state may come to point into the heap; `None` if none can, or those that do are fine.
    fields: Option<Fields>,
    walked: bool,
}

impl Sampling<'_> {
    fn run(&mut self) -> anyhow::Result<Option<Ended>> {
        choice::begin_stream(self.task.budget.seed, self.task.program.actors(), 0);
        let before = open_descriptors()?;
        if let Err(ended) = self.make_noting_channels(1)? {
            return Ok(Some(ended));
        }
        let opened = open_descriptors()?.saturating_sub(before);
        let facts = self.task.facts;
        if !facts.isolated
            && let Err(ended) = self.refuse_owned_memory()?
        {
            return Ok(Some(ended));
        }
        let longest = self.longest(opened, before)?;
        let mut tuner = Tuner::new(longest, self.task.budget.sampling());
        let ended = if opened > 0 || facts.isolated || facts.survives_deaths {
            self.sample_in_batches(&mut tuner)
        } else {
            self.sample_at_length(&mut tuner)
        };
        Ok(ended?.err())
    }

    /// The longest array that descriptors and the arena allow.
    fn longest(&self, opened: usize, open: usize) -> anyhow::Result<usize> {
        let mut longest = self.ground.capacity;
        if self.task.facts.survives_deaths {
            longest = 1;
        }
        if let Some(opened) = NonZeroUsize::new(opened) {
            let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("cannot read a limit")?;
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("cannot raise a limit")?;
            let free = usize::try_from(hard)?.saturating_sub(open + SPARE_DESCRIPTORS);
            longest = longest.min(free / opened);
        }
        let locks_bytes = self.arena.mark() - self.mark;
        if locks_bytes > 0 {
            // What alignment wastes may differ from state to state.
            longest = longest.min(self.arena_bytes / (2 * locks_bytes));
        }
        Ok(longest.max(1))
    }

    /// One family walks all arrays.
    fn sample_at_length(&mut self, tuner: &mut Tuner) -> Step {
        let mut family = proceed!(self.family(Life::Long));
        let own_core = self.cores.count() > self.task.program.actors();
        self.cores.pin_to(if own_core { self.task.program.actors() } else { 0 });
        let patience = if own_core { Patience::with_own_core(true) } else { Patience::ASLEEP };
        let exits = vec![Exit::Returned(()); self.task.program.actors()];
        while let Some((config, lasting)) = tuner.next_leg() {
            let start = Instant::now();
            loop {
                // The first array is looked at before it is walked, so it is made here.
                let unmade = self.walked;
                if unmade {
                    self.forget_locks();
                } else {
                    proceed!(self.make_to_walk(config.stride));
                }
                let control = self.ground.control();
                control.set_unmade(unmade);
                control.set_config(Some(config));
                let met = control.start.wait_checking(patience, || family.is_complete()).and_then(|()| {
                    let go_on = || family.is_complete();
                    control.finish.wait_checking(patience, go_on)
                });
                if met.is_err() {
                    let ended = family.autopsy(control);
                    return Ok(Err(self.blame(ended, config.stride)?));
                }
                proceed!(self.observe(config.stride, &exits));
                if start.elapsed() >= lasting {
                    break;
                }
            }
            self.report_leg(tuner, start);
        }
        let control = self.ground.control();
        control.set_config(None);
        if control.start.wait_checking(patience, || family.is_complete()).is_err() {
            return Ok(Err(family.autopsy(control)));
        }
        family.await_all(control, false);
        Ok(family.exits(control, false)?.map(|_| ()))
    }

    /// A family for each array.
    fn sample_in_batches(&mut self, tuner: &mut Tuner) -> Step {
        let survives_deaths = self.task.facts.survives_deaths;
        while let Some((config, lasting)) = tuner.next_leg() {
            let start = Instant::now();
            loop {
                proceed!(self.make_to_walk(config.stride));
                self.ground.renew_control();
                let mut family = proceed!(self.family(Life::OneBatch(config)));
                let control = self.ground.control();
                family.await_all(control, survives_deaths);
                let exits = match family.exits(control, survives_deaths)? {
                    Ok(exits) => exits,
                    Err(ended) => return Ok(Err(self.blame(ended, config.stride)?)),
                };
                proceed!(self.observe(config.stride, &exits));
                if start.elapsed() >= lasting {
                    break;
                }
            }
            self.report_leg(tuner, start);
        }
        Ok(Ok(()))
    }

    fn report_leg(&self, tuner: &mut Tuner, start: Instant) {
        let leg = Leg { executions: self.executions, took: start.elapsed() };
        tuner.walked(leg, || self.task.program.outcomes());
    }

    /// # Errors
    /// If the system has no room for the processes.
    fn family(&self, life: Life) -> Step<ProcessGroup> {
        if !may_fork() {
            return Ok(Err(Ended::NotApplicable(NotApplicable::StartsThreads)));
        }
        let actors = self.task.program.actors();
        let all_have_cores = actors <= self.cores.count();
        let parent_has_core = actors < self.cores.count();
        let members = (0..actors).map(|place| Actor {
            place,
            program: &*self.task.program,
            ground: &self.ground,
            heartbeat: self.task.heartbeat,
            cores: &self.cores,
            // The first actor shares its core with the parent if there is none left for it.
            patience: if place == 0 && !parent_has_core && matches!(life, Life::Long) {
                Patience::ASLEEP
            } else {
                Patience::with_own_core(all_have_cores)
            },
            seed: self.task.budget.seed,
            walked: self.executions,
        });
        ProcessGroup::start(self.task.heartbeat, self.task.budget.memory_mib, members, life).map(Ok)
    }

    /// Makes as many states, but for those that are there already.
    fn make(&mut self, count: usize) -> Step {
        let ready = std::mem::take(&mut self.ready);
        if ready == 0 {
            self.forget_locks();
        }
        // States that will be searched for pointers are made one by one, each over a stack without any.
        let searched = !self.walked;
        let batch = if searched { 1 } else { count.max(1) };
        let made = catch_unwind(AssertUnwindSafe(|| {
            for first in (ready.min(count)..count).step_by(batch) {
                if searched {
                    owned::scrub_stack(owned::NO_ADDRESS[first % 2]);
                }
                // SAFETY: mapped for `capacity` states; actors wait for the start, or do not exist.
                unsafe {
                    self.ground.plot.make(&*self.task.program, first..count.min(first + batch));
                }
            }
        }));
        Ok(made.map_err(|payload| panicked(Who::State, &*payload)))
    }

    /// Takes the memory of locks back for those of the next array.
    fn forget_locks(&self) {
        // SAFETY: every state that was made before was observed, and so dropped.
        unsafe { self.arena.reset_to(self.mark) };
    }

    /// Makes as many states, which will be walked.
    fn make_to_walk(&mut self, count: usize) -> Step {
        proceed!(self.make(count));
        if !self.walked {
            self.walked = true;
            self.unwalked = Some(self.words_of_states(0, count)?);
        }
        Ok(Ok(()))
    }

    /// Observes what was walked.
    fn observe(&mut self, count: usize, exits: &[Exit<()>]) -> Step {
        if self.own_heap(count)? {
            return Ok(Err(owns_heap()));
        }
        self.unwalked = None;
        let observed = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: made by `make`; who is said to have returned has walked them all; all actors wait
            // for the next start, or are gone.
            unsafe {
                self.ground.plot.observe(&*self.task.program, 0..count, exits);
            }
        }));
        Ok(match observed {
            Ok(()) => {
                self.executions += count as u64;
                self.task.heartbeat.advance(count as u64);
                Ok(())
            }
            Err(payload) => Err(panicked(Who::Observation, &*payload)),
        })
    }

    /// The first states, up to so many, and the heap blocks of their channels.
    fn make_noting_channels(&mut self, count: usize) -> Step {
        let (made, blocks) = blocks_made(|| self.make(count));
        self.channel_blocks.extend(blocks);
        self.ready = count;
        made
    }

    /// Turns a state away that points into private memory, and notes which of its words may come to do so. What a
    /// first call alone leaves in its padding passes: it is not there in a second state.
    fn refuse_owned_memory(&mut self) -> Step {
        let may_point = self.task.program.layouts().state.align() >= align_of::<usize>();
        if self.private_words(0)?.is_empty() && !may_point {
            return Ok(Ok(()));
        }
        proceed!(self.make_noting_channels(2));
        let second = self.private_words(1)?;
        if self.private_words(0)?.iter().any(|place| second.contains(place)) {
            return Ok(Err(owns_heap()));
        }
        self.fields =
            may_point.then_some(Fields::of(&self.words_of_states(0, 1)?, &self.words_of_states(1, 1)?));
        Ok(Ok(()))
    }

    /// What a family has come to that ended before its time: the death of an actor that followed a pointer into the
    /// memory of another is not the design's.
    fn blame(&self, ended: Ended, count: usize) -> anyhow::Result<Ended> {
        Ok(if self.own_heap(count)? { owns_heap() } else { ended })
    }

    /// Whether one of these states points into private memory, as far as its fields tell, and in the first array
    /// whatever has changed.
    fn own_heap(&self, count: usize) -> anyhow::Result<bool> {
        let Some(fields) = &self.fields else { return Ok(false) };
        let array = self.words_of_states(0, count)?;
        let before = self.unwalked.as_deref().unwrap_or(&array);
        let changed = before.iter().zip(&array).filter(|(before, after)| before != after);
        let words = fields.words(&array).chain(changed.map(|(_, after)| *after));
        let addresses: Vec<_> = words.filter(|word| owned::could_be_address(*word)).collect();
        if addresses.is_empty() {
            return Ok(false);
        }
        let memory = PrivateMemory::of_this_process()?;
        Ok(addresses.into_iter().any(|word| memory.is_pointed_to_by(word, &self.channel_blocks)))
    }

    /// The places of the words of a state that point into private memory.
    fn private_words(&self, state: usize) -> anyhow::Result<Vec<usize>> {
        let memory = PrivateMemory::of_this_process()?;
        let words = self.words_of_states(state, 1)?.into_iter().enumerate();
        let private = words.filter(|&(_, word)| memory.is_pointed_to_by(word, &self.channel_blocks));
        Ok(private.map(|(place, _)| place).collect())
    }

    fn words_of_states(&self, first: usize, count: usize) -> anyhow::Result<Vec<usize>> {
        let size = self.task.program.layouts().state.size();
        owned::words_at(self.ground.plot.state(first), size * count)
    }
}

fn owns_heap() -> Ended {
    Ended::NotApplicable(NotApplicable::OwnsHeapMemory)
}

fn panicked(who: Who, payload: &(dyn Any + Send)) -> Ended {
    match payload.downcast_ref::<NotForProcesses>() {
        Some(reason) => Ended::NotApplicable(NotApplicable::CannotBeShared(reason.0.clone())),
        None => Ended::Crashed(Crash::new(who, How::panicked(words_of(payload)))),
    }
}

/// How many descriptors this process has open.
fn open_descriptors() -> anyhow::Result<usize> {
    let entries = std::fs::read_dir("/proc/self/fd").context("cannot read /proc/self/fd")?;
    Ok(entries.count())
}
