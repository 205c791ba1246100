//! One of several machines that share a run, and the seeds that are its own.
//!
//! Everything random starts from a seed, a number `s`. The generated programs take their seeds from the states
//! `s + γ`, `s + 2γ`, … of a SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators",
//! OOPSLA 2014, figure 16), whose output is a bijection of the state. As `γ` is odd, these states run through all of
//! the 64 bits before one comes again; so they are cut into 2²⁴ streams of 2⁴⁰ states, and each shard of each round
//! begins in a stream of its own. What does not draw more than 2³⁹ programs never draws one of another stream's seeds.
//! The schedulers take the number itself for their seed, which is another one in each stream.
//!
//! Limits: at most [`Shard::MAX`] shards and [`MAX_ROUNDS`] rounds. Other seeds may still lead to the same schedule
//! or program, where there are few. Real engines draw nothing but the values of `choose` from a seed.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Rounds of one run.
pub(crate) const MAX_ROUNDS: u32 = 4_096;

/// SplitMix64's odd constant: 2⁶⁴ by the golden ratio.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// How many states a stream has, as a power of two.
const STREAM_BITS: u32 = 40;

/// The `number`th of `of` machines, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// The most shards of one run.
    pub(crate) const MAX: u32 = 4_096;

    /// The only machine there is.
    pub(crate) const WHOLE: Shard = Shard { number: 1, of: 1 };

    /// How many there are.
    pub(crate) fn of(self) -> u32 {
        self.of
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no shard: `2/3` is the second of three, of at most {}", Self::MAX);
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let parse = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if digits { text.parse::<u32>().ok() } else { None }
        };
        let (number, of) = parse(number).zip(parse(of)).ok_or_else(wrong)?;
        if (1..=of).contains(&number) && of <= Self::MAX { Ok(Shard { number, of }) } else { Err(wrong()) }
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// What a report was drawn from: which shard of which run, and in how many rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drawn {
    /// That all shards have in common.
    pub(crate) seed: u64,
    pub(crate) shard: Shard,
    pub(crate) rounds: u32,
}

/// The stream of a shard in a round, which counts from 0. The first shard's first is stream 0, which is the whole
/// run's.
///
/// # Panics
/// If there are more rounds than [`MAX_ROUNDS`].
pub(crate) fn stream(shard: Shard, round: u32) -> u64 {
    assert!(round < MAX_ROUNDS, "round {round} of at most {MAX_ROUNDS}");
    u64::from(round) * u64::from(Shard::MAX) + u64::from(shard.number - 1)
}

/// The seed of a stream. That of stream 0 is the seed itself.
pub(crate) fn seed_of_stream(seed: u64, stream: u64) -> u64 {
    // Somewhere in the first half of the stream: seeds that differ in few bits only are alike to weak generators.
    let within = if stream == 0 { 0 } else { mixed(stream) >> (64 - (STREAM_BITS - 1)) };
    seed.wrapping_add(GAMMA.wrapping_mul((stream << STREAM_BITS) + within))
}

/// SplitMix64's output function.
fn mixed(state: u64) -> u64 {
    let mut z = state.wrapping_add(GAMMA);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_shard_is_two_numbers() {
        let check = |text: &str, number, of| assert_eq!(text.parse(), Ok(Shard { number, of }), "{text}");
        check("1/1", 1, 1);
        check("2/3", 2, 3);
        check("4096/4096", 4096, 4096);
        for wrong in ["", "1", "/", "0/3", "4/3", "1/4097", "+1/3", "1/3/5", "a/b", "1/ 3", "-1/3", "1/0"] {
            let error = wrong.parse::<Shard>().unwrap_err();
            assert!(error.contains("2/3"), "{wrong}: {error}");
        }
        let shard: Shard = serde_json::from_str("\"2/3\"").expect("a shard");
        assert_eq!(serde_json::to_string(&shard).expect("text"), "\"2/3\"");
        assert!(serde_json::from_str::<Shard>("\"3/2\"").is_err());
    }

    #[test]
    fn the_whole_run_has_the_seed_itself() {
        for seed in [0, 1, u64::MAX, crate::base::budget::DEFAULT_SEED] {
            assert_eq!(seed_of_stream(seed, stream(Shard::WHOLE, 0)), seed);
        }
    }

    /// The states from which programs take their seeds: those of a stream lie in its own 2⁴⁰, wherever it begins.
    #[test]
    fn no_stream_reaches_into_another() {
        // By Newton's iteration; five times, for 64 bits.
        let inverse = (0..5).fold(GAMMA, |x, _| x.wrapping_mul(2_u64.wrapping_sub(GAMMA.wrapping_mul(x))));
        assert_eq!(GAMMA.wrapping_mul(inverse), 1);
        let mut seen = HashSet::new();
        for round in [0, 1, 2, 77, MAX_ROUNDS - 1] {
            for number in [1, 2, 3, 1_000, Shard::MAX] {
                let stream = stream(Shard { number, of: Shard::MAX }, round);
                let begin = seed_of_stream(7, stream).wrapping_sub(7).wrapping_mul(inverse);
                let end = begin + (1 << (STREAM_BITS - 1));
                assert_eq!((begin >> STREAM_BITS, end >> STREAM_BITS), (stream, stream));
                assert!(seen.insert(stream), "{number} in round {round}");
            }
        }
        assert_eq!(seen.len(), 25);
    }

    /// Some generators drop the lowest bit of their seed.
    #[test]
    fn seeds_differ_in_more_than_the_lowest_bit() {
        let streams = || (0..64).flat_map(|round| (0..256).map(move |shard| round * 4_096 + shard));
        let seeds: HashSet<_> = streams().map(|stream| seed_of_stream(1, stream) | 1).collect();
        assert_eq!(seeds.len(), 64 * 256);
    }
}
