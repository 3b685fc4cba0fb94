//! Moving callbacks from a stream into an inbox.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::jetstream::consumer::pull::{Batch, Config};
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy};
use async_nats::jetstream::{AckKind, Message};
use ecp_core::model::Callback;
use ecp_core::observe::{Meter, Observer};
use ecp_inbox::Inbox;
use ecp_notify::{Verified, Verifier};
use futures_util::StreamExt as _;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::settings::StreamSettings;
use super::stream::Stream;
use crate::outbox::{by_payment, pause};
use crate::telemetry::MOVE;

/// Moves callbacks from the stream of a [`NatsStore`](super::NatsStore) into an inbox, whose
/// workers then handle them.
///
/// A callback is acknowledged when the inbox has it; until then the stream delivers it again, as
/// often as it takes. The inbox recognizes what comes twice. While the inbox's database is down,
/// callbacks wait in the stream, for [`StreamSettings::keep`] (a week by default); then they are
/// lost. Callbacks of a payment are moved in the order of the stream, except after failures and
/// between several pumps; the state of a payment is the same in every order.
///
/// Signatures are verified again, since others than the platform may write to the stream. A message that is
/// not genuine, for example because a key is missing, stays in the stream, is logged as an error and is
/// tried again every 30 seconds. If 10,000 such messages wait, the stream delivers no others until one of
/// them is verified, or the stream drops it after [`StreamSettings::keep`].
///
/// Several processes may run a pump with the same consumer; each callback is then moved by one of them.
/// With different consumers, each of them moves all callbacks.
#[derive(Clone)]
pub struct NatsPump {
    stream: Stream,
    inbox: Arc<dyn Inbox>,
    verifier: Verifier,
    consumer: String,
    redelivery: Duration,
    meter: Meter,
}

/// Callbacks that are moved at a time.
const BATCH: usize = 256;

/// Pause between attempts to verify what is not genuine.
const NOT_GENUINE: Duration = Duration::from_secs(30);

/// Longest wait for a new message.
const POLL: Duration = Duration::from_secs(1);

/// A message with its callback.
type Received = (Message, Verified<Callback>);

impl NatsPump {
    /// Makes a pump that moves callbacks from the stream into this inbox when [`run`](Self::run) is
    /// called. `verifier` must have the same keys as the verifiers of the receivers that write to
    /// the stream. The pump does not create the stream, and tries again until it exists:
    /// [`NatsStore::open`](super::NatsStore::open) creates it.
    pub fn new(
        client: Client,
        settings: StreamSettings,
        inbox: impl Inbox + 'static,
        verifier: Verifier,
    ) -> Self {
        Self {
            stream: Stream::new(client, settings),
            inbox: Arc::new(inbox),
            verifier,
            consumer: "ecp-inbox".to_owned(),
            redelivery: Duration::from_secs(30),
            meter: Meter::default(),
        }
    }

    /// Sets the name of the durable consumer, the stream's record of which callbacks were moved:
    /// `ecp-inbox` by default. With a new name, all callbacks that the stream still has are moved
    /// once more, for example into an inbox that was restored from a backup; an inbox stores none
    /// of them twice.
    pub fn consumer(self, name: impl Into<String>) -> Self {
        Self { consumer: name.into(), ..self }
    }

    /// Sets the time after which the stream delivers a callback again if the pump has not answered,
    /// for example because a server or this process has died: 30 seconds by default. It should be
    /// longer than the inbox takes to store a callback. A consumer that exists already keeps its
    /// own time.
    pub fn redelivery(self, after: Duration) -> Self {
        Self { redelivery: after, ..self }
    }

    /// Reports the metrics of the pump to an observer; by default nothing is reported. The metrics
    /// are listed in [`METRICS`](crate::METRICS). Those of the inbox are not among them: for these,
    /// wrap the inbox in [`Observed`](ecp_inbox::Observed).
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { meter: Meter::new(observer), ..self }
    }

    /// Moves callbacks into the inbox until the future `stop` is ready, and then ends after the
    /// current batch.
    ///
    /// Dropping the future of this call instead loses nothing. After an error of the stream or the inbox,
    /// it tries again, after pauses of at most 10 seconds.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut failures = 0;
        let mut open = None;
        loop {
            let moved = tokio::select! {
                biased;
                () = &mut stop => break,
                received = self.receive(&mut open) => match received {
                    Ok(messages) => self.move_all(messages).await,
                    Err(error) => {
                        tracing::warn!(
                            "error.message" = %error,
                            "cannot read the stream of callbacks; it is tried again"
                        );
                        open = None;
                        false
                    }
                },
            };
            if moved {
                failures = 0;
                continue;
            }
            failures += 1;
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = sleep(pause(failures)) => {}
            }
        }
        // Acknowledgements are sent before the process ends. Those that are lost cause repetitions.
        let flushed = self.stream.context().client().flush().await;
        drop(flushed);
    }

    /// Waits for messages: what there is, or the first one that comes, or none.
    async fn receive(
        &self,
        open: &mut Option<Consumer<Config>>,
    ) -> Result<Vec<Message>, async_nats::Error> {
        let consumer = match open {
            Some(consumer) => consumer,
            None => open.insert(self.open().await?),
        };
        let messages = collect(consumer.fetch().max_messages(BATCH).messages().await?).await?;
        if !messages.is_empty() {
            return Ok(messages);
        }
        collect(consumer.batch().max_messages(1).expires(POLL).messages().await?).await
    }

    async fn open(&self) -> Result<Consumer<Config>, async_nats::Error> {
        let config = Config {
            durable_name: Some(self.consumer.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.redelivery,
            max_deliver: -1,
            // What is refused for now counts, and must not block the rest.
            max_ack_pending: 10_000,
            ..Config::default()
        };
        let context = self.stream.context();
        let stream = context.get_stream_no_info(&self.stream.settings.name).await?;
        let consumer = stream.get_or_create_consumer(&self.consumer, config).await?;
        let config = &consumer.cached_info().config;
        if config.ack_policy != AckPolicy::Explicit
            || config.max_deliver > 0
            || config.deliver_policy != DeliverPolicy::All
            || !(config.filter_subject.is_empty() && config.filter_subjects.is_empty())
        {
            return Err(format!(
                "the stream `{}` has a consumer `{}` that would leave out callbacks: delete it, and it is \
                 made again with the right settings; callbacks that the inbox has already do no harm",
                self.stream.settings.name, self.consumer
            )
            .into());
        }
        Ok(consumer)
    }

    /// Moves messages into the inbox. Returns `false` if the inbox took none of them.
    async fn move_all(&self, messages: Vec<Message>) -> bool {
        let mut is_moved = messages.is_empty();
        let mut running = JoinSet::new();
        let payment = |(_, callback): &Received| {
            callback.payment_id().map(|id| (callback.project(), id.to_string()))
        };
        for messages in by_payment(self.genuine(messages).await, payment) {
            let (inbox, meter) = (self.inbox.clone(), self.meter.clone());
            running.spawn(move_payment(inbox, messages, meter));
        }
        while let Some(moved) = running.join_next().await {
            is_moved |= moved.unwrap_or(false);
        }
        is_moved
    }

    /// The genuine callbacks among the messages.
    async fn genuine(&self, messages: Vec<Message>) -> Vec<Received> {
        let mut found = Vec::with_capacity(messages.len());
        for message in messages {
            let begun = Instant::now();
            match self.verifier.verify(&message.payload) {
                Ok(callback) => found.push((message, callback)),
                Err(error) => {
                    let not_genuine = [("ecp.outcome", "not_genuine")];
                    self.meter.took(&MOVE, begun.elapsed(), &not_genuine);
                    let sequence = message.info().map(|info| info.stream_sequence).ok();
                    tracing::error!(
                        "ecp.stream.sequence" = sequence,
                        "error.message" = %error,
                        "a message in the stream of callbacks is not genuine; it stays there: check the keys, and \
                         who may write to the stream"
                    );
                    refuse(&message, NOT_GENUINE).await;
                }
            }
        }
        found
    }
}

/// The messages of a batch, up to its end. There is none if the server that sends them dies.
async fn collect(mut batch: Batch) -> Result<Vec<Message>, async_nats::Error> {
    let mut messages = Vec::new();
    while let Ok(Some(message)) = timeout(2 * POLL, batch.next()).await {
        match message {
            Ok(message) => messages.push(message),
            Err(error) if messages.is_empty() => return Err(error),
            Err(_) => break,
        }
    }
    Ok(messages)
}

/// Moves callbacks of a payment up to the first failure. Returns whether one was moved.
async fn move_payment(inbox: Arc<dyn Inbox>, received: Vec<Received>, meter: Meter) -> bool {
    let mut is_moved = false;
    let mut has_failed = false;
    for (message, callback) in received {
        if !has_failed {
            let begun = Instant::now();
            let accepted = inbox.accept(&callback).await;
            let took = begun.elapsed();
            match accepted {
                Ok(accepted) => {
                    is_moved = true;
                    meter.took(&MOVE, took, &[("ecp.outcome", accepted.as_str())]);
                    if let Err(error) = message.ack().await {
                        tracing::debug!("error.message" = %error, "a callback will be moved again");
                    }
                    continue;
                }
                Err(error) => {
                    has_failed = true;
                    let kind = ("error.type", error.kind().as_str());
                    meter.took(&MOVE, took, &[("ecp.outcome", "failed"), kind]);
                    tracing::warn!(
                        "error.type" = error.kind().as_str(),
                        "error.message" = %error,
                        "the inbox does not take a callback; it stays in the stream"
                    );
                }
            }
        }
        let delivered = message.info().map_or(1, |info| info.delivered);
        refuse(&message, pause(u32::try_from(delivered).unwrap_or(u32::MAX))).await;
    }
    is_moved
}

/// Lets the stream deliver a message again after this time.
async fn refuse(message: &Message, after: Duration) {
    if let Err(error) = message.ack_with(AckKind::Nak(Some(after))).await {
        tracing::debug!("error.message" = %error, "the stream delivers a message again by itself");
    }
}

impl fmt::Debug for NatsPump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsPump")
            .field("stream", &self.stream.settings)
            .field("consumer", &self.consumer)
            .field("inbox", &self.inbox)
            .finish_non_exhaustive()
    }
}
