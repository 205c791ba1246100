//! An object is filled in, then others are told where it is.

use selvedge::prelude::*;

selvedge::scenario!(publication);

/// Objects in a row, and the number of the one that is published: 0 is none.
struct Shelf {
    objects: [Plain<u32>; 2],
    published: AtomicUsize,
}

fn publication() -> Scenario<Option<u32>> {
    Scenario::new("An actor fills in an object and publishes where it is; another follows that and reads it. Is it ever read unfinished?")
        .acceptable("nothing was published yet", Option::is_none)
        .acceptable("a whole object", |&seen| seen == Some(42))
        .forbidden("an object that was not finished", |_| true)
        .design("relaxed", published(|shelf| shelf.published.store(1, Relaxed), Relaxed).expect(DataRace))
        .design("release, followed by address alone", published(|shelf| shelf.published.store(1, Release), Relaxed).expect(DataRace))
        .design("release and acquire", published(|shelf| shelf.published.store(1, Release), Acquire).expect(Safe))
        .design(
            "published by compare_exchange",
            published(
                |shelf| {
                    shelf.published.compare_exchange(0, 1, Release, Relaxed).ok();
                },
                Acquire,
            )
            .expect(Safe),
        )
        .design(
            "published before it is filled in",
            Design::new(shelf)
                .actor("publishes", |shelf| {
                    shelf.published.store(1, Release);
                    shelf.objects[1].set(42);
                    None
                })
                .actor("follows", |shelf| follow(shelf, Acquire))
                .observe(|_, seen| seen[1])
                .expect(DataRace),
        )
        .in_practice(
            "publish with release, follow with acquire. An address that is used is not enough in Rust: there is no \
             consume ordering, though most hardware would order it. OnceLock, Arc in a Mutex, or a channel do it for you.",
        )
}

fn shelf() -> Shelf {
    Shelf { objects: [0, 0].map(Plain::new), published: AtomicUsize::new(0) }
}

fn follow(shelf: &Shelf, load: Ordering) -> Option<u32> {
    match shelf.published.load(load) {
        0 => None,
        place => Some(shelf.objects[place].get()),
    }
}

fn published(
    publish: impl Fn(&Shelf) + Send + Sync + 'static,
    load: Ordering,
) -> Design<Shelf, Option<u32>, Option<u32>> {
    Design::new(shelf)
        .actor("publishes", move |shelf| {
            shelf.objects[1].set(42);
            publish(shelf);
            None
        })
        .actor("follows", move |shelf| follow(shelf, load))
        .observe(|_, seen| seen[1])
}
