//! What is left to chance is tried in full.

use selvedge::prelude::*;

selvedge::scenario!(random_seat);

const SEATS: u32 = 3;

type Hall = [AtomicBool; SEATS as usize];

/// How many guests took a seat, and how many seats are taken.
type Seated = (usize, usize);

fn random_seat() -> Scenario<Seated> {
    Scenario::new("Two guests go to one of three seats each, at random. Do they ever share one?")
        .acceptable("everyone has a seat of his own", |&(guests, seats)| guests == seats)
        .forbidden("two guests share a seat", |&(guests, seats)| guests > seats)
        .design(
            "look, then sit down",
            seated(|seat| {
                let free = !seat.load(Relaxed);
                if free {
                    seat.store(true, Relaxed);
                }
                free
            })
            .expect(Forbidden),
        )
        .design("swap", seated(|seat| !seat.swap(true, Relaxed)).expect(Safe))
}

fn seated(sit: impl Fn(&AtomicBool) -> bool + Clone + Send + Sync + 'static) -> Design<Hall, bool, Seated> {
    Design::new(|| [false; SEATS as usize].map(AtomicBool::new))
        .actors(2, move |hall: &Hall| sit(&hall[choose(SEATS) as usize]))
        .observe(|hall, sat| {
            let seats = hall.iter().filter(|seat| seat.load(Relaxed)).count();
            (sat.iter().filter(|sat| **sat).count(), seats)
        })
}
