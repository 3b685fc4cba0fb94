//! Metrics of streams.

use ecp_core::observe::Metric;

/// Metrics of this crate: those that an [`Outbox`](crate::Outbox) and, with the feature `nats`, a
/// `NatsPump` report to their observer. How old the oldest callback in an outbox is, is in
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
