//! Values that a task picks between two of its steps: all of them, one after the other.
//!
//! No other task can tell when a value is picked, so picking depends on nothing and needs no step of its own.
//! All values are tried below the step that came before, so that a search that has tried the step has tried them
//! too: what sleeps there sleeps with all its values.

use super::explorer::Explorer;

/// What was picked after one step, and from how many values, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(Vec<(u32, u32)>);

impl Values {
    /// Forgets them.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Goes to the next values; false, and to the first ones, if there are no more.
    pub(super) fn advance(&mut self) -> bool {
        while let Some((value, options)) = self.0.pop() {
            if value + 1 < options {
                self.0.push((value + 1, options));
                return true;
            }
        }
        false
    }

    /// For an estimate of the search tree: adds the share of it that is done, in a part that weighs so much,
    /// and leaves the weight of what is being done.
    pub(super) fn weigh(&self, share: &mut f64, weight: &mut f64) {
        for (value, options) in &self.0 {
            *weight /= f64::from(*options);
            *share += *weight * f64::from(*value);
        }
    }

    /// The value at this place, with how many there were; the first of `options` if it is a new place.
    pub(super) fn at(&mut self, place: usize, options: u32) -> (u32, u32) {
        if place == self.0.len() {
            self.0.push((0, options));
        }
        self.0[place]
    }
}

impl Explorer {
    /// The value, of `0..options`, that the task chosen last picks before its next step.
    pub(crate) fn pick(&mut self, options: u32) -> u32 {
        let Some(depth) = self.depth.checked_sub(1) else { return 0 };
        if options < 2 || self.is_redundant() {
            return 0;
        }
        self.picks = true;
        let place = self.picked;
        self.picked += 1;
        // The step itself is not entered yet, unless it is repeated.
        self.follow_loops(depth);
        let Some(frame) = self.frames.get_mut(depth) else { return 0 };
        let (value, known) = frame.values.at(place, options);
        self.spins.note_choice(frame.chosen);
        if known != options {
            self.stray();
            return 0;
        }
        value
    }

    /// Whether any task has picked a value by now. Such a search is not for others to explore in parts.
    pub(crate) fn picks(&self) -> bool {
        self.picks
    }
}
