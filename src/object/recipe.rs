//! From a seed to a program, and on to what shrinking made of it: enough to make the same program again.
//!
//! Operations are numbered in the order in which they were drawn, and shrinking leaves out, moves and
//! simplifies by number. A [`Recipe`] says from which seed and at which size to draw, which of the drawn
//! operations stand where in the end, and how each was made simpler.
//!
//! Limits: the same program comes out only as long as the object's operations and its model are the same; the
//! recipe has a digest of the program to tell.

use super::generate::Drawn;
use super::program::{MOST_OPERATIONS, MOST_PARTS, Program};
use crate::base::recipe::{Recipe, Size, Step};
use proptest::strategy::ValueTree;
use std::fmt::Debug;

/// A program that was drawn, while it is made smaller.
pub(super) struct Draft<Op> {
    operations: Vec<Drawn<Op>>,
    /// Where the tree of each operation has been moved, up to the value that it has kept.
    moves: Vec<Vec<bool>>,
    /// Which operation stands where.
    pub(super) layout: Program<usize>,
}

impl<Op: Clone + Debug + 'static> Draft<Op> {
    pub(super) fn new(drawn: Program<Drawn<Op>>) -> Self {
        let mut operations = Vec::new();
        let mut number = |list: Vec<Drawn<Op>>| {
            let first = operations.len();
            operations.extend(list);
            (first..operations.len()).collect::<Vec<_>>()
        };
        let prefix = number(drawn.prefix);
        let parts = drawn.parts.into_iter().map(&mut number).collect();
        let suffix = number(drawn.suffix);
        let moves = vec![Vec::new(); operations.len()];
        Self { operations, moves, layout: Program { prefix, parts, suffix } }
    }

    /// The program as it is now.
    pub(super) fn program(&self) -> Program<Op> {
        self.layout.map(|&number| self.operations[number].current())
    }

    /// The tree of an operation.
    pub(super) fn tree(&mut self, number: usize) -> &mut Drawn<Op> {
        &mut self.operations[number]
    }

    /// Keeps an operation, as these moves have made it, for good.
    pub(super) fn fix(&mut self, number: usize, op: Op, moves: Vec<bool>) {
        self.operations[number] = Box::new(Fixed(op));
        if !moves.is_empty() {
            self.moves[number] = moves;
        }
    }

    /// How the program as it is now is made again from what was drawn.
    pub(super) fn recipe(&self, seed: u64, size: &Size) -> Recipe {
        let Program { prefix, parts, suffix } =
            self.layout.map(|&number| Step::new(number, &self.moves[number]));
        Recipe { seed, size: size.clone(), prefix, parts, suffix, digest: digest(&self.program()) }
    }
}

impl Recipe {
    /// The program, from what was drawn with this seed and size; `None` if that is another one by now.
    pub(super) fn follow<Op: Clone + Debug + 'static>(
        &self,
        drawn: Program<Drawn<Op>>,
    ) -> Option<Program<Op>> {
        let mut draft = Draft::new(drawn);
        let mut taken = vec![false; draft.operations.len()];
        let mut list = |steps: &[Step]| -> Option<Vec<Op>> {
            steps.iter().map(|step| made(&mut draft, &mut taken, step)).collect()
        };
        let program = Program {
            prefix: list(&self.prefix)?,
            parts: self.parts.iter().map(|part| list(part)).collect::<Option<_>>()?,
            suffix: list(&self.suffix)?,
        };
        (program.fault().is_none() && digest(&program) == self.digest).then_some(program)
    }

    /// Whether a program of this size can be drawn at all.
    pub(super) fn is_possible(&self) -> bool {
        let Size { parts, operations, prefix, suffix } = &self.size;
        let actors = (1..=*parts.end()).contains(parts.start()) && *parts.end() <= MOST_PARTS;
        actors && (*operations).max(*prefix).max(*suffix) <= MOST_OPERATIONS
    }
}

#[cfg(test)]
impl Recipe {
    /// Some recipe or other.
    pub(crate) fn sample(seed: u64, digest: u32) -> Self {
        let size = Size { parts: 2..=3, operations: 3, prefix: 3, suffix: 2 };
        let part = vec![Step::new(3, &[true, false, true]), Step::new(0, &[])];
        Self {
            seed,
            size,
            prefix: vec![Step::new(7, &[true; 20])],
            parts: vec![part, vec![]],
            suffix: vec![],
            digest,
        }
    }
}

/// The operation of a step; `None` if there is no such operation, or it has been used.
fn made<Op: Clone + Debug + 'static>(draft: &mut Draft<Op>, taken: &mut [bool], step: &Step) -> Option<Op> {
    let number = usize::from(step.number);
    if std::mem::replace(taken.get_mut(number)?, true) {
        return None;
    }
    let tree = draft.tree(number);
    for simpler in step.moves() {
        if simpler {
            tree.simplify()
        } else {
            tree.complicate()
        };
    }
    Some(tree.current())
}

fn digest<Op: Debug>(program: &Program<Op>) -> u32 {
    crc32fast::hash(program.as_code().as_bytes())
}

/// An operation that becomes no simpler.
#[derive(Debug)]
struct Fixed<Op>(Op);

impl<Op: Clone + Debug> ValueTree for Fixed<Op> {
    type Value = Op;

    fn current(&self) -> Op {
        self.0.clone()
    }

    fn simplify(&mut self) -> bool {
        false
    }

    fn complicate(&mut self) -> bool {
        false
    }
}
