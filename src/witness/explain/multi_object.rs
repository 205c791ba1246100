//! Forbidden outcomes that come of more than one object, or of a lock that was given back too early.
//!
//! Several variables that belong together are the theme of Lu et al., *MUVI* (SOSP 2007); a message that
//! arrives before its payload and two that miss each other are the litmus tests MP and SB, the latter in
//! both orders: written first and then looked, or looked first and then written.

use super::super::EventKind;
use super::Finding;
use super::order::not_ordered_by;
use super::relations::Relations;

/// More misses than this are not compared with each other.
const MOST_MISSES: usize = 200;

/// A read by an actor and a write by another thread that it did not see.
#[derive(Clone, Copy)]
struct Miss {
    read: usize,
    write: usize,
}

/// The misses of reads after which their thread did not look again.
fn misses(relations: &Relations) -> Vec<Miss> {
    let last_look = |read: usize| {
        let own = |&&access: &&usize| relations.event(access).thread == relations.event(read).thread;
        relations.same_object(read).iter().rfind(|access| own(access) && relations.reads(**access))
            == Some(&read)
    };
    let reads = relations
        .events()
        .filter(|(read, event)| event.thread != 0 && relations.reads(*read) && last_look(*read));
    reads
        .filter_map(|(read, _)| Some(Miss { read, write: relations.missed(read, |_| true)? }))
        .take(MOST_MISSES)
        .collect()
}

/// A read of `by`'s writes to another object, by the thread that missed one of them.
fn seen_besides(
    relations: &Relations,
    miss: Miss,
    fits: impl Fn(usize, usize) -> bool,
) -> Option<(usize, usize)> {
    let (reader, writer) = (relations.event(miss.read).thread, relations.event(miss.write).thread);
    let seen = relations.events().filter_map(|(read, event)| {
        let write = relations.from[read].filter(|_| event.thread == reader && relations.reads(read))?;
        let other_object = event.object != relations.event(miss.read).object;
        (other_object && relations.event(write).thread == writer && fits(read, write))
            .then_some((read, write))
    });
    seen.max_by_key(|(_, write)| *write)
}

/// Message passing: what was written last has been seen, what was written before it has not.
pub(super) fn stale_message(relations: &Relations) -> Option<Finding> {
    misses(relations).into_iter().filter(|miss| relations.event(miss.read).stale.is_some()).find_map(|miss| {
        let (flag, raised) =
            seen_besides(relations, miss, |read, write| read < miss.read && write > miss.write)?;
        let (reader, writer) = (relations.who(miss.read), relations.who(miss.write));
        let why = not_ordered_by(relations, raised, flag).map_or_else(String::new, |why| format!(": {why}"));
        let sentence = format!(
            "{reader} {}, which {writer} had written after {} = {}, and still {}{why}",
            relations.told(flag),
            relations.what(miss.write),
            relations.left(miss.write),
            relations.told(miss.read)
        );
        Some(Finding::decided(sentence, &[miss.write, raised, flag, miss.read]))
    })
}

/// Whether a thread has read anything that another one wrote.
fn saw_of(relations: &Relations, reader: usize, writer: usize) -> bool {
    relations.events().any(|(read, event)| {
        event.thread == reader
            && relations.from[read].is_some_and(|write| relations.event(write).thread == writer)
    })
}

/// Two threads that each write one object and read the other's, and neither sees what the other wrote.
pub(super) fn neither_saw(relations: &Relations) -> Option<Finding> {
    let misses = misses(relations);
    let pairs =
        misses.iter().enumerate().flat_map(|(place, one)| misses[..place].iter().map(move |two| (two, one)));
    let cross = |one: &Miss, two: &Miss| {
        let thread = |index: usize| relations.event(index).thread;
        thread(one.read) == thread(two.write)
            && thread(two.read) == thread(one.write)
            && relations.event(one.read).object != relations.event(two.read).object
            && !saw_of(relations, thread(one.read), thread(two.read))
            && !saw_of(relations, thread(two.read), thread(one.read))
    };
    let (&one, &two) = pairs.into_iter().find(|(one, two)| cross(one, two))?;
    let written_first = two.write < one.read && one.write < two.read;
    let looked_first = two.write > one.read && one.write > two.read;
    let (a, b) = (relations.who(one.read), relations.who(two.read));
    let sentence = if written_first {
        let (a_wrote, a_read) = (relations.told(two.write), relations.told(one.read));
        let (b_wrote, b_read) = (relations.told(one.write), relations.told(two.read));
        format!(
            "{a} {a_wrote} and {a_read}, {b} {b_wrote} and {b_read}: neither saw what the other had written"
        )
    } else {
        let (a_read, b_read) = (relations.told(one.read), relations.told(two.read));
        let (b_wrote, a_wrote) = (relations.left(one.write), relations.left(two.write));
        let both = if looked_first { "both looked before either wrote" } else { "neither saw the other" };
        format!(
            "{a} {a_read} before {b} wrote {b_wrote}, and {b} {b_read} before {a} wrote {a_wrote}: {both}"
        )
    };
    Some(Finding::decided(sentence, &[one.read, two.write, two.read, one.write]))
}

/// Stale loads, whatever came of them; the last two of them.
pub(super) fn stale_read(relations: &Relations) -> Option<Finding> {
    let stale: Vec<_> =
        relations.events().filter(|(_, event)| event.thread != 0 && event.stale.is_some()).collect();
    let mut marks = Vec::new();
    let mut parts = Vec::new();
    for (read, event) in stale.into_iter().rev().take(2).rev() {
        let latest = event.stale?.latest;
        marks.extend([latest, read]);
        parts.push(format!(
            "{} {} after {} had written {}",
            relations.who(read),
            relations.told(read),
            relations.who(latest),
            relations.left(latest)
        ));
    }
    (!parts.is_empty()).then(|| Finding::decided(parts.join(", and "), &marks))
}

/// The locks that actors took, by event.
fn locks<'a>(relations: &'a Relations<'_>) -> impl DoubleEndedIterator<Item = (usize, &'a super::Event)> {
    let takes = |event: &super::Event| {
        matches!(event.kind, EventKind::Lock | EventKind::LockShared) && !event.blocked
    };
    relations.events().filter(move |(_, event)| event.thread != 0 && takes(event))
}

/// Two critical sections of one thread on one lock, and one of another thread between them.
pub(super) fn gave_lock_back(relations: &Relations) -> Option<Finding> {
    locks(relations).find_map(|(again, event)| {
        let same = |other: &super::Event| other.object == event.object;
        let first = locks(relations).take_while(|(index, _)| *index < again);
        let first = first.filter(|(_, other)| same(other) && other.thread == event.thread).last()?.0;
        let mut between = locks(relations).filter(|(index, _)| first < *index && *index < again);
        let (other, _) = between.find(|(_, other)| {
            same(other) && other.thread != event.thread && other.kind == EventKind::Lock
        })?;
        let (own, rival, lock) = (relations.who(again), relations.who(other), relations.what(again));
        let sentence = format!("{own} gave {lock} back and took it again, and {rival} had it in between");
        Some(Finding::decided(sentence, &[first, other, again]))
    })
}

/// A thread that goes from one lock to another and holds none on the way, and another thread that has the
/// second one meanwhile.
pub(super) fn let_go_between(relations: &Relations) -> Option<Finding> {
    locks(relations).find_map(|(then, event)| {
        let own = |other: &super::Event| other.thread == event.thread;
        let first =
            locks(relations).take_while(|(index, _)| *index < then).filter(|(_, other)| own(other)).last()?.0;
        if !relations.held(event.thread, then).is_empty() || relations.event(first).object == event.object {
            return None;
        }
        let between = locks(relations).filter(|(index, _)| first < *index && *index < then);
        let exclusive = |other: &super::Event| other.kind == EventKind::Lock && other.object == event.object;
        let (other, _) = between.into_iter().find(|(_, other)| !own(other) && exclusive(other))?;
        let (mine, rival) = (relations.who(then), relations.who(other));
        let (before, lock) = (relations.what(first), relations.what(then));
        let sentence =
            format!("{mine} gave {before} back before it took {lock}, and {rival} had {lock} in between");
        Some(Finding::decided(sentence, &[first, other, then]))
    })
}

/// One of two objects seen as another thread left it, the other one as it was before.
pub(super) fn torn(relations: &Relations) -> Option<Finding> {
    misses(relations).into_iter().find_map(|miss| {
        let (seen, written) = seen_besides(relations, miss, |_, _| true)?;
        let (reader, writer) = (relations.who(miss.read), relations.who(miss.write));
        let sentence = format!(
            "{reader} {} as {writer} had written it, but {} before {writer} wrote {}",
            relations.told(seen),
            relations.told(miss.read),
            relations.left(miss.write)
        );
        Some(Finding::decided(sentence, &[written, seen, miss.read, miss.write]))
    })
}

/// A write to one object after a look at another that had changed meanwhile.
pub(super) fn late_act(relations: &Relations) -> Option<Finding> {
    misses(relations).into_iter().find_map(|miss| {
        let reader = relations.event(miss.read);
        let (act, _) = relations.events().find(|(index, event)| {
            *index > miss.read.max(miss.write)
                && event.thread == reader.thread
                && event.object != reader.object
                && relations.actor_writes(*index)
        })?;
        let (own, other) = (relations.who(miss.read), relations.who(miss.write));
        let sentence = format!(
            "{own} {}, {other} wrote {}, and {own} went on with what it had seen and {}",
            relations.told(miss.read),
            relations.left(miss.write),
            relations.told(act)
        );
        Some(Finding::decided(sentence, &[miss.read, miss.write, act]))
    })
}
