//! The checker against its oracle, against hand-built histories, and against its own bounds.

use super::oracle::{self, Small, SmallOp};
use super::{Answer, Checker, Criterion, History, Model, Operation, Reason, check};
use std::time::Duration;

const TIME: Duration = Duration::from_secs(60);

/// Bytes from a generator that is the same everywhere.
pub(super) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| byte()).collect()
}

/// `SELVEDGE_TEST_HISTORIES` says how many there are to be, instead of a few thousand.
#[test]
fn checker_and_oracle_agree_on_thousands_of_histories() {
    let histories: u64 =
        std::env::var("SELVEDGE_TEST_HISTORIES").map_or(6_000, |count| count.parse().expect("a number"));
    let (mut met, mut missed) = ([0_u64; 5], [0_u64; 5]);
    let (mut pending, mut equal, mut crashed) = (0, 0, 0);
    for seed in 0..histories {
        let bytes = bytes(seed + 1, 24);
        for (index, holds) in oracle::agree(&bytes).into_iter().enumerate() {
            *(if holds { &mut met[index] } else { &mut missed[index] }) += 1;
        }
        let (_, history) = oracle::draw(&bytes);
        let operations = history.operations();
        pending += usize::from(operations.iter().any(|operation| operation.returned.is_none()));
        equal += usize::from(operations.iter().any(|operation| {
            operation.returned.is_some_and(|(time, _)| operations.iter().any(|other| other.called == time))
        }));
        crashed += usize::from(!history.crashes().is_empty());
    }
    println!("met {met:?}, missed {missed:?}; pending {pending}, equal times {equal}, crashes {crashed}");
    assert!(
        met.iter().chain(&missed).all(|&count| count > histories / 50),
        "too much alike: {met:?} {missed:?}"
    );
    let often = |count: &usize| *count > usize::try_from(histories / 20).expect("small");
    assert!([pending, equal, crashed].iter().all(often), "too tame");
}

#[test]
fn a_crash_ends_what_it_cuts_off() {
    let mut history = History::new();
    history.call(0, Op::Write(1));
    history.crash();
    let mut read = |value| {
        let read = history.call(1, Op::Read);
        history.returns(read, Some(value));
        history.clone()
    };
    let never = read(0);
    let late = read(1);
    let durable =
        |history| Checker::new().criterion(Criterion::DurablyLinearizable).check(&Register(0), history);
    assert!(durable(&never).is_linearizable());
    assert!(durable(&late).is_violation(), "the write took effect after the crash");
    assert!(check(&Register(0), &late, TIME).is_linearizable(), "which is fine where crashes do not count");
}

/// Two registers that transactions read and write together: each of two reads one and writes the other.
#[test]
fn write_skew_is_not_serializable() {
    use super::models::{Call, Function, Keyed, Ready as _, Registers};
    use super::{History, Value};
    let txn =
        |text: &str| Call { function: Function::Transaction, key: None, value: text.parse().expect("JSON") };
    let value = |text: &str| text.parse::<Value>().expect("JSON");
    let mut history = History::new();
    let one = history.call(0, txn(r#"[["r","x",null],["w","y",1]]"#));
    history.returns(one, value(r#"[["r","x",null],["w","y",1]]"#));
    let other = history.call(1, txn(r#"[["r","y",null],["w","x",1]]"#));
    let mut skew = history.clone();
    skew.returns(other, value(r#"[["r","y",null],["w","x",1]]"#));
    history.returns(other, value(r#"[["r","y",1],["w","x",1]]"#));
    let model = Keyed::new(Registers::start(Value::Nil).expect("nothing"));
    let serializable = Checker::new().criterion(Criterion::Serializable);
    assert!(serializable.check(&model, &skew).is_violation());
    assert!(serializable.check(&model, &history).is_linearizable());
}

#[test]
fn a_history_survives_serde() {
    let mut history = History::new();
    let write = history.call(3, 7_u32);
    history.crash();
    history.call(4, 8);
    history.returns(write, true);
    let text = serde_json::to_string(&history).expect("plain data");
    assert_eq!(serde_json::from_str::<History<u32, bool>>(&text).expect("the same"), history);
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Register(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Read,
    Write(u32),
}

impl Model for Register {
    type Op = Op;
    type Ret = Option<u32>;

    fn apply(&mut self, op: &Op) -> Option<u32> {
        match *op {
            Op::Read => Some(self.0),
            Op::Write(value) => {
                self.0 = value;
                None
            }
        }
    }
}

fn at(
    client: usize,
    op: Op,
    called: u64,
    returned: Option<(u64, Option<u32>)>,
) -> Operation<Op, Option<u32>> {
    Operation { client, op, called, returned }
}

fn history(operations: impl IntoIterator<Item = Operation<Op, Option<u32>>>) -> History<Op, Option<u32>> {
    let mut history = History::new();
    for operation in operations {
        history.record(operation).expect("a well-formed history");
    }
    history
}

#[test]
fn a_stale_read_is_sequentially_consistent_and_not_linearizable() {
    let stale = history([at(0, Op::Write(1), 0, Some((1, None))), at(1, Op::Read, 2, Some((3, Some(0))))]);
    assert!(check(&Register(0), &stale, TIME).is_violation());
    let by = |criterion| Checker::new().criterion(criterion).check(&Register(0), &stale);
    assert_eq!(by(Criterion::SequentiallyConsistent), Answer::Linearizable(vec![1, 0]));
    assert!(by(Criterion::QuiescentlyConsistent).is_violation());
}

#[test]
fn operations_that_overlap_at_one_instant_may_go_either_way() {
    let touching =
        |read| history([at(0, Op::Write(1), 0, Some((5, None))), at(1, Op::Read, 5, Some((9, Some(read))))]);
    assert_eq!(check(&Register(0), &touching(0), TIME), Answer::Linearizable(vec![1, 0]));
    assert_eq!(check(&Register(0), &touching(1), TIME), Answer::Linearizable(vec![0, 1]));
    assert!(check(&Register(0), &touching(2), TIME).is_violation());
}

#[test]
fn a_write_that_never_returned_may_have_happened_or_not_but_not_both() {
    let read = |time, value| at(1, Op::Read, time, Some((time + 1, Some(value))));
    let pending = at(0, Op::Write(1), 0, None);
    let linearizable = |reads: [u32; 2]| {
        let reads = [read(1, reads[0]), read(3, reads[1])];
        check(&Register(0), &history([pending.clone()].into_iter().chain(reads)), TIME).is_linearizable()
    };
    assert_eq!([[0, 0], [0, 1], [1, 1], [1, 0]].map(linearizable), [true, true, true, false]);
}

#[test]
fn the_explanation_names_the_window_and_what_it_follows() {
    let broken = history([
        at(0, Op::Write(1), 0, Some((1, None))),
        at(0, Op::Write(2), 2, Some((3, None))),
        at(1, Op::Write(3), 2, Some((9, None))),
        at(2, Op::Read, 4, Some((5, Some(1)))),
        at(2, Op::Read, 10, Some((11, Some(7)))),
    ]);
    let Answer::NotLinearizable(violation) = check(&Register(0), &broken, TIME) else {
        panic!("nobody can read 1 after 2 was written");
    };
    let window = violation.window.expect("a small history has a window");
    assert_eq!((window.operations, window.broken, window.settled), (vec![2, 3], 3, 2));
    assert_eq!(window.situations, ["Register(2)", "Register(2) with Write(3) done"]);
    assert_eq!(violation.longest.len(), 2, "{:?}", violation.longest);
    for (order, stuck) in violation.longest {
        assert_eq!((order.len(), stuck), (3, 3), "{order:?}");
    }
}

#[test]
fn a_client_that_overlaps_itself_has_no_order_of_its_own() {
    let overlapping = history([at(4, Op::Read, 0, None), at(4, Op::Read, 1, Some((2, Some(0))))]);
    let consistent = Checker::new().criterion(Criterion::SequentiallyConsistent);
    let answer = consistent.check(&Register(0), &overlapping);
    assert_eq!(answer, Answer::Unknown(Reason::OverlappingClient(4)));
    assert!(check(&Register(0), &overlapping, TIME).is_linearizable());
}

#[test]
fn what_returned_before_it_was_called_is_refused() {
    let mut history = History::new();
    let error = history.record(at(0, Op::Read, 5, Some((4, None)))).expect_err("it cannot be");
    assert_eq!((error.place, error.called, error.returned), (0, 5, 4));
    assert!(history.operations().is_empty());
}

/// A sum, which no two selections of what is added share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sum(u64);

impl Model for Sum {
    type Op = u64;
    type Ret = u64;

    fn apply(&mut self, add: &u64) -> u64 {
        self.0 += add;
        if *add == 0 { self.0 } else { 0 }
    }
}

/// Additions of many clients at once, and a read that none of them explains: every selection has to be ruled out.
fn hopeless(clients: u32) -> History<u64, u64> {
    let mut history = History::new();
    let add = |n| Operation { client: n as usize, op: 1_u64 << n, called: 0, returned: Some((100, 0)) };
    let read = Operation { client: 99, op: 0, called: 0, returned: Some((100, u64::MAX)) };
    for operation in (0..clients).map(add).chain([read]) {
        history.record(operation).expect("a well-formed history");
    }
    history
}

/// Writes at once, however many, are but one thing to search along time: the last of them counts.
#[test]
fn fifty_writes_at_once_are_decided() {
    let writes = |reads: u32| {
        let writes = (0..50).map(|n| at(n as usize, Op::Write(n), 0, Some((100, None))));
        history(writes.chain([at(99, Op::Read, 0, Some((100, Some(reads))))]))
    };
    assert!(check(&Register(0), &writes(1000), TIME).is_violation());
    assert!(check(&Register(0), &writes(49), TIME).is_linearizable());
}

#[test]
fn time_that_runs_out_is_unknown_and_says_so() {
    let answer = check(&Sum(0), &hopeless(40), Duration::from_millis(50));
    assert_eq!(answer, Answer::Unknown(Reason::TimeOut(Duration::from_millis(50))));
    assert!(check(&Sum(0), &hopeless(8), TIME).is_violation(), "the smaller twin is decided");
}

#[test]
fn memory_that_runs_out_is_unknown_and_says_so() {
    let bounded = Checker::new().memory(4 << 20);
    assert_eq!(bounded.check(&Sum(0), &hopeless(40)), Answer::Unknown(Reason::OutOfMemory(4 << 20)));
    assert!(bounded.check(&Sum(0), &hopeless(8)).is_violation(), "the smaller twin is decided");
}

/// A model that owns much and says so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Heavy(Vec<u32>);

impl Model for Heavy {
    type Op = u32;
    type Ret = ();

    fn apply(&mut self, op: &u32) {
        self.0.push(*op);
    }

    fn weight(&self) -> usize {
        size_of::<Self>() + self.0.capacity() * size_of::<u32>()
    }
}

#[test]
fn the_weight_of_states_counts() {
    let mut history = History::new();
    for n in 0..10_000 {
        let push = history.call(0, n);
        history.returns(push, ());
    }
    let bounded = Checker::new().memory(16 << 20);
    assert_eq!(bounded.check(&Heavy(vec![]), &history), Answer::Unknown(Reason::OutOfMemory(16 << 20)));
    assert!(Checker::new().memory(1 << 30).check(&Heavy(vec![]), &history).is_linearizable());
}

#[test]
fn parts_in_parallel_give_the_same_answers_as_one_by_one() {
    let op = |kind, n: u64| SmallOp { kind, key: u8::try_from(n % 2).expect("small"), value: 1 };
    let mut history = History::new();
    for n in 0..3_000_u64 {
        let call = history.call(0, op(1, n));
        history.returns(call, 0);
        let read = history.call(1, op(0, n));
        history.returns(read, 1);
    }
    let model = oracle::InParts(Small::Registers([0, 0]));
    let Answer::Linearizable(order) = check(&model, &history, TIME) else { panic!("every read is right") };
    assert_eq!(order, (0..6_000).collect::<Vec<_>>());
    let wrong = history.call(1, op(0, 1));
    history.returns(wrong, 2);
    let Answer::NotLinearizable(violation) = check(&model, &history, TIME) else {
        panic!("nobody wrote 2");
    };
    assert_eq!(violation.part, Some(1));
    assert_eq!(violation.window.map(|window| window.broken), Some(wrong));
}

#[test]
fn the_corpus_of_the_fuzzer_runs_through_the_same_function() {
    let corpus = |target: &str| -> Vec<Vec<u8>> {
        let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("a file").path());
        files.map(|file| std::fs::read(file).expect("a file of the corpus")).collect()
    };
    let met: Vec<_> = corpus("checker").iter().map(|bytes| oracle::agree(bytes)).collect();
    assert!(met.contains(&[false; 5]) && met.contains(&[true; 5]), "the corpus is one-sided: {met:?}");
}

/// An operation that says nothing of itself.
#[derive(Clone)]
struct Silent(Op);

impl std::fmt::Debug for Silent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("operation")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OfSilent(Register);

impl Model for OfSilent {
    type Op = Silent;
    type Ret = Option<u32>;

    fn apply(&mut self, op: &Silent) -> Option<u32> {
        self.0.apply(&op.0)
    }
}

#[test]
fn operations_that_look_alike_are_not_taken_for_each_other() {
    let fits = |reads: &[u32]| {
        let mut history = History::new();
        for value in 1..=5 {
            history.call(value as usize, Silent(Op::Write(value)));
        }
        for &value in reads {
            let read = history.call(0, Silent(Op::Read));
            history.returns(read, Some(value));
        }
        match Checker::new().check(&OfSilent(Register(0)), &history) {
            Answer::Linearizable(_) => true,
            Answer::NotLinearizable(violation) => {
                assert!(violation.window.is_some(), "{:?}", violation.no_window);
                false
            }
            Answer::Unknown(reason) => panic!("{reason}"),
        }
    };
    assert!(fits(&[5, 1, 4, 2, 3]) && fits(&[0, 3, 3, 1]));
    assert!(!fits(&[5, 1, 5]) && !fits(&[1, 0]) && !fits(&[1, 2, 3, 4, 5, 6]));
}
