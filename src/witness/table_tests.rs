//! What tables look like, and that they fit.

use super::sample::{explained, forbidden, hang, witness, witnesses};
use super::table::{shown, table};
use super::*;
use crate::base::failure::Failure;
use proptest::prelude::*;

fn lost() -> Failure {
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
        &found,
        "
        scenarios/sample.rs

          A                       |   B                       | line
        --------------------------|---------------------------|-----
        * load count = 0 Relaxed  |                           | :31
                                  | * load count = 0 Relaxed  | :31
        * store count = 1 Relaxed |                           | :31
                                  | * store count = 1 Relaxed | :31
        in the end: count = 1

        * decides
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
        &found,
        "
        scenarios/sample.rs

          A                   |   B                                           | line
        ----------------------|-----------------------------------------------|-----
        * store x = 1 Relaxed |                                               | :40
        * load y = 0 Relaxed  |                                               | :41
                              | * store y = 1 Relaxed                         | :44
                              | * load x = 0 Relaxed (stale: A has written 1) | :45

        * decides
    ",
    );
}

#[test]
fn a_message_that_races() {
    let found = explained(
        Failure::DATA_RACE,
        &["writer", "reader"],
        "main new flag w=false :10
        main new payload w=0 :10
        writer set payload w=42 :40
        writer store flag w=true @Relaxed :41
        reader load flag r=true @Acquire :44
        reader get payload r=42 :45",
    );
    check(
        &found,
        "
        scenarios/sample.rs

          writer                    |   reader                   | line
        ----------------------------|----------------------------|-----
        ! write payload = 42        |                            | :40
        * store flag = true Relaxed |                            | :41
                                    | * load flag = true Acquire | :44
                                    | ! read payload = 42        | :45

        * decides   ! races
    ",
    );
}

#[test]
fn locks_in_opposite_order() {
    let found = explained(
        Failure::DEADLOCK,
        &["A", "B"],
        "A lock first :40
        B lock second src/locks.rs:7
        A lock second waits :41
        B lock first waits src/locks.rs:9",
    );
    check(
        &found,
        "
          A                  |   B                 | source
        ---------------------|---------------------|-------------
        * lock first         |                     | sample.rs:40
                             | * lock second       | locks.rs:7
        * waits: lock second |                     | sample.rs:41
                             | * waits: lock first | locks.rs:9

        * decides
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
        &found,
        "
        scenarios/sample.rs

          A                             |   B                              |   C                      | line
        --------------------------------|----------------------------------|--------------------------|-----
        * fetch_add count 0 -> 1 AcqRel |                                  |                          | :31
          load head = 0 Acquire         |                                  |                          | :31
                                        |   load head = 0 Acquire          |                          | :35
                                        | * compare_exchange count found 1 |                          | :32
                                        |     Acquire, failed              |                          |
                                        |                                  |   store head = 1 Release | :33

        * decides
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
        &found,
        "
        scenarios/sample.rs

          A               |   B               |   C                      |   D               | line
        ------------------|-------------------|--------------------------|-------------------|-----
        * load count = 0  |                   |                          |                   | :30
                          | * load count = 0  |                          |                   | :30
                          |                   |   load count = 0         |                   | :30
                          |                   |                          |   load count = 0  | :30
        * store count = 1 |                   |                          |                   | :30
                          | * store count = 1 |                          |                   | :30
                          |                   |   fetch_add count 1 -> 2 |                   | :31
                          |                   |                          |   store count = 1 | :30

        * decides
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
    let mut found = witness(Failure::DEADLOCK, &names, &[], &lines);
    found.threads[3] += " of Citium in Cyprus";
    explain::explain(&mut found);
    check(
        &found,
        "
        scenarios/sample.rs

        Plato                 * lock fork0        | :20
        Socrates              * lock fork1        | :20
        Zeno of Citium in C…  * lock fork2        | :20
        Hypatia               * lock fork3        | :20
        Thales                * lock fork4        | :20
        Diotima               * lock fork5        | :20
        Kant                  * lock fork6        | :20
        Hume                  * lock fork7        | :20
        Weil                  * lock fork8        | :20
        Plato                 * waits: lock fork1 | :21
        Socrates              * waits: lock fork2 | :21
        Zeno of Citium in C…  * waits: lock fork3 | :21
        Hypatia               * waits: lock fork4 | :21
        Thales                * waits: lock fork5 | :21
        Diotima               * waits: lock fork6 | :21
        Kant                  * waits: lock fork7 | :21
        Hume                  * waits: lock fork8 | :21
        Weil                  * waits: lock fork0 | :21

        * decides
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
        &found,
        "
        scenarios/sample.rs

        A           | helper      | main       | line
        ------------|-------------|------------|-----
        store n = 1 |             |            | :2
                    |             | load n = 1 | :3
                    | store n = 2 |            | :4
        in the end: n = 2
    ",
    );
    found.events.remove(2);
    check(
        &found,
        "
        scenarios/sample.rs

        A           | helper      | line
        ------------|-------------|-----
        store n = 1 |             | :2
                    | store n = 2 | :4
        in the end: n = 2
    ",
    );
    found.events[3].mark = Mark::Decides;
    check(
        &found,
        "
        scenarios/sample.rs

          A           |   helper      |   main       | line
        --------------|---------------|--------------|-----
          store n = 1 |               |              | :2
                      |   store n = 2 |              | :4
                      |               | * load n = 2 | :5

        * decides
    ",
    );
    found.events.clear();
    assert_eq!(table(&found), "");
}

#[test]
fn every_operation_has_a_short_text() {
    let found = explained(
        hang(),
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
        &found,
        "
          A                    |   B
        -----------------------|---------------------------------
          new n = 0            |
          fence SeqCst         |
          swap n 0 -> 1 AcqRel |
                               |   fetch_update n found 1, failed
          read-lock table      |
          unlock table         |
          write-lock table     |
          unlock table         |
          try_lock m, failed   |
                               |   send queue = 1
                               |   recv queue = 1
                               |   yield_now
          drop n               |
                               | * waits: wait ready

        * decides
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
