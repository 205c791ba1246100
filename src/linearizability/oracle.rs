//! An oracle for the checker, slow and obvious: every order of a small history is tried, with nothing
//! remembered, and "before" is read off the times themselves. For tests and for fuzzing, which draw the
//! history from random choices or from bytes.

use super::pool::Way;
use super::{Answer, Checker, Criterion, History, Model, Operation, Place};

/// Operations beyond which trying every order takes too long.
pub(crate) const MOST_OPERATIONS: usize = 8;

/// The models that histories are drawn for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Small {
    /// Read, write, compare-and-set, on one of two keys.
    Registers([u8; 2]),
    /// Enqueue and dequeue.
    Queue(Vec<u8>),
    /// A semaphore with one permit at first: acquiring blocks.
    Semaphore(u8),
    /// A dice: any throw may come up, but never twice the same; nondeterministic.
    Dice(u8),
}

/// An operation of any of the models: what it is about, and its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SmallOp {
    pub(crate) kind: u8,
    pub(crate) key: u8,
    pub(crate) value: u8,
}

impl Model for Small {
    type Op = SmallOp;
    type Ret = u8;

    fn apply(&mut self, op: &SmallOp) -> u8 {
        match self {
            Small::Registers(registers) => {
                let register = &mut registers[usize::from(op.key % 2)];
                match op.kind % 3 {
                    0 => *register,
                    1 => {
                        *register = op.value % 3;
                        0
                    }
                    _ if *register == op.value % 3 => {
                        *register = (op.value + 1) % 3;
                        1
                    }
                    _ => 0,
                }
            }
            Small::Queue(queue) if op.kind.is_multiple_of(2) => {
                queue.push(op.value % 3);
                0
            }
            Small::Queue(queue) => {
                if queue.is_empty() {
                    3
                } else {
                    queue.remove(0)
                }
            }
            Small::Semaphore(permits) if op.kind.is_multiple_of(2) => {
                *permits -= 1;
                0
            }
            Small::Semaphore(permits) => {
                *permits = permits.wrapping_add(1);
                0
            }
            Small::Dice(last) => {
                *last = (*last + 1) % 3;
                *last
            }
        }
    }

    fn choices(&self, _: &SmallOp) -> Option<Vec<(Self, u8)>> {
        match self {
            Small::Dice(last) => Some((0..3).filter(|n| n != last).map(|n| (Small::Dice(n), n)).collect()),
            _ => None,
        }
    }

    fn ready(&self, op: &SmallOp) -> bool {
        !matches!(self, Small::Semaphore(0) if op.kind.is_multiple_of(2))
    }
}

/// The registers again, as a model with parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct InParts(pub(crate) Small);

impl Model for InParts {
    type Op = SmallOp;
    type Ret = u8;

    fn apply(&mut self, op: &SmallOp) -> u8 {
        self.0.apply(op)
    }

    fn part(op: &SmallOp) -> Option<u64> {
        Some(u64::from(op.key % 2))
    }
}

/// The registers again, with what changes nothing named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Hinted(pub(crate) Small);

impl Model for Hinted {
    type Op = SmallOp;
    type Ret = u8;

    fn apply(&mut self, op: &SmallOp) -> u8 {
        self.0.apply(op)
    }

    fn read_only(op: &SmallOp, returned: &u8) -> bool {
        op.kind.is_multiple_of(3) || (op.kind % 3 == 2 && *returned == 0)
    }
}

/// Every criterion.
pub(crate) const CRITERIA: [Criterion; 5] = [
    Criterion::Linearizable,
    Criterion::SequentiallyConsistent,
    Criterion::QuiescentlyConsistent,
    Criterion::Serializable,
    Criterion::DurablyLinearizable,
];

pub(crate) type SmallHistory = History<SmallOp, u8>;

/// Draws a model and a history from bytes: clients call and return by turns, times may be equal, some
/// operations never return, and what is returned is mostly what some order would return.
pub(crate) fn draw(bytes: &[u8]) -> (Small, SmallHistory) {
    let mut bytes = bytes.iter().copied();
    let mut draw = || bytes.next();
    let model = match draw().unwrap_or(0) % 4 {
        0 => Small::Registers([0, 0]),
        1 => Small::Queue(Vec::new()),
        2 => Small::Semaphore(1),
        _ => Small::Dice(0),
    };
    let mut operations: Vec<Operation<SmallOp, u8>> = Vec::new();
    let mut in_flight: [Option<Place>; 3] = [None; 3];
    let mut crashes = Vec::new();
    let (mut now, mut state) = (0, model.clone());
    while let Some(choice) = draw() {
        now += u64::from(choice >> 6 != 0);
        if choice & 0b11_1111 == 0b10_0101 {
            // What is in flight is cut off, and other clients go on.
            crashes.push(now);
            now += 1;
            in_flight = [None; 3];
            continue;
        }
        let client = usize::from(choice % 3);
        if let Some(place) = in_flight[client].take() {
            let op = operations[place].op;
            // The model runs along in the order of the returns; one in four answers is any at all.
            let wild = choice & 0b11_0000 == 0 || !state.ready(&op);
            let ret = if wild { choice >> 2 & 3 } else { state.apply(&op) };
            operations[place].returned = Some((now, ret));
        } else if operations.len() < MOST_OPERATIONS {
            let (kind, value) = (choice >> 2 & 3, draw().unwrap_or(0));
            let op = SmallOp { kind, key: value >> 4, value: value & 3 };
            let client_now = client + 3 * crashes.len();
            operations.push(Operation { client: client_now, op, called: now, returned: None });
            in_flight[client] = Some(operations.len() - 1);
        }
    }
    let mut history = History::new();
    for operation in operations {
        history.record(operation).expect("time goes forward");
    }
    crashes.into_iter().for_each(|time| history.record_crash(time));
    (model, history)
}

/// Whether `earlier` has to come before `later`.
fn before(criterion: Criterion, history: &SmallHistory, earlier: Place, later: Place) -> bool {
    let operations = history.operations();
    let returned = |place: Place| operations[place].returned.map(|(time, _)| time);
    let (one, other) = (&operations[earlier], &operations[later]);
    let Some(end) = returned(earlier) else {
        let cut = history.crashes().iter().find(|crash| **crash >= one.called);
        return criterion == Criterion::DurablyLinearizable && cut.is_some_and(|cut| other.called > *cut);
    };
    match criterion {
        Criterion::Linearizable | Criterion::DurablyLinearizable => end < other.called,
        Criterion::Serializable => false,
        // Of two operations that are one instant each, and the same, neither is before the other.
        Criterion::SequentiallyConsistent => {
            one.client == other.client
                && earlier != later
                && end <= other.called
                && returned(later).is_none_or(|time| time > one.called)
        }
        // A moment strictly after one's return and before the other's call at which nothing is in flight.
        Criterion::QuiescentlyConsistent => {
            end < other.called
                && operations.iter().any(|at| {
                    at.called > end
                        && at.called <= other.called
                        && (0..operations.len()).all(|place| {
                            operations[place].called >= at.called
                                || returned(place).is_some_and(|time| time < at.called)
                        })
                })
        }
    }
}

/// Whether the history has an order, by trying them all.
pub(crate) fn has_order<M>(criterion: Criterion, model: &M, history: &SmallHistory) -> bool
where
    M: Model<Op = SmallOp, Ret = u8>,
{
    let everything = 0..history.operations().len();
    let precede =
        |later| everything.clone().map(|earlier| before(criterion, history, earlier, later)).collect();
    let precedes: Vec<Vec<bool>> = everything.clone().map(precede).collect();
    extends(&precedes, model, history, everything.collect())
}

/// `precedes[later][earlier]` tells whether one has to come before the other.
fn extends<M>(precedes: &[Vec<bool>], state: &M, history: &SmallHistory, left: Vec<Place>) -> bool
where
    M: Model<Op = SmallOp, Ret = u8>,
{
    let operations = history.operations();
    if left.iter().all(|&place| operations[place].returned.is_none()) {
        return true;
    }
    left.iter().any(|&place| {
        let op = &operations[place].op;
        let has_to_be_first = |&other: &Place| precedes[place][other];
        let returned = |place: &Place| operations[*place].returned.is_some();
        if !state.ready(op) || left.iter().any(|other| has_to_be_first(other) && returned(other)) {
            return false;
        }
        let choices = state.choices(op).unwrap_or_else(|| {
            let mut changed = state.clone();
            let ret = changed.apply(op);
            vec![(changed, ret)]
        });
        // What never returned and would have had to come first never took effect.
        let rest: Vec<_> =
            left.iter().copied().filter(|other| *other != place && !has_to_be_first(other)).collect();
        choices.into_iter().any(|(state, ret)| {
            operations[place].returned.is_none_or(|(_, returned)| returned == ret)
                && extends(precedes, &state, history, rest.clone())
        })
    })
}

/// Whether an order that the checker gave is one.
pub(crate) fn is_order<M>(criterion: Criterion, model: &M, history: &SmallHistory, order: &[Place]) -> bool
where
    M: Model<Op = SmallOp, Ret = u8>,
{
    let operations = history.operations();
    let placed = |place: Place| order.contains(&place) || operations[place].returned.is_none();
    is_partial_order(criterion, model, history, order) && (0..operations.len()).all(placed)
}

/// Whether these operations can be ordered like this, whatever becomes of the others.
fn is_partial_order<M>(criterion: Criterion, model: &M, history: &SmallHistory, order: &[Place]) -> bool
where
    M: Model<Op = SmallOp, Ret = u8>,
{
    let operations = history.operations();
    let mut states = vec![model.clone()];
    for (index, &place) in order.iter().enumerate() {
        let precedes = |&later: &Place| before(criterion, history, place, later);
        if order[..index].iter().any(precedes) || order[..index].contains(&place) {
            return false;
        }
        let mut next = Vec::new();
        for state in states {
            let returned = operations[place].returned.as_ref().map(|(_, ret)| ret);
            super::follow(&state, &operations[place].op, returned, &mut next);
        }
        states = next;
    }
    !states.is_empty()
}

/// Checks one history with the checker and with the oracle, by every criterion. Returns which it meets.
///
/// # Panics
/// If the two differ, or what the checker says for it does not hold.
pub(crate) fn agree(bytes: &[u8]) -> [bool; 5] {
    let (model, history) = draw(bytes);
    let met = CRITERIA.map(|criterion| agree_on(criterion, &model, &history));
    let [linearizable, sequential, quiescent, serializable, durable] = met;
    assert!(!durable || linearizable, "durably linearizable, but not linearizable: {history:?}");
    assert!(!linearizable || quiescent, "linearizable, but not quiescently consistent: {history:?}");
    // Clients order what touches at one time, and linearizability does not.
    assert!(!linearizable || sequential || touches(&history), "linearizable, not consistent: {history:?}");
    assert!(!(linearizable || sequential) || serializable, "some order is an order: {history:?}");
    let mut backwards = History::new();
    for operation in history.operations().iter().rev() {
        backwards.record(operation.clone()).expect("as before");
    }
    history.crashes().iter().for_each(|time| backwards.record_crash(*time));
    for (criterion, met) in CRITERIA.into_iter().zip(met) {
        // What was recorded first makes no difference.
        holds_as(met, criterion, &model, &backwards, &[]);
        if matches!(model, Small::Registers(_)) {
            holds_as(met, criterion, &InParts(model.clone()), &history, &[]);
            holds_as(met, criterion, &Hinted(model.clone()), &history, &[&[Way::WithoutTable]]);
        }
    }
    met
}

/// Whether an operation of a client begins when another of it ends.
fn touches(history: &SmallHistory) -> bool {
    let operations = history.operations();
    operations.iter().enumerate().any(|(place, one)| {
        let ends = |time: u64| one.returned.is_some_and(|(end, _)| end == time);
        operations.iter().enumerate().any(|(other_place, other)| {
            place != other_place && one.client == other.client && ends(other.called)
        })
    })
}

fn agree_on<M>(criterion: Criterion, model: &M, history: &SmallHistory) -> bool
where
    M: Model<Op = SmallOp, Ret = u8>,
{
    let expected = has_order(criterion, model, history);
    const WAYS: [&[Way]; 3] = [&[Way::JustInTime], &[Way::WithoutTable], &[Way::ByReturn]];
    holds_as(expected, criterion, model, history, &WAYS);
    expected
}

/// Checks that the checker comes to the expected answer, also if it searches in one of these ways alone, and that
/// what it says for it holds.
fn holds_as<M>(
    expected: bool,
    criterion: Criterion,
    model: &M,
    history: &SmallHistory,
    ways: &[&'static [Way]],
) where
    M: Model<Op = SmallOp, Ret = u8>,
{
    let checker = Checker::new().criterion(criterion).threads(1);
    answers(expected, true, checker, model, history);
    let along_time = match criterion {
        Criterion::SequentiallyConsistent => false,
        Criterion::DurablyLinearizable => history.crashes().is_empty(),
        _ => true,
    };
    for &ways in ways.iter().filter(|ways| along_time || ways.contains(&Way::ByReturn)) {
        answers(expected, false, checker.without_window().only(ways), model, history);
    }
}

fn answers<M>(expected: bool, window: bool, checker: Checker, model: &M, history: &SmallHistory)
where
    M: Model<Op = SmallOp, Ret = u8>,
{
    let criterion = checker.asked();
    match checker.check(model, history) {
        Answer::Linearizable(order) => {
            assert!(expected, "{checker:?}: no order, but {order:?} of {history:?}");
            assert!(is_order(criterion, model, history, &order), "{order:?} is no order of {history:?}");
        }
        Answer::NotLinearizable(violation) => {
            assert!(!expected, "{checker:?}: an order, but {violation:?} of {history:?}");
            for (order, stuck) in &violation.longest {
                assert!(!order.contains(stuck), "{violation:?} of {history:?}");
                assert!(is_partial_order(criterion, model, history, order), "{order:?} of {history:?}");
            }
            assert_eq!(violation.window.is_some(), window && criterion == Criterion::Linearizable);
            // A part breaks where it breaks, whatever became of the others before.
            if let (Some(window), None) = (violation.window, violation.part) {
                breaks_there(model, history, window.broken);
            }
        }
        Answer::Unknown(reason) => panic!("a small history, and yet {reason}"),
    }
}

/// Checks that the history can be ordered up to just before the return of `broken`, and no further.
fn breaks_there<M>(model: &M, history: &SmallHistory, broken: Place)
where
    M: Model<Op = SmallOp, Ret = u8>,
{
    let (end, _) = history.operations()[broken].returned.expect("what breaks has returned");
    assert!(has_order_up_to(end, model, history), "it breaks before {broken}: {history:?}");
    assert!(!has_order_up_to(end + 1, model, history), "it breaks after {broken}: {history:?}");
}

/// Whether what returned before `end` can be ordered, with or without what was in flight then; the latter
/// returns what it returned later.
fn has_order_up_to<M>(end: u64, model: &M, history: &SmallHistory) -> bool
where
    M: Model<Op = SmallOp, Ret = u8>,
{
    let called = history.operations().iter().filter(|operation| operation.called <= end);
    let (in_flight, returned): (Vec<_>, Vec<_>) =
        called.partition(|operation| operation.returned.is_none_or(|(time, _)| time >= end));
    (0..1 << in_flight.len()).any(|chosen: usize| {
        let effective = in_flight.iter().enumerate().filter(|(bit, _)| chosen >> bit & 1 == 1);
        let mut cut = History::new();
        for operation in returned.iter().copied().chain(effective.map(|(_, operation)| *operation)) {
            cut.record(operation.clone()).expect("as before");
        }
        has_order(Criterion::Linearizable, model, &cut)
    })
}
