//! A histogram of times without a lock. That of prometheus-client has one, and a call of the memory store takes less time
//! than to wait for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds in microseconds. A file answers in less than a millisecond, a store in the network in a few, and the
/// adapters give up within ten seconds.
const MICROS: [u64; 9] = [100, 500, 1_000, 5_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000];

/// Counts of times. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Durations(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    nanos: AtomicU64,
    /// Up to each bound, and beyond the last.
    buckets: [AtomicU64; MICROS.len() + 1],
}

impl Durations {
    pub(super) fn observe(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = MICROS.iter().take_while(|bound| nanos > **bound * 1_000).count();
        self.0.buckets[bucket].fetch_add(1, Relaxed);
        self.0.nanos.fetch_add(nanos, Relaxed);
    }
}

impl TypedMetric for Durations {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let bounds = MICROS.iter().map(|micros| Duration::from_micros(*micros).as_secs_f64());
        let counts = self.0.buckets.iter().map(|count| count.load(Relaxed));
        let buckets: Vec<_> = bounds.chain([f64::INFINITY]).zip(counts).collect();
        let sum = Duration::from_nanos(self.0.nanos.load(Relaxed)).as_secs_f64();
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn times_fall_into_buckets() {
        let (mut registry, durations) = (Registry::default(), Durations::default());
        registry.register("times", "Times", durations.clone());
        for micros in [1, 100, 101, 20_000_000] {
            durations.observe(Duration::from_micros(micros));
        }
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "times_sum 20.000202",
            "times_count 4",
            r#"times_bucket{le="0.0001"} 2"#,
            r#"times_bucket{le="0.0005"} 3"#,
            r#"times_bucket{le="10.0"} 3"#,
            r#"times_bucket{le="+Inf"} 4"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
