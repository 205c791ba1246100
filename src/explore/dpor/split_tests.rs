//! Random programs and closed forms, explored by several explorers and by one.
//!
//! The several are copies of each other in one process, and who goes on when is left to chance: whatever the
//! helpers do while the parent is elsewhere, the result is that of one.

use super::tests::{Program, cases, on_programs};
use super::toy::Instruction::{
    Add, Await, Carry, LastZero, Load, Lock, Note, Poll, Store, Toss, TryLock, Unlock,
};
use super::toy::{Machine, Outcome};
use super::{BacktrackRequest, Branch, Explorer, Next, Progress};
use crate::base::operation::{Kind, Operation};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::ops::AddAssign;

/// What an explorer has come to.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    /// The outcome of each execution in order, if it has one, and whether it was redundant.
    ends: Vec<(Option<Outcome>, bool)>,
    progress: Progress,
    /// What must be tried by the process that gave the branch away.
    requests: Vec<BacktrackRequest>,
}

/// Who goes on, and what happens to helpers.
struct Chance {
    state: u64,
    /// Helpers that may still be started.
    free: usize,
    /// Whether helpers die.
    deadly: bool,
    counts: Counts,
}

/// How often what is of interest has happened.
#[derive(Clone, Copy, Default)]
struct Counts {
    merged: u64,
    taken_back: u64,
    /// Branches that were taken back because the process that explored them met a value to pick.
    left: u64,
    /// Values that were first met while others were exploring branches.
    met_late: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.merged += more.merged;
        self.taken_back += more.taken_back;
        self.left += more.left;
        self.met_late += more.met_late;
    }
}

impl Chance {
    /// True once in `n` times.
    fn once_in(&mut self, n: u64) -> bool {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33).is_multiple_of(n)
    }
}

/// An explorer with those that explore branches for it.
struct Party {
    explorer: Explorer,
    seen: Seen,
    helpers: Vec<Helper>,
    ended: bool,
}

struct Helper {
    branch: Branch,
    party: Party,
    /// How many of its requests have been entered.
    entered: usize,
}

/// Steps after which an execution of a toy is given up.
const TOO_LONG: usize = 400;

impl Party {
    fn new(explorer: Explorer) -> Self {
        Party { explorer, seen: Seen::default(), helpers: Vec::new(), ended: false }
    }

    /// Runs one execution that has been begun.
    fn execute(&mut self, program: &Program) {
        let (mut machine, mut current, mut steps) = (Machine::new(program.clone()), None, 0);
        loop {
            let ready = machine.ready();
            if ready.is_empty() || steps == TOO_LONG {
                break;
            }
            steps += 1;
            let task = self.explorer.choose(&ready, current);
            let effect = machine.step(task, |options| self.explorer.pick(options));
            self.explorer.learn(effect);
            current = Some(task);
        }
        let redundant = self.explorer.is_redundant();
        self.explorer.end(&machine.unfinished());
        self.seen.ends.push(((steps < TOO_LONG).then(|| machine.outcome()), redundant));
    }

    /// Lets some of the party go on by an execution each.
    fn go_on(&mut self, program: &Program, chance: &mut Chance) {
        for helper in &mut self.helpers {
            if !helper.party.ended && !helper.party.has_left() && chance.once_in(2) {
                helper.party.go_on(program, chance);
            }
            if let Some(operation) = helper.party.explorer.first_step() {
                self.explorer.know_first_step(helper.branch, operation);
            }
        }
        if chance.once_in(3) {
            return;
        }
        match self.explorer.next() {
            Next::Nothing => {
                assert!(self.helpers.is_empty(), "whatever was given away comes next some time");
                self.seen.progress = self.explorer.progress();
                self.seen.requests = self.explorer.requests().to_vec();
                self.ended = true;
            }
            Next::Execution => {
                self.give(program, chance);
                let picked = self.explorer.picks();
                self.execute(program);
                let met_first = self.explorer.picks() && !picked;
                chance.counts.met_late += u64::from(met_first && !self.helpers.is_empty());
            }
            Next::Given(branch) => {
                self.give(program, chance);
                self.wait_for(branch, chance);
            }
        }
    }

    /// Whether this, if it is a helper, has given up: it has met a value to pick.
    fn has_left(&self) -> bool {
        self.explorer.picks()
    }

    /// How many helpers there are, theirs included.
    fn members(&self) -> usize {
        self.helpers.iter().map(|helper| 1 + helper.party.members()).sum()
    }

    fn give(&mut self, program: &Program, chance: &mut Chance) {
        if chance.free > 0
            && chance.once_in(2)
            && let Some(branch) = self.explorer.give()
        {
            chance.free -= 1;
            let mut explorer = self.explorer.clone();
            explorer.take(branch);
            let mut party = Party::new(explorer);
            party.execute(program);
            self.helpers.push(Helper { branch, party, entered: 0 });
        }
    }

    fn wait_for(&mut self, branch: Branch, chance: &mut Chance) {
        let place = self.helpers.iter().position(|helper| helper.branch == branch);
        let place = place.expect("somebody explores what was given away");
        let helper = &mut self.helpers[place];
        let requests = helper.party.explorer.requests();
        for request in &requests[helper.entered..] {
            self.explorer.request(*request);
        }
        helper.entered = requests.len();
        let left = helper.party.has_left();
        if left || chance.deadly && chance.once_in(5) {
            let helper = self.helpers.remove(place);
            self.explorer.take_back(branch);
            chance.counts.taken_back += 1;
            chance.counts.left += u64::from(left);
            chance.free += 1 + helper.party.members();
        } else if helper.party.ended {
            let operation = helper.party.explorer.first_step().expect("a branch has an execution");
            let helper = self.helpers.remove(place);
            self.explorer.merge(branch, operation, &helper.party.seen.progress);
            self.seen.ends.extend(helper.party.seen.ends);
            (chance.counts.merged, chance.free) = (chance.counts.merged + 1, chance.free + 1);
        }
    }
}

fn alone(program: &Program, bound: Option<u32>) -> Seen {
    let mut party = Party::new(Explorer::new(bound));
    while party.explorer.begin() {
        party.execute(program);
    }
    party.seen.progress = party.explorer.progress();
    party.seen
}

fn together(program: &Program, bound: Option<u32>, chance: &mut Chance) -> Seen {
    let mut party = Party::new(Explorer::new(bound));
    while !party.ended {
        party.go_on(program, chance);
    }
    party.seen
}

/// Compares both, and tells what has happened.
fn compare(program: &Program, bound: Option<u32>, seed: u64) -> Result<Counts, TestCaseError> {
    let one = alone(program, bound);
    let mut counts = Counts::default();
    for (helpers, deadly) in [(1, false), (2, false), (3, true)] {
        let state = seed ^ (helpers as u64) << 40;
        let mut chance = Chance { state, free: helpers, deadly, counts: Counts::default() };
        let several = together(program, bound, &mut chance);
        prop_assert_eq!(&several.progress, &one.progress, "{} helpers", helpers);
        prop_assert!(several == one, "{helpers} helpers executed in another order");
        counts += chance.counts;
    }
    Ok(counts)
}

#[test]
fn random_programs_are_explored_by_several_as_by_one() {
    let (number, total) = (Cell::new(0), RefCell::new(Counts::default()));
    on_programs(cases(400), |program| {
        number.set(number.get() + 1);
        *total.borrow_mut() += compare(program, None, number.get())?;
        Ok(())
    });
    let Counts { merged, taken_back, left, .. } = total.into_inner();
    println!("{merged} branches merged, {taken_back} taken back, {left} of them for values");
    assert!(merged * 4 > number.get(), "only {merged} branches were explored by others");
    assert!(taken_back * 20 > number.get(), "only {taken_back} branches were taken back");
}

#[test]
fn bounded_searches_are_explored_by_several_as_by_one() {
    let (number, merged) = (Cell::new(0), Cell::new(0));
    on_programs(cases(30), |program| {
        number.set(number.get() + 1);
        for bound in 0..3 {
            merged.set(merged.get() + compare(program, Some(bound), number.get())?.merged);
        }
        Ok(())
    });
    assert!(merged.get() * 2 > number.get(), "only {} branches were explored by others", merged.get());
}

#[test]
fn closed_forms_and_loops_are_explored_by_several_as_by_one() {
    let mut last_zero = vec![vec![LastZero(5)]];
    last_zero.extend((0..5).map(|writer| vec![Carry(writer)]));
    let programs = [
        (vec![vec![Add(0); 2]; 4], 2_520),
        (vec![vec![Load(0), Store(0, 1)]; 4], 576),
        (vec![vec![Lock(0), Note(0), Unlock(0)]; 4], 24),
        (last_zero, 64),
    ];
    for (number, (program, executions)) in programs.iter().enumerate() {
        assert_eq!(alone(program, None).progress.executions, *executions);
        let mut total = Counts::default();
        for seed in 0..4 {
            total += compare(program, None, seed << 8 | number as u64).unwrap();
        }
        let Counts { merged, taken_back, left, .. } = total;
        assert_eq!(left, 0);
        assert!(merged >= 4 && taken_back >= 1, "{number}: {merged} merged, {taken_back} taken back");
    }
    let waiting = vec![vec![Await(0, 1), Add(1)], vec![Store(0, 1)], vec![Add(1)], vec![Add(1)]];
    let silent = vec![vec![Poll(0, 1, u8::MAX, false)], vec![Store(0, 1)], vec![Store(0, 0)]];
    for (number, program) in [waiting, silent].iter().enumerate() {
        assert!(alone(program, None).progress.awaited);
        let merged: u64 =
            (0..4).map(|seed| compare(program, None, seed << 8 | number as u64).unwrap().merged).sum();
        assert!(merged > 0, "{number}");
    }
}

/// What is tried before a branch at the same decision is asleep in it, so it must be known; and a branch that
/// was taken back is the parent's own to explore.
#[test]
fn a_branch_is_given_only_when_it_is_known_what_comes_before_it() {
    let program = vec![vec![Add(0)]; 4];
    let mut party = Party::new(Explorer::new(None));
    assert!(party.explorer.begin());
    party.execute(&program);
    // The first addition: one more task is to come before it anyway.
    let depth = 1;
    for task in [2, 3] {
        party.explorer.request(BacktrackRequest { depth, initials: 1 << task, task });
    }
    let at = |task| Some(Branch { depth, task });

    assert!(party.explorer.begin());
    let mut parent = party.explorer.clone();
    assert_eq!(parent.give(), at(1));
    assert!(std::iter::from_fn(|| parent.give()).all(|branch| branch.depth > depth), "1 is not known");
    parent.know_first_step(Branch { depth, task: 1 }, Operation::on(0, Kind::Rmw));
    assert_eq!(parent.give(), at(2));
    let mut parent = party.explorer.clone();
    parent.give().into_iter().for_each(|branch| parent.take_back(branch));
    assert_eq!(parent.give(), None, "1 was taken back");

    // Until 1 is chosen there.
    while party.explorer.frames.len() > depth + 1 {
        party.execute(&program);
        assert!(party.explorer.begin());
    }
    assert_eq!(party.explorer.clone().give(), None, "what 1 does is not known before it has done it");
    party.execute(&program);
    assert!(party.explorer.begin());
    assert_eq!(party.explorer.clone().give(), at(2));
}

/// The last task comes to its values only where it is before the first one's lock, which is never given back.
#[test]
fn values_that_are_met_late_are_explored_by_several_as_by_one() {
    let tossing = |values| vec![TryLock(0, 2), Toss(values), Add(0), Add(0)];
    let locking = vec![Add(0), Lock(0), Add(0)];
    let mut total = Counts::default();
    for (number, values) in [2, 3].into_iter().enumerate() {
        let program = vec![locking.clone(), vec![Add(0), Add(0)], vec![Add(0)], tossing(values)];
        let without = alone(&vec![locking.clone(), vec![Add(0), Add(0)], vec![Add(0)], tossing(1)], None);
        let one = alone(&program, None);
        assert!(one.progress.executions > without.progress.executions, "no values are tried");
        for seed in 0..20 {
            total += compare(&program, None, seed << 8 | number as u64).unwrap();
        }
    }
    let Counts { merged, left, met_late, .. } = total;
    println!("{merged} branches merged, {left} left for values, {met_late} values met while others explored");
    assert!(merged > 20, "only {merged} branches were explored by others");
    assert!(left > 20, "only {left} branches were left for values");
    assert!(met_late > 5, "only {met_late} values were first met while others explored");
}
