//! A payout, its callbacks and their handler, counted and timed for Prometheus by the `metrics`
//! crate: `cargo run -p ecp-examples --example prometheus`.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ecp_core::observe::{MetricKind, Observation, Observer, Value};
use ecp_core::{PaymentId, SecretKey, Sensitive, Timestamp};
use ecp_inbox::sqlite::SqliteInbox;
use ecp_inbox::{Inbox, Observed};
use ecp_methods::Jeton;
use ecp_methods::request::{Account, Customer, PayoutRequest};
use ecp_notify::{Receiver, Verifier};
use ecp_sandbox::{Config, Project, Sandbox};
use ecp_transport::{Gate, SendPolicy, Sender, TowerTransport};
use metrics::{Label, Unit};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Passes observations to the installed recorder of `metrics`. This is the whole adapter.
#[derive(Clone, Copy)]
struct ToMetrics;

impl Observer for ToMetrics {
    fn observe(&self, seen: &Observation<'_>) {
        let label = |&(name, value)| Label::from_static_parts(name, value);
        let labels: Vec<Label> = seen.labels.iter().map(label).collect();
        match seen.value {
            Value::Count(more) => metrics::counter!(seen.metric.name(), labels).increment(more),
            Value::Took(time) => metrics::histogram!(seen.metric.name(), labels).record(time),
            _ => {}
        }
    }
}

/// Registers the metrics' descriptions with the recorder.
fn describe() {
    let all = [ecp_transport::METRICS, ecp_notify::METRICS, ecp_inbox::METRICS].concat();
    for metric in all {
        match metric.kind() {
            MetricKind::Counter => {
                metrics::describe_counter!(metric.name(), Unit::Count, metric.description());
            }
            MetricKind::Duration => {
                metrics::describe_histogram!(metric.name(), Unit::Seconds, metric.description());
            }
            _ => {}
        }
    }
}

/// The state of the inbox rather than an event: query it on demand, such as for each scrape.
async fn gauges(inbox: &SqliteInbox) -> Result<(), Box<dyn Error>> {
    let stats = inbox.stats().await?;
    for (state, callbacks) in [
        ("waiting", stats.waiting),
        ("held", stats.held),
        ("unconfirmed", stats.unconfirmed),
        ("dead", stats.dead),
    ] {
        let callbacks = u32::try_from(callbacks).unwrap_or(u32::MAX);
        metrics::gauge!("ecp.inbox.callbacks", "ecp.inbox.state" => state).set(callbacks);
    }
    let came = |time: Timestamp| Some(Duration::from_secs(time.unix_seconds().try_into().ok()?));
    for (state, oldest) in [("waiting", stats.oldest_waiting), ("held", stats.oldest_held)] {
        let oldest = oldest.and_then(came).map(|came| UNIX_EPOCH + came);
        let age = oldest.map(|came| SystemTime::now().duration_since(came).unwrap_or_default());
        let age = age.unwrap_or_default().as_secs_f64();
        metrics::gauge!("ecp.inbox.oldest.age", "ecp.inbox.state" => state).set(age);
    }
    Ok(())
}

/// Makes a payout, and receives its callbacks.
async fn a_payout() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let key = SecretKey::new(Config::DEMO_KEY)?;

    // The incoming side: callbacks.
    let inbox = SqliteInbox::open(folder.path().join("inbox.sqlite")).await?;
    let verifier = Verifier::new().key(Config::DEMO_PROJECT, &key);
    let store = Observed::new(inbox.clone(), ToMetrics);
    let shop = Receiver::new(verifier, store).observer(ToMetrics).into_router("/callbacks");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let callback_url = format!("http://{}/callbacks", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, shop).await });

    // The outgoing side: the payout.
    let demo_key = Sensitive::new(Config::DEMO_KEY.to_owned());
    let project = Project::new(Config::DEMO_PROJECT, demo_key).callback_url(callback_url);
    let sandbox = Sandbox::new(Config::new().project(project).public_url("http://localhost"));
    let gate = Gate::new(Config::DEMO_PROJECT, &key, TowerTransport::new(sandbox.router()))
        .observer(ToMetrics);
    let payout = PayoutRequest::new(PaymentId::new("P-17")?, "300.00 EUR".parse()?)
        .customer(Customer::new().ip_address("192.0.2.1"))
        .account(Account::new().number("93017949"));
    Sender::new(gate, SendPolicy::new()).payout(&Jeton, &payout).await?;

    // The handler: the first attempt fails.
    let (paid, mut is_paid) = mpsc::channel(1);
    let worker = inbox
        .worker(move |_, delivery| {
            if delivery.attempt == 1 {
                return Err("not yet".into());
            }
            // A repeated callback finds no waiting task.
            let _ = paid.try_send(());
            Ok(())
        })
        .pauses(Duration::from_millis(1), Duration::from_millis(1))
        .observer(ToMetrics);
    let done = async {
        is_paid.recv().await;
    };
    worker.run(done).await;
    gauges(&inbox).await?;
    sandbox.shutdown();
    Ok(())
}

/// Seconds, from a disk's to a slow partner's.
const BUCKETS: &[f64] = &[0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // With the exporter's feature `http-listener` it serves them by itself.
    let prometheus = PrometheusBuilder::new().set_buckets(BUCKETS)?.install_recorder()?;
    describe();
    a_payout().await?;
    println!("{}", prometheus.render());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_receives_the_metrics() {
        let builder = PrometheusBuilder::new().set_buckets(BUCKETS).unwrap();
        let recorder = builder.build_recorder();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        metrics::with_local_recorder(&recorder, || {
            describe();
            runtime.block_on(a_payout()).unwrap();
        });
        let rendered = recorder.handle().render();
        for line in [
            "# TYPE ecp_gate_request_duration histogram",
            "ecp_gate_request_duration_count{ecp_request=\"payout\",ecp_method=\"jeton\",\
             ecp_outcome=\"accepted\"} 1",
            "ecp_send_duration_count{ecp_request=\"payout\",ecp_method=\"jeton\",\
             ecp_outcome=\"accepted\"} 1",
            "ecp_callback_duration_count{ecp_outcome=\"stored\",\
             http_response_status_code=\"200\"} ",
            "ecp_inbox_operation_duration_count{ecp_inbox_operation=\"accept\",\
             ecp_outcome=\"new\"} ",
            "ecp_inbox_handler_duration_count{ecp_outcome=\"retry\",error_type=\"handler\"} 1",
            "ecp_inbox_handler_duration_count{ecp_outcome=\"done\"} 1",
            "ecp_inbox_callbacks{ecp_inbox_state=\"dead\"} 0",
            "ecp_inbox_callbacks{ecp_inbox_state=\"unconfirmed\"} 0",
            "ecp_inbox_oldest_age{ecp_inbox_state=\"held\"} 0",
        ] {
            assert!(rendered.contains(line), "{line} is not in\n{rendered}");
        }
        // No data of the request is in a label.
        for private in ["P-17", "93017949", "192.0.2.1", Config::DEMO_KEY] {
            assert!(!rendered.contains(private), "{private} is in\n{rendered}");
        }
    }
}
