//! Numbers that the checker chooses: other ones in other executions, and in a replay the same.
//!
//! `use shuttle::rand::{Rng, thread_rng}` finds what is used most of the crate `rand`: `gen`, `gen_range`, `gen_bool`,
//! `gen_ratio`. A range is drawn from exactly: its values are the choices. Of all values of a type, 65,536 are.

use std::ops::{Range, RangeInclusive};

/// A source of numbers.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ThreadRng {}

/// Sources of numbers.
pub mod rngs {
    pub use super::ThreadRng;
}

/// The source of numbers of the running thread.
#[must_use]
pub fn thread_rng() -> ThreadRng {
    ThreadRng {}
}

/// What gives numbers.
pub trait RngCore {
    /// Any number.
    fn next_u64(&mut self) -> u64;

    /// Any number.
    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// Any bytes.
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = (self.next_u64() >> 56) as u8);
    }
}

impl RngCore for ThreadRng {
    fn next_u64(&mut self) -> u64 {
        spread(crate::choose(VALUES))
    }
}

/// Values of a type that are tried.
const VALUES: u32 = 1 << 16;

/// Of successive numbers, numbers that differ in all bits (the finaliser of SplitMix64, by Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators").
fn spread(number: u32) -> u64 {
    let mixed = u64::from(number).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// What can be drawn.
pub trait Rng: RngCore {
    /// Any value.
    fn r#gen<T: Drawn>(&mut self) -> T {
        T::draw(self.next_u64())
    }

    /// A value of a range that is not empty.
    ///
    /// # Panics
    /// If the range is empty.
    fn gen_range<T, R: SampleRange<T>>(&mut self, range: R) -> T {
        range.draw()
    }

    /// True with this probability, or false: both are tried.
    fn gen_bool(&mut self, _probability: f64) -> bool {
        crate::choose(2) == 1
    }

    /// True so often of so many times, or false: both are tried.
    fn gen_ratio(&mut self, _numerator: u32, _denominator: u32) -> bool {
        crate::choose(2) == 1
    }
}

impl<R: RngCore> Rng for R {}

/// A type of which any value can be drawn.
pub trait Drawn {
    #[doc(hidden)]
    fn draw(bits: u64) -> Self;
}

impl Drawn for bool {
    fn draw(bits: u64) -> bool {
        bits & 1 == 1
    }
}

impl Drawn for f64 {
    fn draw(bits: u64) -> f64 {
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A range that a value can be drawn from.
pub trait SampleRange<T> {
    #[doc(hidden)]
    fn draw(self) -> T;
}

macro_rules! integers {
    ($($integer:ident)*) => {
        $(
            impl Drawn for $integer {
                fn draw(bits: u64) -> $integer {
                    bits as $integer
                }
            }

            impl SampleRange<$integer> for Range<$integer> {
                fn draw(self) -> $integer {
                    assert!(self.start < self.end, "nothing can be drawn from an empty range");
                    let width = (self.end as i128 - self.start as i128) as u64;
                    self.start.wrapping_add(choose_below(width) as $integer)
                }
            }

            impl SampleRange<$integer> for RangeInclusive<$integer> {
                fn draw(self) -> $integer {
                    let (start, end) = self.into_inner();
                    assert!(start <= end, "nothing can be drawn from an empty range");
                    let width = ((end as i128 - start as i128) as u64).saturating_add(1);
                    start.wrapping_add(choose_below(width) as $integer)
                }
            }
        )*
    };
}

integers! { u8 u16 u32 u64 usize i8 i16 i32 i64 isize }

/// A number below this one.
fn choose_below(width: u64) -> u64 {
    match u32::try_from(width) {
        Ok(width) => u64::from(crate::choose(width)),
        Err(_) => spread(crate::choose(VALUES)) % width,
    }
}
