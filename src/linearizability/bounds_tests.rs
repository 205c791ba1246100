//! Promises on time and memory, and parts that do not wait for each other.

use super::{Answer, Checker, History, Model, NoWindow, Operation, Reason, check};
use std::time::{Duration, Instant};

/// Beyond the time-out, and as much again for a machine that does other work.
const LATE: Duration = Duration::from_millis(200);

/// A register per key, each a part; a step takes some time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Keys {
    value: u32,
    step_ms: u64,
}

#[derive(Clone, Debug)]
enum Op {
    Read(u64),
    Write(u64, u32),
    Add(u64, u32),
}

impl Model for Keys {
    type Op = Op;
    type Ret = u32;

    fn apply(&mut self, op: &Op) -> u32 {
        if self.step_ms > 0 {
            std::thread::sleep(Duration::from_millis(self.step_ms));
        }
        match *op {
            Op::Read(_) => self.value,
            Op::Write(_, value) => {
                self.value = value;
                0
            }
            Op::Add(_, value) => {
                self.value = self.value.wrapping_add(value);
                0
            }
        }
    }

    fn part(op: &Op) -> Option<u64> {
        let (Op::Read(key) | Op::Write(key, _) | Op::Add(key, _)) = op;
        Some(*key)
    }
}

const QUICK: Keys = Keys { value: 0, step_ms: 0 };

fn one(history: &mut History<Op, u32>, client: usize, op: Op, called: u64, returned: Option<(u64, u32)>) {
    history.record(Operation { client, op, called, returned }).expect("a well-formed history");
}

/// So many additions to one key at once, and a read that none of them explains: every selection has to be ruled
/// out.
fn hopeless(key: u64, additions: u32) -> History<Op, u32> {
    let mut history = History::new();
    for n in 0..additions {
        one(&mut history, n as usize, Op::Add(key, 2 << (n % 31)), 0, Some((100, 0)));
    }
    one(&mut history, 999, Op::Read(key), 0, Some((100, 1_000_001)));
    history
}

#[track_caller]
fn in_time(asked: Duration, check: impl FnOnce(Checker) -> Answer) -> Answer {
    let begun = Instant::now();
    let answer = check(Checker::new().timeout(asked));
    let took = begun.elapsed();
    println!("{took:?} of {asked:?}");
    assert!(took <= asked + LATE, "{took:?} of {asked:?}");
    answer
}

#[test]
fn one_hard_part_hides_no_easy_violation() {
    let mut history = hopeless(1, 60);
    // Of as many operations, so that the easy part is not just the smaller one.
    for n in 0..100 {
        one(&mut history, 0, Op::Write(2, n), 200 + 2 * u64::from(n), Some((201 + 2 * u64::from(n), 0)));
    }
    let wrong = history.operations().len();
    one(&mut history, 1, Op::Read(2), 900, Some((901, 7)));
    let Answer::NotLinearizable(violation) =
        in_time(Duration::from_secs(10), |checker| checker.check(&QUICK, &history))
    else {
        panic!("nothing wrote 7 last");
    };
    assert_eq!((violation.part, violation.window.map(|window| window.broken)), (Some(2), Some(wrong)));
    let threads = Checker::new().threads(1).timeout(Duration::from_secs(10));
    assert!(threads.check(&QUICK, &history).is_violation(), "on one thread as well");
}

#[test]
fn hundreds_of_pending_writes_cost_next_to_nothing() {
    let mut history = History::new();
    let mut now = 0;
    for n in 0..20_000_u32 {
        let (client, value) = (n as usize % 5, n % 7);
        if n % 40 == 0 {
            one(&mut history, 100 + n as usize, Op::Write(0, value), now, None);
        } else if n % 3 == 0 {
            one(&mut history, client, Op::Write(0, value), now, Some((now + 1, 0)));
            one(&mut history, client, Op::Read(0), now + 2, Some((now + 3, value)));
        }
        now += 4;
    }
    let answer = in_time(Duration::from_secs(5), |checker| checker.memory(32 << 20).check(&QUICK, &history));
    assert!(answer.is_linearizable(), "{answer:?}");
    // A value that only an operation that never returned wrote, once; it cannot be read after another.
    let mut twice = history.clone();
    one(&mut twice, 7000, Op::Write(0, 99), now, None);
    for (client, value) in [(1, 99), (2, 3), (3, 99)] {
        now += 4;
        one(&mut twice, client, Op::Read(0), now, Some((now + 1, value)));
    }
    let answer = in_time(Duration::from_secs(30), |checker| checker.without_window().check(&QUICK, &twice));
    assert!(answer.is_violation(), "{answer:?}");
}

#[test]
fn time_outs_hold_with_many_parts() {
    let mut history = History::new();
    for n in 0..200_000_u64 {
        one(&mut history, 0, Op::Write(n / 2, 1), 2 * n, Some((2 * n + 1, 0)));
    }
    let asked = Duration::from_millis(1);
    let answer = in_time(asked, |checker| checker.check(&QUICK, &history));
    assert_eq!(answer, Answer::Unknown(Reason::TimeOut(asked)));
    assert!(check(&QUICK, &history, Duration::from_secs(60)).is_linearizable(), "the twin with more time");
}

#[test]
fn time_outs_hold_with_slow_models() {
    let slow = Keys { value: 0, step_ms: 5 };
    let asked = Duration::from_millis(100);
    let answer = in_time(asked, |checker| checker.check(&slow, &hopeless(1, 40)));
    assert_eq!(answer, Answer::Unknown(Reason::TimeOut(asked)));
}

#[test]
fn the_explanation_takes_no_more_than_is_left_of_the_time() {
    // To find the violation takes a step for each operation, and to explain it as many again.
    let mut history = History::new();
    for n in 0..100 {
        one(&mut history, 0, Op::Write(1, n), 2 * u64::from(n), Some((2 * u64::from(n) + 1, 0)));
    }
    one(&mut history, 1, Op::Read(1), 900, Some((901, 7)));
    let slow = Keys { value: 0, step_ms: 2 };
    let answer = in_time(Duration::from_millis(350), |checker| checker.check(&slow, &history));
    match answer {
        Answer::NotLinearizable(violation) => {
            assert_eq!((violation.window, violation.no_window), (None, Some(NoWindow::TimeOut)));
        }
        // On a machine that does much else.
        answer => assert_eq!(answer, Answer::Unknown(Reason::TimeOut(Duration::from_millis(350)))),
    }
    let Answer::NotLinearizable(violation) = check(&QUICK, &history, Duration::from_secs(60)) else {
        panic!("nothing wrote 7 last");
    };
    assert!(violation.window.is_some(), "the twin with more time is explained");
}

/// States that grow, and a model that does not tell how large they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Untold(Vec<u32>);

impl Model for Untold {
    type Op = u32;
    type Ret = ();

    fn apply(&mut self, op: &u32) {
        self.0.push(*op);
    }
}

#[test]
fn states_that_own_memory_are_counted_though_the_model_does_not_tell() {
    let mut history = History::new();
    for n in 0..20_000 {
        let push = history.call(0, n);
        history.returns(push, ());
    }
    // All states together take 800 MB.
    let bound = 64 << 20;
    let answer = Checker::new().memory(bound).check(&Untold(vec![]), &history);
    assert_eq!(answer, Answer::Unknown(Reason::OutOfMemory(bound)));
    let Answer::Unknown(reason) = answer else { return };
    assert!(reason.to_string().contains("64 MiB, the bound on memory"), "{reason}");
}

#[test]
fn time_outs_hold_with_large_states() {
    let mut history = History::new();
    for n in 0..2_000 {
        history.call(n, 0);
    }
    let last = history.call(5_000, 1);
    history.returns(last, ());
    let large = Untold((0..25_000).collect());
    let asked = Duration::from_millis(100);
    in_time(asked, |checker| checker.check(&large, &history));
    let mut history = History::new();
    for n in 0..20_000 {
        let push = history.call(0, n);
        history.returns(push, ());
    }
    let answer = in_time(asked, |checker| checker.memory(8 << 30).check(&large, &history));
    assert_eq!(answer, Answer::Unknown(Reason::TimeOut(asked)));
}
