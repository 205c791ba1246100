//! A value that is made on first use.

use selvedge::prelude::*;

selvedge::scenario!(lazy_initialisation);

/// What the two actors got, and how often the value was made.
type Made = (u32, u32, u32);

struct Lazy {
    ready: AtomicBool,
    value: Plain<u32>,
    made: AtomicU32,
    lock: Mutex<()>,
}

impl Lazy {
    fn new() -> Self {
        Self { ready: AtomicBool::new(false), value: Plain::new(0), made: AtomicU32::new(0), lock: Mutex::new(()) }
    }

    fn make(&self) {
        self.made.fetch_add(1, Relaxed);
        self.value.set(42);
    }

    fn unlocked(&self) -> u32 {
        if !self.ready.load(Acquire) {
            self.make();
            self.ready.store(true, Release);
        }
        self.value.get()
    }

    fn double_checked(&self, load: Ordering, store: Ordering) -> u32 {
        if !self.ready.load(load)
            && let Ok(_guard) = self.lock.lock()
            && !self.ready.load(Relaxed)
        {
            self.make();
            self.ready.store(true, store);
        }
        self.value.get()
    }
}

fn lazy_initialisation() -> Scenario<Made> {
    Scenario::new("Two actors want a value that is made on first use. Is it made once, and whole for both?")
        .acceptable("made once, whole for both", |&made: &Made| made == (42, 42, 1))
        .forbidden("made twice", |&(_, _, made): &Made| made > 1)
        .forbidden("seen before it was made", |_| true)
        .design("check and make, no lock", lazily(Lazy::unlocked).expect(DataRace))
        .design("double-checked, relaxed", lazily(|lazy: &Lazy| lazy.double_checked(Relaxed, Relaxed)).expect(DataRace))
        .design("double-checked, release and relaxed", lazily(|lazy: &Lazy| lazy.double_checked(Relaxed, Release)).expect(DataRace))
        .design("double-checked, release and acquire", lazily(|lazy: &Lazy| lazy.double_checked(Acquire, Release)).expect(Safe))
        .design(
            "OnceLock",
            Design::new(|| (OnceLock::new(), AtomicU32::new(0)))
                .actors(2, |(value, made): &(OnceLock<u32>, AtomicU32)| {
                    *value.get_or_init(|| {
                        made.fetch_add(1, Relaxed);
                        42
                    })
                })
                .observe(|(_, made), got| (got[0], got[1], made.load(Relaxed)))
                .expect(Safe),
        )
        .in_practice(
            "use OnceLock or LazyLock: they are the double-checked lock with the orderings right. The fast path's load must \
             acquire; \"the lock orders it\" is true only for those who took the lock.",
        )
}

fn lazily(get: impl Fn(&Lazy) -> u32 + Clone + Send + Sync + 'static) -> Design<Lazy, u32, Made> {
    Design::new(Lazy::new)
        .actors(2, get)
        .observe(|lazy, got| (got[0], got[1], lazy.made.load(Relaxed)))
}
