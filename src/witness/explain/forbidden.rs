//! Why an outcome came about that the scenario forbids.
//!
//! The patterns within one object are the four interleavings of Lu, Tucek, Qin and Zhou, *AVIO: detecting
//! atomicity violations via access interleaving invariants* (ASPLOS 2006, table 1) that no serial order
//! explains: two accesses of one thread and one of another between them, as read-write-read,
//! write-write-read, write-read-write and read-write-write. The last is the lost update and comes first,
//! for its effect stays. Patterns among several objects are in [`super::multi_object`].

use super::super::words::failed_exchange;
use super::super::{CALLS, EventKind, Witness};
use super::story::Story;
use super::{Finding, multi_object};

/// Of the patterns that occur, the one most likely to blame.
pub(super) fn find(witness: &Witness, outcome: &str, sentence: &str) -> Finding {
    let story = Story::new(witness);
    let patterns: [fn(&Story) -> Option<Finding>; 15] = [
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
    let mut finding = patterns.iter().find_map(|pattern| pattern(&story)).unwrap_or_default();
    // What forbids a history is the history itself.
    let generated = story.events().any(|(_, event)| event.operation == CALLS);
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
fn other_modification_order(story: &Story) -> Option<Finding> {
    let (last, _) = story.events().rfind(|(index, _)| story.actor_writes(*index))?;
    let at_the_end = story.events().filter(|(index, event)| event.thread == 0 && *index > last);
    at_the_end
        .filter_map(|(read, event)| {
            let kept = event.stale?.from.filter(|kept| story.actor_writes(*kept))?;
            let over = *story.same_object(read).iter().rfind(|write| **write < read && story.actor_writes(**write))?;
            let sentence = format!(
                "in the modification order of {} {}'s write of {} comes before {}'s write of {}, which prevailed",
                story.what(read),
                story.who(over),
                story.left(over),
                story.who(kept),
                story.left(kept)
            );
            Some(Finding::decided(sentence, &[kept, over]))
        })
        .next()
}

/// A thread goes on from a wait although no thread has notified it.
fn woken_spuriously(story: &Story) -> Option<Finding> {
    let (woken, _) = story.events().find(|(_, event)| event.operation.contains("woken spuriously"))?;
    Some(Finding::decided(format!("{} was woken without a notification", story.who(woken)), &[woken]))
}

/// Reads, another thread writes, and the first writes over it what it made of the old value.
fn lost_update(story: &Story) -> Option<Finding> {
    let updates = story.events().filter_map(|(write, event)| {
        let blind = matches!(event.deed, EventKind::Store | EventKind::Write) && story.actor_writes(write);
        let earlier = story.same_object(write).iter().take_while(|&&access| blind && access < write);
        let own = earlier.copied().filter(|&access| story.event(access).thread == event.thread);
        let read = own.last().filter(|&read| story.reads(read))?;
        let lost = story.missed(read, |missed| missed < write)?;
        Some((read, lost, write))
    });
    updates.map(|(read, lost, write)| lost_by(story, read, lost, write)).next()
}

/// The words for a lost update.
fn lost_by(story: &Story, read: usize, lost: usize, write: usize) -> Finding {
    let (loser, winner, object) = (story.who(lost), story.who(write), story.what(read));
    let overwritten = if story.event(lost).written == story.event(write).written {
        format!("both wrote {}", story.left(write))
    } else {
        format!("{loser} wrote {}, and {winner} wrote {} over it", story.left(lost), story.left(write))
    };
    let also_read = story.same_object(read).iter().copied().rfind(|&other| {
        other < lost
            && story.reads(other)
            && story.event(other).thread == story.event(lost).thread
            && story.event(other).read == story.event(read).read
            && story.from[other] == story.from[read]
    });
    let mut marks = vec![read, lost, write];
    let mut sentence = if lost < read {
        let newer = story.left(lost);
        if story.event(lost).written == story.event(write).written {
            format!("{winner} {} after {loser} had written {newer}: {overwritten}", story.told(read))
        } else {
            let own = story.left(write);
            format!(
                "{winner} {} after {loser} had written {newer}, and wrote {own} over it",
                story.told(read)
            )
        }
    } else if let Some(also_read) = also_read {
        marks.push(also_read);
        let (first, second) = if also_read < read { (&loser, &winner) } else { (&winner, &loser) };
        format!(
            "{first} and {second} both read {object} = {} before either wrote: {overwritten}",
            story.found(read)
        )
    } else {
        let (theirs, own) = (story.left(lost), story.left(write));
        format!("{winner} {}, {loser} wrote {theirs}, and {winner} wrote {own} over it", story.told(read))
    };
    if let Some(lock) = given_back(story, read, write) {
        sentence += &format!("; {winner} had given {} back in between", story.what(lock));
        marks.push(lock);
    }
    Finding::decided(sentence, &marks)
}

/// The event in which a thread gave back, between two of its events, a lock that it held in both.
fn given_back(story: &Story, first: usize, second: usize) -> Option<usize> {
    let thread = story.event(first).thread;
    let after = story.held(thread, second);
    let locks = story.held(thread, first).into_iter().map(|(lock, _)| lock);
    let lock =
        locks.into_iter().find(|lock| after.iter().any(|&(again, taken)| again == *lock && taken > first))?;
    (first..second).find(|&index| {
        let event = story.event(index);
        event.thread == thread
            && event.object == Some(lock)
            && matches!(event.deed, EventKind::Unlock | EventKind::UnlockShared)
    })
}

/// A compare-exchange that finds the value it saw before, though it had changed in between.
fn aba(story: &Story) -> Option<Finding> {
    let exchanges = story.events().filter(|(index, event)| {
        event.deed == EventKind::Rmw && event.operation.contains("compare") && story.actor_writes(*index)
    });
    exchanges
        .filter_map(|(exchange, event)| {
            let own = |&&access: &&usize| access < exchange && story.event(access).thread == event.thread;
            let seen = *story.same_object(exchange).iter().rfind(own)?;
            let same = story.event(seen).read == event.read && story.event(seen).deed == EventKind::Load;
            let others = story.same_object(exchange).iter().copied().filter(|&write| {
                seen < write
                    && write < exchange
                    && story.actor_writes(write)
                    && story.event(write).thread != event.thread
            });
            let changes: Vec<usize> = others.collect();
            let away = *changes.iter().find(|&&write| story.event(write).written != event.read)?;
            let back = *changes.last().filter(|_| same && event.read.is_some())?;
            let sentence = format!(
                "{}'s {} found {} = {} as it had read before, though {} had changed it to {} in between",
                story.who(exchange),
                event.operation,
                story.what(exchange),
                story.found(exchange),
                story.who(away),
                story.left(away)
            );
            Some(Finding::decided(sentence, &[seen, away, back, exchange]))
        })
        .next()
}

/// A compare-exchange that fails because another thread was quicker, and is not tried again.
fn failed_exchange_ignored(story: &Story) -> Option<Finding> {
    let failures = story.events().filter(|(_, event)| event.thread != 0 && failed_exchange(event));
    failures
        .filter_map(|(failure, event)| {
            let accesses = story.same_object(failure);
            let by_it = |access: usize| story.event(access).thread == event.thread;
            if accesses.iter().any(|&later| later > failure && by_it(later)) {
                return None;
            }
            let quicker = |&&write: &&usize| write < failure && story.actor_writes(write) && !by_it(write);
            let quicker = *accesses.iter().rfind(quicker)?;
            let sentence = format!(
                "{}'s {} found {} = {}, for {} was quicker, and it was not tried again",
                story.who(failure),
                event.operation,
                story.what(failure),
                story.found(failure),
                story.who(quicker)
            );
            Some(Finding::decided(sentence, &[quicker, failure]))
        })
        .next()
}

/// The first other interleaving of AVIO's table.
fn unserialisable(story: &Story) -> Option<Finding> {
    story.events().filter(|(_, event)| event.thread != 0).find_map(|(second, event)| {
        let accesses = story.same_object(second);
        let own = |&&access: &&usize| access < second && story.event(access).thread == event.thread;
        let first = *accesses.iter().rfind(own)?;
        let between = accesses.iter().copied().filter(|&access| {
            first < access
                && access < second
                && !matches!(story.event(access).thread, thread if thread == event.thread || thread == 0)
        });
        between.filter_map(|remote| broken(story, first, remote, second)).next()
    })
}

/// Whether an access of another thread breaks two of one thread, and the words for it.
fn broken(story: &Story, first: usize, remote: usize, second: usize) -> Option<Finding> {
    let (own, other, object) = (story.who(second), story.who(remote), story.what(second));
    let plain_write = |index: usize| story.actor_writes(index) && !story.reads(index);
    let sentence = if story.actor_writes(remote) && story.reads(second) && story.from[second] >= Some(remote)
    {
        let looks_again =
            story.event(first).site.is_some() && story.event(first).site == story.event(second).site;
        if story.actor_writes(first) && story.event(second).read != story.event(first).written {
            format!(
                "{own} wrote {object} = {} and then found {}, for {other} had written it in between",
                story.left(first),
                story.found(second)
            )
        } else if !story.actor_writes(first)
            && !looks_again
            && story.event(second).read != story.event(first).read
        {
            let (before, after) = (story.found(first), story.found(second));
            format!("{own} read {object} = {before} and then {after}, for {other} wrote it in between")
        } else {
            return None;
        }
    } else if story.actor_writes(first) && plain_write(second) && story.from[remote] == Some(first) {
        let (before, after) = (story.left(first), story.left(second));
        format!("{other} {} between {own}'s writes of {before} and {after}", story.told(remote))
    } else {
        return None;
    };
    Some(Finding::decided(sentence, &[first, remote, second]))
}

/// What the main thread read at the end is what it had made, and no actor wrote to it.
fn written_by_nobody(story: &Story) -> Option<Finding> {
    let last_act = story.events().rfind(|(_, event)| event.thread != 0)?.0;
    let mut reads =
        story.events().filter(|(index, event)| *index > last_act && event.thread == 0 && story.reads(*index));
    let (read, _) =
        reads.find(|(read, _)| !story.same_object(*read).iter().any(|&write| story.actor_writes(write)))?;
    let (write, _) = story.events().rfind(|(index, _)| story.actor_writes(*index))?;
    let sentence = format!("{} {}, to which no actor wrote", story.who(read), story.told(read));
    Some(Finding::decided(sentence, &[write, read]))
}

/// The last thing that an actor wrote, if nothing better is known.
fn last_write(story: &Story) -> Option<Finding> {
    let (write, event) = story.events().rfind(|(index, _)| story.actor_writes(*index))?;
    let rival = story.same_object(write).iter().copied().rfind(|&access| {
        let other = story.event(access);
        access < write && other.thread != event.thread && other.thread != 0
    });
    let sentence = match rival {
        Some(rival) => {
            format!(
                "{} {} before {} {}",
                story.who(rival),
                story.told(rival),
                story.who(write),
                story.told(write)
            )
        }
        None => format!("the last to write was {}, which {}", story.who(write), story.told(write)),
    };
    Some(Finding::decided(sentence, &rival.into_iter().chain([write]).collect::<Vec<_>>()))
}
