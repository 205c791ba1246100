//! Every value under the checkers, once each; the same values from the same seed elsewhere.

use super::{begin_stream, choose, next_sample};
use crate::testing::in_shuttle;
use std::collections::BTreeSet;

#[test]
fn a_stream_is_the_same_for_the_same_seed_actor_and_sample() {
    let draw = |seed, actor, sample| {
        begin_stream(seed, actor, sample);
        next_sample();
        [(); 8].map(|()| choose(1_000))
    };
    assert_eq!(draw(1, 0, 0), draw(1, 0, 0));
    let others = [draw(1, 0, 0), draw(2, 0, 0), draw(1, 1, 0), draw(1, 0, 1)];
    assert_eq!(BTreeSet::from(others).len(), 4);
    // A sample's values do not depend on how many were drawn in the one before.
    begin_stream(1, 0, 0);
    next_sample();
    let _first = choose(2);
    next_sample();
    assert_eq!([(); 8].map(|()| choose(1_000)), others[3]);
}

#[test]
fn values_are_drawn_evenly() {
    begin_stream(7, 0, 0);
    let mut counts = [0_u32; 5];
    for _ in 0..10_000 {
        next_sample();
        counts[choose(5) as usize] += 1;
    }
    // Five standard deviations, of 40 each, from 2,000.
    assert!(counts.iter().all(|count| (1_800..2_200).contains(count)), "{counts:?}");
}

#[test]
fn schedules_at_random_draw_values_at_random() {
    let seen = in_shuttle(|| (choose(3), choose(1)));
    assert_eq!(seen.failure, None);
    assert_eq!(seen.outcomes, BTreeSet::from([(0, 0), (1, 0), (2, 0)]));
}

#[test]
#[should_panic(expected = "no options")]
fn nothing_is_chosen_from_nothing() {
    let _nothing = choose(0);
}
