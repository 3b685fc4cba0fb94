//! Metrics of streams.

use ecp_core::observe::Metric;

/// The names, units and labels of the metrics of this crate: those that an
/// [`Outbox`](crate::Outbox) and, with the feature `nats`, a `NatsPump` report to their observer.
/// The time when the oldest callback that is still to be published was received is in
/// [`Inbox::stats`](ecp_inbox::Inbox::stats) instead.
pub const METRICS: &[&Metric] = &[
    &PUBLISH,
    #[cfg(feature = "nats")]
    &MOVE,
];

/// Duration and result of publishing.
pub(crate) static PUBLISH: Metric = Metric::duration(
    "ecp.stream.publish.duration",
    "One attempt to publish a callback of an outbox",
    &["ecp.outcome"],
);

/// Duration and result of moving a callback from a stream into an inbox.
#[cfg(feature = "nats")]
pub(crate) static MOVE: Metric = Metric::duration(
    "ecp.stream.move.duration",
    "One attempt to move a callback from a stream into an inbox",
    &["ecp.outcome", "error.type"],
);
