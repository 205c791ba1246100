//! The detector against its oracle, on random executions, on the corpus of the fuzzer, and on the textbook.

use super::oracle::{Event, OBJECTS, Op, TASKS, agree, detected, first_race};
use proptest::prelude::*;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

fn ops() -> impl Strategy<Value = Op> {
    let load = prop::sample::select(vec![Relaxed, Acquire, SeqCst]);
    let store = prop::sample::select(vec![Relaxed, Release, SeqCst]);
    let rmw = prop::sample::select(vec![Relaxed, Acquire, Release, AcqRel, SeqCst]);
    let fence = prop::sample::select(vec![Acquire, Release, AcqRel, SeqCst]);
    let object = 0..OBJECTS;
    prop_oneof![
        3 => (object.clone(), load).prop_map(|(object, order)| Op::Load(object, order)),
        3 => (object.clone(), store).prop_map(|(object, order)| Op::Store(object, order)),
        2 => (object.clone(), rmw).prop_map(|(object, order)| Op::Rmw(object, order)),
        2 => fence.prop_map(Op::Fence),
        2 => object.clone().prop_map(Op::Read),
        2 => object.clone().prop_map(Op::Write),
        1 => object.clone().prop_map(Op::Release),
        1 => object.clone().prop_map(Op::Acquire),
        1 => Just(Op::Send),
        1 => Just(Op::Receive),
    ]
}

fn executions() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((0..TASKS, ops()), 2..28)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn the_detector_and_the_graph_find_the_same_first_race(events in executions()) {
        match (detected(&events), first_race(&events)) {
            (None, None) => {}
            (Some((found, with)), Some((event, tasks))) => {
                prop_assert_eq!(found, event);
                prop_assert!(tasks.contains(&with), "{with} is none of {tasks:?}");
            }
            (found, oracle) => prop_assert!(false, "the detector says {found:?}, the graph {oracle:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    /// So the detector need not listen before there is anything to detect.
    #[test]
    fn what_comes_before_the_first_access_makes_no_difference(events in executions()) {
        let first = events.iter().position(|(_, op)| matches!(op, Op::Read(_) | Op::Write(_)));
        let first = first.unwrap_or(events.len());
        let late = detected(&events[first..]).map(|(event, with)| (event + first, with));
        prop_assert_eq!(late, detected(&events));
    }
}

/// A publication of cell 0 by task 0 to task 1, and whether it races.
#[track_caller]
fn check(events: &[Event], races: bool) {
    assert_eq!(first_race(events).is_some(), races, "the oracle is wrong");
    assert_eq!(detected(events).is_some(), races);
}

#[test]
fn the_textbook_pairs() {
    use Op::{Fence, Load, Read, Receive, Rmw, Send, Store, Write};
    let publish = |writer: &[Op], reader: &[Op], races: bool| {
        let mut events = vec![(0, Write(0))];
        events.extend(writer.iter().map(|&op| (0, op)));
        events.extend(reader.iter().map(|&op| (1, op)));
        events.push((1, Read(0)));
        check(&events, races);
    };
    publish(&[Store(0, Release)], &[Load(0, Acquire)], false);
    publish(&[Store(0, Relaxed)], &[Load(0, Acquire)], true);
    publish(&[Store(0, Release)], &[Load(0, Relaxed)], true);
    publish(&[Store(0, Release)], &[Load(1, Acquire)], true);
    publish(&[Fence(Release), Store(0, Relaxed)], &[Load(0, Relaxed), Fence(Acquire)], false);
    publish(&[Store(0, Relaxed), Fence(Release)], &[Load(0, Relaxed), Fence(Acquire)], true);
    publish(&[Fence(Release), Store(0, Relaxed)], &[Fence(Acquire), Load(0, Relaxed)], true);
    publish(&[Fence(SeqCst)], &[Fence(SeqCst)], true);
    publish(&[Rmw(0, Release)], &[Rmw(0, Acquire)], false);
    publish(&[Rmw(0, Relaxed)], &[Rmw(0, Acquire)], true);
    publish(&[Send], &[Receive], false);
    publish(&[], &[Receive], true);
    // A relaxed read-modify-write by a third task continues the release sequence; a store ends it.
    let through = |middle: Op| {
        vec![(0, Write(0)), (0, Store(0, Release)), (2, middle), (1, Load(0, Acquire)), (1, Read(0))]
    };
    check(&through(Rmw(0, Relaxed)), false);
    check(&through(Store(0, Relaxed)), true);
    // Since C++20 a relaxed store by the same task ends it too.
    check(
        &[(0, Write(0)), (0, Store(0, Release)), (0, Store(0, Relaxed)), (1, Load(0, Acquire)), (1, Read(0))],
        true,
    );
}

#[test]
fn the_corpus_of_the_fuzzer_has_racing_and_ordered_executions_and_both_agree_on_each() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/detector");
    let files = std::fs::read_dir(folder).expect("the corpus").map(|entry| entry.expect("a file").path());
    let racy: Vec<bool> = files.map(|path| agree(&std::fs::read(path).expect("a file"))).collect();
    assert!(racy.contains(&true) && racy.contains(&false), "{racy:?}");
}
