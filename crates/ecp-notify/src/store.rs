//! Stores for genuine callbacks.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ecp_core::model::{Callback, ModelError};

use crate::verified::Verified;

/// Error of a store. Its text is logged, so it must not quote the callback.
pub type StoreError = Box<dyn Error + Send + Sync>;

/// Stores callbacks until they are processed.
///
/// `Ok` is a promise: the callback survives any crash, because the platform gets its 200 and does
/// not send it again. Return when it is on the disk, and process it later.
///
/// - The same callback comes more than once, also at the same time: storing it again must be `Ok`.
/// - The call may be dropped at any `.await`, when its deadline has passed; its effect by
///   then must be all or nothing, as in a transaction.
/// - A connection that breaks does not end it: a call that is not ready at once continues as a task
///   of its own.
/// - Work that blocks belongs in `tokio::task::spawn_blocking`: no deadline interrupts a thread.
#[async_trait]
pub trait CallbackStore: Send + Sync {
    /// Stores a callback. An error is answered with 503 and logged.
    async fn store(&self, callback: Verified<Callback>) -> Result<(), StoreError>;

    /// Stores a message that the platform signed but no model reads. Unless a store overrides this,
    /// it is refused, answered with 503 and logged as an error, and the platform repeats it while
    /// you update: for 11 days (sources: callback delivery).
    async fn store_unreadable(&self, unreadable: Unreadable) -> Result<(), StoreError> {
        Err(format!(
            "this store does not keep messages that are not in the documented format: {}",
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

/// A body whose signature matches but whose format is not the documented one: the platform may have
/// changed. Only a [`Receiver`](crate::Receiver) makes one.
///
/// Do not trust its values: numbers and texts are signed alike, so anyone who has seen a genuine
/// callback can turn it into one that cannot be read.
#[derive(Clone)]
pub struct Unreadable {
    raw: Box<[u8]>,
    error: ModelError,
}

impl Unreadable {
    pub(crate) fn new(raw: &[u8], error: ModelError) -> Self {
        Self { raw: raw.into(), error }
    }

    /// The verified bytes, unchanged. They hold personal data.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Member that does not match the documented format.
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
