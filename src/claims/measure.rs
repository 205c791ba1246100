//! Repeated measurements, their median and quartiles, and what may be concluded from them.

use super::{Figure, Finding, Reading};
use serde::Serialize;
use std::time::Instant;

/// The median of several repetitions with the quartiles around it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) lower_quartile: f64,
    pub(super) upper_quartile: f64,
    pub(super) repetitions: usize,
}

impl Spread {
    /// Of at least one sample.
    ///
    /// # Panics
    /// If there is none.
    pub(super) fn of(mut samples: Vec<f64>) -> Self {
        assert!(!samples.is_empty(), "a measurement without a sample");
        samples.sort_by(f64::total_cmp);
        Self {
            median: quantile(&samples, 0.5),
            lower_quartile: quantile(&samples, 0.25),
            upper_quartile: quantile(&samples, 0.75),
            repetitions: samples.len(),
        }
    }

    /// Whether three quarters of the repetitions lie above a bound.
    pub(super) fn above(&self, bound: f64) -> bool {
        self.lower_quartile > bound
    }

    /// Whether three quarters of the repetitions lie below a bound.
    pub(super) fn below(&self, bound: f64) -> bool {
        self.upper_quartile < bound
    }
}

/// Linear interpolation between the sorted samples.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place among a few samples"
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (place - place.floor())
}

/// How long it takes, in seconds.
pub(super) fn seconds(run: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    run();
    begun.elapsed().as_secs_f64()
}

/// Several quantities, measured in turn so that all meet the same noise: for each its samples.
pub(super) fn in_turn<E, const N: usize>(
    repetitions: usize,
    mut measure: [&mut dyn FnMut() -> Result<f64, E>; N],
) -> Result<[Vec<f64>; N], E> {
    let mut samples = [const { Vec::new() }; N];
    for _ in 0..repetitions {
        for (samples, measure) in samples.iter_mut().zip(&mut measure) {
            samples.push(measure()?);
        }
    }
    Ok(samples)
}

/// The ratio of each pair of samples.
pub(super) fn ratio(above: &[f64], below: &[f64]) -> Spread {
    Spread::of(above.iter().zip(below).map(|(above, below)| above / below.max(1e-12)).collect())
}

impl Figure {
    /// A quantity in a unit.
    pub(super) fn new(what: impl Into<String>, unit: &'static str, spread: Spread) -> Self {
        Self { what: what.into(), unit, reading: Reading::Measured(spread) }
    }

    /// A ratio.
    pub(super) fn ratio(what: impl Into<String>, spread: Spread) -> Self {
        Self::new(what, "times", spread)
    }

    /// Samples in seconds, shown in microseconds.
    pub(super) fn micros(what: impl Into<String>, seconds: &[f64]) -> Self {
        Self::new(what, "us", Spread::of(seconds.iter().map(|seconds| seconds * 1e6).collect()))
    }

    /// What was not measured, and why.
    pub(super) fn not_run(what: impl Into<String>, unit: &'static str, why: &str) -> Self {
        Self { what: what.into(), unit, reading: Reading::NotRun(why.to_owned()) }
    }
}

impl Finding {
    /// Something that is so or is not.
    pub(super) fn new(what: impl Into<String>, so: bool) -> Self {
        Self { what: what.into(), so }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_the_samples() {
        let spread = Spread::of(vec![4.0, 1.0, 3.0, 2.0, 5.0]);
        assert_eq!((spread.lower_quartile, spread.median, spread.upper_quartile), (2.0, 3.0, 4.0));
        assert_eq!(Spread::of(vec![7.0]).median, 7.0);
        assert_eq!(Spread::of(vec![1.0, 2.0]).median, 1.5);
    }

    #[test]
    fn a_bound_within_the_spread_decides_nothing() {
        let spread = Spread::of(vec![0.5, 0.9, 1.5, 2.5, 9.0]);
        assert!(!spread.above(1.0) && !spread.below(2.0));
        assert!(spread.above(0.8) && spread.below(3.0));
    }

    #[test]
    fn quantities_are_measured_in_turn() {
        let order = std::cell::RefCell::new(String::new());
        let note = |letter| {
            order.borrow_mut().push(letter);
            Ok::<_, ()>(2.0)
        };
        let samples = in_turn(2, [&mut || note('a'), &mut || note('b')]).expect("no error");
        assert_eq!(order.borrow().as_str(), "abab");
        assert_eq!(ratio(&samples[0], &samples[1]).median, 1.0);
    }
}
