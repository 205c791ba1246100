//! Drawing programs: random ones from a seed, that make sense to the model.
//!
//! A program makes sense if, whatever the order in which the model does the parallel parts one operation
//! at a time, every operation's precondition holds when its turn comes, and no thread is left waiting for
//! ever. So a deadlock or a broken promise is always the implementation's doing.
//!
//! Limits: preconditions are judged on the model's own states; where there are more than
//! [`MOST_SITUATIONS`] of them, the operation last added is left out.

use super::program::{MOST_OPERATIONS, MOST_PARTS, Program};
use crate::base::recipe::Size;
use crate::linearizability::Model;
use proptest::strategy::{SBoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rustc_hash::FxHashSet;
use std::ops::RangeInclusive;
use std::slice::Chunks;

/// Situations of the model looked at for one program.
const MOST_SITUATIONS: usize = 5_000;

/// How often an operation is drawn anew for a place that it does not fit.
const ATTEMPTS: usize = 8;

/// An operation that was drawn, and can become simpler.
pub(super) type Drawn<Op> = Box<dyn ValueTree<Value = Op>>;

/// Draws programs for a model.
pub(super) struct Generator<M: Model> {
    pub(super) model: M,
    pub(super) operations: SBoxedStrategy<M::Op>,
    pub(super) size: Size,
}

impl<M: Model> Generator<M> {
    /// The program of a seed: the same wherever it is drawn.
    pub(super) fn draw(&self, seed: u64, size: &Size) -> Program<Drawn<M::Op>> {
        let mut random = Random(seed);
        let runners = Runners { runner: runner_of_seed(seed), seeds: None };
        self.draw_with(runners, |range| random.within(range), size)
    }

    /// The program of some bytes: the first eight choose how many operations there are, and after them two
    /// each operation, so that a byte that changes leaves the other operations as they are.
    pub(super) fn draw_from(&self, bytes: &[u8], size: &Size) -> Program<Drawn<M::Op>> {
        let (numbers, operations) = bytes.split_at(bytes.len().min(8));
        let mut numbers = numbers.iter().copied();
        let within = |range: RangeInclusive<usize>| {
            let width = range.end() - range.start() + 1;
            range.start() + usize::from(numbers.next().unwrap_or(0)) % width
        };
        let runners = Runners { runner: runner_of_seed(0), seeds: Some(operations.chunks(2)) };
        self.draw_with(runners, within, size)
    }

    fn draw_with(
        &self,
        mut runners: Runners<'_>,
        mut within: impl FnMut(RangeInclusive<usize>) -> usize,
        size: &Size,
    ) -> Program<Drawn<M::Op>> {
        let parts = within(size.parts.clone()).clamp(1, MOST_PARTS);
        let mut growing = Growing { generator: self, program: empty(parts), drawn: empty(parts) };
        for _ in 0..within(0..=size.prefix.min(MOST_OPERATIONS)) {
            growing.add(runners.next(), Where::Prefix);
        }
        for part in 0..parts {
            for _ in 0..within(1..=size.operations.clamp(1, MOST_OPERATIONS)) {
                growing.add(runners.next(), Where::Part(part));
            }
        }
        for _ in 0..within(0..=size.suffix.min(MOST_OPERATIONS)) {
            growing.add(runners.next(), Where::Suffix);
        }
        growing.drawn
    }
}

/// What operations are drawn from.
struct Runners<'a> {
    runner: TestRunner,
    /// A seed for each operation, and 0 when there are no more; `None` if one runner draws them all.
    seeds: Option<Chunks<'a, u8>>,
}

impl Runners<'_> {
    /// What the next operation is drawn from.
    fn next(&mut self) -> &mut TestRunner {
        if let Some(seeds) = &mut self.seeds {
            let bytes = seeds.next().unwrap_or(&[]);
            let seed = bytes.iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte));
            self.runner = runner_of_seed(seed);
        }
        &mut self.runner
    }
}

fn runner_of_seed(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    for (index, chunk) in bytes.chunks_mut(8).enumerate() {
        chunk.copy_from_slice(&seed.rotate_left(u32::try_from(index * 16).unwrap_or(0)).to_le_bytes());
    }
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, random)
}

/// Numbers from a seed, the same everywhere (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
/// Generators", OOPSLA 2014, section 3, with the constants of its `splitmix64`).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn within(&mut self, range: RangeInclusive<usize>) -> usize {
        let width = (range.end() - range.start()) as u64 + 1;
        // Less than the width, which is a usize.
        range.start() + usize::try_from(self.next() % width).unwrap_or(0)
    }
}

fn empty<T>(parts: usize) -> Program<T> {
    let parts = std::iter::repeat_with(Vec::new).take(parts).collect();
    Program { prefix: Vec::new(), parts, suffix: Vec::new() }
}

#[derive(Clone, Copy, Debug)]
enum Where {
    Prefix,
    Part(usize),
    Suffix,
}

impl Where {
    fn list<T>(self, program: &mut Program<T>) -> &mut Vec<T> {
        match self {
            Where::Prefix => &mut program.prefix,
            Where::Part(part) => &mut program.parts[part],
            Where::Suffix => &mut program.suffix,
        }
    }
}

/// A program that is being drawn.
struct Growing<'a, M: Model> {
    generator: &'a Generator<M>,
    program: Program<M::Op>,
    drawn: Program<Drawn<M::Op>>,
}

impl<M: Model> Growing<'_, M> {
    /// Adds an operation that makes sense there, if one is drawn in a few attempts.
    fn add(&mut self, runner: &mut TestRunner, place: Where) {
        for _ in 0..ATTEMPTS {
            let Ok(tree) = self.generator.operations.new_tree(runner) else { return };
            let op = tree.current();
            let allowed = match (M::only_actor(&op), place) {
                (Some(only), Where::Part(part)) => only == part,
                _ => true,
            };
            if !allowed {
                continue;
            }
            place.list(&mut self.program).push(op);
            if makes_sense(&self.generator.model, &self.program) {
                place.list(&mut self.drawn).push(Box::new(tree));
                return;
            }
            place.list(&mut self.program).pop();
        }
    }
}

/// Whether a program makes sense to the model; see the top of this file.
pub(super) fn makes_sense<M: Model>(model: &M, program: &Program<M::Op>) -> bool {
    for (part, operations) in program.parts.iter().enumerate() {
        if operations.iter().any(|op| M::only_actor(op).is_some_and(|only| only != part)) {
            return false;
        }
    }
    let Some(states) = in_sequence([model.clone()].into_iter().collect(), &program.prefix) else {
        return false;
    };
    side_by_side(states, &program.parts).and_then(|states| in_sequence(states, &program.suffix)).is_some()
}

/// The states that a list of operations leads to, or `None` if it makes no sense in one of them.
fn in_sequence<M: Model>(mut states: FxHashSet<M>, operations: &[M::Op]) -> Option<FxHashSet<M>> {
    for op in operations {
        let mut next = FxHashSet::default();
        for state in states {
            if !state.precondition(op) {
                return None;
            }
            let before = next.len();
            step(&state, op, |state| {
                next.insert(state);
            });
            if next.len() == before && !can(&state, op) {
                return None;
            }
        }
        states = next;
    }
    Some(states)
}

/// The states that all orders of the parts lead to, or `None` if one of them makes no sense.
fn side_by_side<M: Model>(states: FxHashSet<M>, parts: &[Vec<M::Op>]) -> Option<FxHashSet<M>> {
    let mut ends = FxHashSet::default();
    let mut been = FxHashSet::default();
    let mut open: Vec<_> = states.into_iter().map(|state| (vec![0; parts.len()], state)).collect();
    while let Some(situation) = open.pop() {
        if !been.insert(situation.clone()) {
            continue;
        }
        if been.len() > MOST_SITUATIONS {
            return None;
        }
        let (done, state) = situation;
        let mut finished = true;
        let mut moved = false;
        for (part, operations) in parts.iter().enumerate() {
            let Some(op) = operations.get(done[part]) else { continue };
            finished = false;
            if !state.precondition(op) {
                return None;
            }
            step(&state, op, |state| {
                let mut done = done.clone();
                done[part] += 1;
                open.push((done, state));
                moved = true;
            });
        }
        if finished {
            ends.insert(state);
        } else if !moved {
            return None;
        }
    }
    Some(ends)
}

fn can<M: Model>(state: &M, op: &M::Op) -> bool {
    state.ready(op) && state.choices(op).is_none_or(|choices| !choices.is_empty())
}

fn step<M: Model>(state: &M, op: &M::Op, mut reached: impl FnMut(M)) {
    let mut next = Vec::new();
    crate::linearizability::follow(state, op, None, &mut next);
    next.into_iter().for_each(&mut reached);
}
