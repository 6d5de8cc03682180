//! Numbers of several rounds.

use std::time::Duration;

/// What one variant did in one round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Requests that were answered.
    pub(super) requests: u64,
    /// How long that took.
    pub(super) time: Duration,
    /// CPU time of the Envoy process.
    pub(super) cpu: Duration,
    /// Half of the requests were answered within this time.
    pub(super) p50: Duration,
    /// 99 of 100 were.
    pub(super) p99: Duration,
}

impl Sample {
    /// CPU time of a request, in microseconds.
    pub(super) fn cost(&self) -> f64 {
        micros(self.cpu) / self.requests.max(1) as f64
    }
}

/// A duration in microseconds.
pub(super) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// One variant in all rounds.
#[derive(Clone, Debug, Default)]
pub(super) struct Series(Vec<Sample>);

impl Series {
    pub(super) fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    /// A number of each round.
    pub(super) fn of(&self, number: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.0.iter().map(number))
    }

    /// What a request costs more than one of `plain` in the same round.
    pub(super) fn added(&self, plain: &Self) -> Spread {
        let pairs = self.0.iter().zip(&plain.0);
        Spread::of(pairs.map(|(own, plain)| own.cost() - plain.cost()))
    }
}

/// The median of some numbers, and their range.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    pub(super) fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let mut numbers: Vec<f64> = numbers.collect();
        numbers.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (numbers.first(), numbers.last()) else {
            return Self::default();
        };
        let middle = numbers.len() / 2;
        let median = if numbers.len() % 2 == 1 {
            numbers[middle]
        } else {
            f64::midpoint(numbers[middle - 1], numbers[middle])
        };
        Self {
            median,
            least: *least,
            most: *most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_in_the_middle_of_the_range() {
        let spread = |numbers: &[f64]| {
            let spread = Spread::of(numbers.iter().copied());
            (spread.least, spread.median, spread.most)
        };
        assert_eq!(spread(&[3.0, 1.0, 2.0]), (1.0, 2.0, 3.0));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), (1.0, 2.5, 4.0));
        assert_eq!(spread(&[]), (0.0, 0.0, 0.0));
    }

    #[test]
    fn the_added_cost_is_of_the_same_round() {
        let series = |costs: &[u64]| {
            Series(
                costs
                    .iter()
                    .map(|cost| Sample {
                        requests: 10,
                        time: Duration::from_secs(1),
                        cpu: Duration::from_micros(10 * cost),
                        p50: Duration::ZERO,
                        p99: Duration::ZERO,
                    })
                    .collect(),
            )
        };
        let added = series(&[25, 36, 47]).added(&series(&[20, 30, 40]));
        assert_eq!((added.least, added.median, added.most), (5.0, 6.0, 7.0));
    }
}
