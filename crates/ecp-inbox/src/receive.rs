//! Inboxes as the store of a [`Receiver`](ecp_notify::Receiver).

use async_trait::async_trait;
use ecp_core::model::Callback;
use ecp_notify::{CallbackStore, StoreError, Verified};

use crate::inbox::Inbox;
use crate::observer::Observed;

macro_rules! callback_store {
    ($({$($generics:tt)*})? $inbox:ty) => {
        #[async_trait]
        impl $(<$($generics)*>)? CallbackStore for $inbox {
            async fn store(&self, callback: Verified<Callback>) -> Result<(), StoreError> {
                self.accept(&callback).await?;
                Ok(())
            }
        }
    };
}

callback_store!(dyn Inbox);
callback_store!({I: Inbox} Observed<I>);
#[cfg(feature = "postgres")]
callback_store!(crate::postgres::PostgresInbox);
#[cfg(feature = "sqlite")]
callback_store!(crate::sqlite::SqliteInbox);
