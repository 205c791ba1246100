//! Random programs and closed forms, explored by several explorers and by one.
//!
//! The several are copies of each other in one process, and who goes on when is left to chance: whatever the
//! helpers do while the giver is elsewhere, the result is that of one.

use super::tests::{Program, cases, on_programs};
use super::toy::Instruction::{Add, Await, Carry, LastZero, Load, Lock, Note, Poll, Store, Unlock};
use super::toy::{Machine, Outcome};
use super::{Branch, Explorer, Next, Progress, Request};
use proptest::prelude::*;
use std::cell::Cell;

/// What an explorer has come to.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    /// The outcome of each execution in order, if it has one, and whether it was redundant.
    ends: Vec<(Option<Outcome>, bool)>,
    progress: Progress,
    /// What must be tried by whoever gave the branch away.
    requests: Vec<Request>,
}

/// Who goes on, and what happens to helpers.
struct Chance {
    state: u64,
    /// Helpers that may still be started.
    free: usize,
    /// Whether helpers die.
    deadly: bool,
    merged: u64,
    taken_back: u64,
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
const TOO_LONG: usize = 2_000;

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
            if !helper.party.ended && chance.once_in(2) {
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
                self.execute(program);
            }
            Next::Given(branch) => {
                self.give(program, chance);
                self.wait_for(branch, chance);
            }
        }
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
        if chance.deadly && chance.once_in(5) {
            let helper = self.helpers.remove(place);
            self.explorer.take_back(branch);
            chance.taken_back += 1;
            chance.free += 1 + helper.party.members();
        } else if helper.party.ended {
            let operation = helper.party.explorer.first_step().expect("a branch has an execution");
            let helper = self.helpers.remove(place);
            self.explorer.merge(branch, operation, &helper.party.seen.progress);
            self.seen.ends.extend(helper.party.seen.ends);
            (chance.merged, chance.free) = (chance.merged + 1, chance.free + 1);
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

/// Compares both, and tells how many branches were merged and how many taken back.
fn compare(program: &Program, bound: Option<u32>, seed: u64) -> Result<(u64, u64), TestCaseError> {
    let one = alone(program, bound);
    let (mut merged, mut taken_back) = (0, 0);
    for (helpers, deadly) in [(1, false), (2, false), (3, true)] {
        let state = seed ^ (helpers as u64) << 40;
        let mut chance = Chance { state, free: helpers, deadly, merged: 0, taken_back: 0 };
        let several = together(program, bound, &mut chance);
        prop_assert_eq!(&several.progress, &one.progress, "{} helpers", helpers);
        prop_assert!(several == one, "{helpers} helpers executed in another order");
        merged += chance.merged;
        taken_back += chance.taken_back;
    }
    Ok((merged, taken_back))
}

#[test]
fn random_programs_are_explored_by_several_as_by_one() {
    let (number, merged, taken_back) = (Cell::new(0), Cell::new(0), Cell::new(0));
    on_programs(cases(200), |program| {
        number.set(number.get() + 1);
        let (both, back) = compare(program, None, number.get())?;
        merged.set(merged.get() + both);
        taken_back.set(taken_back.get() + back);
        Ok(())
    });
    println!("{} branches merged, {} taken back", merged.get(), taken_back.get());
    assert!(merged.get() * 4 > number.get(), "only {} branches were explored by others", merged.get());
    assert!(taken_back.get() * 20 > number.get(), "only {} branches were taken back", taken_back.get());
}

#[test]
fn bounded_searches_are_explored_by_several_as_by_one() {
    let (number, merged) = (Cell::new(0), Cell::new(0));
    on_programs(cases(60), |program| {
        number.set(number.get() + 1);
        for bound in 0..3 {
            merged.set(merged.get() + compare(program, Some(bound), number.get())?.0);
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
        let (mut merged, mut taken_back) = (0, 0);
        for seed in 0..4 {
            let (both, back) = compare(program, None, seed << 8 | number as u64).unwrap();
            (merged, taken_back) = (merged + both, taken_back + back);
        }
        assert!(merged >= 4 && taken_back >= 1, "{number}: {merged} merged, {taken_back} taken back");
    }
    let waiting = vec![vec![Await(0, 1), Add(1)], vec![Store(0, 1)], vec![Add(1)], vec![Add(1)]];
    let silent = vec![vec![Poll(0, 1, u8::MAX, false)], vec![Store(0, 1)], vec![Store(0, 0)]];
    for (number, program) in [waiting, silent].iter().enumerate() {
        assert!(alone(program, None).progress.awaited);
        let merged: u64 =
            (0..4).map(|seed| compare(program, None, seed << 8 | number as u64).unwrap().0).sum();
        assert!(merged > 0, "{number}");
    }
}
