//! Making a program that fails smaller, for as long as it fails.
//!
//! Round after round until nothing helps any more: leave out a whole actor, let one actor do what two
//! did, leave out an operation, move an operation out of the parallel parts (what is done before or after
//! needs no switch between actors), make arguments simpler with proptest's own trees. A program that makes
//! no sense to the model is never tried, and none is tried twice.
//!
//! Limits: a local minimum. Bounds on the programs tried and on their executions, which are the same on every
//! machine, so that the same seed leads to the same program; and one on the time, for a machine that is
//! much slower than expected. Whichever ends it early is told.

use super::generate::{Drawn, makes_sense};
use super::program::{MOST_OPERATIONS, Program};
use super::recipe::Draft;
use crate::base::observation::ShrinkLimit;
use crate::linearizability::Model;
use rustc_hash::FxHashMap;
use std::time::Instant;

/// How far shrinking may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Programs tried.
    pub(super) programs: u64,
    /// Executions of all of them.
    pub(super) executions: u64,
    /// When to stop, whatever has been reached.
    pub(super) until: Option<Instant>,
}

/// What a program that is tried comes to.
pub(super) struct Tried {
    pub(super) fails: bool,
    pub(super) executions: u64,
}

/// What came of it.
pub(super) struct Shrunk<Op> {
    pub(super) draft: Draft<Op>,
    /// How many programs were tried.
    pub(super) tried: u64,
    /// Why the program may not be as small as it could be, if so.
    pub(super) early: Option<ShrinkLimit>,
}

/// Shrinks a program that fails. `attempt` tells whether another one does; it is told which that is, how
/// many were tried before, and how many operations the smallest one so far has.
pub(super) fn shrink<M: Model>(
    model: &M,
    drawn: Program<Drawn<M::Op>>,
    bounds: Bounds,
    attempt: impl FnMut(&Program<M::Op>, u64, usize) -> Tried,
) -> Shrunk<M::Op> {
    let draft = Draft::new(drawn);
    let known = [(draft.program().as_code(), true)].into_iter().collect();
    let smallest = draft.layout.operations();
    let mut shrinking =
        Shrinking { model, draft, bounds, attempt, known, smallest, tried: 0, executions: 0, early: None };
    loop {
        let mut smaller = shrinking.leave_out_actors();
        smaller |= shrinking.merge_actors();
        smaller |= shrinking.leave_out_operations();
        smaller |= shrinking.move_out();
        smaller |= shrinking.simplify_arguments();
        if !smaller || shrinking.early.is_some() {
            let Shrinking { draft, tried, early, .. } = shrinking;
            return Shrunk { draft, tried, early };
        }
    }
}

struct Shrinking<'a, M: Model, F> {
    model: &'a M,
    draft: Draft<M::Op>,
    bounds: Bounds,
    attempt: F,
    /// Programs that were tried, as Rust, and whether they fail.
    known: FxHashMap<String, bool>,
    /// Operations of the smallest program that fails.
    smallest: usize,
    tried: u64,
    executions: u64,
    early: Option<ShrinkLimit>,
}

impl<M: Model, F: FnMut(&Program<M::Op>, u64, usize) -> Tried> Shrinking<'_, M, F> {
    /// Whether the program as it is now fails too.
    fn still_fails(&mut self) -> bool {
        let program = self.draft.program();
        if self.early.is_some() || program.fault().is_some() || !makes_sense(self.model, &program) {
            return false;
        }
        let code = program.as_code();
        // A tree comes back to values that it has had.
        if let Some(fails) = self.known.get(&code) {
            return *fails;
        }
        self.early = self.over();
        if self.early.is_some() {
            return false;
        }
        let Tried { fails, executions } = (self.attempt)(&program, self.tried, self.smallest);
        self.tried += 1;
        self.executions += executions;
        self.known.insert(code, fails);
        if fails {
            self.smallest = program.operations();
        }
        fails
    }

    fn over(&self) -> Option<ShrinkLimit> {
        if self.tried >= self.bounds.programs {
            Some(ShrinkLimit::Programs)
        } else if self.executions >= self.bounds.executions {
            Some(ShrinkLimit::Executions)
        } else {
            self.bounds.until.is_some_and(|until| Instant::now() >= until).then_some(ShrinkLimit::Time)
        }
    }

    /// Puts the operations into another layout, if the program fails in it too.
    fn try_layout(&mut self, layout: Program<usize>) -> bool {
        let before = std::mem::replace(&mut self.draft.layout, layout);
        let fails = self.still_fails();
        if !fails {
            self.draft.layout = before;
        }
        fails
    }

    fn leave_out_actors(&mut self) -> bool {
        let mut smaller = false;
        for part in (0..self.draft.layout.parts.len()).rev() {
            let mut layout = self.draft.layout.clone();
            if layout.parts.len() > 1 {
                layout.parts.remove(part);
                smaller |= self.try_layout(layout);
            }
        }
        smaller
    }

    /// One actor does what two did.
    fn merge_actors(&mut self) -> bool {
        let mut smaller = false;
        let mut one = 0;
        while one < self.draft.layout.parts.len() {
            for other in (0..self.draft.layout.parts.len()).rev().filter(|other| *other != one) {
                let mut layout = self.draft.layout.clone();
                let moved = layout.parts.remove(other);
                let one_now = one - usize::from(other < one);
                layout.parts[one_now].extend(moved);
                if self.try_layout(layout) {
                    // What follows is about other actors than those that were counted: the next round's work.
                    (smaller, one) = (true, one_now);
                    break;
                }
            }
            one += 1;
        }
        smaller
    }

    fn leave_out_operations(&mut self) -> bool {
        let mut smaller = false;
        for number in self.lists() {
            for index in (0..list(&mut self.draft.layout, number).len()).rev() {
                let mut layout = self.draft.layout.clone();
                list(&mut layout, number).remove(index);
                smaller |= self.try_layout(layout);
            }
        }
        smaller
    }

    /// The first operation of a part goes to the end of the prefix, or its last to the front of the suffix.
    fn move_out(&mut self) -> bool {
        let mut smaller = false;
        for part in 0..self.draft.layout.parts.len() {
            while self.try_moving(|layout| {
                let first = (!layout.parts[part].is_empty()).then(|| layout.parts[part].remove(0))?;
                layout.prefix.push(first);
                Some(layout.prefix.len())
            }) {
                smaller = true;
            }
            while self.try_moving(|layout| {
                let last = layout.parts[part].pop()?;
                layout.suffix.insert(0, last);
                Some(layout.suffix.len())
            }) {
                smaller = true;
            }
        }
        smaller
    }

    /// Tries what `moved` makes of the layout, if it can and its list does not become too long.
    fn try_moving(&mut self, moved: impl FnOnce(&mut Program<usize>) -> Option<usize>) -> bool {
        let mut layout = self.draft.layout.clone();
        moved(&mut layout).is_some_and(|length| length <= MOST_OPERATIONS) && self.try_layout(layout)
    }

    fn simplify_arguments(&mut self) -> bool {
        let mut smaller = false;
        for number in self.lists() {
            for operation in list(&mut self.draft.layout, number).clone() {
                smaller |= self.simplify_one(operation);
            }
        }
        smaller
    }

    /// Walks the tree of one operation, which may end at a value that was tried and does not fail: the last
    /// value that does stays for good.
    fn simplify_one(&mut self, operation: usize) -> bool {
        let mut last = self.draft.tree(operation).current();
        let (mut moves, mut kept) = (vec![true], 0);
        let mut moved = self.draft.tree(operation).simplify();
        while moved {
            let fails = self.still_fails();
            let tree = self.draft.tree(operation);
            if fails {
                (last, kept) = (tree.current(), moves.len());
            }
            moves.push(fails);
            moved = if fails { tree.simplify() } else { tree.complicate() };
        }
        moves.truncate(kept);
        self.draft.fix(operation, last, moves);
        kept > 0
    }

    /// The lists by number: parts, then suffix, then prefix.
    fn lists(&self) -> std::ops::Range<usize> {
        0..self.draft.layout.parts.len() + 2
    }
}

fn list(layout: &mut Program<usize>, number: usize) -> &mut Vec<usize> {
    let parts = layout.parts.len();
    match number.checked_sub(parts) {
        None => &mut layout.parts[number],
        Some(0) => &mut layout.suffix,
        Some(_) => &mut layout.prefix,
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, ShrinkLimit, Shrunk, Tried, shrink};
    use crate::base::recipe::Size;
    use crate::object::generate::Generator;
    use crate::object::{Model, Program};
    use proptest::prelude::*;
    use std::time::Instant;

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

    fn generator(most: u32) -> Generator<Sum> {
        let size = Size { parts: 2..=4, operations: 5, prefix: 3, suffix: 3 };
        Generator { model: Sum(0), operations: (0..most).sboxed(), size }
    }

    const BOUNDS: Bounds = Bounds { programs: 200, executions: 2_000, until: None };

    /// Each program that is tried takes ten executions.
    fn shrunk(generator: &Generator<Sum>, seed: u64, bounds: Bounds) -> Option<(Shrunk<u32>, u64)> {
        shrunk_while(generator, seed, bounds, fails)
    }

    fn shrunk_while(
        generator: &Generator<Sum>,
        seed: u64,
        bounds: Bounds,
        fails: impl Fn(&Program<u32>) -> bool,
    ) -> Option<(Shrunk<u32>, u64)> {
        let drawn = generator.draw(seed, &generator.size);
        if !fails(&drawn.map(|drawn| drawn.current())) {
            return None;
        }
        let mut attempts = 0;
        let shrunk = shrink(&generator.model, drawn, bounds, |program, tried, smallest| {
            assert_eq!(tried, attempts, "what is told counts");
            assert!(program.operations() <= smallest, "{program:?} is larger than what fails already");
            attempts += 1;
            Tried { fails: fails(program), executions: 10 }
        });
        Some((shrunk, attempts))
    }

    #[test]
    fn what_is_left_is_minimal_and_the_same_for_the_same_seed() {
        let generator = generator(1000);
        let mut shrunk_ones = 0;
        for seed in 0..200 {
            let Some((one, attempts)) = shrunk(&generator, seed, BOUNDS) else { continue };
            let smallest = Program { prefix: vec![], parts: vec![vec![101], vec![101]], suffix: vec![] };
            assert_eq!(one.draft.program(), smallest, "seed {seed}");
            assert_eq!((one.early, one.tried), (None, attempts), "seed {seed}");
            let (again, _) = shrunk(&generator, seed, BOUNDS).expect("the same seed");
            assert_eq!(again.tried, one.tried, "seed {seed}");
            // The recipe makes it again from the seed, and from no other operations.
            let recipe = one.draft.recipe(seed, &generator.size);
            let draw = |generator: &Generator<Sum>| generator.draw(seed, &generator.size);
            assert_eq!(recipe.follow(draw(&generator)), Some(smallest), "seed {seed}");
            assert_eq!(again.draft.recipe(seed, &generator.size), recipe, "seed {seed}");
            assert_eq!(recipe.follow(draw(&self::generator(90))), None, "seed {seed}");
            shrunk_ones += 1;
        }
        assert!(shrunk_ones > 100, "too few programs fail: {shrunk_ones}");
    }

    /// Shrinks whatever fails in this way, and tells how many programs were left like this.
    fn left_like(fails: impl Fn(&Program<u32>) -> bool, like: impl Fn(&Program<u32>) -> bool) -> usize {
        let operations = prop_oneof![Just(3_u32), 0..1000_u32, (0..10_u32).prop_map(|n| n * 7)].sboxed();
        let generator = Generator { operations, ..generator(1000) };
        let mut shrunk_ones = 0;
        for seed in 0..300 {
            let Some((one, _)) = shrunk_while(&generator, seed, BOUNDS, &fails) else { continue };
            let left = one.draft.program();
            assert!(fails(&left) && like(&left), "seed {seed}: {left:?}");
            shrunk_ones += 1;
        }
        shrunk_ones
    }

    #[test]
    fn each_way_to_make_a_program_smaller_is_taken_where_no_other_helps() {
        let operations = |program: &Program<u32>| program.parts.iter().map(Vec::len).collect::<Vec<_>>();
        // Nothing but a whole actor can be left out, and an actor cannot do more than there is to do.
        let full = |program: &Program<u32>| program.parts.iter().all(|part| (3..=4).contains(&part.len()));
        assert!(left_like(full, |left| left.parts.len() == 1) > 5);
        // All operations are needed, but no matter who does them.
        let many = |program: &Program<u32>| operations(program).iter().sum::<usize>() >= 5;
        assert!(left_like(many, |left| operations(left) == [5]) > 100);
        // All are needed, but only one of each actor while the others act.
        let two = |program: &Program<u32>| {
            let beside = program.prefix.len() + program.suffix.len();
            program.parts.len() == 2
                && operations(program).iter().all(|&count| count >= 1)
                && operations(program).iter().sum::<usize>() + beside >= 5
        };
        assert!(left_like(two, |left| operations(left) == [1, 1]) > 50);
    }

    #[test]
    fn an_argument_is_left_at_a_value_that_fails() {
        // The way down leads past values that do not.
        let scattered =
            |program: &Program<u32>| program.parts.iter().flatten().any(|op| op % 7 == 3 && *op > 3);
        assert!(left_like(scattered, |left| left.operations() == 1) > 100);
    }

    #[test]
    fn a_bound_ends_it_with_a_program_that_fails_and_is_told() {
        let generator = generator(1000);
        let check = |bounds: Bounds, early: ShrinkLimit, most: u64| {
            let mut ended = 0;
            for seed in 0..50 {
                let Some((one, attempts)) = shrunk(&generator, seed, bounds) else { continue };
                assert!(fails(&one.draft.program()), "seed {seed}");
                assert!(attempts <= most, "seed {seed}: {attempts} programs tried");
                ended += usize::from(one.early == Some(early));
                let recipe = one.draft.recipe(seed, &generator.size);
                let again = recipe.follow(generator.draw(seed, &generator.size));
                assert_eq!(again, Some(one.draft.program()), "seed {seed}");
            }
            assert!(ended > 20, "{early:?} ended {ended} of 50");
        };
        check(Bounds { programs: 7, ..BOUNDS }, ShrinkLimit::Programs, 7);
        check(Bounds { executions: 70, ..BOUNDS }, ShrinkLimit::Executions, 7);
        check(Bounds { until: Some(Instant::now()), ..BOUNDS }, ShrinkLimit::Time, 0);
    }
}
