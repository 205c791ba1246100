//! What is said of executions, and which events it is said of.

use super::super::sample::{crash, explained, forbidden, hang, witness};
use super::*;
use crate::base::failure::{Crash, Hang, How, ProcessExit, Who};
use crate::base::location::Site;

/// The conclusion, and the numbers of the marked events.
#[track_caller]
fn check(shows: Failure, actors: &[&str], lines: &str, conclusion: &str, marked: &[usize]) {
    let witness = explained(shows, actors, lines);
    assert_eq!(witness.conclusion, conclusion);
    let events = witness.events.iter().enumerate();
    let found: Vec<_> =
        events.filter(|(_, event)| event.mark != Mark::None).map(|(index, _)| index).collect();
    assert_eq!(found, marked);
}

const AB: [&str; 2] = ["A", "B"];

fn lost() -> Failure {
    forbidden("1", "an increment was lost")
}

#[test]
fn stale_loads_are_found_with_their_writes() {
    let lines = "main new x w=0
        A store x w=1
        A store x w=2
        B load x r=1
        B load x r=0
        B load x r=7
        B load x r=2
        B load y r=0
        B fetch_add x r=1 w=3
        B compare_exchange x r=2 failed
        A load x waits r=0";
    let found = witness(hang(), &AB, &[], lines);
    let stale = |from, latest| Some(Stale { from, latest });
    let mut expected = vec![None; 11];
    expected[3] = stale(Some(1), 2);
    expected[4] = stale(Some(0), 2);
    expected[5] = stale(None, 2);
    expected[8] = stale(Some(1), 2);
    expected[9] = stale(Some(2), 8);
    assert_eq!(stale_loads(&found.events, found.objects.len()), expected);
    let begun = witness(hang(), &AB, &[], "A store x waits w=5\nB store x w=1\nB load x r=5");
    assert_eq!(
        stale_loads(&begun.events, 1)[2],
        stale(None, 1),
        "a store that has not taken effect was read"
    );
}

#[test]
fn explaining_twice_is_explaining_once() {
    let once = explained(lost(), &AB, "A load n r=0\nB load n r=0\nA store n w=1\nB store n w=1");
    let mut twice = once.clone();
    explain(&mut twice);
    assert_eq!(once, twice);
}

#[test]
fn a_lost_update() {
    check(
        lost(),
        &AB,
        "main new count w=0
        A load count r=0
        B load count r=0
        A store count w=1
        B store count w=1
        main load count r=1",
        "A and B both read count = 0 before either wrote: both wrote 1, and the outcome 1 is forbidden: an increment was lost",
        &[1, 2, 3, 4],
    );
    check(
        lost(),
        &AB,
        "main new count w=0
        A load count r=0
        A store count w=1
        B load count r=0
        B store count w=1",
        "B read count = 0 after A had written 1: both wrote 1, and the outcome 1 is forbidden: an increment was lost",
        &[2, 3, 4],
    );
    check(
        lost(),
        &AB,
        "A get n r=0
        B fetch_add n r=0 w=5
        A set n w=1",
        "A read n = 0, B wrote 5, and A wrote 1 over it, and the outcome 1 is forbidden: an increment was lost",
        &[0, 1, 2],
    );
    check(
        lost(),
        &AB,
        "A get n r=0
        B get n r=0
        B set n w=5
        A set n w=1",
        "A and B both read n = 0 before either wrote: B wrote 5, and A wrote 1 over it, and the outcome 1 is forbidden: an increment was lost",
        &[0, 1, 2, 3],
    );
    check(
        lost(),
        &AB,
        "A get n r=0
        B set n w=5
        A set n w=1",
        "A read n = 0, B wrote 5, and A wrote 1 over it, and the outcome 1 is forbidden: an increment was lost",
        &[0, 1, 2],
    );
}

#[test]
fn a_lost_update_around_a_lock_that_was_given_back() {
    check(
        lost(),
        &AB,
        "A lock m
        A get n r=0
        A unlock m
        B lock m
        B get n r=0
        B set n w=1
        B unlock m
        A lock m
        A set n w=1
        A unlock m",
        "A and B both read n = 0 before either wrote: both wrote 1; A had given m back in between, and the outcome 1 is forbidden: an increment was lost",
        &[1, 2, 4, 5, 8],
    );
    check(
        lost(),
        &AB,
        "A lock m
        A unlock m
        B lock m
        B unlock m
        A lock m
        A unlock m",
        "A gave m back and took it again, and B had it in between, and the outcome 1 is forbidden: an increment was lost",
        &[0, 2, 4],
    );
}

#[test]
fn an_update_that_is_read_again_is_not_lost() {
    let fine = explained(lost(), &AB, "A load n r=0\nB fetch_add n r=0 w=1\nA fetch_add n r=1 w=2");
    assert!(
        !fine.conclusion.contains("over it") && !fine.conclusion.contains("both wrote"),
        "{}",
        fine.conclusion
    );
}

#[test]
fn neither_sees_the_other() {
    let shows = || forbidden("(0, 0)", "both entered");
    check(
        shows(),
        &AB,
        "main new x w=0
        main new y w=0
        A store x w=1
        A load y r=0
        B store y w=1
        B load x r=0",
        "A wrote x = 1 and read y = 0, B wrote y = 1 and read x = 0: neither saw what the other had written, and the outcome (0, 0) is forbidden: both entered",
        &[2, 3, 4, 5],
    );
    check(
        shows(),
        &AB,
        "A load y r=0
        B load x r=0
        B store y w=1
        A store x w=1",
        "A read y = 0 before B wrote 1, and B read x = 0 before A wrote 1: both looked before either wrote, and the outcome (0, 0) is forbidden: both entered",
        &[0, 1, 2, 3],
    );
}

/// As two that miss each other, but for the last line: then one of them did see the other.
#[test]
fn who_saw_something_did_not_see_nothing() {
    let missed = "A load y r=0\nB load x r=0\nB store y w=1\nA store x w=1";
    let seen = format!("{missed}\nB store z w=5\nA load z r=5");
    let said = |lines: &str| explained(forbidden("(0, 0)", "both entered"), &AB, lines).conclusion;
    assert!(said(missed).contains("both looked before either wrote"), "{}", said(missed));
    assert!(!said(&seen).contains("both looked before either wrote"), "{}", said(&seen));
}

#[test]
fn a_thread_with_no_lock_on_its_way_is_overtaken() {
    let said = |between: &str| {
        let lines = format!("A lock m\nA unlock m\n{between}A lock n\nA unlock n");
        let shown = explained(lost(), &AB, &lines);
        let marked = shown.events.iter().filter(|event| event.mark != Mark::None).count();
        (shown.conclusion, marked)
    };
    let (overtaken, marked) = said("B lock n\nB unlock n\n");
    assert!(overtaken.starts_with("A gave m back before it took n, and B had n in between"), "{overtaken}");
    assert_eq!(marked, 3);
    let (alone, _) = said("");
    assert!(!alone.contains("in between"), "{alone}");
    let holding = "A lock m\nB lock n\nB unlock n\nA lock n\nA unlock n\nA unlock m";
    let held = explained(lost(), &AB, holding).conclusion;
    assert!(!held.contains("in between"), "{held}");
}

/// Of a generated program the history is the outcome, and says itself what is wrong with it.
#[test]
fn a_history_is_not_called_forbidden() {
    let shows = forbidden("no order explains A: Get = 0", "the history is not linearizable");
    let lines = "A calls - r=Get\nA load n r=0\nB store n w=5\nA store n w=1\nA returns - r=0";
    check(
        shows,
        &AB,
        lines,
        "A read n = 0, B wrote 5, and A wrote 1 over it, and no order explains A: Get = 0",
        &[1, 2, 3],
    );
}

#[test]
fn a_message_before_its_payload() {
    let lines = |store, load| {
        format!(
            "main new data w=0
            main new flag w=false
            writer store data w=42 @Relaxed
            writer store flag w=true @{store}
            reader load flag r=true @{load}
            reader load data r=0 @Relaxed"
        )
    };
    let tail = "and the outcome Some(0) is forbidden: the flag came first";
    let shows = || forbidden("Some(0)", "the flag came first");
    let relations =
        "reader read flag = true, which writer had written after data = 42, and still read data = 0";
    check(
        shows(),
        &["writer", "reader"],
        &lines("Relaxed", "Acquire"),
        &format!("{relations}: writer's Relaxed store and reader's Acquire load order nothing, {tail}"),
        &[2, 3, 4, 5],
    );
    check(
        shows(),
        &["writer", "reader"],
        &lines("Release", "Acquire"),
        &format!("{relations}, {tail}"),
        &[2, 3, 4, 5],
    );
}

#[test]
fn other_patterns() {
    let check = |lines: &str, relations: &str, marked: &[usize]| {
        let conclusion = format!("{relations}, and the outcome 1 is forbidden: an increment was lost");
        check(lost(), &AB, lines, &conclusion, marked);
    };
    check("main new x w=0\nA store x w=1\nB load x r=0", "B read x = 0 after A had written 1", &[1, 2]);
    check(
        "A load top r=p\nB store top w=q\nB store top w=p\nA compare_exchange top r=p w=r",
        "A's compare_exchange found top = p as it had read before, though B had changed it to q in between",
        &[0, 1, 2, 3],
    );
    check(
        "A load x r=0\nB store x w=1\nA compare_exchange x r=1 failed",
        "A's compare_exchange found x = 1, for B was quicker, and it was not tried again",
        &[1, 2],
    );
    check(
        "A get x r=0\nB set x w=1\nA get x r=1",
        "A read x = 0 and then 1, for B wrote it in between",
        &[0, 1, 2],
    );
    check(
        "A set x w=1\nB set x w=2\nA get x r=2",
        "A wrote x = 1 and then found 2, for B had written it in between",
        &[0, 1, 2],
    );
    check("A set x w=1\nB get x r=1\nA set x w=2", "B read x = 1 between A's writes of 1 and 2", &[0, 1, 2]);
    check(
        "A set lo w=1\nB get lo r=1\nB get hi r=0\nA set hi w=1",
        "B read lo = 1 as A had written it, but read hi = 0 before A wrote 1",
        &[0, 1, 2, 3],
    );
    check(
        "A load open r=true\nB store open w=false\nA store log w=1",
        "A read open = true, B wrote false, and A went on with what it had seen and wrote log = 1",
        &[0, 1, 2],
    );
    check(
        "main new x w=7\nA fetch_add y r=0 w=1\nB load y r=1\nmain load x r=7",
        "main read x = 7, to which no actor wrote",
        &[1, 3],
    );
    check("main new x w=7\nB load x r=7\nA store x w=0", "B read x = 7 before A wrote x = 0", &[1, 2]);
    check("A store x w=0", "the last to write was A, which wrote x = 0", &[0]);
}

#[test]
fn without_events_the_scenario_has_the_word() {
    check(lost(), &AB, "", "the outcome 1 is forbidden: an increment was lost", &[]);
    check(
        Failure::DATA_RACE,
        &AB,
        "",
        "two accesses at the same time, one of them a write, are not ordered",
        &[],
    );
    check(Failure::DEADLOCK, &AB, "", "every thread that is left waits for another one", &[]);
    let boom = "the design panicked outside of its actors: boom";
    check(crash(Who::NoActor, "boom"), &AB, "", boom, &[]);
    check(hang(), &AB, "", "it does not end", &[]);
}

#[test]
fn a_loop_that_waits_is_not_to_blame() {
    let lines = "B load go r=0 :7\nA store go w=1 :3\nB load go r=1 :7\nA store x w=1 :4\nB store x w=2 :8";
    let found = explained(lost(), &AB, lines);
    assert!(found.conclusion.starts_with("A wrote x = 1 before B wrote x = 2,"), "{}", found.conclusion);
}

#[test]
fn data_races() {
    let check = |lines: &str, conclusion: &str, marked: &[usize]| {
        check(Failure::DATA_RACE, &AB, lines, conclusion, marked);
    };
    check(
        "main new n w=0\nA get n r=0\nA set n w=1\nB get n r=1",
        "A wrote n = 1 and B read n = 1: nothing orders them",
        &[2, 3],
    );
    check(
        "main new data w=0\nA set data w=42\nA store ready w=true @Relaxed\nB load ready r=true @Acquire\nB get data r=42",
        "A wrote data = 42 and B read data = 42: B saw ready = true, but A's Relaxed store and B's Acquire load order nothing",
        &[1, 2, 3, 4],
    );
    check(
        "A lock m\nA set n w=1\nA unlock m\nB set n w=2",
        "A wrote n = 1 and B wrote n = 2: A held m, but B held no lock",
        &[1, 3],
    );
    check(
        "A lock m\nA set n w=1\nA unlock m\nB lock k\nB set n w=2",
        "A wrote n = 1 and B wrote n = 2: A held m and B held k, and different locks order nothing",
        &[1, 4],
    );
    // The first access is ordered by the lock, so that it is the second that races.
    check(
        "A set n w=1\nA lock m\nA unlock m\nB lock m\nB get n r=1\nA get n r=1\nB set n w=2",
        "A read n = 1 and B wrote n = 2: B held m, but A held no lock",
        &[5, 6],
    );
}

#[test]
fn a_race_is_where_nothing_orders_and_not_where_it_is_latest() {
    let three = ["A", "B", "C"];
    let witness = explained(
        Failure::DATA_RACE,
        &three,
        "A set n w=1\nB set n w=2\nB store f w=1 @Release\nC load f r=1 @Acquire\nC get n r=2",
    );
    assert_eq!(witness.conclusion, "A wrote n = 1 and C read n = 2: nothing orders them");
    assert_eq!(witness.events[0].mark, Mark::Races);
    let fences = explained(
        Failure::DATA_RACE,
        &three,
        "A set n w=1\nB set n w=2\nB fence - @Release\nB store f w=1 @Relaxed\nC load f r=1 @Relaxed\nC fence - @Acquire\nC get n r=2",
    );
    assert_eq!(fences.conclusion, "A wrote n = 1 and C read n = 2: nothing orders them");
}

#[test]
fn a_read_modify_write_hands_on_what_it_read() {
    let found = explained(
        Failure::DATA_RACE,
        &["A", "B", "C"],
        "A set n w=1
        B set n w=2
        B store f w=1 @Release
        A fetch_add f r=1 w=2 @Relaxed
        C load f r=2 @Acquire
        C get n r=2",
    );
    let expected = "A wrote n = 1 and C read n = 2: C saw f = 2, but A's Relaxed fetch_add and C's Acquire load order nothing";
    assert_eq!(found.conclusion, expected);
}

#[test]
fn atomics_do_not_race_with_each_other() {
    let found = explained(Failure::DATA_RACE, &AB, "A set n w=1\nB set n w=2\nA store f w=1\nB load f r=1");
    assert_eq!(found.conclusion, "A wrote n = 1 and B wrote n = 2: nothing orders them");
}

#[test]
fn a_wake_up_that_is_lost_has_its_story() {
    let check = |lines: &str, expected: &str, marked: &[usize]| {
        check(Failure::DEADLOCK, &AB, lines, expected, marked);
    };
    check(
        "A load ready r=0\nB wake told r=false\nA clone waker\nA register told\nA sleep waker waits",
        "A waits to be woken: B's wake of told came before A registered",
        &[1, 3, 4],
    );
    check(
        "A clone waker\nA register told\nB register told\nA sleep waker waits",
        "A waits to be woken: B has registered its waker in told, in the place of that of A",
        &[1, 2, 3],
    );
    check(
        "B wake told r=false\nA register told\nB wake told r=true\nB wake waker\nA sleep waker\nA sleep waker waits",
        "A waits to be woken once more: B woke it last",
        &[3, 5],
    );
    check("A clone waker\nA sleep waker waits", "A waits to be woken, and no thread wakes it", &[0, 1]);
    check("A sleep waker waits", "A waits to be woken, and its waker was never cloned", &[0]);
}

#[test]
fn deadlocks() {
    let check = |lines: &str, conclusion: &str, marked: &[usize]| {
        check(Failure::DEADLOCK, &AB, lines, conclusion, marked);
    };
    check(
        "A lock first\nB lock second\nA lock second waits\nB lock first waits",
        "A holds first and waits for second; B holds second and waits for first",
        &[0, 1, 2, 3],
    );
    check("A lock m\nA lock m waits", "A holds m and waits for m, which it holds itself", &[0, 1]);
    check("A lock m\nB lock m waits", "B waits for m, which A took and never gave back", &[0, 1]);
    check(
        "B notify_one ready\nA lock m\nA unlock m\nA wait ready waits",
        "A waits for a notification of ready, which B gave before that",
        &[0, 3],
    );
    check(
        "A lock m\nA unlock m\nB notify_one ready\nA wait ready waits",
        "A waits for a notification of ready, the last of which, by B, woke another thread",
        &[2, 3],
    );
    check("A lock m\nA wait ready waits", "A holds m and waits for a notification of ready", &[1]);
    check(
        "A recv queue waits\nB join - waits",
        "A waits for a message from queue; B waits for another thread to end",
        &[0, 1],
    );
    check(
        "A send queue waits\nB wait barrier waits",
        "A waits for room in queue; B waits for others to come to barrier",
        &[0, 1],
    );
    check(
        "A park - waits\nB get_or_init cell waits",
        "A is parked and nobody unparks it; B waits until cell is made",
        &[0, 1],
    );
    check("A lock m\nA unlock m\nmain recv queue waits", "main waits for a message from queue", &[2]);
    check("A select a waits", "A waits in `select a`", &[0]);
}

#[test]
fn crashes_and_hangs() {
    let site = Some(Site { file: "src/ring.rs".to_owned(), line: 7 });
    let how = How::Panic { message: Some("index out of bounds".to_owned()), site };
    check(
        Failure::Crash(Crash::new(Who::NoActor, how)),
        &AB,
        "A store len w=9\nB load len r=9",
        "B panicked: index out of bounds (src/ring.rs:7), after B read len = 9, as A had left it",
        &[0, 1],
    );
    let killed = Crash::new(Who::Process, How::Ended(ProcessExit::Signal(11)));
    check(
        Failure::Crash(killed),
        &AB,
        "A store len w=9",
        "A crashed: it was killed by SIGSEGV, after A wrote len = 9",
        &[0],
    );
    check(
        crash(Who::Actor(0), "no"),
        &AB,
        "A store len w=9\nB load len r=9",
        "actor A panicked: no, after A wrote len = 9",
        &[0],
    );
    check(
        hang(),
        &AB,
        "A load go r=false @Relaxed\nA load go r=false @Relaxed\nB lock m",
        "it does not end: A goes round and round, and has last `load go = false Relaxed`",
        &[1],
    );
    check(
        Failure::Hang(Hang { spinning: vec![1], ..Hang::default() }),
        &AB,
        "A store go w=true\nA load go r=true\nB store go w=false",
        "it does not end: A goes round and round, and has last `load go = true`; B wrote go = false later in time, but \
         before that in modification order",
        &[1, 2],
    );
    check(
        hang(),
        &AB,
        "A store x w=1",
        "it does not end: the last that happened is that A wrote x = 1",
        &[0],
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 2_000, ..Default::default() })]

    #[test]
    fn something_is_said_of_every_execution(witness in super::super::sample::witnesses(40)) {
        let mut explained = witness.clone();
        explain(&mut explained);
        proptest::prop_assert!(!explained.conclusion.is_empty());
        proptest::prop_assert!(!explained.conclusion.contains('\n') && explained.conclusion.chars().count() < 1_200);
        for (index, event) in explained.events.iter_mut().enumerate() {
            if let Some(stale) = event.stale {
                proptest::prop_assert!(stale.latest < index && stale.from.is_none_or(|from| from < stale.latest));
            }
            proptest::prop_assert!(event.after.iter().chain(&event.from).all(|at| *at < index));
            let before = &witness.events[index];
            (event.mark, event.stale) = (before.mark, before.stale);
            (event.from, event.after) = (before.from, before.after.clone());
        }
        // Nothing else was touched.
        explained.conclusion.clone_from(&witness.conclusion);
        proptest::prop_assert_eq!(explained, witness);
    }
}
