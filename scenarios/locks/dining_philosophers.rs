//! Three philosophers, three forks (Dijkstra, EWD 310).

use selvedge::prelude::*;

selvedge::scenario!(dining_philosophers);

type Table = [Mutex<u32>; 3];

fn dining_philosophers() -> Scenario<u32> {
    Scenario::new("Three actors around a table each need the fork to the left and the one to the right. Do all of them get to eat?")
        .acceptable("all have eaten", |&meals| meals == 6)
        .forbidden("somewhere a fork was not used", |_| true)
        .design(
            "left fork first",
            dining([(0, 1), (1, 2), (2, 0)])
                .expect(Deadlock)
                .only_on(&[Loom, Shuttle], "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one"),
        )
        .design("one takes the right fork first", dining([(0, 1), (1, 2), (0, 2)]).expect(Safe))
        .in_practice(
            "a circle of locks needs as many actors as locks to close, and one that goes the other way to break: number \
             the locks and take them in that order everywhere.",
        )
}

/// Which fork each takes first and second.
fn dining(forks: [(usize, usize); 3]) -> Design<Table, (), u32> {
    let eat = move |table: &Table, me: usize| {
        let (first, second) = forks[me];
        if let Ok(mut first) = table[first].lock()
            && let Ok(mut second) = table[second].lock()
        {
            *first += 1;
            *second += 1;
        }
    };
    Design::new(|| [0; 3].map(Mutex::new))
        .actor("A", move |table| eat(table, 0))
        .actor("B", move |table| eat(table, 1))
        .actor("C", move |table| eat(table, 2))
        .observe(|table, _| table.iter().map(|fork| fork.lock().map_or(0, |uses| *uses)).sum())
}
