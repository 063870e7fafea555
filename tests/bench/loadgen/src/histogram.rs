//! Counts of values in buckets that are at most 0.8 % wide, so that percentiles of millions of
//! latencies cost a fixed 60 kB and no sorting.

const SUB_BUCKET_BITS: u32 = 7;
const SUB_BUCKETS: u64 = 1 << SUB_BUCKET_BITS;
const BUCKETS: usize = ((64 - SUB_BUCKET_BITS as usize) + 1) * SUB_BUCKETS as usize;

/// A histogram of unsigned values (nanoseconds here), exact below 128, within 0.8 % above.
pub struct Histogram {
    counts: Box<[u64]>,
    total: u64,
    highest: u64,
}

impl Histogram {
    pub fn new() -> Self {
        Self { counts: vec![0; BUCKETS].into_boxed_slice(), total: 0, highest: 0 }
    }

    pub fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
        self.highest = self.highest.max(value);
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    /// The largest value seen; 0 when empty.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// The value below or at which `percent` of all values lie; 0 when empty.
    pub fn percentile(&self, percent: f64) -> u64 {
        let wanted = ((percent / 100.0 * self.total as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return middle(index).min(self.highest);
            }
        }
        0
    }
}

fn bucket(value: u64) -> usize {
    if value < SUB_BUCKETS {
        return value as usize;
    }
    let shift = 63 - value.leading_zeros() - SUB_BUCKET_BITS;
    ((shift as u64 + 1) * SUB_BUCKETS + (value >> shift) - SUB_BUCKETS) as usize
}

fn middle(index: usize) -> u64 {
    let index = index as u64;
    if index < SUB_BUCKETS {
        return index;
    }
    let shift = index / SUB_BUCKETS - 1;
    let low = (index % SUB_BUCKETS + SUB_BUCKETS) << shift;
    low + ((1 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_histogram_has_percentile_zero() {
        assert_eq!(Histogram::new().percentile(99.0), 0);
    }

    #[test]
    fn small_values_are_exact() {
        let mut histogram = Histogram::new();
        (1..=100).for_each(|value| histogram.record(value));

        assert_eq!(histogram.percentile(50.0), 50);
        assert_eq!(histogram.percentile(99.0), 99);
        assert_eq!(histogram.percentile(100.0), 100);
    }

    #[test]
    fn large_values_are_within_a_hundredth() {
        for value in [129, 1_000, 123_456, 20_000_000, 7_000_000_000, u64::MAX / 3, u64::MAX] {
            let mut histogram = Histogram::new();
            histogram.record(value);

            let error = histogram.percentile(50.0).abs_diff(value) as f64 / value as f64;

            assert!(error < 0.01, "{value}: {error}");
        }
    }

    #[test]
    fn buckets_grow_with_their_values() {
        let mut last = 0;
        for exponent in 0..64 {
            let index = bucket(1 << exponent);
            assert!(exponent == 0 || index > last);
            last = index;
        }
    }

    #[test]
    fn one_slow_packet_in_a_thousand_shows_only_beyond_p99() {
        let mut histogram = Histogram::new();
        (0..999).for_each(|_| histogram.record(1_000_000));
        histogram.record(50_000_000);

        assert!(histogram.percentile(99.0) < 1_010_000);
        assert!(histogram.percentile(99.95) > 49_000_000);
        assert_eq!(histogram.highest(), 50_000_000);
    }
}
