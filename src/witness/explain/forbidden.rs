//! Why an outcome came about that the scenario forbids.
//!
//! The patterns within one object are the four interleavings of Lu, Tucek, Qin and Zhou, *AVIO: detecting
//! atomicity violations via access interleaving invariants* (ASPLOS 2006, table 1) that no serial order
//! explains: two accesses of one thread and one of another between them, as read-write-read,
//! write-write-read, write-read-write and read-write-write. The last is the lost update and comes first,
//! for its effect stays. Patterns among several objects are in [`super::multi_object`].

use super::super::words::failed_exchange;
use super::super::{CALLS, EventKind, Witness};
use super::relations::Relations;
use super::{Finding, multi_object};

/// Of the patterns that occur, the one most likely to blame.
pub(super) fn find(witness: &Witness, outcome: &str, sentence: &str) -> Finding {
    let relations = Relations::new(witness);
    let patterns: [fn(&Relations) -> Option<Finding>; 15] = [
        other_modification_order,
        lost_update,
        multi_object::stale_message,
        multi_object::neither_saw,
        multi_object::stale_read,
        aba,
        failed_exchange_ignored,
        unserialisable,
        multi_object::gave_lock_back,
        multi_object::torn,
        multi_object::late_act,
        multi_object::let_go_between,
        woken_spuriously,
        written_by_nobody,
        last_write,
    ];
    let mut finding = patterns.iter().find_map(|pattern| pattern(&relations)).unwrap_or_default();
    // What forbids a history is the history itself.
    let generated = relations.events().any(|(_, event)| event.operation == CALLS);
    let verdict = if generated {
        outcome.to_owned()
    } else {
        format!("the outcome {outcome} is forbidden: {sentence}")
    };
    let verdict = super::super::words::short(&verdict, 300);
    finding.sentence =
        if finding.sentence.is_empty() { verdict } else { format!("{}, and {verdict}", finding.sentence) };
    finding
}

/// What the main thread reads at the end is not what the last write left: modification order is another one than that
/// in which the writes are shown.
fn other_modification_order(relations: &Relations) -> Option<Finding> {
    let (last, _) = relations.events().rfind(|(index, _)| relations.actor_writes(*index))?;
    let at_the_end = relations.events().filter(|(index, event)| event.thread == 0 && *index > last);
    at_the_end
        .filter_map(|(read, event)| {
            let kept = event.stale?.from.filter(|kept| relations.actor_writes(*kept))?;
            let over = *relations.same_object(read).iter().rfind(|write| **write < read && relations.actor_writes(**write))?;
            let sentence = format!(
                "in the modification order of {} {}'s write of {} comes before {}'s write of {}, which prevailed",
                relations.what(read),
                relations.who(over),
                relations.left(over),
                relations.who(kept),
                relations.left(kept)
            );
            Some(Finding::decided(sentence, &[kept, over]))
        })
        .next()
}

/// A thread goes on from a wait although no thread has notified it.
fn woken_spuriously(relations: &Relations) -> Option<Finding> {
    let (woken, _) = relations.events().find(|(_, event)| event.operation.contains("woken spuriously"))?;
    Some(Finding::decided(format!("{} was woken without a notification", relations.who(woken)), &[woken]))
}

/// Reads, another thread writes, and the first writes over it what it made of the old value.
fn lost_update(relations: &Relations) -> Option<Finding> {
    let updates = relations.events().filter_map(|(write, event)| {
        let blind =
            matches!(event.kind, EventKind::Store | EventKind::Write) && relations.actor_writes(write);
        let earlier = relations.same_object(write).iter().take_while(|&&access| blind && access < write);
        let own = earlier.copied().filter(|&access| relations.event(access).thread == event.thread);
        let read = own.last().filter(|&read| relations.reads(read))?;
        let lost = relations.missed(read, |missed| missed < write)?;
        Some((read, lost, write))
    });
    updates.map(|(read, lost, write)| lost_by(relations, read, lost, write)).next()
}

/// The words for a lost update.
fn lost_by(relations: &Relations, read: usize, lost: usize, write: usize) -> Finding {
    let (loser, winner, object) = (relations.who(lost), relations.who(write), relations.what(read));
    let overwritten = if relations.event(lost).written == relations.event(write).written {
        format!("both wrote {}", relations.left(write))
    } else {
        format!(
            "{loser} wrote {}, and {winner} wrote {} over it",
            relations.left(lost),
            relations.left(write)
        )
    };
    let also_read = relations.same_object(read).iter().copied().rfind(|&other| {
        other < lost
            && relations.reads(other)
            && relations.event(other).thread == relations.event(lost).thread
            && relations.event(other).read == relations.event(read).read
            && relations.from[other] == relations.from[read]
    });
    let mut marks = vec![read, lost, write];
    let mut sentence = if lost < read {
        let newer = relations.left(lost);
        if relations.event(lost).written == relations.event(write).written {
            format!("{winner} {} after {loser} had written {newer}: {overwritten}", relations.told(read))
        } else {
            let own = relations.left(write);
            format!(
                "{winner} {} after {loser} had written {newer}, and wrote {own} over it",
                relations.told(read)
            )
        }
    } else if let Some(also_read) = also_read {
        marks.push(also_read);
        let (first, second) = if also_read < read { (&loser, &winner) } else { (&winner, &loser) };
        format!(
            "{first} and {second} both read {object} = {} before either wrote: {overwritten}",
            relations.found(read)
        )
    } else {
        let (theirs, own) = (relations.left(lost), relations.left(write));
        format!("{winner} {}, {loser} wrote {theirs}, and {winner} wrote {own} over it", relations.told(read))
    };
    if let Some(lock) = given_back(relations, read, write) {
        sentence += &format!("; {winner} had given {} back in between", relations.what(lock));
        marks.push(lock);
    }
    Finding::decided(sentence, &marks)
}

/// The event in which a thread gave back, between two of its events, a lock that it held in both.
fn given_back(relations: &Relations, first: usize, second: usize) -> Option<usize> {
    let thread = relations.event(first).thread;
    let after = relations.held(thread, second);
    let locks = relations.held(thread, first).into_iter().map(|(lock, _)| lock);
    let lock =
        locks.into_iter().find(|lock| after.iter().any(|&(again, taken)| again == *lock && taken > first))?;
    (first..second).find(|&index| {
        let event = relations.event(index);
        event.thread == thread
            && event.object == Some(lock)
            && matches!(event.kind, EventKind::Unlock | EventKind::UnlockShared)
    })
}

/// A compare-exchange that finds the value it saw before, though it had changed in between.
fn aba(relations: &Relations) -> Option<Finding> {
    let exchanges = relations.events().filter(|(index, event)| {
        event.kind == EventKind::Rmw && event.operation.contains("compare") && relations.actor_writes(*index)
    });
    exchanges
        .filter_map(|(exchange, event)| {
            let own = |&&access: &&usize| access < exchange && relations.event(access).thread == event.thread;
            let seen = *relations.same_object(exchange).iter().rfind(own)?;
            let same =
                relations.event(seen).read == event.read && relations.event(seen).kind == EventKind::Load;
            let others = relations.same_object(exchange).iter().copied().filter(|&write| {
                seen < write
                    && write < exchange
                    && relations.actor_writes(write)
                    && relations.event(write).thread != event.thread
            });
            let changes: Vec<usize> = others.collect();
            let away = *changes.iter().find(|&&write| relations.event(write).written != event.read)?;
            let back = *changes.last().filter(|_| same && event.read.is_some())?;
            let sentence = format!(
                "{}'s {} found {} = {} as it had read before, though {} had changed it to {} in between",
                relations.who(exchange),
                event.operation,
                relations.what(exchange),
                relations.found(exchange),
                relations.who(away),
                relations.left(away)
            );
            Some(Finding::decided(sentence, &[seen, away, back, exchange]))
        })
        .next()
}

/// A compare-exchange that fails because another thread was quicker, and is not tried again.
fn failed_exchange_ignored(relations: &Relations) -> Option<Finding> {
    let failures = relations.events().filter(|(_, event)| event.thread != 0 && failed_exchange(event));
    failures
        .filter_map(|(failure, event)| {
            let accesses = relations.same_object(failure);
            let by_it = |access: usize| relations.event(access).thread == event.thread;
            if accesses.iter().any(|&later| later > failure && by_it(later)) {
                return None;
            }
            let quicker =
                |&&write: &&usize| write < failure && relations.actor_writes(write) && !by_it(write);
            let quicker = *accesses.iter().rfind(quicker)?;
            let sentence = format!(
                "{}'s {} found {} = {}, for {} was quicker, and it was not tried again",
                relations.who(failure),
                event.operation,
                relations.what(failure),
                relations.found(failure),
                relations.who(quicker)
            );
            Some(Finding::decided(sentence, &[quicker, failure]))
        })
        .next()
}

/// The first other interleaving of AVIO's table.
fn unserialisable(relations: &Relations) -> Option<Finding> {
    relations.events().filter(|(_, event)| event.thread != 0).find_map(|(second, event)| {
        let accesses = relations.same_object(second);
        let own = |&&access: &&usize| access < second && relations.event(access).thread == event.thread;
        let first = *accesses.iter().rfind(own)?;
        let between = accesses.iter().copied().filter(|&access| {
            first < access
                && access < second
                && !matches!(relations.event(access).thread, thread if thread == event.thread || thread == 0)
        });
        between.filter_map(|remote| broken(relations, first, remote, second)).next()
    })
}

/// Whether an access of another thread breaks two of one thread, and the words for it.
fn broken(relations: &Relations, first: usize, remote: usize, second: usize) -> Option<Finding> {
    let (own, other, object) = (relations.who(second), relations.who(remote), relations.what(second));
    let plain_write = |index: usize| relations.actor_writes(index) && !relations.reads(index);
    let sentence = if relations.actor_writes(remote)
        && relations.reads(second)
        && relations.from[second] >= Some(remote)
    {
        let looks_again = relations.event(first).site.is_some()
            && relations.event(first).site == relations.event(second).site;
        if relations.actor_writes(first) && relations.event(second).read != relations.event(first).written {
            format!(
                "{own} wrote {object} = {} and then found {}, for {other} had written it in between",
                relations.left(first),
                relations.found(second)
            )
        } else if !relations.actor_writes(first)
            && !looks_again
            && relations.event(second).read != relations.event(first).read
        {
            let (before, after) = (relations.found(first), relations.found(second));
            format!("{own} read {object} = {before} and then {after}, for {other} wrote it in between")
        } else {
            return None;
        }
    } else if relations.actor_writes(first) && plain_write(second) && relations.from[remote] == Some(first) {
        let (before, after) = (relations.left(first), relations.left(second));
        format!("{other} {} between {own}'s writes of {before} and {after}", relations.told(remote))
    } else {
        return None;
    };
    Some(Finding::decided(sentence, &[first, remote, second]))
}

/// What the main thread read at the end is what it had made, and no actor wrote to it.
fn written_by_nobody(relations: &Relations) -> Option<Finding> {
    let last_act = relations.events().rfind(|(_, event)| event.thread != 0)?.0;
    let mut reads = relations
        .events()
        .filter(|(index, event)| *index > last_act && event.thread == 0 && relations.reads(*index));
    let (read, _) = reads
        .find(|(read, _)| !relations.same_object(*read).iter().any(|&write| relations.actor_writes(write)))?;
    let (write, _) = relations.events().rfind(|(index, _)| relations.actor_writes(*index))?;
    let sentence = format!("{} {}, to which no actor wrote", relations.who(read), relations.told(read));
    Some(Finding::decided(sentence, &[write, read]))
}

/// The last thing that an actor wrote, if nothing better is known.
fn last_write(relations: &Relations) -> Option<Finding> {
    let (write, event) = relations.events().rfind(|(index, _)| relations.actor_writes(*index))?;
    let rival = relations.same_object(write).iter().copied().rfind(|&access| {
        let other = relations.event(access);
        access < write && other.thread != event.thread && other.thread != 0
    });
    let sentence = match rival {
        Some(rival) => {
            format!(
                "{} {} before {} {}",
                relations.who(rival),
                relations.told(rival),
                relations.who(write),
                relations.told(write)
            )
        }
        None => format!("the last to write was {}, which {}", relations.who(write), relations.told(write)),
    };
    Some(Finding::decided(sentence, &rival.into_iter().chain([write]).collect::<Vec<_>>()))
}
