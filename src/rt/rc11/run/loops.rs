//! Loops that only look, and loops that yield: when the running thread goes no further in this run.
//!
//! What the rounds of a loop change is seen on the stack ([`Look`]). They may also change memory that is no object of the
//! facade's: so, when no thread can go on, one that seems to go round for ever does so many times more, without an event
//! for it, before that is said of it.

use super::{
    End, EventId, Here, Kind, LocationId, Look, Next, ReadValue, Run, Site, State, Trouble, Update,
    arrive_to_look, finish, halt, look_up, run, sheltered, switch, with,
};
use std::ptr;

/// What a thread has yielded at one place.
pub(super) struct Yields {
    site: Site,
    pub(super) count: u32,
    /// How many events it had when it did so last.
    last: u16,
    /// Its states there, until one comes again: what goes on to something else has never the same.
    looks: Vec<Look>,
    repeats: bool,
}

/// A round of a loop that a yield has ended.
#[derive(Clone, Copy)]
pub(super) struct Round {
    /// Its first event.
    begun: u16,
    /// Whether the loop waits for others, as it seems.
    waits: bool,
}

/// Blocks the running thread if it was here before, in the same state, and has only looked since. If it can see the
/// same again, it would do so for ever; if it cannot, the round was in vain: another execution is without it. Returns
/// false if it was not, and true where the thread is to go round and confirm that it would.
pub(super) fn halt_if_repeated(look: Option<Look>) -> bool {
    let repeated = with(|run| {
        let next = run.next();
        // What is written down on the way is on the stack, too. That the loop has no end is known there.
        let behind_guide = run.is_behind_guide();
        let thread = &run.threads[run.current];
        let mut rounds = look.into_iter().flat_map(|look| {
            thread
                .looks
                .iter()
                .rev()
                .filter(move |earlier| look.repeats(earlier) || behind_guide && look.is_where(earlier))
                .map(|earlier| earlier.index)
        });
        let latest = rounds.next()?;
        let can_repeat = |first: &u16| run.graph.can_repeat(EventId { index: *first, ..next }, next);
        Some((latest, std::iter::once(latest).chain(rounds).find(can_repeat)))
    });
    let Some((latest, round)) = repeated else { return false };
    with(|run| {
        let behind_guide = run.is_behind_guide();
        let thread = &mut run.threads[run.current];
        thread.looping = round.or(behind_guide.then_some(latest));
        thread.in_vain = thread.looping.is_none();
    });
    while !is_confirming() {
        with(|run| run.threads[run.current].state = State::Blocked);
        switch();
    }
    true
}

/// How often a thread looks before its loop is said to have no end.
pub(super) const LOOKS_TO_CONFIRM: u32 = 1_000;

pub(super) fn is_confirming() -> bool {
    // SAFETY: the reference ends here.
    unsafe { run() }.is_some_and(|run| run.confirming.is_some() && !run.over)
}

/// A look that is no event, at what was written last.
pub(super) fn look_again(location: LocationId, waits: bool, update: Update<'_>) -> ReadValue {
    if waits {
        does_end();
    }
    going_round();
    let last = |run: &Run| run.graph.location(location).writes.last().copied().unwrap_or(EventId::INIT);
    let value = with(|run| run.value_of(last(run), location));
    if update(value).is_some() {
        does_end();
    }
    ReadValue { value, written: None }
}

/// The running thread has gone on in its loop. Does not return if that was often enough.
pub(super) fn going_round() {
    let left = with(|run| {
        let left = run.confirming.as_mut().expect("asked for where it is confirmed");
        *left = left.saturating_sub(1);
        *left
    });
    if left == 0 {
        halt();
    }
}

/// The running thread does something else than look: its loop depends on what no checker sees.
pub(super) fn does_end() -> ! {
    let site = with(|run| run.threads[run.current].sites.last().copied());
    finish(End::Trouble(Trouble::NotRepeatable(site)))
}

/// A round of a loop ends here, perhaps.
pub(crate) fn yield_now(here: Here, site: Site) {
    sheltered((), || {
        if is_confirming() {
            return going_round();
        }
        let Some(id) = arrive_to_look() else { return };
        if with(|run| run.is_behind_guide()) {
            return yield_behind_guide(id.index);
        }
        let look = with(|run| Look::new(here, site, run.base(), id.index));
        let round = with(|run| run.count_yield(site, look, id.index));
        if let Next::New(_) = look_up(id) {
            if halt_if_repeated(look) {
                return;
            }
            if let Some(round) = round {
                let_others_go_first(site, round, id.index);
            }
        }
        with(|run| run.threads[run.current].looks.extend(look));
    });
}

/// A yield is no event: what comes after it may be why the run ends. If nothing comes, the loop has no end.
fn yield_behind_guide(index: u16) {
    let endless = with(|run| {
        let thread = &mut run.threads[run.current];
        thread.behind += 1;
        thread.looping = (thread.behind > LOOKS_TO_CONFIRM).then_some(index);
        thread.looping.is_some()
    });
    if endless {
        halt();
    }
}

/// How often a thread yields at one place before the others go first.
pub(crate) const ROUNDS: u32 = 2;

/// How often it yields there in ever new states before it is said to wait, and not to do its work: or while one is blocked
/// that it may wait for, and that would not be in another execution.
const ROUNDS_ALONE: u32 = 20;

/// A loop that does more than look has gone round often: the others go first, as a scheduler that is fair would have
/// it. The round of a loop that waits was in vain if another thread has written over what it read: another execution
/// reads that instead. The executions with more such rounds are not explored.
fn let_others_go_first(site: Site, round: Round, end: u16) {
    let halt_if_in_vain = |others_went: bool| {
        let in_vain = with(|run| {
            let overtaken = round.waits && !run.has_read_the_latest(round.begun, end);
            let in_vain = overtaken || others_went && run.is_left_alone(site);
            run.bounded |= in_vain;
            run.threads[run.current].in_vain |= in_vain;
            in_vain
        });
        if in_vain {
            halt();
        }
    };
    halt_if_in_vain(false);
    with(|run| run.threads[run.current].state = State::Yielding);
    switch();
    with(|run| run.threads[run.current].state = State::Ready);
    halt_if_in_vain(true);
}

impl Run {
    /// Counts a yield of the running thread: the round that it ends, if others go first now.
    fn count_yield(&mut self, site: Site, look: Option<Look>, index: u16) -> Option<Round> {
        if !self.fair || self.guide.is_some() || self.section.is_some() {
            return None;
        }
        let yields = &mut self.threads[self.current].yields;
        let at = yields.iter().position(|at| ptr::eq(at.site, site)).unwrap_or_else(|| {
            yields.push(Yields { site, count: 0, last: index, looks: Vec::new(), repeats: false });
            yields.len() - 1
        });
        let yields = &mut yields[at];
        yields.count += 1;
        // Where no state is known, any may be one from before.
        yields.repeats |= look.is_none_or(|look| yields.looks.iter().any(|earlier| look.repeats(earlier)));
        if !yields.repeats {
            yields.looks.extend(look);
        }
        let begun = std::mem::replace(&mut yields.last, index);
        let waits = yields.repeats || yields.count > ROUNDS_ALONE;
        (yields.count > ROUNDS).then_some(Round { begun, waits })
    }

    /// Whether the running thread has gone round here often, for one that does no more in this run.
    fn is_left_alone(&self, site: Site) -> bool {
        let yields = &self.threads[self.current].yields;
        let often = yields.iter().any(|at| ptr::eq(at.site, site) && at.count > ROUNDS_ALONE);
        often && self.waits_for_what_is_there()
    }

    /// Whether no other thread has written over what the running thread has read from one event to another.
    fn has_read_the_latest(&self, begun: u16, end: u16) -> bool {
        let thread = self.next().thread;
        (begun..end).all(|index| match self.graph.event(EventId { thread, index }).kind {
            Kind::Read { location, from, .. } => {
                let writes = &self.graph.location(location).writes;
                writes[self.graph.position(from, location)..].iter().all(|write| write.thread == thread)
            }
            _ => true,
        })
    }

    /// The threads that seem to go round for ever, in a run that would end so.
    pub(super) fn to_confirm(&self) -> Vec<usize> {
        let is_sought = !self.over && self.end.is_none() && self.guide.is_none();
        let is_endless = is_sought && matches!(self.how_it_ended(), End::Endless);
        if is_endless { self.looping() } else { Vec::new() }
    }
}
