//! A small source of random numbers: SplitMix64.
//!
//! **In / Out**: a seed and the name of a stream → 64 random bits at a time.
//! **Invariants**: the numbers are a function of the seed and the stream alone. They are
//! integers; where floating point is needed ([`Random::normal`]), the caller rounds so coarsely that
//! the last bit of the platform's `ln` and `cos` makes no difference.
//! **Cost**: two multiplications and no memory.
//! **Why so**: streams need only be cheap to start and independent of each other; synthetic logs need no
//! better quality. A dependency might give other numbers after a major version, and so other bytes.
//! **Source**: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.

/// The step of SplitMix64: 2^64 divided by the golden ratio, made odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Random {
    /// A counter in steps of [`STEP`]; its mix is the next number.
    state: u64,
}

impl Random {
    /// The stream of a seed that two numbers name.
    pub(super) fn new(seed: u64, stream: u32, part: u32) -> Random {
        let name = (u64::from(stream) << 32) | u64::from(part);
        Random {
            state: mix(mix(seed.wrapping_add(STEP)) ^ name),
        }
    }

    /// The next 64 random bits.
    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// The next 64 random bits, in halves.
    #[inline]
    pub(super) fn halves(&mut self) -> (u32, u32) {
        halves(self.next())
    }

    /// A number of the standard normal distribution, within ±6.8.
    ///
    /// Source: Box and Muller, 1958.
    pub(super) fn normal(&mut self) -> f64 {
        let (radius, angle) = self.halves();
        // Half a step above 0, whose logarithm is infinite.
        let open = |bits: u32| (f64::from(bits) + 0.5) / 4_294_967_296.0;
        (-2.0 * open(radius).ln()).sqrt() * (std::f64::consts::TAU * open(angle)).cos()
    }
}

/// A number below `end`, from 32 random bits; 0 if `end` is 0.
#[inline]
pub(super) fn below(end: u32, bits: u32) -> u32 {
    halves(u64::from(end) * u64::from(bits)).0
}

/// Whether an event of so many per mille happens, from 32 random bits.
#[inline]
pub(super) fn happens(per_mille: u32, bits: u32) -> bool {
    below(1000, bits) < per_mille
}

/// Every bit of the input moves every bit of the output; a bijection.
#[inline]
pub(super) fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The upper and the lower 32 bits.
#[inline]
pub(super) fn halves(bits: u64) -> (u32, u32) {
    let half = |bits: u64| u32::try_from(bits).expect("32 bits were cut out");
    (half(bits >> 32), half(bits & 0xffff_ffff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_generator() {
        let mut random = Random { state: 1_234_567 };
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
        assert_eq!(random.next(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn normal_numbers_have_mean_0_and_variance_1() {
        let mut random = Random::new(7, 0, 0);
        let sums = (0..100_000)
            .map(|_| random.normal())
            .fold((0.0, 0.0), |(sum, squares), z| (sum + z, squares + z * z));
        assert!((sums.0 / 1e5).abs() < 0.02, "{sums:?}");
        assert!((sums.1 / 1e5 - 1.0).abs() < 0.02, "{sums:?}");
    }
}
