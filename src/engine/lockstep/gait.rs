//! How actors walk, and finding out which way of walking shows most.
//!
//! What counts on a real engine is how often the rare outcomes turn up per second, not how many samples
//! are drawn. Neither the best length of the array nor the best pace can be known beforehand: they depend
//! on the design, the machine and who else uses it. So the [`Tuner`] tries a few within the first fifth
//! of the time, judged by what they showed, and the best one walks on for the rest.
//!
//! It never looks at the clock itself. Limit: what it judges by is random, so with outcomes rarer than a
//! trial is long it settles for the fastest gait.

use crate::scenario::program::OutcomeCount;
use rustc_hash::FxHashMap;
use std::time::Duration;

/// The longest array.
pub(crate) const LONGEST_STRIDE: usize = 65_536;

/// Different outcomes beyond which trials are no longer compared: reading them off would take too long.
const MOST_OUTCOMES: usize = 5_000;

/// A way of walking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gait {
    /// States from barrier to barrier.
    pub(crate) stride: usize,
    /// States after which actors wait for each other, roughly; 0 for never.
    pub(crate) chunk: usize,
    /// How far apart, at random, actors set off from such a meeting; in steps of about a nanosecond.
    pub(crate) skew: u32,
}

/// What a leg of the walk came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leg {
    /// Samples since the very beginning.
    pub(crate) executions: u64,
    pub(crate) took: Duration,
}

/// What a trial is worth; more is better, field by field.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Worth {
    distinct: usize,
    rare: f64,
    samples: f64,
}

/// Where the tuner is.
#[derive(Debug)]
enum Phase {
    /// Single arrays of growing length, until one takes a while: how fast is this at all?
    WarmingUp { stride: usize },
    /// One leg for each candidate.
    Trying { candidates: Vec<Gait>, next: usize },
    /// The best one until the end.
    Settled(Gait),
}

/// Chooses gaits.
#[derive(Debug)]
pub(crate) struct Tuner {
    phase: Phase,
    longest: usize,
    budget: Duration,
    spent: Duration,
    best: Option<(Worth, Gait)>,
    executions: u64,
    seen: FxHashMap<String, u64>,
}

impl Tuner {
    /// A tuner for arrays of at most `longest` states and so much time in all.
    pub(crate) fn new(longest: usize, budget: Duration) -> Self {
        Self {
            phase: Phase::WarmingUp { stride: 1 },
            longest: longest.clamp(1, LONGEST_STRIDE),
            budget,
            spent: Duration::ZERO,
            best: None,
            executions: 0,
            seen: FxHashMap::default(),
        }
    }

    /// How to walk next, and how long; no time means a single array.
    pub(crate) fn next_leg(&self) -> Option<(Gait, Duration)> {
        let left = self.budget.saturating_sub(self.spent);
        if left.is_zero() {
            return None;
        }
        Some(match &self.phase {
            Phase::WarmingUp { stride } => (unpaced(*stride), Duration::ZERO),
            Phase::Trying { candidates, next } => {
                let each = self.budget / (5 * u32::try_from(candidates.len()).unwrap_or(1));
                (candidates[*next], each.min(left))
            }
            Phase::Settled(gait) => (*gait, left),
        })
    }

    /// Takes note of a leg that was walked, and of the `outcomes` so far if they matter.
    pub(crate) fn walked(&mut self, leg: Leg, outcomes: impl FnOnce() -> Vec<OutcomeCount>) {
        self.spent += leg.took;
        let samples = leg.executions - self.executions;
        self.executions = leg.executions;
        match &self.phase {
            &Phase::WarmingUp { stride } => {
                let grown = stride * 8;
                let each = leg.took.as_secs_f64() / samples.max(1) as f64;
                let bearable = (self.longest_round().as_secs_f64() / each.max(1e-10)) as usize;
                if grown > 512 || grown > self.longest || grown > bearable {
                    self.remember(&outcomes());
                    self.begin_trials(bearable.clamp(stride, self.longest));
                } else {
                    self.phase = Phase::WarmingUp { stride: grown };
                }
            }
            Phase::Trying { candidates, next } => {
                let (gait, following) = (candidates[*next], next + 1);
                let last = following == candidates.len();
                let outcomes = outcomes();
                let worth = self.worth(samples, leg.took, &outcomes);
                if std::env::var_os("GAITS").is_some() {
                    println!("{gait:?} {worth:?} {:?}", leg.took);
                }
                self.remember(&outcomes);
                if self.best.is_none_or(|(best, _)| worth > best) {
                    self.best = Some((worth, gait));
                }
                if last || outcomes.len() > MOST_OUTCOMES {
                    self.phase = Phase::Settled(self.best.map_or(gait, |(_, best)| best));
                } else if let Phase::Trying { next, .. } = &mut self.phase {
                    *next = following;
                }
            }
            Phase::Settled(_) => {}
        }
    }

    /// How long one array may take: progress is to be seen from outside, and the end to be met in time.
    fn longest_round(&self) -> Duration {
        (self.budget / 20).min(Duration::from_millis(50))
    }

    fn begin_trials(&mut self, longest: usize) {
        let mut candidates: Vec<Gait> = Vec::new();
        for stride in [64, 256, 1024, 4096, 16_384, 65_536] {
            if stride <= longest {
                candidates.extend([
                    unpaced(stride),
                    Gait { stride, chunk: 16, skew: 0 },
                    Gait { stride, chunk: 16, skew: 64 },
                ]);
            }
        }
        self.phase = if candidates.is_empty() {
            Phase::Settled(unpaced(longest))
        } else {
            Phase::Trying { candidates, next: 0 }
        };
    }

    fn remember(&mut self, outcomes: &[OutcomeCount]) {
        self.seen = outcomes.iter().map(|outcome| (outcome.value.clone(), outcome.count)).collect();
    }

    fn worth(&self, samples: u64, took: Duration, outcomes: &[OutcomeCount]) -> Worth {
        let seconds = took.as_secs_f64().max(1e-9);
        let mut counts: Vec<u64> = outcomes
            .iter()
            .map(|outcome| outcome.count - self.seen.get(&outcome.value).copied().unwrap_or(0))
            .filter(|&count| count > 0)
            .collect();
        counts.sort_unstable();
        counts.pop();
        Worth {
            distinct: counts.len(),
            rare: counts.iter().map(|&count| (count as f64 / seconds).ln()).sum(),
            samples: samples as f64 / seconds,
        }
    }
}

fn unpaced(stride: usize) -> Gait {
    Gait { stride, chunk: 0, skew: 0 }
}
