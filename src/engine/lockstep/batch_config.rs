//! How actors walk, and finding out which way of walking shows most.
//!
//! What counts on a real engine is how often the rare outcomes turn up per second, not how many samples
//! are drawn. Neither the best length of the array nor the best pace can be known beforehand: they depend
//! on the design, the machine and who else uses it. So the [`Tuner`] tries a few within the first fifth
//! of the time, judged by what they showed, the best ones once more, since the first round is short and
//! other programs disturb it, and the winner walks on for the rest.
//!
//! It never looks at the clock itself. Limit: what it judges by is random, so with outcomes rarer than a
//! trial is long it settles for the fastest config.

use crate::base::outcome::OutcomeCount;
use rustc_hash::FxHashMap;
use std::cmp::Ordering;
use std::time::Duration;

/// The longest array.
pub(crate) const LONGEST_STRIDE: usize = 65_536;

/// Different outcomes beyond which trials are no longer compared: reading them off would take too long.
const MOST_OUTCOMES: usize = 5_000;

/// Lengths that are tried.
const STRIDES: [usize; 6] = [64, 256, 1024, 4096, 16_384, LONGEST_STRIDE];

/// Chunks and skews that are tried with each length.
const PACES: [(usize, u32); 3] = [(0, 0), (16, 64), (64, 512)];

/// How many configs are tried a second time.
const FINALISTS: usize = 4;

/// The longest array before there is any plan.
const WARM_STRIDE: usize = 512;

/// How often an array that looks slow is walked again before that is believed.
const WARM_TRIES: u32 = 4;

/// What rates are expressed in, so that a single sighting weighs less than many.
const TYPICAL_TRIAL_S: f64 = 0.01;

/// A way of walking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchConfig {
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
    /// Each outcome but the most frequent one adds the logarithm of its rate, so that seeing the rarest
    /// twice as often weighs as much as seeing a common one twice as often, and a new one weighs more.
    shown: f64,
    samples_per_second: f64,
}

/// Where the tuner is.
#[derive(Debug)]
enum Phase {
    /// Single arrays of growing length, until one takes a while: how fast is this at all?
    WarmingUp(Warming),
    /// A leg for each candidate.
    Trying(Trials),
    /// The best one until the end.
    Settled(BatchConfig),
}

/// An array whose walking is timed. The first times are longer than the rest will be (caches, page
/// faults, young processes), so one that looks slow gets more chances.
#[derive(Clone, Copy, Debug)]
struct Warming {
    stride: usize,
    tries: u32,
    fastest: Duration,
}

impl Warming {
    fn up_to(stride: usize) -> Self {
        Self { stride, tries: 0, fastest: Duration::MAX }
    }
}

#[derive(Debug)]
struct Trials {
    candidates: Vec<BatchConfig>,
    worths: Vec<Worth>,
    /// How long each is tried.
    lasting: Duration,
    /// Whether these are the best of a first round.
    last_round: bool,
}

/// Chooses configs.
#[derive(Debug)]
pub(crate) struct Tuner {
    phase: Phase,
    longest: usize,
    budget: Duration,
    spent: Duration,
    executions: u64,
    seen: FxHashMap<String, u64>,
}

impl Tuner {
    /// A tuner for arrays of at most `longest` states and so much time in all.
    pub(crate) fn new(longest: usize, budget: Duration) -> Self {
        Self {
            phase: Phase::WarmingUp(Warming::up_to(1)),
            longest: longest.clamp(1, LONGEST_STRIDE),
            budget,
            spent: Duration::ZERO,
            executions: 0,
            seen: FxHashMap::default(),
        }
    }

    /// How to walk next, and how long; no time means a single array. The first leg is a single state.
    pub(crate) fn next_leg(&self) -> Option<(BatchConfig, Duration)> {
        let left = self.budget.saturating_sub(self.spent);
        if left.is_zero() && self.executions > 0 {
            return None;
        }
        Some(match &self.phase {
            Phase::WarmingUp(warming) => (unpaced(warming.stride), Duration::ZERO),
            Phase::Trying(trials) => (trials.candidates[trials.worths.len()], trials.lasting.min(left)),
            Phase::Settled(config) => (*config, left),
        })
    }

    /// Takes note of a leg that was walked, and of the `outcomes` so far if they matter.
    pub(crate) fn walked(&mut self, leg: Leg, outcomes: impl FnOnce() -> Vec<OutcomeCount>) {
        self.spent += leg.took;
        let samples = leg.executions - self.executions;
        self.executions = leg.executions;
        match std::mem::replace(&mut self.phase, Phase::WarmingUp(Warming::up_to(1))) {
            Phase::WarmingUp(warming) => {
                self.phase = self.warmed_up(warming, leg.took);
                if matches!(self.phase, Phase::Trying(_)) {
                    self.compare(&outcomes(), leg.took, samples);
                }
            }
            Phase::Trying(mut trials) => {
                let outcomes = outcomes();
                let worth = self.compare(&outcomes, leg.took, samples);
                trials.worths.push(worth);
                self.phase = if outcomes.len() > MOST_OUTCOMES {
                    Phase::Settled(trials.ranked()[0])
                } else if trials.worths.len() < trials.candidates.len() {
                    Phase::Trying(trials)
                } else if trials.last_round {
                    Phase::Settled(trials.ranked()[0])
                } else {
                    self.last_round(&trials)
                };
            }
            Phase::Settled(config) => self.phase = Phase::Settled(config),
        }
    }

    /// What follows an array of the warm-up: the same once more, a longer one, or the trials.
    fn warmed_up(&self, mut warming: Warming, took: Duration) -> Phase {
        warming.tries += 1;
        warming.fastest = warming.fastest.min(took);
        let each_s = warming.fastest.as_secs_f64() / warming.stride as f64;
        let bearable = (self.longest_round().as_secs_f64() / each_s.max(1e-10)) as usize;
        let longer = warming.stride * 8;
        if longer > bearable && warming.tries < WARM_TRIES {
            Phase::WarmingUp(warming)
        } else if longer > bearable || longer > self.longest.min(WARM_STRIDE) {
            self.first_round(bearable.clamp(warming.stride, self.longest))
        } else {
            Phase::WarmingUp(Warming::up_to(longer))
        }
    }

    /// How long one array may take: progress is to be seen from outside, and the end to be met in time.
    fn longest_round(&self) -> Duration {
        (self.budget / 20).min(Duration::from_millis(50))
    }

    /// Twelve hundredths of the time for all ways of walking.
    fn first_round(&self, longest: usize) -> Phase {
        let fitting = STRIDES.into_iter().filter(|&stride| stride <= longest);
        let mut strides: Vec<usize> = fitting.collect();
        if strides.is_empty() {
            strides.push(longest);
        }
        let candidates: Vec<BatchConfig> = strides
            .into_iter()
            .flat_map(|stride| PACES.map(|(chunk, skew)| BatchConfig { stride, chunk, skew }))
            .collect();
        self.trials(candidates, 12, false)
    }

    /// Eight hundredths for those that did best.
    fn last_round(&self, trials: &Trials) -> Phase {
        let mut best = trials.ranked();
        best.truncate(FINALISTS);
        self.trials(best, 8, true)
    }

    fn trials(&self, candidates: Vec<BatchConfig>, hundredths: u32, last_round: bool) -> Phase {
        let count = u32::try_from(candidates.len()).unwrap_or(u32::MAX);
        Phase::Trying(Trials {
            worths: Vec::with_capacity(candidates.len()),
            lasting: self.budget * hundredths / 100 / count,
            candidates,
            last_round,
        })
    }

    /// What was seen since the last comparison.
    fn compare(&mut self, outcomes: &[OutcomeCount], took: Duration, samples: u64) -> Worth {
        let seconds = took.as_secs_f64().max(1e-9);
        let mut fresh: Vec<u64> = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let before = self.seen.insert(outcome.value.clone(), outcome.count);
            fresh.push(outcome.count - before.unwrap_or(0));
        }
        fresh.sort_unstable();
        fresh.pop();
        let per_trial = |&count: &u64| count as f64 / seconds * TYPICAL_TRIAL_S;
        Worth {
            shown: fresh.iter().map(per_trial).map(f64::ln_1p).sum(),
            samples_per_second: samples as f64 / seconds,
        }
    }
}

impl Trials {
    /// Those that were tried, the best first.
    fn ranked(&self) -> Vec<BatchConfig> {
        let mut ranked: Vec<_> = self.worths.iter().zip(&self.candidates).collect();
        ranked.sort_by(|(a, _), (b, _)| b.partial_cmp(a).unwrap_or(Ordering::Equal));
        ranked.into_iter().map(|(_, config)| *config).collect()
    }
}

fn unpaced(stride: usize) -> BatchConfig {
    BatchConfig { stride, chunk: 0, skew: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Grade;

    fn outcome(value: &str, count: u64) -> OutcomeCount {
        OutcomeCount { value: value.to_owned(), grade: Grade::Acceptable, sentence: String::new(), count }
    }

    /// Walks with a tuner on a machine that takes `each` time per sample, and shows the rare outcome once
    /// in `rarity(config)` samples. Returns the configs and how long each was walked.
    fn walk(
        longest: usize,
        budget: Duration,
        each: Duration,
        rarity: impl Fn(BatchConfig) -> u64,
    ) -> Vec<(BatchConfig, Duration)> {
        let mut tuner = Tuner::new(longest, budget);
        let (mut executions, mut rare) = (0, 0);
        let mut legs = Vec::new();
        while let Some((config, lasting)) = tuner.next_leg() {
            let round = each * u32::try_from(config.stride).expect("a stride");
            let rounds = (lasting.as_nanos() / round.as_nanos()).max(1) as u64;
            let samples = rounds * config.stride as u64;
            executions += samples;
            rare += samples / rarity(config);
            let took = round * u32::try_from(rounds).expect("few rounds");
            let seen = || vec![outcome("common", executions - rare), outcome("rare", rare)];
            tuner.walked(Leg { executions, took }, seen);
            legs.push((config, took));
        }
        legs
    }

    #[test]
    fn settles_for_the_gait_that_shows_most_and_keeps_to_its_time() {
        let good = BatchConfig { stride: 1024, chunk: 16, skew: 64 };
        let rarity = |config| if config == good { 50 } else { 5000 };
        let budget = Duration::from_secs(1);
        let legs = walk(LONGEST_STRIDE, budget, Duration::from_nanos(20), rarity);
        let total: Duration = legs.iter().map(|(_, took)| *took).sum();
        let with_good: Duration =
            legs.iter().filter(|(config, _)| *config == good).map(|(_, took)| *took).sum();
        assert!(with_good > budget * 3 / 4, "{legs:?}");
        assert!(total < budget * 11 / 10, "{total:?}");
    }

    #[test]
    fn slow_samples_never_make_a_round_long() {
        let nap = Duration::from_millis(20);
        let legs = walk(LONGEST_STRIDE, Duration::from_secs(1), nap, |_| 2);
        assert!(legs.iter().all(|(config, _)| config.stride <= 8), "{legs:?}");
    }

    #[test]
    fn never_walks_further_than_there_are_states() {
        for longest in [1, 7, 100] {
            let legs = walk(longest, Duration::from_millis(50), Duration::from_nanos(50), |_| 2);
            assert!(legs.iter().all(|(config, _)| config.stride <= longest), "{legs:?}");
        }
    }

    #[test]
    fn without_time_there_is_still_one_sample() {
        let legs = walk(100, Duration::ZERO, Duration::from_nanos(50), |_| 2);
        assert_eq!(legs.len(), 1);
    }
}
