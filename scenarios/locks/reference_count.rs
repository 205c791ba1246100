//! The last one out destroys the value: what the others did must have happened before.

use selvedge::prelude::*;

selvedge::scenario!(reference_count);

struct Counted {
    owners: AtomicUsize,
    value: Plain<u32>,
}

fn reference_count() -> Scenario<(usize, u32)> {
    Scenario::new("Two owners use a value and then let go; the last one destroys it. Is it ever used while it is destroyed?")
        .acceptable("used twice, destroyed once, last", |&end| end == (1, 0))
        .forbidden("destroyed too early, twice or never", |_| true)
        .design("relaxed", dropped(|owners| owners.fetch_sub(1, Relaxed) == 1).expect(DataRace))
        .design("release, no acquire by the last", dropped(|owners| owners.fetch_sub(1, Release) == 1).expect(DataRace))
        .design(
            "release, and an acquire fence by the last",
            dropped(|owners| {
                let is_last = owners.fetch_sub(1, Release) == 1;
                if is_last {
                    fence(Acquire);
                }
                is_last
            })
            .expect(Safe),
        )
        .design("AcqRel", dropped(|owners| owners.fetch_sub(1, AcqRel) == 1).expect(Safe))
        .design(
            "store of one less",
            dropped(|owners| {
                let left = owners.load(Acquire) - 1;
                owners.store(left, Release);
                left == 0
            })
            .expect(Forbidden),
        )
        .in_practice(
            "release on every drop, acquire by the last one only: that is what Arc does. Additions may be relaxed, since who \
             adds an owner is one already. The missing acquire shows on ARM, never on x86.",
        )
}

fn dropped(let_go: impl Fn(&AtomicUsize) -> bool + Clone + Send + Sync + 'static) -> Design<Counted, bool, (usize, u32)> {
    Design::new(|| Counted { owners: AtomicUsize::new(2), value: Plain::new(7) })
        .actors(2, move |shared: &Counted| {
            let _used = shared.value.get();
            let is_last = let_go(&shared.owners);
            if is_last {
                shared.value.set(0);
            }
            is_last
        })
        .observe(|shared, last| (last.iter().filter(|last| **last).count(), shared.value.get()))
}
