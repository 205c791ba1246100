//! A counter spread over cells, and what its sum may say while others add.

use selvedge::prelude::*;

selvedge::scenario!(long_adder);

/// What a reader saw twice, and what the counter held in the end.
type Sums = (u32, u32, u32);

fn long_adder() -> Scenario<Sums> {
    Scenario::new("Two actors add one each while a third asks for the sum twice. Does the sum ever run backwards, or lose an addition?")
        .forbidden("an addition was lost", |&(_, _, end)| end != 2)
        .forbidden("the later sum was smaller", |&(first, second, _)| second < first)
        .acceptable("both sums lie between nothing and everything", |&(_, second, _)| second <= 2)
        .design(
            "one cell, load, then store",
            adder(|cells, _| cells[0].store(cells[0].load(Relaxed) + 1, Relaxed), |cells| cells[0].load(Relaxed))
                .expect(Forbidden),
        )
        .design(
            "one cell, fetch_add",
            adder(
                |cells, _| {
                    cells[0].fetch_add(1, Relaxed);
                },
                |cells| cells[0].load(Relaxed),
            ),
        )
        .design(
            "a cell each, summed",
            adder(
                |cells, mine| {
                    cells[mine].fetch_add(1, Relaxed);
                },
                |cells| cells[0].load(Relaxed) + cells[1].load(Relaxed),
            ),
        )
        .in_practice(
            "count in a cell for each thread and add them up when asked, if there are many additions for each sum: \
             no addition is lost and a single reader's sums never fall. What such a sum is not is a value that the \
             counter ever had: object_counter shows that it is not linearizable. Where the number decides something, \
             use one fetch_add.",
        )
}

fn adder(
    add: impl Fn(&[AtomicU32; 2], usize) + Clone + Send + Sync + 'static,
    sum: impl Fn(&[AtomicU32; 2]) -> u32 + Send + Sync + 'static,
) -> Design<[AtomicU32; 2], (u32, u32), Sums> {
    let (a, b) = (add.clone(), add);
    Design::new(|| [AtomicU32::new(0), AtomicU32::new(0)])
        .actor("A", move |cells| {
            a(cells, 0);
            (0, 0)
        })
        .actor("B", move |cells| {
            b(cells, 1);
            (0, 0)
        })
        .actor("reader", move |cells| (sum(cells), sum(cells)))
        .observe(|cells, returned| {
            let end = cells.iter().map(|cell| cell.load(Relaxed)).sum();
            (returned[2].0, returned[2].1, end)
        })
}
