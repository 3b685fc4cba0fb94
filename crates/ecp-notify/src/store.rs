//! Stores for genuine callbacks.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ecp_core::model::{Callback, ModelError};

use crate::verified::Verified;

/// The reason why a store could not keep a received message. Its text is logged, so it must not
/// quote the message.
pub type StoreError = Box<dyn Error + Send + Sync>;

/// Stores verified callbacks until your service processes them. Implement it over your database, or
/// use an inbox of `ecp-inbox`, and pass it to a [`Receiver`](crate::Receiver).
///
/// `Ok` is a promise that the callback survives any crash: the platform gets status 200 and does
/// not send the callback again. Return when the callback is on disk, and process it later.
///
/// - The same callback comes more than once, also at the same time: storing it again must return
///   `Ok`.
/// - When its deadline has passed, the call may be dropped at any `.await`. By then it must have
///   stored everything or nothing, as a transaction does.
/// - If the platform's connection breaks, the call still continues, as a task of its own if it is
///   not ready at once.
/// - Work that blocks belongs in `tokio::task::spawn_blocking`: no deadline interrupts a thread.
#[async_trait]
pub trait CallbackStore: Send + Sync {
    /// Stores a callback. An error or a panic is answered with status 503, and logged.
    async fn store(&self, callback: Verified<Callback>) -> Result<(), StoreError>;

    /// Stores a correctly signed message that does not have the documented format. By default such
    /// a message is refused with status 503 and logged as an error; the platform then repeats it
    /// for 11 days, while you update (sources: callback delivery).
    ///
    /// `Ok` is the same promise as that of [`store`](Self::store): the platform gets status 200 and
    /// does not send the message again, so what it reports is only in the bytes that you kept. A
    /// `check_deposit` request never comes here.
    async fn store_unreadable(&self, unreadable: Unreadable) -> Result<(), StoreError> {
        Err(format!(
            "the message does not have the documented format, and this store keeps no such messages \
             (`CallbackStore::store_unreadable`): {}",
            unreadable.error()
        )
        .into())
    }
}

#[async_trait]
impl<S: CallbackStore + ?Sized> CallbackStore for Arc<S> {
    async fn store(&self, callback: Verified<Callback>) -> Result<(), StoreError> {
        (**self).store(callback).await
    }

    async fn store_unreadable(&self, unreadable: Unreadable) -> Result<(), StoreError> {
        (**self).store_unreadable(unreadable).await
    }
}

#[async_trait]
impl<S: CallbackStore + ?Sized> CallbackStore for Box<S> {
    async fn store(&self, callback: Verified<Callback>) -> Result<(), StoreError> {
        (**self).store(callback).await
    }

    async fn store_unreadable(&self, unreadable: Unreadable) -> Result<(), StoreError> {
        (**self).store_unreadable(unreadable).await
    }
}

/// A body with a valid signature that does not have the documented format, perhaps because the
/// platform has changed. Keep its bytes until you know what it reports, and do not act on its
/// values. Only a [`Receiver`](crate::Receiver) creates one.
///
/// Do not trust its values. A signature stays valid if a number is replaced by a text with the same
/// characters, so anyone who has seen a genuine callback can make an unreadable message from it.
#[derive(Clone)]
pub struct Unreadable {
    raw: Box<[u8]>,
    error: ModelError,
}

impl Unreadable {
    pub(crate) fn new(raw: &[u8], error: ModelError) -> Self {
        Self { raw: raw.into(), error }
    }

    /// The bytes of the body, exactly as they were received and verified. They contain personal
    /// data.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The reason why the body could not be read: it names the member that does not match the
    /// documented format.
    pub const fn error(&self) -> &ModelError {
        &self.error
    }
}

impl fmt::Debug for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unreadable")
            .field("raw", &format_args!("{} bytes", self.raw.len()))
            .field("error", &self.error)
            .finish()
    }
}
