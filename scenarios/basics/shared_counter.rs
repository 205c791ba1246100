//! The oldest race there is, and a dozen ways around it.

use selvedge::prelude::*;

selvedge::scenario!(shared_counter);

const ROW_OF_ITS_OWN: &str = "the same across processes has a row of its own";
const ABOUT_PROCESSES: &str = "this design is about processes";

fn shared_counter() -> Scenario<u32> {
    let scenario =
        Scenario::new("Two actors add one each to a counter that starts at zero. Is an increment ever lost?")
            .acceptable("both increments counted", |&n| n == 2)
            .forbidden("an increment was lost", |&n| n < 2);
    across_processes(among_threads(scenario))
}

fn among_threads(scenario: Scenario<u32>) -> Scenario<u32> {
    scenario
        .design(
            "plain memory",
            Design::new(|| Plain::new(0))
                .actors(2, |n: &Plain<u32>| n.set(n.get() + 1))
                .observe(|n, _| n.get())
                .past_races()
                .not_on(Processes, ROW_OF_ITS_OWN)
                .expect(DataRace),
        )
        .design(
            "load, then store",
            Design::new(|| AtomicU32::new(0))
                .actors(2, |n| n.store(n.load(Relaxed) + 1, Relaxed))
                .observe(|n, _| n.load(Relaxed))
                .not_on(Processes, ROW_OF_ITS_OWN)
                .expect(Forbidden),
        )
        .design(
            "fetch_add",
            Design::new(|| AtomicU32::new(0))
                .actors(2, |n| {
                    n.fetch_add(1, Relaxed);
                })
                .observe(|n, _| n.load(Relaxed))
                .not_on(Processes, ROW_OF_ITS_OWN)
                .expect(Safe),
        )
        .design(
            "compare-exchange loop",
            Design::new(|| AtomicU32::new(0))
                .actors(2, |n| {
                    let mut seen = n.load(Relaxed);
                    while let Err(newer) = n.compare_exchange(seen, seen + 1, Relaxed, Relaxed) {
                        seen = newer;
                    }
                })
                .observe(|n, _| n.load(Relaxed))
                .expect(Safe),
        )
        .design(
            "mutex",
            Design::new(|| Mutex::new(0))
                .actors(2, |n: &Mutex<u32>| {
                    if let Ok(mut n) = n.lock() {
                        *n += 1;
                    }
                })
                .observe(|n, _| n.lock().map_or(0, |n| *n))
                .not_on(Processes, ROW_OF_ITS_OWN)
                .expect(Safe),
        )
        .design(
            "rwlock",
            Design::new(|| RwLock::new(0))
                .actors(2, |n: &RwLock<u32>| {
                    if let Ok(mut n) = n.write() {
                        *n += 1;
                    }
                })
                .observe(|n, _| n.read().map_or(0, |n| *n))
                .expect(Safe),
        )
        .design(
            "one owner and a channel",
            Design::new(|| (channel::unbounded(), Plain::new(0)))
                .actors(2, |((send, _), _): &(Channel, Plain<u32>)| send.send(1).unwrap_or_default())
                .actor("owner", |((_, receive), n)| {
                    for _ in 0..2 {
                        n.set(n.get() + receive.recv().unwrap_or_default());
                    }
                })
                .observe(|(_, n), _| n.get())
                .expect(Safe),
        )
        .design(
            "one counter each, added up",
            Design::new(|| [Plain::new(0), Plain::new(0)])
                .actor("A", |[a, _]: &[Plain<u32>; 2]| a.set(a.get() + 1))
                .actor("B", |[_, b]| b.set(b.get() + 1))
                .observe(|[a, b], _| a.get() + b.get())
                .expect(Safe),
        )
}

type Channel = (channel::Sender<u32>, channel::Receiver<u32>);

fn across_processes(scenario: Scenario<u32>) -> Scenario<u32> {
    scenario
        .design(
            "isolated memory",
            Design::new(|| AtomicU32::new(0))
                .actors(2, |n| {
                    n.fetch_add(1, Relaxed);
                })
                .observe(|n, _| n.load(Relaxed))
                .isolated()
                .must_see(Processes)
                .expect(Forbidden),
        )
        .design(
            "isolated memory and a pipe",
            Design::new(channel::unbounded)
                .actors(2, |(send, _): &Channel| send.send(1).unwrap_or_default())
                .observe(|(_, receive), _| (0..2).filter_map(|_| receive.recv().ok()).sum())
                .isolated()
                .expect(Safe),
        )
        .design(
            "shared mapping, load, then store",
            Design::new(|| AtomicU32::new(0))
                .actors(2, |n| n.store(n.load(Relaxed) + 1, Relaxed))
                .observe(|n, _| n.load(Relaxed))
                .not_on(Threads, ABOUT_PROCESSES)
                .expect(Forbidden),
        )
        .design(
            "shared mapping, fetch_add",
            Design::new(|| AtomicU32::new(0))
                .actors(2, |n| {
                    n.fetch_add(1, Relaxed);
                })
                .observe(|n, _| n.load(Relaxed))
                .not_on(Threads, ABOUT_PROCESSES)
                .expect(Safe),
        )
        .design(
            "shared mapping, process-shared mutex",
            Design::new(|| Mutex::new(0))
                .actors(2, |n: &Mutex<u32>| {
                    if let Ok(mut n) = n.lock() {
                        *n += 1;
                    }
                })
                .observe(|n, _| n.lock().map_or(0, |n| *n))
                .not_on(Threads, ABOUT_PROCESSES)
                .expect(Safe),
        )
}
