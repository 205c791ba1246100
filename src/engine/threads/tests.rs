//! The threads engine on planted bugs and their corrected twins.

use super::observe;
use crate::engine::planted::*;

#[test]
fn experiment() {
    alone("engine::threads::tests::experiment", || {
        for actors in [1, 2, 3, 5] {
            let seen = observed(observe, &load_then_store(actors), 1000);
            println!(
                "inc {actors} {} {:?}",
                seen.executions,
                seen.outcomes.iter().map(|o| (o.value.clone(), o.count)).collect::<Vec<_>>()
            );
        }
        let seen = observed(observe, &store_buffering(), 1000);
        println!(
            "sb {} {:?}",
            seen.executions,
            seen.outcomes.iter().map(|o| (o.value.clone(), o.count)).collect::<Vec<_>>()
        );
    });
}
