//! Shows the connections of stores, as they are when somebody asks.

use std::fmt;
use std::sync::Arc;

use mfa_core::store::PoolStatus;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::store::NamedPool;

/// A gauge: its name, its help and its value.
type Gauge = (&'static str, &'static str, fn(PoolStatus) -> usize);

const GAUGES: [Gauge; 3] = [
    ("store_pool_size", "Open connections to a store", |status| status.size),
    ("store_pool_idle", "Open connections to a store that no call uses", |status| status.idle),
    ("store_pool_waiting", "Calls that wait for a connection to a store", |status| status.waiting),
];

#[derive(Clone, Debug, Default)]
pub(super) struct Pools(Arc<[NamedPool]>);

impl Pools {
    pub(super) fn new(pools: Vec<NamedPool>) -> Self {
        Self(pools.into())
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        if !self.0.is_empty() {
            registry.register_collector(Box::new(self.clone()));
        }
    }
}

impl Collector for Pools {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for (name, help, value) in GAUGES {
            let mut gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for NamedPool { name, pool } in &*self.0 {
                let value = i64::try_from(value(pool.status())).unwrap_or(i64::MAX);
                ConstGauge::new(value).encode(gauge.encode_family(&[("pool", *name)])?)?;
            }
        }
        Ok(())
    }
}
