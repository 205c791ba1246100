//! The outcomes of a toy program by brute force: every state that can be reached, each visited once.

use super::Explorer;
use super::toy::{Instruction, Machine, Outcome};
use super::values::Values;
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;

/// Every outcome that the program has.
pub(super) fn outcomes(program: &[Vec<Instruction>]) -> BTreeSet<Outcome> {
    let (mut known, mut outcomes) = (FxHashSet::default(), BTreeSet::new());
    let mut open = vec![Machine::new(program.to_vec())];
    while let Some(machine) = open.pop() {
        let ready = machine.ready();
        if ready.is_empty() {
            outcomes.insert(machine.outcome());
        }
        for next in ready.iter().flat_map(|(task, _)| steps(&machine, *task)) {
            if known.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    outcomes
}

/// What comes of a task's next step: one machine for each way in which it can pick values.
fn steps(machine: &Machine, task: usize) -> Vec<Machine> {
    let (mut values, mut all) = (Values::default(), Vec::new());
    loop {
        let (mut next, mut place) = (machine.clone(), 0);
        next.step(task, |options| {
            place += 1;
            values.at(place - 1, options).0
        });
        all.push(next);
        if !values.advance() {
            return all;
        }
    }
}

/// Every outcome with at most so many preemptions: switches away from a task that could have gone on.
pub(super) fn outcomes_within(program: &[Vec<Instruction>], bound: u32) -> BTreeSet<Outcome> {
    let (mut known, mut outcomes) = (FxHashSet::default(), BTreeSet::new());
    let mut open = vec![(Machine::new(program.to_vec()), None, 0)];
    while let Some((machine, current, preemptions)) = open.pop() {
        let ready = machine.ready();
        if ready.is_empty() {
            outcomes.insert(machine.outcome());
        }
        let goes_on = ready.iter().any(|(task, _)| Some(*task) == current);
        for (task, _) in ready {
            let preempted = preemptions + u32::from(goes_on && Some(task) != current);
            for next in steps(&machine, task) {
                if preempted <= bound && known.insert((next.clone(), task, preempted)) {
                    open.push((next, Some(task), preempted));
                }
            }
        }
    }
    outcomes
}

/// What a search came to.
pub(super) struct Searched {
    pub(super) outcomes: BTreeSet<Outcome>,
    pub(super) executions: u64,
    pub(super) redundant: u64,
    pub(super) explorer: Explorer,
    /// The estimate after so many executions.
    pub(super) early_estimate: Option<f64>,
}

/// Steps after which an execution of a toy is given up.
const TOO_LONG: usize = 400;

/// Searches a program, with a bound on preemptions or without.
pub(super) fn search(program: &[Vec<Instruction>], bound: Option<u32>) -> Searched {
    let mut explorer = Explorer::new(bound);
    let (mut outcomes, mut early_estimate) = (BTreeSet::new(), None);
    while explorer.begin() {
        let mut machine = Machine::new(program.to_vec());
        let mut current = None;
        let mut steps = 0;
        loop {
            let ready = machine.ready();
            if ready.is_empty() || steps == TOO_LONG {
                break;
            }
            steps += 1;
            let task = explorer.choose(&ready, current);
            let effect = machine.step(task, |options| explorer.pick(options));
            explorer.learn(effect);
            current = Some(task);
        }
        explorer.end(&machine.unfinished());
        if steps < TOO_LONG {
            outcomes.insert(machine.outcome());
        }
        if explorer.progress().executions == 50 {
            early_estimate = explorer.estimate();
        }
    }
    let progress = explorer.progress();
    let (executions, redundant) = (progress.executions, progress.redundant);
    Searched { outcomes, executions, redundant, explorer, early_estimate }
}
