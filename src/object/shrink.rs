//! Making a program that fails smaller, for as long as it fails.
//!
//! Round after round until nothing helps any more: leave out a whole actor, let one actor do what two
//! did, leave out an operation, move an operation out of the parallel parts (what is done before or after needs no switch between actors), make
//! arguments simpler with proptest's own trees. A program that makes no sense to the model is never tried.
//!
//! Limits: a local minimum; a bound on the programs tried, in number and not in time, so that the same
//! seed leads to the same program on every machine.

use super::generate::{Drawn, makes_sense};
use super::model::Model;
use super::program::{MOST_OPERATIONS, Program};
use proptest::strategy::ValueTree;

/// Programs tried while shrinking one.
const MOST_TRIED: usize = 200;

/// What came of it.
pub(super) struct Shrunk<Op> {
    pub(super) program: Program<Op>,
    /// How many programs were tried.
    pub(super) tried: usize,
}

/// Shrinks a program that fails; `fails` tells whether another one does, and is told what is tried.
pub(super) fn shrink<M: Model>(
    model: &M,
    drawn: Program<Drawn<M::Op>>,
    fails: impl FnMut(&Program<M::Op>) -> bool,
) -> Shrunk<M::Op> {
    let mut shrinking = Shrinking { model, drawn, fails, tried: 0 };
    loop {
        let mut smaller = shrinking.leave_out_actors();
        smaller |= shrinking.merge_actors();
        smaller |= shrinking.leave_out_operations();
        smaller |= shrinking.move_out();
        smaller |= shrinking.simplify_arguments();
        if !smaller || shrinking.tried >= MOST_TRIED {
            return Shrunk { program: shrinking.program(), tried: shrinking.tried };
        }
    }
}

struct Shrinking<'a, M: Model, F> {
    model: &'a M,
    drawn: Program<Drawn<M::Op>>,
    fails: F,
    tried: usize,
}

impl<M: Model, F: FnMut(&Program<M::Op>) -> bool> Shrinking<'_, M, F> {
    fn program(&self) -> Program<M::Op> {
        self.drawn.map(|drawn| drawn.current())
    }

    /// Whether the program as it is now still fails.
    fn still_fails(&mut self) -> bool {
        let program = self.program();
        if self.tried >= MOST_TRIED || program.fault().is_some() || !makes_sense(self.model, &program) {
            return false;
        }
        self.tried += 1;
        (self.fails)(&program)
    }

    fn leave_out_actors(&mut self) -> bool {
        let mut smaller = false;
        let mut part = self.drawn.parts.len();
        while part > 0 {
            part -= 1;
            if self.drawn.parts.len() == 1 {
                break;
            }
            let left_out = self.drawn.parts.remove(part);
            if self.still_fails() {
                smaller = true;
            } else {
                self.drawn.parts.insert(part, left_out);
            }
        }
        smaller
    }

    /// One actor does what two did.
    fn merge_actors(&mut self) -> bool {
        let mut smaller = false;
        let mut one = 0;
        while one < self.drawn.parts.len() {
            let mut other = self.drawn.parts.len();
            while other > 0 {
                other -= 1;
                if other == one {
                    continue;
                }
                let moved = self.drawn.parts.remove(other);
                let one_now = one - usize::from(other < one);
                let before = self.drawn.parts[one_now].len();
                self.drawn.parts[one_now].extend(moved);
                if self.still_fails() {
                    (smaller, one) = (true, one_now);
                } else {
                    let moved = self.drawn.parts[one_now].split_off(before);
                    self.drawn.parts.insert(other, moved);
                }
            }
            one += 1;
        }
        smaller
    }

    fn leave_out_operations(&mut self) -> bool {
        let mut smaller = false;
        for list in self.lists() {
            let mut index = self.list(list).len();
            while index > 0 {
                index -= 1;
                let left_out = self.list(list).remove(index);
                if self.still_fails() {
                    smaller = true;
                } else {
                    self.list(list).insert(index, left_out);
                }
            }
        }
        smaller
    }

    /// The first operation of a part goes to the end of the prefix, or its last to the front of the suffix.
    fn move_out(&mut self) -> bool {
        let mut smaller = false;
        for part in 0..self.drawn.parts.len() {
            while !self.drawn.parts[part].is_empty() && self.drawn.prefix.len() < MOST_OPERATIONS {
                let moved = self.drawn.parts[part].remove(0);
                self.drawn.prefix.push(moved);
                if self.still_fails() {
                    smaller = true;
                } else if let Some(moved) = self.drawn.prefix.pop() {
                    self.drawn.parts[part].insert(0, moved);
                    break;
                }
            }
            while self.drawn.suffix.len() < MOST_OPERATIONS
                && let Some(moved) = self.drawn.parts[part].pop()
            {
                self.drawn.suffix.insert(0, moved);
                if self.still_fails() {
                    smaller = true;
                } else {
                    let moved = self.drawn.suffix.remove(0);
                    self.drawn.parts[part].push(moved);
                    break;
                }
            }
        }
        smaller
    }

    fn simplify_arguments(&mut self) -> bool {
        let mut smaller = false;
        for list in self.lists() {
            for index in 0..self.list(list).len() {
                smaller |= self.simplify_one(list, index);
            }
        }
        smaller
    }

    /// Walks the tree of one operation, which may end at a value that was tried and does not fail: then the
    /// last value that does stays for good.
    fn simplify_one(&mut self, list: usize, index: usize) -> bool {
        let mut last = self.list(list)[index].current();
        let (mut smaller, mut at_last) = (false, true);
        let mut moved = self.list(list)[index].simplify();
        while moved {
            at_last = self.still_fails();
            let drawn = &mut self.list(list)[index];
            if at_last {
                smaller = true;
                last = drawn.current();
                moved = drawn.simplify();
            } else {
                moved = drawn.complicate();
            }
            // A move that follows changes the value again.
            at_last &= !moved;
        }
        if !at_last {
            self.list(list)[index] = Box::new(Fixed(last));
        }
        smaller
    }

    /// The lists by number: parts, then suffix, then prefix.
    fn lists(&self) -> std::ops::Range<usize> {
        0..self.drawn.parts.len() + 2
    }

    fn list(&mut self, number: usize) -> &mut Vec<Drawn<M::Op>> {
        let parts = self.drawn.parts.len();
        match number.checked_sub(parts) {
            None => &mut self.drawn.parts[number],
            Some(0) => &mut self.drawn.suffix,
            Some(_) => &mut self.drawn.prefix,
        }
    }
}

/// An operation that becomes no simpler.
#[derive(Debug)]
struct Fixed<Op>(Op);

impl<Op: Clone + std::fmt::Debug> ValueTree for Fixed<Op> {
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

#[cfg(test)]
mod tests {
    use super::shrink;
    use crate::object::generate::{Generator, Size};
    use crate::object::{Model, Program};
    use proptest::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Sum(u64);

    impl Model for Sum {
        type Op = u32;
        type Ret = ();

        fn apply(&mut self, op: &u32) {
            self.0 += u64::from(*op);
        }
    }

    /// Fails if two different actors each add more than 100.
    fn fails(program: &Program<u32>) -> bool {
        program.parts.iter().filter(|part| part.iter().any(|&op| op > 100)).count() >= 2
    }

    #[test]
    fn what_is_left_is_minimal_and_the_same_for_the_same_seed() {
        let size = Size { parts: 2..=4, operations: 5, prefix: 3, suffix: 3 };
        let generator = Generator { model: Sum(0), operations: (0_u32..1000).sboxed(), size: size.clone() };
        let mut shrunk_ones = 0;
        for seed in 0..200 {
            let draw = || generator.draw(seed, &size);
            if !fails(&draw().map(|drawn| drawn.current())) {
                continue;
            }
            let shrunk = shrink(&Sum(0), draw(), fails);
            let smallest = Program { prefix: vec![], parts: vec![vec![101], vec![101]], suffix: vec![] };
            assert_eq!(shrunk.program, smallest, "seed {seed}");
            assert_eq!(shrink(&Sum(0), draw(), fails).tried, shrunk.tried, "seed {seed}");
            shrunk_ones += 1;
        }
        assert!(shrunk_ones > 100, "too few programs fail: {shrunk_ones}");
    }
}
