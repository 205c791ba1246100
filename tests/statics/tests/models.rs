//! The tickets under the checkers: `SELVEDGE_ENGINE` chooses which.

use selvedge::cell::{Cell, Plain, UnsafeCell};
use selvedge::sync::atomic::Ordering::Relaxed;
use selvedge::{model, thread};
use selvedge_statics::{MEETING, NUMBERS, close, give_back, take, take_carelessly, wait_for_all};
use std::panic::catch_unwind;

fn twice<T: Send + 'static>(act: fn() -> T) -> [T; 2] {
    let other = thread::spawn(act);
    let mine = act();
    [mine, other.join().unwrap()]
}

#[test]
fn no_two_tickets_have_a_number() {
    model(|| {
        let mut tickets = twice(|| take().unwrap());
        tickets.sort_unstable();
        assert_eq!(tickets, [1, 2]);
    });
}

#[test]
fn two_tickets_may_have_a_number_if_they_are_taken_carelessly() {
    let found = catch_unwind(|| {
        model(|| {
            let [one, other] = twice(take_carelessly);
            assert_ne!(one, other, "the same number");
        });
    });
    assert!(found.is_err(), "the lost update is found");
}

#[test]
fn all_tickets_are_given_back() {
    model(|| {
        let other = thread::spawn(|| give_back(take().unwrap()));
        if let Some(ticket) = take() {
            give_back(ticket);
        }
        wait_for_all();
        other.join().unwrap();
        assert_eq!(close(), "welcome");
        assert_eq!(take(), None);
    });
}

#[test]
fn all_numbers_begin_anew() {
    model(|| {
        let seen = twice(|| {
            MEETING.wait();
            (
                NUMBERS.0.fetch_add(1, Relaxed) < 1,
                NUMBERS.3.fetch_add(1, Relaxed) < -2,
                NUMBERS.8.fetch_add(1, Relaxed) < 6,
            )
        });
        assert_eq!(seen, [(true, true, true); 2]);
        let (_, one, two, _, three, four, five, six, _) = &NUMBERS;
        assert_eq!((one.load(Relaxed), two.load(Relaxed), three.load(Relaxed)), (-2, -3, -5));
        assert_eq!((four.load(Relaxed), five.load(Relaxed), six.load(Relaxed)), (1, 2, 3));
    });
}

static PLAIN: Plain<u32> = Plain::new(3);
struct Shared(UnsafeCell<u32>, Cell<u32>);
// SAFETY: a checker runs one thread at a time, and stops two accesses that race.
unsafe impl Sync for Shared {}
static SHARED: Shared = Shared(UnsafeCell::new(4), Cell::new(5));

#[test]
fn plain_memory_begins_anew_and_is_raced_on() {
    let read = || {
        // SAFETY: no thread writes.
        (PLAIN.get(), SHARED.0.with(|value| unsafe { *value }), SHARED.1.get())
    };
    model(move || assert_eq!(twice(read), [(3, 4, 5); 2]));
    let writes: [fn(); 3] = [|| PLAIN.set(1), || SHARED.0.with_mut(|_| ()), || SHARED.1.set(2)];
    for write in writes {
        assert!(
            catch_unwind(move || model(move || {
                twice(write);
            }))
            .is_err(),
            "the race is found"
        );
    }
}

#[test]
fn what_is_made_while_a_model_runs_is_used_as_ever() {
    use selvedge::sync::{Arc, Mutex};
    model(|| {
        let list = Arc::new(Mutex::new(vec![1]));
        let theirs = Arc::clone(&list);
        let other = thread::spawn(move || theirs.lock().unwrap().push(2));
        list.lock().unwrap().push(2);
        other.join().unwrap();
        assert_eq!(*list.lock().unwrap(), [1, 2, 2]);
    });
}
