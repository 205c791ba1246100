//! Summing up together, or each alone and then once.

use selvedge::prelude::*;

selvedge::scenario!(local_sum);

const ITEMS: [&[u32]; 2] = [&[1, 2], &[3]];

fn local_sum() -> Scenario<u32> {
    Scenario::new("Two actors add up three numbers, six in all. Is the total right?")
        .acceptable("six", |&sum| sum == 6)
        .forbidden("something was lost", |_| true)
        .design(
            "each number into the shared sum, load then store",
            summed(|total, items| items.iter().for_each(|item| total.store(total.load(Relaxed) + item, Relaxed)))
                .expect(Forbidden),
        )
        .design(
            "each number into the shared sum, fetch_add",
            summed(|total, items| {
                for item in items {
                    total.fetch_add(*item, Relaxed);
                }
            })
            .expect(Safe),
        )
        .design(
            "a local sum, added once",
            summed(|total, items| {
                total.fetch_add(items.iter().sum(), Relaxed);
            })
            .expect(Safe),
        )
        .design(
            "a local sum, returned",
            Design::new(|| AtomicU32::new(0))
                .actor("A", |total| ITEMS[0].iter().sum::<u32>() + total.load(Relaxed))
                .actor("B", |total| ITEMS[1].iter().sum::<u32>() + total.load(Relaxed))
                .observe(|_, sums| sums.iter().sum())
                .expect(Safe),
        )
        .in_practice(
            "share the result, not the work: a local sum makes one shared operation of many, and one that is returned \
             makes none. It is faster by far as well, since the shared line travels once.",
        )
}

fn summed(add: impl Fn(&AtomicU32, &[u32]) + Clone + Send + Sync + 'static) -> Design<AtomicU32, (), u32> {
    let (a, b) = (add.clone(), add);
    Design::new(|| AtomicU32::new(0))
        .actor("A", move |total| a(total, ITEMS[0]))
        .actor("B", move |total| b(total, ITEMS[1]))
        .observe(|total, _| total.load(Relaxed))
}
