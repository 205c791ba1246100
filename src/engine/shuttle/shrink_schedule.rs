//! The shortest schedule that leads to a failure: fewest context switches first, then fewest steps.
//!
//! First the schedule that was found is shortened greedily: two slices of one task are brought together,
//! and what does not lose the failure is kept. Then all schedules with fewer switches are tried, fewest
//! first (iterative context bounding: Musuvathi and Qadeer, PLDI 2007, section 3), which either finds a
//! shorter one or shows that there is none.
//!
//! Knows nothing of designs: a schedule in, what became of it out.

use super::schedule::{Path, Steps, slices, switches, unsliced};

/// What came of following a path: the path that was really followed, if it shows the failure.
pub(super) type Followed = Option<Path>;

/// What came of trying all schedules with at most so many switches.
pub(super) enum Tried {
    /// The shortest of them that show the failure.
    Found(Path),
    /// None shows the failure.
    None,
    /// There were more than could be tried.
    TooMany,
}

/// Follows schedules, for [`shrink_schedule`].
pub(super) trait Follow {
    /// Follows a schedule as far as it goes.
    fn follow(&mut self, path: &Path) -> Followed;

    /// Tries all schedules with at most so many switches, up to a number of executions that it sets itself.
    fn try_all(&mut self, switches: usize) -> Tried;
}

/// The shortest schedule that was found, and whether none has fewer switches.
pub(super) struct Shortest {
    pub(super) path: Path,
    pub(super) proved: bool,
}

/// The most schedules that are followed to shorten one.
const MAX_FOLLOWED: usize = 400;

fn cost(path: &Path) -> (usize, usize) {
    (switches(&path.steps), path.steps.len())
}

/// Shortens a schedule that shows a failure.
pub(super) fn shrink_schedule(found: Path, follow: &mut impl Follow) -> Shortest {
    let mut best = shorten(found, follow);
    for bound in 0..=switches(&best.steps) {
        match follow.try_all(bound) {
            Tried::Found(path) => {
                // At the bound that the greedy way has reached, its schedule may still be the shorter one.
                if cost(&path) <= cost(&best) {
                    best = path;
                }
                return Shortest { path: best, proved: true };
            }
            Tried::None => {}
            Tried::TooMany => return Shortest { proved: bound == switches(&best.steps), path: best },
        }
    }
    Shortest { path: best, proved: true }
}

/// Brings slices of one task together for as long as that helps.
fn shorten(found: Path, follow: &mut impl Follow) -> Path {
    let mut best = found;
    let mut followed = 0;
    'again: loop {
        for steps in merged(&slices(&best.steps)) {
            if followed == MAX_FOLLOWED {
                return best;
            }
            followed += 1;
            let candidate = Path { steps, chosen: best.chosen.clone() };
            if let Some(path) = follow.follow(&candidate)
                && cost(&path) < cost(&best)
            {
                best = path;
                continue 'again;
            }
        }
        return best;
    }
}

/// Every schedule in which one slice is moved to the next one of its task, forwards or backwards.
fn merged(slices: &[(u32, u32)]) -> impl Iterator<Item = Steps> + '_ {
    let pairs = (0..slices.len()).filter_map(|first| {
        let second = (first + 1..slices.len()).find(|&other| slices[other].0 == slices[first].0)?;
        Some((first, second))
    });
    pairs.flat_map(|(first, second)| {
        let mut early = slices.to_vec();
        let moved = early.remove(second);
        early.insert(first + 1, moved);
        let mut late = slices.to_vec();
        let moved = late.remove(first);
        late.insert(second - 1, moved);
        [unsliced(&early), unsliced(&late)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if task 2 runs between the first and the last step of task 1; tasks 1, 2 and 3 have as many
    /// steps as `lengths` says.
    struct Toy {
        lengths: [u32; 3],
        followed: usize,
        limit: usize,
    }

    impl Toy {
        fn shows(steps: &[u32]) -> bool {
            let first = steps.iter().position(|&task| task == 1);
            let last = steps.iter().rposition(|&task| task == 1);
            let (Some(first), Some(last)) = (first, last) else { return false };
            steps[first..last].contains(&2)
        }

        fn all(left: [u32; 3], so_far: &mut Steps, each: &mut impl FnMut(&[u32])) {
            if left == [0; 3] {
                return each(so_far);
            }
            for (index, task) in (1..=3).enumerate() {
                if left[index] > 0 {
                    let mut left = left;
                    left[index] -= 1;
                    so_far.push(task);
                    Toy::all(left, so_far, each);
                    so_far.pop();
                }
            }
        }
    }

    impl Follow for Toy {
        fn follow(&mut self, path: &Path) -> Followed {
            self.followed += 1;
            Toy::shows(&path.steps).then(|| path.clone())
        }

        fn try_all(&mut self, bound: usize) -> Tried {
            let (mut found, mut tried) = (None, 0);
            Toy::all(self.lengths, &mut Vec::new(), &mut |steps| {
                if switches(steps) <= bound {
                    tried += 1;
                    if found.is_none() && Toy::shows(steps) {
                        found = Some(steps.to_vec());
                    }
                }
            });
            match found {
                _ if tried > self.limit => Tried::TooMany,
                Some(steps) => Tried::Found(Path { steps, ..Path::default() }),
                None => Tried::None,
            }
        }
    }

    const TANGLED: [u32; 9] = [3, 1, 2, 3, 1, 2, 3, 1, 2];

    fn tangled() -> Path {
        Path { steps: TANGLED.to_vec(), ..Path::default() }
    }

    #[test]
    fn the_shortest_has_as_few_switches_as_can_be() {
        let mut toy = Toy { lengths: [3, 3, 3], followed: 0, limit: usize::MAX };
        let shortest = shrink_schedule(tangled(), &mut toy);
        assert!(shortest.proved);
        assert!(Toy::shows(&shortest.path.steps));
        // One around two, and three before or after: by hand, no fewer will do.
        assert_eq!(switches(&shortest.path.steps), 3);
        assert!(toy.followed > 0);
    }

    #[test]
    fn without_a_proof_it_is_shortened_all_the_same() {
        let mut toy = Toy { lengths: [3, 3, 3], followed: 0, limit: 0 };
        let shortest = shrink_schedule(tangled(), &mut toy);
        assert!(!shortest.proved);
        assert!(Toy::shows(&shortest.path.steps));
        assert!(switches(&shortest.path.steps) < switches(&TANGLED));
    }
}
