//! What tables look like, and that they fit.

use super::sample::{explained, forbidden, witness, witnesses};
use super::table::{shown, table};
use super::*;
use proptest::prelude::*;

fn lost() -> Shows {
    forbidden("1", "an increment was lost")
}

/// Compares with a drawing, from its second line on and without the indentation of the source.
#[track_caller]
fn check(witness: &Witness, expected: &str) {
    let lines = expected.lines().skip(1).map(|line| line.strip_prefix("        ").unwrap_or(line));
    let expected = lines.collect::<Vec<_>>().join("\n");
    let drawn = table(witness);
    assert_eq!(drawn.trim_end(), expected.trim_end(), "\n{drawn}");
}

#[test]
fn a_lost_update() {
    let found = explained(
        lost(),
        &["A", "B"],
        "main new count w=0 :30
        A load count r=0 @Relaxed :31
        B load count r=0 @Relaxed :31
        A store count w=1 @Relaxed :31
        B store count w=1 @Relaxed :31
        main load count r=1 @Relaxed :33",
    );
    check(
        &found, "
    ",
    );
}

#[test]
fn store_buffering_says_what_is_stale() {
    let found = explained(
        forbidden("(0, 0)", "neither saw the other: both would enter"),
        &["A", "B"],
        "main new x w=0 :30
        main new y w=0 :30
        A store x w=1 @Relaxed :40
        A load y r=0 @Relaxed :41
        B store y w=1 @Relaxed :44
        B load x r=0 @Relaxed :45
        main drop x :30",
    );
    check(
        &found, "
    ",
    );
}

#[test]
fn a_message_that_races() {
    let found = explained(
        Shows::DataRace,
        &["writer", "reader"],
        "main new flag w=false :10
        main new payload w=0 :10
        writer set payload w=42 :40
        writer store flag w=true @Relaxed :41
        reader load flag r=true @Acquire :44
        reader get payload r=42 :45",
    );
    check(
        &found, "
    ",
    );
}

#[test]
fn locks_in_opposite_order() {
    let found = explained(
        Shows::Deadlock,
        &["A", "B"],
        "A lock first :40
        B lock second src/locks.rs:7
        A lock second waits :41
        B lock first waits src/locks.rs:9",
    );
    check(
        &found, "
    ",
    );
}

#[test]
fn three_actors_wrap_a_long_cell() {
    let found = explained(
        lost(),
        &["A", "B", "C"],
        "A fetch_add count r=0 w=1 @AcqRel :31
        A load head r=0 @Acquire :31
        B load head r=0 @Acquire :35
        B compare_exchange count r=1 failed @Acquire :32
        C store head w=1 @Release :33",
    );
    check(
        &found, "
    ",
    );
}

#[test]
fn four_actors_do_without_orderings() {
    let found = explained(
        lost(),
        &["A", "B", "C", "D"],
        "A load count r=0 @Relaxed :30
        B load count r=0 @Relaxed :30
        C load count r=0 @Relaxed :30
        D load count r=0 @Relaxed :30
        A store count w=1 @Relaxed :30
        B store count w=1 @Relaxed :30
        C fetch_add count r=1 w=2 @Relaxed :31
        D store count w=1 @Relaxed :30",
    );
    check(
        &found, "
    ",
    );
}

#[test]
fn nine_actors_are_a_list() {
    let names = ["Plato", "Socrates", "Zeno", "Hypatia", "Thales", "Diotima", "Kant", "Hume", "Weil"];
    let takes = |(place, name): (usize, &&str)| format!("{name} lock fork{place} :20\n");
    let waits = |(place, name): (usize, &&str)| format!("{name} lock fork{} waits :21\n", (place + 1) % 9);
    let all = || names.iter().enumerate();
    let lines: String = all().map(takes).chain(all().map(waits)).collect();
    let mut found = witness(Shows::Deadlock, &names, &[], &lines);
    found.threads[3] += " of Citium in Cyprus";
    explain::explain(&mut found);
    check(
        &found, "
    ",
    );
}

#[test]
fn the_main_thread_is_shown_where_it_matters() {
    let lines = "main new n w=0 :1
        A store n w=1 :2
        main load n r=1 :3
        helper store n w=2 :4
        main load n r=2 :5";
    let mut found = witness(lost(), &["A"], &["helper"], lines);
    check(
        &found, "
    ",
    );
    found.events.remove(2);
    check(
        &found, "
    ",
    );
    found.events[3].mark = Mark::Decides;
    check(
        &found, "
    ",
    );
    found.events.clear();
    assert_eq!(table(&found), "");
}

#[test]
fn every_operation_has_a_short_text() {
    let found = explained(
        Shows::Hang,
        &["A", "B"],
        "A new n w=0
        A fence - @SeqCst
        A swap n r=0 w=1 @AcqRel
        B fetch_update n r=1 failed
        A read table
        A unlock_shared table
        A write table
        A unlock table
        A try_lock m failed
        B send queue w=1
        B recv queue r=1
        B yield_now -
        A drop n
        B wait ready waits",
    );
    check(
        &found, "
    ",
    );
}

/// Characters of the widest line.
fn width(drawn: &str) -> usize {
    drawn.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_event_has_its_row_and_every_row_fits(witness in witnesses(40)) {
        let drawn = table(&witness);
        prop_assert!(width(&drawn) <= 100, "{} wide:\n{}", width(&drawn), drawn);
        // Sites are the only texts with a colon at the end of a line, and their lines are the events'.
        let number = |line: &str| line.rsplit_once(':').and_then(|(_, number)| number.parse::<u32>().ok());
        let rows: Vec<u32> = drawn.lines().filter_map(number).collect();
        let expected: Vec<u32> = shown(&witness).map(|event| event.site.as_ref().unwrap().line).collect();
        prop_assert_eq!(rows, expected, "\n{}", drawn);
        prop_assert!(drawn.lines().all(|line| line.trim_end() == line));
    }

    #[test]
    fn every_event_of_an_actor_is_shown(witness in witnesses(20)) {
        let shown: Vec<_> = shown(&witness).collect();
        let must = |event: &Event| event.thread != 0 || event.mark != Mark::None;
        prop_assert!(witness.events.iter().filter(|event| must(event)).all(|event| shown.contains(&event)));
    }

    #[test]
    fn two_actors_always_stand_beside_each_other(
        object in "[a-z_]{1,20}", value in "\\PC{0,60}", order in "Relaxed|SeqCst"
    ) {
        let mut found = explained(lost(), &["A", "B"], "A load x r=0 @Relaxed :1\nB fetch_add x r=0 w=1 @Relaxed :2");
        found.objects[0].name = object;
        for event in &mut found.events {
            event.read = Some(value.clone());
            event.order = Some(order.clone());
        }
        let drawn = table(&found);
        prop_assert!(drawn.contains(" | ") && drawn.contains("-|-") && width(&drawn) <= 100, "{}", drawn);
    }
}
