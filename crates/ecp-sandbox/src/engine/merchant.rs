//! A merchant in the own process.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

/// Function in this process that receives the sandbox's callbacks, confirmation requests and
/// operations instead of the network.
#[derive(Clone)]
pub(crate) struct Merchant(Arc<Answer>);

type Answer = dyn Fn(Request<Bytes>) -> Answering + Send + Sync;
pub(crate) type Answering = Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>;

impl Merchant {
    pub(crate) fn new<R>(answer: impl Fn(Request<Bytes>) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Response<Bytes>> + Send + 'static,
    {
        Self(Arc::new(move |request| Box::pin(answer(request))))
    }

    pub(crate) fn answer(&self, request: Request<Bytes>) -> Answering {
        (self.0)(request)
    }
}

impl fmt::Debug for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Merchant(..)")
    }
}
