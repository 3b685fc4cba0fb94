//! A payout, counted and timed by OpenTelemetry:
//! `cargo run -p ecp-examples --example opentelemetry`.

use std::collections::HashMap;
use std::error::Error;

use ecp_core::observe::{Metric, MetricKind, Observation, Observer, Value};
use ecp_core::{PaymentId, SecretKey};
use ecp_methods::Jeton;
use ecp_methods::request::{Account, Customer, PayoutRequest};
use ecp_sandbox::{Config, Sandbox};
use ecp_transport::{Gate, SendPolicy, Sender, TowerTransport};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};

/// An instrument for each metric, made once.
struct ToOpenTelemetry {
    counters: HashMap<&'static str, Counter<u64>>,
    durations: HashMap<&'static str, Histogram<f64>>,
}

impl ToOpenTelemetry {
    fn new(meter: &Meter, metrics: &[&'static Metric]) -> Self {
        let (mut counters, mut durations) = (HashMap::new(), HashMap::new());
        for metric in metrics {
            let (name, unit, description) = (metric.name(), metric.unit(), metric.description());
            match metric.kind() {
                MetricKind::Counter => {
                    let counter = meter.u64_counter(name).with_unit(unit);
                    counters.insert(name, counter.with_description(description).build());
                }
                MetricKind::Duration => {
                    let histogram = meter.f64_histogram(name).with_unit(unit);
                    durations.insert(name, histogram.with_description(description).build());
                }
                _ => {}
            }
        }
        Self { counters, durations }
    }
}

impl Observer for ToOpenTelemetry {
    fn observe(&self, seen: &Observation<'_>) {
        let label = |&(name, value)| KeyValue::new(name, value);
        let labels: Vec<KeyValue> = seen.labels.iter().map(label).collect();
        match seen.value {
            Value::Count(more) => {
                if let Some(counter) = self.counters.get(seen.metric.name()) {
                    counter.add(more, &labels);
                }
            }
            Value::Took(time) => {
                if let Some(histogram) = self.durations.get(seen.metric.name()) {
                    histogram.record(time.as_secs_f64(), &labels);
                }
            }
            _ => {}
        }
    }
}

/// Makes a payout.
async fn a_payout(provider: &SdkMeterProvider) -> Result<(), Box<dyn Error>> {
    let observer = ToOpenTelemetry::new(&provider.meter("shop"), ecp_transport::METRICS);
    let sandbox = Sandbox::new(Config::demo());
    let key = SecretKey::new(Config::DEMO_KEY)?;
    let gate = Gate::new(Config::DEMO_PROJECT, &key, TowerTransport::new(sandbox.router()))
        .observer(observer);
    let payout = PayoutRequest::new(PaymentId::new("P-17")?, "300.00 EUR".parse()?)
        .customer(Customer::new().ip_address("192.0.2.1"))
        .account(Account::new().number("93017949"));
    Sender::new(gate, SendPolicy::new()).payout(&Jeton, &payout).await?;
    Ok(())
}

/// A service has an exporter that sends, such as that of `opentelemetry-otlp`; this one stores.
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let memory = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder().with_periodic_exporter(memory.clone()).build();
    a_payout(&provider).await?;
    provider.force_flush()?;
    println!("{:#?}", memory.get_finished_metrics()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::metrics::data::{
        AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics,
    };

    use super::*;

    #[tokio::test]
    async fn open_telemetry_receives_the_metrics() {
        let memory = InMemoryMetricExporter::default();
        let provider = SdkMeterProvider::builder().with_periodic_exporter(memory.clone()).build();
        a_payout(&provider).await.unwrap();
        provider.force_flush().unwrap();
        let exported = memory.get_finished_metrics().unwrap();
        let metrics = exported.iter().flat_map(ResourceMetrics::scope_metrics);
        let metric = metrics
            .flat_map(ScopeMetrics::metrics)
            .find(|metric| metric.name() == "ecp.gate.request.duration")
            .expect("requests to Gate are timed");
        assert_eq!(metric.unit(), "s");
        let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = metric.data() else {
            panic!("{:?}", metric.data())
        };
        let point = histogram.data_points().next().unwrap();
        assert_eq!(point.count(), 1);
        let mut labels: Vec<_> =
            point.attributes().map(|label| format!("{}={}", label.key, label.value)).collect();
        labels.sort();
        assert_eq!(labels, ["ecp.method=jeton", "ecp.outcome=accepted", "ecp.request=payout"]);
    }
}
